//! Columns as other types. A cast changes no value: what the other type cannot hold is an error.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::ArrowError;

use super::Table;
use crate::column_type::{cast_cells, cast_cells_or_missing, cell_text};
use crate::{Column, ColumnType, DataError};

/// Texts of cells are cut to so many characters in errors.
const SHOWN: usize = 60;

impl Table {
    /// Returns the table with a column as another type; a missing value stays one.
    ///
    /// Every type becomes text or categories, dates and times as RFC 3339 writes them, and text and categories become every
    /// type. Numbers, whole numbers and flags, which are 0 and 1, become each other, as do dates and times. No value
    /// changes, but a whole number beyond 2^53, which becomes the nearest number.
    ///
    /// # Errors
    /// No such column; a type that does not become the other; the first cell that stands for no value of the other type,
    /// with its row or place.
    pub fn cast(&self, name: &str, kind: ColumnType) -> Result<Table, DataError> {
        let index = self.index_of(name)?;
        let cells = cast(name, &self.columns()[index], kind).map_err(|error| error.located(self))?;
        self.map_columns(|other, column| Arc::clone(if other == name { &cells } else { column }))
    }
}

impl Column {
    /// Returns the column as another type, as [`Table::cast`] does.
    ///
    /// # Errors
    /// A type that does not become the other; the first cell that stands for no value of the other type, with its row.
    pub fn cast(&self, kind: ColumnType) -> Result<Column, DataError> {
        Ok(Column { name: self.name.clone(), values: cast(&self.name, &self.values, kind)? })
    }
}

fn cast(name: &str, column: &ArrayRef, kind: ColumnType) -> Result<ArrayRef, DataError> {
    let found = ColumnType::of(column.data_type()).unwrap_or(ColumnType::Text);
    if found == kind {
        return Ok(Arc::clone(column));
    }
    if found.is_numeric() && kind.is_temporal() || found.is_temporal() && kind.is_numeric() {
        let expected = if kind.is_numeric() { "a number or text" } else { "a date, a time or text" };
        return Err(DataError::WrongType { name: name.to_owned(), found, expected, place: None });
    }
    let too_large = |error: ArrowError| DataError::TooLarge(error.to_string());
    if kind.is_text() {
        return cast_cells(column, kind).map_err(too_large);
    }
    let cells = cast_cells_or_missing(column, kind).map_err(too_large)?;
    let mut refused = (0..column.len()).find(|row| cells.is_null(*row) && !column.is_null(*row));
    let may_lose = !found.is_text() && kind != ColumnType::Float;
    if refused.is_none() && may_lose {
        let back = cast_cells_or_missing(&cells, found).map_err(too_large)?;
        refused = (0..column.len()).find(|row| !column.is_null(*row) && is_other(column, &back, *row));
    }
    match refused {
        None => Ok(cells),
        Some(row) => {
            let text = cut(&cell_text(column, row).unwrap_or_default());
            Err(DataError::NotCast { name: name.to_owned(), expected: kind, text, row: row + 1, place: None })
        }
    }
}

/// Tells whether the cells of two columns of one type of numbers, dates or times differ in a row.
fn is_other(one: &ArrayRef, other: &ArrayRef, row: usize) -> bool {
    if other.is_null(row) {
        return true;
    }
    if let (Some(one), Some(other)) = (one.as_primitive_opt::<Float64Type>(), other.as_primitive_opt::<Float64Type>()) {
        return one.value(row) != other.value(row);
    }
    let whole = |column: &ArrayRef| {
        let int = column.as_primitive_opt::<Int64Type>().map(|column| column.value(row));
        let time = || column.as_primitive_opt::<TimestampMicrosecondType>().map(|column| column.value(row));
        let day = || column.as_primitive_opt::<Date32Type>().map(|column| i64::from(column.value(row)));
        int.or_else(time).or_else(day)
    };
    whole(one) != whole(other)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn table(column: impl Array + 'static) -> Table {
        Table::new(vec![("x".into(), Arc::new(column))]).unwrap()
    }

    #[test]
    fn values_stay_what_they_are() {
        let texts = |cells: &[&str]| table(StringArray::from(cells.to_vec()));
        let cases = [
            (texts(&["1", "-2"]), ColumnType::Int, vec!["1", "-2"]),
            (texts(&["1", "1e3"]), ColumnType::Float, vec!["1.0", "1000.0"]),
            (texts(&["true", "false"]), ColumnType::Bool, vec!["true", "false"]),
            (texts(&["b", "a"]), ColumnType::Category, vec!["b", "a"]),
            (texts(&["2024-01-31"]), ColumnType::Date, vec!["2024-01-31"]),
            (texts(&["2024-01-31T10:00:00"]), ColumnType::Timestamp, vec!["2024-01-31T10:00:00"]),
            (texts(&["2024-01-31T10:00:00+02:00"]), ColumnType::TimestampUtc, vec!["2024-01-31T08:00:00Z"]),
            (table(Float64Array::from(vec![2.0, -0.0])), ColumnType::Int, vec!["2", "0"]),
            (table(Int64Array::from(vec![0, 1])), ColumnType::Bool, vec!["false", "true"]),
            (table(BooleanArray::from(vec![true, false])), ColumnType::Float, vec!["1.0", "0.0"]),
            (table(TimestampMicrosecondArray::from(vec![86_400_000_000])), ColumnType::Date, vec!["1970-01-02"]),
        ];
        for (table, kind, expected) in cases {
            let cast = table.cast("x", kind).unwrap();
            assert_eq!(cast.column_type(0), kind);
            let shown: Vec<String> =
                (0..cast.n_rows()).map(|row| cell_text(&cast.columns()[0], row).unwrap()).collect();
            assert_eq!(shown, expected, "{kind}");
        }
    }

    #[test]
    fn missing_values_stay_missing_in_every_type() {
        for from in ColumnType::ALL {
            let nothing: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>, None]));
            let table = Table::new(vec![("x".into(), cast_cells(&nothing, from).unwrap())]).unwrap();
            for to in ColumnType::ALL {
                if let Ok(cast) = table.cast("x", to) {
                    assert_eq!((cast.column_type(0), cast.columns()[0].logical_null_count()), (to, 2), "{from} {to}");
                } else {
                    assert!(from.is_numeric() && to.is_temporal() || from.is_temporal() && to.is_numeric());
                }
            }
        }
    }

    #[test]
    fn errors_name_the_row_and_the_text() {
        let day_and_time = TimestampMicrosecondArray::from(vec![Some(0), None, Some(1)]);
        let cases = [
            (
                table(StringArray::from(vec!["1", "x"])),
                ColumnType::Int,
                "column `x` holds `x` in row 2, which is no whole number",
            ),
            (
                table(StringArray::from(vec!["1.5"])),
                ColumnType::Int,
                "column `x` holds `1.5` in row 1, which is no whole number",
            ),
            (
                table(StringArray::from(vec!["yesterday"])),
                ColumnType::Date,
                "column `x` holds `yesterday` in row 1, which is no date",
            ),
            (
                table(Float64Array::from(vec![1.0, 1.5])),
                ColumnType::Int,
                "column `x` holds `1.5` in row 2, which is no whole number",
            ),
            (
                table(Float64Array::from(vec![1e300])),
                ColumnType::Int,
                "column `x` holds `1e300` in row 1, which is no whole number",
            ),
            (
                table(Float64Array::from(vec![f64::NAN])),
                ColumnType::Bool,
                "column `x` holds `NaN` in row 1, which is no flag",
            ),
            (table(Int64Array::from(vec![1, 2])), ColumnType::Bool, "column `x` holds `2` in row 2, which is no flag"),
            (
                table(day_and_time),
                ColumnType::Date,
                "column `x` holds `1970-01-01T00:00:00.000001` in row 3, which is no date",
            ),
            (
                table(Int64Array::from(vec![1])),
                ColumnType::Date,
                "column `x` holds whole numbers, a date, a time or text is needed",
            ),
            (
                table(StringArray::from(vec!["no".repeat(100)])),
                ColumnType::Float,
                &format!("column `x` holds `{}…` in row 1, which is no number", "no".repeat(30)),
            ),
        ];
        for (table, kind, expected) in cases {
            assert_eq!(table.cast("x", kind).unwrap_err().to_string(), expected);
        }
    }
}
