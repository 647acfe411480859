//! Properties that every store of models has.

/// The property that says which model is active.
pub const ACTIVE_MODEL: &str = "active-model";
/// The property that says which layout the store has.
pub const DB_VERSION: &str = "db-version";
