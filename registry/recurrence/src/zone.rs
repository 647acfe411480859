//! From times on a clock on the wall to instants.

use chrono::{DateTime, FixedOffset, Local, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// No clock is put forward or back by more than this: a time zone once changed the side of the date line.
const LARGEST_CHANGE: TimeDelta = TimeDelta::hours(26);

/// Where the clock hangs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Zone {
    /// Where this machine is.
    Local,
    /// In a zone of the IANA database.
    Named(Tz),
}

impl Zone {
    /// Returns what a clock shows at an instant.
    pub fn shown(self, instant: DateTime<Utc>) -> NaiveDateTime {
        self.shown_with(instant, self.offset(instant))
    }

    fn shown_with(self, instant: DateTime<Utc>, offset: TimeDelta) -> NaiveDateTime {
        instant.naive_utc().checked_add_signed(offset).unwrap_or(NaiveDateTime::MAX)
    }

    /// Returns how far the clock is ahead of that of UTC.
    pub fn offset(self, instant: DateTime<Utc>) -> TimeDelta {
        let utc = instant.naive_utc();
        let offset = match self {
            Zone::Local => Local.offset_from_utc_datetime(&utc).fix(),
            Zone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
        };
        TimeDelta::seconds(i64::from(offset.local_minus_utc()))
    }

    /// Returns when a clock shows a time: never, once or twice.
    fn instants(self, shown: NaiveDateTime) -> MappedLocalTime<DateTime<Utc>> {
        let instant = |offset: FixedOffset| {
            let seconds = TimeDelta::seconds(i64::from(offset.local_minus_utc()));
            shown.checked_sub_signed(seconds).unwrap_or(NaiveDateTime::MAX).and_utc()
        };
        let instants = match self {
            Zone::Local => Local.offset_from_local_datetime(&shown).map(instant),
            Zone::Named(zone) => zone.offset_from_local_datetime(&shown).map(|offset| instant(offset.fix())),
        };
        match instants {
            MappedLocalTime::Ambiguous(one, other) => MappedLocalTime::Ambiguous(one.min(other), one.max(other)),
            instants => instants,
        }
    }

    /// Finds the first instant after another at which one of the times comes that `next_after` returns, each of which
    /// comes once: a time that the clock skips comes as much later as the clock was put forward, and one that it shows
    /// twice comes the first time.
    pub fn next_once(
        self,
        after: DateTime<Utc>,
        next_after: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
    ) -> Option<DateTime<Utc>> {
        let offset = self.offset(after);
        // Times that the clock has shown already may come yet, and others may have come: after a change of the clock.
        let is_settled = after.checked_sub_signed(LARGEST_CHANGE).is_some_and(|before| self.offset(before) == offset);
        let mut shown = self.shown_with(after, offset);
        if !is_settled {
            shown = shown.checked_sub_signed(LARGEST_CHANGE)?;
        }
        let mut skipped: Option<DateTime<Utc>> = None;
        loop {
            let Some(next) = next_after(shown) else { return skipped };
            match self.instants(next) {
                MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => {
                    if instant > after {
                        return Some(skipped.map_or(instant, |skipped| skipped.min(instant)));
                    }
                }
                MappedLocalTime::None => {
                    let instant = self.put_off(next);
                    if instant > after {
                        skipped = Some(skipped.map_or(instant, |skipped| skipped.min(instant)));
                    }
                }
            }
            shown = next;
        }
    }

    /// Returns the instant of a time that the clock skips.
    fn put_off(self, skipped: NaiveDateTime) -> DateTime<Utc> {
        let before = skipped.checked_sub_signed(LARGEST_CHANGE).unwrap_or(skipped).and_utc();
        skipped.checked_sub_signed(self.offset(before)).unwrap_or(skipped).and_utc()
    }

    /// Finds the first instant after another at which the clock shows one of the times that `next_after` returns, the
    /// second time too.
    pub fn next_shown(
        self,
        after: DateTime<Utc>,
        next_after: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
    ) -> Option<DateTime<Utc>> {
        let (mut at, mut shown) = (after, self.shown(after));
        loop {
            let offset = self.offset(at);
            let next = next_after(shown);
            let instant = next.and_then(|next| next.checked_sub_signed(offset)).map(|next| next.and_utc());
            // What follows comes at its time unless the clock is changed before.
            let horizon = at.checked_add_signed(LARGEST_CHANGE)?;
            let near = instant.map_or(horizon, |instant| instant.min(horizon));
            if self.offset(near) != offset {
                at = self.change(at, near, offset)?;
                shown = self.shown(at).checked_sub_signed(TimeDelta::seconds(1))?;
                continue;
            }
            let next = next?;
            if instant.is_some_and(|instant| instant <= horizon) {
                return instant;
            }
            match self.instants(next) {
                MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => return Some(instant),
                MappedLocalTime::None => shown = next,
            }
        }
    }

    /// Finds when a clock was changed between an instant with an offset and one with another.
    fn change(self, before: DateTime<Utc>, after: DateTime<Utc>, offset: TimeDelta) -> Option<DateTime<Utc>> {
        let (mut before, mut after) = (before.timestamp(), after.timestamp());
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            match self.offset(DateTime::from_timestamp(middle, 0)?) == offset {
                true => before = middle,
                false => after = middle,
            }
        }
        DateTime::from_timestamp(after, 0)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        match (self, other) {
            (Zone::Local, Zone::Local) => true,
            (Zone::Named(a), Zone::Named(b)) => a == b,
            _ => false,
        }
    }
}
