//! From the maps of a configuration to rules.

use chrono::{DateTime, Timelike, Utc, Weekday};
use palladium_value::{Data, Map, Value, nearest};

use crate::RecurrenceError;
use crate::dates;
use crate::rule::{Days, Frequency, Rule, Times};
use crate::zone::Zone;

/// The keys that a rule may have.
pub const KEYS: [&str; 17] = [
    "freq",
    "interval",
    "dtstart",
    "until",
    "count",
    "bymonth",
    "bymonthday",
    "byyearday",
    "byweekno",
    "byweekday",
    "byeaster",
    "byhour",
    "byminute",
    "bysecond",
    "bysetpos",
    "wkst",
    "tz",
];

/// Names that RFC 5545 has for what dateutil calls otherwise.
const OTHER_NAMES: [(&str, &str); 3] = [("byday", "byweekday"), ("tzid", "tz"), ("timezone", "tz")];

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("YEARLY", Frequency::Yearly),
    ("MONTHLY", Frequency::Monthly),
    ("WEEKLY", Frequency::Weekly),
    ("DAILY", Frequency::Daily),
    ("HOURLY", Frequency::Hourly),
    ("MINUTELY", Frequency::Minutely),
    ("SECONDLY", Frequency::Secondly),
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Mon),
    ("TU", Weekday::Tue),
    ("WE", Weekday::Wed),
    ("TH", Weekday::Thu),
    ("FR", Weekday::Fri),
    ("SA", Weekday::Sat),
    ("SU", Weekday::Sun),
];

/// The largest `interval`, which no year lies behind.
const LARGEST_INTERVAL: i64 = i32::MAX as i64;

/// The largest `count`: all occurrences up to the last one are looked for when a rule is read.
const LARGEST_COUNT: i64 = 100_000;

/// Reads a rule; it begins `now` if it does not say when.
pub(crate) fn read(value: &Value, now: DateTime<Utc>) -> Result<(Rule, Zone), RecurrenceError> {
    let Some(map) = value.as_map() else { return Err(RecurrenceError::NotAMap { value: boxed(value) }) };
    check_keys(map)?;
    let parts = Parts { map };
    let zone = parts.one("tz", "the name of a time zone such as `Europe/Berlin`, or `local`", read_zone)?;
    let zone = zone.unwrap_or(Zone::Local);
    let frequency = parts.one("freq", FREQUENCY, read_frequency)?;
    let frequency = frequency.ok_or_else(|| RecurrenceError::NoFrequency { value: boxed(value) })?;
    let date = |value: &Value| dates::parse(value.as_text()?, zone, now);
    let week_start = parts.one("wkst", "a weekday, `MO` to `SU` or a number from 0 to 6", plain_weekday)?;
    let rule = Rule {
        frequency,
        start: parts.one("dtstart", DATE, date)?.unwrap_or_else(|| without_fraction(zone, now)),
        interval: parts
            .one("interval", "a whole number from 1 to 2147483647", number(1, LARGEST_INTERVAL))?
            .unwrap_or(1),
        week_start: week_start.unwrap_or(Weekday::Mon),
        until: parts.one("until", DATE, date)?,
        days: read_days(&parts, frequency)?,
        times: Times {
            hours: parts.sorted("byhour", "a whole number from 0 to 23", unsigned(0, 23))?,
            minutes: parts.sorted("byminute", "a whole number from 0 to 59", unsigned(0, 59))?,
            seconds: parts.sorted("bysecond", "a whole number from 0 to 59", unsigned(0, 59))?,
        },
        positions: parts.sorted("bysetpos", "a whole number from 1 to 366 or from -366 to -1", from_either_end(366))?,
    };
    let count = parts.one("count", "a whole number from 1 to 100000", number(1, LARGEST_COUNT))?;
    if let (Some(_), Some(_), Some(entry)) = (count, rule.until, map.get("count")) {
        return Err(RecurrenceError::TwoEnds { value: boxed(&entry.value) });
    }
    let has_start = map.get("dtstart").is_some_and(|entry| !entry.value.is_null());
    let rule =
        ended(rule.completed(), count, has_start).ok_or_else(|| RecurrenceError::Never { value: boxed(value) })?;
    Ok((rule, zone))
}

const DATE: &str = "a date such as `2026-10-30 13:21`";

const FREQUENCY: &str =
    "`YEARLY`, `MONTHLY`, `WEEKLY`, `DAILY`, `HOURLY`, `MINUTELY`, `SECONDLY` or a number from 0 to 6";

fn check_keys(map: &Map) -> Result<(), RecurrenceError> {
    let Some((key, entry)) = map.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) else { return Ok(()) };
    let other = OTHER_NAMES.iter().find(|(name, _)| key.eq_ignore_ascii_case(name)).map(|(_, key)| *key);
    let near = other.or_else(|| nearest(key, KEYS));
    let value = Box::new(Value { span: entry.key_span.clone(), ..entry.value.clone() });
    Err(RecurrenceError::UnknownKey { key: key.clone(), near, value })
}

fn read_days(parts: &Parts<'_>, frequency: Frequency) -> Result<Days, RecurrenceError> {
    let weekdays =
        parts.list("byweekday", "a weekday such as `MO`, `+1MO` or `MO(+1)`, or a number from 0 to 6", |value| {
            read_weekday(value).map(|weekday| (weekday, value.clone()))
        })?;
    let mut days = Days {
        months: parts.sorted("bymonth", "a whole number from 1 to 12", unsigned(1, 12))?,
        month_days: parts.sorted("bymonthday", "a whole number from 1 to 31 or from -31 to -1", from_either_end(31))?,
        year_days: parts.sorted(
            "byyearday",
            "a whole number from 1 to 366 or from -366 to -1",
            from_either_end(366),
        )?,
        easter: parts.sorted("byeaster", "a whole number from -366 to 366", number(-366, 366))?,
        week_numbers: parts.sorted("byweekno", "a whole number from 1 to 53 or from -53 to -1", from_either_end(53))?,
        ..Days::default()
    };
    for ((nth, weekday), value) in weekdays {
        match nth {
            None => days.weekdays.push(weekday),
            Some(_) if frequency > Frequency::Monthly => {
                return Err(RecurrenceError::NothingToCountIn { value: Box::new(value) });
            }
            Some(nth) => days.nth_weekdays.push((nth, weekday)),
        }
    }
    Ok(days)
}

/// Replaces a count by the end that it means. Nothing stands for a rule that never occurs. One that begins now and has
/// ended already did occur, and is a rule still.
fn ended(mut rule: Rule, count: Option<i64>, has_start: bool) -> Option<Rule> {
    let before = rule.start.checked_sub_signed(chrono::TimeDelta::seconds(1))?;
    let endless = Rule { until: None, ..rule.clone() };
    let mut last = endless.next_after(before)?;
    if has_start && rule.until.is_some_and(|until| until < last) {
        return None;
    }
    let Some(count) = count else { return Some(rule) };
    for _ in 1..count {
        let Some(next) = endless.next_after(last) else { break };
        last = next;
    }
    rule.until = Some(last);
    Some(rule)
}

/// The entries of a rule. Null is the same as no entry.
struct Parts<'a> {
    map: &'a Map,
}

impl Parts<'_> {
    fn one<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, RecurrenceError> {
        let Some(entry) = self.map.get(key).filter(|entry| !entry.value.is_null()) else { return Ok(None) };
        let wrong = || RecurrenceError::Wrong { key, expected, value: boxed(&entry.value) };
        read(&entry.value).ok_or_else(wrong).map(Some)
    }

    /// Reads a value or a list of values.
    fn list<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, RecurrenceError> {
        let Some(entry) = self.map.get(key).filter(|entry| !entry.value.is_null()) else { return Ok(Vec::new()) };
        let values = match &entry.value.data {
            Data::List(values) if !values.is_empty() => values.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        let wrong = |value| RecurrenceError::Wrong { key, expected, value: boxed(value) };
        values.iter().map(|value| read(value).ok_or_else(|| wrong(value))).collect()
    }

    fn sorted<T: Ord>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, RecurrenceError> {
        let mut values = self.list(key, expected, read)?;
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }
}

fn number(min: i64, max: i64) -> impl Fn(&Value) -> Option<i64> {
    move |value| value.as_int().filter(|number| (min..=max).contains(number))
}

fn unsigned(min: u32, max: u32) -> impl Fn(&Value) -> Option<u32> {
    move |value| u32::try_from(value.as_int()?).ok().filter(|number| (min..=max).contains(number))
}

/// Reads a number that counts from the beginning, or from the end if it is negative.
fn from_either_end(max: i64) -> impl Fn(&Value) -> Option<i64> {
    move |value| value.as_int().filter(|number| *number != 0 && (-max..=max).contains(number))
}

fn read_zone(value: &Value) -> Option<Zone> {
    match value.as_text()? {
        name if name.eq_ignore_ascii_case("local") => Some(Zone::Local),
        name => name.parse().ok().map(Zone::Named),
    }
}

fn read_frequency(value: &Value) -> Option<Frequency> {
    match &value.data {
        Data::Text(name) => FREQUENCIES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)),
        Data::Int(number) => FREQUENCIES.get(usize::try_from(*number).ok()?),
        _ => None,
    }
    .map(|(_, frequency)| *frequency)
}

fn plain_weekday(value: &Value) -> Option<Weekday> {
    match read_weekday(value)? {
        (None, weekday) => Some(weekday),
        _ => None,
    }
}

/// Reads a weekday and which one it is: `MO`, `1MO`, `+1MO`, `MO(1)`, `MO(+1)` or a number.
fn read_weekday(value: &Value) -> Option<(Option<i64>, Weekday)> {
    let text = match &value.data {
        Data::Int(number) => return WEEKDAYS.get(usize::try_from(*number).ok()?).map(|(_, weekday)| (None, *weekday)),
        Data::Text(text) => text.trim(),
        _ => return None,
    };
    let of_name = |name: &str| WEEKDAYS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, day)| *day);
    let (name, nth) = match text.split_once('(') {
        Some((name, nth)) => (name, nth.strip_suffix(')')?),
        None => {
            let start = text.len().checked_sub(2)?;
            (text.get(start..)?, text.get(..start)?)
        }
    };
    let weekday = of_name(name)?;
    if nth.is_empty() {
        return (!text.contains('(')).then_some((None, weekday));
    }
    let nth: i64 = nth.parse().ok()?;
    (nth != 0 && nth.abs() <= 53).then_some((Some(nth), weekday))
}

fn without_fraction(zone: Zone, now: DateTime<Utc>) -> chrono::NaiveDateTime {
    let shown = zone.shown(now);
    shown.with_nanosecond(0).unwrap_or(shown)
}

fn boxed(value: &Value) -> Box<Value> {
    Box::new(value.clone())
}
