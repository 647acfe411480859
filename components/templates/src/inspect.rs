//! What a file of data holds, and what can be learned from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use palladium_component::interfaces::Component;
use palladium_component::prelude::*;
use palladium_component::value::with_causes;

use crate::split::{Rows, read_rows};

/// What is to be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

/// What a file has to be like; the options of the loader that reads it are not to be given here.
const FORM: &str = "correct the file, or name another one after `--data`: text in UTF-8 whose rows have as many fields each, \
                    separated by a comma, `;`, a tab or `|`; quotes keep a separator in a field";

/// Why a column of numbers is text.
const DECIMAL_COMMAS: &str = "numbers have a decimal comma: write `1.5` for `1,5`";

/// A target of whole numbers with more different values than this is none of classes, unless the author says so.
const CLASSES: usize = 20;

/// What a file holds.
pub struct Inspection {
    /// The rows as they are written.
    pub rows: Rows,
    /// Whether the first row holds the names of the columns.
    pub has_header: bool,
    /// The column to predict.
    pub target: String,
    /// The columns to learn from.
    pub features: Vec<String>,
    /// The columns that are not used, and why.
    pub left_out: Vec<(String, &'static str)>,
    /// For each row its class, if it is used.
    pub class_of: Vec<Option<usize>>,
    /// The classes and how many rows each has.
    pub classes: Vec<(String, usize)>,
    /// How many rows are not used because a value is missing.
    pub n_incomplete: usize,
    /// Classes that are not used because they have one row only.
    pub single: Vec<String>,
    /// The features of the first row that is used.
    pub sample: Vec<String>,
}

impl Inspection {
    /// Looks at a file.
    ///
    /// # Errors
    /// A file that cannot be read, a target that is not there, data that nothing here can be learned from.
    pub fn of(host: &mut dyn Host, data: &Path, target: &str, task: Option<Task>) -> Result<Inspection, CommandError> {
        let rows = read_rows(data)?;
        if rows.n_rows() == 1 {
            let text = format!("`{}` has a single row, where examples to learn from are needed", data.display());
            return Err(Failure::with_help(text, "name a file that has rows below the names of its columns").into());
        }
        let (table, has_header, target) = load(host, data, &rows, target)?;
        let target = target.as_str();
        if table.n_rows() + usize::from(has_header) != rows.n_rows() {
            let text = format!("the rows of `{}` cannot be told apart", data.display());
            let help = "look for lines of blanks alone, and for quotes in the middle of fields";
            return Err(Failure::with_help(text, help).into());
        }
        let columns: Vec<(String, ArrayRef)> =
            table.names().map(str::to_owned).zip(table.columns().iter().cloned()).collect();
        let (targets, others): (Vec<_>, Vec<_>) = columns.into_iter().partition(|(name, _)| name == target);
        let Some((_, labels)) = targets.first() else {
            return Err(Failure::message(format!("there is no column `{target}`")).into());
        };
        let (features, left_out) = choose(others);
        if features.is_empty() {
            let text = format!("`{}` has no column of numbers to learn from besides `{target}`", data.display());
            let with_commas = left_out.iter().find(|(_, reason)| *reason == DECIMAL_COMMAS);
            let help = with_commas.map_or("features have to be numbers or flags".to_owned(), |(name, reason)| {
                format!("in column `{name}`, {reason}")
            });
            return Err(Failure::with_help(text, help).into());
        }
        check_task(target, labels, task)?;

        let is_complete =
            |row: &usize| !is_missing(labels, *row) && features.iter().all(|(_, cells)| !is_missing(cells, *row));
        let complete: Vec<usize> = (0..table.n_rows()).filter(is_complete).collect();
        let mut inspection = Inspection {
            rows,
            has_header,
            target: target.to_owned(),
            left_out,
            class_of: vec![None; table.n_rows()],
            classes: Vec::new(),
            n_incomplete: table.n_rows() - complete.len(),
            single: Vec::new(),
            sample: Vec::new(),
            features: Vec::new(),
        };
        inspection.group(labels, &complete);
        if inspection.classes.len() < 2 {
            let text = format!("`{target}` has fewer than two values that stand in several complete rows");
            return Err(Failure::with_help(text, "a classifier needs examples of two classes").into());
        }
        let first = inspection.class_of.iter().position(Option::is_some).unwrap_or_default();
        inspection.sample = features.iter().map(|(_, cells)| shown(cells, first)).collect();
        inspection.features = features.into_iter().map(|(name, _)| name).collect();
        Ok(inspection)
    }

    /// Puts rows into classes; what stands in one row alone cannot be tested and is left out.
    fn group(&mut self, labels: &ArrayRef, rows: &[usize]) {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for row in rows {
            groups.entry(shown(labels, *row)).or_default().push(*row);
        }
        for (label, rows) in groups {
            if let [_] = rows.as_slice() {
                self.single.push(label);
                continue;
            }
            for row in &rows {
                self.class_of[*row] = Some(self.classes.len());
            }
            self.classes.push((label, rows.len()));
        }
    }
}

/// Loads the table through the linked loader, tells whether its first row holds the names of the columns, and what the
/// target is called.
fn load(host: &mut dyn Host, data: &Path, rows: &Rows, target: &str) -> Result<(Table, bool, String), CommandError> {
    let named = load_with(host, data, rows, false)?;
    let number = target.parse::<usize>().ok().filter(|number| *number < named.n_columns());
    // A first row of values may hold the number by chance: names of columns that are numbers are all of them.
    let is_named_by_number = named.names().enumerate().all(|(index, name)| name == index.to_string());
    if named.names().any(|name| name == target) && (number.is_none() || is_named_by_number) {
        return Ok((named, true, target.to_owned()));
    }
    if let Some(number) = number {
        let numbered = load_with(host, data, rows, true)?;
        let name = named.names().nth(number).filter(|_| has_names(&named, &numbered)).map(str::to_owned);
        return Ok(match name {
            Some(name) => (named, true, name),
            None => (numbered, false, target.to_owned()),
        });
    }
    let names: Vec<String> = named.names().map(|name| format!("`{name}`")).collect();
    let text = format!("`{}` has no column `{target}`", data.display());
    let near = palladium_component::value::nearest(target, named.names());
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let names = names.join(", ");
    let help = match named.n_columns() {
        1 => format!("the file has but the column {names}: its fields are separated by a comma, `;`, a tab or `|`"),
        _ => format!(
            "{near}The columns are {names}; if the first row is none of names, give the target as a number from 0"
        ),
    };
    Err(Failure::with_help(text, help).into())
}

/// Tells whether the first row holds names: what stands above numbers is none, but may be empty, as above an index.
fn has_names(named: &Table, numbered: &Table) -> bool {
    let is_text = |cells: &ArrayRef| cells.as_any().is::<StringArray>();
    let mut above_numbers = named
        .columns()
        .iter()
        .zip(numbered.columns())
        .filter(|(below, all)| !is_text(below) && (all.is_empty() || !all.is_null(0)))
        .map(|(_, all)| is_text(all))
        .peekable();
    above_numbers.peek().is_some() && above_numbers.all(|is_text| is_text)
}

fn load_with(host: &mut dyn Host, data: &Path, rows: &Rows, is_numbered: bool) -> Result<Table, CommandError> {
    let span = Span::nowhere("command line");
    let value = |data| Value::new(data, span.clone());
    let mut arguments = vec![
        ("!", Data::Text("palladium.dataset.CSV".to_owned())),
        ("path", Data::Text(data.display().to_string())),
        ("sep", Data::Text(char::from(rows.separator).to_string())),
    ];
    if is_numbered {
        arguments.push(("header", Data::Null));
    }
    let map = |entries: Vec<(&str, Value)>| {
        let entry = |(key, value): (&str, Value)| (key.to_owned(), Entry { key_span: span.clone(), value });
        value(Data::Map(entries.into_iter().map(entry).collect()))
    };
    let loader = map(arguments.into_iter().map(|(key, data)| (key, value(data))).collect());
    let built = host.build(map(vec![("data", loader)]))?;
    let loader: Option<Arc<dyn DatasetLoader>> = match built.get("data").map(|value| &value.data) {
        Some(Data::Component(component)) => component.downcast_ref::<Component>().and_then(Interface::of),
        _ => None,
    };
    let loader = loader.ok_or_else(|| Failure::message("this binary has no loader for files of separated fields"))?;
    let loaded = loader.load().map_err(|failure| Failure::with_help(with_causes(&failure), FORM))?;
    Ok(loaded.features)
}

type Columns = Vec<(String, ArrayRef)>;

/// Chooses the columns to learn from, and says why the others are left out.
fn choose(columns: Columns) -> (Columns, Vec<(String, &'static str)>) {
    let (mut features, mut left_out) = (Vec::new(), Vec::new());
    for (name, cells) in columns {
        match reason_against(&name, &cells) {
            None => features.push((name, cells)),
            Some(reason) => left_out.push((name, reason)),
        }
    }
    (features, left_out)
}

fn reason_against(name: &str, cells: &ArrayRef) -> Option<&'static str> {
    let n_missing = (0..cells.len()).filter(|row| is_missing(cells, *row)).count();
    if n_missing * 2 > cells.len() {
        return Some("more than half of its values are missing");
    }
    if let Some(texts) = cells.as_any().downcast_ref::<StringArray>() {
        let has_commas = texts.iter().flatten().any(|text| text.contains(','))
            && texts.iter().flatten().all(|text| text.trim().replacen(',', ".", 1).parse::<f64>().is_ok());
        return Some(if has_commas { DECIMAL_COMMAS } else { "text, which the model cannot learn from" });
    }
    let lower = name.to_lowercase();
    let is_named_id = lower == "id" || lower == "index" || lower.ends_with("_id") || lower.starts_with("unnamed: ");
    let numbers = cells.as_any().downcast_ref::<Int64Array>();
    if let (true, Some(numbers)) = (is_named_id, numbers) {
        let mut distinct = numbers.values().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == numbers.len() {
            return Some("it numbers the rows");
        }
    }
    None
}

/// Refuses what no linked estimator can learn.
fn check_task(target: &str, labels: &ArrayRef, task: Option<Task>) -> Result<(), CommandError> {
    let mut distinct: Vec<String> =
        (0..labels.len()).filter(|row| !is_missing(labels, *row)).map(|row| shown(labels, row)).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let count = distinct.len();
    let fraction = labels
        .as_any()
        .downcast_ref::<Float64Array>()
        .and_then(|numbers| numbers.iter().flatten().find(|number| number.is_finite() && number.fract() != 0.0));
    let is_number = labels.as_any().is::<Float64Array>() || labels.as_any().is::<Int64Array>();
    let message = match (task, fraction) {
        (Some(Task::Regression), _) => format!("`{target}` is to be predicted as a number, which is regression"),
        (_, Some(number)) => format!("`{target}` holds numbers such as {number}, so that predicting it is regression"),
        (None, None) if is_number && count > CLASSES => {
            format!("`{target}` holds {count} different numbers, so that predicting it looks like regression")
        }
        _ => return Ok(()),
    };
    let mut help = "an estimator for regression is needed, such as a linear model with squared loss (scikit-learn's \
                    `LinearRegression` or `Ridge`); `palladium components --search estimator` shows what there is"
        .to_owned();
    if fraction.is_none() && is_number {
        help.push_str("; if the numbers stand for classes, say `--task classification`");
    }
    Err(Failure::with_help(format!("{message}; projects for that cannot be made yet"), help).into())
}

/// Tells whether a cell is missing or, being infinite, as good as missing to a learner.
fn is_missing(cells: &ArrayRef, row: usize) -> bool {
    let is_infinite = |numbers: &Float64Array| !numbers.value(row).is_finite();
    cells.is_null(row) || cells.as_any().downcast_ref::<Float64Array>().is_some_and(is_infinite)
}

fn shown(cells: &ArrayRef, row: usize) -> String {
    let any = cells.as_any();
    if let Some(numbers) = any.downcast_ref::<Float64Array>() {
        numbers.value(row).to_string()
    } else if let Some(numbers) = any.downcast_ref::<Int64Array>() {
        numbers.value(row).to_string()
    } else if let Some(flags) = any.downcast_ref::<BooleanArray>() {
        flags.value(row).to_string()
    } else if let Some(texts) = any.downcast_ref::<StringArray>() {
        texts.value(row).to_owned()
    } else {
        String::new()
    }
}
