//! Rows of separated values.

use std::io::{self, BufRead, ErrorKind};

use csv_core::ReadRecordResult;
use palladium_component::value::nearest;

use super::row::{Bad, Cells, Row, beginning};
use super::{BatchError, Format, unwritable};
use crate::line::MAX_BYTES;

/// Rows of separated values below a header.
pub(super) struct CsvRows<'a> {
    records: Records<'a>,
    header: Vec<String>,
    /// The columns that the service needs, each with the beginning of its field in JSON.
    needed: Vec<(usize, String)>,
}

impl<'a> CsvRows<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// There is none, or it lacks fields that the service needs; the input's.
    pub fn open(
        name: &str,
        reader: Box<dyn BufRead + 'a>,
        separator: u8,
        fields: Option<&[String]>,
        output: Format,
    ) -> Result<CsvRows<'a>, BatchError> {
        let failed = |source| BatchError::Input { name: name.to_owned(), source };
        let columns = |reason: String| BatchError::Columns { name: name.to_owned(), reason, help: None };
        let mut records = Records::new(reader, separator);
        match records.advance().map_err(failed)? {
            Read::Record => {}
            Read::End => return Err(columns("the file is empty, it has no header".to_owned())),
            Read::Unclosed(line, reason) => return Err(BatchError::Endless { name: name.to_owned(), line, reason }),
            Read::TooLong => return Err(columns(format!("the header has more than {MAX_BYTES} bytes"))),
        }
        let names = records.fields().map(|field| std::str::from_utf8(field).map(str::to_owned));
        let header: Vec<String> =
            names.collect::<Result<_, _>>().map_err(|_| columns("the header is not UTF-8".to_owned()))?;
        let needed: Vec<&str> = fields.unwrap_or(&header).iter().map(String::as_str).collect();
        check_columns(name, &header, &needed).map_err(|error| with_separator(error, &header, separator))?;
        let unique: Vec<&str> = match output {
            Format::Csv(_) => needed.clone(),
            Format::Ndjson | Format::Parquet => header.iter().map(String::as_str).collect(),
        };
        if let Some(reason) = twice(&header, &unique) {
            return Err(columns(reason));
        }
        let position = |name: &str| header.iter().position(|column| column == name);
        let needed = needed.iter().filter_map(|name| Some((position(name)?, *name)));
        let begun = |(index, name)| {
            let name = serde_json::to_string(name).map_err(unwritable).map_err(failed)?;
            Ok((index, format!("{name}:")))
        };
        let needed = needed.map(begun).collect::<Result<_, BatchError>>()?;
        Ok(CsvRows { records, header, needed })
    }

    /// Returns the names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Returns the next row; nothing at the end of the input.
    pub fn next(&mut self) -> io::Result<Option<Result<Row, Bad>>> {
        let read = self.records.advance()?;
        let line = self.records.line;
        let bad = |text: String, reason: String| Ok(Some(Err(Bad { line, text: Some(text), reason })));
        match read {
            Read::End => return Ok(None),
            Read::Record => {}
            Read::Unclosed(line, reason) => return Ok(Some(Err(Bad { line, text: None, reason }))),
            Read::TooLong => {
                return bad(beginning(&self.records.raw), format!("the row has more than {MAX_BYTES} bytes"));
            }
        }
        let (n_found, n_columns) = (self.records.n_fields, self.header.len());
        if n_found != n_columns {
            let reason = format!("the row has {n_found} fields, the header has {n_columns}");
            return bad(self.records.text(), reason);
        }
        let mut cells = Vec::with_capacity(n_columns);
        for (field, name) in self.records.fields().zip(&self.header) {
            match std::str::from_utf8(field) {
                Ok(cell) => cells.push(cell.to_owned()),
                Err(_) => return bad(self.records.text(), format!("`{name}` is not UTF-8")),
            }
        }
        let sample = self.sample(&cells)?;
        Ok(Some(Ok(Row { line, text: self.records.text(), cells: Cells::Csv { cells, sample }, origin: None })))
    }

    /// Returns the fields that the service needs as a JSON object; it converts the texts.
    fn sample(&self, cells: &[String]) -> io::Result<String> {
        let mut sample = String::from("{");
        for (place, (index, begun)) in self.needed.iter().enumerate() {
            if place > 0 {
                sample.push(',');
            }
            sample.push_str(begun);
            sample.push_str(&serde_json::to_string(&cells[*index]).map_err(unwritable)?);
        }
        sample.push('}');
        Ok(sample)
    }
}

/// Checks that there is a column for each field.
///
/// # Errors
/// The fields that no column has.
pub(super) fn check_columns(name: &str, header: &[String], needed: &[&str]) -> Result<(), BatchError> {
    let absent: Vec<&str> = needed.iter().copied().filter(|name| header.iter().all(|column| column != name)).collect();
    let (noun, verb) = match absent.len() {
        0 => return Ok(()),
        1 => ("the column", "is"),
        _ => ("the columns", "are"),
    };
    let there: Vec<&str> = header.iter().map(String::as_str).collect();
    let unknown = || there.iter().copied().filter(|column| !needed.contains(column));
    let near = absent.iter().find_map(|field| Some((*field, nearest(field, unknown())?)));
    let help = near.map(|(field, column)| format!("rename `{column}` if it is the column `{field}`"));
    let (absent, there) = (quoted(&absent), quoted(&there));
    let reason = format!("{noun} {absent}, which the predict service needs, {verb} missing; there are {there}");
    Err(BatchError::Columns { name: name.to_owned(), reason, help })
}

/// Says which option may help where the header is a single field, as it is if another character separates its fields.
fn with_separator(error: BatchError, header: &[String], separator: u8) -> BatchError {
    const SEPARATORS: [(char, &str); 4] =
        [(';', "--sep ';'"), ('\t', "--sep '\\t'"), ('|', "--sep '|'"), (',', "--sep ,")];
    let [only] = header else { return error };
    let found = SEPARATORS.iter().find(|(other, _)| only.contains(*other) && *other != char::from(separator));
    match (error, found) {
        (BatchError::Columns { name, reason, .. }, Some((_, option))) => {
            // What is TSV has tabs, whatever `--sep` says.
            let format = if separator == b'\t' { "--format csv " } else { "" };
            let help = Some(format!("say `{format}{option}` if that is what separates its fields"));
            BatchError::Columns { name, reason, help }
        }
        (error, _) => error,
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Says which of some names stands twice in a header.
fn twice(header: &[String], unique: &[&str]) -> Option<String> {
    let count = |name: &str| header.iter().filter(|column| *column == name).count();
    let name = unique.iter().find(|name| count(name) > 1)?;
    Some(format!("the column `{name}` stands twice in the header"))
}

/// What was found behind the last record.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    End,
    Record,
    /// The rest of the input, or more lines than a record may have, in which a quote is open: the line where it is opened,
    /// and how it is not closed.
    Unclosed(u64, String),
    /// A record that is too long, the rest of which is skipped.
    TooLong,
}

/// Follows the quotes of a record, as the splitter understands them.
struct Quotes {
    line: u64,
    /// The field, from 1.
    field: usize,
    place: Place,
    /// Where the last quote was opened: its line and its field.
    opened: (u64, usize),
    separator: u8,
}

/// Where in a field the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes, which ends them unless another one follows.
    Ending,
}

impl Quotes {
    /// Follows the beginning of a record, which stands in this line.
    fn of(line: u64, record: &[u8], separator: u8) -> Quotes {
        let mut quotes = Quotes { line, field: 1, place: Place::Start, opened: (line, 1), separator };
        quotes.follow(record);
        quotes
    }

    fn follow(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.line += u64::from(*byte == b'\n');
            self.place = match (self.place, *byte) {
                (Place::Start, b'"') => {
                    self.opened = (self.line, self.field);
                    Place::Quoted
                }
                (Place::Start, b'\r' | b'\n') => Place::Start,
                (Place::Quoted, b'"') => Place::Ending,
                (Place::Quoted, _) | (Place::Ending, b'"') => Place::Quoted,
                (_, byte) if byte == self.separator => {
                    self.field += 1;
                    Place::Start
                }
                _ => Place::Plain,
            };
        }
    }

    /// Tells whether there are lines behind a quote that is open.
    fn has_lines(&self) -> bool {
        self.place == Place::Quoted && self.line > self.opened.0
    }

    /// Says of the last quote that it is not closed.
    fn unclosed(&self, how: &str) -> Read {
        let (line, field) = self.opened;
        Read::Unclosed(line, format!("the quote that opens field {field} is {how}"))
    }
}

fn count_breaks<'b>(bytes: impl Iterator<Item = &'b u8>) -> u64 {
    bytes.fold(0, |count, byte| count + u64::from(*byte == b'\n'))
}

/// Splits an input into records, and knows their text and their lines.
struct Records<'a> {
    input: Box<dyn BufRead + 'a>,
    splitter: csv_core::Reader,
    separator: u8,
    /// The record as it stands in the input, with the line breaks around it.
    raw: Vec<u8>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    n_fields: usize,
    /// The line where the record begins, and that where the next one is looked for.
    line: u64,
    next_line: u64,
    /// Whether the line break has been added that ends every record but one with an open quote.
    is_closed: bool,
}

impl<'a> Records<'a> {
    fn new(input: Box<dyn BufRead + 'a>, separator: u8) -> Records<'a> {
        Records {
            input,
            splitter: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            separator,
            raw: Vec::new(),
            bytes: vec![0; 1024],
            ends: vec![0; 64],
            n_fields: 0,
            line: 1,
            next_line: 1,
            is_closed: false,
        }
    }

    /// Goes on to the next record.
    fn advance(&mut self) -> io::Result<Read> {
        self.raw.clear();
        let first_line = self.next_line;
        let (mut n_bytes, mut n_ends) = (0, 0);
        let (mut n_raw, mut is_rest) = (0, false);
        // What was not kept of the record is not looked through again.
        let mut quotes: Option<Quotes> = None;
        let read = loop {
            let mut buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let is_at_end = buffer.is_empty();
            if is_at_end && !self.is_closed {
                buffer = b"\n";
            }
            is_rest |= is_at_end && self.is_closed;
            let (bytes, ends) = (&mut self.bytes[n_bytes..], &mut self.ends[n_ends..]);
            let (result, n_in, n_out, n_fields) = self.splitter.read_record(buffer, bytes, ends);
            n_bytes += n_out;
            n_ends += n_fields;
            n_raw += n_in;
            self.next_line += count_breaks(buffer[..n_in].iter());
            match &mut quotes {
                None if n_raw <= MAX_BYTES => self.raw.extend_from_slice(&buffer[..n_in]),
                None => {
                    let quotes = quotes.insert(Quotes::of(first_line, &self.raw, self.separator));
                    if quotes.has_lines() {
                        break quotes.unclosed(&format!(
                            "not closed within {MAX_BYTES} bytes, the most that a cell of several lines may have"
                        ));
                    }
                    quotes.follow(&buffer[..n_in]);
                }
                Some(quotes) => quotes.follow(&buffer[..n_in]),
            }
            match is_at_end {
                true => self.is_closed |= n_in > 0,
                false => self.input.consume(n_in),
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                // What is too long is split to find its end, and not kept.
                ReadRecordResult::OutputFull if n_raw > MAX_BYTES => n_bytes = 0,
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if n_raw > MAX_BYTES => n_ends = 0,
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record if is_rest => {
                    let quotes = quotes.unwrap_or_else(|| Quotes::of(first_line, &self.raw, self.separator));
                    break quotes.unclosed("never closed");
                }
                ReadRecordResult::Record if n_raw > MAX_BYTES => break Read::TooLong,
                ReadRecordResult::Record => break Read::Record,
                ReadRecordResult::End => break Read::End,
            }
        };
        self.n_fields = n_ends;
        // What ends a record before may stand before this one, and so may blank lines.
        let before = self.raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        self.line = first_line + count_breaks(before);
        Ok(read)
    }

    /// Returns the fields of the record.
    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.n_fields];
        ends.iter().enumerate().map(|(index, end)| {
            let start = index.checked_sub(1).map_or(0, |before| ends[before]);
            &self.bytes[start..*end]
        })
    }

    /// Returns the text of the record without the line breaks around it.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.raw);
        text.trim_matches(['\r', '\n']).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the line of each record with its fields, or with what is wrong.
    fn read(text: &str) -> Vec<(u64, String)> {
        // A small buffer: what is read ends anywhere.
        let input = io::BufReader::with_capacity(3, text.as_bytes());
        let mut records = Records::new(Box::new(input), b',');
        let mut found = Vec::new();
        loop {
            let read = records.advance().unwrap();
            let shown = match read {
                Read::End => return found,
                Read::Record => {
                    let fields: Vec<String> =
                        records.fields().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
                    fields.join("|")
                }
                Read::Unclosed(line, reason) => format!("line {line}: {reason}"),
                Read::TooLong => format!("{read:?}"),
            };
            found.push((records.line, shown));
        }
    }

    #[test]
    fn records_know_their_lines() {
        let cases: [(&str, &[(u64, &str)]); 10] = [
            ("", &[]),
            ("a,b\n1,2\n", &[(1, "a|b"), (2, "1|2")]),
            ("a,b\r\n1,2\r\n3,4", &[(1, "a|b"), (2, "1|2"), (3, "3|4")]),
            ("\n\na\n\n\r\nb\n", &[(3, "a"), (6, "b")]),
            ("\"x\ny\",1\n2,\"\"\"q\"\"\"\n", &[(1, "x\ny|1"), (3, "2|\"q\"")]),
            ("5\" pipe,3\n4,\n", &[(1, "5\" pipe|3"), (2, "4|")]),
            ("1,2\n3,\"4\n5,6\n", &[(1, "1|2"), (2, "line 2: the quote that opens field 2 is never closed")]),
            ("\n1,\"2\n\"\"\r\n3,x\n", &[(2, "line 2: the quote that opens field 2 is never closed")]),
            ("\n\"1\n\",\"2\"x\",5\",\"\"\"", &[(2, "line 3: the quote that opens field 4 is never closed")]),
            ("1,\"2\"", &[(1, "1|2")]),
        ];
        for (text, expected) in cases {
            let expected: Vec<(u64, String)> =
                expected.iter().map(|(line, shown)| (*line, (*shown).to_owned())).collect();
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_record_is_bounded() {
        let long = "x".repeat(MAX_BYTES + 100);
        let text = format!("a,b\n{long},\"{long}\n\"\nc,d\n");
        let input = io::BufReader::new(text.as_bytes());
        let mut records = Records::new(Box::new(input), b',');
        let expected = [(Read::Record, 1), (Read::TooLong, 2), (Read::Record, 4)];
        for (read, line) in expected {
            assert_eq!((records.advance().unwrap(), records.line), (read, line));
            assert!(records.bytes.len() + records.raw.capacity() < 5 * MAX_BYTES);
        }
        assert_eq!(records.advance().unwrap(), Read::End);
    }

    #[test]
    fn no_line_is_lost_behind_a_quote() {
        let lines = "1,2\n".repeat(MAX_BYTES / 4);
        for (rest, how) in [
            (
                "\",4\n5,6\n",
                format!("not closed within {MAX_BYTES} bytes, the most that a cell of several lines may have"),
            ),
            ("", "never closed".into()),
        ] {
            let begun = if rest.is_empty() { "x".repeat(MAX_BYTES + 100) } else { "x".to_owned() };
            let text = format!("a,b\n{begun},\"{lines}{rest}");
            let mut records = Records::new(Box::new(io::BufReader::new(text.as_bytes())), b',');
            assert_eq!(records.advance().unwrap(), Read::Record);
            let expected = Read::Unclosed(2, format!("the quote that opens field 2 is {how}"));
            assert_eq!(records.advance().unwrap(), expected);
        }
    }
}
