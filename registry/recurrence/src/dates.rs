//! Dates as people write them: those that [`words`] knows, and what a library makes of others.

mod words;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, TimeDelta, Timelike, Utc};

use crate::zone::Zone;

/// The names of time zones that the library knows; it takes all others for UTC.
const ZONES: [&str; 12] = ["z", "ut", "utc", "gmt", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt"];

/// Years before have another calendar or are those of two digits that were not understood.
const FIRST_YEAR: i32 = 1583;

const LAST_YEAR: i32 = 9999;

/// Reads a date as the clock of a zone shows it, without a fraction of a second. A time alone is today's.
pub(crate) fn parse(text: &str, zone: Zone, now: DateTime<Utc>) -> Option<NaiveDateTime> {
    let text = text.trim();
    let shown = match words::read(text) {
        Some((shown, None)) => shown,
        Some((shown, Some(offset))) => zone.shown(shown.checked_sub_offset(offset)?.and_utc()),
        None if has_impossible_offset(text) || has_doubtful_offset(text) => return None,
        None => parse_with_library(text, zone, now)?,
    };
    (FIRST_YEAR..=LAST_YEAR).contains(&shown.year()).then_some(shown)?.with_nanosecond(0)
}

fn parse_with_library(text: &str, zone: Zone, now: DateTime<Utc>) -> Option<NaiveDateTime> {
    let offset = zone.offset(now);
    let parse = |offset: TimeDelta| {
        let offset = FixedOffset::east_opt(i32::try_from(offset.num_seconds()).ok()?)?;
        dateparser::parse_with(text, &offset, chrono::NaiveTime::MIN).ok()
    };
    let instant = parse(offset)?;
    // What says its own time zone is the same instant wherever it is read.
    match parse(offset - TimeDelta::minutes(1)) == Some(instant) {
        true => says_known_zone(text).then(|| zone.shown(instant)),
        false => instant.naive_utc().checked_add_signed(offset),
    }
}

/// Tells whether the library would read an offset of a day or more, at which it panics.
fn has_impossible_offset(text: &str) -> bool {
    let Some(sign) = text.rfind(['+', '-']) else { return false };
    let (before, after) = (&text[..sign], &text[sign + 1..]);
    let is_offset = text[sign..].starts_with('+') || before.contains(':') || before.matches('-').count() >= 2;
    let hours: String = after.chars().take(2).collect();
    is_offset && hours.parse().is_ok_and(|hours: u32| hours > 23)
}

/// Tells whether an offset follows the name of a zone, of which the library takes the name alone, and which some mean the
/// other way round.
fn has_doubtful_offset(text: &str) -> bool {
    let Some((before, _)) = text.rsplit_once(['+', '-']) else { return false };
    before.contains(':') && before.trim_end().ends_with(|last: char| last.is_alphabetic())
}

fn says_known_zone(text: &str) -> bool {
    let name = text.rsplit(|letter: char| !letter.is_alphabetic()).next().unwrap_or("");
    name.is_empty() || ZONES.contains(&name.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    #[test]
    fn reads_common_forms() {
        let zone = Zone::Named(chrono_tz::Europe::Berlin);
        let now = "2026-11-23T23:30:15.5Z".parse().unwrap();
        let cases = [
            ("2014-10-30 13:21:18", Some("2014-10-30T13:21:18")),
            ("2014-10-30T13:21:18", Some("2014-10-30T13:21:18")),
            ("2014-10-30T13:21", Some("2014-10-30T13:21:00")),
            ("20141030T132118", Some("2014-10-30T13:21:18")),
            ("2014-10-30T13:21:18.25Z", Some("2014-10-30T14:21:18")),
            ("2014-07-30T13:21:18Z", Some("2014-07-30T15:21:18")),
            ("2014-10-30T13:21:18+05:30", Some("2014-10-30T08:51:18")),
            ("2014-10-30", Some("2014-10-30T00:00:00")),
            ("30 Oct 2014", Some("2014-10-30T00:00:00")),
            ("Oct 30, 2014, 1:21 pm", Some("2014-10-30T13:21:00")),
            ("Thu, 30 Oct 2014 13:21:18 GMT", Some("2014-10-30T14:21:18")),
            ("10/11/2014", Some("2014-10-11T00:00:00")),
            ("10-11-2014", Some("2014-10-11T00:00:00")),
            ("10.11.14", Some("2014-10-11T00:00:00")),
            ("8/1/71", Some("1971-08-01T00:00:00")),
            ("2026-03-29 02:30", Some("2026-03-29T02:30:00")),
            ("2026-10-25 02:30", Some("2026-10-25T02:30:00")),
            ("2014-10-30 13:21 UTC", Some("2014-10-30T14:21:00")),
            ("2014-10-30 13:21 +99:00", None),
            ("2014-10-30-9900", None),
            ("oct 7, 70 10:00:00", None),
            ("2014-10-30 13:21 IST", None),
            ("2014-10-30 13:21 GMT+2", None),
            ("2014-10-30 13:21:18+24:00", None),
            ("2014-10-30 13:21 +02:00 CET", None),
            ("2014-10-30T13:21:18 utc", Some("2014-10-30T14:21:18")),
            ("2014-10-30 13:21 PM", None),
            ("2014-10-30 0:21 am", None),
            ("2014-10-30 pm", None),
            ("2014-10-30 24:00", None),
            ("20141030T2460", None),
            ("20141030T132", None),
            ("30/30/2014", None),
            ("30/10/14", None),
            ("30 Oct Nov 2014", None),
            ("30 31 Oct 2014", None),
            ("Fri Oct 30 13:21:18 2014", None),
            ("2014-10", None),
            ("2014-30-10", None),
            ("2014-02-30", None),
            ("tomorrow", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|expected| expected.parse().unwrap());
            assert_eq!(parse(text, zone, now), expected, "{text}");
        }
        let vectors: Json = serde_json::from_str(include_str!("../tests/vectors/dates.json")).unwrap();
        let vectors = vectors["cases"].as_array().unwrap();
        assert!(vectors.len() > 40);
        for case in vectors.iter().map(|case| case.as_array().unwrap()) {
            let [text, expected] = [0, 1].map(|index| case[index].as_str().unwrap());
            assert_eq!(parse(text, zone, now), Some(expected.parse().unwrap()), "{text}");
        }
        let today = parse("03:00", zone, Utc::now()).unwrap();
        assert_eq!(today.time(), chrono::NaiveTime::from_hms_opt(3, 0, 0).unwrap());
    }
}
