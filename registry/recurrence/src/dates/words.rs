//! Dates word by word, in any order that leaves no doubt.
//!
//! What a word says does not depend on those around it, save that numbers beside the name of a month are its day and
//! year. Nothing is guessed: a word that is not known, or a part that comes twice, makes the text no date.

use chrono::{Datelike, FixedOffset, Month, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

/// Names of time zones that mean the same everywhere, with the hours by which they are ahead of UTC. Those of America mean
/// what RFC 5322 says.
const ZONES: [(&str, i32); 18] = [
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("west", 1),
    ("cet", 1),
    ("cest", 2),
    ("eet", 2),
    ("eest", 3),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

/// Words that say nothing.
const FILLERS: [&str; 3] = ["at", "of", "on"];

/// What the words before have said.
#[derive(Default)]
struct Said {
    date: Option<NaiveDate>,
    month: Option<u32>,
    year: Option<i32>,
    day: Option<u32>,
    weekday: Option<Weekday>,
    time: Option<Clock>,
    /// Whether the time is one after noon, if that is said.
    is_afternoon: Option<bool>,
    offset: Option<FixedOffset>,
}

/// What a clock shows.
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
}

/// Reads a date with a year of four digits, and maybe a time and how far its zone is ahead of UTC.
pub(super) fn read(text: &str) -> Option<(NaiveDateTime, Option<FixedOffset>)> {
    let mut said = Said::default();
    let words: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter == ',').collect();
    let mut words = words.into_iter().filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let is_hour = words.peek().is_some_and(|next| half_of_day(next).is_some());
        match split_at_t(word) {
            Some((date, time)) => said.date(date).and_then(|()| said.time(time, true))?,
            None if is_hour && said.time.is_none() => said.time(word, true)?,
            None => said.word(word)?,
        }
    }
    said.result()
}

/// Divides a word at the letter between a date and a time.
fn split_at_t(word: &str) -> Option<(&str, &str)> {
    let (date, time) = word.split_once(['T', 't'])?;
    let is_between =
        date.ends_with(|last: char| last.is_ascii_digit()) && time.starts_with(|first: char| first.is_ascii_digit());
    is_between.then_some((date, time))
}

fn half_of_day(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "am" | "a.m." => Some(false),
        "pm" | "p.m." => Some(true),
        _ => None,
    }
}

/// Reads a number of digits alone.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads as many digits as one of these lengths.
fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    number(text).filter(|_| lengths.contains(&text.len()))
}

fn year(text: &str) -> Option<i32> {
    digits(text, 4..=4).and_then(|year| i32::try_from(year).ok())
}

fn month(name: &str) -> Option<u32> {
    let name = name.trim_end_matches('.');
    match name.eq_ignore_ascii_case("sept") {
        true => Some(9),
        false => name.parse().ok().map(|month: Month| month.number_from_month()),
    }
}

/// Puts in what was not said before; nothing stands for a part that comes twice.
fn put<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

impl Said {
    fn word(&mut self, word: &str) -> Option<()> {
        if FILLERS.iter().any(|filler| word.eq_ignore_ascii_case(filler)) {
            return Some(());
        }
        if let Some(is_afternoon) = half_of_day(word) {
            return put(&mut self.is_afternoon, is_afternoon);
        }
        if let Some(month) = month(word) {
            return put(&mut self.month, month);
        }
        if let Ok(weekday) = word.trim_end_matches('.').parse() {
            return put(&mut self.weekday, weekday);
        }
        if word.contains(':') && !word.starts_with(['+', '-']) {
            return self.time(word, false);
        }
        if self.time.is_some() && (word.starts_with(['+', '-']) || zone(word).is_some()) {
            return put(&mut self.offset, offset(word)?);
        }
        if let Some(year) = year(word) {
            return put(&mut self.year, year);
        }
        let ordinal = ["st", "nd", "rd", "th", "."].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        if let Some(day) = digits(ordinal, 1..=2) {
            return put(&mut self.day, day);
        }
        if let Some(hour) = word.get(..word.len().saturating_sub(2)).and_then(|hour| digits(hour, 1..=2)) {
            put(&mut self.is_afternoon, half_of_day(&word[word.len() - 2..])?)?;
            return put(&mut self.time, Clock { hour, minute: 0, second: 0 });
        }
        match (word.bytes().all(|byte| byte.is_ascii_digit()), word.len()) {
            (true, 12 | 14) => {
                let (date, time) = word.split_at(8);
                self.date(date).and_then(|()| self.time(time, true))
            }
            _ => self.date(word),
        }
    }

    /// Reads `2014-10-30`, `20141030`, `10/30/2014`, `30.10.2014`, `30-Oct-2014` and the like.
    fn date(&mut self, word: &str) -> Option<()> {
        if let Some(date) = digits(word, 8..=8) {
            let year = i32::try_from(date / 10_000).ok()?;
            return put(&mut self.date, NaiveDate::from_ymd_opt(year, date / 100 % 100, date % 100)?);
        }
        let mark = word.chars().find(|letter| ['-', '/', '.'].contains(letter))?;
        let mut parts = word.split(mark);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let short = |text| digits(text, 1..=2);
        let (year, month, day) = match (year(first), month(first), month(second)) {
            (Some(year), _, Some(month)) => (year, month, short(third)?),
            (Some(year), _, None) => (year, short(second)?, short(third)?),
            (None, Some(month), _) => (self::year(third)?, month, short(second)?),
            (None, None, Some(month)) => (self::year(third)?, month, short(first)?),
            (None, None, None) => match (short(first)?, short(second)?) {
                // There is no such month.
                (day @ 13.., month) => (self::year(third)?, month, day),
                (month, day) => (self::year(third)?, month, day),
            },
        };
        put(&mut self.date, NaiveDate::from_ymd_opt(year, month, day)?)
    }

    /// Reads a time with whatever follows it: a fraction, the half of the day, a zone. It may be without colons.
    fn time(&mut self, word: &str, may_be_digits: bool) -> Option<()> {
        let end = word.find(|letter: char| !letter.is_ascii_digit() && letter != ':').unwrap_or(word.len());
        let (time, mut rest) = word.split_at(end);
        let clock = match time.split(':').collect::<Vec<_>>()[..] {
            [hour, minute, second] => (digits(hour, 1..=2)?, digits(minute, 2..=2)?, digits(second, 2..=2)?),
            [hour, minute] => (digits(hour, 1..=2)?, digits(minute, 2..=2)?, 0),
            [time] if may_be_digits => match (number(time)?, time.len()) {
                (hour, 1 | 2) => (hour, 0, 0),
                (time, 4) => (time / 100, time % 100, 0),
                (time, 6) => (time / 10_000, time / 100 % 100, time % 100),
                _ => return None,
            },
            _ => return None,
        };
        put(&mut self.time, Clock { hour: clock.0, minute: clock.1, second: clock.2 })?;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if rest.len() == fraction.len() {
                return None;
            }
        }
        match half_of_day(rest) {
            _ if rest.is_empty() => Some(()),
            Some(is_afternoon) => put(&mut self.is_afternoon, is_afternoon),
            None => put(&mut self.offset, offset(rest)?),
        }
    }

    fn result(self) -> Option<(NaiveDateTime, Option<FixedOffset>)> {
        let date = match (self.date, self.year, self.month, self.day) {
            (Some(date), None, None, None) => date,
            (None, Some(year), Some(month), Some(day)) => NaiveDate::from_ymd_opt(year, month, day)?,
            _ => return None,
        };
        if self.weekday.is_some_and(|weekday| weekday != date.weekday()) {
            return None;
        }
        let Some(Clock { hour, minute, second }) = self.time else {
            return (self.is_afternoon.is_none() && self.offset.is_none()).then_some((date.into(), None));
        };
        let hour = match self.is_afternoon {
            None => hour,
            Some(is_afternoon) if (1..=12).contains(&hour) => hour % 12 + if is_afternoon { 12 } else { 0 },
            Some(_) => return None,
        };
        Some((date.and_time(NaiveTime::from_hms_opt(hour, minute, second)?), self.offset))
    }
}

fn zone(name: &str) -> Option<FixedOffset> {
    let (_, hours) = ZONES.iter().find(|(zone, _)| name.eq_ignore_ascii_case(zone))?;
    FixedOffset::east_opt(hours * 3600)
}

/// Reads the name of a zone, or `+02:00`, `+0200` or `+02`.
fn offset(text: &str) -> Option<FixedOffset> {
    if let Some(offset) = zone(text) {
        return Some(offset);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (digits(hours, 1..=2)?, digits(minutes, 2..=2)?),
        None => match (number(rest)?, rest.len()) {
            (hours, 2) => (hours, 0),
            (offset, 4) => (offset / 100, offset % 100),
            _ => return None,
        },
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    FixedOffset::east_opt(sign * seconds).filter(|_| minutes < 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is read, as RFC 3339 writes it.
    fn shown(text: &str) -> Option<String> {
        let (date, offset) = read(text)?;
        Some(format!(
            "{}{}",
            date.format("%Y-%m-%dT%H:%M:%S"),
            offset.map_or(String::new(), |offset| offset.to_string())
        ))
    }

    #[test]
    fn dates_are_read_in_any_order_that_leaves_no_doubt() {
        let cases = [
            ("2014-10-30", "2014-10-30T00:00:00"),
            ("20141030", "2014-10-30T00:00:00"),
            ("10/30/2014", "2014-10-30T00:00:00"),
            ("30.10.2014", "2014-10-30T00:00:00"),
            ("10/11/2014", "2014-10-11T00:00:00"),
            ("30-Oct-2014", "2014-10-30T00:00:00"),
            ("Thu, 30th of October 2014", "2014-10-30T00:00:00"),
            ("2014 Sept. 3", "2014-09-03T00:00:00"),
            ("2014-10-30T14:05", "2014-10-30T14:05:00"),
            ("2014-10-30t140506.25Z", "2014-10-30T14:05:06+00:00"),
            ("201410301405", "2014-10-30T14:05:00"),
            ("2 pm on 30 Oct 2014", "2014-10-30T14:00:00"),
            ("30 Oct 2014 at 12am", "2014-10-30T00:00:00"),
            ("30 Oct 2014 12:30p.m.", "2014-10-30T12:30:00"),
            ("30 Oct 2014 14:05 CEST", "2014-10-30T14:05:00+02:00"),
            ("30 Oct 2014 14:05 -0330", "2014-10-30T14:05:00-03:30"),
            ("2014-10-30 14:05+02", "2014-10-30T14:05:00+02:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let texts = [
            "",
            "tomorrow",
            "2014-10",
            "30 Oct",
            "30 Oct 14",
            "2014-02-30",
            "13/13/2014",
            "2014-10-30 2014-10-31",
            "Fri 30 Oct 2014",
            "30 Oct 2014 pm",
            "30 Oct 2014 13:00 pm",
            "30 Oct 2014 0 am",
            "30 Oct 2014 24:00",
            "30 Oct 2014 14:5",
            "30 Oct 2014 14:05.",
            "30 Oct 2014 CEST",
            "30 Oct 2014 14:05 CEST CEST",
            "30 Oct 2014 14:05 +02:60",
            "30 Oct 2014 14:05 LMT",
        ];
        for text in texts {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
