//! How the lines of a file are written, and the fields of one line.
//!
//! A line ends with `\n`, `\r\n` or `\r`, except within quotes. What quotes, escapes and comments mean, and which lines
//! are blank, is what pandas' tokenizer makes of them.

use memchr::{memchr2, memchr3};
use regex::bytes::Regex;

/// How lines are written.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    /// What stands between two fields.
    pub(crate) separator: Separator,
    /// The character around fields that hold separators or line breaks.
    pub(crate) quote: Option<u8>,
    /// Whether two quotes within quotes are one.
    pub(crate) doublequote: bool,
    /// The character before one that means itself.
    pub(crate) escape: Option<u8>,
    /// The character that begins a comment.
    pub(crate) comment: Option<u8>,
    /// Whether spaces at the start of a field are left out.
    pub(crate) skip_initial_space: bool,
    /// Whether lines of white space are left out.
    pub(crate) skip_blank_lines: bool,
}

/// What stands between two fields.
#[derive(Clone, Debug)]
pub(crate) enum Separator {
    /// One character.
    Text(Box<[u8]>),
    /// Any number of spaces and tabs.
    Whitespace,
    /// What the expression matches. There are no quotes then.
    Pattern(Regex),
}

/// The fields of rows one after another.
#[derive(Default)]
pub(crate) struct Fields {
    /// Their texts, with one byte between two of them that belongs to neither.
    pub(crate) text: Vec<u8>,
    /// Where the text of each begins and ends.
    pub(crate) bounds: Vec<(u32, u32)>,
    start: usize,
}

/// A line that was taken from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Where the next line begins.
    pub(crate) end: usize,
    /// How many ends of physical lines there are in it, its own among them.
    pub(crate) n_breaks: u64,
    /// Whether it holds white space or a comment alone, and thus no row.
    pub(crate) is_blank: bool,
}

/// Why no line could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// The text ends before the line does; within quotes, if there is a place where they are opened.
    Incomplete(Option<usize>),
    /// There are more fields than any table has.
    TooManyFields,
}

/// The greatest number of fields of a line.
pub(crate) const MAX_FIELDS: usize = 1 << 20;

impl Fields {
    /// Removes all fields.
    pub(crate) fn clear(&mut self) {
        self.truncate(0, 0);
    }

    /// Removes what was added since there was so much text and so many fields.
    pub(crate) fn truncate(&mut self, text: usize, n_fields: usize) {
        self.text.truncate(text);
        self.bounds.truncate(n_fields);
        self.start = text;
    }

    fn push(&mut self, run: &[u8]) {
        self.text.extend_from_slice(run);
    }

    fn end_field(&mut self) {
        // A block has at most 4 GiB.
        self.bounds.push((self.start as u32, self.text.len() as u32));
        self.text.push(0);
        self.start = self.text.len();
    }
}

/// Tells whether a byte is white space within a line.
fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Returns the place after the end of the line that a byte at a place is; nothing if the text may go on within it.
fn after_break(text: &[u8], at: usize, is_last: bool) -> Option<usize> {
    match (text[at], text.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        (b'\r', None) if !is_last => None,
        _ => Some(at + 1),
    }
}

/// Counts the ends of physical lines in a text.
pub(crate) fn breaks(text: &[u8]) -> u64 {
    let newlines = memchr::memchr_iter(b'\n', text).count();
    let alone = memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (newlines + alone) as u64
}

impl Dialect {
    /// Returns the byte between two fields, if that is all there is to a line without quotes, escapes and comments.
    pub(crate) fn plain_separator(&self) -> Option<u8> {
        match &self.separator {
            Separator::Text(text) if text.len() == 1 && !self.skip_initial_space && self.skip_blank_lines => {
                Some(text[0])
            }
            _ => None,
        }
    }

    /// Tells whether a text has no quote, no escape and no comment in it.
    pub(crate) fn is_plain(&self, text: &[u8]) -> bool {
        let mut special = [self.quote, self.escape, self.comment].into_iter().flatten();
        match (special.next(), special.next(), special.next()) {
            (None, ..) => true,
            (Some(one), None, _) => memchr::memchr(one, text).is_none(),
            (Some(one), Some(two), None) => memchr2(one, two, text).is_none(),
            (Some(one), Some(two), Some(three)) => memchr3(one, two, three, text).is_none(),
        }
    }

    /// Takes the line that begins at a place of a text, and adds its fields. `is_last` says that nothing follows the
    /// text. After an error fields of half a line may have been added.
    pub(crate) fn take(&self, text: &[u8], at: usize, is_last: bool, fields: &mut Fields) -> Result<Taken, Untaken> {
        if let Some(taken) = self.take_blank(text, at, is_last)? {
            return Ok(taken);
        }
        match &self.separator {
            Separator::Text(separator) => self.take_fields(text, at, is_last, Some(separator), fields),
            Separator::Whitespace => self.take_fields(text, at, is_last, None, fields),
            Separator::Pattern(pattern) => self.take_matched(text, at, is_last, pattern, fields),
        }
    }

    /// Takes a line that is skipped: only quotes at the start of a field count in it.
    pub(crate) fn take_skipped(&self, text: &[u8], at: usize, is_last: bool) -> Result<Taken, Untaken> {
        let separator = match &self.separator {
            Separator::Text(separator) => Some(&**separator),
            Separator::Whitespace => Some(&b" "[..]),
            Separator::Pattern(_) => None,
        };
        let (mut place, mut is_start) = (at, true);
        while let Some(byte) = text.get(place).copied() {
            if byte == b'\n' || byte == b'\r' {
                let end = after_break(text, place, is_last).ok_or(Untaken::Incomplete(None))?;
                return Ok(Taken { end, n_breaks: breaks(&text[at..place]) + 1, is_blank: true });
            }
            match separator {
                Some(_) if is_start && self.quote == Some(byte) => {
                    let (end, _) = self.closing_quote(text, place, is_last, |_| ())?;
                    place = end;
                    is_start = false;
                }
                Some(separator) if text[place..].starts_with(separator) => {
                    place += separator.len();
                    is_start = true;
                }
                _ => {
                    place += 1;
                    is_start = false;
                }
            }
        }
        if !is_last {
            return Err(Untaken::Incomplete(None));
        }
        Ok(Taken { end: place, n_breaks: breaks(&text[at..place]) + 1, is_blank: true })
    }

    /// Takes a line that holds no row: one of white space, if those are left out, or a comment.
    fn take_blank(&self, text: &[u8], at: usize, is_last: bool) -> Result<Option<Taken>, Untaken> {
        let is_separator = |byte| matches!(&self.separator, Separator::Text(text) if **text == [byte]);
        let mut place = at;
        while text.get(place).is_some_and(|byte| is_blank(*byte) && !is_separator(*byte)) {
            place += 1;
        }
        let taken = |end| Ok(Some(Taken { end, n_breaks: 1, is_blank: true }));
        match text.get(place).copied() {
            None if !is_last => Err(Untaken::Incomplete(None)),
            None if self.skip_blank_lines => taken(place),
            Some(b'\n' | b'\r') if self.skip_blank_lines => {
                taken(after_break(text, place, is_last).ok_or(Untaken::Incomplete(None))?)
            }
            Some(byte) if Some(byte) == self.comment && place == at => {
                taken(after_line(text, place, is_last).ok_or(Untaken::Incomplete(None))?)
            }
            _ => Ok(None),
        }
    }

    /// Takes a line whose fields are separated by a text or else by white space.
    fn take_fields(
        &self,
        text: &[u8],
        start: usize,
        is_last: bool,
        separator: Option<&[u8]>,
        fields: &mut Fields,
    ) -> Result<Taken, Untaken> {
        let first_field = fields.bounds.len();
        let done = |end: usize, quoted: u64| Ok(Taken { end, n_breaks: quoted + 1, is_blank: false });
        let mut n_breaks = 0;
        let mut at = start;
        loop {
            at = self.skip_space(text, at, separator);
            if separator.is_none() {
                // White space at the end of a line begins no field.
                match text.get(at).copied() {
                    None if is_last => return done(at, n_breaks),
                    Some(b'\n' | b'\r') => {
                        let end = after_break(text, at, is_last).ok_or(Untaken::Incomplete(None))?;
                        return done(end, n_breaks);
                    }
                    Some(byte) if Some(byte) == self.comment => {
                        let end = after_line(text, at, is_last).ok_or(Untaken::Incomplete(None))?;
                        return done(end, n_breaks);
                    }
                    _ => {}
                }
            } else if at == start && matches!(text.get(at), Some(b'\n' | b'\r')) {
                // A blank line that counts has no field.
                return done(after_break(text, at, is_last).ok_or(Untaken::Incomplete(None))?, n_breaks);
            }
            if fields.bounds.len() - first_field == MAX_FIELDS {
                return Err(Untaken::TooManyFields);
            }
            if self.quote.is_some() && text.get(at).copied() == self.quote {
                let (end, inner) = self.closing_quote(text, at, is_last, |run| fields.push(run))?;
                (at, n_breaks) = (end, n_breaks + inner);
            }
            loop {
                let run = self.unquoted_run(text, at, separator);
                fields.push(&text[at..at + run]);
                at += run;
                let Some(byte) = text.get(at).copied() else {
                    if !is_last {
                        return Err(Untaken::Incomplete(None));
                    }
                    fields.end_field();
                    return done(at, n_breaks);
                };
                if byte == b'\n' || byte == b'\r' {
                    let end = after_break(text, at, is_last).ok_or(Untaken::Incomplete(None))?;
                    fields.end_field();
                    return done(end, n_breaks);
                }
                if Some(byte) == self.escape {
                    let Some(next) = text.get(at + 1) else {
                        if !is_last {
                            return Err(Untaken::Incomplete(None));
                        }
                        at += 1;
                        continue;
                    };
                    fields.push(&[*next]);
                    n_breaks += u64::from(*next == b'\n');
                    at += 2;
                    continue;
                }
                if Some(byte) == self.comment {
                    let end = after_line(text, at, is_last).ok_or(Untaken::Incomplete(None))?;
                    fields.end_field();
                    return done(end, n_breaks);
                }
                fields.end_field();
                at += separator.map_or(1, <[u8]>::len);
                break;
            }
        }
    }

    fn skip_space(&self, text: &[u8], mut at: usize, separator: Option<&[u8]>) -> usize {
        let skipped = |byte: u8| match separator {
            None => is_blank(byte),
            Some(_) => self.skip_initial_space && byte == b' ',
        };
        while text.get(at).is_some_and(|byte| skipped(*byte)) {
            at += 1;
        }
        at
    }

    /// Returns how many bytes from a place on mean themselves.
    fn unquoted_run(&self, text: &[u8], at: usize, separator: Option<&[u8]>) -> usize {
        let rest = &text[at..];
        let first = separator.map_or(b' ', |separator| separator[0]);
        let is_special = |byte: u8| {
            byte == first
                || byte == b'\n'
                || byte == b'\r'
                || Some(byte) == self.escape
                || Some(byte) == self.comment
                || (separator.is_none() && byte == b'\t')
        };
        let mut run = 0;
        while let Some(found) = rest[run..].iter().position(|byte| is_special(*byte)) {
            run += found;
            match separator {
                // Characters of several bytes may begin alike.
                Some(separator) if rest[run] == first && !rest[run..].starts_with(separator) => run += 1,
                _ => return run,
            }
        }
        rest.len()
    }

    /// Finds the quote that closes the one at a place, and hands out the text between them in pieces. Returns the place
    /// after it and the number of physical lines that end in between.
    fn closing_quote(
        &self,
        text: &[u8],
        opened: usize,
        is_last: bool,
        mut push: impl FnMut(&[u8]),
    ) -> Result<(usize, u64), Untaken> {
        let incomplete = Err(Untaken::Incomplete(Some(opened)));
        let quote = text[opened];
        let escape = self.escape.unwrap_or(quote);
        let mut at = opened + 1;
        loop {
            let Some(run) = memchr2(quote, escape, &text[at..]) else { return incomplete };
            push(&text[at..at + run]);
            at += run;
            if text[at] == escape && self.escape.is_some() {
                let Some(next) = text.get(at + 1) else { return incomplete };
                push(&[*next]);
                at += 2;
            } else if self.doublequote && text.get(at + 1) == Some(&quote) {
                push(&[quote]);
                at += 2;
            } else if self.doublequote && at + 1 == text.len() && !is_last {
                return incomplete;
            } else {
                return Ok((at + 1, breaks(&text[opened..at])));
            }
        }
    }

    /// Takes a line whose fields are separated by what an expression matches.
    fn take_matched(
        &self,
        text: &[u8],
        at: usize,
        is_last: bool,
        pattern: &Regex,
        fields: &mut Fields,
    ) -> Result<Taken, Untaken> {
        let end = after_line(text, at, is_last).ok_or(Untaken::Incomplete(None))?;
        let line = &text[at..end];
        let line = self.comment.and_then(|comment| memchr::memchr(comment, line)).map_or(line, |cut| &line[..cut]);
        let line = line.trim_ascii();
        if !line.is_empty() || !self.skip_blank_lines {
            for field in pattern.split(line).take(MAX_FIELDS) {
                fields.push(field);
                fields.end_field();
            }
        }
        Ok(Taken { end, n_breaks: 1, is_blank: line.is_empty() && self.skip_blank_lines })
    }
}

/// Returns the place after the physical line that goes on at a place; nothing if it may go on after the text.
fn after_line(text: &[u8], at: usize, is_last: bool) -> Option<usize> {
    match memchr2(b'\n', b'\r', &text[at..]) {
        Some(found) => after_break(text, at + found, is_last),
        None => is_last.then_some(text.len()),
    }
}
