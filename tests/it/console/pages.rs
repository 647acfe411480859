//! The pages of the console in a browser.

use super::*;
use crate::browser::{ENTER, ESCAPE, TAB};

/// Fails where the page has complained, or has loaded something from elsewhere.
fn check_quiet(browser: &Browser, service: &Service) {
    let requests = browser.check_quiet(&service.base);
    assert!(requests.iter().any(|address| address.ends_with("/console.js")), "{requests:?}");
}

#[test]
fn a_user_watches_and_changes_the_service_in_a_browser() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder(3);
    let service = service(&folder, "console.ron");
    browser.open(&service.page());
    browser.wait("document.querySelectorAll('#stores tbody tr').length === 3");
    assert_eq!((browser.content("#tile-version"), browser.content("#tile-score")), ("3".to_owned(), "0.98".to_owned()));
    assert!(browser.content("#stores tr.active").contains("active"));

    // By keyboard alone: a look at the dialog, back, and then in earnest.
    for (key, expected) in [(ESCAPE, 3), (ENTER, 1)] {
        browser.tab_to("activate-1");
        browser.press([ENTER]);
        browser.wait("document.getElementById('confirm').open");
        assert_eq!(browser.content("#confirm-title"), "Activate version 1?");
        if key == ENTER {
            browser.tab_to("confirm-yes");
        }
        browser.press([key]);
        browser.wait("!document.getElementById('confirm').open");
        browser.wait(&format!("document.getElementById('tile-version').textContent === '{expected}'"));
        assert_eq!(service.active(), expected);
    }
    browser.wait("document.getElementById('rollback').textContent.includes('version 3')");
    browser.click("#rollback");
    browser.tab_to("confirm-yes");
    browser.press([ENTER]);
    browser.wait("document.getElementById('tile-version').textContent === '3'");
    browser.wait("document.getElementById('activations').textContent.includes('version 1 → version 3')");

    // The form of the mapping: what is missing is said at its field, and the first of those has the focus.
    browser.tab_to("field-0");
    browser.press("6.3".chars().chain([ENTER]));
    browser.wait("document.activeElement.id === 'field-1'");
    assert_eq!(browser.content("#field-1-wrong"), "has to be given");
    for value in ["2.5", "4.9", "1.5"] {
        browser.press(value.chars().chain([TAB]));
    }
    browser.tab_to("predict-now");
    browser.press([ENTER]);
    browser.wait("document.getElementById('result')?.textContent === 'Iris-versicolor'");
    assert!(browser.content("#curl-text").contains(r#"'[{"sepal length":6.3,"sepal width":2.5"#));

    browser.tab_to("fit");
    browser.press([ENTER]);
    browser.tab_to("fit-yes");
    browser.press([ENTER]);
    browser.wait("document.querySelector('#job-list [data-status=finished]')");
    assert!(browser.content("#progress").starts_with("Fit: finished, model version: 4 (active)"));
    browser.wait("document.getElementById('tile-version').textContent === '4'");

    let mut image = String::new();
    browser.wait("document.querySelector('#chart-requests .line:not(li *), #chart-requests .point')");
    browser
        .wait("!document.querySelector('#chart-latency > svg').getAttribute('aria-label').includes('Highest: none')");
    for id in ["chart-requests", "chart-latency"] {
        let label = browser.run(&format!("return document.querySelector('#{id} > svg').getAttribute('aria-label')"));
        image.push_str(label.as_str().unwrap());
    }
    assert!(image.contains("Requests per second, last 5 min. Last: answered"), "{image}");
    browser.click("#chart-requests summary");
    browser.wait("document.querySelectorAll('#chart-requests tbody tr').length > 0");
    assert_eq!(browser.run(BARRIERS), json!([]));

    browser.click("[id='detail-model_persister-4']");
    browser.wait("document.getElementById('detail').open");
    assert!(browser.content("#detail-text").contains("config_digest"));
    browser.press([ESCAPE]);
    check_quiet(&browser, &service);

    // What is activated elsewhere answers once it was looked for.
    succeed(folder.path(), &["admin", "activate", "2", "--config", "config.ron"]);
    browser.open(&service.page());
    browser.wait("document.querySelector('#stores .note')?.textContent.includes('version 2 is active, and version 4')");
    browser.click("#refresh");
    browser.wait("!document.querySelector('#stores .note')");
    assert_eq!(browser.content("#answering"), "Version 2 of model_persister answers.");
    check_quiet(&browser, &service);
    for (name, width, height, is_dark) in [
        ("light", 1280, 800, false),
        ("dark", 1280, 800, true),
        ("light-small", 390, 844, false),
        ("dark-small", 390, 844, true),
    ] {
        browser.emulate(width, height, is_dark);
        assert_eq!(browser.run(BARRIERS), json!([]), "{name}");
        browser.screenshot(&format!("console-{name}"));
    }
}

/// Has the fits of a folder wait for their data.
fn hold_back(folder: &Path) {
    let file = folder.join("iris.data");
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
}

#[test]
fn a_running_fit_is_cancelled() {
    let folder = folder(1);
    hold_back(folder.path());
    let service = service(&folder, "console.ron");
    let started = service.change("fit", &json!({}));
    let id = started.json::<Json>().unwrap()["job_id"].clone();
    let second = service.change("fit", &json!({}));
    assert_eq!(second.status(), 409);
    assert_eq!(second.json::<Json>().unwrap()["job_id"], id);
    let asked = service.change("cancel", &json!({"id": id}));
    assert_eq!(asked.status(), 202);
    assert_eq!(asked.json::<Json>().unwrap()["id"], id);
    let deadline = Instant::now() + Duration::from_secs(60);
    let job = loop {
        let job = service.shown("jobs")["jobs"][id.as_str().unwrap()].take();
        if job["status"] != "running" {
            break job;
        }
        assert!(Instant::now() < deadline, "{job}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((&job["status"], &service.shown("models")["stores"][0]["n_models"]), (&json!("cancelled"), &json!(1)));
}

#[test]
fn the_progress_of_a_fit_is_seen_in_a_browser() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder(1);
    hold_back(folder.path());
    let service = service(&folder, "console.ron");
    browser.open(&service.page());
    browser.wait("!document.getElementById('fit').hidden");
    browser.click("#fit");
    browser.click("#fit-activate");
    browser.click("#fit-yes");
    browser.wait("document.querySelector('#job-list progress')");
    browser.wait("document.querySelector('#job-list .now')?.textContent.startsWith('loading data')");
    assert_eq!(browser.content("#progress"), "Fit: running, loading data");
    assert_eq!((browser.content("#tile-jobs"), browser.content("#tile-jobs-more")), ("1".to_owned(), "Fit".to_owned()));
    // The button keeps the focus although the list is drawn anew.
    browser.run("document.querySelector('[id^=cancel-]').focus()");
    browser.run("window.drawn = document.querySelector('#job-items')");
    browser.wait("document.querySelector('#job-items') !== window.drawn");
    assert!(browser.run("return document.activeElement.id").as_str().unwrap().starts_with("cancel-"));
    browser.press([ENTER]);
    browser.wait("document.querySelector('#job-list [data-status=cancelled]')");
    assert_eq!(browser.run("return document.querySelector('#job-list button')"), Json::Null);
    assert_eq!(browser.content("#tile-jobs"), "0");
    check_quiet(&browser, &service);
}

#[test]
fn the_page_waits_for_a_service_that_is_started_anew() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder(1);
    let first = service(&folder, "console.ron");
    let (base, page) = (first.base.clone(), first.page());
    browser.open(&page);
    browser.wait("document.getElementById('state-text').textContent === 'Live'");
    first.end();
    browser.wait("document.getElementById('state-text').textContent.includes('trying again')");
    let port = base.rsplit(':').next().unwrap();
    let mut command = palladium(folder.path());
    command.args(["serve", "--port", port, "--config", "config.ron,console.ron"]).stdout(Stdio::null());
    let _second = Running(command.spawn().unwrap());
    browser.wait("document.getElementById('state-text').textContent === 'Live'");
    browser.wait("document.getElementById('messages').textContent.includes('started anew')");
}

/// Chooses a predict service in the form.
fn choose(browser: &Browser, key: &str) {
    browser.wait(&format!("document.querySelector('#service option[value={key}]')"));
    browser.run(&format!(
        "const select = document.getElementById('service');
         select.value = '{key}';
         select.dispatchEvent(new Event('change'));"
    ));
    browser.wait(&format!("document.getElementById('prediction').dataset.service === '{key}'"));
}

#[test]
fn forms_are_made_from_mappings_and_texts_of_others_stay_texts() {
    const HOSTILE: &str = "<img src=x onerror=\"document.title='broken'\">";
    let Some(browser) = Browser::start() else { return };
    let folder = folder(1);
    let iris = ["sepal length", "sepal width", "petal length", "petal width"].map(|name| json!([name, "float"]));
    let layer = json!({
        "console": {"!": "palladium.console.Console", "title": HOSTILE},
        "console_decorators": [],
        "hostile": {
            "!": "palladium.server.PredictService",
            "entry_point": "/hostile",
            "mapping": [[HOSTILE, "str"], ["flag", "bool"], ["count", "int"]],
            "params": [["bound", "float"]],
        },
        "likely": {
            "!": "palladium.server.PredictService",
            "entry_point": "/likely",
            "predict_proba": true,
            "mapping": iris,
        },
    });
    std::fs::write(folder.path().join("hostile.ron"), layer.to_string()).unwrap();
    let service = service(&folder, "console.ron,hostile.ron");
    browser.open(&format!("{}/console", service.base));
    choose(&browser, "likely");
    browser.click("#example");
    browser.click("#predict-now");
    browser.wait("document.querySelectorAll('#answer .bars li').length === 3");
    let bars = browser.run(
        "return [...document.querySelectorAll('#answer .bars li')].map((bar) => [
           bar.querySelector('.name').textContent,
           bar.querySelector('.number').textContent === `${parseFloat(bar.querySelector('.fill').style.width).toFixed(1)} %`,
         ])",
    );
    assert_eq!(bars, json!([["Iris-setosa", true], ["Iris-versicolor", true], ["Iris-virginica", true]]));

    choose(&browser, "hostile");
    assert_eq!(browser.content("h1 span"), HOSTILE);
    assert!(browser.content("label[for=field-0]").starts_with(HOSTILE));
    let kinds = browser
        .run("return ['field-0', 'field-1', 'field-2', 'parameter-0'].map((id) => document.getElementById(id).type)");
    assert_eq!(kinds, json!(["text", "checkbox", "number", "number"]));
    browser.click("#example");
    for (value, complaint) in [
        ("1.5", "has to be a whole number"),
        ("99999999999999999999", "has to be a whole number of at most 64 bits, got"),
    ] {
        browser.run(&format!("document.getElementById('field-2').value = '{value}'"));
        browser.click("#predict-now");
        browser.wait(&format!("document.getElementById('field-2-wrong').textContent.startsWith('{complaint}')"));
        browser.wait("document.activeElement.id === 'field-2'");
    }
    browser.run("document.getElementById('field-2').value = '1'; document.getElementById('parameter-0').value = '0.5'");
    browser.click("#predict-now");
    // The model was trained on other columns, and the service says so.
    browser.wait("document.getElementById('curl-text').textContent.includes('/hostile?bound=0.5')");
    browser.wait("!document.getElementById('predict-now').disabled");
    assert!(browser.content("#answer").starts_with("No prediction: "), "{}", browser.content("#answer"));
    assert_eq!(browser.run("return document.images.length"), 1);
    assert_eq!(browser.run("return document.title"), json!(format!("{HOSTILE} · Console")));
    assert_eq!(browser.run(BARRIERS), json!([]));

    // A page that nobody looks at asks nothing.
    let hide = |is_hidden: bool| {
        let value = format!("{{value: {is_hidden}, configurable: true}}");
        browser.run(&format!(
            "Object.defineProperty(document, 'hidden', {value}); document.dispatchEvent(new Event('visibilitychange'))"
        ));
    };
    hide(true);
    browser.wait("document.getElementById('state-text').textContent === 'Paused'");
    hide(false);
    browser.wait("document.getElementById('state-text').textContent === 'Live'");
}

#[test]
fn forms_show_the_sample_and_send_texts_as_they_are() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder(1);
    // The function answers with what has arrived.
    let layer = r#"#{
        "console_decorators": [],
        "typed": #{
            "!": "palladium.server.PredictService",
            "entry_point": "/typed",
            "mapping": [["text", "str"], ["number", "float"], ["count", "int"], ["yes", "bool"], ["no", "bool"]],
            "params": [["note", "str"], ["mark", "str"]],
            "sample": #{ "text": "a sample", "number": "5.", "count": 7, "yes": "Yes", "no": 0 },
            "predict": |model, samples, params| [`${samples.to_array()[0]} ${params}`],
        },
    }"#;
    std::fs::write(folder.path().join("typed.rhai"), layer).unwrap();
    let service = service(&folder, "console.ron,typed.rhai");
    browser.open(&format!("{}/console", service.base));
    choose(&browser, "typed");
    browser.click("#example");
    let filled = browser.run(
        "return ['field-0', 'field-1', 'field-2'].map((id) => document.getElementById(id).value)
           .concat(['field-3', 'field-4'].map((id) => document.getElementById(id).checked))",
    );
    assert_eq!(filled, json!(["a sample", "5", "7", true, false]));
    assert_eq!(browser.run("return document.getElementById('field-1').placeholder"), "5");
    assert_eq!(browser.content("label[for=field-0]"), "text text");

    for (text, note) in [("", " "), (" a ", "b ")] {
        browser.run(&format!(
            "document.getElementById('field-0').value = '{text}';
             document.getElementById('parameter-0').value = '{note}'"
        ));
        browser.click("#predict-now");
        let expected = format!(
            r#"#{{"count": 7, "no": false, "number": 5.0, "text": "{text}", "yes": true}} #{{"note": "{note}"}}"#
        );
        browser.wait(&format!("document.getElementById('result')?.textContent === '{expected}'"));
    }
    browser.run("document.getElementById('field-2').value = ''");
    browser.click("#predict-now");
    browser.wait("document.getElementById('field-2-wrong').textContent === 'has to be given'");
}
