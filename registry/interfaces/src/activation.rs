//! Who changed what is active, and when.

use serde::{Deserialize, Serialize};

use crate::Version;

/// On whose behalf a store is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who: the name of the user that the process runs as.
    pub principal: String,
    /// By which command: `fit`, `admin activate 2`.
    pub command: String,
}

impl Origin {
    /// What stands where nobody said.
    pub const UNKNOWN: &'static str = "unknown";
}

impl Default for Origin {
    /// Returns an origin of which nothing is known.
    fn default() -> Origin {
        Origin { principal: Origin::UNKNOWN.to_owned(), command: Origin::UNKNOWN.to_owned() }
    }
}

/// An entry of the log of activations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// When, as RFC 3339 says, in UTC.
    pub time: String,
    /// What was active before; nothing where no version was.
    pub from: Option<Version>,
    /// What is active since; nothing where the active version was deleted.
    pub to: Option<Version>,
    /// Who did it.
    pub principal: String,
    /// By which command.
    pub command: String,
}
