//! Lines about requests, written as `tracing_subscriber`'s default does, at less cost.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

use super::REQUESTS;
use super::fields::{Fields, Visitor};

/// Writes events; those about requests in one piece where no colours are shown and no span has to be named.
pub struct Lines<T> {
    time: T,
    default: Format<Full, T>,
}

impl<T: Copy> Lines<T> {
    /// Returns lines that begin with the time.
    pub fn new(time: T) -> Lines<T> {
        Lines { time, default: Format::default().with_timer(time) }
    }
}

impl Lines<()> {
    /// Returns lines without the time.
    pub fn without_time() -> Lines<()> {
        Lines { time: (), default: Format::default().without_time() }
    }
}

impl<S, T> FormatEvent<S, Fields> for Lines<T>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    T: FormatTime,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Fields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        if metadata.target() != REQUESTS || writer.has_ansi_escapes() || context.lookup_current().is_some() {
            return self.default.format_event(context, writer, event);
        }
        let mut line = Visitor::new();
        self.time.format_time(&mut Writer::new(line.text()))?;
        if !line.text().is_empty() {
            line.text().push(' ');
        }
        line.text().push_str(match *metadata.level() {
            Level::ERROR => "ERROR ",
            Level::WARN => " WARN ",
            Level::INFO => " INFO ",
            Level::DEBUG => "DEBUG ",
            Level::TRACE => "TRACE ",
        });
        line.text().push_str(REQUESTS);
        line.text().push_str(": ");
        line.begin();
        event.record(&mut line);
        line.text().push('\n');
        writer.write_str(line.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const EVENTS: usize = 9;

    fn log() {
        let error = io::Error::other(io::Error::other("the \u{1b}[1mcause"));
        let error: &(dyn Error + 'static) = &error;
        tracing::info!("only a message");
        tracing::info!(text = "plain", r#type = "a \"b\"\n\u{7}é", number = 1_u64, float = 0.5, "a \u{1b}[1mmessage");
        tracing::info!(none = Option::<u64>::None, some = Some(-3_i64), flag = true, shown = %"x y", seen = ?[1, 2]);
        tracing::warn!(error, method = "GET", "failed");
        tracing::warn!(error);
        let (status, peer) = (200_u16, Some(tracing::field::display(std::net::IpAddr::from([127, 0, 0, 1]))));
        tracing::info!(target: "palladium::access", request_id = "a", path = "/\n", peer, status, none = None::<u64>);
        tracing::error!(target: "palladium::access", "only a message");
        tracing::debug!(target: "palladium::access", status);
        tracing::info_span!("job", id = 7)
            .in_scope(|| tracing::warn!(target: "palladium::access", status, "in a span"));
    }

    #[test]
    fn lines_are_those_of_the_default() {
        for has_colors in [false, true] {
            let (ours, default) = (Written::default(), Written::default());
            let (to_ours, to_default) = (ours.clone(), default.clone());
            let builder = || tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_ansi(has_colors);
            let subscriber = builder().fmt_fields(Fields).event_format(Lines::without_time());
            tracing::subscriber::with_default(subscriber.with_writer(move || to_ours.clone()).finish(), log);
            let subscriber = builder().without_time().with_writer(move || to_default.clone());
            tracing::subscriber::with_default(subscriber.finish(), log);
            let text = |written: Written| String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            let (ours, default) = (text(ours), text(default));
            assert_eq!(ours.lines().count(), EVENTS);
            assert_eq!(ours, default);
        }
    }

    #[test]
    fn the_time_comes_first() {
        #[derive(Clone, Copy)]
        struct Noon;

        impl FormatTime for Noon {
            fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
                writer.write_str("noon")
            }
        }

        let written = Written::default();
        let to_written = written.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).fmt_fields(Fields);
        let subscriber = subscriber.event_format(Lines::new(Noon)).with_writer(move || to_written.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            tracing::info!("a");
            tracing::info!(target: "palladium::access", "b");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines = "noon  INFO palladium_commands::logging::lines::tests: a\nnoon  INFO palladium::access: b\n";
        assert_eq!(text, lines);
    }
}
