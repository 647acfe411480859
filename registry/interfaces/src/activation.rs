//! Who changed what is active, and when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Explain, Failure, Metadata, PersistError, Version};

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

impl Activation {
    /// Returns the version that was active last before the active one and is still stored: activating it, and then
    /// asking again, leads back.
    pub fn previous(history: &[Activation], active: Option<Version>, models: &[Metadata]) -> Option<Version> {
        let stored: BTreeSet<Version> = models.iter().filter_map(Metadata::version).collect();
        let before = history.iter().rev().flat_map(|entry| [entry.to, entry.from]);
        before.flatten().find(|version| Some(*version) != active && stored.contains(version))
    }
}

/// Why a version is not in use that was to be activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// It was read before anything was changed, and it cannot be.
    #[error("version {version} cannot be read and is not activated: nothing was changed")]
    Unreadable {
        /// The version.
        version: Version,
        /// Why it cannot be read.
        #[source]
        source: PersistError,
    },
    /// It is active, and it cannot be loaded.
    #[error("version {version} is active in the store now, but it cannot be loaded: {kept}")]
    NotLoaded {
        /// The version.
        version: Version,
        /// What is used in its place, in words.
        kept: String,
        /// Why it cannot be loaded.
        #[source]
        source: PersistError,
    },
}

impl ActivationError {
    /// Returns the error of activating a version that cannot be read. That there is none stays what it is.
    pub fn unreadable(version: Version, error: PersistError) -> PersistError {
        match error {
            PersistError::Lookup(_) => error,
            source @ PersistError::Failed(_) => Failure::from(ActivationError::Unreadable { version, source }).into(),
        }
    }
}

impl Explain for ActivationError {
    fn help(&self) -> Option<String> {
        match self {
            ActivationError::Unreadable { .. } => Some(
                "`palladium admin verify` says of each version whether it can be read: activate one that can".into(),
            ),
            ActivationError::NotLoaded { source, .. } => source.help(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(count: usize) -> Vec<Metadata> {
        let model = |version: usize| {
            let mut metadata = Metadata::default();
            metadata.annotate("version", version);
            metadata
        };
        (1..=count).map(model).collect()
    }

    #[test]
    fn the_previous_version_is_the_last_other_one_that_is_stored() {
        type Pairs<'a> = &'a [(u64, u64)];
        let cases: [(Pairs<'_>, u64, usize, Option<u64>); 8] = [
            (&[(0, 1), (1, 2), (2, 3)], 3, 3, Some(2)),
            // Going back, and back again.
            (&[(0, 1), (1, 2), (2, 3), (3, 2)], 2, 3, Some(3)),
            (&[(0, 1), (1, 2), (2, 2)], 2, 3, Some(1)),
            // What was deleted is passed over.
            (&[(0, 1), (1, 5), (5, 3)], 3, 3, Some(1)),
            // After the active one was deleted.
            (&[(0, 1), (1, 2), (2, 0)], 0, 1, Some(1)),
            // The log begins with the first activation that was written down.
            (&[(1, 2)], 2, 3, Some(1)),
            (&[(0, 1)], 1, 3, None),
            (&[], 0, 3, None),
        ];
        let number = |number: u64| Version::new(number).ok();
        for (entries, active, n_models, expected) in cases {
            let entry = |(from, to): &(u64, u64)| Activation {
                time: String::new(),
                from: number(*from),
                to: number(*to),
                principal: String::new(),
                command: String::new(),
            };
            let history: Vec<Activation> = entries.iter().map(entry).collect();
            let found = Activation::previous(&history, number(active), &models(n_models));
            assert_eq!(found.map(Version::number), expected, "{entries:?}");
        }
    }
}
