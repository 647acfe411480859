//! Users with passwords.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use tracing::field::display;

use crate::credentials::{Given, basic};
use crate::expiring::Expiring;
use crate::gate::{Bounds, Gate};
use crate::keyed_hash::{Hash, KeyedHash};
use crate::password::Users;
use crate::plain::QuotedText;
use crate::view::{described_401, described_later, later, request_of, text_refusal};
use crate::watched::{Watched, read};

/// Lets users with a password in, by HTTP Basic authentication.
///
/// Everybody else gets status 401 and is asked for user and password. Passwords are checked against argon2 hashes,
/// which `palladium hash-password` prints:
///
/// ```ron
/// "predict_decorators": [{
///     "!": "palladium.decorators.BasicAuth",
///     "users": { "admin": "$argon2id$v=19$m=19456,t=2,p=1$…$…" },
/// }]
/// ```
///
/// Users may stand in a file instead, a line `user:hash` for each, which is read again when it has changed:
///
/// ```ron
/// { "!": "palladium.decorators.BasicAuth", "users_file": "${here}/users" }
/// ```
///
/// One that is deleted, names nobody or has a wrong line while the service runs counts as it was before: all users of
/// before are still let in, and the log says so as an error. With such a file the service does not start. To let nobody
/// in, leave a user in it whose password nobody knows: `openssl rand -hex 32 | palladium hash-password` prints the hash of
/// one.
///
/// Basic authentication sends the password with each request: put TLS in front. Checking a password takes time by
/// intention. One that was right is known for `remember` seconds, kept as a keyed hash in memory; at most
/// `max_hashing` are checked at once, and who does not get a turn within `max_wait` seconds is answered with status 503.
/// An unknown user takes as long as a wrong password. A `RateLimit` further outside keeps guessing slow.
///
/// The name of the user is what logs and limits further inside see as the principal.
#[component(Decorator, name = "palladium.decorators.BasicAuth", check, lifecycle)]
pub struct BasicAuth {
    /// A map from users to the argon2 hashes of their passwords, as PHC strings. Either this or `users_file` is given.
    users: Option<Users>,
    /// A file with a line `user:hash` for each user; empty lines and those that begin with `#` are left out.
    users_file: Option<PathBuf>,
    /// What the client shows when it asks for user and password.
    #[param(default = "Login Required")]
    realm: QuotedText,
    /// How many seconds a password that was right is known; 0 checks it with each request.
    #[param(default = 60.0, min = 0.0, max = 3600.0)]
    remember: f64,
    /// How many passwords are known at most.
    #[param(default = 1000, min = 1)]
    max_remembered: usize,
    /// How many passwords are checked at once.
    #[param(default = 2, min = 1)]
    max_hashing: usize,
    /// How many seconds a request waits at most until its password is checked.
    #[param(default = 2.0, min = 0.0, max = 60.0)]
    max_wait: f64,
    #[state]
    watched: Watched<Users>,
    #[state]
    hash: OnceLock<KeyedHash>,
    #[state]
    known: Expiring<Hash, ()>,
    #[state]
    gate: Gate,
}

/// What came out of a check.
enum Outcome {
    Right,
    Wrong,
    Busy,
}

impl BasicAuth {
    fn check(&self) -> Result<(), ArgumentError> {
        match (&self.users, &self.users_file) {
            (Some(_), Some(_)) => Err(ArgumentError::new("users_file", "give `users` or `users_file`, not both")),
            (None, None) => Err(ArgumentError {
                parameter: None,
                message: "one of `users` and `users_file` is needed".to_owned(),
                help: Some("`palladium hash-password` prints the hash of a password".to_owned()),
            }),
            (Some(users), None) if users.is_empty() => Err(ArgumentError {
                parameter: None,
                message: "`users` names nobody, so nobody could get in".to_owned(),
                help: Some("`palladium hash-password` prints the hash of a password".to_owned()),
            }),
            _ => Ok(()),
        }
    }

    fn users(&self) -> Result<Arc<Users>, Failure> {
        match (&self.users, &self.users_file) {
            (_, Some(path)) => Ok(self.watched.get(path, Users::parse)?),
            (users, None) => Ok(Arc::new(users.clone().unwrap_or_default())),
        }
    }

    /// Checks a password.
    fn verify(&self, user: &str, password: &str) -> Result<Outcome, Failure> {
        let hash = self.hash.get().ok_or_else(|| Failure::message("the decorator was not initialized"))?;
        let users = self.users()?;
        let Some((own, is_known)) = users.hash_of(user, hash) else { return Ok(Outcome::Wrong) };
        let key = hash.of(&[user.as_bytes(), password.as_bytes(), own.as_str().as_bytes()]);
        let now = Instant::now();
        if is_known && self.known.get(&key, now).is_some() {
            return Ok(Outcome::Right);
        }
        const QUEUE: usize = 64;
        let wait = Duration::from_secs_f64(self.max_wait);
        let Some(_inside) = self.gate.enter(Bounds { most: self.max_hashing, queue: QUEUE, wait }) else {
            return Ok(Outcome::Busy);
        };
        if !own.fits(password) || !is_known {
            return Ok(Outcome::Wrong);
        }
        if self.remember > 0.0 {
            let until = now + Duration::from_secs_f64(self.remember);
            self.known.insert(key, (), until, self.max_remembered);
        }
        Ok(Outcome::Right)
    }

    fn ask(&self, request: &ViewRequest) -> ViewResponse {
        let message = "Could not verify your access level for that URL.\nYou have to login with proper credentials";
        let mut response = text_refusal(request, 401, message);
        response.set_header("www-authenticate", format!("Basic realm=\"{}\"", self.realm.0));
        response
    }
}

impl Lifecycle for BasicAuth {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        // Who fits need not have the users of the service at hand.
        if context.mode == Mode::Serve {
            self.users()?;
        }
        let _ = self.hash.set(KeyedHash::random()?);
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        let Some(path) = &self.users_file else { return Ok(Probe::Nothing) };
        read(path, Users::parse)?;
        Ok(Probe::Found(format!("the file `{}`", path.display())))
    }
}

impl Decorator for BasicAuth {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        let Given::This((user, password)) = basic(request) else { return Ok(self.ask(request).into()) };
        match self.verify(&user, &password)? {
            Outcome::Right => {
                request.caller.identify(Identity { principal: user, scopes: Vec::new() });
                call.proceed()
            }
            Outcome::Wrong => {
                let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
                tracing::info!(target: "palladium::auth", request_id, trace_id, "a user or a password is wrong");
                Ok(self.ask(request).into())
            }
            Outcome::Busy => Ok(later(request, 503, "too many passwords are being checked", 1).into()),
        }
    }

    fn authentication(&self) -> Authentication {
        Authentication::Required
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let asked =
            OperationResponse { content: vec![OperationContent::text()], ..described_401("Who calls is unknown.") };
        Some(DecoratorDocs {
            security: vec![SecurityScheme {
                name: "basic".to_owned(),
                description: "User and password.".to_owned(),
                credential: Credential::Basic,
            }],
            responses: vec![asked, described_later(503, "Too many passwords are being checked.")],
            ..DecoratorDocs::default()
        })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gate::tests::beside_another;
    use crate::password::tests::SECRET;
    use crate::testing::{body, decorator, header, initialize, plan, request, through};

    fn login(user: &str, password: &str) -> ViewRequest {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        request("GET", &[("authorization", &format!("Basic {encoded}"))])
    }

    #[test]
    fn lets_users_in_and_asks_everybody_else() {
        let auth = decorator("BasicAuth", &json!({"users": {"admin": SECRET}}));
        let asked = login("admin", "secret");
        for _ in 0..2 {
            let answer = through(&[&auth], &asked);
            assert_eq!((answer.status, body(&answer)), (200, "seen"));
        }
        assert_eq!(asked.caller.identity().unwrap().principal, "admin");
        let refused = [
            request("GET", &[]),
            request("GET", &[("authorization", "Bearer abc")]),
            login("admin", "wrong"),
            login("admin", ""),
            login("Admin", "secret"),
            login("eve", "secret"),
        ];
        for request in refused {
            let answer = through(&[&auth], &request);
            assert_eq!(answer.status, 401);
            assert_eq!(header(&answer, "www-authenticate"), Some("Basic realm=\"Login Required\""));
            assert_eq!(header(&answer, "content-type"), Some("text/plain; charset=utf-8"));
            assert!(body(&answer).starts_with("Could not verify your access level for that URL."));
            assert_eq!(request.caller.identity(), None);
        }
    }

    #[test]
    fn users_of_a_file_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, format!("ada:{SECRET}\n")).unwrap();
        let auth = decorator("BasicAuth", &json!({"users_file": path}));
        let status = |user: &str| through(&[&auth], &login(user, "secret")).status;
        assert_eq!((status("ada"), status("bob")), (200, 401));
        std::fs::write(&path, format!("bob:{SECRET}\n# ada is gone\n")).unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!((status("ada"), status("bob")), (401, 200), "what is remembered does not outlive the user");
        std::fs::write(&path, format!("\u{feff}ada:{SECRET}\r\nbob:{SECRET}\r\n")).unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!((status("ada"), status("bob")), (200, 200), "saved by an editor of another system");
        std::fs::write(&path, "# nobody\n").unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!((status("ada"), status("bob")), (200, 200), "a file that names nobody leaves everybody in");
        let emptied = plan("BasicAuth", &json!({"users_file": path})).unwrap();
        assert!(initialize(emptied.as_ref(), "predict_decorators.0").unwrap_err().contains("it names no user"));
        let unknown = SECRET.replace("$pclx", "$qclx");
        std::fs::write(&path, format!("nobody:{unknown}\n")).unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!((status("ada"), status("bob"), status("nobody")), (401, 401, 401));

        let missing = plan("BasicAuth", &json!({"users_file": folder.path().join("no")})).unwrap();
        assert!(initialize(missing.as_ref(), "predict_decorators.0").unwrap_err().contains("cannot be read"));
        assert!(missing.probe().is_err() && auth.probe().is_ok());
    }

    /// Returns a decorator that lets in Ada and Bob, whose gate is at hand.
    fn of_two() -> BasicAuth {
        BasicAuth {
            users: Some(Users::parse(&format!("ada:{SECRET}\nbob:{SECRET}")).unwrap()),
            users_file: None,
            realm: QuotedText("x".to_owned()),
            remember: 60.0,
            max_remembered: 2,
            max_hashing: 1,
            max_wait: 0.0,
            watched: Watched::default(),
            hash: OnceLock::from(KeyedHash::random().unwrap()),
            known: Expiring::default(),
            gate: Gate::default(),
        }
    }

    #[test]
    fn a_password_that_was_right_is_not_hashed_again() {
        let users = ["ada", "bob"];
        for (remember, max_remembered, known) in [
            (60.0, 2, [200, 200]),
            (60.0, 1, [503, 200]),
            (0.0, 2, [503, 503]),
            // Over before the password is checked.
            (1e-9, 2, [503, 503]),
        ] {
            let auth = Arc::new(BasicAuth { remember, max_remembered, ..of_two() });
            let decorator: Arc<dyn Decorator> = auth.clone();
            let status = |user: &str, password: &str| through(&[&decorator], &login(user, password)).status;
            assert_eq!(users.map(|user| status(user, "secret")), [200, 200]);
            // While another password is being checked, who is known need not wait, everybody else cannot.
            let _checking = auth.gate.enter(Bounds { most: 1, queue: 0, wait: Duration::ZERO }).unwrap();
            assert_eq!(users.map(|user| status(user, "secret")), known, "{remember} {max_remembered}");
            assert_eq!([status("ada", "wrong"), status("eve", "secret")], [503, 503]);
        }
    }

    #[test]
    fn who_gets_no_turn_is_asked_to_come_again() {
        for (max_hashing, max_wait, waits, status) in [(1, 0.0, false, 503), (1, 60.0, true, 200), (2, 0.0, false, 200)]
        {
            let auth = Arc::new(BasicAuth { max_hashing, max_wait, ..of_two() });
            let decorator: Arc<dyn Decorator> = auth.clone();
            let answer = beside_another(&auth.gate, || through(&[&decorator], &login("ada", "secret")));
            let retry = (status == 503).then_some("1");
            let found = (answer.0, answer.1.status, header(&answer.1, "retry-after"));
            assert_eq!(found, (waits, status, retry), "{max_hashing} {max_wait}");
        }
    }

    #[test]
    fn the_realm_is_what_the_client_shows() {
        let auth = decorator("BasicAuth", &json!({"users": {"ada": SECRET}, "realm": "Iris, inside"}));
        let answer = through(&[&auth], &request("GET", &[]));
        let asked = header(&answer, "www-authenticate");
        assert_eq!((answer.status, asked), (401, Some("Basic realm=\"Iris, inside\"")));
    }

    #[test]
    fn arguments_are_checked_and_never_shown() {
        for (arguments, said) in [
            (json!({}), "one of `users` and `users_file` is needed"),
            (json!({"users": {}}), "names nobody"),
            (json!({"users": {"a": SECRET}, "users_file": "x"}), "not both"),
            (json!({"users": {"a": "canary"}}), "the hash of the password of \"a\" is no argon2 hash"),
            (json!({"users": {"a": SECRET}, "realm": "x\"y"}), "`realm`"),
            (json!({"users": {"a": SECRET}, "realm": "x\r\ny"}), "`realm`"),
        ] {
            let findings = plan("BasicAuth", &arguments).err().unwrap();
            assert!(findings.contains(said) && !findings.contains("canary"), "{findings}");
        }
    }
}
