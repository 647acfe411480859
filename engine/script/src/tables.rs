//! Tables, data sets and columns in scripts.

use std::sync::Arc;

use palladium_component::data::arrow_array::{Array as _, ArrayRef};
use palladium_component::data::{Column, Dataset, Table};
use palladium_config::script::Opaque;
use rhai::{Array, Dynamic, Engine, ImmutableString, Map};

use crate::fault::{Answer, Fault, guarded};
use crate::handle::{Handle, describe, held, opaque};
use crate::values::{cell, cells, column, count};

type Result<T> = std::result::Result<T, Box<rhai::EvalAltResult>>;

/// How many rows `.head()` shows.
const HEAD: usize = 5;

pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("table", |of: Dynamic| -> Result<Dynamic> { guarded(|| table_of(&of).map(opaque)) });
    engine.register_fn("dataset", |table: Dynamic, target: ImmutableString| -> Result<Dynamic> {
        guarded(|| Ok(opaque(Dataset::split(table_of(&table)?, Some(&target))?)))
    });
    engine.register_fn("dataset", |table: Dynamic| -> Result<Dynamic> {
        guarded(|| Ok(opaque(Dataset::split(table_of(&table)?, None)?)))
    });
    engine.register_fn("head", |of: &mut Opaque| -> Result<Dynamic> { guarded(|| head(of, HEAD)) });
    engine.register_fn("head", |of: &mut Opaque, rows: i64| -> Result<Dynamic> {
        guarded(|| head(of, count(rows, "the number of rows")?))
    });
    engine.register_fn("slice", |of: &mut Opaque, from: i64, rows: i64| -> Result<Dynamic> {
        guarded(|| slice(of, count(from, "the first row")?, count(rows, "the number of rows")?, "slice"))
    });
    engine.register_fn("select", |of: &mut Opaque, names: Array| -> Result<Dynamic> { guarded(|| select(of, &names)) });
    engine.register_fn("column", |of: &mut Opaque, name: ImmutableString| -> Result<Dynamic> {
        guarded(|| column_of(of, &name).map(|column| Dynamic::from_array(cells(&column))))
    });
    engine.register_fn("to_array", |of: &mut Opaque| -> Result<Dynamic> { guarded(|| rows_of(of)) });
    engine.register_fn("len", |of: &mut Opaque| -> Result<Dynamic> { guarded(|| n_rows(of, "method `len`")) });
    engine.register_indexer_get(|of: &mut Opaque, row: i64| -> Result<Dynamic> { guarded(|| row_of(of, row)) });

    // `for row in table`
    let mut module = rhai::Module::new();
    module.set_iter_result(std::any::TypeId::of::<Opaque>(), |value: Dynamic| {
        let rows = guarded(|| match value.read_lock::<Opaque>() {
            Some(opaque) => rows_of(&opaque),
            None => Err(Fault::new("this cannot be gone through")),
        });
        match rows {
            Ok(rows) => Box::new(rows.into_array().unwrap_or_default().into_iter().map(Ok)),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    });
    engine.register_global_module(module.into());
}

/// Returns a property of a table, a data set or a column; nothing if it is none of its properties.
pub(crate) fn property(handle: &Handle, name: &str) -> Option<Dynamic> {
    let names = |table: &Table| Dynamic::from_array(table.names().map(Into::into).collect());
    match (handle, name) {
        (Handle::Dataset(data), "features") => Some(opaque(data.features.clone())),
        (Handle::Dataset(data), "target") => Some(data.target.clone().map_or(Dynamic::UNIT, opaque)),
        (Handle::Dataset(data), "rows") => Some(number(data.n_rows())),
        (Handle::Dataset(data), "columns") => Some(names(&data.features)),
        (Handle::Dataset(data), "types") => Some(types(&data.features)),
        (Handle::Table(table), "rows") => Some(number(table.n_rows())),
        (Handle::Table(table), "columns") => Some(names(table)),
        (Handle::Table(table), "types") => Some(types(table)),
        (Handle::Column(column), "rows") => Some(number(column.values.len())),
        (Handle::Column(column), "name") => Some(column.name.as_str().into()),
        (Handle::Column(column), "type") => Some(column.kind().to_string().into()),
        (Handle::Column(column), "values") => Some(Dynamic::from_array(cells(&column.values))),
        _ => None,
    }
}

fn number(count: usize) -> Dynamic {
    Dynamic::from_int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn types(table: &Table) -> Dynamic {
    let types = table.specs().into_iter().map(|spec| (spec.name.into(), spec.kind.to_string().into()));
    Dynamic::from_map(types.collect())
}

/// Returns a table of what a script gives: a table, a data set, a map of columns, one row or a list of rows.
fn table_of(value: &Dynamic) -> std::result::Result<Table, Fault> {
    match held(value) {
        Some(Handle::Table(table)) => return Ok((*table).clone()),
        Some(Handle::Dataset(data)) => return with_target(&data),
        Some(other) => return Err(Fault::new(format!("{} is no table", other.describe()))),
        None => {}
    }
    if let Ok(columns) = value.as_map_ref() {
        let mut made = Vec::with_capacity(columns.len());
        for (name, values) in columns.iter() {
            let values = values.as_array_ref().map_err(|_| {
                Fault::new(format!("column `{name}` is {}, a list is expected", describe(values)))
                    .help("`table(#{x: [1, 2], y: [3, 4]})` makes a table of columns, `table([#{x: 1, y: 3}])` of rows")
            })?;
            made.push((name.to_string(), column(name, values.iter())?));
        }
        return Ok(Table::new(made)?);
    }
    samples(value).map(|(table, _)| table)
}

fn with_target(data: &Dataset) -> std::result::Result<Table, Fault> {
    let names = data.features.names().map(str::to_owned);
    let mut columns: Vec<(String, ArrayRef)> = names.zip(data.features.columns().iter().cloned()).collect();
    columns.extend(data.target.clone().map(|target| (target.name, target.values)));
    Ok(Table::new(columns)?)
}

/// Returns the rows to predict for, and whether they are a single map; a column is a table of one.
pub(crate) fn samples(value: &Dynamic) -> std::result::Result<(Table, bool), Fault> {
    match held(value) {
        Some(Handle::Table(table)) => return Ok(((*table).clone(), false)),
        Some(Handle::Dataset(data)) => return Ok((data.features.clone(), false)),
        Some(Handle::Column(column)) => {
            let columns = vec![(column.name.clone(), Arc::clone(&column.values))];
            return Ok((Table::new(columns)?, false));
        }
        _ => {}
    }
    if let Ok(row) = value.as_map_ref() {
        return Ok((rows_table(&[&row])?, true));
    }
    if let Ok(items) = value.as_array_ref() {
        let rows = items.iter().enumerate().map(|(index, item)| {
            item.as_map_ref().map_err(|_| {
                Fault::new(format!("row {} is {}, a map is expected", index + 1, describe(item)))
                    .help("rows are maps from column to cell: `[#{x: 1.5, y: 2.0}]`")
            })
        });
        let rows: Vec<_> = rows.collect::<std::result::Result<_, _>>()?;
        let rows: Vec<&Map> = rows.iter().map(|row| &**row).collect();
        return Ok((rows_table(&rows)?, false));
    }
    Err(Fault::new(format!("rows are expected here, this is {}", describe(value)))
        .help("rows are a table, a data set, a column, a map such as `#{x: 1.5}` or a list of maps"))
}

/// Makes a table of rows: its columns are the keys of all of them, sorted; what a row does not say is missing.
fn rows_table(rows: &[&Map]) -> std::result::Result<Table, Fault> {
    let names: std::collections::BTreeSet<&str> =
        rows.iter().flat_map(|row| row.keys().map(rhai::Identifier::as_str)).collect();
    let made = names.into_iter().map(|name| {
        let values = rows.iter().map(|row| row.get(name).unwrap_or(&Dynamic::UNIT));
        Ok((name.to_owned(), column(name, values)?))
    });
    let table = Table::new(made.collect::<std::result::Result<_, Fault>>()?)?;
    Ok(table)
}

fn head(of: &Opaque, rows: usize) -> Answer {
    let handle = Handle::of(of);
    let n_rows = row_count(&handle).ok_or_else(|| handle.lacks("method `head`"))?;
    slice(of, 0, rows.min(n_rows), "head")
}

fn row_count(handle: &Handle) -> Option<usize> {
    match handle {
        Handle::Dataset(data) => Some(data.n_rows()),
        Handle::Table(table) => Some(table.n_rows()),
        Handle::Column(column) => Some(column.values.len()),
        _ => None,
    }
}

fn n_rows(of: &Opaque, what: &str) -> Answer {
    let handle = Handle::of(of);
    row_count(&handle).map(number).ok_or_else(|| handle.lacks(what))
}

/// Returns some of the rows; a range that exceeds them is an error.
fn slice(of: &Opaque, from: usize, rows: usize, method: &str) -> Answer {
    let handle = Handle::of(of);
    let n_rows = row_count(&handle).ok_or_else(|| handle.lacks(&format!("method `{method}`")))?;
    if from.checked_add(rows).is_none_or(|end| end > n_rows) {
        return Err(Fault::new(format!("{rows} rows from {from} on are beyond the {n_rows} rows there are"))
            .help("rows count from 0"));
    }
    Ok(match handle {
        Handle::Dataset(data) => opaque(part(&data, from, rows)),
        Handle::Table(table) => opaque(table.slice(from, rows)),
        Handle::Column(column) => opaque(Column { name: column.name.clone(), values: column.values.slice(from, rows) }),
        other => return Err(other.lacks(&format!("method `{method}`"))),
    })
}

fn select(of: &Opaque, names: &Array) -> Answer {
    let chosen = |table: &Table| -> std::result::Result<Table, Fault> {
        let index = |name: &Dynamic| {
            let name = name.as_immutable_string_ref().map_err(|_| {
                Fault::new(format!("the name of a column is expected here, this is {}", describe(name)))
            })?;
            Ok(table.index_of(&name)?)
        };
        let indices: Vec<usize> = names.iter().map(index).collect::<std::result::Result<_, Fault>>()?;
        let columns = indices.iter().map(|index| {
            let name = table.names().nth(*index).unwrap_or_default().to_owned();
            (name, Arc::clone(&table.columns()[*index]))
        });
        // A column that is named twice is an error like any other.
        Table::new(columns.collect())?;
        Ok(table.project(&indices))
    };
    Ok(match Handle::of(of) {
        Handle::Dataset(data) => opaque(Dataset { features: chosen(&data.features)?, target: data.target.clone() }),
        Handle::Table(table) => opaque(chosen(&table)?),
        other => return Err(other.lacks("method `select`")),
    })
}

/// Returns a column of a table, or of a data set with its target.
fn column_of(of: &Opaque, name: &str) -> std::result::Result<ArrayRef, Fault> {
    Ok(match Handle::of(of) {
        Handle::Dataset(data) => match &data.target {
            Some(target) if target.name == name => Arc::clone(&target.values),
            _ => Arc::clone(data.features.column(name)?),
        },
        Handle::Table(table) => Arc::clone(table.column(name)?),
        other => return Err(other.lacks("method `column`")),
    })
}

/// Returns a column where a table or data set is indexed with a text; nothing for other things.
pub(crate) fn indexed(of: &Opaque, name: &str) -> Option<Answer> {
    match Handle::of(of) {
        Handle::Dataset(_) | Handle::Table(_) => {
            Some(column_of(of, name).map(|values| opaque(Column { name: name.to_owned(), values })))
        }
        _ => None,
    }
}

/// Returns all rows as maps, or all cells of a column.
fn rows_of(of: &Opaque) -> Answer {
    let table = match Handle::of(of) {
        Handle::Column(column) => return Ok(Dynamic::from_array(cells(&column.values))),
        Handle::Table(table) => (*table).clone(),
        Handle::Dataset(data) => with_target(&data)?,
        other => return Err(other.lacks("rows")),
    };
    Ok(Dynamic::from_array((0..table.n_rows()).map(|row| row_map(&table, row)).collect()))
}

fn row_map(table: &Table, row: usize) -> Dynamic {
    let cells = table.names().zip(table.columns()).map(|(name, column)| (name.into(), cell(column, row)));
    Dynamic::from_map(cells.collect::<Map>())
}

/// Returns a row as a map, or a cell of a column; a negative position counts from the end, as in lists.
fn row_of(of: &Opaque, row: i64) -> Answer {
    let handle = Handle::of(of);
    let n_rows = row_count(&handle).ok_or_else(|| handle.lacks("rows"))?;
    let last = i64::try_from(n_rows).unwrap_or(i64::MAX);
    let position = if row < 0 { row + last } else { row };
    let position = usize::try_from(position).ok().filter(|position| *position < n_rows);
    let position = position.ok_or_else(|| Fault::new(format!("there is no row {row} among {n_rows} rows")))?;
    Ok(match handle {
        Handle::Column(column) => cell(&column.values, position),
        Handle::Table(table) => row_map(&table, position),
        Handle::Dataset(data) => row_map(&with_target(&part(&data, position, 1))?, 0),
        other => return Err(other.lacks("rows")),
    })
}

fn part(data: &Dataset, from: usize, rows: usize) -> Dataset {
    let target = |column: &Column| Column { name: column.name.clone(), values: column.values.slice(from, rows) };
    Dataset { features: data.features.slice(from, rows), target: data.target.as_ref().map(target) }
}
