//! Dates as Java's `SimpleDateFormat` writes them.

use chrono::format::{Fixed, Item, Numeric, Pad, Parsed, parse};
use chrono::{Datelike, NaiveTime, Timelike};

/// How dates are written.
pub(super) struct DateFormat {
    items: Vec<Item<'static>>,
    has_time: bool,
    has_zone: bool,
}

/// A date, with its time if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Instant {
    /// Days since 1970.
    pub(super) days: i32,
    /// Microseconds since 1970.
    pub(super) microseconds: i64,
}

impl DateFormat {
    /// Returns what stands in when no format is given.
    pub(super) fn iso() -> Result<DateFormat, String> {
        DateFormat::java("yyyy-MM-dd'T'HH:mm:ss")
    }

    /// Reads a format in the letters of Java.
    ///
    /// # Errors
    /// A letter that is not known.
    pub(super) fn java(format: &str) -> Result<DateFormat, String> {
        let mut made = DateFormat { items: Vec::new(), has_time: false, has_zone: false };
        let mut rest = format;
        while let Some(letter) = rest.chars().next() {
            if letter == '\'' {
                rest = made.literal(&rest[1..])?;
                continue;
            }
            let length = rest.find(|other| other != letter).unwrap_or(rest.len());
            let run = &rest[..length];
            rest = &rest[length..];
            match letter {
                letter if letter.is_ascii_alphabetic() => made.field(letter, length, run)?,
                letter if letter.is_whitespace() => made.items.push(Item::OwnedSpace(run.into())),
                _ => made.items.push(Item::OwnedLiteral(run.into())),
            }
        }
        Ok(made)
    }

    /// Adds what stands in quotes, and returns what stands behind them. Two quotes in a row are one.
    fn literal<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let end = text.find('\'').ok_or("a quote of the format is never closed")?;
        let literal = if end == 0 { "'" } else { &text[..end] };
        self.items.push(Item::OwnedLiteral(literal.into()));
        Ok(&text[end + 1..])
    }

    fn field(&mut self, letter: char, length: usize, run: &str) -> Result<(), String> {
        let number = |numeric| Item::Numeric(numeric, Pad::Zero);
        let item = match (letter, length) {
            ('y' | 'u', 2) => number(Numeric::YearMod100),
            ('y' | 'u', _) => number(Numeric::Year),
            ('M' | 'L', 1 | 2) => number(Numeric::Month),
            ('M' | 'L', 3) => Item::Fixed(Fixed::ShortMonthName),
            ('M' | 'L', _) => Item::Fixed(Fixed::LongMonthName),
            ('d', _) => number(Numeric::Day),
            ('D', _) => number(Numeric::Ordinal),
            ('E', 1..=3) => Item::Fixed(Fixed::ShortWeekdayName),
            ('E', _) => Item::Fixed(Fixed::LongWeekdayName),
            ('H', _) => number(Numeric::Hour),
            ('h', _) => number(Numeric::Hour12),
            ('m', _) => number(Numeric::Minute),
            ('s', _) => number(Numeric::Second),
            ('S', _) => match self.items.pop() {
                // The dot belongs to the fraction.
                Some(Item::OwnedLiteral(dot)) if &*dot == "." => Item::Fixed(Fixed::Nanosecond),
                _ => return Err("`S` is only known behind a dot".to_owned()),
            },
            ('a', _) => Item::Fixed(Fixed::UpperAmPm),
            ('Z' | 'X', _) => Item::Fixed(Fixed::TimezoneOffsetColonZ),
            _ => return Err(format!("the part `{run}` of a format of dates is not known")),
        };
        self.has_time |= "HhmsSa".contains(letter);
        self.has_zone |= "ZX".contains(letter);
        self.items.push(item);
        Ok(())
    }

    /// Tells whether dates have a time of day.
    pub(super) fn has_time(&self) -> bool {
        self.has_time
    }

    /// Tells whether times have a zone.
    pub(super) fn has_zone(&self) -> bool {
        self.has_zone
    }

    /// Reads a date.
    pub(super) fn read(&self, text: &str) -> Option<Instant> {
        const EPOCH: i32 = 719_163;
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        let time = if self.has_time { time_of(&parsed)? } else { NaiveTime::MIN };
        let offset = if self.has_zone { i64::from(parsed.offset()?) } else { 0 };
        let days = parsed.to_naive_date().ok()?.num_days_from_ce() - EPOCH;
        let seconds = i64::from(days) * 86_400 + i64::from(time.num_seconds_from_midnight()) - offset;
        Some(Instant { days, microseconds: seconds * 1_000_000 + i64::from(time.nanosecond() / 1000) })
    }
}

/// Returns the time of day; what the format leaves out is zero.
fn time_of(parsed: &Parsed) -> Option<NaiveTime> {
    let hour = parsed.hour_div_12().unwrap_or(0) * 12 + parsed.hour_mod_12().unwrap_or(0);
    let (minute, second) = (parsed.minute().unwrap_or(0), parsed.second().unwrap_or(0));
    NaiveTime::from_hms_nano_opt(hour, minute, second.min(59), parsed.nanosecond().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_by_the_formats_of_java() {
        const DAY: i64 = 86_400_000_000;
        let cases = [
            ("yyyy-MM-dd", "1970-01-02", Some(DAY)),
            ("yyyy-MM-dd'T'HH:mm:ss", "1970-01-02T01:00:00", Some(DAY + DAY / 24)),
            ("yyyy-MM-dd HH:mm:ss.SSS", "1970-01-02 00:00:00.250", Some(DAY + 250_000)),
            ("dd MMM yyyy", "02 Jan 1970", Some(DAY)),
            ("d/M/yy", "2/1/70", Some(DAY)),
            ("EEE, MMMM dd yyyy hh:mm a", "Fri, January 02 1970 06:30 PM", Some(DAY + 18 * DAY / 24 + DAY / 48)),
            ("yyyy-MM-dd'T'HH:mm:ssZ", "1970-01-02T01:00:00+0100", Some(DAY)),
            ("yyyy-MM-dd'T'HH:mm:ssX", "1970-01-02T00:00:00Z", Some(DAY)),
            ("yyyy-DDD ''HH", "1970-002 '00", Some(DAY)),
            ("yyyy 'o''clock'", "1970", None),
            ("yyyy-MM-dd", "1970-13-02", None),
            ("yyyy-MM-dd", "1970-01-02 ", None),
            ("yyyy-MM-dd", "yesterday", None),
        ];
        for (format, text, expected) in cases {
            let read = DateFormat::java(format).unwrap().read(text);
            assert_eq!(read.map(|instant| instant.microseconds), expected, "{format}: {text}");
            assert_eq!(read.map(|instant| instant.days), expected.map(|_| 1), "{format}: {text}");
        }
        for (format, expected) in [
            ("yyyy-QQ", "the part `QQ` of a format of dates is not known"),
            ("yyyy 'x", "a quote of the format is never closed"),
            ("ss SSS", "`S` is only known behind a dot"),
        ] {
            assert_eq!(DateFormat::java(format).err().as_deref(), Some(expected));
        }
    }
}
