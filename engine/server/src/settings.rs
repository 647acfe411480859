//! The root key `server`: how the service runs.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::slice;
use std::time::Duration;

use palladium_component::interfaces::Explain;
use palladium_component::value::{Code, Data, Diagnostic, Diagnostics, KeyPath, Map, Value, nearest, with_causes};
use palladium_runtime::{App, root_keys};

use crate::listen::{Listen, NoAddress};
use crate::options::ServeOptions;

/// How the service runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What counts from the start on.
    pub fixed: Fixed,
    /// What requests may ask for.
    pub limits: Limits,
    /// Whether views that change something may be reached from other machines without a decorator that asks who
    /// it is.
    pub allow_unauthenticated_admin: bool,
    /// How many jobs that are over are kept.
    pub keep_jobs: usize,
    /// How many samples a request may have.
    pub max_rows: usize,
    /// How long a prediction may take; nothing stands for as long as the server thinks right, away from the workers.
    pub predict_timeout: Option<Duration>,
}

/// What cannot change while the service runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixed {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// The permissions of Unix sockets.
    pub socket_mode: u32,
    /// The connections that the system may hold until they are accepted, at each address.
    pub backlog: u32,
    /// The number of worker threads; nothing stands for one a core.
    pub workers: Option<usize>,
    /// The connections at once; nothing stands for as many as actix takes by itself.
    pub max_connections: Option<usize>,
    /// What is encrypted, if anything is.
    pub tls: Option<TlsSettings>,
    /// How long a connection may be idle between two requests; zero closes it after each.
    pub keep_alive: Duration,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long a client may take nothing of an answer that is for it.
    pub write_timeout: Duration,
    /// How long the service goes on after it was told to stop.
    pub drain: Duration,
    /// How long a stop waits for requests that are running, in full seconds, and then for jobs.
    pub shutdown_timeout: Duration,
}

/// The files that connections are encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate, followed by those that lead to a known one.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of which clients need a certificate, if they need one.
    pub client_ca: Option<PathBuf>,
    /// How long the handshake may take.
    pub handshake_timeout: Duration,
    /// How often the files are looked at for newer ones.
    pub refresh: Duration,
}

/// What requests may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a request's head; a longer one is answered with 431.
    pub max_head: usize,
    /// The headers of a request; more are answered with 431.
    pub max_headers: usize,
    /// The bytes of a request's body; a longer one is answered with 413. Of a stream of lines, those of a line.
    pub max_body: usize,
    /// How many bytes of long bodies may be in memory at once; what comes beyond is answered with 503. Nothing stands for
    /// a number of bodies that are as long as they may be.
    pub max_body_memory: Option<usize>,
    /// How long the body of a request may take; a slower one is answered with 408. Of a stream of lines, how long nothing
    /// of it may come.
    pub body_timeout: Duration,
    /// How many large bodies and batches of streams are worked on at once, others wait; nothing stands for one a core.
    pub max_large_bodies: Option<usize>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            fixed: Fixed::default(),
            limits: Limits::default(),
            allow_unauthenticated_admin: false,
            keep_jobs: 100,
            max_rows: 100_000,
            predict_timeout: None,
        }
    }
}

impl Default for Fixed {
    fn default() -> Fixed {
        Fixed {
            listen: vec![Listen::Tcp { host: "127.0.0.1".to_owned(), port: 5000 }],
            socket_mode: 0o660,
            backlog: 1024,
            workers: None,
            max_connections: None,
            tls: None,
            keep_alive: Duration::from_secs(75),
            head_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_head: 64 << 10,
            max_headers: MOST_HEADERS,
            max_body: 16 << 20,
            max_body_memory: None,
            body_timeout: Duration::from_secs(30),
            max_large_bodies: None,
        }
    }
}

impl TlsSettings {
    fn new() -> TlsSettings {
        TlsSettings {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            client_ca: None,
            handshake_timeout: Duration::from_secs(10),
            refresh: Duration::from_secs(10),
        }
    }
}

/// What is read of the head of a request at all.
const LONGEST_HEAD: usize = 128 << 10;

/// The headers that are read at all.
const MOST_HEADERS: usize = 96;

const MOST_WORKERS: usize = 1024;

/// The shortest time, in seconds, that actix's clock can tell, which goes on every half a second.
const COARSE: f64 = 1.0;

/// The longest time that can be chosen, in seconds.
const LONGEST: f64 = 86_400.0;

/// An entry of a map that holds settings.
pub struct Setting<T> {
    pub name: &'static str,
    /// What it has to be.
    expected: &'static str,
    /// Sets it, where the value is what it has to be.
    set: fn(&mut T, &Value) -> Result<(), Fault>,
}

/// Why a value is not what it has to be.
enum Fault {
    /// It is something else.
    Kind,
    /// It is a number that is too small or too large.
    Range,
    /// An item of it is wrong, the one at this position.
    Item(usize, &'static str),
}

/// The key of the addresses.
pub const LISTEN: &str = "listen";

/// The key of how many bytes of bodies may be in memory.
const MAX_BODY_MEMORY: &str = "max_body_memory";

/// So many bodies that are as long as they may be have room in memory, unless the configuration says how much there is.
const LONGEST_BODIES: usize = 16;

/// The entries of the root key.
pub const SETTINGS: &[Setting<Settings>] = &[
    Setting {
        name: LISTEN,
        expected: "an address such as `127.0.0.1:5000` or `unix:/run/palladium.sock`, or a list of different ones",
        set: |settings, value| put(&mut settings.fixed.listen, addresses(value)),
    },
    Setting {
        name: "socket_mode",
        expected: "permissions as octal digits in text, such as \"660\"",
        set: |settings, value| put(&mut settings.fixed.socket_mode, mode(value)),
    },
    Setting {
        name: "backlog",
        expected: "a whole number from 1 to 65535",
        set: |settings, value| {
            let backlog = u32::try_from(number(value, 1, 65_535)?);
            put(&mut settings.fixed.backlog, backlog.map_err(|_| Fault::Range))
        },
    },
    Setting {
        name: "workers",
        expected: "a whole number from 1 to 1024",
        set: |settings, value| put(&mut settings.fixed.workers, number(value, 1, MOST_WORKERS).map(Some)),
    },
    Setting {
        name: "max_connections",
        expected: "a whole number from 1 on",
        set: |settings, value| put(&mut settings.fixed.max_connections, number(value, 1, usize::MAX).map(Some)),
    },
    Setting {
        name: "keep_alive",
        expected: "0, or seconds from 1 to 86400",
        set: |settings, value| {
            let is_zero = seconds(value, 0.0)?.is_zero();
            put(&mut settings.fixed.keep_alive, seconds(value, if is_zero { 0.0 } else { COARSE }))
        },
    },
    Setting {
        name: "head_timeout",
        expected: "seconds from 1 to 86400",
        set: |settings, value| put(&mut settings.fixed.head_timeout, seconds(value, COARSE)),
    },
    Setting {
        name: "body_timeout",
        expected: "seconds from 0.001 to 86400",
        set: |settings, value| put(&mut settings.limits.body_timeout, seconds(value, 0.001)),
    },
    Setting {
        name: "write_timeout",
        expected: "seconds from 0.001 to 86400",
        set: |settings, value| put(&mut settings.fixed.write_timeout, seconds(value, 0.001)),
    },
    Setting {
        name: "max_head",
        expected: "a number of bytes from 256 to 131072",
        set: |settings, value| put(&mut settings.limits.max_head, number(value, 256, LONGEST_HEAD)),
    },
    Setting {
        name: "max_headers",
        expected: "a whole number from 1 to 96",
        set: |settings, value| put(&mut settings.limits.max_headers, number(value, 1, MOST_HEADERS)),
    },
    Setting {
        name: "max_body",
        expected: "a number of bytes from 1 on",
        set: |settings, value| put(&mut settings.limits.max_body, number(value, 1, usize::MAX)),
    },
    Setting {
        name: MAX_BODY_MEMORY,
        expected: "a number of bytes from 1 on",
        set: |settings, value| put(&mut settings.limits.max_body_memory, number(value, 1, usize::MAX).map(Some)),
    },
    Setting {
        name: "max_large_bodies",
        expected: "a whole number from 1 to 65535",
        set: |settings, value| put(&mut settings.limits.max_large_bodies, number(value, 1, 65_535).map(Some)),
    },
    Setting {
        name: "drain",
        expected: "seconds from 0 to 86400",
        set: |settings, value| put(&mut settings.fixed.drain, seconds(value, 0.0)),
    },
    Setting {
        name: "shutdown_timeout",
        expected: "seconds from 0.001 to 86400",
        set: |settings, value| put(&mut settings.fixed.shutdown_timeout, seconds(value, 0.001)),
    },
    Setting {
        name: "allow_unauthenticated_admin",
        expected: "true or false",
        set: |settings, value| put(&mut settings.allow_unauthenticated_admin, value.as_bool().ok_or(Fault::Kind)),
    },
    Setting {
        name: "keep_jobs",
        expected: "a whole number from 0 on",
        set: |settings, value| put(&mut settings.keep_jobs, number(value, 0, usize::MAX)),
    },
    Setting {
        name: "max_rows",
        expected: "a whole number from 1 on",
        set: |settings, value| put(&mut settings.max_rows, number(value, 1, usize::MAX)),
    },
    Setting {
        name: "predict_timeout",
        expected: "seconds from 0.001 to 86400",
        set: |settings, value| put(&mut settings.predict_timeout, seconds(value, 0.001).map(Some)),
    },
];

/// The entries of `tls`.
pub const TLS_SETTINGS: &[Setting<TlsSettings>] = &[
    Setting {
        name: "certificate",
        expected: "the path of a file",
        set: |tls, value| put(&mut tls.certificate, path(value)),
    },
    Setting { name: "key", expected: "the path of a file", set: |tls, value| put(&mut tls.key, path(value)) },
    Setting {
        name: "client_ca",
        expected: "the path of a file",
        set: |tls, value| put(&mut tls.client_ca, path(value).map(Some)),
    },
    Setting {
        name: "handshake_timeout",
        expected: "seconds from 0.001 to 86400",
        set: |tls, value| put(&mut tls.handshake_timeout, seconds(value, 0.001)),
    },
    Setting {
        name: "refresh",
        expected: "seconds from 0.001 to 86400",
        set: |tls, value| put(&mut tls.refresh, seconds(value, 0.001)),
    },
];

/// The key of the map that says what connections are encrypted with.
const TLS: &str = "tls";

impl Settings {
    /// Reads the root key; what is wrong with it is added to the findings.
    pub fn of(app: &App, findings: &mut Diagnostics) -> Settings {
        let mut settings = Settings::default();
        let key = KeyPath::parse(root_keys::SERVER);
        let value = app.root().get(root_keys::SERVER).filter(|value| !value.is_null());
        let Some(map) = value.and_then(|value| value.as_map()) else {
            // Planning says what else stands there.
            return settings;
        };
        read(map, &key, SETTINGS, &[TLS], &mut settings, findings);
        let Limits { max_body, max_body_memory, .. } = settings.limits;
        if max_body_memory.is_some_and(|memory| memory < max_body)
            && let Some(entry) = map.get(MAX_BODY_MEMORY)
        {
            let message = format!("`{MAX_BODY_MEMORY}` of `{key}` has to be at least `max_body`, which is {max_body}");
            let finding = Diagnostic::new(Code::BadArguments, message).in_key(&key);
            findings.push(finding.at_value(&entry.value, "no body of that length would have room"));
        }
        if let Some(value) = map.get(TLS).map(|entry| &entry.value).filter(|value| !value.is_null()) {
            settings.fixed.tls = tls(value, &key.join(TLS), findings);
        }
        settings
    }

    /// Puts what the command line chooses in its place.
    #[must_use]
    pub fn overridden_by(mut self, options: &ServeOptions) -> Settings {
        if options.is_trial {
            self.fixed.listen.iter_mut().for_each(Listen::make_trial);
        }
        if !options.listen.is_empty() {
            self.fixed.listen.clone_from(&options.listen);
        }
        self.fixed.workers = options.workers.map(NonZeroUsize::get).or(self.fixed.workers);
        self.limits.max_body = options.max_body.unwrap_or(self.limits.max_body);
        self.fixed.drain = options.drain.unwrap_or(self.fixed.drain);
        self
    }
}

impl Limits {
    /// Returns how many bytes of long bodies may be in memory at once, which is room for one at least.
    pub fn body_memory(&self) -> usize {
        let usual = self.max_body.saturating_mul(LONGEST_BODIES);
        self.max_body_memory.unwrap_or(usual).max(self.max_body)
    }
}

impl Fixed {
    /// Returns the keys of what is different in another configuration.
    pub fn differences(&self, other: &Fixed) -> Vec<&'static str> {
        let pairs = [
            ("listen", self.listen == other.listen),
            ("socket_mode", self.socket_mode == other.socket_mode),
            ("backlog", self.backlog == other.backlog),
            ("workers", self.workers == other.workers),
            ("max_connections", self.max_connections == other.max_connections),
            ("tls", self.tls == other.tls),
            ("keep_alive", self.keep_alive == other.keep_alive),
            ("head_timeout", self.head_timeout == other.head_timeout),
            ("write_timeout", self.write_timeout == other.write_timeout),
            ("drain", self.drain == other.drain),
            ("shutdown_timeout", self.shutdown_timeout == other.shutdown_timeout),
        ];
        pairs.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
    }
}

/// Returns an error of what an entry of the root key names as a finding about the place of its value.
pub fn unreachable(error: &impl Explain, entry: &str, value: Option<&Value>) -> Diagnostic {
    let key = KeyPath::parse(root_keys::SERVER).join(entry);
    let finding = Diagnostic::new(Code::Unreachable, with_causes(error)).in_key(&key);
    let finding = error.help().into_iter().fold(finding, Diagnostic::help);
    value.into_iter().fold(finding, |finding, value| finding.at_value(value, "needed here"))
}

/// Returns where the addresses of the root key are written, in their order.
pub fn written_addresses(app: &App) -> &[Value] {
    let listen = app.root().get(root_keys::SERVER).and_then(|server| server.get(LISTEN));
    listen.map_or(&[], listed)
}

/// Reads the entries of a map by a table; `others` are read elsewhere.
fn read<T>(
    map: &Map,
    key: &KeyPath,
    table: &[Setting<T>],
    others: &[&'static str],
    into: &mut T,
    findings: &mut Diagnostics,
) {
    let known = || table.iter().map(|setting| setting.name).chain(others.iter().copied());
    let wrong = |message: String| Diagnostic::new(Code::BadArguments, message).in_key(key);
    for (name, entry) in map.iter().filter(|(name, _)| !others.contains(&name.as_str())) {
        let Some(setting) = table.iter().find(|setting| setting.name == name) else {
            let finding = wrong(format!("`{key}` has no key `{name}`"));
            findings.push(match nearest(name, known()) {
                Some(near) => finding.at(&entry.key_span, format!("did you mean `{near}`?")),
                None => {
                    let known: Vec<String> = known().map(|name| format!("`{name}`")).collect();
                    finding.at(&entry.key_span, "").help(format!("it has {}", known.join(", ")))
                }
            });
            continue;
        };
        let value = &entry.value;
        if let Err(fault) = (setting.set)(into, value) {
            let finding = wrong(format!("`{name}` of `{key}` has to be {}", setting.expected));
            findings.push(match fault {
                Fault::Kind => finding.at_value(value, format!("this is {}", value.describe())),
                Fault::Range => finding.at_value(value, "out of range"),
                Fault::Item(position, why) => finding.at_value(listed(value).get(position).unwrap_or(value), why),
            });
        }
    }
}

/// Reads what connections are encrypted with.
fn tls(value: &Value, key: &KeyPath, findings: &mut Diagnostics) -> Option<TlsSettings> {
    let wrong = |message: String| Diagnostic::new(Code::BadArguments, message).in_key(key);
    let Some(map) = value.as_map() else {
        let finding = wrong(format!("`{key}` has to be a map"));
        findings.push(finding.at_value(value, format!("this is {}", value.describe())));
        return None;
    };
    let mut tls = TlsSettings::new();
    read(map, key, TLS_SETTINGS, &[], &mut tls, findings);
    for name in ["certificate", "key"].into_iter().filter(|name| !map.contains_key(*name)) {
        let finding = Diagnostic::new(Code::MissingKey, format!("`{key}` needs `{name}`")).in_key(key);
        findings.push(finding.at_value(value, "").help("name the files of a certificate and of its private key"));
    }
    Some(tls)
}

/// Sets a setting, where there is a value for it.
fn put<T>(setting: &mut T, value: Result<T, Fault>) -> Result<(), Fault> {
    *setting = value?;
    Ok(())
}

fn number(value: &Value, least: usize, most: usize) -> Result<usize, Fault> {
    let number = usize::try_from(value.as_int().ok_or(Fault::Kind)?).ok();
    number.filter(|number| (least..=most).contains(number)).ok_or(Fault::Range)
}

fn seconds(value: &Value, least: f64) -> Result<Duration, Fault> {
    let number = match value.data {
        Data::Int(number) => number as f64,
        Data::Float(number) => number,
        _ => return Err(Fault::Kind),
    };
    if (least..=LONGEST).contains(&number) { Ok(Duration::from_secs_f64(number)) } else { Err(Fault::Range) }
}

fn path(value: &Value) -> Result<PathBuf, Fault> {
    value.as_text().filter(|text| !text.is_empty()).map(PathBuf::from).ok_or(Fault::Kind)
}

/// Reads permissions, in which the owner at least may write.
fn mode(value: &Value) -> Result<u32, Fault> {
    let text = value.as_text().filter(|text| (3..=4).contains(&text.len()));
    let mode = text.and_then(|text| u32::from_str_radix(text, 8).ok());
    mode.filter(|mode| *mode <= 0o777 && mode & 0o200 != 0).ok_or(Fault::Kind)
}

/// Reads addresses, each of which stands there once; any port is another one each time.
fn addresses(value: &Value) -> Result<Vec<Listen>, Fault> {
    let mut addresses: Vec<Listen> = Vec::new();
    for (position, item) in listed(value).iter().enumerate() {
        let text = item.as_text().ok_or(Fault::Kind)?;
        let address = text.parse().map_err(|NoAddress| match text.contains(':') {
            true => Fault::Item(position, "this is no address"),
            false => Fault::Item(position, "its port is missing"),
        })?;
        if addresses.contains(&address) && !matches!(address, Listen::Tcp { port: 0, .. }) {
            return Err(Fault::Item(position, "this one stands here already"));
        }
        addresses.push(address);
    }
    if addresses.is_empty() { Err(Fault::Kind) } else { Ok(addresses) }
}

/// Returns the values of a list, or one that stands for a list of itself.
fn listed(value: &Value) -> &[Value] {
    value.as_list().unwrap_or(slice::from_ref(value))
}
