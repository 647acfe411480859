//! Recurrence rules, and tasks that follow them.
//!
//! A [`Recurrence`] says when something is to be done; a [`RecurringTask`] does it. Rules are read from the maps of a
//! configuration. What a component is given as such a rule is the business of `palladium-component`.

mod clock;
mod dates;
mod days;
mod error;
mod occurrences;
mod reading;
mod recurrence;
mod rule;
mod task;
mod zone;

pub use clock::{Clock, Stop, SystemClock};
pub use error::RecurrenceError;
pub use reading::KEYS;
pub use recurrence::Recurrence;
pub use task::RecurringTask;
