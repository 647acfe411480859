//! What loaders return and what models are asked about.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, StringArray, UInt64Array};
use ndarray::{Array1, Array2};

use crate::table::take_cells;
use crate::{Classes, ColumnSpec, ColumnType, DataError, Table};

/// A named column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The cells; a type that tables hold.
    pub values: ArrayRef,
}

impl Column {
    /// Returns the type.
    pub fn kind(&self) -> ColumnType {
        ColumnType::of(self.values.data_type()).unwrap_or(ColumnType::Text)
    }

    /// Returns the cells if none is missing.
    ///
    /// # Errors
    /// A missing value.
    pub fn complete(&self) -> Result<&ArrayRef, DataError> {
        match (0..self.values.len()).find(|row| self.values.is_null(*row)) {
            Some(row) if self.values.null_count() > 0 => {
                Err(DataError::MissingValue { name: self.name.clone(), row: row + 1, place: None })
            }
            _ => Ok(&self.values),
        }
    }
}

/// Rows to learn from: features and, if the loader was told which column it is, the target.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The columns to learn from.
    pub features: Table,
    /// The column to learn; as many rows as the features.
    pub target: Option<Column>,
}

impl Dataset {
    /// Splits a table into features and target; without a target column all columns are features.
    ///
    /// # Errors
    /// No such column.
    pub fn split(table: Table, target_column: Option<&str>) -> Result<Dataset, DataError> {
        let Some(name) = target_column else {
            return Ok(Dataset { features: table, target: None });
        };
        let target_index = table.index_of(name)?;
        let others: Vec<usize> = (0..table.n_columns()).filter(|index| *index != target_index).collect();
        let target = Column { name: name.to_owned(), values: table.columns()[target_index].clone() };
        Ok(Dataset { features: table.project(&others), target: Some(target) })
    }

    /// Returns features and target as one table, the target last.
    ///
    /// # Errors
    /// A feature has the name of the target.
    pub fn to_table(&self) -> Result<Table, DataError> {
        match &self.target {
            None => Ok(self.features.clone()),
            Some(target) => self.features.with_column(&target.name, &target.values),
        }
    }

    /// Returns the rows at these positions, in this order; a row may stand several times.
    ///
    /// # Errors
    /// The texts of a column become too long together.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn take(&self, rows: &[usize]) -> Result<Dataset, DataError> {
        let positions = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
        let taken = |target: &Column| {
            let values = take_cells(&target.values, &positions)?;
            Ok(Column { name: target.name.clone(), values })
        };
        let target = self.target.as_ref().map(taken).transpose()?;
        Ok(Dataset { features: self.features.take(rows)?, target })
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.features.n_rows()
    }

    /// Returns the target.
    ///
    /// # Errors
    /// The data set has none.
    pub fn target(&self) -> Result<&Column, DataError> {
        self.target.as_ref().ok_or(if self.is_nothing() { DataError::NoData } else { DataError::NoTarget })
    }

    /// Tells whether there is nothing at all.
    fn is_nothing(&self) -> bool {
        self.features.n_columns() == 0 && self.n_rows() == 0 && self.target.is_none()
    }

    /// Returns the features as a column-major matrix, rows × columns, with every cell finite.
    ///
    /// # Errors
    /// No rows, a column of text, a missing cell, an infinity or NaN.
    pub fn numeric(&self) -> Result<Array2<f64>, DataError> {
        if self.n_rows() == 0 {
            return Err(if self.is_nothing() { DataError::NoData } else { DataError::NoRows });
        }
        self.features.to_finite_matrix()
    }

    /// Returns the target as class codes.
    ///
    /// # Errors
    /// No target, no rows, a missing value, a number with a fraction.
    pub fn classes(&self) -> Result<Classes, DataError> {
        Classes::of(self.target()?).map_err(|error| error.located(&self.features))
    }

    /// Returns the target as finite numbers.
    ///
    /// # Errors
    /// No target, a target of text, a missing value, an infinity or NaN.
    pub fn numbers(&self) -> Result<Array1<f64>, DataError> {
        let numbers = self.target()?.finite_numbers().map_err(|error| error.located(&self.features))?;
        Ok(numbers.into_owned())
    }
}

/// Rows to predict for.
#[derive(Clone, Debug)]
pub struct Samples {
    table: Table,
}

impl Samples {
    /// Returns the rows of a table as samples.
    pub fn new(table: Table) -> Samples {
        Samples { table }
    }

    /// Returns one sample for columns that a model was trained on: of zeros, empty texts and the first day of 1970.
    ///
    /// # Errors
    /// Two columns of one name.
    pub fn neutral(trained: &[ColumnSpec]) -> Result<Samples, DataError> {
        let cell = |column: &ColumnSpec| -> ArrayRef {
            let text = match column.kind {
                kind if kind.is_numeric() => return Arc::new(Float64Array::from(vec![0.0])),
                ColumnType::Date => "1970-01-01",
                ColumnType::Timestamp => "1970-01-01T00:00:00",
                ColumnType::TimestampUtc => "1970-01-01T00:00:00Z",
                _ => "",
            };
            Arc::new(StringArray::from(vec![text]))
        };
        let columns = trained.iter().map(|column| (column.name.clone(), cell(column))).collect();
        Samples::new(Table::new(columns)?).align(trained)
    }

    /// Returns the table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Returns the number of samples.
    pub fn n_rows(&self) -> usize {
        self.table.n_rows()
    }

    /// Returns the samples as a column-major matrix, rows × columns, with every cell finite.
    ///
    /// # Errors
    /// A column of text, a missing cell, an infinity or NaN.
    pub fn numeric(&self) -> Result<Array2<f64>, DataError> {
        self.table.to_finite_matrix()
    }

    /// Puts the columns into the order in which a model was trained.
    ///
    /// Columns are matched by name. Where not one name is known, as with training data without a header, they are
    /// matched by position. Numbers of every kind and flags stand for each other, texts and categories too, and text in
    /// RFC 3339 for a date or a time.
    ///
    /// # Errors
    /// Columns are missing or, where matched by position, of another number; a column of text where a number was
    /// trained, or the reverse; a text that is no date where one was trained.
    pub fn align(self, trained: &[ColumnSpec]) -> Result<Samples, DataError> {
        let mut aligned = if self.table.names().eq(trained.iter().map(|column| column.name.as_str())) {
            self
        } else {
            self.reorder(trained)?
        };
        for (index, column) in trained.iter().enumerate() {
            let found = aligned.table.column_type(index);
            if found.is_numeric() && column.kind.is_numeric() || found.is_text() && column.kind.is_text() {
                continue;
            }
            if column.kind.is_temporal() && (found == column.kind || found.is_text()) {
                let name = aligned.table.specs()[index].name.clone();
                aligned.table = aligned.table.cast(&name, column.kind)?;
                continue;
            }
            let expected = match column.kind {
                kind if kind.is_numeric() => "a number",
                kind if kind.is_text() => "text",
                ColumnType::Date => "a date",
                _ => "a time",
            };
            let place = if column.kind.is_numeric() { aligned.table.text_cell(&column.name) } else { None };
            return Err(DataError::WrongType { name: column.name.clone(), found, expected, place });
        }
        Ok(aligned)
    }

    fn reorder(self, trained: &[ColumnSpec]) -> Result<Samples, DataError> {
        let position = |column: &ColumnSpec| self.table.names().position(|name| name == column.name);
        let positions: Vec<Option<usize>> = trained.iter().map(position).collect();
        if positions.iter().all(Option::is_none) {
            if self.table.n_columns() != trained.len() {
                return Err(DataError::ColumnCount {
                    expected: trained.len(),
                    found: self.table.n_columns(),
                    names: trained.iter().map(|column| column.name.clone()).collect(),
                });
            }
            return Ok(self);
        }
        let missing = trained.iter().zip(&positions).filter(|(_, position)| position.is_none());
        let missing: Vec<String> = missing.map(|(column, _)| column.name.clone()).collect();
        if !missing.is_empty() {
            let given: Vec<String> = self.table.names().map(str::to_owned).collect();
            let is_unknown = |name: &&String| trained.iter().all(|column| column.name != **name);
            let unknown = given.iter().filter(is_unknown).cloned().collect();
            return Err(DataError::ColumnsMissing { missing, given, unknown });
        }
        let positions: Vec<usize> = positions.into_iter().flatten().collect();
        Ok(Samples { table: self.table.project(&positions) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(names: &[&str]) -> Samples {
        let numbers = (0..).map(f64::from);
        let columns = names
            .iter()
            .zip(numbers)
            .map(|(name, number)| ((*name).to_owned(), Arc::new(Float64Array::from(vec![number])) as ArrayRef));
        Samples::new(Table::new(columns.collect()).unwrap())
    }

    fn specs(names: &[&str]) -> Vec<ColumnSpec> {
        names.iter().map(|name| ColumnSpec { name: (*name).to_owned(), kind: ColumnType::Float }).collect()
    }

    #[test]
    fn a_neutral_sample_fits_columns_of_every_type() {
        let column = |kind: ColumnType| ColumnSpec { name: format!("{kind:?}"), kind };
        let columns = ColumnType::ALL.map(column);
        let neutral = Samples::neutral(&columns).unwrap();
        assert_eq!(neutral.n_rows(), 1);
        assert!(neutral.table().columns().iter().all(|cells| cells.null_count() == 0));
        let numbers = [ColumnType::Float, ColumnType::Int, ColumnType::Bool].map(column);
        assert_eq!(Samples::neutral(&numbers).unwrap().numeric().unwrap(), Array2::<f64>::zeros((1, 3)));
    }

    #[test]
    fn rows_are_taken_with_their_target_and_nothing_is_told_from_too_little() {
        let labels: ArrayRef = std::sync::Arc::new(arrow_array::StringArray::from(vec!["a", "b", "c"]));
        let numbers: ArrayRef = std::sync::Arc::new(arrow_array::Int64Array::from(vec![1, 2, 3]));
        let table = Table::new(vec![("y".into(), labels), ("x".into(), numbers)]).unwrap();
        let taken = Dataset::split(table.clone(), Some("y")).unwrap().take(&[2, 0, 2]).unwrap();
        let expected = table.project(&[1, 0]).take(&[2, 0, 2]).unwrap();
        assert_eq!(taken.to_table().unwrap(), expected);
        assert_eq!(taken.n_rows(), 3);

        let nothing = Dataset { features: Table::default(), target: None };
        assert_eq!(nothing.target().unwrap_err(), DataError::NoData);
        assert_eq!(nothing.numeric().unwrap_err(), DataError::NoData);
        let no_rows = Dataset::split(table.slice(0, 0), Some("y")).unwrap();
        assert_eq!(no_rows.numeric().unwrap_err(), DataError::NoRows);
    }

    #[test]
    fn aligns_by_name_and_else_by_position() {
        let trained = specs(&["a", "b"]);
        let cases = [
            (&["a", "b"][..], Ok(vec![0.0, 1.0])),
            (&["b", "a"], Ok(vec![1.0, 0.0])),
            (&["b", "x", "a"], Ok(vec![2.0, 0.0])),
            (&["0", "1"], Ok(vec![0.0, 1.0])),
            (&["a", "c"], Err("the model was trained on columns that are missing here: `b`; given are `a`, `c`")),
        ];
        for (names, expected) in cases {
            let aligned = samples(names).align(&trained).map(|aligned| aligned.numeric().unwrap().row(0).to_vec());
            assert_eq!(aligned.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{names:?}");
        }
        let count = samples(&["x"]).align(&trained).unwrap_err();
        assert_eq!(count.to_string(), "the model was trained on 2 columns (`a`, `b`), 1 were given");
    }

    #[test]
    fn text_does_not_stand_for_numbers() {
        let text = Table::new(vec![("a".into(), Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]).unwrap();
        let error = Samples::new(text).align(&specs(&["a"])).unwrap_err();
        assert_eq!(error.to_string(), "column `a` holds text, a number is needed");
    }

    #[test]
    fn text_stands_for_dates_and_categories() {
        let texts = |cells: &[&str]| {
            let cells = Arc::new(StringArray::from(cells.to_vec())) as ArrayRef;
            Samples::new(Table::new(vec![("d".into(), cells)]).unwrap())
        };
        let trained = |kind| [ColumnSpec { name: "d".into(), kind }];
        let days = texts(&["2024-01-31"]).align(&trained(ColumnType::Date)).unwrap();
        assert_eq!(days.table().column_type(0), ColumnType::Date);
        let error = texts(&["2024-01-31", "soon"]).align(&trained(ColumnType::Date)).unwrap_err();
        assert_eq!(error.to_string(), "column `d` holds `soon` in row 2, which is no date");
        assert!(texts(&["a"]).align(&trained(ColumnType::Category)).is_ok());
        assert!(days.align(&trained(ColumnType::Float)).is_err());
    }

    #[test]
    fn splits_off_the_target() {
        let table = samples(&["a", "y", "b"]).table;
        let dataset = Dataset::split(table.clone(), Some("y")).unwrap();
        assert_eq!(dataset.features.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(dataset.numbers().unwrap().to_vec(), [1.0]);
        assert_eq!(Dataset::split(table.clone(), None).unwrap().target().unwrap_err(), DataError::NoTarget);
        assert!(matches!(Dataset::split(table, Some("z")), Err(DataError::NoSuchColumn { .. })));
    }
}
