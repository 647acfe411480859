//! Source texts and places in them.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::secrets;

/// A text that values are read from: a configuration file, or a made-up origin such as the command line.
pub struct Source {
    name: String,
    text: String,
    /// The text as it may be shown, once it was asked for.
    shown: OnceLock<String>,
}

impl Source {
    /// Returns a source with the name that diagnostics show (the path as the user gave it).
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Source> {
        Arc::new(Source { name: name.into(), text: text.into(), shown: OnceLock::new() })
    }

    /// Returns the name that diagnostics show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text as it may be shown: secrets are covered, everything stands where it stands in the text.
    pub fn shown(&self) -> &str {
        self.shown.get_or_init(|| secrets::covered(&self.text))
    }

    /// Returns line and column of a byte offset; offsets past the end count as the end.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Returns the byte offset of a line and column, both from 1; places past the end count as the end.
    pub fn offset(&self, position: Position) -> usize {
        let line_start = match position.line {
            0 | 1 => 0,
            line => match self.text.match_indices('\n').nth(line - 2) {
                Some((newline, _)) => newline + 1,
                None => return self.text.len(),
            },
        };
        let line = &self.text[line_start..];
        let line = &line[..line.find('\n').unwrap_or(line.len())];
        let within = line.char_indices().nth(position.column.saturating_sub(1)).map_or(line.len(), |(index, _)| index);
        line_start + within
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Source({})", self.name)
    }
}

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A range of bytes in a source.
#[derive(Clone)]
pub struct Span {
    source: Arc<Source>,
    start: u32,
    end: u32,
}

impl Span {
    /// Returns the span of a byte range. Sources are smaller than 4 GiB: readers refuse larger files.
    pub fn new(source: &Arc<Source>, range: Range<usize>) -> Span {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { source: Arc::clone(source), start: clamp(range.start), end: clamp(range.end) }
    }

    /// Returns a place that stands in no text, such as `command line` or `built in`.
    pub fn nowhere(name: &str) -> Span {
        Span::new(&Source::new(name, ""), 0..0)
    }

    /// Returns the source.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the byte range.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the text of the span, or nothing where the range does not fit the source.
    pub fn text(&self) -> &str {
        self.source.text().get(self.range()).unwrap_or("")
    }

    /// Returns line and column of the first byte.
    pub fn start(&self) -> Position {
        self.source.position(self.start as usize)
    }

    /// Returns line and column behind the last byte.
    pub fn end(&self) -> Position {
        self.source.position(self.end as usize)
    }

    /// Returns the same place in a copy of the source in which what stands here and in `around` is covered, for
    /// messages about a secret.
    #[must_use]
    pub fn covered(&self, around: &Span) -> Span {
        let text = self.source.shown();
        let spans = [self, around].into_iter().filter(|span| Arc::ptr_eq(&span.source, &self.source));
        let ranges = spans.map(Span::range).filter(|range| text.get(range.clone()).is_some()).collect();
        Span { source: Source::new(self.source.name(), secrets::covered_in(text, ranges)), ..*self }
    }

    /// Tells whether the place stands in a text that can be quoted.
    pub fn is_quotable(&self) -> bool {
        !self.source.text().is_empty()
    }
}

/// `file:line:column`, or the source's name alone where there is no text.
impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_quotable() {
            return formatter.write_str(self.source.name());
        }
        let Position { line, column } = self.start();
        write!(formatter, "{}:{line}:{column}", self.source.name())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_covered_place_is_the_same_place() {
        let source = Source::new("a.ron", "{\n  users: {\"änne\": \"pläin, 1\"}, b: 2\n}");
        let at = |part: &str| {
            let start = source.text().find(part).unwrap();
            Span::new(&source, start..start + part.len())
        };
        let covered = at("\"pläin, 1\"").covered(&at("{\"änne\": \"pläin, 1\"}"));
        assert_eq!(covered.source().text(), "{\n  users: {\"·***\": \"**·**, *\"}, b: 2\n}");
        assert_eq!(covered.to_string(), "a.ron:2:19");
        assert_eq!(Span::nowhere("x").covered(&at("b")).to_string(), "x");
    }

    #[test]
    fn offsets_and_positions_are_inverse() {
        let source = Source::new("x", "ab\nçd\n\nlast");
        for (offset, _) in source.text().char_indices() {
            assert_eq!(source.offset(source.position(offset)), offset);
        }
        assert_eq!(source.position(5), Position { line: 2, column: 2 });
        assert_eq!(source.position(999), Position { line: 4, column: 5 });
        assert_eq!(source.offset(Position { line: 9, column: 1 }), source.text().len());
    }
}
