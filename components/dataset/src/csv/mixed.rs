//! Finds the first cell of a column that does not go together with those before it. Only a whole column tells that it is
//! mixed, so that its cells are read again, as texts.

use arrow_array::cast::AsArray;
use palladium_component::prelude::*;

use super::dates;
use super::error::{CsvError, Place, shortened};
use super::layout::Reading;
use super::load::{Effort, gather, plans};
use super::options::Options;
use super::part::{Format, Found, Hint, Plan};
use super::provenance::LineNumbers;
use crate::source::{Compression, SourceFile};

/// Returns the error of a mixed column with the cell that makes it one, if the file can be read again and has it.
pub(super) fn located(
    error: CsvError,
    file: &SourceFile,
    compression: Compression,
    options: &Options<'_>,
    effort: Effort,
    format: &Format<'_>,
) -> CsvError {
    let (CsvError::MixedZones { column, .. } | CsvError::MixedResults { column, .. }) = &error else { return error };
    if format.keeps_texts {
        return error;
    }
    let found = read_again(column, file, compression, options, effort, format).and_then(|(texts, reading, lines)| {
        let (row, found, before) = first_other(&texts, |text| match &reading {
            Reading::Convert(function) => result_of(function, text),
            _ => dates::parse(text, format.day_first).map(|moment| match moment.is_zoned {
                true => "a time zone",
                false => "no time zone",
            }),
        })?;
        let place = Place { file: file.name().to_owned(), line: lines.line(row)? };
        let (column, cell) = (column.clone(), shortened(texts.value(row).as_bytes()));
        Some(match reading {
            Reading::Convert(_) => CsvError::OtherResult { place, column, cell, found, before },
            _ => CsvError::OtherZone { place, column, cell, found, before },
        })
    });
    found.unwrap_or(error)
}

/// Returns the cells of a column as they are written, how they would be read otherwise, and the lines of their rows.
fn read_again(
    column: &str,
    file: &SourceFile,
    compression: Compression,
    options: &Options<'_>,
    effort: Effort,
    format: &Format<'_>,
) -> Option<(StringArray, Reading, LineNumbers)> {
    let reader = file.open(compression).ok()?.reader;
    // What means a missing value is a text, too.
    let options = Options { na_filter: false, ..*options };
    let mut usual = None;
    let as_texts = |plan: Plan| {
        usual = Some(plan.reading);
        Plan { reading: Reading::Infer, hint: Hint::new(Found::Text), ..plan }
    };
    let gathered = gather(reader, file, &options, format, effort, |layout| {
        plans(layout, &options).into_iter().filter(|plan| plan.name == column).map(as_texts).collect()
    });
    let gathered = gathered.ok()?;
    let (plan, cells) = gathered.plans.iter().zip(gathered.columns).next()?;
    let texts = cells.finish(plan, file.name())?.ok()?;
    Some((texts.as_string_opt()?.clone(), usual?, gathered.rows))
}

/// Returns the first row whose text is of another kind than those before it, and both kinds.
fn first_other(
    texts: &StringArray,
    kind: impl Fn(&str) -> Option<&'static str>,
) -> Option<(usize, &'static str, &'static str)> {
    let mut kinds = texts.iter().enumerate().filter_map(|(row, text)| Some((row, kind(text?)?)));
    let (_, before) = kinds.next()?;
    kinds.find(|(_, found)| *found != before).map(|(row, found)| (row, found, before))
}

/// Returns what a function makes of a text, in words.
fn result_of(function: &Callback, text: &str) -> Option<&'static str> {
    let cell = Value::new(Data::Text(text.to_owned()), Span::nowhere("a cell"));
    match function.call(vec![cell]).ok()?.data {
        Data::Int(_) | Data::Float(_) => Some("a number"),
        Data::Bool(_) => Some("a flag"),
        Data::Text(_) => Some("a text"),
        _ => None,
    }
}
