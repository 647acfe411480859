//! The fields of events, written as `tracing_subscriber`'s default does, at less cost where no colours are shown: lines
//! about requests have ten of them.

use std::error::Error;
use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, DefaultVisitor, Writer};

/// Writes fields as `name=value`, and the message without its name.
pub struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        if writer.has_ansi_escapes() {
            return DefaultFields::new().format_fields(writer, fields);
        }
        let mut visitor = Visitor { writer, is_empty: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    is_empty: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    /// Writes a field that is not the message.
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.write_name(field.name()).and_then(|()| value(&mut self.writer));
        }
    }

    fn write_name(&mut self, name: &str) -> fmt::Result {
        if !std::mem::take(&mut self.is_empty) {
            self.writer.write_char(' ')?;
        }
        self.writer.write_str(name.strip_prefix("r#").unwrap_or(name))?;
        self.writer.write_char('=')
    }

    /// Leaves a field to the default.
    fn leave(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_ok() {
            let is_empty = std::mem::take(&mut self.is_empty);
            record(&mut DefaultVisitor::new(self.writer.by_ref(), is_empty));
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        match field.name() {
            "message" => self.leave(|visitor| visitor.record_str(field, value)),
            _ if value.bytes().all(is_plain) => self.write(field, |writer| {
                writer.write_char('"')?;
                writer.write_str(value)?;
                writer.write_char('"')
            }),
            _ => self.write(field, |writer| write!(writer, "{value:?}")),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.leave(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.leave(|visitor| visitor.record_debug(field, value)),
            _ => self.write(field, |writer| write!(writer, "{value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
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

    fn log() {
        let error = io::Error::other(io::Error::other("the \u{1b}[1mcause"));
        let error: &(dyn Error + 'static) = &error;
        tracing::info!("only a message");
        tracing::info!(text = "plain", r#type = "a \"b\"\n\u{7}é", number = 1_u64, float = 0.5, "a \u{1b}[1mmessage");
        tracing::info!(none = Option::<u64>::None, some = Some(-3_i64), flag = true, shown = %"x y", seen = ?[1, 2]);
        tracing::warn!(error, method = "GET", "failed");
        tracing::warn!(error);
    }

    #[test]
    fn lines_are_those_of_the_default() {
        for has_colors in [false, true] {
            let (ours, default) = (Written::default(), Written::default());
            let (to_ours, to_default) = (ours.clone(), default.clone());
            let builder = || tracing_subscriber::fmt().without_time().with_ansi(has_colors);
            let subscriber = builder().fmt_fields(Fields).with_writer(move || to_ours.clone());
            tracing::subscriber::with_default(subscriber.finish(), log);
            let subscriber = builder().with_writer(move || to_default.clone());
            tracing::subscriber::with_default(subscriber.finish(), log);
            let text = |written: Written| String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            let (ours, default) = (text(ours), text(default));
            assert_eq!(ours.lines().count(), 5);
            assert_eq!(ours, default);
        }
    }
}
