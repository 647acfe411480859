//! Predict services: how requests become samples and predictions become answers.

mod column;
mod convert;
mod field;
mod predict_service;
mod query;
mod rows;

pub use field::{Field, FieldType, Mapping, Params};
pub use predict_service::MappingPredictService;
