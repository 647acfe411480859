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
        let mut visitor = Visitor::new();
        fields.record(&mut visitor);
        writer.write_str(visitor.finish()?)
    }
}

/// Writes fields into a text.
pub struct Visitor {
    text: String,
    /// Where the fields begin.
    start: usize,
    result: fmt::Result,
}

impl Visitor {
    /// Returns an empty text.
    pub fn new() -> Visitor {
        const USUAL: usize = 512;
        Visitor { text: String::with_capacity(USUAL), start: 0, result: Ok(()) }
    }

    /// Returns the text, for what is not a field.
    pub fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Has the fields begin behind the text as it is.
    pub fn begin(&mut self) {
        self.start = self.text.len();
    }

    /// Returns the text.
    ///
    /// # Errors
    /// A field cannot be written.
    pub fn finish(&self) -> Result<&str, fmt::Error> {
        self.result.map(|()| self.text.as_str())
    }

    /// Writes a field that is not the message.
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut String) -> fmt::Result) {
        if self.result.is_ok() {
            if self.text.len() > self.start {
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
            let is_empty = self.text.len() == self.start;
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
        self.write(field, |text| {
            text.push_str(itoa::Buffer::new().format(value));
            Ok(())
        });
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
