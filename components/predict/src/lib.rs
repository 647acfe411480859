//! Predict services: how requests become samples and predictions become answers; and the routes beside them.

mod add_url_rule;
mod column;
mod convert;
mod field;
mod predict_service;
mod query;
mod rows;
mod sample;

pub use add_url_rule::AddUrlRule;
pub use field::{Field, FieldType, Mapping, Params};
pub use predict_service::MappingPredictService;
