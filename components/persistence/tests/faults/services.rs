use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_persistence::ObjectStorageError;

use crate::server::{Objects, Reply, Request, Server, status};
use crate::servers::{self, artifact_store, text};
use crate::testing::component;
use crate::told::{CANARY, logged, told};

fn s3(endpoint: &str, arguments: &[(&str, Data)]) -> Arc<dyn ArtifactStore> {
    let mut all = vec![
        ("endpoint", text(endpoint)),
        ("allow_http", Data::Bool(true)),
        ("access_key_id", text("ada")),
        ("secret_access_key", text(CANARY)),
        ("timeout", Data::Float(0.5)),
        ("retries", Data::Int(1)),
    ];
    all.extend_from_slice(arguments);
    artifact_store("palladium.persistence.S3IO", &all).unwrap()
}

#[track_caller]
fn cause(error: StoreError) -> ObjectStorageError {
    let text = told(&error);
    assert!(!text.contains(CANARY), "{text}");
    assert!(error.help().is_some(), "{text}");
    match error {
        StoreError::Failed(failure) => failure.downcast::<ObjectStorageError>().unwrap(),
        conflict => panic!("{conflict}"),
    }
}

fn read(store: &dyn ArtifactStore, name: &str) -> Result<String, ObjectStorageError> {
    let mut text = String::new();
    let mut object = store.open(name).map_err(cause)?.unwrap();
    match object.reader.read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(*error.into_inner().unwrap().downcast::<ObjectStorageError>().unwrap()),
    }
}

fn whole(body: &str) -> Reply {
    let headers = [("ETag", "\"1\""), ("Last-Modified", "Thu, 26 Nov 2026 10:00:00 GMT"), ("x-goog-generation", "7")];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    Reply::Whole(200, headers.to_vec(), body.as_bytes().to_vec())
}

fn refusal(code: u16, name: &str) -> Reply {
    let body = format!("<Error><Code>{name}</Code><Message>no</Message></Error>");
    Reply::Whole(code, vec![("Content-Type", "application/xml".into())], body.into_bytes())
}

#[test]
fn refusals_are_told_apart() {
    let cases = [
        (403, "AccessDenied", "may not be read or written with these credentials"),
        (403, "SignatureDoesNotMatch", "may not be read or written with these credentials"),
        (403, "InvalidAccessKeyId", "may not be read or written with these credentials"),
        (404, "NoSuchBucket", "lies in a bucket that does not exist"),
        (400, "AuthorizationHeaderMalformed", "lies in another region or behind another address"),
        (301, "PermanentRedirect", "lies in another region or behind another address"),
    ];
    for (code, name, expected) in cases {
        let server = Server::start(move |_, _| refusal(code, name));
        let store = s3(&server.address, &[]);
        let put = store.put("models/x", &b"text".as_slice(), &Expected::Anything).unwrap_err();
        for error in [store.reach("models/x").unwrap_err(), put] {
            assert_eq!(error.to_string(), format!("`s3://models/x` {expected}"), "{name}");
            cause(error);
        }
        assert!(server.requests().iter().all(|request| request.headers["authorization"].starts_with("AWS4-HMAC")));
    }
    let server = Server::start(|_, _| refusal(404, "NoSuchKey"));
    assert!(s3(&server.address, &[]).open("models/x").unwrap().is_none());
}

#[test]
fn dead_and_silent_services_are_given_up() {
    let begun = Instant::now();
    let error = s3("http://127.0.0.1:1", &[]).reach("models/x").unwrap_err();
    assert_eq!(error.to_string(), "the service that stores `s3://models/x` cannot be reached");
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string);
    let causes: Vec<_> = causes.collect();
    for (index, cause) in causes.iter().enumerate() {
        assert!(!causes[..index].iter().any(|before| before.contains(cause)), "{causes:#?}");
    }
    assert!(causes[0].contains("error sending request"), "{causes:#?}");
    assert!(causes.last().unwrap().contains("Connection refused"), "{causes:#?}");
    assert!(matches!(cause(error), ObjectStorageError::Unreachable { .. }));
    let server = Server::start(|_, _| Reply::Silence);
    let store = s3(&server.address, &[]);
    assert!(matches!(cause(store.reach("models/x").unwrap_err()), ObjectStorageError::Stalled { .. }));
    let put = store.put("models/x", &b"text".as_slice(), &Expected::Anything).unwrap_err();
    assert!(matches!(cause(put), ObjectStorageError::Stalled { .. }));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn passing_faults_are_survived_and_lasting_ones_told() {
    let server = Server::start(|_, n_before| if n_before == 0 { status(503) } else { whole("whole") });
    assert_eq!(read(s3(&server.address, &[]).as_ref(), "models/x").unwrap(), "whole");
    assert_eq!(server.asked(), ["GET /models/x"; 2]);
    let server = Server::start(|_, _| Reply::Truncated(100, b"half".to_vec()));
    let store = s3(&server.address, &[]);
    let begun = Instant::now();
    let error = read(store.as_ref(), "models/x").unwrap_err();
    assert_eq!(error.to_string(), "the service refused to read or write `s3://models/x`");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn redirects_to_other_servers_are_not_followed() {
    let other = Server::start(|_, _| whole("other"));
    let target = format!("{}/models/x", other.address);
    let server = Server::start(move |_, _| Reply::Whole(307, vec![("Location", target.clone())], Vec::new()));
    let store = s3(&server.address, &[]);
    cause(store.reach("models/x").unwrap_err());
    cause(store.put("models/x", &b"text".as_slice(), &Expected::Anything).unwrap_err());
    assert_eq!(other.asked(), [""; 0]);
}

#[test]
fn a_service_that_ignores_conditions_is_refused() {
    let Some(place) = servers::unconditional_s3() else { return };
    let name = place.name("model-metadata.json");
    let store = place.open().unwrap();
    let lock = store.lock(&name).map(drop);
    let put = store.put(&name, &b"text".as_slice(), &Expected::Nothing);
    for error in [lock.unwrap_err(), put.unwrap_err()] {
        assert!(error.to_string().contains("does not tell which of two writers was first"), "{error}");
        assert!(error.help().unwrap().contains("`unguarded: true`"));
        assert!(matches!(cause(error), ObjectStorageError::Unconditional { .. }));
    }
    store.reach(&name).unwrap();
    assert_eq!(store.size(&name).unwrap(), None);

    let unguarded = place.with("unguarded", Data::Bool(true)).open().unwrap();
    let ((), log) = logged(|| {
        for _ in 0..2 {
            let lock = unguarded.lock(&name).unwrap();
            unguarded.put(&name, &b"text".as_slice(), &Expected::Anything).unwrap();
            drop(lock);
        }
    });
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
    assert!(log.contains("two writers at once may lose a model"), "{log}");
    assert_eq!(read(unguarded.as_ref(), &name).unwrap(), "text");
}

#[test]
fn a_service_that_refuses_conditions_is_put_up_with_where_that_is_asked_for() {
    for code in [400, 501] {
        let objects = Objects::default();
        let answering = objects.clone();
        let server = Server::start(move |request: &Request, _| {
            if ["if-match", "if-none-match"].iter().any(|name| request.headers.contains_key(*name)) {
                return refusal(code, "NotSupportedHere");
            }
            // Objects are removed by a list of them.
            if request.method == "POST" {
                let body = String::from_utf8_lossy(&request.body);
                let key = body.split("<Key>").nth(1).and_then(|rest| rest.split("</Key>").next()).unwrap();
                let path = format!("/models/{key}");
                answering.answer(&Request { method: "DELETE".into(), path, ..request.clone() });
                let answer = format!("<DeleteResult><Deleted><Key>{key}</Key></Deleted></DeleteResult>");
                return Reply::Whole(200, Vec::new(), answer.into_bytes());
            }
            match answering.answer(request) {
                Reply::Whole(200 | 201, _, body) => whole(&String::from_utf8_lossy(&body)),
                answer => answer,
            }
        });
        let refused = s3(&server.address, &[]).lock("models/x").map(drop).unwrap_err();
        assert!(matches!(cause(refused), ObjectStorageError::Unconditional { .. }));

        let store = s3(&server.address, &[("unguarded", Data::Bool(true))]);
        let ((), log) = logged(|| {
            store.put("models/x", &b"one".as_slice(), &Expected::Nothing).unwrap();
            let again = store.put("models/x", &b"two".as_slice(), &Expected::Nothing);
            assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
            assert_eq!(objects.content("/models/x").unwrap(), b"one");
            let revision = store.open("models/x").unwrap().unwrap().revision.unwrap();
            store.put("models/x", &b"two".as_slice(), &Expected::Revision(revision)).unwrap();
        });
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
        assert_eq!(objects.content("/models/x").unwrap(), b"two");
        assert_eq!(objects.paths(), ["/models/x"]);
    }
    // It is not for its condition that this service refuses a request.
    let server = Server::start(|_, _| refusal(400, "InvalidRequest"));
    let store = s3(&server.address, &[("unguarded", Data::Bool(true))]);
    let error = store.put("models/x", &b"one".as_slice(), &Expected::Nothing).unwrap_err();
    assert_eq!(error.to_string(), "the service refused to read or write `s3://models/x`");
}

#[test]
fn a_bucket_that_does_not_exist_is_told() {
    for place in [servers::s3(), servers::azure()].into_iter().flatten() {
        let store = place.open().unwrap();
        let name = "no-such-bucket/models/model-metadata.json";
        let put = store.put(name, &b"text".as_slice(), &Expected::Nothing).unwrap_err();
        for error in [store.reach(name).unwrap_err(), put] {
            assert!(matches!(cause(error), ObjectStorageError::NoBucket { .. }), "{}", place.kind);
        }
    }
}

#[test]
fn generations_are_the_states_of_google() {
    // Only what the library needs to be content: objects are not kept.
    let server = Server::start(|request: &Request, _| {
        let expected = request.headers.get("x-goog-if-generation-match").map(String::as_str);
        match (request.method.as_str(), expected) {
            ("PUT", Some("0")) if request.path.contains("taken") => refusal(412, "PreconditionFailed"),
            ("PUT", Some("6")) => refusal(412, "PreconditionFailed"),
            ("PUT" | "GET", _) => whole("{}"),
            _ => status(204),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let account = folder.path().join("account.json");
    let key = serde_json::json!({
        "private_key": CANARY, "private_key_id": CANARY, "client_email": "ada@example", "disable_oauth": true,
    });
    std::fs::write(&account, key.to_string()).unwrap();
    let arguments = [
        ("service_account", text(&account.display().to_string())),
        ("endpoint", text(&server.address)),
        ("retries", Data::Int(0)),
    ];
    let store = artifact_store("palladium.persistence.GCSIO", &arguments).unwrap();
    assert_eq!(store.shown("models/größe 1.json"), "gs://models/größe 1.json");
    let revision = store.open("models/größe 1.json").unwrap().unwrap().revision;
    assert_eq!(revision, Some(Revision("7".into())));
    store.put("models/größe 1.json", &b"text".as_slice(), &Expected::Anything).unwrap();
    let put = server.requests().pop().unwrap();
    assert_eq!((put.path.as_str(), put.body.as_slice()), ("/models/gr%C3%B6%C3%9Fe%201%2Ejson", b"text".as_slice()));
    assert!(!put.headers.contains_key("x-goog-if-generation-match"));

    // The server honours no condition on what it has just answered to.
    let refused = store.put("models/x", &b"text".as_slice(), &Expected::Nothing).unwrap_err();
    assert!(matches!(cause(refused), ObjectStorageError::Unconditional { .. }));
    let conditions =
        server.requests().into_iter().filter_map(|request| request.headers.get("x-goog-if-generation-match").cloned());
    assert_eq!(conditions.collect::<Vec<_>>(), ["0", "0"]);

    let missing = artifact_store("palladium.persistence.GCSIO", &[("service_account", text("/no/such/file"))]).unwrap();
    let error = missing.reach("models/x").unwrap_err();
    assert_eq!(error.to_string(), "no client can be made for `models`");
}

#[test]
fn a_machine_without_credentials_is_told_so() {
    let arguments = [
        ("endpoint", text("http://127.0.0.1:1")),
        ("allow_http", Data::Bool(true)),
        ("timeout", Data::Float(0.5)),
        ("retries", Data::Int(0)),
    ];
    let has_profiles = std::env::home_dir().is_some_and(|home| home.join(".aws").exists());
    if has_profiles || std::env::vars().any(|(name, _)| name.starts_with("AWS_")) {
        return;
    }
    let store = artifact_store("palladium.persistence.S3IO", &arguments).unwrap();
    let error = store.reach("models/x").unwrap_err();
    assert_eq!(error.to_string(), "there are no credentials for `s3://models/x`");
    assert!(matches!(cause(error), ObjectStorageError::NoCredentials { .. }));
}

/// Not a test by itself: the process whose environment `keys_come_from_where_programs_for_aws_find_them` makes.
#[test]
fn child_that_asks_with_the_keys_of_its_environment() {
    let Ok(server) = std::env::var("PALLADIUM_TEST_SERVER") else { return };
    let mut arguments = vec![("endpoint", text(&server)), ("allow_http", Data::Bool(true)), ("retries", Data::Int(0))];
    arguments.extend(std::env::var("PALLADIUM_TEST_PROFILE").ok().map(|profile| ("profile", text(&profile))));
    let store = artifact_store("palladium.persistence.S3IO", &arguments).unwrap();
    store.reach("models/x").unwrap();
}

/// Names and values.
type Variables = &'static [(&'static str, &'static str)];

#[test]
fn keys_come_from_where_programs_for_aws_find_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let credentials = format!(
        "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = {CANARY}\n\
         [other]\naws_access_key_id = OTHER\naws_secret_access_key = {CANARY}\naws_session_token = temporary\n"
    );
    let config = "[default]\nregion = eu-central-1\n[profile other]\nregion = eu-west-1\n";
    let files = [
        ("AWS_SHARED_CREDENTIALS_FILE", file("credentials", &credentials)),
        ("AWS_CONFIG_FILE", file("config", config)),
    ];
    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ENVIRON"), ("AWS_SECRET_ACCESS_KEY", CANARY)];
    let cases: [(Variables, &str, bool); 6] = [
        (&[], "DEFAULT/eu-central-1", false),
        (&[("AWS_REGION", "us-west-2")], "DEFAULT/us-west-2", false),
        (&[("AWS_PROFILE", "other")], "OTHER/eu-west-1", true),
        (&[("PALLADIUM_TEST_PROFILE", "other"), KEYS[0], KEYS[1]], "OTHER/eu-west-1", true),
        (&KEYS, "ENVIRON/eu-central-1", false),
        (
            &[KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "temporary"), ("AWS_REGION", "us-west-2")],
            "ENVIRON/us-west-2",
            true,
        ),
    ];
    for (variables, expected, is_temporary) in cases {
        let server = Server::start(|_, _| refusal(404, "NoSuchKey"));
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            child.env_remove(name);
        }
        child.args(["--exact", "services::child_that_asks_with_the_keys_of_its_environment"]);
        child.env("PALLADIUM_TEST_SERVER", &server.address).envs(files.clone()).envs(variables.iter().copied());
        let output = child.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let asked = server.requests().pop().unwrap();
        let authorization = &asked.headers["authorization"];
        let (id, region) = expected.split_once('/').unwrap();
        assert!(authorization.contains(&format!("Credential={id}/")), "{authorization}");
        assert!(authorization.contains(&format!("/{region}/s3/")), "{authorization}");
        assert_eq!(asked.headers.contains_key("x-amz-security-token"), is_temporary, "{variables:?}");
    }
}

#[test]
fn arguments_are_checked() {
    let path = ("path", text("models/model-{version}"));
    let cases = [
        ("S3IO", vec![("access_key_id", text("ada"))], "`access_key_id` is given without `secret_access_key`"),
        ("S3IO", vec![("secret_access_key", text(CANARY))], "`secret_access_key` is given without `access_key_id`"),
        ("S3IO", vec![("session_token", text(CANARY))], "`session_token` is given without the keys"),
        ("S3IO", vec![("endpoint", text("store.example"))], "`endpoint` is not a URL"),
        ("S3IO", vec![("endpoint", text("http://store.example"))], "`endpoint` has no TLS"),
        ("GCSIO", vec![("endpoint", text("http://store.example"))], "`endpoint` has no TLS"),
        ("GCS", vec![("endpoint", text("http://store.example")), path.clone()], "`endpoint` has no TLS"),
        ("AzureIO", vec![("endpoint", text("http://store.example"))], "`endpoint` has no TLS"),
        ("Azure", vec![("endpoint", text("http://store.example")), path], "`endpoint` has no TLS"),
        ("S3IO", vec![("endpoint", text("ftp://store.example"))], "`endpoint` has to begin with"),
        (
            "GCSIO",
            vec![("endpoint", text(&format!("https://ada:{CANARY}@host")))],
            "a user or a password in `endpoint`",
        ),
        ("AzureIO", vec![("endpoint", text(&format!("https://host?sig={CANARY}")))], "nothing may follow a `?`"),
        ("AzureIO", vec![("access_key", text(CANARY)), ("sas_token", text(CANARY))], "only one of them can be used"),
    ];
    for (kind, arguments, expected) in cases {
        let error = component(&format!("palladium.persistence.{kind}"), &arguments).err().unwrap();
        assert!(error.contains(expected) && !error.contains(CANARY), "{error}");
    }
    let allowed = ("allow_http", Data::Bool(true));
    for (kind, endpoint, others) in [
        ("GCSIO", "http://store.example", vec![allowed.clone()]),
        ("GCSIO", "http://localhost:4443", Vec::new()),
        ("AzureIO", "http://store.example", vec![allowed]),
        ("AzureIO", "http://127.0.0.1:10000/ada", Vec::new()),
        ("AzureIO", "http://azurite:10000/devstoreaccount1", vec![("emulator", Data::Bool(true))]),
    ] {
        let arguments = [vec![("endpoint", text(endpoint))], others].concat();
        component(&format!("palladium.persistence.{kind}"), &arguments).map(drop).unwrap();
    }
    let keys = [("access_key_id", text("ada")), ("secret_access_key", text(CANARY)), ("profile", text("x"))];
    assert!(artifact_store("palladium.persistence.S3IO", &keys).err().unwrap().contains("which both name keys"));
    let profile = artifact_store("palladium.persistence.S3IO", &[("profile", text("no such profile"))]).unwrap();
    let error = profile.reach("models/x").unwrap_err();
    assert!(error.to_string().starts_with("there is no profile `no such profile` in `"), "{error}");
}

#[test]
fn secrets_of_azure_are_not_told() {
    let server = Server::start(|_, _| refusal(403, "AuthenticationFailed"));
    for (name, value) in
        [("sas_token", format!("sv=2021-08-06&sig={CANARY}")), ("access_key", "Y2FuYXJ5LW9mLXRoZS1taW5l".into())]
    {
        let arguments = [
            (name, text(&value)),
            ("account", text("ada")),
            ("endpoint", text(&server.address)),
            ("retries", Data::Int(0)),
        ];
        let store = artifact_store("palladium.persistence.AzureIO", &arguments).unwrap();
        let (errors, log) = logged(|| {
            let put = store.put("models/x", &b"text".as_slice(), &Expected::Anything);
            [store.reach("models/x").unwrap_err(), put.unwrap_err(), store.size("models/x").unwrap_err()]
        });
        assert!(!log.contains(CANARY), "{log}");
        for error in errors {
            assert!(!told(&error).contains("Y2FuYXJ5"), "{}", told(&error));
            assert!(matches!(cause(error), ObjectStorageError::Denied { .. }));
        }
        let asked = server.requests().pop().unwrap();
        assert!(asked.path.contains("sig=") || asked.headers["authorization"].starts_with("SharedKey ada:"));
    }
}
