//! How values look: tables as aligned text, maps and lists like JSON, models and components in a line.

use std::fmt::Write;

use palladium_component::data::arrow_array::ArrayRef;
use palladium_component::data::{Column, ColumnType, Dataset, Table};
use palladium_component::interfaces::TrainedModel;
use palladium_config::script::Opaque;
use rhai::{Dynamic, Engine};

use crate::handle::{Handle, Made, Placed};
use crate::values::cell;

/// Rows of a table that are shown.
const ROWS: usize = 20;
/// Characters of a cell that are shown.
const CELL: usize = 60;
/// Characters of a line of a table.
const LINE: usize = 120;
/// Items of a list, or entries of a map, that are shown.
const ITEMS: usize = 100;
/// Maps and lists inside each other that are shown.
const DEPTH: usize = 16;

/// Makes `print`, `to_string` and interpolation show our values.
pub(crate) fn register(engine: &mut Engine) {
    for name in ["print", "to_string", "debug", "to_debug"] {
        engine.register_fn(name, |opaque: &mut Opaque| shown(&Dynamic::from(opaque.clone())));
    }
}

/// Makes them show lists and maps as the shell does; a text stays as it is. Functions of configurations keep the
/// language's own way: what they make of a list must not depend on the binary.
pub(crate) fn register_plain(engine: &mut Engine) {
    for name in ["print", "to_string", "debug", "to_debug"] {
        engine.register_fn(name, |items: &mut rhai::Array| shown(&Dynamic::from_array(items.clone())));
        engine.register_fn(name, |entries: &mut rhai::Map| shown(&Dynamic::from_map(entries.clone())));
    }
}

/// Returns a value as it is shown; a text stands in quotes.
pub fn shown(value: &Dynamic) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0);
    text
}

fn write_value(text: &mut String, value: &Dynamic, depth: usize) {
    if depth > DEPTH {
        text.push('…');
    } else if let Ok(items) = value.as_array_ref() {
        write_list(text, &items, depth);
    } else if let Ok(entries) = value.as_map_ref() {
        let shown = entries.iter().take(ITEMS).map(|(key, value)| {
            let mut line = format!("{}: ", quoted(key));
            write_value(&mut line, value, depth + 1);
            line
        });
        write_block(text, ('{', '}'), shown.collect(), entries.len(), depth);
    } else if let Some(opaque) = value.read_lock::<Opaque>() {
        let held = match depth {
            0 => whole(&opaque),
            _ => summary(&opaque),
        };
        text.push_str(&held);
    } else if let Ok(words) = value.as_immutable_string_ref() {
        text.push_str(&quoted(&words));
    } else if let Ok(character) = value.as_char() {
        text.push_str(&quoted(character.encode_utf8(&mut [0; 4])));
    } else if let Ok(number) = value.as_float() {
        let _ = write!(text, "{number:?}");
    } else if value.is_unit() {
        text.push_str("()");
    } else if let Some(fault) = value.read_lock::<palladium_config::script::Failed>() {
        text.push_str(&printable(&fault.clone().into_diagnostic().message));
    } else if value.is_fnptr() {
        text.push_str("<function>");
    } else {
        let _ = write!(text, "{value}");
    }
}

/// Writes a list in a line where it fits one, else each item in a line of its own.
fn write_list(text: &mut String, items: &[Dynamic], depth: usize) {
    let shown = items.iter().take(ITEMS).map(|item| {
        let mut line = String::new();
        write_value(&mut line, item, depth + 1);
        line
    });
    let shown: Vec<String> = shown.collect();
    let width: usize = shown.iter().map(|item| item.chars().count() + 2).sum();
    let is_flat = items.iter().all(|item| !item.is_array() && !item.is_map());
    if items.len() <= ITEMS && is_flat && width + 2 * depth <= LINE && !shown.iter().any(|item| item.contains('\n')) {
        let _ = write!(text, "[{}]", shown.join(", "));
    } else if is_flat && items.len() > 8 {
        write_block(text, ('[', ']'), wrapped(&shown, 2 * (depth + 1)), items.len(), depth);
    } else {
        write_block(text, ('[', ']'), shown, items.len(), depth);
    }
}

/// Puts as many short items into a line as fit.
fn wrapped(items: &[String], indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if indent + line.chars().count() + item.chars().count() + 3 <= LINE => {
                line.push_str(", ");
                line.push_str(item);
            }
            _ => lines.push(item.clone()),
        }
    }
    lines
}

fn write_block(text: &mut String, (open, close): (char, char), lines: Vec<String>, count: usize, depth: usize) {
    if lines.is_empty() {
        text.push(open);
        text.push(close);
        return;
    }
    let indent = "  ".repeat(depth + 1);
    text.push(open);
    text.push('\n');
    let last = lines.len() - 1;
    for (index, line) in lines.into_iter().enumerate() {
        let comma = if index < last || count > ITEMS { "," } else { "" };
        let _ = writeln!(text, "{indent}{line}{comma}");
    }
    if count > ITEMS {
        let _ = writeln!(text, "{indent}… and {} more", count - ITEMS);
    }
    let _ = write!(text, "{}{close}", "  ".repeat(depth));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", printable(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Escapes what would move the cursor or worse.
fn printable(text: &str) -> String {
    let escape = |character: char| match character {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        control if control.is_control() => control.escape_default().to_string(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Returns what a host value is in one line.
pub(crate) fn summary(opaque: &Opaque) -> String {
    match Handle::of(opaque) {
        Handle::Component(component) => {
            let any = &opaque.0;
            let named = any.downcast_ref::<Placed>().and_then(|placed| {
                placed.project.component_name(&placed.path).map(|name| format!("{name}, `{}`", placed.path))
            });
            let named = named.or_else(|| any.downcast_ref::<Made>().map(|made| made.name.to_owned()));
            named.map_or_else(|| format!("<{}>", component.kind()), |named| format!("<{}: {named}>", component.kind()))
        }
        Handle::Model(model) => model_line(&model),
        Handle::Dataset(data) => {
            let target = data.target.as_ref().map_or(String::new(), |target| format!(", target `{}`", target.name));
            format!("<data set: {} rows, {} features{target}>", data.n_rows(), data.features.n_columns())
        }
        Handle::Table(table) => format!("<table: {} rows, {} columns>", table.n_rows(), table.n_columns()),
        Handle::Column(column) => {
            format!("<column `{}`: {} {}>", printable(&column.name), column_length(&column.values), column.kind())
        }
        Handle::Other => "<value of the host>".to_owned(),
    }
}

fn column_length(values: &ArrayRef) -> usize {
    use palladium_component::data::arrow_array::Array as _;
    values.len()
}

fn model_line(model: &TrainedModel) -> String {
    let version = model.metadata.version().map_or(String::new(), |version| format!(", version {version}"));
    let columns: Vec<String> = model.columns.iter().map(|column| format!("`{}`", printable(&column.name))).collect();
    let mut listed = columns.join(", ");
    if columns.len() > 12 {
        listed = format!("{} and {} more", columns[..12].join(", "), columns.len() - 12);
    }
    format!("<model: {}{version}, of {listed}>", model.model.format().name)
}

fn whole(opaque: &Opaque) -> String {
    match Handle::of(opaque) {
        Handle::Table(table) => table_text(&table),
        Handle::Dataset(data) => dataset_text(&data),
        Handle::Column(column) => match table_of_column(&column) {
            Some(table) => table_text(&table),
            None => summary(opaque),
        },
        _ => summary(opaque),
    }
}

fn table_of_column(column: &Column) -> Option<Table> {
    Table::new(vec![(column.name.clone(), column.values.clone())]).ok()
}

fn dataset_text(data: &Dataset) -> String {
    let mut columns: Vec<(String, ArrayRef)> =
        data.features.names().map(str::to_owned).zip(data.features.columns().iter().cloned()).collect();
    let Some(target) = &data.target else { return table_text(&data.features) };
    columns.push((target.name.clone(), target.values.clone()));
    match Table::new(columns) {
        Ok(table) => format!("{}, target `{}`", table_text(&table), printable(&target.name)),
        // The target may have the name of a feature.
        Err(_) => table_text(&data.features),
    }
}

/// Returns a table as aligned text: names, types, rows, and how many there are.
fn table_text(table: &Table) -> String {
    let shown = table.n_rows().min(ROWS);
    let mut columns = Vec::new();
    let mut width = 0;
    for (index, (name, values)) in table.names().zip(table.columns()).enumerate() {
        let kind = table.column_type(index);
        let mut lines = vec![cut(&printable(name)), kind_word(kind).to_owned()];
        lines.extend((0..shown).map(|row| cell_text(&cell(values, row))));
        let wide = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        width += wide + 2;
        if width > LINE + 2 && !columns.is_empty() {
            break;
        }
        columns.push((lines, wide, kind.is_numeric()));
    }
    let mut text = String::new();
    for line in 0..shown + 2 {
        let mut row = String::new();
        for (lines, wide, is_right) in &columns {
            let (cell, wide) = (&lines[line], *wide);
            let _ = if *is_right { write!(row, "{cell:>wide$}  ") } else { write!(row, "{cell:<wide$}  ") };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let _ = write!(text, "{}, {}", plural(table.n_rows(), "row"), plural(table.n_columns(), "column"));
    let mut hidden = Vec::new();
    if shown < table.n_rows() {
        hidden.push(format!("the first {shown} rows"));
    }
    if columns.len() < table.n_columns() {
        hidden.push(format!("the first {}", plural(columns.len(), "column")));
    }
    if !hidden.is_empty() {
        let _ = write!(text, "; shown are {}", hidden.join(" and "));
    }
    text
}

/// Returns the type of a column in a word.
fn kind_word(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Float => "number",
        ColumnType::Int => "integer",
        ColumnType::Bool => "flag",
        ColumnType::Text => "text",
        ColumnType::Category => "category",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "time",
        ColumnType::TimestampUtc => "time in UTC",
    }
}

fn cell_text(value: &Dynamic) -> String {
    if let Ok(number) = value.as_float() {
        return number_text(number);
    }
    match value.as_immutable_string_ref() {
        Ok(text) => cut(&printable(&text)),
        Err(_) if value.is_unit() => String::new(),
        Err(_) => shown(value),
    }
}

/// Returns a number with at most six digits that count, as people read tables; a script sees all of them.
fn number_text(number: f64) -> String {
    let exact = format!("{number:?}");
    if exact.len() <= 10 || !number.is_finite() {
        return exact;
    }
    let digits = number.abs().log10().floor();
    let rounded = match digits {
        0.0..=15.0 => format!("{number:.*}", (5.0 - digits).max(1.0) as usize),
        _ => format!("{number:.5e}"),
    };
    rounded.parse::<f64>().map_or(exact, |rounded| format!("{rounded:?}"))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL {
        return text.to_owned();
    }
    text.chars().take(CELL - 1).chain(['…']).collect()
}

/// Returns what a value is, for `:type`.
pub fn type_of(value: &Dynamic) -> String {
    if let Some(opaque) = value.read_lock::<Opaque>() {
        return match Handle::of(&opaque) {
            Handle::Table(table) => types_of(&format!("table of {} rows", table.n_rows()), &table),
            Handle::Dataset(data) => {
                let target = data.target.as_ref();
                let target = target.map_or(String::new(), |target| {
                    format!("\n  target `{}`: {}", printable(&target.name), target.kind())
                });
                types_of(&format!("data set of {} rows", data.n_rows()), &data.features) + target.as_str()
            }
            _ => summary(&opaque).trim_start_matches('<').trim_end_matches('>').to_owned(),
        };
    }
    if let Ok(items) = value.as_array_ref() {
        return format!("list of {} items", items.len());
    }
    if let Ok(entries) = value.as_map_ref() {
        return format!("map of {} entries", entries.len());
    }
    let described = crate::handle::describe(value);
    described.strip_prefix("an ").or_else(|| described.strip_prefix("a ")).unwrap_or(&described).to_owned()
}

fn types_of(what: &str, table: &Table) -> String {
    let mut text = what.to_owned();
    for spec in table.specs() {
        let _ = write!(text, "\n  `{}`: {}", printable(&spec.name), spec.kind);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_plain_values() {
        let long: rhai::Array = (0..150).map(Dynamic::from_int).collect();
        let shown_long = shown(&Dynamic::from_array(long));
        assert!(shown_long.ends_with("98, 99,\n  … and 50 more\n]"), "{shown_long}");
        let cases: [(Dynamic, &str); 6] = [
            (Dynamic::UNIT, "()"),
            ("a\u{1b}\n\"".into(), "\"a\\u{1b}\\n\\\"\""),
            (Dynamic::from_float(1.0), "1.0"),
            (Dynamic::from_array(vec![]), "[]"),
            (Dynamic::from_map(rhai::Map::new()), "{}"),
            ('x'.into(), "\"x\""),
        ];
        for (value, expected) in cases {
            assert_eq!(shown(&value), expected);
        }
        let deep = (0..1000).fold(Dynamic::UNIT, |inner, _| Dynamic::from_array(vec![inner]));
        assert!(shown(&deep).contains('…'));
    }

    #[test]
    fn rounds_numbers_in_tables_only_where_they_are_long() {
        let cases = [
            (0.1, "0.1"),
            (0.9248629302171508, "0.924863"),
            (3.858887718783074e-5, "3.85889e-5"),
            (12345678.9012, "12345678.9"),
            (-1.0 / 3.0, "-0.333333"),
            (1e300 / 3.0, "3.33333e299"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, expected) in cases {
            assert_eq!(number_text(number), expected);
        }
    }
}
