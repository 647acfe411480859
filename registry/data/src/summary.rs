//! What is in the columns of a table, in a few figures.

use std::collections::HashMap;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use serde::{Serialize, Serializer};

use crate::{Column, ColumnType, Table, category, cell_text};

/// The bins of a histogram.
const BINS: usize = 20;

/// What is in a column. Fields that mean nothing for its type are left out of its serialization.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// The rows.
    pub rows: usize,
    /// The rows whose cell is missing.
    pub missing: usize,
    /// The different values; missing cells are none.
    pub distinct: Distinct,
    /// The values of numbers, dates and times.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// How many numbers are infinite or NaN. They are in no other figure but `distinct` and `top`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_finite: Option<usize>,
    /// Mean and spread of numbers.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub moments: Option<Moments>,
    /// The most frequent values, the first being the most frequent, equally frequent ones in ascending order; nothing where
    /// there are too many different ones to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<Vec<TopValue>>,
}

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(usize),
    /// More than so many.
    MoreThan(usize),
}

/// Serializes as `{"count": 3}` or `{"more_than": 100000}`.
impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, number) = match self {
            Distinct::Exactly(number) => ("count", number),
            Distinct::MoreThan(number) => ("more_than", number),
        };
        serializer.collect_map([(name, number)])
    }
}

/// The smallest and the largest value, and how the values spread between them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The smallest value.
    pub min: Cell,
    /// The largest value.
    pub max: Cell,
    /// How many values are in each of the bins of equal width between the smallest and the largest value; one bin where
    /// these are equal.
    pub histogram: Vec<usize>,
}

/// Mean and spread of the numbers of a column that are finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moments {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a sample, with n − 1 as divisor; nothing for a single number.
    pub std: Option<f64>,
}

/// A value and how often it is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopValue {
    /// The value.
    pub value: Cell,
    /// The rows that have it.
    pub count: usize,
}

/// A cell that is not missing. It serializes as the bare value, dates and times as text in RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Float(f64),
    /// A whole number.
    Int(i64),
    /// A flag.
    Bool(bool),
    /// A text, a category, a date or a time.
    Text(String),
}

/// How much of a summary is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryOptions {
    /// Different values are counted up to this number.
    pub max_distinct: usize,
    /// So many of the most frequent values are told.
    pub n_top: usize,
}

impl Default for SummaryOptions {
    fn default() -> SummaryOptions {
        SummaryOptions { max_distinct: 100_000, n_top: 10 }
    }
}

impl Table {
    /// Returns what is in each column, in order.
    pub fn summary(&self, options: &SummaryOptions) -> Vec<ColumnSummary> {
        let columns = self.names().zip(self.columns());
        columns.map(|(name, values)| summary(name, values, options)).collect()
    }
}

impl Column {
    /// Returns what is in the column.
    pub fn summary(&self, options: &SummaryOptions) -> ColumnSummary {
        summary(&self.name, &self.values, options)
    }
}

fn summary(name: &str, values: &ArrayRef, options: &SummaryOptions) -> ColumnSummary {
    let kind = ColumnType::of(values.data_type()).unwrap_or(ColumnType::Text);
    let counted = counted(values, kind, options);
    let (range, moments) = spread(values, kind);
    let infinite = |number: &f64| !number.is_finite();
    let not_finite = values.as_primitive_opt::<Float64Type>();
    let not_finite = not_finite.map(|column| column.iter().flatten().filter(infinite).count());
    ColumnSummary {
        name: name.to_owned(),
        kind,
        rows: values.len(),
        missing: values.null_count(),
        distinct: counted.distinct,
        range,
        not_finite,
        moments,
        top: counted.top,
    }
}

/// How many different values there are, and the most frequent ones.
struct Counted {
    distinct: Distinct,
    top: Option<Vec<TopValue>>,
}

fn counted(values: &ArrayRef, kind: ColumnType, options: &SummaryOptions) -> Counted {
    let places = |row| cell(values, kind, row);
    match kind {
        ColumnType::Float => {
            // Equal numbers count as one, as do all that are none.
            let bits = |number: f64| if number.is_nan() { f64::NAN.to_bits() } else { (number + 0.0).to_bits() };
            let column = values.as_primitive::<Float64Type>();
            count(column.iter().map(|cell| cell.map(bits)), options, places)
        }
        ColumnType::Int => count(values.as_primitive::<Int64Type>().iter(), options, places),
        ColumnType::Bool => count(values.as_boolean().iter(), options, places),
        ColumnType::Text => count(values.as_string::<i32>().iter(), options, places),
        ColumnType::Category => {
            // A text may be stored several times.
            let column = values.as_dictionary::<Int32Type>();
            let texts = category::texts(column);
            let mut codes: HashMap<Option<&str>, usize> = HashMap::new();
            let firsts: Vec<usize> =
                texts.iter().enumerate().map(|(code, text)| *codes.entry(text).or_insert(code)).collect();
            let first = |code: i32| usize::try_from(code).ok().and_then(|code| firsts.get(code)).copied();
            count(column.keys().iter().map(|code| code.and_then(first)), options, places)
        }
        ColumnType::Date => count(values.as_primitive::<Date32Type>().iter(), options, places),
        ColumnType::Timestamp | ColumnType::TimestampUtc => {
            count(values.as_primitive::<TimestampMicrosecondType>().iter(), options, places)
        }
    }
}

/// Counts values by keys that are equal where they are; `cell` returns the value of a row.
fn count<K: Eq + Hash>(
    keys: impl Iterator<Item = Option<K>>,
    options: &SummaryOptions,
    cell: impl Fn(usize) -> Cell,
) -> Counted {
    // For each key the first row that has it, and how many have it.
    let mut counts: HashMap<K, (usize, usize)> = HashMap::new();
    for (row, key) in keys.enumerate() {
        let Some(key) = key else { continue };
        counts.entry(key).or_insert((row, 0)).1 += 1;
        if counts.len() > options.max_distinct {
            return Counted { distinct: Distinct::MoreThan(options.max_distinct), top: None };
        }
    }
    let distinct = Distinct::Exactly(counts.len());
    let mut counts: Vec<(usize, usize)> = counts.into_values().collect();
    let most_first = |one: &(usize, usize), other: &(usize, usize)| other.1.cmp(&one.1);
    // Equally frequent values are told in their own order: all that might be told are looked at.
    if let Some(last) = options.n_top.checked_sub(1).filter(|last| *last < counts.len()) {
        let least = counts.select_nth_unstable_by(last, most_first).1.1;
        counts.retain(|(_, count)| *count >= least);
    }
    let mut top: Vec<TopValue> = counts.into_iter().map(|(row, count)| TopValue { value: cell(row), count }).collect();
    top.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.value.total_cmp(&other.value)));
    top.truncate(options.n_top);
    Counted { distinct, top: Some(top) }
}

impl Cell {
    /// Returns the cell of a row of a column, nothing where it is missing.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn of(values: &ArrayRef, row: usize) -> Option<Cell> {
        let kind = ColumnType::of(values.data_type())?;
        values.is_valid(row).then(|| cell(values, kind, row))
    }

    fn total_cmp(&self, other: &Cell) -> std::cmp::Ordering {
        match (self, other) {
            (Cell::Float(one), Cell::Float(other)) => one.total_cmp(other),
            (Cell::Int(one), Cell::Int(other)) => one.cmp(other),
            (Cell::Bool(one), Cell::Bool(other)) => one.cmp(other),
            (Cell::Text(one), Cell::Text(other)) => one.cmp(other),
            // Cells of one column are of one type.
            _ => std::cmp::Ordering::Equal,
        }
    }
}

/// Returns the cell of a row that has one.
fn cell(values: &ArrayRef, kind: ColumnType, row: usize) -> Cell {
    match kind {
        ColumnType::Float => Cell::Float(values.as_primitive::<Float64Type>().value(row) + 0.0),
        ColumnType::Int => Cell::Int(values.as_primitive::<Int64Type>().value(row)),
        ColumnType::Bool => Cell::Bool(values.as_boolean().value(row)),
        _ => Cell::Text(cell_text(values, row).unwrap_or_default()),
    }
}

/// Returns range and moments of a column that has them.
fn spread(values: &ArrayRef, kind: ColumnType) -> (Option<Range>, Option<Moments>) {
    match kind {
        ColumnType::Float => {
            let column = values.as_primitive::<Float64Type>();
            let numbers = || column.iter().enumerate().filter_map(|(row, cell)| Some((row, cell?)));
            let finite = || numbers().filter(|(_, number)| number.is_finite());
            (range(finite, values, kind), moments(|| finite().map(|(_, number)| number)))
        }
        ColumnType::Int => {
            let column = values.as_primitive::<Int64Type>();
            let numbers = || column.iter().enumerate().filter_map(|(row, cell)| Some((row, cell? as f64)));
            (range(numbers, values, kind), moments(|| numbers().map(|(_, number)| number)))
        }
        ColumnType::Date => {
            let column = values.as_primitive::<Date32Type>();
            let days = || column.iter().enumerate().filter_map(|(row, cell)| Some((row, f64::from(cell?))));
            (range(days, values, kind), None)
        }
        ColumnType::Timestamp | ColumnType::TimestampUtc => {
            let column = values.as_primitive::<TimestampMicrosecondType>();
            let times = || column.iter().enumerate().filter_map(|(row, cell)| Some((row, cell? as f64)));
            (range(times, values, kind), None)
        }
        ColumnType::Bool | ColumnType::Text | ColumnType::Category => (None, None),
    }
}

/// Returns the range of numbers, which come with their rows; nothing where there is none.
fn range<N: Iterator<Item = (usize, f64)>>(
    numbers: impl Fn() -> N,
    values: &ArrayRef,
    kind: ColumnType,
) -> Option<Range> {
    let first = numbers().next()?;
    let (least, most) = numbers().fold((first, first), |(least, most), number| {
        (if number.1 < least.1 { number } else { least }, if number.1 > most.1 { number } else { most })
    });
    // Halves of numbers do not overflow.
    let (start, half_width) = (least.1, most.1 / 2.0 - least.1 / 2.0);
    let n_bins = if half_width > 0.0 { BINS } else { 1 };
    let mut histogram = vec![0; n_bins];
    for (_, number) in numbers() {
        let share = if n_bins == 1 { 0.0 } else { (number / 2.0 - start / 2.0) / half_width };
        histogram[((share * n_bins as f64) as usize).min(n_bins - 1)] += 1;
    }
    Some(Range { min: cell(values, kind, least.0), max: cell(values, kind, most.0), histogram })
}

/// Returns mean and spread of finite numbers, in two passes; nothing where there is none.
fn moments<N: Iterator<Item = f64>>(numbers: impl Fn() -> N) -> Option<Moments> {
    let (count, mean) = numbers()
        .fold((0_usize, 0.0), |(count, mean), number| (count + 1, mean + (number - mean) / (count + 1) as f64));
    if count == 0 {
        return None;
    }
    let squares: f64 = numbers().map(|number| (number - mean).powi(2)).sum();
    let std = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
    Some(Moments { mean, std })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};
    use serde_json::{Value as Json, json};

    use super::*;

    fn table(name: &str, values: impl Array + 'static) -> Table {
        Table::new(vec![(name.to_owned(), Arc::new(values))]).unwrap()
    }

    fn told(table: &Table) -> Json {
        serde_json::to_value(&table.summary(&SummaryOptions::default())[0]).unwrap()
    }

    #[test]
    fn numbers_have_range_moments_and_frequencies() {
        let numbers = Float64Array::from(vec![Some(2.0), None, Some(4.0), Some(-0.0), Some(f64::NAN), Some(0.0)]);
        let mut histogram = vec![0; 20];
        (histogram[0], histogram[10], histogram[19]) = (2, 1, 1);
        let expected = json!({
            "name": "x", "type": "float", "rows": 6, "missing": 1, "distinct": {"count": 4},
            "min": 0.0, "max": 4.0, "histogram": histogram,
            "mean": 1.5, "std": (11.0_f64 / 3.0).sqrt(), "not_finite": 1,
            "top": [{"value": 0.0, "count": 2}, {"value": 2.0, "count": 1}, {"value": 4.0, "count": 1}, {"value": null, "count": 1}],
        });
        assert_eq!(told(&table("x", numbers)), expected);
        let whole = told(&table("x", Int64Array::from(vec![i64::MAX, i64::MAX])));
        assert_eq!((&whole["min"], &whole["histogram"], &whole["std"]), (&json!(i64::MAX), &json!([2]), &json!(0.0)));
        let extremes = told(&table("x", Float64Array::from(vec![f64::MIN, f64::MAX])));
        assert_eq!((&extremes["histogram"][0], &extremes["histogram"][19]), (&json!(1), &json!(1)));
        let nothing = told(&table("x", Float64Array::from(vec![None, Some(f64::INFINITY)])));
        assert_eq!((nothing.get("min"), nothing.get("mean"), &nothing["not_finite"]), (None, None, &json!(1)));
        let single = told(&table("x", Float64Array::from(vec![7.0])));
        assert_eq!((&single["mean"], &single["std"]), (&json!(7.0), &Json::Null));
    }

    #[test]
    fn texts_categories_and_flags_have_frequencies() {
        let texts = table("t", StringArray::from(vec![Some("b"), Some("a"), None, Some("c"), Some("c")]));
        let expected = json!({
            "name": "t", "type": "text", "rows": 5, "missing": 1, "distinct": {"count": 3},
            "top": [{"value": "c", "count": 2}, {"value": "a", "count": 1}, {"value": "b", "count": 1}],
        });
        assert_eq!(told(&texts), expected);
        let mut categories = told(&texts.cast("t", ColumnType::Category).unwrap());
        assert_eq!(categories["type"].take(), json!("category"));
        assert_eq!((&categories["distinct"], &categories["top"]), (&expected["distinct"], &expected["top"]));
        let flags = told(&table("f", BooleanArray::from(vec![true, false, true])));
        assert_eq!(flags["top"], json!([{"value": true, "count": 2}, {"value": false, "count": 1}]));
    }

    #[test]
    fn dates_and_times_have_a_range() {
        let texts = table("d", StringArray::from(vec![Some("2024-01-31"), None, Some("2024-01-01")]));
        let days = told(&texts.cast("d", ColumnType::Date).unwrap());
        assert_eq!((&days["min"], &days["max"]), (&json!("2024-01-01"), &json!("2024-01-31")));
        assert_eq!((days.get("mean"), &days["top"][0]["value"]), (None, &json!("2024-01-01")));
        let times = texts.cast("d", ColumnType::Date).unwrap().cast("d", ColumnType::TimestampUtc).unwrap();
        assert_eq!(told(&times)["max"], json!("2024-01-31T00:00:00Z"));
    }

    #[test]
    fn counting_ends_at_a_bound() {
        let options = SummaryOptions { max_distinct: 3, n_top: 2 };
        let of = |numbers: Vec<i64>| table("x", Int64Array::from(numbers)).summary(&options).remove(0);
        let many = of(vec![1, 2, 3, 4]);
        assert_eq!((many.distinct, many.top), (Distinct::MoreThan(3), None));
        assert_eq!(serde_json::to_value(many.distinct).unwrap(), json!({"more_than": 3}));
        let few = of(vec![3, 1, 2, 2, 1, 3]);
        assert_eq!(few.distinct, Distinct::Exactly(3));
        let top: Vec<Cell> = few.top.unwrap().into_iter().map(|top| top.value).collect();
        assert_eq!(top, [Cell::Int(1), Cell::Int(2)]);
    }
}
