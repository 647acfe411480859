//! Files that belong to a model.

use serde::{Deserialize, Serialize};

/// A file that belongs to a stored model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name, which is unique among the files of its model.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
}
