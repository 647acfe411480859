use serde_json::json;

use super::*;
use crate::gate::tests::beside_another;
use crate::testing::{Provider, body, decorator, header, plan, request, through};

fn arguments(provider: &Provider) -> Json {
    json!({"endpoint": provider.url, "client_id": "a b", "client_secret": "s:canary", "timeout": 1.0})
}

/// Returns a decorator with some of the arguments changed.
fn changed(provider: &Provider, change: &Json) -> Arc<dyn Decorator> {
    let mut arguments = arguments(provider);
    arguments.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    decorator("OAuth2Introspection", &arguments)
}

fn bearing(token: &str) -> ViewRequest {
    request("GET", &[("authorization", &format!("Bearer {token}"))])
}

#[test]
fn the_provider_is_asked_and_what_it_said_is_known_for_a_while() {
    let provider = Provider::saying(200, r#"{"active": true, "sub": "ada", "scope": "read write"}"#);
    let auth = decorator("OAuth2Introspection", &arguments(&provider));
    let asked = bearing("abc");
    assert_eq!(through(&[&auth], &asked).status, 200);
    let identity = asked.caller.identity().unwrap();
    assert_eq!((identity.principal.as_str(), identity.scopes.join(" ").as_str()), ("ada", "read write"));
    let question = provider.asked.try_recv().unwrap();
    assert!(question.starts_with("POST / "), "{question}");
    assert!(question.contains("authorization: Basic YStiOnMlM0FjYW5hcnk="), "{question}");
    assert!(question.ends_with("token=abc&token_type_hint=access_token"), "{question}");

    provider.say(500, "");
    assert_eq!((through(&[&auth], &bearing("abc")).status, provider.count()), (200, 0), "it is not asked again");
    let other = through(&[&auth], &bearing("other"));
    assert_eq!((other.status, header(&other, "retry-after"), provider.count()), (503, Some("5"), 1));
}

#[test]
fn tokens_that_are_not_active_are_refused_and_not_asked_about_again() {
    let provider = Provider::saying(200, r#"{"active": false}"#);
    let auth = decorator("OAuth2Introspection", &arguments(&provider));
    for _ in 0..2 {
        let answer = through(&[&auth], &bearing("canary"));
        assert_eq!(answer.status, 401);
        assert!(header(&answer, "www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
        assert!(!body(&answer).contains("canary"));
    }
    assert_eq!(provider.count(), 1);
    let nothing = through(&[&auth], &request("GET", &[]));
    assert_eq!((nothing.status, header(&nothing, "www-authenticate")), (401, Some("Bearer")));
    let odd = through(&[&auth], &bearing("a b"));
    assert_eq!((odd.status, provider.count()), (400, 0));
}

#[test]
fn a_provider_that_does_not_answer_as_it_should_lets_nobody_in() {
    let large = format!(r#"{{"active": true, "sub": "{}"}}"#, "x".repeat(2 << 20));
    let provider = Provider::saying(200, "");
    let auth = decorator("OAuth2Introspection", &arguments(&provider));
    let cases = [
        (200, "no JSON"),
        (200, "[]"),
        (200, &*large),
        (302, ""),
        (401, r#"{"active": true, "sub": "ada"}"#),
        (500, ""),
    ];
    for (status, said) in cases {
        provider.say(status, said);
        assert_eq!(through(&[&auth], &bearing("abc")).status, 503, "{status} {said:.20}");
    }
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hanging = arguments(&provider);
    hanging["endpoint"] = format!("http://{}/", silent.local_addr().unwrap()).into();
    hanging["timeout"] = 0.2.into();
    let started = Instant::now();
    assert_eq!(through(&[&decorator("OAuth2Introspection", &hanging)], &bearing("abc")).status, 503);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let mut gone = arguments(&provider);
    gone["endpoint"] = "http://127.0.0.1:1/".into();
    assert_eq!(through(&[&decorator("OAuth2Introspection", &gone)], &bearing("abc")).status, 503);
}

#[test]
fn what_the_provider_says_is_judged() {
    let now = seconds_now();
    let provider = Provider::saying(200, "");
    let mut arguments = arguments(&provider);
    arguments["audience"] = json!(["iris", "wine"]);
    arguments["issuer"] = "https://idp".into();
    let auth = decorator("OAuth2Introspection", &arguments);
    let good = json!({"active": true, "sub": "ada", "aud": ["x", "iris"], "iss": "https://idp", "exp": now + 60.0});
    let changes = [
        (json!({}), 200),
        (json!({"aud": "wine"}), 200),
        (json!({"active": "true"}), 401),
        (json!({"active": 1}), 401),
        (json!({"aud": "other"}), 401),
        (json!({"aud": null}), 401),
        (json!({"iss": "https://other"}), 401),
        (json!({"exp": now - 1.0}), 401),
        (json!({"exp": "never"}), 401),
        (json!({"nbf": now + 60.0}), 401),
        (json!({"sub": "a\nb"}), 401),
        (json!({"sub": null, "client_id": "job"}), 200),
        (json!({"sub": null}), 401),
    ];
    for (index, (change, status)) in changes.into_iter().enumerate() {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        provider.say(200, &claims.to_string());
        assert_eq!(through(&[&auth], &bearing(&format!("t{index}"))).status, status, "{change}");
    }
}

#[test]
fn nothing_is_known_longer_than_the_token_is_valid() {
    let provider = Provider::saying(200, &json!({"active": true, "sub": "a", "exp": seconds_now() + 1.0}).to_string());
    let auth = decorator("OAuth2Introspection", &arguments(&provider));
    assert_eq!(through(&[&auth], &bearing("abc")).status, 200);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(through(&[&auth], &bearing("abc")).status, 401);
    assert_eq!(provider.count(), 2);
}

#[test]
fn so_much_is_known_for_so_long() {
    let provider = Provider::saying(200, r#"{"active": true, "sub": "ada"}"#);
    for (change, tokens, asked) in [
        (json!({}), ["a", "a", "a"], 1),
        (json!({"remember": 0}), ["a", "a", "a"], 3),
        // Over before the provider has answered.
        (json!({"remember": 1e-9}), ["a", "a", "a"], 3),
        (json!({"max_remembered": 2}), ["a", "b", "a"], 2),
        (json!({"max_remembered": 1}), ["a", "b", "a"], 3),
    ] {
        let auth = changed(&provider, &change);
        assert_eq!(tokens.map(|token| through(&[&auth], &bearing(token)).status), [200; 3], "{change}");
        assert_eq!(provider.count(), asked, "{change}");
    }
}

#[test]
fn so_many_requests_ask_at_once() {
    for (max_requests, waits) in [(1, true), (2, false)] {
        let provider = Provider::saying(200, r#"{"active": true, "sub": "ada"}"#);
        let auth = Arc::new(OAuth2Introspection {
            endpoint: ServiceUrl(provider.url.parse().unwrap()),
            client_id: "a".to_owned(),
            client_secret: "b".to_owned(),
            audience: None,
            issuer: None,
            remember: 0.0,
            max_remembered: 1,
            timeout: 60.0,
            max_requests,
            realm: None,
            hash: OnceLock::from(KeyedHash::random().unwrap()),
            known: Expiring::default(),
            remote: Remote::default(),
            gate: Gate::default(),
        });
        let decorator: Arc<dyn Decorator> = auth.clone();
        let (waited, answer) = beside_another(&auth.gate, || through(&[&decorator], &bearing("abc")));
        assert_eq!((waited, answer.status, provider.count()), (waits, 200, 1), "{max_requests}");
    }
}

#[test]
fn the_provider_is_told_who_asks() {
    let provider = Provider::saying(200, r#"{"active": true, "sub": "ada"}"#);
    // The texts are `iris:x` and `a%3Ab:c+d`.
    for (id, secret, encoded) in [("iris", "x", "aXJpczp4"), ("a:b", "c d", "YSUzQWI6Yytk")] {
        let auth = changed(&provider, &json!({"client_id": id, "client_secret": secret}));
        assert_eq!(through(&[&auth], &bearing("abc")).status, 200);
        let question = provider.asked.try_recv().unwrap();
        assert!(question.contains(&format!("authorization: Basic {encoded}\r\n")), "{question}");
    }
}

#[test]
fn the_name_of_the_user_comes_before_other_names() {
    let provider = Provider::saying(200, "");
    for (names, principal) in [
        (json!({"client_id": "app", "sub": "1", "username": "ada"}), Some("ada")),
        (json!({"client_id": "app", "sub": "1"}), Some("1")),
        (json!({"client_id": "app", "sub": "1", "username": null}), Some("1")),
        (json!({"client_id": "app"}), Some("app")),
        (json!({"client_id": "app", "sub": "1", "username": "a\nb"}), None),
        (json!({"name": "ada"}), None),
    ] {
        let mut claims = names.clone();
        claims["active"] = true.into();
        provider.say(200, &claims.to_string());
        let asked = bearing("abc");
        let answer = through(&[&changed(&provider, &json!({}))], &asked);
        let identity = asked.caller.identity();
        let found = identity.as_ref().map(|identity| &*identity.principal);
        assert_eq!((answer.status, found), (principal.map_or(401, |_| 200), principal), "{names}");
    }
}

#[test]
fn refusals_name_the_realm() {
    let provider = Provider::saying(200, r#"{"active": false}"#);
    let auth = changed(&provider, &json!({"realm": "Iris"}));
    let unclear = "error=\"invalid_request\", error_description=\"the request carries no token that can be read\"";
    let inactive = "the token is not active, or is meant for another service";
    for (asked, status, more) in [
        (request("GET", &[]), 401, String::new()),
        (bearing("a b"), 400, format!(", {unclear}")),
        (bearing("abc"), 401, format!(", error=\"invalid_token\", error_description=\"{inactive}\"")),
    ] {
        let answer = through(&[&auth], &asked);
        let expected = format!("Bearer realm=\"Iris\"{more}");
        assert_eq!((answer.status, header(&answer, "www-authenticate")), (status, Some(&*expected)));
    }
}

#[test]
fn arguments_are_checked_and_never_shown() {
    let good = json!({"endpoint": "https://idp/", "client_id": "a", "client_secret": "canary"});
    for (change, said) in [
        (json!({"endpoint": "http://idp/"}), "`endpoint`"),
        (json!({"endpoint": "https://a:canary@idp/"}), "`endpoint`"),
        (json!({"client_secret": ""}), "is empty"),
        (json!({"client_secret": "canary\n"}), "no visible ASCII letter"),
        (json!({"audience": []}), "`audience` is empty"),
        (json!({"remember": 1e9}), "`remember`"),
        (json!({"realm": "a\"b"}), "`realm`"),
    ] {
        let mut arguments = good.clone();
        arguments.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let findings = plan("OAuth2Introspection", &arguments).err().unwrap();
        assert!(findings.contains(said) && !findings.contains("canary"), "{findings}");
    }
}
