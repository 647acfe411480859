//! A recurrence rule without a time zone.

use chrono::{Datelike, NaiveDateTime, Timelike, Weekday};

/// How long the periods of a rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

/// What picks days, with all lists sorted. An empty list picks all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Days {
    pub months: Vec<u32>,
    /// Negative ones count from the end of the month.
    pub month_days: Vec<i64>,
    /// Negative ones count from the end of the year.
    pub year_days: Vec<i64>,
    /// Days after Easter Sunday.
    pub easter: Vec<i64>,
    /// Negative ones count from the end of the year.
    pub week_numbers: Vec<i64>,
    pub weekdays: Vec<Weekday>,
    /// The first, second, last and so on of the year or month.
    pub nth_weekdays: Vec<(i64, Weekday)>,
}

/// Which times of a day are picked, with all lists sorted. An empty list picks all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Times {
    pub hours: Vec<u32>,
    pub minutes: Vec<u32>,
    pub seconds: Vec<u32>,
}

/// A rule about times as a clock on the wall shows them. [`Rule::completed`] makes one that can be followed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub frequency: Frequency,
    /// Without a fraction of a second.
    pub start: NaiveDateTime,
    /// At least 1.
    pub interval: i64,
    pub week_start: Weekday,
    pub until: Option<NaiveDateTime>,
    pub days: Days,
    pub times: Times,
    /// Which ones of a period's occurrences are picked; negative ones count from its end.
    pub positions: Vec<i64>,
}

impl Frequency {
    /// Returns the seconds of a period of an hour or less.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Frequency::Hourly => Some(3600),
            Frequency::Minutely => Some(60),
            Frequency::Secondly => Some(1),
            _ => None,
        }
    }
}

impl Days {
    /// Tells whether nothing but months picks days.
    fn are_of_start(&self) -> bool {
        self.month_days.is_empty()
            && self.year_days.is_empty()
            && self.easter.is_empty()
            && self.week_numbers.is_empty()
            && self.weekdays.is_empty()
            && self.nth_weekdays.is_empty()
    }
}

impl Rule {
    /// Takes from the start what is not given: a rule that says nothing about days occurs on the day of the year, the
    /// month or the week that it starts on, and what is shorter than its periods is that of the start too.
    pub fn completed(mut self) -> Rule {
        let start = self.start;
        if self.days.are_of_start() {
            match self.frequency {
                Frequency::Yearly if self.days.months.is_empty() => {
                    self.days.months = vec![start.month()];
                    self.days.month_days = vec![i64::from(start.day())];
                }
                Frequency::Yearly | Frequency::Monthly => self.days.month_days = vec![i64::from(start.day())],
                Frequency::Weekly => self.days.weekdays = vec![start.weekday()],
                _ => {}
            }
        }
        let shorter = [
            (Frequency::Hourly, &mut self.times.hours, start.hour()),
            (Frequency::Minutely, &mut self.times.minutes, start.minute()),
            (Frequency::Secondly, &mut self.times.seconds, start.second()),
        ];
        for (period, list, of_start) in shorter {
            if list.is_empty() && self.frequency < period {
                *list = vec![of_start];
            }
        }
        self
    }

    /// Tells whether a rule follows the clock all day: what the clock skips is not there, and what it shows twice is
    /// there twice. Otherwise each time of day is there once.
    pub fn goes_on_all_day(&self) -> bool {
        self.frequency.seconds().is_some() && self.times.hours.is_empty()
    }
}
