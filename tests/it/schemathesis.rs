//! schemathesis, which sends services what their descriptions allow and forbid.

use serde_json::json;

use crate::auth::provider::{Provider, Signer, now};
use crate::openapi::{HASH, service};
use crate::process::{python, repository, text};
use crate::serve::{SAMPLE, Service};

/// What is the same behind decorators need not be tried so often: checking passwords takes its time.
const FEW: [&str; 2] = ["--max-examples", "8"];

/// Has schemathesis send what the document allows and forbids, and compare the answers with it.
fn check_by_schemathesis(service: &Service, options: &[&str]) {
    let Some(mut python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = python
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", repository().join("scripts/services/schemathesis_hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(repository().join("scripts/services/schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", service.base), "--warnings", "off"])
        .args(options)
        .output()
        .unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", text(&output.stderr));
    assert!(printed.contains("No issues found"), "{printed}");
    // A service that answers nothing but errors would keep its promises too.
    assert_eq!(service.get("/live").status(), 200);
}

#[test]
fn schemathesis_finds_nothing_in_the_iris_service() {
    let own = r#"{
        "probabilities": {
            "!": "palladium.server.PredictService",
            "entry_point": "/probabilities",
            "mapping": [
                ["sepal length", "float"], ["sepal width", "int"], ["petal length", "bool"], ["petal width", "float"],
            ],
            "predict_proba": true,
        },
        "activate_by_path": {
            "!": "palladium.server.add_url_rule",
            "rule": "/activate/<model_version>",
            "view_func": "palladium.server.activate",
            "methods": ["PUT"],
        },
        "console": "palladium.console.Console",
    }"#;
    let layers = ["service/admin.ron", "service/metrics.ron", "service/inference.ron", "service/functions.ron"];
    let service = service(&layers, own, &[]);
    check_by_schemathesis(&service, &[]);
    assert_eq!(service.get(SAMPLE).status(), 200);
}

#[test]
fn schemathesis_finds_nothing_behind_decorators() {
    // The limits of the examples would refuse most requests.
    let rate = |index: u8| ["per_second", "burst"].map(|name| format!("predict_decorators.{index}.{name}=100000"));
    let login = ["--auth", "admin:secret"];
    let cases = [
        ("auth/basic.ron", rate(1), login),
        ("auth/api_key.ron", rate(0), ["--header", "x-api-key: iris-example-key"]),
    ];
    for (layer, [per_second, burst], credentials) in cases {
        let service = service(&[layer], "{}", &["--set", &per_second, "--set", &burst]);
        check_by_schemathesis(&service, &[&credentials, &FEW[..]].concat());
    }
    let lists = ["alive", "list", "server_fit", "jobs", "activate", "update_model_cache", "open_inference", "console"];
    let others = lists.map(|list| format!(r#""{list}_decorators": {{"__copy__": "predict_decorators"}}"#)).join(", ");
    let own = format!(
        r#"{{
            "predict_decorators": [
                {{"!": "palladium.decorators.ConcurrencyLimit", "max": 8}},
                "palladium.decorators.Timing",
                {{"!": "palladium.decorators.BasicAuth", "users": {{"admin": "{HASH}"}}}},
                {{"!": "palladium.decorators.RateLimit", "per_second": 100000}},
                {{"!": "palladium.decorators.Cors", "origins": "https://a.example.com"}},
                "palladium.decorators.SecurityHeaders",
            ],
            "console": "palladium.console.Console",
            {others}
        }}"#
    );
    let service = service(&["service/admin.ron", "service/inference.ron"], &own, &[]);
    check_by_schemathesis(&service, &[&login, &FEW[..]].concat());
}

#[test]
fn schemathesis_finds_nothing_behind_tokens() {
    let signer = Signer::new();
    let keys = Provider::saying(200, &signer.jwks().to_string());
    let claims = json!({"iss": "https://idp/", "aud": "iris", "sub": "ada", "exp": now() + 3600, "scope": "predict"});
    let signed = signer.sign(&json!({"alg": "ES256", "kid": "k"}), &claims);
    let jwt = [("predict_decorators.1.issuer", "https://idp/".to_owned()), ("predict_decorators.1.jwks_url", keys.url)];

    let known = json!({"active": true, "sub": "ada", "scope": "predict models"}).to_string();
    let provider = Provider::saying_about("token=known-to-the-provider", 200, &known);
    let oauth2 =
        [("predict_decorators.1.endpoint", provider.url.clone()), ("list_decorators.1.endpoint", provider.url)];
    for (layer, settings, token) in
        [("auth/jwt.ron", jwt, signed.as_str()), ("auth/oauth2.ron", oauth2, "known-to-the-provider")]
    {
        let [one, other] = settings.map(|(key, value)| format!("{key}={value:?}"));
        let service = service(&[layer], "{}", &["--set", &one, "--set", &other]);
        let header = format!("Authorization: Bearer {token}");
        check_by_schemathesis(&service, &[&["--header", &header], &FEW[..]].concat());
    }
}
