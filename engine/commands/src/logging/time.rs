//! The times of events.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, Local, SecondsFormat, Timelike, Utc};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Writes the time of an event in UTC, as `tracing_subscriber`'s default does at more cost.
#[derive(Clone, Copy)]
pub struct UtcTime;

impl FormatTime for UtcTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = SystemTime::now();
        let text = now.duration_since(UNIX_EPOCH).ok().and_then(in_utc);
        match text.as_ref().and_then(|text| std::str::from_utf8(text).ok()) {
            Some(text) => writer.write_str(text),
            None => writer.write_str(&DateTime::<Utc>::from(now).to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }
}

thread_local! {
    /// The last second that was written, of which there may be many events.
    static SECOND: Cell<Option<(u64, [u8; 27])>> = const { Cell::new(None) };
}

/// Returns a time since the year 1970, up to the year 9999.
fn in_utc(time: Duration) -> Option<[u8; 27]> {
    let mut text = match SECOND.get() {
        Some((second, text)) if second == time.as_secs() => text,
        _ => {
            let text = second_in_utc(i64::try_from(time.as_secs()).ok()?)?;
            SECOND.set(Some((time.as_secs(), text)));
            text
        }
    };
    write_digits(&mut text[20..26], time.subsec_micros());
    Some(text)
}

fn second_in_utc(second: i64) -> Option<[u8; 27]> {
    let time = DateTime::from_timestamp(second, 0).filter(|time| time.year() <= 9999)?;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let parts = [
        (0..4, time.year().unsigned_abs()),
        (5..7, time.month()),
        (8..10, time.day()),
        (11..13, time.hour()),
        (14..16, time.minute()),
        (17..19, time.second()),
    ];
    parts.into_iter().for_each(|(place, number)| write_digits(&mut text[place], number));
    Some(text)
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Writes the time of an event with the offset of this machine.
#[derive(Clone, Copy)]
pub struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(&Local::now().to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_rfc_3339() {
        for time in [
            "1970-01-01T00:00:00.000000Z",
            "2026-11-27T01:02:03.040506Z",
            "2026-11-27T01:02:03.999999Z",
            "2026-11-27T01:02:04.000007Z",
            "2028-02-29T10:20:30.123456Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            let parsed: DateTime<Utc> = time.parse().unwrap();
            let written = in_utc(SystemTime::from(parsed).duration_since(UNIX_EPOCH).unwrap()).unwrap();
            assert_eq!(std::str::from_utf8(&written), Ok(time));
        }
        assert_eq!(in_utc(Duration::from_secs(253_402_300_800)), None, "a year of five digits");
    }
}
