//! What a field says: a whole number, a number or a flag.
//!
//! White space around a number does not count. `inf` and `infinity` are numbers in any case, `nan` is none: the usual
//! spellings of it are missing values.

/// Returns the whole number that a field holds; one beyond 64 bits is none.
pub(crate) fn whole_number(cell: &str) -> Option<i64> {
    let bytes = trim(cell.as_bytes());
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

/// Returns the number that a field holds; it is never NaN.
pub(crate) fn number(cell: &str) -> Option<f64> {
    let number: f64 = fast_float2::parse(trim(cell.as_bytes())).ok()?;
    (!number.is_nan()).then_some(number)
}

/// Returns the flag that a field holds.
pub(crate) fn flag(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
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
            assert_eq!(whole_number(cell), expected, "{cell:?}");
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
            ("", None),
        ];
        for (cell, expected) in cases {
            assert_eq!(number(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn reads_flags() {
        for (cell, expected) in [("True", Some(true)), ("fALSE", Some(false)), (" true", None), ("1", None)] {
            assert_eq!(flag(cell), expected, "{cell:?}");
        }
    }
}
