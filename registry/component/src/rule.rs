//! Recurrence rules as arguments.

use palladium_recurrence::{KEYS, Recurrence, RecurrenceError};
use palladium_value::Value;

use crate::{Failed, FromArgument, Literal, Mismatch, Param, ParamType, Range, Record, describe};

const NUMBERS: ParamType = ParamType::OneOf(&[ParamType::Int, ParamType::List(&ParamType::Int)]);

const WEEKDAY: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::Int]);

const FREQUENCY: ParamType = ParamType::OneOf(&[
    ParamType::Choice(&["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]),
    ParamType::Int,
    ParamType::Text,
]);

static RULE: Record = Record {
    name: "a recurrence rule",
    fields: &[
        Param {
            kind: FREQUENCY,
            default: None,
            ..field(
                "freq",
                &FREQUENCY,
                "How long its periods are; in any case, or a number from 0, yearly, to 6, secondly.",
            )
        },
        Param {
            kind: ParamType::Int,
            default: Some(Literal::Int(1)),
            range: range(1, i32::MAX),
            ..field("interval", &ParamType::Int, "Which of the periods count: each one, every second one and so on.")
        },
        field(
            "dtstart",
            &ParamType::Text,
            "When it begins, such as `2026-10-30 13:21`, `2026-10-30T13:21:18+02:00`, `20261030T132118Z` or\n\
             `October 30th, 2026`; null: now. What other keys do not say is taken from it. In `10/11/2026`, `10-11-2026`\n\
             and `10.11.26` the month comes first; in `30.10.2026` the day, as there are but 12 months. A date without a\n\
             time begins at midnight. Names of time zones are known that mean one thing, such as `UTC` and `CET`.",
        ),
        field(
            "until",
            &ParamType::Text,
            "When it ends, a date as in `dtstart`, after which the rule occurs at least once.",
        ),
        Param {
            range: range(1, 100_000),
            ..field("count", &ParamType::Int, "How often it occurs, counted from `dtstart`; not with `until`.")
        },
        Param { range: range(1, 12), ..field("bymonth", &NUMBERS, "The months.") },
        field("bymonthday", &NUMBERS, "The days of the month; -1 is the last one."),
        field("byyearday", &NUMBERS, "The days of the year; -1 is the last one."),
        field("byweekno", &NUMBERS, "The weeks of the year; the first one has at least four days in it."),
        field(
            "byweekday",
            &ParamType::OneOf(&[ParamType::Text, ParamType::Int, ParamType::List(&WEEKDAY)]),
            "The weekdays, `MO` to `SU` or 0 to 6. In a year or month, `MO(+1)` or `+1MO` is the first Monday, `-1FR` the\n\
             last Friday.",
        ),
        field("byeaster", &NUMBERS, "The days, counted from Easter Sunday."),
        Param { range: range(0, 23), ..field("byhour", &NUMBERS, "The hours.") },
        Param { range: range(0, 59), ..field("byminute", &NUMBERS, "The minutes.") },
        Param { range: range(0, 59), ..field("bysecond", &NUMBERS, "The seconds.") },
        field(
            "bysetpos",
            &NUMBERS,
            "Which ones of the occurrences of each period; -1 is the last one: with `freq` `MONTHLY` and `byweekday` `MO`\n\
             to `FR`, that of the last working day.",
        ),
        field("wkst", &WEEKDAY, "The weekday that weeks begin on; null: Monday."),
        field("tz", &ParamType::Text, "The time zone, such as `Europe/Berlin`; `local` or null: that of the machine."),
    ],
};

const fn field(name: &'static str, kind: &'static ParamType, docs: &'static str) -> Param {
    Param {
        name,
        aliases: &[],
        docs,
        kind: ParamType::Optional(kind),
        default: Some(Literal::Null),
        range: Range::ANY,
        rest: false,
    }
}

const fn range(min: i32, max: i32) -> Range {
    Range { min: Some(min as f64), max: Some(max as f64), ..Range::ANY }
}

impl FromArgument for Recurrence {
    const TYPE: ParamType = ParamType::Record(&RULE);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        if Failed::is_in(value) {
            return Err(Mismatch::Reported);
        }
        Recurrence::from_value(value).map_err(|error| match &error {
            RecurrenceError::NotAMap { value } => Mismatch::wrong("a map with `freq`, a recurrence rule", value),
            error => {
                Mismatch::Refused { message: error.to_string(), value: error.value().clone(), label: label(error) }
            }
        })
    }
}

fn label(error: &RecurrenceError) -> String {
    match error {
        RecurrenceError::UnknownKey { near: Some(near), .. } => format!("did you mean `{near}`?"),
        RecurrenceError::UnknownKey { near: None, .. } => {
            let keys: Vec<String> = KEYS.iter().map(|key| format!("`{key}`")).collect();
            format!("expected one of {}", keys.join(", "))
        }
        RecurrenceError::NoFrequency { .. } => "`freq` is missing".to_owned(),
        RecurrenceError::TwoEnds { .. } => "remove one of them".to_owned(),
        RecurrenceError::Wrong { value, .. } => format!("this is {}", describe(value)),
        RecurrenceError::NotAMap { .. } | RecurrenceError::NothingToCountIn { .. } | RecurrenceError::Never { .. } => {
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use palladium_value::{Data, Entry, Map, Source, Span};

    use super::*;

    /// Returns what is found about a map with one entry beside `freq`, and the place of it in `{"KEY": VALUE}`.
    fn check(key: &str, data: Data) -> Option<(String, String)> {
        let text = format!("{{\"{key}\": VALUE}}");
        let source = Source::new("a.ron", text.as_str());
        let at = |range| Span::new(&source, range);
        let end = key.len() + 3;
        let mut map = Map::new();
        if key != "freq" {
            let value = Value::new(Data::Text("daily".into()), at(0..1));
            map.insert("freq".into(), Entry { key_span: at(0..1), value });
        }
        let value = Value::new(data, at(end + 2..end + 7));
        map.insert(key.into(), Entry { key_span: at(1..end), value });
        match Recurrence::from_argument(&Value::new(Data::Map(map), at(0..text.len()))) {
            Ok(_) => None,
            Err(Mismatch::Refused { message, value, label }) => {
                Some((format!("{message}; {label}"), value.span.text().to_owned()))
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        let text = |text: &str| Data::Text(text.into());
        let cases = [
            ("byday", text("MO"), "has no key `byday`; did you mean `byweekday`?", "\"byday\""),
            ("intervall", Data::Int(1), "has no key `intervall`; did you mean `interval`?", "\"intervall\""),
            ("x", Data::Int(1), "has no key `x`; expected one of `freq`, `interval`,", "\"x\""),
            ("freq", text("often"), "`freq` of a recurrence rule has to be `YEARLY`,", "VALUE"),
            ("freq", Data::Null, "needs `freq`; `freq` is missing", "{\"freq\": VALUE}"),
            ("interval", Data::Int(0), "from 1 to 2147483647; this is a whole number", "VALUE"),
            ("dtstart", text("once"), "`dtstart` of a recurrence rule has to be a date", "VALUE"),
            ("until", Data::Int(2026), "`until` of a recurrence rule has to be a date", "VALUE"),
            ("byhour", Data::Int(24), "from 0 to 23; this is a whole number", "VALUE"),
            ("bymonth", Data::List(Vec::new()), "from 1 to 12; this is a list", "VALUE"),
            ("byweekday", text("MO(0)"), "a weekday such as `MO`, `+1MO` or `MO(+1)`", "VALUE"),
            ("byweekday", text("1MO"), "weekdays are counted within a year or a month", "VALUE"),
            ("wkst", text("+1MO"), "`wkst` of a recurrence rule has to be a weekday", "VALUE"),
            ("tz", text("Mars/Olympus"), "the name of a time zone", "VALUE"),
            ("bysetpos", Data::Int(2), "never occurs", "{\"bysetpos\": VALUE}"),
        ];
        for (key, data, expected, place) in cases {
            let found = check(key, data).unwrap_or_else(|| panic!("{key} is taken"));
            assert!(found.0.contains(expected), "{found:?}");
            assert_eq!(found.1, place, "{found:?}");
        }
        assert_eq!(check("wkst", Data::Null), None);
        let no_map = Value::new(Data::Int(1), Span::nowhere("test"));
        assert!(matches!(Recurrence::from_argument(&no_map), Err(Mismatch::Wrong { .. })));
    }

    #[test]
    fn the_description_has_the_keys_that_are_read() {
        let described: Vec<&str> = RULE.fields.iter().map(|field| field.name).collect();
        assert_eq!(described, KEYS);
    }
}
