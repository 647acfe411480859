//! What requests of a predict service hold, and what it answers with.

use palladium_data::{ColumnSpec, ColumnType};
use serde_json::{Map as JsonMap, Value as Json, json};

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

impl Signature {
    /// Returns a sample of which the types alone are known, as it stands in a request.
    pub fn example(&self) -> JsonMap<String, Json> {
        let value = |kind| match kind {
            ColumnType::Float => json!(1.5),
            ColumnType::Int => json!(1),
            ColumnType::Bool => json!(true),
            ColumnType::Text | ColumnType::Category => json!("text"),
            ColumnType::Date => json!("2024-01-31"),
            ColumnType::Timestamp => json!("2024-01-31T12:00:00"),
            ColumnType::TimestampUtc => json!("2024-01-31T12:00:00Z"),
        };
        self.fields.iter().map(|spec| (spec.name.clone(), value(spec.kind))).collect()
    }
}
