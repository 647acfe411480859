//! Lines of separated values.

use serde_json::Value as Json;

/// A line of separated values.
pub(crate) struct Cells<'l> {
    line: &'l mut Vec<u8>,
    separator: u8,
    is_begun: bool,
}

impl Cells<'_> {
    /// Returns a line that is added to what is there.
    pub(crate) fn new(line: &mut Vec<u8>, separator: u8) -> Cells<'_> {
        Cells { line, separator, is_begun: false }
    }

    /// Adds a cell, in quotes where it needs them.
    pub(crate) fn text(&mut self, text: &str) {
        self.begin();
        if text.bytes().any(|byte| byte == self.separator || matches!(byte, b'"' | b'\r' | b'\n')) {
            self.line.push(b'"');
            self.line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            self.line.push(b'"');
        } else {
            self.line.extend_from_slice(text.as_bytes());
        }
    }

    /// Adds a cell of no text, which is not a missing cell.
    pub(crate) fn empty_text(&mut self) {
        self.begin();
        self.line.extend_from_slice(b"\"\"");
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.is_begun, true) {
            self.line.push(self.separator);
        }
    }

    /// Adds a JSON value as a cell; null is an empty one.
    pub(crate) fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.text(""),
            Json::String(text) => self.text(text),
            other => self.text(&other.to_string()),
        }
    }

    /// Ends the line; a single cell that is empty is no blank line.
    pub(crate) fn end(self) {
        self.line.extend_from_slice(if self.line.is_empty() { b"\"\"\n" } else { b"\n" });
    }
}
