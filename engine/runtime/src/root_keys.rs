//! The keys that mean something at the root of a configuration. Every other key is free.

use palladium_component::interfaces::Kind;

/// What a root key has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A component of a kind.
    Component(Kind),
    /// A map.
    Map,
    /// The name of a scorer, a scorer, or a map from labels to either.
    Scoring,
    /// The name of a mode.
    Mode,
}

/// A root key.
#[derive(Clone, Copy, Debug)]
pub struct RootKey {
    /// The key.
    pub name: &'static str,
    /// What it has to hold.
    pub holds: Holds,
    /// What it is for.
    pub docs: &'static str,
}

/// Loads the data to learn from.
pub const TRAIN: &str = "dataset_loader_train";
/// Loads the data to evaluate with.
pub const TEST: &str = "dataset_loader_test";
/// The estimator.
pub const MODEL: &str = "model";
/// Stores the trained models.
pub const PERSISTER: &str = "model_persister";
/// The scorer or scorers.
pub const SCORING: &str = "scoring";
/// Facts about the service.
pub const SERVICE_METADATA: &str = "service_metadata";
/// What `/alive` requires.
pub const ALIVE: &str = "alive";
/// What the process is about to do.
pub const MODE: &str = "__mode__";

/// Every root key with a meaning.
pub const ALL: &[RootKey] = &[
    RootKey { name: TRAIN, holds: Holds::Component(Kind::DatasetLoader), docs: "loads the data to learn from" },
    RootKey { name: TEST, holds: Holds::Component(Kind::DatasetLoader), docs: "loads the data to evaluate with" },
    RootKey { name: MODEL, holds: Holds::Component(Kind::Estimator), docs: "the estimator" },
    RootKey { name: PERSISTER, holds: Holds::Component(Kind::Persister), docs: "stores the trained models" },
    RootKey { name: SCORING, holds: Holds::Scoring, docs: "scores models instead of their own score" },
    RootKey { name: SERVICE_METADATA, holds: Holds::Map, docs: "facts about the service, shown in every response" },
    RootKey { name: ALIVE, holds: Holds::Map, docs: "`process_store_required`: the models that `/alive` requires" },
    RootKey { name: MODE, holds: Holds::Mode, docs: "`fit` or `serve`: set by the commands, a file can override it" },
];
