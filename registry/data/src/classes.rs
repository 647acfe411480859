//! Class labels and the codes that learners work with.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, DictionaryArray};
use serde::{Deserialize, Serialize};

use crate::table::Numbers;
use crate::{Column, ColumnType, DataError, category};

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
            (ClassLabels::Text(labels), ColumnType::Text) => {
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                let column = values.as_string::<i32>();
                Ok(positions(&labels, (0..column.len()).map(|row| column.value(row))))
            }
            (ClassLabels::Text(labels), ColumnType::Category) => {
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                let column = values.as_dictionary::<Int32Type>();
                let of_category = positions(&labels, category::texts(column).iter().map(Option::unwrap_or_default));
                Ok(codes(column).map(|code| of_category.get(code).copied().flatten()).collect())
            }
            (ClassLabels::Int(_) | ClassLabels::Float(_), ColumnType::Int | ColumnType::Float) => {
                let labels: Vec<u64> = match self {
                    ClassLabels::Int(labels) => labels.iter().map(|label| bits(*label as f64)).collect(),
                    ClassLabels::Float(labels) => labels.iter().map(|label| bits(*label)).collect(),
                    _ => return Err(wrong("a class of the model's type")),
                };
                let cells = Numbers::of(values).ok_or_else(|| wrong("a number"))?.to_array();
                Ok(positions(&labels, cells.iter().map(|cell| bits(*cell))))
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
        let (labels, codes) = match target.kind() {
            ColumnType::Bool => {
                let (labels, codes) = numbered(values.as_boolean().values().iter(), Ord::cmp);
                (ClassLabels::Bool(labels), codes)
            }
            ColumnType::Int => {
                let column = values.as_primitive::<Int64Type>();
                let (labels, codes) = numbered(column.values().iter().copied(), Ord::cmp);
                (ClassLabels::Int(labels), codes)
            }
            ColumnType::Float => {
                let column = values.as_primitive::<Float64Type>();
                if let Some(row) = column.values().iter().position(|value| value.fract() != 0.0) {
                    let (name, value) = (target.name.clone(), column.value(row));
                    return Err(DataError::FractionalClass { name, row: row + 1, value, place: None });
                }
                let ascending = |one: &u64, other: &u64| f64::from_bits(*one).total_cmp(&f64::from_bits(*other));
                let (labels, codes) = numbered(column.values().iter().map(|value| bits(*value)), ascending);
                (ClassLabels::Float(labels.into_iter().map(f64::from_bits).collect()), codes)
            }
            ColumnType::Text => {
                let column = values.as_string::<i32>();
                let (labels, codes) = numbered((0..column.len()).map(|row| column.value(row)), Ord::cmp);
                (ClassLabels::Text(labels.into_iter().map(str::to_owned).collect()), codes)
            }
            ColumnType::Category => numbered_categories(values.as_dictionary()),
            found @ (ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc) => {
                let (name, expected) = (target.name.clone(), "a class, which is text, a flag or a whole number,");
                return Err(DataError::WrongType { name, found, expected, place: None });
            }
        };
        Ok(Classes { labels: Arc::new(labels), codes })
    }
}

/// Returns the distinct values in ascending order, and for each value its position among them.
fn numbered<T: Eq + Hash + Copy>(
    values: impl Iterator<Item = T>,
    order: impl Fn(&T, &T) -> Ordering,
) -> (Vec<T>, Vec<u32>) {
    let mut known: HashMap<T, u32> = HashMap::new();
    // Values are numbered as they come up, and again when all of them are known.
    let mut codes: Vec<u32> = Vec::with_capacity(values.size_hint().0);
    for value in values {
        let next = known.len() as u32;
        codes.push(*known.entry(value).or_insert(next));
    }
    let mut labels: Vec<(T, u32)> = known.into_iter().collect();
    labels.sort_unstable_by(|(one, _), (other, _)| order(one, other));
    let mut positions = vec![0; labels.len()];
    labels.iter().zip(0..).for_each(|((_, first), position)| positions[*first as usize] = position);
    codes.iter_mut().for_each(|code| *code = positions[*code as usize]);
    (labels.into_iter().map(|(label, _)| label).collect(), codes)
}

/// Numbers the categories that cells have, by the codes of the column: its texts are looked at once each.
fn numbered_categories(column: &DictionaryArray<Int32Type>) -> (ClassLabels, Vec<u32>) {
    let texts = category::texts(column);
    let mut is_used = vec![false; texts.len()];
    codes(column).for_each(|code| is_used[code] = true);
    let used = (0..texts.len()).filter(|code| is_used[*code]);
    let (labels, numbers) = numbered(used.clone().map(|code| texts.value(code)), Ord::cmp);
    let mut label_of = vec![0; texts.len()];
    used.zip(numbers).for_each(|(code, number)| label_of[code] = number);
    let labels = ClassLabels::Text(labels.into_iter().map(str::to_owned).collect());
    (labels, codes(column).map(|code| label_of[code]).collect())
}

/// Returns the codes of a column of categories none of which is missing.
fn codes(column: &DictionaryArray<Int32Type>) -> impl Iterator<Item = usize> {
    // Arrow holds no negative code, except under a missing cell.
    column.keys().values().iter().map(|code| usize::try_from(*code).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};

    fn categories(codes: Vec<i32>, texts: &[Option<&str>]) -> Column {
        target(DictionaryArray::new(Int32Array::from(codes), Arc::new(StringArray::from(texts.to_vec()))))
    }

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
            // A text may be there twice, for nothing, or be missing.
            (categories(vec![4, 2, 0], &[Some("b"), Some("c"), Some("a"), None, Some("b")]), vec![1, 0, 1]),
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
        let texts = ClassLabels::Text(vec!["a".into(), "b".into()]);
        let found = [Some(1), None, Some(0)];
        assert_eq!(texts.encode(&categories(vec![1, 0, 2], &[Some("x"), Some("b"), Some("a")])).unwrap(), found);
        assert_eq!(texts.encode(&target(StringArray::from(vec!["b", "x", "a"]))).unwrap(), found);
    }

    #[test]
    fn refuses_fractions_and_missing_values() {
        let fractions = Classes::of(&target(Float64Array::from(vec![1.0, 1.5]))).unwrap_err();
        assert!(matches!(fractions, DataError::FractionalClass { row: 2, .. }));
        let missing = Classes::of(&target(StringArray::from(vec![Some("a"), None]))).unwrap_err();
        assert_eq!(missing, DataError::MissingValue { name: "y".into(), row: 2, place: None });
    }
}
