//! A headless Chromium, which its driver steers.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use reqwest::blocking::Client;
use serde_json::{Value as Json, json};

use crate::process::Running;

/// Keys as WebDriver names them.
pub const TAB: char = '\u{e004}';
/// The key that presses a button.
pub const ENTER: char = '\u{e007}';
/// The key that leaves a dialog.
pub const ESCAPE: char = '\u{e00c}';

/// How long is waited for what a page will show.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that ends with the test.
pub struct Browser {
    client: Client,
    session: String,
    _driver: Running,
    /// The driver would end if nobody could read what it says.
    _output: BufReader<ChildStdout>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser; nothing where there is none.
    #[expect(clippy::print_stdout, reason = "whoever reads the output needs to know what was not tested")]
    pub fn start() -> Option<Browser> {
        let is_there = |program: &str| {
            let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            version.is_ok_and(|status| status.success())
        };
        if let Some(missing) = ["chromium", "chromedriver"].into_iter().find(|program| !is_there(program)) {
            let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
            assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for everything, and `{missing}` is missing");
            println!("left out: there is no `{missing}`");
            return None;
        }
        let mut command = Command::new("chromedriver");
        let child = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        let mut driver = Running(child.unwrap());
        let mut output = BufReader::new(driver.0.stdout.take().unwrap());
        let port = output.by_ref().lines().map(Result::unwrap).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let base = format!("http://127.0.0.1:{}", port.expect("the driver says where it listens"));
        let profile = tempfile::tempdir().unwrap();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1280,800",
            "--lang=en",
            &user_data,
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let client = Client::builder().no_proxy().timeout(PATIENCE * 2).build().unwrap();
        let mut browser = Browser { client, session: base, _driver: driver, _output: output, _profile: profile };
        let started = browser.post("/session", &json!({"capabilities": {"alwaysMatch": capabilities}}));
        browser.session = format!("{}/session/{}", browser.session, started["sessionId"].as_str().unwrap());
        Some(browser)
    }

    /// Opens a page.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Runs a script in the page and returns what it returns.
    pub fn run(&self, script: &str) -> Json {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true in the page.
    pub fn wait(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return Boolean({expression})")) != json!(true) {
            let page = || self.run("return document.body.innerText");
            assert!(Instant::now() < deadline, "{expression} does not become true in {}", page());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the text of the element that a CSS selector finds.
    pub fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({}).textContent", json!(selector)));
        text.as_str().unwrap_or_else(|| panic!("{selector} has the text {text}")).to_owned()
    }

    /// Clicks with the mouse on the element that a CSS selector finds.
    pub fn click(&self, selector: &str) {
        self.run(&format!("document.querySelector({}).scrollIntoView({{block: 'center'}})", json!(selector)));
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub fn press(&self, keys: impl IntoIterator<Item = char>) {
        let strokes = keys.into_iter().flat_map(|key| ["keyDown", "keyUp"].map(|kind| (kind, key)));
        let strokes: Vec<Json> = strokes.map(|(kind, key)| json!({"type": kind, "value": key.to_string()})).collect();
        self.post("/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// Goes on with the key of the tabulator until the element of an id has the focus.
    pub fn tab_to(&self, id: &str) {
        let focused = || self.run("return document.activeElement.id");
        for _ in 0..200 {
            if focused() == json!(id) {
                return;
            }
            self.press([TAB]);
        }
        panic!("the keyboard does not reach `{id}`, it is at {}", focused());
    }

    /// Shows pages as on a screen of a size, dark or light.
    pub fn emulate(&self, width: u32, height: u32, is_dark: bool) {
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.command("Emulation.setEmulatedMedia", &json!({"features": features}));
        self.command("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Writes what the screen shows to a file.
    pub fn screenshot(&self, file: &Path) {
        let taken = self.command("Page.captureScreenshot", &json!({}));
        let bytes = base64::prelude::BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Returns what pages and the browser have written to the console since the last call.
    pub fn log(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the addresses of everything that the page has loaded.
    pub fn loaded(&self) -> Vec<String> {
        let names = self.run("return performance.getEntriesByType('resource').map((entry) => entry.name)");
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    fn command(&self, name: &str, parameters: &Json) -> Json {
        self.post("/goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        let request = self.client.post(format!("{}{path}", self.session)).body(body.to_string());
        let response = request.send().unwrap();
        let (status, mut answer) = (response.status(), response.json::<Json>().unwrap());
        assert!(status.is_success(), "{path}: {}", answer["value"]["message"]);
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session; it may have ended by itself.
        let _ = self.client.delete(&self.session).send();
    }
}
