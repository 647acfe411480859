//! The times of events.

use std::fmt;

use chrono::{DateTime, Datelike, Local, SecondsFormat, Timelike, Utc};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Writes the time of an event in UTC, as `tracing_subscriber`'s default does at more cost.
#[derive(Clone, Copy)]
pub struct UtcTime;

impl FormatTime for UtcTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = Utc::now();
        let text = in_utc(now);
        match std::str::from_utf8(&text) {
            Ok(text) if (0..=9999).contains(&now.year()) => writer.write_str(text),
            _ => writer.write_str(&now.to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }
}

/// Returns a time of the years from 0 to 9999.
fn in_utc(time: DateTime<Utc>) -> [u8; 27] {
    const LEAP_SECOND: u32 = 1_000_000;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let parts = [
        (0..4, time.year().unsigned_abs()),
        (5..7, time.month()),
        (8..10, time.day()),
        (11..13, time.hour()),
        (14..16, time.minute()),
        (17..19, time.second()),
        (20..26, time.timestamp_subsec_micros() % LEAP_SECOND),
    ];
    for (place, mut number) in parts {
        for digit in text[place].iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
    }
    text
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
            "0000-01-01T00:00:00.000000Z",
            "1969-12-31T23:59:59.999999Z",
            "2026-11-27T01:02:03.040506Z",
            "2028-02-29T10:20:30.123456Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            let parsed: DateTime<Utc> = time.parse().unwrap();
            assert_eq!(std::str::from_utf8(&in_utc(parsed)), Ok(time));
        }
    }
}
