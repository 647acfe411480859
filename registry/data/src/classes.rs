//! Class labels and the codes that learners work with.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use serde::{Deserialize, Serialize};

use crate::column_type::cast_cells;
use crate::{Column, ColumnType, DataError};

/// The distinct labels of a target in ascending order, in the type that the target had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassLabels {
    /// Flags.
    Bool(Vec<bool>),
    /// Whole numbers.
    Int(Vec<i64>),
    /// Whole numbers that were stored as floating point numbers.
    Float(Vec<f64>),
    /// Texts.
    Text(Vec<String>),
}

/// One label; its serialization is the bare label.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LabelRef<'a> {
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number stored as a floating point number.
    Float(f64),
    /// A text.
    Text(&'a str),
}

/// A target as class codes.
#[derive(Clone, Debug)]
pub struct Classes {
    /// The labels in ascending order.
    pub labels: Arc<ClassLabels>,
    /// For each row the position of its label.
    pub codes: Vec<u32>,
}

impl ClassLabels {
    /// Returns the number of classes.
    pub fn len(&self) -> usize {
        match self {
            ClassLabels::Bool(labels) => labels.len(),
            ClassLabels::Int(labels) => labels.len(),
            ClassLabels::Float(labels) => labels.len(),
            ClassLabels::Text(labels) => labels.len(),
        }
    }

    /// Tells whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the label at a position.
    pub fn get(&self, code: usize) -> Option<LabelRef<'_>> {
        match self {
            ClassLabels::Bool(labels) => labels.get(code).map(|label| LabelRef::Bool(*label)),
            ClassLabels::Int(labels) => labels.get(code).map(|label| LabelRef::Int(*label)),
            ClassLabels::Float(labels) => labels.get(code).map(|label| LabelRef::Float(*label)),
            ClassLabels::Text(labels) => labels.get(code).map(|label| LabelRef::Text(label)),
        }
    }

    /// Tells whether the labels are in ascending order without repetition, as decoded ones have to be.
    pub fn is_ascending(&self) -> bool {
        match self {
            ClassLabels::Bool(labels) => labels.is_sorted_by(|a, b| a < b),
            ClassLabels::Int(labels) => labels.is_sorted_by(|a, b| a < b),
            ClassLabels::Float(labels) => labels.is_sorted_by(|a, b| a < b),
            ClassLabels::Text(labels) => labels.is_sorted_by(|a, b| a < b),
        }
    }

    /// Returns for each row of a column the position of its label, nothing for a label that is not among them.
    ///
    /// # Errors
    /// A missing value; a column of another type than the labels (numbers of either kind count as one type).
    pub fn encode(&self, column: &Column) -> Result<Vec<Option<u32>>, DataError> {
        let values = column.complete()?;
        let wrong =
            |expected| DataError::WrongType { name: column.name.clone(), found: column.kind(), expected, place: None };
        match (self, column.kind()) {
            (ClassLabels::Bool(labels), ColumnType::Bool) => {
                let column = values.as_boolean();
                Ok(positions(labels, (0..column.len()).map(|row| column.value(row))))
            }
            (ClassLabels::Int(labels), ColumnType::Int) => {
                Ok(positions(labels, values.as_primitive::<Int64Type>().values().iter().copied()))
            }
            (ClassLabels::Text(labels), ColumnType::Text | ColumnType::Category) => {
                let column = texts(values)?;
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                Ok(positions(&labels, (0..column.len()).map(|row| column.value(row))))
            }
            (ClassLabels::Int(_) | ClassLabels::Float(_), ColumnType::Int | ColumnType::Float) => {
                let labels: Vec<u64> = match self {
                    ClassLabels::Int(labels) => labels.iter().map(|label| bits(*label as f64)).collect(),
                    ClassLabels::Float(labels) => labels.iter().map(|label| bits(*label)).collect(),
                    _ => return Err(wrong("a class of the model's type")),
                };
                let mut cells = Vec::with_capacity(values.len());
                crate::table::push_numbers(values, &mut cells).ok_or_else(|| wrong("a number"))?;
                Ok(positions(&labels, cells.into_iter().map(bits)))
            }
            (ClassLabels::Bool(_), _) => Err(wrong("a flag, as in the training data,")),
            (ClassLabels::Int(_) | ClassLabels::Float(_), _) => Err(wrong("a number, as in the training data,")),
            (ClassLabels::Text(_), _) => Err(wrong("text, as in the training data,")),
        }
    }
}

/// Returns bits under which equal numbers are equal: both zeros are one.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

fn positions<T: Eq + Hash + Copy>(labels: &[T], values: impl Iterator<Item = T>) -> Vec<Option<u32>> {
    let codes: HashMap<T, u32> = labels.iter().copied().zip(0..).collect();
    values.map(|value| codes.get(&value).copied()).collect()
}

impl Classes {
    /// Sorts the distinct values of a target and numbers them.
    ///
    /// # Errors
    /// A missing value, a number with a fraction, no row.
    pub fn of(target: &Column) -> Result<Classes, DataError> {
        let values = target.complete()?;
        if values.is_empty() {
            return Err(DataError::NoRows);
        }
        let labels = match target.kind() {
            ColumnType::Bool => {
                let column = values.as_boolean();
                ClassLabels::Bool(distinct((0..column.len()).map(|row| column.value(row)), Ord::cmp))
            }
            ColumnType::Int => {
                ClassLabels::Int(distinct(values.as_primitive::<Int64Type>().values().iter().copied(), Ord::cmp))
            }
            ColumnType::Float => {
                let column = values.as_primitive::<Float64Type>();
                if let Some(row) = column.values().iter().position(|value| value.fract() != 0.0) {
                    let (name, value) = (target.name.clone(), column.value(row));
                    return Err(DataError::FractionalClass { name, row: row + 1, value, place: None });
                }
                ClassLabels::Float(distinct(column.values().iter().map(|value| value + 0.0), f64::total_cmp))
            }
            ColumnType::Text | ColumnType::Category => {
                let column = texts(values)?;
                let labels = distinct((0..column.len()).map(|row| column.value(row)), Ord::cmp);
                ClassLabels::Text(labels.into_iter().map(str::to_owned).collect())
            }
            found @ (ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc) => {
                let (name, expected) = (target.name.clone(), "a class, which is text, a flag or a whole number,");
                return Err(DataError::WrongType { name, found, expected, place: None });
            }
        };
        let codes = labels.encode(target)?.into_iter().flatten().collect();
        Ok(Classes { labels: Arc::new(labels), codes })
    }
}

/// Returns a column of text or categories as one of text.
fn texts(column: &ArrayRef) -> Result<StringArray, DataError> {
    let texts = cast_cells(column, ColumnType::Text).map_err(|error| DataError::TooLarge(error.to_string()))?;
    Ok(texts.as_string::<i32>().clone())
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
    let mut labels: Vec<T> = values.collect();
    labels.sort_unstable_by(order);
    labels.dedup();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Float64Array, Int64Array};

    fn target(array: impl Array + 'static) -> Column {
        Column { name: "y".into(), values: Arc::new(array) as ArrayRef }
    }

    #[test]
    fn numbers_the_labels_of_every_type() {
        let cases = [
            (target(StringArray::from(vec!["b", "a", "b"])), vec![1, 0, 1]),
            (target(Int64Array::from(vec![7, -1, 7])), vec![1, 0, 1]),
            (target(Float64Array::from(vec![0.0, -0.0, 2.0])), vec![0, 0, 1]),
            (target(BooleanArray::from(vec![true, false, true])), vec![1, 0, 1]),
        ];
        for (column, expected) in cases {
            let classes = Classes::of(&column).unwrap();
            assert_eq!(classes.codes, expected);
            assert_eq!(classes.labels.len(), 2);
            assert!(classes.labels.is_ascending());
        }
    }

    #[test]
    fn unknown_labels_have_no_code_and_other_types_are_refused() {
        let labels = ClassLabels::Int(vec![1, 2]);
        assert_eq!(labels.encode(&target(Int64Array::from(vec![2, 3]))).unwrap(), [Some(1), None]);
        assert_eq!(labels.encode(&target(Float64Array::from(vec![2.0, 1.5]))).unwrap(), [Some(1), None]);
        assert!(labels.encode(&target(StringArray::from(vec!["1"]))).is_err());
    }

    #[test]
    fn refuses_fractions_and_missing_values() {
        let fractions = Classes::of(&target(Float64Array::from(vec![1.0, 1.5]))).unwrap_err();
        assert!(matches!(fractions, DataError::FractionalClass { row: 2, .. }));
        let missing = Classes::of(&target(StringArray::from(vec![Some("a"), None]))).unwrap_err();
        assert_eq!(missing, DataError::MissingValue { name: "y".into(), row: 2, place: None });
    }
}
