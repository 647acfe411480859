//! Dates and times as people write them.
//!
//! The year first as in ISO 8601, or day and month before it, in an order that `dayfirst` tells where both could be
//! meant; months may be names. A time of day and a time zone may follow.

use chrono::NaiveDate;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since the first of January 1970.
    pub(crate) days: i64,
    /// Microseconds since the first of January 1970, in UTC if there is a zone.
    pub(crate) micros: i64,
    /// Whether a time zone is given.
    pub(crate) is_zoned: bool,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Returns the moment that a text means.
pub(crate) fn parse(text: &str, day_first: bool) -> Option<Moment> {
    let text = text.trim();
    let (date, rest) = date(text, day_first)?;
    let days = i64::from(date.to_epoch_days());
    let rest = rest.strip_prefix(['T', 't', ',']).unwrap_or(rest).trim_start();
    let (micros, zone) = if rest.is_empty() { (0, None) } else { time(rest)? };
    let offset = zone.unwrap_or(0) * 60 * SECOND;
    Some(Moment { days, micros: days * DAY + micros - offset, is_zoned: zone.is_some() })
}

/// Takes a date from the start of a text.
fn date(text: &str, day_first: bool) -> Option<(NaiveDate, &str)> {
    let text = weekday(text);
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match n_digits {
        8 | 14 => {
            let date = NaiveDate::from_ymd_opt(number(&text[..4])?, number(&text[4..6])?, number(&text[6..8])?)?;
            (n_digits == 8).then_some((date, &text[8..]))
        }
        4 => year_first(text),
        0..=2 => named_month(text).or_else(|| year_last(text, day_first)),
        _ => None,
    }
}

/// Leaves out the name of a day of the week.
fn weekday(text: &str) -> &str {
    let (name, rest) = word(text);
    let is_weekday = name.len() >= 3 && WEEKDAYS.iter().any(|day| starts_with(day, name));
    if is_weekday { rest.trim_start_matches(['.', ',', ' ']) } else { text }
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

fn starts_with(whole: &str, part: &str) -> bool {
    whole.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    digits.parse().ok()
}

/// Takes a number of so many digits from the start of a text.
fn digits(text: &str, most: usize) -> Option<(u32, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=most).contains(&end) {
        return None;
    }
    Some((number(&text[..end])?, &text[end..]))
}

/// Takes the mark between two parts of a date.
fn mark(text: &str) -> Option<(char, &str)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '-' | '/' | '.' | ' '))?;
    Some((mark, &text[1..]))
}

fn year_first(text: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = digits(text, 4)?;
    let year = i32::try_from(year).ok()?;
    let first_day = |month, rest| Some((NaiveDate::from_ymd_opt(year, month, 1)?, rest));
    let Some((separator, rest)) = mark(rest) else {
        return if rest.is_empty() { first_day(1, rest) } else { None };
    };
    let (month, rest) = match month(rest) {
        Some(found) => found,
        None => digits(rest, 2)?,
    };
    match mark(rest) {
        Some((second, rest)) if second == separator => {
            let (day, rest) = digits(rest, 2)?;
            Some((NaiveDate::from_ymd_opt(year, month, day)?, rest))
        }
        _ => first_day(month, rest),
    }
}

fn month(text: &str) -> Option<(u32, &str)> {
    let (name, rest) = word(text);
    let is_month = |month: &&str| name.len() >= 3 && starts_with(month, name);
    let position = MONTHS
        .iter()
        .position(|month| is_month(month) || name.eq_ignore_ascii_case("sept") && *month == "september")?;
    Some((position as u32 + 1, rest.strip_prefix('.').unwrap_or(rest)))
}

/// Takes `3 January 2024`, `3-Jan-24`, `January 3, 2024` or `January 2024`.
fn named_month(text: &str) -> Option<(NaiveDate, &str)> {
    let next = |text| skip_marks(text);
    if let Some((month, rest)) = month(text) {
        let (first, rest) = digits(next(rest), 4)?;
        if first > 31 {
            return Some((NaiveDate::from_ymd_opt(i32::try_from(first).ok()?, month, 1)?, rest));
        }
        let rest = ordinal(rest);
        let (year, rest) = digits(next(rest.strip_prefix(',').unwrap_or(rest)), 4)?;
        return Some((NaiveDate::from_ymd_opt(full_year(year)?, month, first)?, rest));
    }
    let (day, rest) = digits(text, 2)?;
    let (month, rest) = month(next(ordinal(rest)))?;
    let (year, rest) = digits(next(rest.strip_prefix(',').unwrap_or(rest)), 4)?;
    Some((NaiveDate::from_ymd_opt(full_year(year)?, month, day)?, rest))
}

fn skip_marks(text: &str) -> &str {
    mark(text).map_or(text, |(_, rest)| rest).trim_start()
}

fn ordinal(text: &str) -> &str {
    ["st", "nd", "rd", "th"].iter().find_map(|ending| text.strip_prefix(ending)).unwrap_or(text)
}

fn year_last(text: &str, day_first: bool) -> Option<(NaiveDate, &str)> {
    let (first, rest) = digits(text, 2)?;
    let (separator, rest) = mark(rest)?;
    let (second, rest) = digits(rest, 2)?;
    let (_, rest) = mark(rest).filter(|(mark, _)| *mark == separator)?;
    let (year, rest) = digits(rest, 4)?;
    let year = full_year(year)?;
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    // Where only one order makes a date, that one is meant.
    let date = NaiveDate::from_ymd_opt(year, month, day).or_else(|| NaiveDate::from_ymd_opt(year, day, month))?;
    Some((date, rest))
}

/// Returns the year that two digits mean: 1969 to 2068.
fn full_year(year: u32) -> Option<i32> {
    let year = i32::try_from(year).ok()?;
    Some(match year {
        0..=68 => year + 2000,
        69..=99 => year + 1900,
        _ => year,
    })
}

/// Reads a time of day, in microseconds, and a time zone, in minutes east of Greenwich.
fn time(text: &str) -> Option<(i64, Option<i64>)> {
    let (mut hour, mut rest) = digits(text, 2)?;
    let (mut minute, mut second, mut fraction) = (0, 0, 0);
    let has_minutes = rest.starts_with(':');
    if has_minutes {
        (minute, rest) = digits(&rest[1..], 2)?;
        if let Some(seconds) = rest.strip_prefix(':') {
            (second, rest) = digits(seconds, 2)?;
            if let Some(fractions) = rest.strip_prefix(['.', ',']) {
                let end = fractions.bytes().take_while(u8::is_ascii_digit).count();
                // Finer parts than microseconds are cut off.
                let micros: String = fractions[..end].chars().chain("000000".chars()).take(6).collect();
                fraction = if end == 0 { return None } else { number(&micros)? };
                rest = &fractions[end..];
            }
        }
    }
    let (name, after) = word(rest.trim_start());
    match name.to_ascii_lowercase().as_str() {
        "am" | "pm" if !(1..=12).contains(&hour) => return None,
        "am" => (hour, rest) = (hour % 12, after),
        "pm" => (hour, rest) = (hour % 12 + 12, after),
        _ if !has_minutes => return None,
        _ => {}
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some((seconds * SECOND + fraction, zone(rest.trim_start())?))
}

/// Reads a time zone, in minutes east of Greenwich; the empty text is none.
fn zone(text: &str) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    if ["Z", "UTC", "GMT"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
        return Some(Some(0));
    }
    let (sign, digits) = match text.as_bytes()[0] {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let digits = digits.replacen(':', "", 1);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 60 + minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, day_first: bool) -> String {
        let Some(moment) = parse(text, day_first) else { return "none".into() };
        let time = chrono::DateTime::from_timestamp_micros(moment.micros).unwrap();
        format!("{}{}", time.format("%Y-%m-%d %H:%M:%S%.f"), if moment.is_zoned { " UTC" } else { "" })
    }

    #[test]
    fn reads_dates() {
        let cases = [
            ("2024-01-31", "2024-01-31 00:00:00"),
            ("20240131", "2024-01-31 00:00:00"),
            ("2024/1/3", "2024-01-03 00:00:00"),
            ("2024.01.03", "2024-01-03 00:00:00"),
            ("2024-Mar-05", "2024-03-05 00:00:00"),
            ("2024-01", "2024-01-01 00:00:00"),
            ("2024", "2024-01-01 00:00:00"),
            (" 01/02/2024 ", "2024-01-02 00:00:00"),
            ("31/01/2024", "2024-01-31 00:00:00"),
            ("1.2.24", "2024-01-02 00:00:00"),
            ("01-02-1969", "1969-01-02 00:00:00"),
            ("3 Jan 2024", "2024-01-03 00:00:00"),
            ("3-Jan-2024", "2024-01-03 00:00:00"),
            ("3rd January 2024", "2024-01-03 00:00:00"),
            ("Jan 3, 2024", "2024-01-03 00:00:00"),
            ("January 2024", "2024-01-01 00:00:00"),
            ("Sept. 3 2024", "2024-09-03 00:00:00"),
            ("Wed, 03 Jan 2024 10:00:00 GMT", "2024-01-03 10:00:00 UTC"),
            ("2024-01-31T23:59:59", "2024-01-31 23:59:59"),
            ("2024-01-31 7:05", "2024-01-31 07:05:00"),
            ("2024-01-31 12:00 AM", "2024-01-31 00:00:00"),
            ("1/2/2024 3 pm", "2024-01-02 15:00:00"),
            ("2024-01-31 10:00:00.123456789", "2024-01-31 10:00:00.123456"),
            ("2024-01-31T10:00:00Z", "2024-01-31 10:00:00 UTC"),
            ("2024-01-31T10:00:00+02:00", "2024-01-31 08:00:00 UTC"),
            ("2024-01-31 23:30-0130", "2024-02-01 01:00:00 UTC"),
            ("1969-12-31 23:59:59", "1969-12-31 23:59:59"),
            ("2024-02-30", "none"),
            ("30/30/2024", "none"),
            ("2024-01-31 24:00", "none"),
            ("2024-01-31 13:00 pm", "none"),
            ("2024-01-31 10", "none"),
            ("2024-01-31x", "none"),
            ("2024-01-31T10:00:00+2", "none"),
            ("yesterday", "none"),
            ("12345", "none"),
            ("12", "none"),
            ("1.5", "none"),
            ("٣/1/2024", "none"),
            ("", "none"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text, false), expected, "{text}");
        }
    }

    #[test]
    fn the_day_may_come_first() {
        let cases = [
            ("01/02/2024", "2024-02-01 00:00:00"),
            ("1.2.2024 10:30", "2024-02-01 10:30:00"),
            ("01/31/2024", "2024-01-31 00:00:00"),
            ("2024-01-02", "2024-01-02 00:00:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text, true), expected, "{text}");
        }
    }
}
