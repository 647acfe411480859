//! Which days a rule picks.

use chrono::{Datelike, Days as Shift, NaiveDate, Weekday};

use crate::rule::{Days, Frequency};

impl Days {
    /// Tells whether a day is picked.
    pub(crate) fn contain(&self, day: NaiveDate, frequency: Frequency, week_start: Weekday) -> bool {
        let either = |list: &[i64], forwards: i64, length: i64| {
            list.is_empty() || list.contains(&forwards) || list.contains(&(forwards - length - 1))
        };
        (self.months.is_empty() || self.months.contains(&day.month()))
            && (self.weekdays.is_empty() || self.weekdays.contains(&day.weekday()))
            && either(&self.month_days, i64::from(day.day()), i64::from(day.num_days_in_month()))
            && either(&self.year_days, i64::from(day.ordinal()), days_in_year(day.year()))
            && (self.nth_weekdays.is_empty() || self.has_nth_weekday(day, frequency))
            && (self.easter.is_empty() || self.is_near_easter(day))
            && (self.week_numbers.is_empty() || {
                let (number, n_weeks) = week(day, week_start);
                either(&self.week_numbers, number, n_weeks)
            })
    }

    /// Weekdays are counted within the month if the rule is about months, else within the year.
    fn has_nth_weekday(&self, day: NaiveDate, frequency: Frequency) -> bool {
        let within_month = frequency == Frequency::Monthly || !self.months.is_empty();
        let (place, length) = match within_month {
            true => (i64::from(day.day0()), i64::from(day.num_days_in_month())),
            false => (i64::from(day.ordinal0()), days_in_year(day.year())),
        };
        let (forwards, backwards) = (place / 7 + 1, -((length - 1 - place) / 7) - 1);
        let is_it = |(nth, weekday): &(i64, Weekday)| *weekday == day.weekday() && [forwards, backwards].contains(nth);
        self.nth_weekdays.iter().any(is_it)
    }

    fn is_near_easter(&self, day: NaiveDate) -> bool {
        let years = day.year() - 1..=day.year() + 1;
        years.filter_map(easter).any(|easter| self.easter.contains(&(day - easter).num_days()))
    }
}

fn days_in_year(year: i32) -> i64 {
    NaiveDate::from_yo_opt(year, 366).map_or(365, |_| 366)
}

/// Returns the number of a day's week and how many weeks the year has that the week belongs to. A week belongs to the
/// year that most of its days are in.
fn week(day: NaiveDate, week_start: Weekday) -> (i64, i64) {
    let first_day = day.week(week_start).checked_first_day().unwrap_or(day);
    let middle = first_day.checked_add_days(Shift::new(3)).unwrap_or(day);
    let place = i64::from(middle.ordinal0());
    let left = days_in_year(middle.year()) - 1 - place;
    (place / 7 + 1, place / 7 + 1 + left / 7)
}

/// Returns Easter Sunday of the Gregorian calendar. Method: the anonymous one of Nature, 1876.
fn easter(year: i32) -> Option<NaiveDate> {
    let (golden, century, place) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let moved = century - century.div_euclid(4) - (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let moon = (19 * golden + moved + 15).rem_euclid(30);
    let sunday = (32 + 2 * century.rem_euclid(4) + 2 * (place / 4) - moon - place % 4).rem_euclid(7);
    let correction = (golden + 11 * moon + 22 * sunday) / 451;
    let number = moon + sunday - 7 * correction + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(number / 31).ok()?, u32::try_from(number % 31 + 1).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn easter_is_where_the_calendar_has_it() {
        for expected in ["1818-03-22", "1943-04-25", "2000-04-23", "2024-03-31", "2026-04-05", "2038-04-25"] {
            assert_eq!(easter(date(expected).year()), Some(date(expected)));
        }
    }

    #[test]
    fn weeks_belong_to_the_year_that_most_of_their_days_are_in() {
        let cases = [
            ("2026-01-01", Weekday::Mon, (1, 53)),
            ("2025-12-29", Weekday::Mon, (1, 53)),
            ("2027-01-03", Weekday::Mon, (53, 53)),
            ("2027-01-04", Weekday::Mon, (1, 52)),
            ("2025-12-28", Weekday::Mon, (52, 52)),
            ("2025-12-28", Weekday::Sun, (53, 53)),
        ];
        for (day, week_start, expected) in cases {
            assert_eq!(week(date(day), week_start), expected, "{day} {week_start}");
        }
    }

    #[test]
    fn weekdays_are_counted_from_both_ends() {
        let last_friday = Days { nth_weekdays: vec![(-1, Weekday::Fri)], ..Days::default() };
        let of_march = Days { months: vec![3], ..last_friday.clone() };
        let cases = [
            (&last_friday, "2026-03-27", Frequency::Monthly, true),
            (&last_friday, "2026-03-20", Frequency::Monthly, false),
            (&last_friday, "2026-03-27", Frequency::Yearly, false),
            (&last_friday, "2026-12-25", Frequency::Yearly, true),
            (&of_march, "2026-03-27", Frequency::Yearly, true),
        ];
        for (days, day, frequency, expected) in cases {
            assert_eq!(days.contain(date(day), frequency, Weekday::Mon), expected, "{day} {frequency:?}");
        }
    }
}
