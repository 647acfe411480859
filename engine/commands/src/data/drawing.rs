//! How data look on a terminal.

use palladium_component::data::{Cell, ColumnSummary, ColumnType, Distinct, Range, Table, TopValue, cell_text};

use super::report::Report;
use crate::screen::{Screen, bar, cut, heights, padded, width};

/// So many columns are shown unless others are asked for.
pub const COLUMNS: usize = 50;
/// So many classes of a target are shown.
const CLASSES: usize = 20;
/// Targets of numbers that have at most so many different whole values are classes.
const FEW: usize = 20;
/// The widest names and cells.
const NAME: usize = 28;
const CELL: usize = 24;
/// The room that histograms and frequent values have at least.
const VALUES: usize = 20;
/// What stands between columns.
const GAP: &str = "  ";

/// Draws a report as lines.
pub fn draw(report: &Report, screen: &Screen) -> Vec<String> {
    let mut lines = vec![
        cut(&format!("{}: {}", report.loader, report.component), screen.width, screen),
        cut(&shape(report), screen.width, screen),
    ];
    if !report.features.is_empty() || report.target.is_some() {
        lines.push(String::new());
        lines.extend(columns(report, screen));
    }
    let left_out = report.n_features - report.features.len();
    if left_out > 0 {
        let text = format!("and {} more; `--columns` names those to show", counted(left_out, "feature"));
        lines.push(cut(&text, screen.width, screen));
    }
    if let Some(target) = &report.target {
        lines.extend(balance(target, screen));
    }
    if let Some(head) = &report.head {
        lines.push(String::new());
        lines.extend(rows(head, screen));
    }
    lines
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn shape(report: &Report) -> String {
    let (rows, features) = (counted(report.n_rows, "row"), counted(report.n_features, "feature"));
    match &report.target {
        Some(target) => format!("{rows}, {features}, target `{}`", target.name),
        None => format!("{rows}, {features}, no target"),
    }
}

/// A column of the drawing.
struct Drawn {
    heading: String,
    cells: Vec<String>,
    is_right: bool,
}

impl Drawn {
    fn width(&self) -> usize {
        self.cells.iter().chain([&self.heading]).map(|cell| width(cell)).max().unwrap_or(0)
    }
}

/// Draws a line for each column of the data, and leaves out figures where there is no room for them.
fn columns(report: &Report, screen: &Screen) -> Vec<String> {
    let all: Vec<&ColumnSummary> = report.features.iter().chain(&report.target).collect();
    let drawn = |heading: &str, is_right, cell: &dyn Fn(&ColumnSummary) -> String| Drawn {
        heading: heading.to_owned(),
        is_right,
        cells: all.iter().map(|summary| cell(summary)).collect(),
    };
    let of_range = |cell: fn(&Range) -> &Cell| {
        move |summary: &ColumnSummary| {
            summary.range.as_ref().map_or_else(String::new, |range| shown(cell(range), screen))
        }
    };
    let mut table = vec![
        drawn("column", false, &|summary| cut(&summary.name, NAME, screen)),
        drawn("type", false, &|summary| summary.kind.as_str().to_owned()),
        drawn("missing", true, &|summary| summary.missing.to_string()),
        drawn("distinct", true, &|summary| match summary.distinct {
            Distinct::Exactly(number) => number.to_string(),
            Distinct::MoreThan(number) => format!(">{number}"),
        }),
        drawn("min", true, &of_range(|range| &range.min)),
        drawn("mean", true, &|summary| summary.moments.map_or_else(String::new, |moments| short(moments.mean))),
        drawn("max", true, &of_range(|range| &range.max)),
        drawn("std", true, &|summary| summary.moments.and_then(|moments| moments.std).map_or_else(String::new, short)),
    ];
    // A figure that no column has is left out.
    table.retain(|drawn| drawn.cells.iter().any(|cell| !cell.is_empty()));
    let taken = |table: &[Drawn]| -> usize { table.iter().map(|drawn| drawn.width() + GAP.len()).sum() };
    for dropped in ["std", "mean", "max", "min", "distinct", "type"] {
        if taken(&table) + VALUES > screen.width {
            table.retain(|drawn| drawn.heading != dropped);
        }
    }
    let room = screen.width.saturating_sub(taken(&table));
    table.push(drawn("values", false, &|summary| cut(&values(summary, screen), room, screen)));
    lines(&table, screen)
}

/// Draws columns below their headings.
fn lines(table: &[Drawn], screen: &Screen) -> Vec<String> {
    let widths: Vec<usize> = table.iter().map(Drawn::width).collect();
    let line = |cell: &dyn Fn(&Drawn) -> String| {
        let cells = table.iter().zip(&widths).map(|(drawn, width)| padded(&cell(drawn), *width, drawn.is_right));
        cut(cells.collect::<Vec<_>>().join(GAP).trim_end(), screen.width, screen)
    };
    let n_lines = table.first().map_or(0, |drawn| drawn.cells.len());
    let heading = line(&|drawn| drawn.heading.clone());
    std::iter::once(heading).chain((0..n_lines).map(|row| line(&|drawn| drawn.cells[row].clone()))).collect()
}

/// Returns a histogram, or the most frequent values with their number of rows.
fn values(summary: &ColumnSummary, screen: &Screen) -> String {
    match (&summary.range, &summary.top) {
        (Some(range), _) if range.histogram.len() > 1 => heights(&range.histogram, screen),
        (_, Some(top)) => {
            let told: Vec<String> =
                top.iter().map(|top| format!("{} {}", shown(&top.value, screen), top.count)).collect();
            let more = if summary.distinct == Distinct::Exactly(top.len()) { "" } else { ", ..." };
            told.join(", ") + more
        }
        _ => String::new(),
    }
}

/// Draws how the rows spread over the classes or the numbers of the target.
fn balance(target: &ColumnSummary, screen: &Screen) -> Vec<String> {
    let present = target.rows - target.missing;
    let bars: Vec<(String, usize)> = match (&target.top, &target.range) {
        (Some(top), _) if is_class(target, top) => {
            top.iter().take(CLASSES).map(|top| (shown(&top.value, screen), top.count)).collect()
        }
        (_, Some(Range { min, max, histogram })) => intervals(min, max, histogram),
        _ => return Vec::new(),
    };
    let (Distinct::Exactly(n_values) | Distinct::MoreThan(n_values)) = target.distinct;
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let labels: Vec<String> = bars.iter().map(|(label, _)| cut(label, NAME, screen)).collect();
    let widest = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let digits = most.to_string().len();
    let room = screen.width.saturating_sub(widest + digits + 14).min(40);
    let mut lines = vec![String::new(), cut(&format!("target `{}`", target.name), screen.width, screen)];
    for (label, (_, count)) in labels.iter().zip(&bars) {
        let share = *count as f64 / present.max(1) as f64 * 100.0;
        let bar = bar(*count as f64 / most as f64, room, screen);
        let line = format!("  {}  {count:>digits$}  {share:>5.1}%  {bar}", padded(label, widest, false));
        lines.push(cut(line.trim_end(), screen.width, screen));
    }
    let is_of_classes = target.top.as_ref().is_some_and(|top| is_class(target, top));
    if is_of_classes && n_values > bars.len() {
        lines.push(format!("  and {} more", n_values - bars.len()));
    }
    lines
}

/// Tells whether the values of a target are classes: not measured numbers, dates or times.
fn is_class(target: &ColumnSummary, top: &[TopValue]) -> bool {
    match target.kind {
        ColumnType::Bool | ColumnType::Text | ColumnType::Category => true,
        ColumnType::Int => target.distinct == Distinct::Exactly(top.len()) && top.len() <= FEW,
        ColumnType::Float => {
            let is_whole = |top: &TopValue| matches!(top.value, Cell::Float(number) if number.fract() == 0.0);
            target.distinct == Distinct::Exactly(top.len()) && top.len() <= FEW && top.iter().all(is_whole)
        }
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc => false,
    }
}

/// Returns intervals of numbers with how many there are in each, two bins of a histogram in one.
fn intervals(min: &Cell, max: &Cell, histogram: &[usize]) -> Vec<(String, usize)> {
    let number = |cell: &Cell| match cell {
        Cell::Float(number) => Some(*number),
        Cell::Int(number) => Some(*number as f64),
        Cell::Bool(_) | Cell::Text(_) => None,
    };
    let (Some(min), Some(max)) = (number(min), number(max)) else { return Vec::new() };
    let counts: Vec<usize> = histogram.chunks(2).map(|bins| bins.iter().sum()).collect();
    let step = max / counts.len() as f64 - min / counts.len() as f64;
    let edge = |index: usize| short(min + step * index as f64);
    counts
        .iter()
        .enumerate()
        .map(|(index, count)| (format!("{} to {}", edge(index), edge(index + 1)), *count))
        .collect()
}

/// Draws rows, with as many columns as fit.
fn rows(table: &Table, screen: &Screen) -> Vec<String> {
    let (mut taken, mut drawn) = (0, Vec::new());
    for (index, (name, values)) in table.names().zip(table.columns()).enumerate() {
        let text = |row| cell_text(values, row).map_or_else(|| "-".to_owned(), |text| cut(&text, CELL, screen));
        let column = Drawn {
            heading: cut(name, CELL, screen),
            cells: (0..table.n_rows()).map(text).collect(),
            is_right: table.column_type(index).is_numeric(),
        };
        taken += column.width() + GAP.len();
        if taken > screen.width + GAP.len() && !drawn.is_empty() {
            break;
        }
        drawn.push(column);
    }
    let mut lines = lines(&drawn, screen);
    let left_out = table.n_columns() - drawn.len();
    if left_out > 0 {
        let text = format!("and {} more; `--columns` names those to show", counted(left_out, "column"));
        lines.push(cut(&text, screen.width, screen));
    }
    lines
}

fn shown(cell: &Cell, screen: &Screen) -> String {
    match cell {
        Cell::Float(number) => short(*number),
        Cell::Int(number) => number.to_string(),
        Cell::Bool(flag) => flag.to_string(),
        Cell::Text(text) => cut(text, CELL, screen),
    }
}

/// Returns a number with four digits that count.
fn short(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude == 0.0 || !number.is_finite() {
        return (number + 0.0).to_string();
    }
    if !(1e-4..1e7).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let decimals = (3 - magnitude.log10().floor() as i64).clamp(0, 8);
    let text = format!("{number:.*}", usize::try_from(decimals).unwrap_or(0));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests;
