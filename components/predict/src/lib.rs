//! Predict services: how requests become samples and predictions become answers; the same predictions by the Open
//! Inference Protocol; and the routes beside them.

mod add_url_rule;
mod blocks;
mod column;
mod convert;
mod faults;
mod field;
mod open_inference;
mod own_samples;
mod plain;
mod predict_service;
mod query;
mod rows;
mod sample;

pub use add_url_rule::AddUrlRule;
pub use field::{Field, FieldType, Mapping, Params};
pub use open_inference::OpenInference;
pub use predict_service::MappingPredictService;
