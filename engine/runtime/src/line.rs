//! Lines of bounded length.

use std::io::{self, BufRead, ErrorKind, Read};

/// Lines and rows are at most this long, so that memory stays bounded whatever comes in.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nothing: the input is at its end.
    End,
    /// A line with its line break; the last one may lack it.
    Whole,
    /// The beginning of a line that is too long. The rest of it is skipped.
    TooLong,
}

/// Reads the next line in the place of the one before.
pub(crate) fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let longest = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    match (&mut *input).take(longest + 1).read_until(b'\n', line)? {
        0 => Ok(Line::End),
        _ if line.len() <= MAX_BYTES => Ok(Line::Whole),
        _ => {
            if line.last() != Some(&b'\n') {
                skip_line(input)?;
            }
            Ok(Line::TooLong)
        }
    }
}

fn skip_line(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let (count, is_done) = match input.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(buffer) => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(position) => (position + 1, true),
                None => (buffer.len(), false),
            },
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        input.consume(count);
        if is_done {
            return Ok(());
        }
    }
}

/// Skips the mark that some programs put before a text in UTF-8.
pub(crate) fn skip_byte_order_mark(input: &mut dyn BufRead) -> io::Result<()> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    loop {
        match input.fill_buf().map(|buffer| buffer.starts_with(MARK)) {
            Ok(true) => {
                input.consume(MARK.len());
                return Ok(());
            }
            Ok(false) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Says why a line is not JSON; that it is the first line of its own text would only mislead.
pub fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("the line is not JSON: {what} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_skipped() {
        let long = "x".repeat(MAX_BYTES);
        let text = format!("\u{feff}a\n{long}\n{long}x\n\n{long}");
        let mut input = io::BufReader::new(text.as_bytes());
        skip_byte_order_mark(&mut input).unwrap();
        let mut line = Vec::new();
        let expected =
            [(Line::Whole, 2), (Line::TooLong, MAX_BYTES + 1), (Line::TooLong, MAX_BYTES + 1), (Line::Whole, 1)];
        for (kind, length) in expected.into_iter().chain([(Line::Whole, MAX_BYTES), (Line::End, 0)]) {
            assert_eq!((read_line(&mut input, &mut line).unwrap(), line.len()), (kind, length));
        }
    }
}
