//! Takes the rows of a file apart, as they are written, for training and testing.

use std::path::Path;

use palladium_component::prelude::*;

use crate::inspect::Inspection;

/// The rows of a file as they are written.
pub struct Rows {
    text: String,
    /// Where each row begins and ends, without the line break.
    ranges: Vec<std::ops::Range<usize>>,
    /// What stands between two fields.
    pub separator: u8,
}

/// The two parts of the rows, each a file.
pub struct Halves {
    /// What to learn from.
    pub train: Vec<u8>,
    /// What to test with.
    pub test: Vec<u8>,
    /// Rows to learn from.
    pub n_train: usize,
    /// Rows to test with.
    pub n_test: usize,
}

/// What may stand between two fields; the first that separates most fields does.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Rows {
    fn of(text: String) -> Rows {
        let first = |separator| {
            let (mut ranges, fields) = rows_of(&text, separator, 1);
            (fields, ranges.pop())
        };
        let (mut separator, mut most) = (SEPARATORS[0], 0);
        for candidate in SEPARATORS {
            let (fields, _) = first(candidate);
            if fields > most {
                (separator, most) = (candidate, fields);
            }
        }
        let (ranges, _) = rows_of(&text, separator, usize::MAX);
        Rows { text, ranges, separator }
    }

    /// Returns the number of rows, with the one that holds the names.
    pub fn n_rows(&self) -> usize {
        self.ranges.len()
    }

    fn row(&self, index: usize) -> &str {
        &self.text[self.ranges[index].clone()]
    }
}

/// Reads the rows of a file.
///
/// # Errors
/// A file that is not there or no text.
pub fn read_rows(data: &Path) -> Result<Rows, Failure> {
    let failed = |what: String| Failure::with_help(what, "name a text file with separated fields after `--data`");
    let bytes = std::fs::read(data).map_err(|error| failed(format!("cannot read `{}`: {error}", data.display())))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let help = "save it as UTF-8; `iconv -f latin1 -t utf-8 FILE > NEW` converts what comes from older programs";
        Failure::with_help(format!("`{}`, line {line}: this is not UTF-8 text", data.display()), help)
    })?;
    Ok(Rows::of(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()))
}

/// Returns the first rows that are not blank, and the number of fields of the last of them. A quote at the start of a
/// field keeps separators and line breaks in it until the next single one.
fn rows_of(text: &str, separator: u8, limit: usize) -> (Vec<std::ops::Range<usize>>, usize) {
    let (mut ranges, mut fields) = (Vec::new(), 1);
    let (mut start, mut is_quoted, mut field_starts) = (0, false, true);
    let mut last_fields = 0;
    for (index, byte) in text.bytes().chain([b'\n']).enumerate() {
        let is_start = std::mem::replace(&mut field_starts, false);
        match byte {
            b'"' if is_quoted || is_start => is_quoted = !is_quoted,
            // A second quote right behind a closing one opens the field again.
            b'"' if index > 0 && text.as_bytes()[index - 1] == b'"' => is_quoted = true,
            _ if is_quoted => {}
            b'\n' | b'\r' => {
                if !text[start..index].trim().is_empty() {
                    ranges.push(start..index);
                    last_fields = fields;
                    if ranges.len() == limit {
                        break;
                    }
                }
                (start, fields, field_starts) = (index + 1, 1, true);
            }
            _ if byte == separator => (fields, field_starts) = (fields + 1, true),
            _ => {}
        }
    }
    (ranges, last_fields)
}

/// Draws a quarter of the rows of each class for testing; the others are for learning. The order of the rows stays.
///
/// # Errors
/// Never, for rows that were inspected.
pub fn split(data: &Path, inspection: &Inspection, seed: u64) -> Result<Halves, Failure> {
    let mut random = Random(seed);
    let mut is_test = vec![false; inspection.class_of.len()];
    for class in 0..inspection.classes.len() {
        let mut rows: Vec<usize> = (0..is_test.len()).filter(|row| inspection.class_of[*row] == Some(class)).collect();
        for last in (1..rows.len()).rev() {
            rows.swap(last, random.below(last + 1));
        }
        let n_test = ((rows.len() + 2) / 4).max(1);
        rows.iter().take(n_test).for_each(|row| is_test[*row] = true);
    }
    let rows = &inspection.rows;
    let offset = usize::from(inspection.has_header);
    if rows.n_rows() != is_test.len() + offset {
        return Err(Failure::message(format!("`{}` was changed while it was read", data.display())));
    }
    let header = inspection.has_header.then(|| rows.row(0));
    let part = |wants_test: bool| {
        let chosen =
            (0..is_test.len()).filter(|row| inspection.class_of[*row].is_some() && is_test[*row] == wants_test);
        let mut text = header.map_or_else(String::new, |header| format!("{header}\n"));
        let mut count = 0;
        for row in chosen {
            text.push_str(rows.row(row + offset));
            text.push('\n');
            count += 1;
        }
        (text.into_bytes(), count)
    };
    let ((train, n_train), (test, n_test)) = (part(false), part(true));
    Ok(Halves { train, test, n_train, n_test })
}

/// Numbers that look random: SplitMix64, which is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // The remainder favours small numbers by less than one in 2^40 for tables that fit into memory.
        usize::try_from(mixed % limit.max(1) as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart() {
        let cases: &[(&str, u8, &[&str])] = &[
            ("a,b\n1,2\n\n3,4", b',', &["a,b", "1,2", "3,4"]),
            ("a;b,c;d\r\n1;2;3\r\n", b';', &["a;b,c;d", "1;2;3"]),
            ("a,b\n\"x\ny\",2\n", b',', &["a,b", "\"x\ny\",2"]),
            ("a,b\n\"x\"\"\n,\",2\n", b',', &["a,b", "\"x\"\"\n,\",2"]),
            ("a,b\n5\" pipe,2\n3,4\n", b',', &["a,b", "5\" pipe,2", "3,4"]),
            ("a\tb\n  \n1\t2", b'\t', &["a\tb", "1\t2"]),
            ("a\n1", b',', &["a", "1"]),
            ("", b',', &[]),
        ];
        for (text, separator, expected) in cases {
            let rows = Rows::of((*text).to_owned());
            assert_eq!(rows.separator, *separator, "{text:?}");
            let found: Vec<&str> = (0..rows.n_rows()).map(|index| rows.row(index)).collect();
            assert_eq!(found, *expected, "{text:?}");
        }
    }

    #[test]
    fn each_class_has_its_share() {
        let sizes = [2, 3, 8, 100];
        let class_of: Vec<Option<usize>> =
            sizes.iter().enumerate().flat_map(|(class, size)| vec![Some(class); *size]).chain([None]).collect();
        let text: String = (0..class_of.len()).map(|row| format!("{row}\n")).collect();
        let inspection = Inspection {
            rows: Rows::of(text),
            has_header: false,
            target: String::new(),
            features: Vec::new(),
            left_out: Vec::new(),
            classes: sizes.iter().map(|size| (String::new(), *size)).collect(),
            class_of,
            n_incomplete: 1,
            single: Vec::new(),
            sample: Vec::new(),
        };
        let halves = |seed| split(Path::new("x"), &inspection, seed).unwrap();
        let first = halves(1);
        assert_eq!((first.n_train, first.n_test), (1 + 2 + 6 + 75, 1 + 1 + 2 + 25));
        assert_eq!(first.test, halves(1).test);
        assert_ne!(first.test, halves(2).test);
        let mut all: Vec<String> = [first.train, first.test]
            .iter()
            .flat_map(|part| String::from_utf8(part.clone()).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        all.sort_by_key(|line| line.parse::<usize>().unwrap());
        assert_eq!(all, (0..113).map(|row| row.to_string()).collect::<Vec<_>>(), "the row without class is left out");
    }
}
