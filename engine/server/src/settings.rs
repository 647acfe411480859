//! The root key `server`: how the service runs.

use std::time::Duration;

use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, nearest};
use palladium_runtime::{App, root_keys};

/// What the root key `server` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether views that change something may be reached from other machines without a decorator.
    pub allow_unauthenticated_admin: bool,
    /// How many jobs that are over are kept.
    pub keep_jobs: usize,
    /// How many samples a request may have.
    pub max_rows: usize,
    /// How long a prediction may take, which is then made away from the workers; nothing leaves it to the server.
    pub predict_timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { allow_unauthenticated_admin: false, keep_jobs: 100, max_rows: 100_000, predict_timeout: None }
    }
}

const ALLOW: &str = "allow_unauthenticated_admin";
const KEEP: &str = "keep_jobs";
const MAX_ROWS: &str = "max_rows";
const PREDICT_TIMEOUT: &str = "predict_timeout";

impl Settings {
    /// Reads the root key; what is wrong with it is added to the findings.
    pub fn of(app: &App, findings: &mut Diagnostics) -> Settings {
        let mut settings = Settings::default();
        let key = KeyPath::parse(root_keys::SERVER);
        let value = app.root().get(root_keys::SERVER).filter(|value| !value.is_null());
        let wrong = |message: String| Diagnostic::new(Code::BadArguments, message).in_key(&key);
        let Some(map) = value.and_then(|value| value.as_map()) else {
            // Planning says what else stands there.
            return settings;
        };
        for (name, entry) in map {
            let value = &entry.value;
            let expected = match name.as_str() {
                ALLOW => match value.as_bool() {
                    Some(flag) => {
                        settings.allow_unauthenticated_admin = flag;
                        continue;
                    }
                    None => "true or false",
                },
                KEEP => match value.as_int().and_then(|number| usize::try_from(number).ok()) {
                    Some(number) => {
                        settings.keep_jobs = number;
                        continue;
                    }
                    None => "a whole number from 0 on",
                },
                MAX_ROWS => match value.as_int().and_then(|number| usize::try_from(number).ok()) {
                    Some(number @ 1..) => {
                        settings.max_rows = number;
                        continue;
                    }
                    _ => "a whole number from 1 on",
                },
                PREDICT_TIMEOUT => match value.as_float().and_then(|number| Duration::try_from_secs_f64(number).ok()) {
                    Some(time) if !time.is_zero() => {
                        settings.predict_timeout = Some(time);
                        continue;
                    }
                    _ => "a number of seconds greater than 0",
                },
                _ => {
                    let label = match nearest(name, [ALLOW, KEEP, MAX_ROWS, PREDICT_TIMEOUT]) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("it has `{ALLOW}`, `{KEEP}`, `{MAX_ROWS}` and `{PREDICT_TIMEOUT}`"),
                    };
                    findings.push(wrong(format!("`{key}` has no key `{name}`")).at(&entry.key_span, label));
                    continue;
                }
            };
            let finding = wrong(format!("`{name}` of `{key}` has to be {expected}"));
            findings.push(finding.at_value(value, format!("this is {}", value.describe())));
        }
        settings
    }
}
