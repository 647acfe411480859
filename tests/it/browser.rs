//! A headless Chromium, driven over HTTP by chromedriver.
//!
//! `PALLADIUM_TEST_CHROMEDRIVER` names the program, as `scripts/services.sh` sets it; without it tests of pages are left
//! out.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Client;
use serde_json::{Value as Json, json};

use crate::process::{Running, program};

/// How long anything may take until a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one window, which ends with the test.
pub struct Browser {
    client: Client,
    /// The address of the session.
    session: String,
    _driver: Running,
    /// The driver would end if nobody could read what it says.
    _output: BufReader<ChildStdout>,
    _profile: tempfile::TempDir,
}

/// An element of a page.
pub struct Element<'a> {
    browser: &'a Browser,
    address: String,
}

/// The key of the tabulator, as WebDriver names it.
pub const TAB: char = '\u{e004}';
/// The key that presses a button.
pub const ENTER: char = '\u{e007}';
/// The key that leaves a dialog.
pub const ESCAPE: char = '\u{e00c}';

impl Browser {
    /// Starts a browser; nothing stands for a machine on which the tests have none.
    pub fn start() -> Option<Browser> {
        let mut command = Command::new(program("PALLADIUM_TEST_CHROMEDRIVER")?);
        let mut driver = Running(command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut output = BufReader::new(driver.0.stdout.take().unwrap());
        let port = output.by_ref().lines().map(Result::unwrap).find_map(|line| {
            let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let base = format!("http://127.0.0.1:{}", port.unwrap());
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--no-proxy-server",
            "--window-size=1280,1000",
            "--hide-scrollbars",
            "--lang=en",
            &folder,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        let started = ask(&client, "POST", &format!("{base}/session"), Some(&wanted)).unwrap();
        let session = format!("{base}/session/{}", started["sessionId"].as_str().unwrap());
        Some(Browser { client, session, _driver: driver, _output: output, _profile: profile })
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.ask("POST", "/url", Some(&json!({"url": url}))).unwrap();
    }

    /// Waits for the first element that a CSS selector finds.
    pub fn find(&self, selector: &str) -> Element<'_> {
        self.wait_for(selector, || self.find_now("css selector", selector))
    }

    /// Waits for the first element that an XPath finds, such as `//button[text()='Execute']`.
    pub fn find_by_path(&self, path: &str) -> Element<'_> {
        self.wait_for(path, || self.find_now("xpath", path))
    }

    /// Tells whether a CSS selector finds anything now.
    pub fn has(&self, selector: &str) -> bool {
        self.find_now("css selector", selector).is_some()
    }

    fn find_now(&self, using: &str, value: &str) -> Option<Element<'_>> {
        let found = self.ask("POST", "/element", Some(&json!({"using": using, "value": value}))).ok()?;
        let id = found.as_object()?.values().next()?.as_str()?.to_owned();
        Some(Element { browser: self, address: format!("/element/{id}") })
    }

    /// Waits until something is there.
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < until, "{what} is not there: {}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the text of the page as it is seen.
    pub fn text(&self) -> String {
        self.find_now("css selector", "body").map(|body| body.text()).unwrap_or_default()
    }

    /// Runs the body of a function in the page and returns what that returns.
    pub fn run(&self, script: &str) -> Json {
        self.ask("POST", "/execute/sync", Some(&json!({"script": script, "args": []}))).unwrap()
    }

    /// Waits until an expression is true in the page.
    pub fn wait(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        self.wait_for(expression, || (self.run(&script) == json!(true)).then_some(()));
    }

    /// Returns the text of the element that a CSS selector finds, also of what is not seen.
    pub fn content(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({}).textContent", json!(selector)));
        text.as_str().unwrap_or_else(|| panic!("{selector} has the text {text}")).to_owned()
    }

    /// Clicks on the element that a CSS selector finds.
    pub fn click(&self, selector: &str) {
        self.run(&format!("document.querySelector({}).scrollIntoView({{block: 'center'}})", json!(selector)));
        self.find(selector).click();
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub fn press(&self, keys: impl IntoIterator<Item = char>) {
        let strokes = keys.into_iter().flat_map(|key| ["keyDown", "keyUp"].map(|kind| (kind, key)));
        let strokes: Vec<Json> = strokes.map(|(kind, key)| json!({"type": kind, "value": key.to_string()})).collect();
        let keys = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.ask("POST", "/actions", Some(&keys)).unwrap();
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

    fn command(&self, name: &str, parameters: &Json) {
        self.ask("POST", "/goog/cdp/execute", Some(&json!({"cmd": name, "params": parameters}))).unwrap();
    }

    /// Returns the addresses that were asked for since the last call, and fails where one is that of another server, or
    /// where a page or the browser has complained.
    pub fn check_quiet(&self, base: &str) -> Vec<String> {
        let complaints = self.log("browser");
        let complaints: Vec<&Json> =
            complaints.iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING").collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        let messages = self.log("performance");
        let messages =
            messages.iter().filter_map(|entry| serde_json::from_str::<Json>(entry["message"].as_str()?).ok());
        let sent = messages.filter(|message| message["message"]["method"] == "Network.requestWillBeSent");
        let urls = sent.filter_map(|message| Some(message["message"]["params"]["request"]["url"].as_str()?.to_owned()));
        let urls: Vec<String> = urls.filter(|url| !url.starts_with("chrome:")).collect();
        let host = base.trim_start_matches("http://");
        for url in &urls {
            // Addresses may name a user.
            let at = url.trim_start_matches("http://");
            let at = at.split_once('@').map_or(at, |(_, at)| at);
            assert!(at.starts_with(&format!("{host}/")) || url.starts_with("data:"), "{url}");
        }
        urls
    }

    fn log(&self, kind: &str) -> Vec<Json> {
        let entries = self.ask("POST", "/se/log", Some(&json!({"type": kind}))).unwrap();
        entries.as_array().unwrap().clone()
    }

    /// Writes what is seen to a file of this name among the temporary files of the build, and returns where.
    pub fn screenshot(&self, name: &str) -> PathBuf {
        let image = self.ask("GET", "/screenshot", None).unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, STANDARD.decode(image.as_str().unwrap()).unwrap()).unwrap();
        path
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Json, String> {
        ask(&self.client, method, &format!("{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; when it cannot, both have ended.
        let _ = self.ask("DELETE", "", None);
    }
}

impl Element<'_> {
    /// Clicks on it once it can be clicked.
    pub fn click(&self) {
        let click = || self.ask("POST", "/click", Some(&json!({}))).ok();
        self.browser.wait_for("what can be clicked", click);
    }

    /// Types a text into it, in the place of what is there.
    pub fn type_in(&self, text: &str) {
        self.ask("POST", "/clear", Some(&json!({}))).unwrap();
        self.ask("POST", "/value", Some(&json!({"text": text}))).unwrap();
    }

    /// Returns its text as it is seen.
    pub fn text(&self) -> String {
        let text = self.ask("GET", "/text", None);
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Returns an attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let value = self.ask("GET", &format!("/attribute/{name}"), None).ok()?;
        value.as_str().map(str::to_owned)
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Json, String> {
        self.browser.ask(method, &format!("{}{path}", self.address), body)
    }
}

/// Asks the driver and returns the value of its answer.
fn ask(client: &Client, method: &str, url: &str, body: Option<&Json>) -> Result<Json, String> {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer: Json = request.send().map_err(|error| error.to_string())?.json().map_err(|error| error.to_string())?;
    match answer["value"]["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
        None => Ok(answer["value"].clone()),
    }
}
