mod signer;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rsa::PublicKeyComponents;
use ring::signature::KeyPair;
use serde_json::{Value as Json, json};

use self::signer::{PUBLIC, SECRET, SHARED, Signer, message, pem, with_secret};
use super::*;
use crate::testing::{Provider, body, decorator, header, initialize, plan, request, through};
use crate::watched::PERIOD;

const ISSUER: &str = "https://idp/";

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn claims() -> Json {
    json!({"iss": ISSUER, "aud": "iris", "sub": "ada", "exp": now() + 60, "scope": "a b", "permissions": ["c"]})
}

/// Returns an object with the fields of another one added, or in the place of its own.
fn with(mut object: Json, more: &Json) -> Json {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

fn changed(change: &Json) -> Json {
    with(claims(), change)
}

fn arguments(more: &Json) -> Json {
    with(json!({"issuer": ISSUER, "audience": "iris"}), more)
}

fn bearing(token: &str) -> ViewRequest {
    request("GET", &[("authorization", &format!("Bearer {token}"))])
}

/// Returns a decorator with the keys of a signer in a file.
fn of_file(signer: &Signer, folder: &tempfile::TempDir, more: &Json) -> std::sync::Arc<dyn Decorator> {
    let path = folder.path().join("keys.json");
    std::fs::write(&path, signer.jwks().to_string()).unwrap();
    decorator("JWTBearer", &with(arguments(&json!({"jwks_file": path})), more))
}

/// Returns a decorator with the secret.
fn of_secret(more: &Json) -> std::sync::Arc<dyn Decorator> {
    decorator("JWTBearer", &with(arguments(&json!({"secret": SHARED})), more))
}

#[test]
fn tokens_of_the_provider_are_let_in() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let auth = of_file(&signer, &folder, &json!({}));
    for head in [
        json!({"alg": "RS256", "kid": "r"}),
        json!({"alg": "ES256", "kid": "e"}),
        json!({"alg": "ES256", "typ": "at+jwt"}),
    ] {
        for change in [json!({}), json!({"aud": ["x", "iris"]}), json!({"exp": now() - 10}), json!({"nbf": now() + 10})]
        {
            let asked = bearing(&signer.sign(&head, &changed(&change)));
            let answer = through(&[&auth], &asked);
            assert_eq!((answer.status, body(&answer)), (200, "seen"), "{head} {change}");
            let identity = asked.caller.identity().unwrap();
            assert_eq!((identity.principal.as_str(), identity.scopes.join(" ").as_str()), ("ada", "a b c"));
        }
    }
}

#[test]
fn a_file_without_a_key_leaves_those_of_before_in_use() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let auth = of_file(&signer, &folder, &json!({}));
    let status_with = |keys: &Json| {
        std::fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        through(&[&auth], &bearing(&signer.sign(&json!({"alg": "ES256", "kid": "e"}), &claims()))).status
    };
    assert_eq!(status_with(&signer.jwks()), 200);
    let none = json!({"keys": []});
    assert_eq!(status_with(&none), 200);
    let emptied = plan("JWTBearer", &arguments(&json!({"jwks_file": folder.path().join("keys.json")}))).unwrap();
    assert!(initialize(emptied.as_ref(), "predict_decorators.0").unwrap_err().contains("holds no key"));
    assert_eq!(status_with(&Signer::new().jwks()), 401, "nobody has the private key");
}

#[test]
fn attacks_are_refused() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let auth = of_file(&signer, &folder, &json!({"required_claims": ["scope"]}));
    let (rsa, curve) = (json!({"alg": "RS256", "kid": "r"}), json!({"alg": "ES256", "kid": "e"}));
    let good = signer.sign(&rsa, &claims());
    let (body_of_good, signature) = good.rsplit_once('.').unwrap();
    let other = Signer::new();
    let modulus = PublicKeyComponents::<Vec<u8>>::from(signer.rsa.public()).n;
    let der = signer.rsa.public().as_ref().to_vec();
    let hs = json!({"alg": "HS256", "kid": "r"});
    let attacks = [
        ("no signature", format!("{}.", message(&json!({"alg": "none"}), &claims()))),
        ("no signature", format!("{}.", message(&json!({"alg": "NONE", "kid": "r"}), &claims()))),
        ("no signature", format!("{body_of_good}.")),
        ("two parts", body_of_good.to_owned()),
        ("four parts", format!("{good}.x")),
        ("a public key as a secret", with_secret(&hs, &claims(), &der)),
        ("a public key as a secret", with_secret(&hs, &claims(), &modulus)),
        ("a public key as a secret", with_secret(&hs, &claims(), signer.pem().as_bytes())),
        ("a public key as a secret", with_secret(&rsa, &claims(), &der)),
        ("an empty secret", with_secret(&hs, &claims(), b"")),
        ("a secret of the set", with_secret(&json!({"alg": "HS256", "kid": "o"}), &claims(), SHARED.as_bytes())),
        ("another key", other.sign(&curve, &claims())),
        ("another key's id", signer.sign(&json!({"alg": "RS256", "kid": "e"}), &claims())),
        ("an unknown key", signer.sign(&json!({"alg": "RS256", "kid": "x"}), &claims())),
        ("a key that encrypts", signer.sign(&json!({"alg": "RS256", "kid": "encrypts"}), &claims())),
        ("another algorithm of the type", signer.sign(&json!({"alg": "RS384", "kid": "r"}), &claims())),
        (
            "a key in the token",
            signer.sign(&json!({"alg": "RS256", "kid": "x", "jwk": signer.jwks()["keys"][0]}), &claims()),
        ),
        ("a critical header", signer.sign(&json!({"alg": "RS256", "kid": "r", "crit": ["x"]}), &claims())),
        ("other claims", format!("{}.{signature}", message(&rsa, &changed(&json!({"sub": "root"}))))),
        ("expired", signer.sign(&rsa, &changed(&json!({"exp": now() - 60})))),
        ("never expires", signer.sign(&rsa, &changed(&json!({"exp": null})))),
        ("expires in words", signer.sign(&rsa, &changed(&json!({"exp": "9999999999"})))),
        ("expired long ago", signer.sign(&rsa, &changed(&json!({"exp": -1})))),
        ("not yet valid", signer.sign(&rsa, &changed(&json!({"nbf": now() + 60})))),
        ("begins in words", signer.sign(&rsa, &changed(&json!({"nbf": "0"})))),
        ("another audience", signer.sign(&rsa, &changed(&json!({"aud": "wine"})))),
        ("another audience", signer.sign(&rsa, &changed(&json!({"aud": ["iris2"]})))),
        ("no audience", signer.sign(&rsa, &changed(&json!({"aud": null})))),
        ("no audience", signer.sign(&rsa, &changed(&json!({"aud": []})))),
        ("another issuer", signer.sign(&rsa, &changed(&json!({"iss": "https://idp"})))),
        ("several issuers", signer.sign(&rsa, &changed(&json!({"iss": [ISSUER, "x"]})))),
        ("no issuer", signer.sign(&rsa, &changed(&json!({"iss": null})))),
        ("nobody", signer.sign(&rsa, &changed(&json!({"sub": null})))),
        ("a line in the name", signer.sign(&rsa, &changed(&json!({"sub": "a\nb"})))),
        ("a claim is missing", signer.sign(&rsa, &changed(&json!({"scope": null})))),
        ("no token", "abc".to_owned()),
    ];
    for (attack, token) in attacks {
        let asked = bearing(&token);
        let answer = through(&[&auth], &asked);
        assert_eq!(answer.status, 401, "{attack}: {token}");
        assert!(header(&answer, "www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""), "{attack}");
        assert!(asked.caller.identity().is_none() && !body(&answer).contains(&token), "{attack}");
    }
    assert_eq!(through(&[&auth], &bearing(&good)).status, 200);
    let nothing = through(&[&auth], &request("GET", &[]));
    assert_eq!((nothing.status, header(&nothing, "www-authenticate")), (401, Some("Bearer")));
    let twice = ("authorization", &*format!("Bearer {good}"));
    assert_eq!(through(&[&auth], &request("GET", &[twice, twice])).status, 400);
}

#[test]
fn it_is_said_what_is_wrong_with_a_claim() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let auth = of_file(&signer, &folder, &json!({}));
    let no_time = |name: &str| format!("the claim `{name}` of the token is no time in seconds since 1970");
    for (change, said) in [
        (json!({"exp": null}), "the token lacks a claim"),
        (json!({"aud": null}), "the token lacks a claim"),
        (json!({"exp": "9999999999"}), &*no_time("exp")),
        (json!({"exp": -1}), &*no_time("exp")),
        (json!({"exp": 1e300}), &*no_time("exp")),
        (json!({"nbf": "x"}), &*no_time("nbf")),
        (json!({"aud": 3}), "the claim `aud` of the token is no text and no list of texts"),
        (json!({"iss": 3}), "the claim `iss` of the token is no text"),
    ] {
        let token = signer.sign(&json!({"alg": "RS256", "kid": "r"}), &changed(&change));
        let answer = through(&[&auth], &bearing(&token));
        let expected = format!("Bearer error=\"invalid_token\", error_description=\"{said}\"");
        assert_eq!((answer.status, header(&answer, "www-authenticate")), (401, Some(&*expected)), "{change}");
    }
}

#[test]
fn options_say_what_a_token_has_to_hold() {
    let (expired, unsaid) = ("the token has expired", "the token does not say who brings it");
    let cases = [
        (json!({}), json!({"exp": now() - 20}), Ok("ada")),
        (json!({"leeway": 0}), json!({"exp": now() - 20}), Err(expired)),
        (json!({"leeway": 0}), json!({"nbf": now() + 20}), Err("the token is not valid yet")),
        (json!({"leeway": 600}), json!({"exp": now() - 300}), Ok("ada")),
        (json!({"leeway": 600}), json!({"nbf": now() + 300}), Ok("ada")),
        (json!({"leeway": 600}), json!({"exp": now() - 700}), Err(expired)),
        (json!({"issuer": "x"}), json!({"iss": "x"}), Ok("ada")),
        (json!({"issuer": "x"}), json!({}), Err("the token comes from another issuer")),
        (json!({"audience": ["x", "y"]}), json!({"aud": "y"}), Ok("ada")),
        (json!({"audience": ["x", "y"]}), json!({}), Err("the token is meant for another audience")),
        (json!({}), json!({"scope": null}), Ok("ada")),
        (json!({"required_claims": ["scope", "email"]}), json!({}), Err("the token lacks a claim")),
        (json!({"required_claims": ["scope", "email"]}), json!({"email": "a@b"}), Ok("ada")),
        (json!({"principal_claim": "email"}), json!({"email": "a@b"}), Ok("a@b")),
        (json!({"principal_claim": "email"}), json!({}), Err(unsaid)),
    ];
    for (options, change, expected) in cases {
        let token = with_secret(&json!({"alg": "HS256"}), &changed(&change), SHARED.as_bytes());
        let asked = bearing(&token);
        let answer = through(&[&of_secret(&options)], &asked);
        let identity = asked.caller.identity();
        let said = header(&answer, "www-authenticate").and_then(|all| all.split('"').nth(3));
        let found = identity.as_ref().map(|identity| &*identity.principal).ok_or(said);
        assert_eq!(
            (answer.status, found),
            (expected.map_or(401, |_| 200), expected.map_err(Some)),
            "{options} {change}"
        );
    }
}

#[test]
fn refusals_name_the_realm() {
    let auth = of_secret(&json!({"realm": "Iris"}));
    let unclear = "error=\"invalid_request\", error_description=\"the request carries no token that can be read\"";
    let invalid = "error=\"invalid_token\", error_description=\"the token cannot be read\"";
    for (asked, status, more) in [
        (request("GET", &[]), 401, String::new()),
        (bearing("a b"), 400, format!(", {unclear}")),
        (bearing("abc"), 401, format!(", {invalid}")),
    ] {
        let answer = through(&[&auth], &asked);
        let expected = format!("Bearer realm=\"Iris\"{more}");
        assert_eq!((answer.status, header(&answer, "www-authenticate")), (status, Some(&*expected)));
    }
}

#[test]
fn keys_of_a_file_are_read_again_when_it_has_changed() {
    let (before, after, folder) = (Signer::new(), Signer::new(), tempfile::tempdir().unwrap());
    type Text = fn(&Signer) -> String;
    let sources: [(&str, Text); 2] =
        [("jwks_file", |signer| signer.jwks().to_string()), ("public_key_file", Signer::pem)];
    let started = sources.map(|(option, text)| {
        let path = folder.path().join(option);
        std::fs::write(&path, text(&before)).unwrap();
        (option, text, decorator("JWTBearer", &arguments(&json!({option: path}))), path)
    });
    let statuses = |auth| {
        [&before, &after].map(|signer| {
            let token = signer.sign(&json!({"alg": "ES256", "kid": "e"}), &claims());
            through(&[auth], &bearing(&token)).status
        })
    };
    for (option, _, auth, _) in &started {
        assert_eq!(statuses(auth), [200, 401], "{option}");
    }
    std::thread::sleep(PERIOD);
    for (option, text, auth, path) in &started {
        std::fs::write(path, text(&after)).unwrap();
        assert_eq!(statuses(auth), [401, 200], "{option} has changed");
    }
}

#[test]
fn a_public_key_verifies_its_own_algorithm() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("key.pem");
    std::fs::write(&path, signer.pem()).unwrap();
    let auth = decorator("JWTBearer", &arguments(&json!({"public_key_file": path})));
    let head = json!({"alg": "ES256", "kid": "any"});
    assert_eq!(through(&[&auth], &bearing(&signer.sign(&head, &claims()))).status, 200);
    assert_eq!(through(&[&auth], &bearing(&Signer::new().sign(&head, &claims()))).status, 401);
    let token = with_secret(&json!({"alg": "HS256"}), &claims(), signer.pem().as_bytes());
    assert_eq!(through(&[&auth], &bearing(&token)).status, 401);

    std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\ncanary").unwrap();
    let broken = plan("JWTBearer", &arguments(&json!({"public_key_file": path}))).unwrap();
    let said = initialize(broken.as_ref(), "predict_decorators.0").unwrap_err();
    assert!(said.contains("no public key") && !said.contains("canary"), "{said}");
}

#[test]
fn a_public_key_of_each_type_is_read() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("key.pem");
    let names = PUBLIC.map(|(name, _)| name);
    let rsa = pem("30820122300d06092a864886f70d01010105000382010f00", signer.rsa.public().as_ref());
    let pkcs1 = pem("", signer.rsa.public().as_ref()).replace("PUBLIC", "RSA PUBLIC");
    let p384 = pem("3076301006072a8648ce3d020106052b81040022036200", signer.p384.public_key().as_ref());
    let ed25519 = pem("302a300506032b6570032100", signer.ed25519.public_key().as_ref());
    for (key, verified) in [
        (rsa, &names[..6]),
        (pkcs1, &names[..6]),
        (signer.pem(), &["ES256"]),
        (p384, &["ES384"]),
        (ed25519, &["EdDSA"]),
    ] {
        std::fs::write(&path, &key).unwrap();
        let auth = decorator("JWTBearer", &arguments(&json!({"public_key_file": path, "algorithms": names})));
        for name in names {
            let answer = through(&[&auth], &bearing(&signer.sign(&json!({"alg": name}), &claims())));
            let expected = if verified.contains(&name) { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{name} with {key}");
        }
    }
}

#[test]
fn a_secret_verifies_where_it_is_given() {
    let auth = of_secret(&json!({}));
    let token = with_secret(&json!({"alg": "HS256"}), &claims(), SHARED.as_bytes());
    assert_eq!(through(&[&auth], &bearing(&token)).status, 200);
    let token = with_secret(&json!({"alg": "HS256"}), &claims(), b"another");
    assert_eq!(through(&[&auth], &bearing(&token)).status, 401);
    let token = format!("{}.", message(&json!({"alg": "none"}), &claims()));
    assert_eq!(through(&[&auth], &bearing(&token)).status, 401);
}

#[test]
fn each_algorithm_is_accepted_where_it_is_allowed() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let of_keys = PUBLIC.map(|(name, id)| (name, signer.sign(&json!({"alg": name, "kid": id}), &claims())));
    check_algorithms(&of_keys, &["RS256", "ES256"], |more| of_file(&signer, &folder, more));
    let shared = SECRET.map(|name| (name, with_secret(&json!({"alg": name}), &claims(), SHARED.as_bytes())));
    check_algorithms(&shared, &["HS256"], of_secret);
}

/// Checks that decorators let in tokens of the algorithms that are named, or of these where none is.
fn check_algorithms(tokens: &[(&str, String)], default: &[&str], of: impl Fn(&Json) -> std::sync::Arc<dyn Decorator>) {
    let names: Vec<&str> = tokens.iter().map(|(name, _)| *name).collect();
    let mut cases = vec![(json!({}), default.to_vec()), (json!({"algorithms": names}), names.clone())];
    cases.extend(names.iter().map(|name| (json!({"algorithms": name}), vec![*name])));
    for (more, allowed) in cases {
        let auth = of(&more);
        for (name, token) in tokens {
            let answer = through(&[&auth], &bearing(token));
            let said = "error_description=\"the token is signed by an algorithm that is not allowed\"";
            match allowed.contains(name) {
                true => assert_eq!(answer.status, 200, "{name} with {more}"),
                false => {
                    assert_eq!(answer.status, 401, "{name} with {more}");
                    assert!(header(&answer, "www-authenticate").unwrap().ends_with(said), "{name} with {more}");
                }
            }
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let (head, _) = signed.split_once('.').unwrap();
            let other = BASE64.encode(changed(&json!({"sub": "root"})).to_string());
            let forged = through(&[&auth], &bearing(&format!("{head}.{other}.{signature}")));
            assert_eq!(forged.status, 401, "{name} with {more}, and other claims");
        }
    }
}

#[test]
fn a_published_set_is_fetched_again_and_outlives_its_provider() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let provider = Provider::saying(500, "");
    let more = json!({"jwks_url": provider.url, "timeout": 1.0, "pause": 0.4, "refresh": 3600.0});
    let auth = decorator("JWTBearer", &arguments(&more));
    let status = |token: &str| through(&[&auth], &bearing(token)).status;
    let pause = || std::thread::sleep(Duration::from_millis(450));
    let token = signer.sign(&json!({"alg": "ES256", "kid": "e"}), &claims());

    assert_eq!(provider.count(), 0, "the set is fetched when it is needed");
    assert_eq!((status(&token), status(&token), provider.count()), (503, 503, 1), "not in the pause");
    provider.say(200, &signer.jwks().to_string());
    pause();
    assert_eq!((status(&token), status(&token), provider.count()), (200, 200, 1));

    // Unknown keys have the set be fetched, and not more often than once a pause.
    pause();
    let unknown = signer.sign(&json!({"alg": "ES256", "kid": "x"}), &claims());
    assert_eq!((status(&unknown), status(&unknown), provider.count()), (401, 401, 1));

    // A provider that fails or talks nonsense does not take the keys away.
    for (code, said) in [(500, ""), (200, "nonsense"), (200, "{\"keys\": []}"), (302, "")] {
        provider.say(code, said);
        pause();
        assert_eq!((status(&unknown), status(&token), provider.count()), (401, 200, 1), "{code} {said}");
    }
    // A new key is let in, the old one no longer.
    let mut keys = stranger.jwks();
    keys["keys"][1]["kid"] = "x".into();
    provider.say(200, &keys.to_string());
    pause();
    let token_of_stranger = stranger.sign(&json!({"alg": "ES256", "kid": "x"}), &claims());
    assert_eq!((status(&token_of_stranger), status(&token), status(&unknown)), (200, 401, 401));
}

#[test]
fn a_set_is_fetched_once_for_many_requests() {
    let signer = Signer::new();
    let provider = Provider::saying(200, &signer.jwks().to_string());
    let auth = decorator("JWTBearer", &arguments(&json!({"jwks_url": provider.url, "timeout": 5.0})));
    let token = signer.sign(&json!({"alg": "ES256", "kid": "e"}), &claims());
    std::thread::scope(|scope| {
        let calls = [(); 8].map(|()| scope.spawn(|| through(&[&auth], &bearing(&token)).status));
        calls.into_iter().for_each(|call| assert_eq!(call.join().unwrap(), 200));
    });
    assert_eq!(provider.count(), 1);
}

#[test]
fn a_provider_that_does_not_answer_holds_nobody_up_for_long() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let auth = decorator("JWTBearer", &arguments(&json!({"jwks_url": url, "timeout": 0.2})));
    let token = Signer::new().sign(&json!({"alg": "ES256", "kid": "e"}), &claims());
    let started = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(through(&[&auth], &bearing(&token)).status, 503);
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn an_old_set_is_fetched_again() {
    let signer = Signer::new();
    let provider = Provider::saying(200, &signer.jwks().to_string());
    let more = json!({"jwks_url": provider.url, "timeout": 1.0, "pause": 0.1, "refresh": 1.0});
    let auth = decorator("JWTBearer", &arguments(&more));
    let token = signer.sign(&json!({"alg": "RS256", "kid": "r"}), &claims());
    assert_eq!((through(&[&auth], &bearing(&token)).status, provider.count()), (200, 1));
    std::thread::sleep(Duration::from_millis(1100));
    provider.say(500, "");
    assert_eq!(through(&[&auth], &bearing(&token)).status, 200, "the old one stays in use");
    provider.asked.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[test]
fn a_set_that_is_much_too_old_is_not_used_once_more() {
    let signer = Signer::new();
    let provider = Provider::saying(200, &signer.jwks().to_string());
    let more = json!({"jwks_url": provider.url, "timeout": 5.0, "pause": 0.1, "refresh": 1.0});
    let auth = decorator("JWTBearer", &arguments(&more));
    let token = signer.sign(&json!({"alg": "RS256", "kid": "r"}), &claims());
    assert_eq!(through(&[&auth], &bearing(&token)).status, 200);
    let mut keys = signer.jwks();
    keys["keys"].as_array_mut().unwrap().retain(|key| key["kid"] != "r");
    provider.say(200, &keys.to_string());
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(through(&[&auth], &bearing(&token)).status, 401);
}

#[test]
fn nobody_with_a_known_key_waits_for_a_provider_that_hangs() {
    let signer = Signer::new();
    let provider = Provider::saying(200, &signer.jwks().to_string());
    let more = json!({"jwks_url": provider.url, "timeout": 2.0, "pause": 0.1, "refresh": 2.0});
    let auth = decorator("JWTBearer", &arguments(&more));
    let timed = |kid: &str| {
        let token = signer.sign(&json!({"alg": "RS256", "kid": kid}), &claims());
        let started = std::time::Instant::now();
        (through(&[&auth], &bearing(&token)).status, started.elapsed())
    };
    assert_eq!(timed("r").0, 200);
    // Who looks for what it says waits.
    let _hangs = provider.says.lock().unwrap();
    std::thread::sleep(Duration::from_millis(2100));
    let unhurried = Duration::from_millis(1500);
    for _ in 0..16 {
        let (status, waited) = timed("r");
        assert!(status == 200 && waited < unhurried, "{status} after {waited:?}");
        std::thread::sleep(Duration::from_millis(150));
    }
    let (status, waited) = timed("x");
    assert!(status == 401 && waited < Duration::from_millis(3500), "{status} after {waited:?}");
}

#[test]
fn arguments_are_checked_and_never_shown() {
    let with_keys = |more: Json| with(arguments(&json!({"jwks_file": "keys.json"})), &more);
    for (arguments, said) in [
        (arguments(&json!({})), "one of `jwks_url`, `jwks_file`, `public_key_file` and `secret` is needed"),
        (with_keys(json!({"public_key_file": "x"})), "`secret` can be given, not several"),
        (with_keys(json!({"secret": SHARED})), "`secret` can be given, not several"),
        (with_keys(json!({"algorithms": "none"})), "`none` is no algorithm"),
        (with_keys(json!({"algorithms": []})), "no algorithm is left"),
        (with_keys(json!({"algorithms": ["RS256", "HS256"]})), "`HS256` needs `secret`"),
        (arguments(&json!({"secret": SHARED, "algorithms": "RS256"})), "needs a public key"),
        (arguments(&json!({"secret": "canary"})), "at least 32 bytes"),
        (arguments(&json!({"secret": ""})), "at least 32 bytes"),
        (arguments(&json!({"jwks_url": "http://idp.example.com/canary"})), "`jwks_url`"),
        (with_keys(json!({"issuer": ""})), "`issuer` is empty"),
        (with_keys(json!({"audience": []})), "`audience` is empty"),
        (with_keys(json!({"leeway": 10000})), "`leeway`"),
    ] {
        let findings = plan("JWTBearer", &arguments).err().unwrap();
        assert!(findings.contains(said) && !findings.contains("canary"), "{findings}");
    }
}
