//! The data that flows between components: tables, data sets, samples and predictions.
//!
//! Columns are Arrow arrays, so that any loader can fill them and any engine can take them over. Learners see
//! [`ndarray`] matrices and class codes made from them.

mod category;
mod classes;
mod column_type;
mod dataset;
mod error;
mod from_arrow;
mod prediction;
mod provenance;
mod summary;
mod table;

pub use classes::{ClassLabels, Classes, LabelRef};
pub use column_type::{ColumnType, cell_text};
pub use dataset::{Column, Dataset, Samples};
pub use error::DataError;
pub use prediction::{Predictions, Probabilities};
pub use provenance::Provenance;
pub use summary::{Cell, ColumnSummary, Distinct, Moments, Range, SummaryOptions, TopValue};
pub use table::{ColumnSpec, Table};

pub use arrow_array;
pub use ndarray;
