//! Rules mean what they mean to dateutil: vectors of `scripts/vectors/recurrence.py`.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use palladium_recurrence::{Recurrence, RecurrenceError};
use palladium_value::{Data, Entry, Map, Span, Value};
use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("vectors/recurrence.json");

fn value(json: &Json) -> Value {
    let data = match json {
        Json::String(text) => Data::Text(text.clone()),
        Json::Array(items) => Data::List(items.iter().map(value).collect()),
        Json::Object(entries) => {
            let entry = |json| Entry { key_span: Span::nowhere("test"), value: value(json) };
            Data::Map(entries.iter().map(|(key, json)| (key.clone(), entry(json))).collect::<Map>())
        }
        number => Data::Int(number.as_i64().unwrap()),
    };
    Value::new(data, Span::nowhere("test"))
}

fn frequency(rule: &Json) -> usize {
    let names = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"];
    match rule["freq"].as_str() {
        Some(name) => names.iter().position(|known| name.eq_ignore_ascii_case(known)).unwrap(),
        None => usize::try_from(rule["freq"].as_u64().unwrap()).unwrap(),
    }
}

fn start(rule: &Json) -> DateTime<Utc> {
    rule["dtstart"].as_str().unwrap().parse::<NaiveDateTime>().unwrap().and_utc()
}

fn numbers(json: &Json) -> Vec<i64> {
    json.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

/// Returns what is different from the vector of a rule without a zone.
fn check(case: &Json, horizons: &[i64]) -> Result<(), String> {
    let (mut rule, start) = (case["rule"].clone(), start(&case["rule"]));
    let horizon = TimeDelta::seconds(horizons[frequency(&rule)]);
    rule["tz"] = Json::from("UTC");
    let recurrence = match Recurrence::from_value(&value(&rule)) {
        Ok(recurrence) => recurrence,
        // Such a rule is refused, of which dateutil says nothing.
        Err(RecurrenceError::Never { .. }) if case["first"] == json!([]) && case["later"][1].is_null() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let seconds = |instant: DateTime<Utc>| (instant - start).num_seconds();
    let mut found = Vec::new();
    let mut last = start - TimeDelta::milliseconds(1);
    while let Some(next) = recurrence.next_after(last).filter(|next| found.len() < 5 && *next <= start + horizon) {
        found.push(seconds(next));
        last = next;
    }
    if found != numbers(&case["first"]) {
        return Err(format!("found {found:?}"));
    }
    let later = start + TimeDelta::seconds(case["later"][0].as_i64().unwrap());
    let found = recurrence.next_after(later).filter(|next| *next <= later + horizon).map(seconds);
    if found != case["later"][1].as_i64() { Err(format!("found {found:?} later")) } else { Ok(()) }
}

fn check_in_zone(case: &Json) -> Result<(), String> {
    let recurrence = Recurrence::from_value(&value(&case["rule"])).map_err(|error| error.to_string())?;
    let (first, gaps) = case["instants"].as_array().unwrap().split_first().unwrap();
    let mut expected = vec![first.as_i64().unwrap()];
    for gap in gaps.iter().map(numbers) {
        (0..gap[1]).for_each(|_| expected.push(expected[expected.len() - 1] + gap[0]));
    }
    let mut last = expected[0] - 1;
    let mut found = Vec::new();
    while found.len() < expected.len() {
        let Some(next) = recurrence.next_after(DateTime::from_timestamp(last, 0).unwrap()) else { break };
        last = next.timestamp();
        found.push(last);
    }
    if found != expected { Err(format!("found {found:?}")) } else { Ok(()) }
}

#[test]
fn rules_mean_what_they_mean_to_dateutil() {
    let vectors: Json = serde_json::from_str(VECTORS).unwrap();
    let horizons = numbers(&vectors["horizons"]);
    let cases = vectors["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let checked = if case.get("first").is_some() { check(case, &horizons) } else { check_in_zone(case) };
        wrong.extend(checked.err().map(|why| format!("{why} for {case}")));
    }
    assert!(cases.len() > 2000, "{}", cases.len());
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn a_rule_that_ends_before_it_occurs_is_refused() {
    let never = |rule: Json| match Recurrence::from_value(&value(&rule)) {
        Ok(_) => false,
        Err(RecurrenceError::Never { .. }) => true,
        Err(error) => panic!("{error}"),
    };
    let cases = [
        (json!({"freq": "DAILY", "dtstart": "2026-01-02", "until": "2026-01-01"}), true),
        (json!({"freq": "DAILY", "dtstart": "2026-01-02", "until": "2026-01-02"}), false),
        (json!({"freq": "DAILY", "dtstart": "2026-01-02", "until": "2026-01-02", "byhour": 8}), true),
        (json!({"freq": "MONTHLY", "dtstart": "2026-01-02", "until": "2026-02-01", "bymonthday": 3}), false),
        // It has been over since a while.
        (json!({"freq": "DAILY", "until": "2020-01-01"}), false),
    ];
    for (rule, expected) in cases {
        assert_eq!(never(rule.clone()), expected, "{rule}");
    }
}
