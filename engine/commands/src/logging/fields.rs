//! The fields of events, written as `tracing_subscriber`'s default does, at less cost where no colours are shown: lines
//! about requests have ten of them.

use std::error::Error;
use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, DefaultVisitor, Writer};

/// Writes fields as `name=value`, and the message without its name.
pub struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        if writer.has_ansi_escapes() {
            return DefaultFields::new().format_fields(writer, fields);
        }
        const USUAL: usize = 384;
        let mut visitor = Visitor { text: String::with_capacity(USUAL), result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result?;
        writer.write_str(&visitor.text)
    }
}

struct Visitor {
    text: String,
    result: fmt::Result,
}

impl Visitor {
    /// Writes a field that is not the message.
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut String) -> fmt::Result) {
        if self.result.is_ok() {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            let name = field.name();
            self.text.push_str(name.strip_prefix("r#").unwrap_or(name));
            self.text.push('=');
            self.result = value(&mut self.text);
        }
    }

    /// Leaves a field to the default.
    fn leave(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_ok() {
            let is_empty = self.text.is_empty();
            record(&mut DefaultVisitor::new(Writer::new(&mut self.text), is_empty));
        }
    }
}

impl Visit for Visitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\');
        match field.name() {
            "message" => self.leave(|visitor| visitor.record_str(field, value)),
            // All at once is faster than up to the first that is not.
            _ if value.bytes().fold(true, |all, byte| all & is_plain(byte)) => self.write(field, |text| {
                text.push('"');
                text.push_str(value);
                text.push('"');
                Ok(())
            }),
            _ => self.write(field, |text| write!(text, "{value:?}")),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |text| write!(text, "{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.leave(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.leave(|visitor| visitor.record_debug(field, value)),
            _ => self.write(field, |text| write!(text, "{value:?}")),
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
