//! Names and types of what requests carry.

use std::collections::HashMap;

use palladium_component::label_of_wrong;
use palladium_component::prelude::*;

use crate::column::ColumnBuilder;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A number.
    Float,
    /// A whole number.
    Int,
    /// A text.
    Str,
    /// A flag.
    Bool,
}

impl FieldType {
    const ALL: [(&'static str, FieldType); 4] =
        [("float", FieldType::Float), ("int", FieldType::Int), ("str", FieldType::Str), ("bool", FieldType::Bool)];

    /// Returns the type whose values a column holds.
    pub fn of(column: ColumnType) -> FieldType {
        match column {
            ColumnType::Float => FieldType::Float,
            ColumnType::Int => FieldType::Int,
            ColumnType::Bool => FieldType::Bool,
            // Dates and times are written as text.
            ColumnType::Text
            | ColumnType::Category
            | ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampUtc => FieldType::Str,
        }
    }

    /// Returns the type of the column that values become.
    pub fn column(self) -> ColumnType {
        match self {
            FieldType::Float => ColumnType::Float,
            FieldType::Int => ColumnType::Int,
            FieldType::Str => ColumnType::Text,
            FieldType::Bool => ColumnType::Bool,
        }
    }
}

impl FromArgument for FieldType {
    const TYPE: ParamType = ParamType::Choice(&["float", "int", "str", "bool"]);

    fn from_argument(value: &Value) -> Result<FieldType, Mismatch> {
        let found = value.as_text().and_then(|text| FieldType::ALL.into_iter().find(|(name, _)| *name == text));
        found.map(|(_, field_type)| field_type).ok_or_else(|| Mismatch::wrong(FieldType::TYPE, value))
    }
}

/// Name and type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name that requests use.
    pub name: String,
    /// The type that values are converted to.
    pub kind: FieldType,
}

impl Field {
    /// Returns the column that the field becomes.
    pub fn spec(&self) -> ColumnSpec {
        ColumnSpec { name: self.name.clone(), kind: self.kind.column() }
    }
}

/// The features of a sample in their order.
#[derive(Clone, Debug)]
pub struct Mapping {
    fields: Vec<Field>,
    /// The table of no samples: its schema is shared by the tables of all requests.
    empty: Table,
    /// Where names stand, for mappings too long to search.
    positions: HashMap<String, usize>,
}

/// Mappings up to this length are searched name by name.
const FEW: usize = 16;

impl Mapping {
    /// Returns the mapping of these fields.
    ///
    /// # Errors
    /// Two fields of one name.
    pub fn new(fields: Vec<Field>) -> Result<Mapping, DataError> {
        let columns = fields.iter().map(|field| (field.name.clone(), ColumnBuilder::new(field.kind).finish()));
        let empty = Table::new(columns.collect())?;
        let long = if fields.len() > FEW { fields.as_slice() } else { &[] };
        let positions = long.iter().enumerate().map(|(index, field)| (field.name.clone(), index)).collect();
        Ok(Mapping { fields, empty, positions })
    }

    /// Returns the fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the table of no samples.
    pub fn empty(&self) -> &Table {
        &self.empty
    }

    /// Returns the position of a field; `expected` is tried first, since clients keep the order of the mapping.
    pub(crate) fn position(&self, name: &str, expected: usize) -> Option<usize> {
        if self.fields.get(expected).is_some_and(|field| field.name == name) {
            return Some(expected);
        }
        match self.fields.len() > FEW {
            true => self.positions.get(name).copied(),
            false => self.fields.iter().position(|field| field.name == name),
        }
    }

    /// Returns builders for the columns.
    pub(crate) fn builders(&self) -> Vec<ColumnBuilder> {
        self.fields.iter().map(|field| ColumnBuilder::new(field.kind)).collect()
    }

    /// Returns the table of filled builders, which are of one length.
    pub(crate) fn table(&self, builders: Vec<ColumnBuilder>) -> Result<Table, DataError> {
        match ColumnBuilder::floats(&builders) {
            Some(floats) => self.empty.with_floats(floats),
            None => self.empty.with_values(builders.into_iter().map(ColumnBuilder::finish).collect()),
        }
    }
}

const PAIRS: ParamType = ParamType::List(&ParamType::Pair(&ParamType::Text, &FieldType::TYPE));

impl FromArgument for Mapping {
    const TYPE: ParamType = PAIRS;

    fn from_argument(value: &Value) -> Result<Mapping, Mismatch> {
        let fields = pairs(value, &Self::TYPE)?;
        if fields.is_empty() {
            return Err(Mismatch::wrong("a list of at least one feature", value));
        }
        Mapping::new(fields).map_err(|error| Mismatch::wrong(format!("{PAIRS}, but {error}"), value))
    }
}

/// Keyword parameters of a prediction.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<Field>);

impl Params {
    /// Returns the parameters with these names and types.
    pub fn of(fields: Vec<Field>) -> Params {
        Params(fields)
    }

    /// Returns the parameters.
    pub fn fields(&self) -> &[Field] {
        &self.0
    }
}

impl FromArgument for Params {
    const TYPE: ParamType = ParamType::OneOf(&[PAIRS, ParamType::Map(&FieldType::TYPE)]);

    fn from_argument(value: &Value) -> Result<Params, Mismatch> {
        let Some(map) = value.as_map() else {
            return pairs(value, &Self::TYPE).map(Params);
        };
        Mismatch::collect(map.iter().map(|(name, entry)| of_type(name.clone(), &entry.value))).map(Params)
    }
}

/// Reads pairs of name and type; each name stands once.
fn pairs(value: &Value, expected: &ParamType) -> Result<Vec<Field>, Mismatch> {
    let items = value.as_list().ok_or_else(|| Mismatch::wrong(expected, value))?;
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    Mismatch::collect(items.iter().map(|item| {
        let Some([name, kind]) = item.as_list() else {
            return Err(Mismatch::wrong(<(String, FieldType)>::TYPE, item));
        };
        let field = of_type(String::from_argument(name)?, kind)?;
        if !seen.insert(field.name.clone()) {
            let expected = format!("a list in which each name stands once, `{}` stands twice", field.name);
            return Err(Mismatch::wrong(expected, item));
        }
        Ok(field)
    }))
}

/// Returns the field of a name and a type that is still to be read.
fn of_type(name: String, kind: &Value) -> Result<Field, Mismatch> {
    match FieldType::from_argument(kind) {
        Ok(kind) => Ok(Field { name, kind }),
        Err(_) => {
            let expected = FieldType::TYPE.to_string();
            let label = label_of_wrong(&expected, kind);
            let message = format!("the type of `{name}` has to be {expected}");
            Err(Mismatch::Refused { message, value: kind.clone(), label })
        }
    }
}
