//! When a rule occurs, on a clock without a time zone.
//!
//! What is looked for is found from where it is looked from: how long ago the rule started does not count. The meaning
//! of a rule is that of dateutil's `rrule`.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use crate::rule::{Frequency, Rule, Times};

/// No rule occurs later.
const LAST_YEAR: i32 = 9999;

const DAY: i64 = 24 * 3600;

impl Rule {
    /// Returns the first occurrence after a time.
    pub(crate) fn next_after(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let second = after.with_nanosecond(0)?.checked_add_signed(TimeDelta::seconds(1))?;
        let from = second.max(self.start);
        if self.until.is_some_and(|until| from > until) || !self.has_times() {
            return None;
        }
        let found = match self.frequency.seconds() {
            Some(seconds) => self.next_within_days(seconds, from),
            None => self.next_in_days(from),
        };
        found.filter(|found| self.until.is_none_or(|until| *found <= until))
    }

    /// Tells whether a period of a day or less can have occurrences at all, whatever the day.
    fn has_times(&self) -> bool {
        let times = &self.times;
        let n_seconds = times.seconds.len();
        let (reached, n_times) = match self.frequency {
            Frequency::Yearly | Frequency::Monthly | Frequency::Weekly => return true,
            Frequency::Daily => (true, times.hours.len() * times.minutes.len() * n_seconds),
            Frequency::Hourly => (self.reaches(3600), times.minutes.len() * n_seconds),
            Frequency::Minutely => (self.reaches(60), n_seconds),
            Frequency::Secondly => (self.reaches(1), 1),
        };
        let n_times = i64::try_from(n_times).unwrap_or(i64::MAX);
        reached && (self.positions.is_empty() || self.positions.iter().any(|position| position.abs() <= n_times))
    }

    /// Tells whether periods of so many seconds ever come to a time of day that is picked.
    fn reaches(&self, seconds: i64) -> bool {
        let per_day = DAY / seconds;
        let step = greatest_common_divisor(self.interval, per_day);
        let of_start = i64::from(self.start.num_seconds_from_midnight()) / seconds;
        (of_start % step..per_day).step_by(usize::try_from(step).unwrap_or(1)).any(|tick| {
            let time = u32::try_from(tick * seconds).unwrap_or(0);
            self.times.contain_period(time, self.frequency)
        })
    }

    /// Finds the next occurrence of a rule whose periods are days or longer.
    fn next_in_days(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = self.period(self.start.date());
        let n_intervals = (self.period(from.date()) - first + self.interval - 1).div_euclid(self.interval);
        let mut period = first + n_intervals * self.interval;
        loop {
            let days = self.days_of(period)?;
            let found = match self.positions.is_empty() {
                true => self.first_in(days, from),
                false => self.first_of_positions(days, from),
            };
            if found.is_some() {
                return found;
            }
            period = period.checked_add(self.interval)?;
        }
    }

    /// Returns the number of the period that a day is in.
    fn period(&self, day: NaiveDate) -> i64 {
        let days = i64::from(day.num_days_from_ce());
        match self.frequency {
            Frequency::Yearly => i64::from(day.year()),
            Frequency::Monthly => i64::from(day.year()) * 12 + i64::from(day.month0()),
            // The first day of the common era was a Monday.
            Frequency::Weekly => (days - 1 - i64::from(self.week_start.num_days_from_monday())).div_euclid(7),
            _ => days,
        }
    }

    /// Returns the first day of a period and the day after its last one.
    fn days_of(&self, period: i64) -> Option<(NaiveDate, NaiveDate)> {
        let of_number = |days: i64| NaiveDate::from_num_days_from_ce_opt(i32::try_from(days).ok()?);
        let of_month = |month: i64| {
            let year = i32::try_from(month.div_euclid(12)).ok()?;
            NaiveDate::from_ymd_opt(year, u32::try_from(month.rem_euclid(12) + 1).ok()?, 1)
        };
        let (first, end) = match self.frequency {
            Frequency::Yearly => {
                (of_month(period.checked_mul(12)?)?, of_month(period.checked_add(1)?.checked_mul(12)?)?)
            }
            Frequency::Monthly => (of_month(period)?, of_month(period.checked_add(1)?)?),
            Frequency::Weekly => {
                let first = period.checked_mul(7)? + 1 + i64::from(self.week_start.num_days_from_monday());
                (of_number(first)?, of_number(first + 7)?)
            }
            _ => (of_number(period)?, of_number(period.checked_add(1)?)?),
        };
        // The week that the rule starts in begins with the start.
        let first = if self.frequency == Frequency::Weekly { first.max(self.start.date()) } else { first };
        (first.year() <= LAST_YEAR).then_some((first, end))
    }

    fn picked(&self, (first, end): (NaiveDate, NaiveDate)) -> impl Iterator<Item = NaiveDate> {
        let days = first.iter_days().take_while(move |day| *day < end);
        days.filter(|day| self.days.contain(*day, self.frequency, self.week_start))
    }

    fn first_in(&self, (first, end): (NaiveDate, NaiveDate), from: NaiveDateTime) -> Option<NaiveDateTime> {
        self.picked((first.max(from.date()), end)).find_map(|day| {
            let earliest = if day == from.date() { from.time() } else { NaiveTime::MIN };
            Some(day.and_time(self.times.first_from(earliest)?))
        })
    }

    /// Finds the next one of the occurrences that `positions` picks from all of a period.
    fn first_of_positions(&self, days: (NaiveDate, NaiveDate), from: NaiveDateTime) -> Option<NaiveDateTime> {
        let days: Vec<NaiveDate> = self.picked(days).collect();
        let n_times = i64::try_from(self.times.len()).ok()?;
        let total = n_times * i64::try_from(days.len()).ok()?;
        let of_position = |position: &i64| {
            let index = if *position > 0 { position - 1 } else { total + position };
            let day = days.get(usize::try_from(index.div_euclid(n_times)).ok()?)?;
            Some(day.and_time(self.times.nth(usize::try_from(index.rem_euclid(n_times)).ok()?)?))
        };
        self.positions.iter().filter_map(of_position).filter(|time| *time >= from).min()
    }

    /// Finds the next occurrence of a rule whose periods have so many seconds, which are less than a day.
    fn next_within_days(&self, seconds: i64, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let number = |time: NaiveDateTime| time.and_utc().timestamp().div_euclid(seconds);
        let first = number(self.start);
        let aligned = |number: i64| {
            let n_intervals = (number - first + self.interval - 1).div_euclid(self.interval);
            first + n_intervals * self.interval
        };
        let mut period = aligned(number(from));
        let mut day = None;
        loop {
            let begin = chrono::DateTime::from_timestamp(period.checked_mul(seconds)?, 0)?.naive_utc();
            if begin.year() > LAST_YEAR {
                return None;
            }
            if day != Some(begin.date()) {
                let picked = self.next_day(begin.date())?;
                day = Some(picked);
                if picked != begin.date() {
                    period = aligned(number(picked.and_time(NaiveTime::MIN)));
                    continue;
                }
            }
            if self.times.contain_period(begin.num_seconds_from_midnight(), self.frequency)
                && let Some(found) = self.first_in_period(begin, from)
            {
                return Some(found);
            }
            period = period.checked_add(self.interval)?;
        }
    }

    /// Returns the first day that is picked, from a day on.
    fn next_day(&self, from: NaiveDate) -> Option<NaiveDate> {
        let days = from.iter_days().take_while(|day| day.year() <= LAST_YEAR);
        days.into_iter().find(|day| self.days.contain(*day, self.frequency, self.week_start))
    }

    /// Finds the next occurrence in the hour, minute or second that begins at a time.
    fn first_in_period(&self, begin: NaiveDateTime, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let (hour, minute, second) = (begin.hour(), begin.minute(), begin.second());
        let times = match self.frequency {
            Frequency::Hourly => Times { hours: vec![hour], ..self.times.clone() },
            Frequency::Minutely => {
                Times { hours: vec![hour], minutes: vec![minute], seconds: self.times.seconds.clone() }
            }
            _ => Times { hours: vec![hour], minutes: vec![minute], seconds: vec![second] },
        };
        let day = begin.date();
        let earliest = if day == from.date() { from.time() } else { NaiveTime::MIN };
        if self.positions.is_empty() {
            return Some(day.and_time(times.first_from(earliest)?));
        }
        let n_times = i64::try_from(times.len()).ok()?;
        let of_position = |position: &i64| {
            let index = if *position > 0 { position - 1 } else { n_times + position };
            times.nth(usize::try_from(index).ok()?)
        };
        let found = self.positions.iter().filter_map(of_position).filter(|time| *time >= earliest).min()?;
        Some(day.and_time(found))
    }
}

impl Times {
    /// Tells whether the hour, minute or second that begins so many seconds after midnight is picked.
    fn contain_period(&self, second_of_day: u32, frequency: Frequency) -> bool {
        let picks = |list: &[u32], value: u32| list.is_empty() || list.contains(&value);
        picks(&self.hours, second_of_day / 3600)
            && (frequency < Frequency::Minutely || picks(&self.minutes, second_of_day / 60 % 60))
            && (frequency < Frequency::Secondly || picks(&self.seconds, second_of_day % 60))
    }

    /// Returns how many times there are; none of the lists is empty.
    fn len(&self) -> usize {
        self.hours.len() * self.minutes.len() * self.seconds.len()
    }

    fn nth(&self, index: usize) -> Option<NaiveTime> {
        let (rest, second) = (index / self.seconds.len(), index % self.seconds.len());
        let (hour, minute) = (rest / self.minutes.len(), rest % self.minutes.len());
        NaiveTime::from_hms_opt(*self.hours.get(hour)?, self.minutes[minute], self.seconds[second])
    }

    /// Returns the first time that is not before another.
    fn first_from(&self, earliest: NaiveTime) -> Option<NaiveTime> {
        for hour in self.hours.iter().filter(|hour| **hour >= earliest.hour()) {
            let minute_from = if *hour == earliest.hour() { earliest.minute() } else { 0 };
            for minute in self.minutes.iter().filter(|minute| **minute >= minute_from) {
                let is_first = *hour == earliest.hour() && *minute == earliest.minute();
                let second_from = if is_first { earliest.second() } else { 0 };
                if let Some(second) = self.seconds.iter().find(|second| **second >= second_from) {
                    return NaiveTime::from_hms_opt(*hour, *minute, *second);
                }
            }
        }
        None
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Days;
    use chrono::Weekday;

    #[test]
    fn how_long_ago_a_rule_began_changes_nothing_but_its_periods() {
        let start: NaiveDateTime = "1600-02-29T00:00:03".parse().unwrap();
        let after: NaiveDateTime = "2026-11-23T12:00:00".parse().unwrap();
        let cases = [
            (Frequency::Yearly, 4, "2028-02-29T00:00:03"),
            (Frequency::Monthly, 7, "2027-09-29T00:00:03"),
            (Frequency::Weekly, 3, "2026-11-24T00:00:03"),
            (Frequency::Daily, 10, "2026-12-02T00:00:03"),
            (Frequency::Hourly, 5, "2026-11-23T16:00:03"),
            (Frequency::Minutely, 7, "2026-11-23T12:06:03"),
            (Frequency::Secondly, 7, "2026-11-23T12:00:06"),
        ];
        for (frequency, interval, expected) in cases {
            let (days, times) = (Days::default(), Times::default());
            let (week_start, positions) = (Weekday::Mon, Vec::new());
            let rule = Rule { frequency, start, interval, week_start, until: None, days, times, positions };
            let found = rule.completed().next_after(after).unwrap();
            assert_eq!(found, expected.parse().unwrap(), "{frequency:?}");
        }
    }

    #[test]
    fn what_never_occurs_is_found_out() {
        let never = |frequency, days, times, positions| {
            let start = "2026-01-01T00:00:00".parse().unwrap();
            let week_start = Weekday::Mon;
            let rule = Rule { frequency, start, interval: 90, week_start, until: None, days, times, positions };
            assert_eq!(rule.completed().next_after(start), None, "{frequency:?}");
        };
        let february = || Days { months: vec![2], month_days: vec![30], ..Days::default() };
        for frequency in [Frequency::Yearly, Frequency::Daily, Frequency::Minutely, Frequency::Secondly] {
            never(frequency, february(), Times::default(), Vec::new());
        }
        never(Frequency::Secondly, Days::default(), Times::default(), vec![2]);
        let five = Times { hours: vec![5], minutes: vec![7], ..Times::default() };
        never(Frequency::Minutely, Days::default(), five, Vec::new());
    }
}
