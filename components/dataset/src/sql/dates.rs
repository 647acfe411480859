//! Dates and times from texts and numbers.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type};
use arrow_array::{Date32Array, TimestampMicrosecondArray};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use palladium_component::prelude::*;

use super::options::{DateFormat, Unit};

/// What a text or a number stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// A day since 1970.
    Date(i32),
    /// Microseconds since 1970 in no certain time zone.
    Local(i64),
    /// Microseconds since 1970 in UTC.
    Instant(i64),
}

/// A cell does not stand for a date.
#[derive(Debug, PartialEq)]
pub(crate) struct NoDate {
    /// The row, from 0.
    pub(crate) row: usize,
    /// What is wrong with the cell, in words.
    pub(crate) what: String,
}

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// Returns a column as dates with a time, in UTC where the texts tell their time zones.
///
/// # Errors
/// The first cell that does not stand for a date.
pub(crate) fn parsed(column: &ArrayRef, format: &DateFormat) -> Result<ArrayRef, NoDate> {
    match ColumnType::of(column.data_type()) {
        Some(ColumnType::Timestamp | ColumnType::TimestampUtc) => Ok(Arc::clone(column)),
        Some(ColumnType::Date) => {
            let days = column.as_primitive::<Date32Type>().iter();
            let moments = days.map(|day| Ok(day.map(Moment::Date)));
            times(moments, ColumnType::Timestamp)
        }
        Some(ColumnType::Int) => {
            let numbers = column.as_primitive::<Int64Type>().iter();
            times(numbers.map(|number| number.map(|number| of_int(number, format)).transpose()), ColumnType::Timestamp)
        }
        Some(ColumnType::Float) => {
            let numbers = column.as_primitive::<Float64Type>().iter();
            times(
                numbers.map(|number| number.map(|number| of_float(number, format)).transpose()),
                ColumnType::Timestamp,
            )
        }
        Some(ColumnType::Text) => {
            let texts = column.as_string::<i32>().iter();
            times(texts.map(|text| text.map(|text| of_text(text, format)).transpose()), ColumnType::Timestamp)
        }
        kind => {
            let held = kind.map_or_else(|| "something else".to_owned(), |kind| kind.to_string());
            Err(NoDate { row: 0, what: format!("{held}, which stand for no dates") })
        }
    }
}

/// Returns texts as dates or times of this type, and the row of the first that tells more than the type holds: a time
/// beside a date, or a time zone.
///
/// # Errors
/// The first text that is none in ISO 8601.
pub(crate) fn of_texts(texts: &StringArray, wanted: ColumnType) -> Result<(ArrayRef, Option<usize>), NoDate> {
    let moments = texts.iter().map(|text| text.map(|text| of_text(text, &DateFormat::Iso)).transpose());
    let mut beyond = None;
    let moments = moments.enumerate().map(|(row, moment)| {
        let is_beyond = match &moment {
            Ok(Some(Moment::Local(_))) => wanted == ColumnType::Date,
            Ok(Some(Moment::Instant(_))) => wanted != ColumnType::TimestampUtc,
            _ => false,
        };
        beyond = beyond.or(is_beyond.then_some(row));
        moment
    });
    let times = times(moments, wanted)?;
    Ok((times, beyond))
}

/// Returns so many missing dates or times of this type.
pub(crate) fn missing(n_rows: usize, kind: ColumnType) -> ArrayRef {
    let times = TimestampMicrosecondArray::new_null(n_rows);
    match kind {
        ColumnType::Date => Arc::new(Date32Array::new_null(n_rows)),
        ColumnType::TimestampUtc => Arc::new(times.with_timezone("UTC")),
        _ => Arc::new(times),
    }
}

/// Returns the moments of a column as the type that is wanted, or as that which they have in common.
fn times(
    moments: impl Iterator<Item = Result<Option<Moment>, String>>,
    wanted: ColumnType,
) -> Result<ArrayRef, NoDate> {
    let mut found = Vec::with_capacity(moments.size_hint().0);
    let (mut has_local, mut has_instant, mut has_time) = (false, false, false);
    for (row, moment) in moments.enumerate() {
        let moment = moment.map_err(|what| NoDate { row, what })?;
        has_time |= matches!(moment, Some(Moment::Local(_) | Moment::Instant(_)));
        has_local |= matches!(moment, Some(Moment::Local(_) | Moment::Date(_)));
        has_instant |= matches!(moment, Some(Moment::Instant(_)));
        if has_local && has_instant && wanted != ColumnType::TimestampUtc {
            let what = "a time in a time zone beside others without one".to_owned();
            return Err(NoDate { row, what });
        }
        found.push(moment);
    }
    if wanted == ColumnType::Date && !has_time {
        let days = found.into_iter().map(|moment| match moment {
            Some(Moment::Date(day)) => Some(day),
            _ => None,
        });
        return Ok(Arc::new(days.collect::<Date32Array>()));
    }
    let microseconds = found.into_iter().map(|moment| match moment? {
        Moment::Date(day) => Some(i64::from(day) * MICROSECONDS_A_DAY),
        Moment::Local(time) | Moment::Instant(time) => Some(time),
    });
    let times: TimestampMicrosecondArray = microseconds.collect();
    let is_utc = has_instant || wanted == ColumnType::TimestampUtc;
    Ok(Arc::new(if is_utc { times.with_timezone("UTC") } else { times }))
}

fn of_int(number: i64, format: &DateFormat) -> Result<Moment, String> {
    let microseconds = match format {
        DateFormat::Since1970(Unit::Days) => number.checked_mul(MICROSECONDS_A_DAY),
        DateFormat::Iso | DateFormat::Since1970(Unit::Seconds) => number.checked_mul(1_000_000),
        DateFormat::Since1970(Unit::Milliseconds) => number.checked_mul(1000),
        DateFormat::Since1970(Unit::Microseconds) => Some(number),
        DateFormat::Since1970(Unit::Nanoseconds) => Some(number.div_euclid(1000)),
        DateFormat::Pattern(_) => return of_text(&number.to_string(), format),
    };
    microseconds.and_then(bounded).map(Moment::Local).ok_or_else(|| format!("{number}, which lies too far away"))
}

fn of_float(number: f64, format: &DateFormat) -> Result<Moment, String> {
    let factor = match format {
        DateFormat::Since1970(Unit::Days) => MICROSECONDS_A_DAY as f64,
        DateFormat::Iso | DateFormat::Since1970(Unit::Seconds) => 1e6,
        DateFormat::Since1970(Unit::Milliseconds) => 1e3,
        DateFormat::Since1970(Unit::Microseconds) => 1.0,
        DateFormat::Since1970(Unit::Nanoseconds) => 1e-3,
        DateFormat::Pattern(_) => return Err(format!("the number {number}, which no pattern reads")),
    };
    let microseconds = (number * factor).round();
    let is_there = microseconds.is_finite() && microseconds.abs() < i64::MAX as f64;
    let bounded = if is_there { bounded(microseconds as i64) } else { None };
    bounded.map(Moment::Local).ok_or_else(|| format!("{number}, which lies too far away"))
}

/// Returns a time that has a date in the calendar.
fn bounded(microseconds: i64) -> Option<i64> {
    DateTime::from_timestamp_micros(microseconds).map(|_| microseconds)
}

fn of_text(text: &str, format: &DateFormat) -> Result<Moment, String> {
    match format {
        DateFormat::Iso => iso(text.trim()).ok_or_else(|| format!("`{}`, which is no date in ISO 8601", short(text))),
        DateFormat::Pattern(pattern) => {
            pattern_of(text, pattern).ok_or_else(|| format!("`{}`, which is no date as `{pattern}`", short(text)))
        }
        DateFormat::Since1970(_) => match text.trim().parse() {
            Ok(number) => of_int(number, format),
            Err(_) => Err(format!("`{}`, which is no whole number", short(text))),
        },
    }
}

/// Returns the beginning of a text.
pub(crate) fn short(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn pattern_of(text: &str, pattern: &str) -> Option<Moment> {
    if let Ok(instant) = DateTime::parse_from_str(text, pattern) {
        return Some(Moment::Instant(instant.timestamp_micros()));
    }
    let time = NaiveDateTime::parse_from_str(text, pattern).ok();
    let time = time.or_else(|| Some(NaiveDate::parse_from_str(text, pattern).ok()?.and_time(NaiveTime::MIN)));
    time.map(|time| Moment::Local(time.and_utc().timestamp_micros()))
}

/// Reads a date, and what may follow it: a time, and a time zone.
fn iso(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        let days = date.to_epoch_days();
        return rest.is_empty().then_some(Moment::Date(days));
    };
    let (time, zone) = rest.split_at(rest.find(['+', '-', 'Z', 'z', ' ']).unwrap_or(rest.len()));
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
    let microseconds = date.and_time(time.ok()?).and_utc().timestamp_micros();
    match zone.trim() {
        "" => Some(Moment::Local(microseconds)),
        "Z" | "z" | "UTC" => Some(Moment::Instant(microseconds)),
        zone => Some(Moment::Instant(microseconds - offset(zone)?)),
    }
}

/// Reads `+HH`, `+HHMM` or `+HH:MM` as microseconds.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|letter| *letter != ':').collect();
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 19_753 * MICROSECONDS_A_DAY;

    #[test]
    fn texts_stand_for_dates_and_times() {
        let cases = [
            ("2024-01-31", Some(Moment::Date(19_753))),
            ("2024-01-31 00:00:01.5", Some(Moment::Local(DAY + 1_500_000))),
            ("2024-01-31T00:01", Some(Moment::Local(DAY + 60_000_000))),
            ("2024-01-31T01:00:00Z", Some(Moment::Instant(DAY + 3_600_000_000))),
            ("2024-01-31 01:00:00+01", Some(Moment::Instant(DAY))),
            ("2024-01-31 01:00:00.000001-00:30", Some(Moment::Instant(DAY + 5_400_000_001))),
            ("2024-01-31 00:00:00 UTC", Some(Moment::Instant(DAY))),
            ("2024-02-30", None),
            ("2024-01-31 25:00", None),
            ("2024-01-31 00:00+99", None),
            ("31.01.2024", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(of_text(text, &DateFormat::Iso).ok(), expected, "{text}");
        }
        let pattern = |pattern: &str| DateFormat::Pattern(pattern.to_owned());
        assert_eq!(of_text("31.01.2024", &pattern("%d.%m.%Y")), Ok(Moment::Local(DAY)));
        assert_eq!(of_text("31.01.24 01:00 +0100", &pattern("%d.%m.%y %H:%M %z")), Ok(Moment::Instant(DAY)));
        assert_eq!(of_int(20_240_131, &pattern("%Y%m%d")), Ok(Moment::Local(DAY)));
    }

    #[test]
    fn numbers_count_from_1970() {
        let since = DateFormat::Since1970;
        for (number, unit) in [
            (1, Unit::Days),
            (86_400, Unit::Seconds),
            (86_400_000, Unit::Milliseconds),
            (86_400_000_000, Unit::Microseconds),
            (86_400_000_000_999, Unit::Nanoseconds),
        ] {
            assert_eq!(of_int(number, &since(unit)), Ok(Moment::Local(MICROSECONDS_A_DAY)));
        }
        assert_eq!(of_float(-0.5, &DateFormat::Iso), Ok(Moment::Local(-500_000)));
        assert_eq!(of_float(1.5, &since(Unit::Days)), Ok(Moment::Local(MICROSECONDS_A_DAY * 3 / 2)));
        assert!(of_int(i64::MAX, &DateFormat::Iso).is_err());
        assert!(of_float(f64::NAN, &DateFormat::Iso).is_err());
    }

    #[test]
    fn a_column_has_one_type() {
        use ColumnType::{Date, Timestamp, TimestampUtc};
        let kind = |column: &ArrayRef| ColumnType::of(column.data_type()).unwrap();
        let read = |texts: &[Option<&str>], wanted| {
            of_texts(&StringArray::from(texts.to_vec()), wanted).map(|(times, beyond)| (kind(&times), beyond))
        };
        let dates = [Some("2024-01-31"), None];
        assert_eq!(read(&dates, Date), Ok((Date, None)));
        let column = Arc::new(StringArray::from(dates.to_vec())) as ArrayRef;
        assert_eq!(kind(&parsed(&column, &DateFormat::Iso).unwrap()), Timestamp);
        assert_eq!(read(&[Some("2024-01-31"), Some("2024-01-31 10:00")], Date), Ok((Timestamp, Some(1))));
        let zones = [Some("2024-01-31T00:00Z"), Some("2024-01-31 10:00")];
        let column = Arc::new(StringArray::from(zones.to_vec())) as ArrayRef;
        assert_eq!(parsed(&column, &DateFormat::Iso).unwrap_err().row, 1);
        assert_eq!(read(&zones, TimestampUtc), Ok((TimestampUtc, None)));
        assert_eq!(read(&zones[..1], Timestamp), Ok((TimestampUtc, Some(0))));
        assert_eq!(read(&[None, Some("soon")], Date).unwrap_err().row, 1);
        for wanted in [Date, Timestamp, TimestampUtc] {
            assert_eq!((kind(&missing(2, wanted)), missing(2, wanted).null_count()), (wanted, 2));
        }
        let flags = Arc::new(BooleanArray::from(vec![true])) as ArrayRef;
        assert_eq!(parsed(&flags, &DateFormat::Iso).unwrap_err().what, "flags, which stand for no dates");
    }

    #[test]
    fn dates_become_times_at_midnight() {
        let dates = Arc::new(Date32Array::from(vec![Some(1), None])) as ArrayRef;
        let times = parsed(&dates, &DateFormat::Iso).unwrap();
        let expected = TimestampMicrosecondArray::from(vec![Some(MICROSECONDS_A_DAY), None]);
        assert_eq!(*times, *(Arc::new(expected) as ArrayRef));
    }
}
