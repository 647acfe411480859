//! Describes data so that the same data can be recognized: their shape, and a digest of all that is in them.
//!
//! The digest is SHA-256 over, in this order:
//! - `palladium-data-1`, the number of columns without the target, and 1 if there is a target, else 0;
//! - each column in the order of the data, the target last: its name; a letter for its type as a byte (`f`loat, `i`nt,
//!   `b`ool, `t`ext, `c`ategory, `d`ate, time`s`tamp, `u`tc timestamp); the number of rows; 1 if cells are missing, else 0;
//!   if 1, a byte for each row, 1 where the cell is missing;
//! - behind that its cells: numbers, whole numbers, days and microseconds since 1970 as eight bytes, flags as one byte,
//!   text and categories as text is written; a missing cell is zeros, or the empty text.
//!
//! Of categories neither the codes nor the order of the stored texts count, but the type does: the same texts as text are
//! other data, as whole numbers are other data than the same numbers.
//!
//! Counts are eight bytes; text is the number of its bytes and then these; all numbers are little-endian.

use palladium_component::data::arrow_array::types::Int32Type;
use palladium_component::data::arrow_array::{
    Array, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use palladium_component::data::{Column, ColumnSpec, ColumnType, Dataset};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::insert_bounded;

/// The longest list of columns that is kept with a model, in bytes of JSON.
const COLUMNS_LIMIT: usize = 64 << 10;

/// Returns rows, columns and digest of a data set.
pub(super) fn describe(dataset: &Dataset) -> Json {
    let mut entries = Map::from_iter([("rows".to_owned(), Json::from(dataset.n_rows()))]);
    insert_bounded(&mut entries, "columns", json!(dataset.features.specs()), COLUMNS_LIMIT);
    if let Some(target) = &dataset.target {
        let spec = ColumnSpec { name: target.name.clone(), kind: target.kind() };
        insert_bounded(&mut entries, "target", json!(spec), COLUMNS_LIMIT);
    }
    entries.insert("digest".to_owned(), Json::from(digest(dataset)));
    Json::Object(entries)
}

fn digest(dataset: &Dataset) -> String {
    let mut hasher = Hasher::default();
    hasher.put(b"palladium-data-1");
    hasher.count(dataset.features.n_columns());
    hasher.put(&[u8::from(dataset.target.is_some())]);
    for (name, values) in dataset.features.names().zip(dataset.features.columns()) {
        hasher.column(&Column { name: name.to_owned(), values: values.clone() });
    }
    if let Some(target) = &dataset.target {
        hasher.column(target);
    }
    hasher.finish()
}

/// Feeds the hash by pieces that are large enough to be fast.
#[derive(Default)]
struct Hasher {
    sha256: Sha256,
    buffer: Vec<u8>,
}

impl Hasher {
    fn put(&mut self, bytes: &[u8]) {
        const PIECE: usize = 64 << 10;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.sha256.update(&self.buffer);
            self.buffer.clear();
        }
    }

    fn count(&mut self, count: usize) {
        self.put(&(count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.put(text.as_bytes());
    }

    fn column(&mut self, column: &Column) {
        let kind = column.kind();
        self.text(&column.name);
        self.put(match kind {
            ColumnType::Float => b"f",
            ColumnType::Int => b"i",
            ColumnType::Bool => b"b",
            ColumnType::Text => b"t",
            ColumnType::Category => b"c",
            ColumnType::Date => b"d",
            ColumnType::Timestamp => b"s",
            ColumnType::TimestampUtc => b"u",
        });
        let values = column.values.as_ref();
        self.count(values.len());
        let some_missing = values.null_count() > 0;
        self.put(&[u8::from(some_missing)]);
        if some_missing {
            (0..values.len()).for_each(|row| self.put(&[u8::from(values.is_null(row))]));
        }
        self.cells(values);
    }

    /// What stands under a missing cell is left to chance, and so is not read.
    fn cells(&mut self, values: &dyn Array) {
        let values = values.as_any();
        if let Some(floats) = values.downcast_ref::<Float64Array>() {
            floats.iter().for_each(|cell| self.put(&cell.unwrap_or_default().to_le_bytes()));
        } else if let Some(integers) = values.downcast_ref::<Int64Array>() {
            integers.iter().for_each(|cell| self.put(&cell.unwrap_or_default().to_le_bytes()));
        } else if let Some(flags) = values.downcast_ref::<BooleanArray>() {
            flags.iter().for_each(|cell| self.put(&[u8::from(cell.unwrap_or_default())]));
        } else if let Some(texts) = values.downcast_ref::<StringArray>() {
            texts.iter().for_each(|cell| self.text(cell.unwrap_or_default()));
        } else if let Some(categories) = values.downcast_ref::<DictionaryArray<Int32Type>>() {
            let categories = categories.downcast_dict::<StringArray>();
            categories.into_iter().flatten().for_each(|cell| self.text(cell.unwrap_or_default()));
        } else if let Some(days) = values.downcast_ref::<Date32Array>() {
            days.iter().for_each(|cell| self.put(&i64::from(cell.unwrap_or_default()).to_le_bytes()));
        } else if let Some(times) = values.downcast_ref::<TimestampMicrosecondArray>() {
            times.iter().for_each(|cell| self.put(&cell.unwrap_or_default().to_le_bytes()));
        }
    }

    fn finish(mut self) -> String {
        self.sha256.update(&self.buffer);
        hex::encode(self.sha256.finalize())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use palladium_component::data::Table;
    use palladium_component::data::arrow_array::{ArrayRef, Int32Array};

    use super::*;

    fn dataset(columns: Vec<(&str, ArrayRef)>, target: Option<&str>) -> Dataset {
        let columns = columns.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        Dataset::split(Table::new(columns).unwrap(), target).unwrap()
    }

    fn floats(cells: &[Option<f64>]) -> ArrayRef {
        Arc::new(Float64Array::from(cells.to_vec()))
    }

    fn integers(cells: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(cells.to_vec()))
    }

    fn flags(cells: &[Option<bool>]) -> ArrayRef {
        Arc::new(BooleanArray::from(cells.to_vec()))
    }

    fn texts(cells: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(cells.to_vec()))
    }

    fn categories(codes: &[i32], texts: &[&str]) -> ArrayRef {
        let texts = Arc::new(StringArray::from(texts.to_vec()));
        Arc::new(DictionaryArray::new(Int32Array::from(codes.to_vec()), texts))
    }

    #[test]
    fn the_codes_of_categories_do_not_count() {
        let one = dataset(vec![("a", categories(&[0, 1, 0], &["x", "y"]))], None);
        let other = dataset(vec![("a", categories(&[2, 0, 3], &["y", "z", "x", "x"]))], None);
        assert_eq!(digest(&one), digest(&other));
    }

    #[test]
    fn categories_dates_and_times_have_the_documented_bytes() {
        let count = |count: u64| count.to_le_bytes().to_vec();
        let cases: [(ArrayRef, &[u8; 2], Vec<u8>); 4] = [
            (categories(&[0], &["x"]), b"ac", [count(1), b"x".to_vec()].concat()),
            (Arc::new(Date32Array::from(vec![-1])), b"ad", (-1_i64).to_le_bytes().to_vec()),
            (Arc::new(TimestampMicrosecondArray::from(vec![7])), b"as", count(7)),
            (Arc::new(TimestampMicrosecondArray::from(vec![7]).with_timezone("UTC")), b"au", count(7)),
        ];
        for (column, letters, cells) in cases {
            let head = [b"palladium-data-1".to_vec(), count(1), vec![0], count(1), letters.to_vec()].concat();
            let expected = [head, count(1), vec![0], cells].concat();
            assert_eq!(digest(&dataset(vec![("a", column)], None)), hex::encode(Sha256::digest(expected)));
        }
    }

    #[test]
    fn every_difference_gives_another_digest() {
        let one = || floats(&[Some(1.0), Some(2.0)]);
        let cases = [
            dataset(vec![("a", one())], None),
            dataset(vec![("b", one())], None),
            dataset(vec![("a", floats(&[Some(2.0), Some(1.0)]))], None),
            dataset(vec![("a", floats(&[Some(1.0), Some(2.0), Some(0.0)]))], None),
            dataset(vec![("a", floats(&[Some(1.0), None]))], None),
            dataset(vec![("a", floats(&[Some(1.0), Some(0.0)]))], None),
            dataset(vec![("a", floats(&[Some(1.0), Some(-0.0)]))], None),
            dataset(vec![("a", floats(&[Some(1.0), Some(f64::NAN)]))], None),
            dataset(vec![("a", integers(&[Some(1), Some(2)]))], None),
            dataset(vec![("a", integers(&[Some(1), Some(0)]))], None),
            dataset(vec![("a", integers(&[Some(1), None]))], None),
            dataset(vec![("a", flags(&[Some(true), Some(false)]))], None),
            dataset(vec![("a", flags(&[Some(true), None]))], None),
            dataset(vec![("a", texts(&[Some("1"), Some("2")]))], None),
            dataset(vec![("a", texts(&[Some("12"), Some("")]))], None),
            dataset(vec![("a", texts(&[Some("12"), None]))], None),
            dataset(vec![("a", categories(&[0, 1], &["1", "2"]))], None),
            dataset(vec![("a", categories(&[1, 0], &["1", "2"]))], None),
            dataset(vec![("a", Arc::new(Date32Array::from(vec![1, 2])))], None),
            dataset(vec![("a", Arc::new(Date32Array::from(vec![Some(1), None])))], None),
            dataset(vec![("a", Arc::new(TimestampMicrosecondArray::from(vec![1, 2])))], None),
            dataset(vec![("a", Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC")))], None),
            dataset(vec![("a", Arc::new(TimestampMicrosecondArray::from(vec![1, 3]).with_timezone("UTC")))], None),
            dataset(vec![("a", one()), ("b", one())], None),
            dataset(vec![("b", one()), ("a", one())], None),
            dataset(vec![("a", one()), ("b", one())], Some("b")),
        ];
        let digests: std::collections::BTreeSet<String> = cases.iter().map(digest).collect();
        assert_eq!(digests.len(), cases.len());
    }

    #[test]
    fn the_same_data_have_the_same_digest() {
        let whole =
            dataset(vec![("a", floats(&[Some(9.0), Some(1.0), None])), ("y", texts(&[None, Some("x"), None]))], None);
        let part = Dataset { features: whole.features.slice(1, 2), target: None };
        let alone = dataset(vec![("a", floats(&[Some(1.0), None])), ("y", texts(&[Some("x"), None]))], None);
        assert_eq!(digest(&part), digest(&alone));
        // What nothing is missing in may be told so in two ways.
        let complete = Dataset { features: whole.features.slice(1, 1), target: None };
        assert_eq!(
            digest(&complete),
            digest(&dataset(vec![("a", floats(&[Some(1.0)])), ("y", texts(&[Some("x")]))], None))
        );
    }

    #[test]
    fn the_order_of_bytes_is_the_documented_one() {
        let data = dataset(vec![("a", floats(&[Some(1.5), None])), ("y", texts(&[Some("x"), Some("é")]))], Some("y"));
        let count = |count: u64| count.to_le_bytes().to_vec();
        let expected = [
            b"palladium-data-1".to_vec(),
            count(1),
            vec![1],
            count(1),
            b"af".to_vec(),
            count(2),
            vec![1, 0, 1],
            1.5_f64.to_le_bytes().to_vec(),
            vec![0; 8],
            count(1),
            b"yt".to_vec(),
            count(2),
            vec![0],
            count(1),
            b"x".to_vec(),
            count(2),
            "é".as_bytes().to_vec(),
        ];
        assert_eq!(digest(&data), hex::encode(Sha256::digest(expected.concat())));
        let expected = json!({
            "rows": 2, "columns": [{"name": "a", "type": "float"}], "target": {"name": "y", "type": "text"},
            "digest": digest(&data),
        });
        assert_eq!(describe(&data), expected);
    }

    #[test]
    fn many_columns_are_left_out() {
        let names: Vec<String> = (0..4000).map(|index| index.to_string()).collect();
        let data = dataset(names.iter().map(|name| (name.as_str(), flags(&[]))).collect(), None);
        let described = describe(&data);
        assert_eq!((&described["columns"], &described["columns_omitted"]), (&Json::Null, &json!(true)));
    }
}
