//! `palladium data`.

mod drawing;
mod report;

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::data::arrow_array::cast::AsArray;
use palladium_component::data::arrow_array::types::Float64Type;
use palladium_component::interfaces::whole_number;
use palladium_component::prelude::*;
use palladium_runtime::data::{DataFormat, LoadedData, WriteError, load};
use palladium_runtime::root_keys;

use self::drawing::draw;
use self::report::Report;
use crate::aside::{self, Aside};
use crate::host::job_failed;
use crate::load_watch::LoadWatch;
use crate::screen::Screen;
use crate::signals::{Interruptible, stop_at_signals};
use crate::{options, terminal};

/// Shows what a loader yields.
#[component(Command, name = "palladium.commands.data")]
pub struct DataCommand;

impl Command for DataCommand {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("data")
            .about("Show what a dataset loader yields, or write it to a file, without fitting")
            .long_about(
                "Show what a dataset loader yields, or write it to a file, without fitting.\n\n\
                 For each column: its type, missing cells, different values, the smallest, the mean and the largest \
                 value, the standard deviation and a small histogram, or the most frequent values; then how the rows \
                 spread over the classes or the numbers of the target. Different values are counted up to 100000. Of \
                 very many columns the first are shown; `--columns` picks others, and JSON has them all.\n\n\
                 With `--to` nothing is shown: all rows are written, the target last, and standard error tells how \
                 many. Parquet and Arrow keep the types; CSV and JSON lines hold dates and times as RFC 3339 writes \
                 them. The file is written beside its place and moved there when it is complete: after an error or \
                 Ctrl-C, what was there stays. What a process that was killed has left beside it, the next one that \
                 writes the same file removes. JSON, of `--to` and `--format` alike, has null in place of numbers that \
                 are infinite, and the log tells how many; Parquet, Arrow and CSV keep them.\n\n\
                 The JSON has `loader`, its path; `component`; `rows`; `features`, a list with an object for each \
                 column; `target`, such an object or null; and with `--head` `head`, a list of rows. An object has \
                 `name`, `type`, `rows`, `missing`, `distinct` (`{\"count\": N}` or `{\"more_than\": N}`) and, where \
                 they mean something, `min`, `max`, `histogram` (counts in bins of equal width), `not_finite`, `mean`, \
                 `std`, and `top`, a list of `value` and `count`: the 10 most frequent values, of the target 100.",
            )
            .arg(
                Arg::new("key")
                    .value_name("KEY")
                    .default_value(root_keys::TRAIN)
                    .help("The path of the loader, such as `dataset_loader_test` or `dataset_loader_train.impl`"),
            )
            .arg(
                Arg::new("columns")
                    .long("columns")
                    .value_name("NAMES")
                    .value_delimiter(',')
                    .action(ArgAction::Append)
                    .help("The features to show or to write, separated by commas; the target is always among them"),
            )
            .arg(whole_number::<u32>("head", "N", 1..=100_000).help("Show the first N rows as well"))
            .arg(
                options::format(&["text", "json"])
                    .help("How the result is printed; the rows of `--head` have null for infinite numbers in JSON"),
            )
            .arg(Arg::new("to").long("to").value_name("FILE").conflicts_with_all(["head", "format"]).help(
                "Write the data to this .parquet, .csv, .jsonl or .arrow file; .jsonl has null for infinite \
                         numbers",
            ))
            .arg(
                Arg::new("force")
                    .long("force")
                    .action(ArgAction::SetTrue)
                    .requires("to")
                    .help("Replace FILE if it is there"),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let export = matches.get_one::<String>("to").map(|to| Export::of(to, matches.get_flag("force"))).transpose()?;
        let key = matches.get_one::<String>("key").map_or(root_keys::TRAIN, String::as_str);
        let terminal = terminal(host)?;
        let app = terminal.app(Mode::Fit)?;
        let watch = LoadWatch::start(terminal.status());
        let loaded = load(&app, key, watch.progress());
        drop(watch);
        let loaded = with_columns(loaded.map_err(job_failed)?, matches)?;
        if let Some(export) = export {
            eprintln!("{}", terminal.redact_text(&export.write(&loaded.data)?));
            return Ok(());
        }
        let head = matches.get_one::<u32>("head").and_then(|rows| usize::try_from(*rows).ok());
        if options::is_json(matches) {
            let report = Report::of(&loaded, None, head);
            report.head.iter().for_each(warn_of_infinite);
            return host.print(&format!("{:#}", report.json()));
        }
        let is_chosen = matches.contains_id("columns");
        let report = Report::of(&loaded, (!is_chosen).then_some(drawing::COLUMNS), head);
        draw(&report, &Screen::of_standard_output()).iter().try_for_each(|line| host.print(line))
    }
}

/// Returns the data with the features that were asked for.
fn with_columns(loaded: LoadedData, matches: &ArgMatches) -> Result<LoadedData, CommandError> {
    let Some(names) = matches.get_many::<String>("columns") else { return Ok(loaded) };
    let names: Vec<&str> = names.map(String::as_str).collect();
    let target = loaded.data.target.as_ref().map(|target| target.name.as_str());
    let features: Vec<&str> = names.into_iter().filter(|name| Some(*name) != target).collect();
    let features = loaded.data.features.select(&features).map_err(Failure::from)?;
    let data = Dataset { features, ..loaded.data };
    Ok(LoadedData { data, ..loaded })
}

/// Tells the log which columns hold numbers that JSON has no way to write.
fn warn_of_infinite(table: &Table) {
    const TOLD: usize = 10;
    let count = |column: &ArrayRef| {
        let numbers = column.as_primitive_opt::<Float64Type>();
        numbers.map_or(0, |numbers| numbers.iter().flatten().filter(|number| !number.is_finite()).count())
    };
    let counts = table.names().zip(table.columns().iter().map(count)).filter(|(_, count)| *count > 0);
    let mut columns: Vec<String> = counts.map(|(name, count)| format!("`{name}` ({count})")).collect();
    if columns.is_empty() {
        return;
    }
    if columns.len() > TOLD {
        columns.push(format!("and {} more", columns.len() - TOLD));
        columns.drain(TOLD..columns.len() - 1);
    }
    tracing::warn!(
        "infinite numbers are written as null, for JSON has none, in the columns {}; .parquet, .arrow and .csv files of \
         `--to` keep them",
        columns.join(", ")
    );
}

/// Where data are written to.
struct Export<'m> {
    path: &'m Path,
    format: DataFormat,
}

impl<'m> Export<'m> {
    fn of(path: &'m str, force: bool) -> Result<Export<'m>, CommandError> {
        let path = Path::new(path);
        let Some(format) = DataFormat::of_path(path) else {
            let known = DataFormat::EXTENSIONS.map(|extension| format!("`.{extension}`")).join(", ");
            let message =
                format!("`--to {}` does not say its format: its name has to end in one of {known}", path.display());
            return Err(CommandError::Usage(message));
        };
        // What is no file, such as a device, is not replaced.
        if !force && aside::is_replaced(path) {
            let message = format!("`{}` is there already", path.display());
            return Err(Failure::with_help(message, "replace it with `--force`, or name another file").into());
        }
        Ok(Export { path, format })
    }

    /// Writes the data and returns what was done.
    fn write(&self, data: &Dataset) -> Result<String, CommandError> {
        let table = data.to_table().map_err(Failure::from)?;
        if self.format == DataFormat::Ndjson {
            warn_of_infinite(&table);
        }
        let stopped = stop_at_signals()?;
        let mut file = Aside::create(self.path)?;
        self.format.write(&table, &mut Interruptible::new(file.writer(), stopped)).map_err(|error| match error {
            WriteError::Io(error) => aside::failed(self.path, error),
            other => Failure::message(format!("`{}` cannot be written: {other}", self.path.display())).into(),
        })?;
        file.put_in_place()?;
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (rows, columns) = (count(table.n_rows(), "row"), count(table.n_columns(), "column"));
        Ok(format!("{rows} of {columns} written to `{}`", self.path.display()))
    }
}
