//! Tables from Arrow data of any type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};

use crate::{ColumnType, DataError, Table, cell_text};

impl ColumnType {
    /// Returns what a column of an Arrow type becomes in a table; nothing for lists, structures, binary data, times of
    /// day and spans of time.
    pub fn for_arrow(data_type: &DataType) -> Option<ColumnType> {
        match data_type {
            DataType::Boolean => Some(ColumnType::Bool),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(ColumnType::Int),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Some(ColumnType::Int),
            // A column in which all is missing has the type that it would have in a text file.
            DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Null => Some(ColumnType::Float),
            DataType::Decimal32(..) | DataType::Decimal64(..) => Some(ColumnType::Float),
            DataType::Decimal128(..) | DataType::Decimal256(..) => Some(ColumnType::Float),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(ColumnType::Text),
            DataType::Dictionary(_, values) => match ColumnType::for_arrow(values)? {
                ColumnType::Text => Some(ColumnType::Category),
                other => Some(other),
            },
            DataType::RunEndEncoded(_, values) => ColumnType::for_arrow(values.data_type()),
            DataType::Date32 | DataType::Date64 => Some(ColumnType::Date),
            DataType::Timestamp(_, None) => Some(ColumnType::Timestamp),
            DataType::Timestamp(_, Some(_)) => Some(ColumnType::TimestampUtc),
            _ => None,
        }
    }
}

impl Table {
    /// Returns a table of the columns of a batch, each in the type of tables that [`ColumnType::for_arrow`] says.
    ///
    /// Whole numbers of every width become 64 bits wide, decimals and narrow floating point numbers become numbers,
    /// texts in a dictionary become categories, a time of any unit and zone becomes one in microseconds, of which
    /// nanoseconds are cut. A column that has its type already is not copied.
    ///
    /// # Errors
    /// A column of a type that tables do not hold; a whole number or a time out of range; two columns of one name.
    pub fn of_arrow(batch: &RecordBatch) -> Result<Table, DataError> {
        let fields = batch.schema_ref().fields();
        let columns = fields.iter().zip(batch.columns()).map(|(field, column)| to_table_type(field.name(), column));
        let columns = columns.collect::<Result<Vec<ArrayRef>, DataError>>()?;
        let fields = fields.iter().zip(&columns);
        let fields: Vec<Field> =
            fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true)).collect();
        Table::with_schema(Arc::new(Schema::new(fields)), columns, Some(batch.num_rows()))
    }
}

/// Returns a column in the type of tables that stands for its own.
fn to_table_type(name: &str, column: &ArrayRef) -> Result<ArrayRef, DataError> {
    let kind = ColumnType::for_arrow(column.data_type())
        .ok_or_else(|| DataError::UnsupportedType { name: name.to_owned(), found: column.data_type().to_string() })?;
    let cells = cast(column, kind).map_err(|error| DataError::TooLarge(error.to_string()))?;
    let (before, after) = (column.logical_nulls(), cells.logical_nulls());
    let is_missing = |nulls: &Option<NullBuffer>, row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    match (0..column.len()).find(|row| is_missing(&after, *row) && !is_missing(&before, *row)) {
        None => Ok(cells),
        Some(row) => {
            let text = cell_text(column, row).unwrap_or_default();
            Err(DataError::NotCast { name: name.to_owned(), expected: kind, text, row: row + 1, place: None })
        }
    }
}

fn cast(column: &ArrayRef, kind: ColumnType) -> Result<ArrayRef, ArrowError> {
    match (column.data_type(), kind) {
        // Dictionaries may have other values than text, and values that are missing.
        (DataType::Dictionary(_, values), _) if kind != ColumnType::Category => cast(&exactly(column, values)?, kind),
        (DataType::Dictionary(..), ColumnType::Category) => {
            let has_missing = column.as_any_dictionary().values().null_count() > 0;
            let texts = if has_missing { exactly(column, &DataType::Utf8)? } else { Arc::clone(column) };
            exactly(&texts, &kind.data_type())
        }
        (DataType::RunEndEncoded(_, values), _) => cast(&exactly(column, values.data_type())?, kind),
        (DataType::Timestamp(_, Some(zone)), _) => {
            // The zone says how an instant is shown, which does not change it.
            let unit = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone)));
            let instants = exactly(column, &unit)?;
            let instants: &TimestampMicrosecondArray = instants.as_primitive();
            Ok(Arc::new(instants.clone().with_timezone("UTC")))
        }
        _ => exactly(column, &kind.data_type()),
    }
}

/// Returns a column as an Arrow type; what has no place in it is missing.
fn exactly(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    cast_with_options(column, data_type, &CastOptions { safe: true, ..CastOptions::default() })
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Int8Type, Int32Type};
    use arrow_array::{
        BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray, Float32Array,
        Float64Array, Int16Array, Int64Array, LargeStringArray, ListArray, NullArray, RunArray, StringArray,
        StringViewArray, Time64MicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
        TimestampSecondArray, UInt8Array, UInt64Array,
    };

    use super::*;

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    }

    /// Returns the type that a column becomes, and its cells as text.
    fn becomes(column: impl Array + 'static) -> (ColumnType, Vec<Option<String>>) {
        let table = Table::of_arrow(&batch(Arc::new(column))).unwrap();
        let cells = (0..table.n_rows()).map(|row| cell_text(&table.columns()[0], row)).collect();
        (table.column_type(0), cells)
    }

    fn cells(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
    }

    #[test]
    fn every_type_becomes_one_of_tables() {
        let decimals = Decimal128Array::from(vec![Some(1250), None]).with_precision_and_scale(5, 2).unwrap();
        let words: DictionaryArray<Int8Type> = [Some("x"), None, Some("x")].into_iter().collect();
        let keys = arrow_array::Int8Array::from(vec![0, 1]);
        let numbers = DictionaryArray::new(keys.clone(), Arc::new(Int64Array::from(vec![7, 8])));
        let holes = DictionaryArray::new(keys, Arc::new(StringArray::from(vec![Some("x"), None])));
        let runs = RunArray::<Int32Type>::try_new(&vec![2, 3].into(), &StringArray::from(vec!["x", "y"])).unwrap();
        let (time, utc) = (ColumnType::Timestamp, ColumnType::TimestampUtc);
        let cases = [
            (becomes(UInt8Array::from(vec![Some(255), None])), ColumnType::Int, cells(&["255", ""])),
            (becomes(Int16Array::from(vec![-3])), ColumnType::Int, cells(&["-3"])),
            (becomes(UInt64Array::from(vec![i64::MAX as u64])), ColumnType::Int, cells(&["9223372036854775807"])),
            (becomes(Float32Array::from(vec![0.5])), ColumnType::Float, cells(&["0.5"])),
            (becomes(NullArray::new(2)), ColumnType::Float, cells(&["", ""])),
            (becomes(decimals), ColumnType::Float, cells(&["12.5", ""])),
            (becomes(BooleanArray::from(vec![true])), ColumnType::Bool, cells(&["true"])),
            (becomes(LargeStringArray::from(vec!["x"])), ColumnType::Text, cells(&["x"])),
            (becomes(StringViewArray::from(vec![Some("x"), None])), ColumnType::Text, cells(&["x", ""])),
            (becomes(words), ColumnType::Category, cells(&["x", "", "x"])),
            (becomes(holes), ColumnType::Category, cells(&["x", ""])),
            (becomes(numbers), ColumnType::Int, cells(&["7", "8"])),
            (becomes(runs), ColumnType::Text, cells(&["x", "x", "y"])),
            (becomes(Date32Array::from(vec![1])), ColumnType::Date, cells(&["1970-01-02"])),
            (becomes(Date64Array::from(vec![86_400_000])), ColumnType::Date, cells(&["1970-01-02"])),
            (becomes(TimestampSecondArray::from(vec![1])), time, cells(&["1970-01-01T00:00:01"])),
            (becomes(TimestampNanosecondArray::from(vec![1999])), time, cells(&["1970-01-01T00:00:00.000001"])),
            (
                becomes(TimestampMillisecondArray::from(vec![0]).with_timezone("+02:00")),
                utc,
                cells(&["1970-01-01T00:00:00Z"]),
            ),
            (
                becomes(TimestampSecondArray::from(vec![0]).with_timezone("Europe/Berlin")),
                utc,
                cells(&["1970-01-01T00:00:00Z"]),
            ),
        ];
        for ((kind, found), expected_kind, expected) in cases {
            assert_eq!((kind, found), (expected_kind, expected));
        }
    }

    #[test]
    fn what_tables_do_not_hold_is_refused_by_name() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        let cases: [(ArrayRef, &str); 5] = [
            (Arc::new(list), "column `a` has the type List(Int32), which tables do not hold"),
            (Arc::new(BinaryArray::from(vec![&b"x"[..]])), "column `a` has the type Binary, which tables do not hold"),
            (
                Arc::new(Time64MicrosecondArray::from(vec![1])),
                "column `a` has the type Time64(µs), which tables do not hold",
            ),
            (
                Arc::new(UInt64Array::from(vec![1, u64::MAX])),
                "column `a` holds `18446744073709551615` in row 2, which is no whole number",
            ),
            (Arc::new(TimestampSecondArray::from(vec![i64::MAX])), "column `a` holds `"),
        ];
        for (column, expected) in cases {
            let error = Table::of_arrow(&batch(column)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn columns_that_fit_are_not_copied() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        let table = Table::of_arrow(&batch(Arc::clone(&column))).unwrap();
        assert!(Arc::ptr_eq(&table.columns()[0], &column));
        let twice = [("a", Arc::clone(&column)), ("a", column)];
        let twice = RecordBatch::try_from_iter(twice).unwrap();
        assert_eq!(Table::of_arrow(&twice), Err(DataError::DuplicateColumn("a".into())));
    }
}
