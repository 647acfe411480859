//! Predict services: how requests become samples and predictions become answers; and the routes beside them.

mod add_url_rule;
mod blocks;
mod column;
mod convert;
mod faults;
mod field;
mod own_samples;
mod plain;
mod predict_service;
mod query;
mod rows;

pub use add_url_rule::AddUrlRule;
pub use field::{Field, FieldType, Mapping, Params};
pub use predict_service::MappingPredictService;
