//! The log: one line an event, to standard error or to files, as the root key `logging` says.
//!
//! It is set up once, after the configuration was read and before anything of it is constructed. Nothing that the
//! configuration hides reaches it.

mod fields;
mod file;
mod lines;
mod python;
mod settings;
mod sink;
mod time;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use memchr::memchr2;
use palladium_component::interfaces::Failure;
use palladium_component::value::{Code, Diagnostic, KeyPath, Value};
use palladium_runtime::root_keys;
use tracing::subscriber::set_global_default;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::kept::kept;
use crate::redaction::Redaction;
use crate::status_line::StatusLine;
use fields::Fields;
use file::{LogFile, LogFiles};
use lines::Lines;
use settings::read_directives;
pub use settings::{Format, Logging, Target, Time};
use sink::{Output, Sink};
use time::{LocalTime, UtcTime};

/// The variable that says what is logged.
const VARIABLE: &str = "PALLADIUM_LOG";

/// What to do where the log cannot be written.
const OTHER_FILE: &str = "choose another file under `logging`, `to`, or create its folder";

/// What stays quiet unless it is named: a line for every request would cost more than the request.
const QUIET: &str = "palladium::access=off,actix_server=warn";

/// What stays quiet whatever is said about all targets: anybody who can connect can make its errors, with a request that
/// is none.
const ANYBODYS: &str = "actix_http=off";

/// The target of lines about single requests, which are written some together.
const REQUESTS: &str = "palladium::access";

/// The log of this process, once it is set up. Clones share it.
#[derive(Clone, Default)]
pub struct Log(Arc<OnceLock<Sink>>);

impl Log {
    /// Writes the lines that wait to be written with others.
    pub fn flush(&self) {
        if let Some(sink) = self.0.get() {
            sink.flush();
        }
    }
}

/// Sets up the log; further calls do nothing. `PALLADIUM_LOG` holds directives such as `debug` or
/// `palladium_runtime=debug,warn` and wins over what the configuration says about levels; what cannot be read in it is
/// said and passed over. The files of the configuration are not written.
///
/// # Errors
/// The file cannot be written, or its content would be lost.
pub fn set_up(
    logging: &Logging,
    configuration: &[PathBuf],
    log: &Log,
    redaction: &Redaction,
    status: &StatusLine,
) -> Result<(), Failure> {
    if tracing::dispatcher::has_been_set() {
        return Ok(());
    }
    let directives = std::env::var(VARIABLE).ok().filter(|directives| !directives.is_empty());
    let configured = || EnvFilter::new(format!("{ANYBODYS},{}", logging.directives()));
    let (filter, wrong) = match directives.as_deref().map(read_directives) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (configured(), Some(error)),
        None => (configured(), None),
    };
    let (output, color) = match &logging.to {
        Target::Stderr => {
            let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            (Output::Stderr, color)
        }
        Target::File(file) => {
            let failed = |error| Failure::with_help(not_written(file, &error), OTHER_FILE);
            check_writable(file, configuration).map_err(failed)?;
            let files = LogFiles::open(file.clone()).map_err(failed)?;
            (Output::Files(files), false)
        }
    };
    let in_one_line = !matches!(logging.format, Format::Pretty);
    let sink = log.0.get_or_init(|| Sink::new(output, status.clone(), redaction.clone())).clone();
    let writer = Redacting { sink, redaction: redaction.clone(), in_one_line };
    let log = tracing_subscriber::fmt().with_writer(writer).with_ansi(color).with_env_filter(filter);
    // Each choice makes another type.
    macro_rules! with_time {
        ($log:expr) => {
            match logging.time {
                Time::Utc => set_global_default($log.with_timer(UtcTime).finish()),
                Time::Local => set_global_default($log.with_timer(LocalTime).finish()),
                Time::None => set_global_default($log.without_time().finish()),
            }
        };
    }
    let set = match logging.format {
        Format::Full => {
            let log = log.fmt_fields(Fields);
            match logging.time {
                Time::Utc => set_global_default(log.event_format(Lines::new(UtcTime)).finish()),
                Time::Local => set_global_default(log.event_format(Lines::new(LocalTime)).finish()),
                Time::None => set_global_default(log.event_format(Lines::without_time()).finish()),
            }
        }
        Format::Pretty => with_time!(log.pretty().with_ansi(color)),
        Format::Compact => with_time!(log.compact().fmt_fields(Fields)),
        Format::Json => with_time!(log.json().flatten_event(true)),
    };
    if let (Ok(()), Some(error)) = (set, wrong) {
        tracing::warn!("`{VARIABLE}` is passed over: {error}");
    }
    Ok(())
}

/// Returns that the log cannot be written where a configuration, which is in these files, says.
pub fn check_file(root: &Value, configuration: &[PathBuf]) -> Option<Diagnostic> {
    let Target::File(file) = Logging::of(root).ok()?.to else { return None };
    let error = check_writable(&file, configuration).err()?;
    let key = KeyPath::parse(root_keys::LOGGING).join("to");
    let finding = Diagnostic::new(Code::Unreachable, not_written(&file, &error)).in_key(&key).help(OTHER_FILE);
    match root.get(root_keys::LOGGING).and_then(|logging| logging.get("to")) {
        Some(value) => Some(finding.at_value(value, "needed here")),
        None => Some(finding),
    }
}

/// Checks that a log file can be written and is none whose content would be lost.
fn check_writable(file: &LogFile, configuration: &[PathBuf]) -> io::Result<()> {
    match kept(&file.current(), configuration) {
        Some(what) => Err(io::Error::other(format!("it is {what}, which would be lost"))),
        None => file.check(),
    }
}

fn not_written(file: &LogFile, error: &io::Error) -> String {
    format!("the log file `{}` cannot be written: {error}", file.path.display())
}

/// Makes what writes lines without secrets.
struct Redacting {
    sink: Sink,
    redaction: Redaction,
    /// Whether each event is a line, whatever its message holds.
    in_one_line: bool,
}

/// Writes one event.
struct Line<'a> {
    log: &'a Redacting,
    /// Whether it may be written a moment later.
    may_wait: bool,
}

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { log: self, may_wait: false }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line { log: self, may_wait: event.target() == REQUESTS && *event.level() >= Level::INFO }
    }
}

impl Write for Line<'_> {
    /// Writes a whole event, which is what the log hands over at once.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let Redacting { sink, redaction, in_one_line } = self.log;
        if self.may_wait && is_one_line(event) {
            sink.write_soon(event);
            return Ok(event.len());
        }
        let text = text_of(event);
        let redacted = redaction.redact_line(&text);
        let shown = if *in_one_line { one_line(&redacted) } else { redacted };
        match self.may_wait {
            true => sink.write_soon(shown.as_bytes()),
            false => sink.write(shown.as_bytes()),
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns bytes as text; what of them is none is replaced.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    simdutf8::basic::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Tells whether an event is a line and no more.
fn is_one_line(event: &[u8]) -> bool {
    event.strip_suffix(b"\n").is_some_and(|text| memchr2(b'\n', b'\r', text).is_none())
}

/// Returns an event as one line: what a client or a script put into a message begins no further one.
fn one_line(event: &str) -> Cow<'_, str> {
    if is_one_line(event.as_bytes()) {
        return Cow::Borrowed(event);
    }
    let text = event.strip_suffix('\n').unwrap_or(event);
    Cow::Owned(format!("{}\n", text.replace('\n', "\\n").replace('\r', "\\r")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        for (event, line) in [("a\n", "a\n"), ("a\nb\r\nc\n", "a\\nb\\r\\nc\n"), ("a", "a\n"), ("\n\n", "\\n\n")] {
            assert_eq!(one_line(event), line);
        }
    }
}
