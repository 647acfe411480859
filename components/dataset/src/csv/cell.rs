//! What a field says: a whole number, a number or a flag.
//!
//! White space around a number does not count. `inf` and `infinity` are numbers in any case, `nan` is none: the usual
//! spellings of it are missing values.

use std::borrow::Cow;

use super::decimal;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    /// What stands before the fraction.
    pub(crate) decimal: u8,
    /// What may stand between the digits of the whole part.
    pub(crate) thousands: Option<u8>,
}

impl NumberFormat {
    /// The format of a file whose options do not say otherwise.
    pub(crate) const ORDINARY: NumberFormat = NumberFormat { decimal: b'.', thousands: None };

    /// Returns the whole number that a field holds; one beyond 64 bits is none.
    pub(crate) fn whole_number(self, cell: &[u8]) -> Option<i64> {
        match self.thousands {
            None => whole_number(cell),
            Some(thousands) => {
                let digits = trim(cell);
                // Only a digit can be followed by a separator.
                let signed = digits.strip_prefix(b"-").or(digits.strip_prefix(b"+")).unwrap_or(digits);
                signed.first().filter(|first| first.is_ascii_digit())?;
                whole_number(&without(digits, thousands))
            }
        }
    }

    /// Returns the number that a field holds; it is never NaN.
    #[inline]
    pub(crate) fn number(self, cell: &[u8]) -> Option<f64> {
        match self == NumberFormat::ORDINARY {
            true => number(cell),
            false => self.other_number(cell),
        }
    }

    /// Returns the whole number that a field holds as one with a fraction or an exponent: `1.0`, `1e3`.
    pub(crate) fn number_that_is_whole(self, cell: &[u8]) -> Option<i64> {
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        let number = self.number(cell).filter(|number| number.fract() == 0.0 && (-BEYOND..BEYOND).contains(number))?;
        Some(number as i64)
    }

    /// Returns the flag that a number is.
    pub(crate) fn flag(self, cell: &[u8]) -> Option<bool> {
        let number = self.number(cell).filter(|number| *number == 0.0 || *number == 1.0)?;
        Some(number != 0.0)
    }

    /// Tells whether a field holds a whole number that is another one than a floating point number.
    pub(crate) fn is_rounded(self, cell: &[u8], number: f64) -> bool {
        let cell = self.thousands.map_or(Cow::Borrowed(cell), |thousands| without(cell, thousands));
        let digits = trim(&cell);
        let digits = digits.strip_prefix(b"-").or(digits.strip_prefix(b"+")).unwrap_or(digits);
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.iter().all(u8::is_ascii_digit) && digits[zeros..] != *format!("{:.0}", number.abs()).as_bytes()
    }

    /// Tells whether a field is a number; most texts are told from numbers by their first letter.
    pub(crate) fn is_number(self, cell: &[u8]) -> bool {
        let begins_a_word =
            cell.first().is_some_and(|first| first.is_ascii_alphabetic() && !matches!(first, b'i' | b'I'));
        !(begins_a_word && self == NumberFormat::ORDINARY) && self.number(cell).is_some()
    }

    fn other_number(self, cell: &[u8]) -> Option<f64> {
        let cell = trim(cell);
        if self.decimal != b'.' && cell.contains(&b'.') && self.thousands != Some(b'.') {
            return None;
        }
        let end = cell.iter().position(|byte| *byte == self.decimal).unwrap_or(cell.len());
        let whole = match self.thousands {
            Some(thousands) if cell[..end].contains(&thousands) => {
                let is_grouped = |at: usize| {
                    let digit = |at: Option<usize>| at.and_then(|at| cell.get(at)).is_some_and(u8::is_ascii_digit);
                    cell[at] != thousands || digit(at.checked_sub(1))
                };
                if !(0..end).all(is_grouped) {
                    return None;
                }
                without(&cell[..end], thousands)
            }
            _ => Cow::Borrowed(&cell[..end]),
        };
        match cell.get(end + 1..) {
            None => number(&whole),
            Some(fraction) => number(&[&whole, &b"."[..], fraction].concat()),
        }
    }
}

fn without(cell: &[u8], left_out: u8) -> Cow<'_, [u8]> {
    match cell.contains(&left_out) {
        true => cell.iter().copied().filter(|byte| *byte != left_out).collect(),
        false => Cow::Borrowed(cell),
    }
}

fn whole_number(cell: &[u8]) -> Option<i64> {
    let bytes = trim(cell);
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        let digit = i64::from(digit);
        number = number.checked_mul(10)?;
        number = if negative { number.checked_sub(digit)? } else { number.checked_add(digit)? };
    }
    Some(number)
}

#[inline]
fn number(cell: &[u8]) -> Option<f64> {
    decimal::plain(cell).or_else(|| unusual_number(cell))
}

#[inline(never)]
fn unusual_number(cell: &[u8]) -> Option<f64> {
    let cell = trim(cell);
    // Most texts are told from numbers by their beginning.
    match cell.first()? {
        b'0'..=b'9' | b'+' | b'-' | b'.' | b'i' | b'I' => {}
        _ => return None,
    }
    let number: f64 = fast_float2::parse(cell).ok()?;
    (!number.is_nan()).then_some(number)
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    while let [first, rest @ ..] = bytes
        && is_space(first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(last)
    {
        bytes = rest;
    }
    bytes
}

/// Returns the flag that a field holds as a number in one of the spellings that pandas takes for `boolean`.
pub(crate) fn exact_flag(cell: &[u8]) -> Option<bool> {
    match cell {
        b"1" | b"1.0" => Some(true),
        b"0" | b"0.0" => Some(false),
        _ => None,
    }
}

/// The texts that mean a flag.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// Those that mean true, beside `true` in any case.
    pub(crate) true_values: Vec<Vec<u8>>,
    /// Those that mean false, beside `false` in any case.
    pub(crate) false_values: Vec<Vec<u8>>,
}

impl Flags {
    /// Returns the flag that a field holds.
    pub(crate) fn flag(&self, cell: &[u8]) -> Option<bool> {
        if self.true_values.iter().any(|text| text == cell) {
            Some(true)
        } else if self.false_values.iter().any(|text| text == cell) {
            Some(false)
        } else if cell.eq_ignore_ascii_case(b"true") {
            Some(true)
        } else if cell.eq_ignore_ascii_case(b"false") {
            Some(false)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers() {
        let cases = [
            ("0", Some(0)),
            ("007", Some(7)),
            ("+5", Some(5)),
            (" -12\t", Some(-12)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("1.0", None),
            ("1 2", None),
            ("- 5", None),
            ("--5", None),
            ("-", None),
            ("", None),
            (" ", None),
            ("0x10", None),
            ("٣", None),
        ];
        for (cell, expected) in cases {
            assert_eq!(whole_number(cell.as_bytes()), expected, "{cell:?}");
        }
    }

    #[test]
    fn reads_numbers() {
        let cases = [
            ("1.5", Some(1.5)),
            ("\t+1.5 ", Some(1.5)),
            ("1.", Some(1.0)),
            (".5", Some(0.5)),
            ("1.e5", Some(1e5)),
            ("1E+5", Some(1e5)),
            ("1e400", Some(f64::INFINITY)),
            ("-iNf", Some(f64::NEG_INFINITY)),
            ("+INFINITY", Some(f64::INFINITY)),
            ("18446744073709551616", Some(18_446_744_073_709_551_616.0)),
            ("3.141592653589793238462643383279", Some(std::f64::consts::PI)),
            (".", None),
            ("1e", None),
            ("e5", None),
            ("1d5", None),
            ("1_000", None),
            ("1,5", None),
            ("NAN", None),
            ("+nan", None),
            ("infin", None),
            ("Inf", Some(f64::INFINITY)),
            ("infinity", Some(f64::INFINITY)),
            ("word", None),
            ("", None),
        ];
        for (cell, expected) in cases {
            assert_eq!(number(cell.as_bytes()), expected, "{cell:?}");
            assert_eq!(NumberFormat::ORDINARY.is_number(cell.as_bytes()), expected.is_some(), "{cell:?}");
        }
    }

    #[test]
    fn reads_numbers_of_other_formats() {
        let comma = NumberFormat { decimal: b',', thousands: Some(b'.') };
        let apostrophe = NumberFormat { decimal: b'.', thousands: Some(b'\'') };
        let decimal = NumberFormat { decimal: b',', thousands: None };
        let cases = [
            (comma, "1.234.567,5", Some(1_234_567.5)),
            (comma, "-1.5", Some(-15.0)),
            (comma, ".5", None),
            (comma, "1,5.0", None),
            (apostrophe, "1'000", Some(1000.0)),
            (apostrophe, "1'000.2'5", None),
            (apostrophe, "'1", None),
            (decimal, "1,5e2", Some(150.0)),
            (decimal, "1.5", None),
        ];
        for (format, cell, expected) in cases {
            assert_eq!(format.number(cell.as_bytes()), expected, "{cell:?}");
        }
        let cases = [("1.234", Some(1234)), ("-1.2.3", Some(-123)), (".1", None), ("1,0", None)];
        for (cell, expected) in cases {
            assert_eq!(comma.whole_number(cell.as_bytes()), expected, "{cell:?}");
        }
    }

    #[test]
    fn tells_whole_numbers_that_are_rounded() {
        let ordinary = NumberFormat::ORDINARY;
        let grouped = NumberFormat { decimal: b'.', thousands: Some(b',') };
        let cases = [
            (ordinary, "9223372036854775808", false),
            (ordinary, "9223372036854775809", true),
            (ordinary, " -0018446744073709551615", true),
            (ordinary, "100000000000000000000", false),
            (ordinary, "1e20", false),
            (ordinary, "9223372036854775809.5", false),
            (grouped, "9,223,372,036,854,775,809", true),
        ];
        for (format, cell, expected) in cases {
            let number = format.number(cell.as_bytes()).unwrap();
            assert_eq!(format.is_rounded(cell.as_bytes(), number), expected, "{cell}");
        }
    }

    #[test]
    fn reads_flags() {
        let flags = Flags { true_values: vec![b"yes".to_vec()], false_values: vec![b"no".to_vec()] };
        let cases = [
            ("True", Some(true)),
            ("fALSE", Some(false)),
            (" true", None),
            ("1", None),
            ("yes", Some(true)),
            ("no", Some(false)),
            ("Yes", None),
        ];
        for (cell, expected) in cases {
            assert_eq!(flags.flag(cell.as_bytes()), expected, "{cell:?}");
        }
    }
}
