//! Rules in their time zone.

use chrono::{DateTime, Utc};
use palladium_value::Value;

use crate::RecurrenceError;
use crate::reading::read;
use crate::rule::Rule;
use crate::zone::Zone;

/// When something is to be done again and again: a rule with the parts of RFC 5545, which mean what they mean to
/// dateutil's `rrule`.
///
/// A map makes one:
///
/// | Key | Meaning |
/// |---|---|
/// | `freq` | `YEARLY`, `MONTHLY`, `WEEKLY`, `DAILY`, `HOURLY`, `MINUTELY` or `SECONDLY`, or its number from 0 to 6; required |
/// | `interval` | every how many years, months, weeks and so on; 1 |
/// | `dtstart` | when the rule begins, and what the parts that are not given are taken from; now |
/// | `until` | when it ends, not before the first occurrence since `dtstart` |
/// | `count` | after how many occurrences since `dtstart` it ends |
/// | `bymonth`, `bymonthday`, `byyearday`, `byweekno`, `byweekday`, `byeaster` | on which days only |
/// | `byhour`, `byminute`, `bysecond` | at which times only |
/// | `bysetpos` | which ones only of the occurrences of a year, month, week and so on; negative from its end |
/// | `wkst` | the day that weeks begin on; `MO` |
/// | `tz` | the time zone, such as `Europe/Berlin`; `local`, that of the machine |
///
/// Parts that begin with `by` take one value or a list. Weekdays are `MO` to `SU` or the numbers 0 to 6; with `freq`
/// `YEARLY` or `MONTHLY` they may be counted: `MO(+1)` or `+1MO` is the first Monday, `-1FR` the last Friday of the year
/// or month. `byeaster` counts days from Easter Sunday. A day has to fit all parts that are given. A day that a month
/// does not have is left out.
///
/// Dates are text in any common form: `2026-10-30 13:21`, `2026-10-30T13:21:18+02:00`, `20261030T132118Z`, `20261030`,
/// `2026-10-30 1:21 PM`, `30 Oct 2026`, `30-Oct-2026`, `October 30th, 2026`, `Fri Oct 30 13:21:18 2026`. In `10/11/2026`,
/// `10-11-2026` and `10.11.26` the month comes first; before a year of four digits a first number beyond 12, as in
/// `30.10.2026 13:21`, is the day. A date without a time begins at midnight, a time without a date is today's, a year of two
/// digits is one of 1970 to 2069, and what says no time zone is in `tz`. Of zones by name these are known: `Z`, `UT`, `UTC`,
/// `GMT`, `WET`, `WEST`, `CET`, `CEST`, `EET`, `EEST`, and `EST`, `EDT`, `CST`, `CDT`, `MST`, `MDT`, `PST` and `PDT` of North
/// America; each stands for the same hours in summer and winter. Others mean several things: write `+02:00` instead.
///
/// An occurrence that the clock skips when it is put forward comes as much later, and one that it shows twice comes the
/// first time. A rule that goes on all day, which is `HOURLY`, `MINUTELY` or `SECONDLY` without `byhour`, goes on while
/// the clock shows an hour twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    rule: Rule,
    zone: Zone,
}

impl Recurrence {
    /// Reads a rule that begins now if it does not say when.
    ///
    /// # Errors
    /// A value that is no map, and whatever is wrong with one of its entries: an unknown key, a value that does not fit
    /// it, parts that do not go together.
    pub fn from_value(value: &Value) -> Result<Recurrence, RecurrenceError> {
        Recurrence::starting(value, Utc::now())
    }

    /// Reads a rule that begins at an instant if it does not say when.
    ///
    /// # Errors
    /// Those of [`Recurrence::from_value`].
    pub fn starting(value: &Value, now: DateTime<Utc>) -> Result<Recurrence, RecurrenceError> {
        let (rule, zone) = read(value, now)?;
        Ok(Recurrence { rule, zone })
    }

    /// Returns the first occurrence after an instant.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next_after = |shown| self.rule.next_after(shown);
        match self.rule.goes_on_all_day() {
            true => self.zone.next_shown(after, next_after),
            false => self.zone.next_once(after, next_after),
        }
    }
}
