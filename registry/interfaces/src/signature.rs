//! What requests of a predict service hold, and what it answers with.

use palladium_data::ColumnSpec;

/// What requests of a predict service hold, and what it answers with: for documents, forms and other protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The fields that every sample has, in order.
    pub fields: Vec<ColumnSpec>,
    /// The keyword parameters that a request may give in its query string.
    pub parameters: Vec<ColumnSpec>,
    /// Whether the answer is class probabilities instead of predictions.
    pub probabilities: bool,
}
