//! The page that shows the description of a service, in a browser.

use crate::browser::{Browser, ENTER, TAB};
use crate::openapi::service;

/// Fails where the page complains or asks anything of another server.
fn check_quiet(browser: &Browser, base: &str) {
    let requests = browser.check_quiet(base);
    assert!(requests.len() >= 4, "{requests:?}");
}

#[test]
fn the_page_shows_the_service_and_tries_it_out() {
    let Some(browser) = Browser::start() else { return };
    let service = service(&["service/admin.ron"], "{}", &[]);
    browser.open(&format!("{}/docs", service.base));
    assert!(browser.find("#docs .info .title").text().starts_with("iris"));
    let operation = "#operations-Predictions-get_predict";
    let summary = browser.find(&format!("{operation} .opblock-summary-control"));
    browser.screenshot("docs");
    assert!(!browser.has(&format!("{operation} button.execute")));
    assert_eq!(summary.attribute("aria-expanded").as_deref(), Some("false"));
    summary.click();
    browser.find(&format!("{operation} button.execute")).click();
    let answer = browser.find(&format!("{operation} .live-responses-table .response .highlight-code"));
    browser.wait_for("the prediction", || answer.text().contains("\"Iris-versicolor\"").then_some(()));
    browser.screenshot("docs-get");
    browser.find(&format!("{operation} tr[data-param-name='petal length'] input")).type_in("0.5");
    browser.find(&format!("{operation} button.execute")).click();
    browser.wait_for("another prediction", || browser.text().contains("\"Iris-setosa\"").then_some(()));

    let post = "#operations-Predictions-post_predict";
    browser.find_by_path("//button[contains(., 'Predict for several samples')]").click();
    browser.find(&format!("{post} button.execute")).click();
    let answer = browser.find(&format!("{post} .live-responses-table .response .highlight-code"));
    browser.wait_for("the predictions", || answer.text().contains("\"Iris-versicolor\"").then_some(()));
    check_quiet(&browser, &service.base);
}

#[test]
fn the_page_asks_for_what_the_service_wants_to_know_of_callers() {
    let Some(browser) = Browser::start() else { return };
    let service = service(&["auth/basic.ron"], "{}", &[]);
    browser.open(&format!("{}/docs", service.base));
    browser.find(".auth-wrapper button.authorize").click();
    browser.find("#auth-basic-username").type_in("admin");
    browser.find("#auth-basic-password").type_in("secret");
    browser.screenshot("docs-login");
    browser.find(".auth-btn-wrapper button.authorize").click();
    browser.find(".auth-btn-wrapper button.btn-done").click();
    let operation = "#operations-Predictions-get_predict";
    browser.find(&format!("{operation} .opblock-summary-control")).click();
    browser.find(&format!("{operation} button.execute")).click();
    browser.wait_for("the prediction", || browser.text().contains("\"Iris-versicolor\"").then_some(()));
    check_quiet(&browser, &service.base);
}

#[test]
fn the_page_works_by_keyboard_and_under_another_path() {
    let Some(browser) = Browser::start() else { return };
    let own = r#"{"docs": {"!": "palladium.openapi.Docs", "rule": "/a/api.json", "docs_rule": "/a/b/docs"}}"#;
    let service = service(&[], own, &[]);
    browser.open(&format!("{}/a/b/docs", service.base));
    browser.find("#operations-Predictions-get_predict .opblock-summary-control");
    let focused = "return document.activeElement.closest('#operations-Predictions-get_predict') !== null";
    browser.wait_for("the operation by the key Tab", || {
        browser.press([TAB]);
        (browser.run(focused) == true).then_some(())
    });
    browser.press([ENTER]);
    browser.find("#operations-Predictions-get_predict button.execute");
    check_quiet(&browser, &service.base);
}
