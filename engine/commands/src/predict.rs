//! `palladium predict`.

mod progress;
mod standard_input;

use std::io::{BufRead, BufReader, ErrorKind, Write, stdout};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::interfaces::whole_number;
use palladium_component::prelude::*;
use palladium_component::value::{descriptor_of, is_same_file};
use palladium_runtime::batch::{BatchError, BatchOptions, BatchReport, Content, Format, Input, Sink, predict};
use palladium_runtime::{Predictor, root_keys};

use self::progress::Progress;
use self::standard_input::StandardInput;
use crate::aside::{Aside, is_written_as_it_is};
use crate::descriptor;
use crate::host::job_failed;
use crate::kept::check_replaced;
use crate::signals::stop_at_signals;
use crate::{options, terminal};

/// Predicts for the rows of a file.
#[component(Command, name = "palladium.commands.predict")]
pub struct Predict;

/// Stands for standard input and standard output.
const DASH: &str = "-";

impl Command for Predict {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("predict")
            .about("Predict for the rows of a CSV, NDJSON or Parquet file")
            .long_about(
                "Predict for the rows of a CSV, NDJSON or Parquet file.\n\n\
                 Each row of IN is written to OUT with its prediction: in a column `prediction`, or in a column \
                 `probability_⟨class⟩` for each class where the predict service answers with probabilities. The fields \
                 that the service's `mapping` names are taken from the columns of these names and converted as in \
                 requests; all columns are kept as they are. CSV (`.csv`, with tabs `.tsv`) begins with a header; NDJSON (`.ndjson`, \
                 `.jsonl`) has a JSON object a line; Parquet (`.parquet`) keeps the types of its columns, and its rows are \
                 to services what they are as JSON. They can be mixed: from CSV all cells become texts, from NDJSON \
                 the fields of the first row are the columns of CSV, and those of the first batch with their types \
                 the columns of Parquet; a later row with a value that its column would change has no place there \
                 and counts as one without prediction.\n\n\
                 One batch of rows is in memory at a time, and one model predicts for all of them. OUT is written \
                 beside its place and moved there when it is complete: until then, and after an error or Ctrl-C, what \
                 was there stays. What a process that was killed has left beside it, `.OUT.palladium-⟨letters⟩.part`, \
                 the next one that writes the same file removes, where the file system has locks. Files of the \
                 configuration and databases of SQLite, such as a store of models, are not replaced. `-` is standard \
                 input or output, which gets each batch at once; `/dev/stdout`, `/dev/fd/3` and links to them are written \
                 to in the same way, behind what is there. Without `--reject` the first row that has no \
                 prediction is an error; with it such rows are put aside with their line number and the reason, in the \
                 format that the file's extension says, NDJSON if it says none. A quote in CSV that is opened and never \
                 closed, or with lines behind it not within 16 MiB, is an error with `--reject` too, as nobody knows \
                 which of the lines behind it are rows. Standard error tells how many rows there were. The decorators \
                 of the service's view are not called.",
            )
            .arg(Arg::new("in").value_name("IN").required(true).help("The file to read, `-` for standard input"))
            .arg(Arg::new("out").value_name("OUT").required(true).help("The file to write, `-` for standard output"))
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_name("FORMAT")
                    .value_parser(PossibleValuesParser::new(Format::NAMES))
                    .help(
                        "What IN is written in, and OUT if its extension does not say; if not given, the extensions \
                         say, and `-` as OUT is written as IN is",
                    ),
            )
            .arg(
                Arg::new("sep")
                    .long("sep")
                    .value_name("CHARACTER")
                    .value_parser(separator)
                    .help(
                        "What separates the fields of CSV, in IN as in OUT and FILE, instead of a comma: `;`, or `\\t` for \
                         a tab; `.tsv` always has tabs",
                    ),
            )
            .arg(
                Arg::new("service")
                    .long("service")
                    .value_name("KEY")
                    .default_value(root_keys::PREDICT_SERVICE)
                    .help("The root key of the predict service"),
            )
            .arg(
                options::version("version")
                    .long("version")
                    .visible_alias("model-version")
                    .help("The model to predict with; the active one if not given"),
            )
            .arg(
                whole_number::<u32>("batch-size", "ROWS", 1..=1_000_000).default_value("10000")
                    .help("How many rows are predicted at once"),
            )
            .arg(
                Arg::new("reject")
                    .long("reject")
                    .value_name("FILE")
                    .help(
                        "Put rows that have no prediction into this file, and go on; a quoted cell of several lines \
                         that has more than 16 MiB or no end is an error all the same",
                    ),
            )
            .arg(
                Arg::new("fail-on-reject")
                    .long("fail-on-reject")
                    .action(ArgAction::SetTrue)
                    .requires("reject")
                    .help("End with 1 if there are such rows; all files are written"),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let call = Call::of(matches)?;
        let cancelled = stop_at_signals()?;
        let terminal = terminal(host)?;
        let app = terminal.app(Mode::Fit)?;
        check_replaced(call.written(), terminal.files())?;
        let content = open(&call, &cancelled)?;
        let predictor = Predictor::of(&app, call.service).map_err(job_failed)?;
        let (mut output, mut rejects) = (Target::open(call.output)?, call.reject.map(Target::open).transpose()?);
        let mut progress = Progress::new(terminal.status().clone());
        let report = predict(
            &predictor,
            Input { name: shown(call.input), content },
            Sink { format: call.output_format, writer: Box::new(output.writer()) },
            rejects.as_mut().map(|target| Sink { format: call.reject_format, writer: Box::new(target.writer()) }),
            &call.options,
            &mut |n_rows| progress.show(n_rows),
            &cancelled,
        );
        progress.clear();
        let report = report.map_err(predict_failed)?;
        output.put_in_place()?;
        rejects.map(Target::put_in_place).transpose()?;
        eprintln!("{}", terminal.redact_text(&summary(&report, call.reject)));
        if report.rejected > 0 && call.fail_on_reject { Err(CommandError::Reported) } else { Ok(()) }
    }
}

/// What the command was called with.
struct Call<'m> {
    input: &'m str,
    input_format: Format,
    output: &'m str,
    output_format: Format,
    reject: Option<&'m str>,
    reject_format: Format,
    fail_on_reject: bool,
    service: &'m str,
    options: BatchOptions,
}

impl<'m> Call<'m> {
    fn of(matches: &'m ArgMatches) -> Result<Call<'m>, CommandError> {
        let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
        let (mut input, output) = (text("in"), text("out"));
        let reject = matches.get_one::<String>("reject").map(String::as_str);
        let separator = matches.get_one::<u8>("sep").copied();
        let separated =
            |format: Format| if format == Format::COMMAS { separator.map_or(format, Format::Csv) } else { format };
        let extension = |name: &str| Format::of_path(Path::new(name)).map(separated);
        let input_says = extension(input);
        let asked = matches.get_one::<String>("format").and_then(|name| Format::of_name(name)).map(separated);
        let input_format = asked.or(input_says).ok_or_else(|| {
            let (last, others) = Format::NAMES.split_last().unwrap_or((&"", &[]));
            let names = format!("{}` or `{last}", others.join("`, `"));
            CommandError::Usage(format!("{} does not say its format: add `--format {names}`", named(input)))
        })?;
        let output_says = extension(output);
        if output_says.is_none() && asked.is_none() && !is_no_file(output) {
            let known = Format::EXTENSIONS.map(|extension| format!("`.{extension}`")).join(", ");
            return Err(CommandError::Usage(format!(
                "`{output}` does not say its format: its name has to end in one of {known}, or add `--format` to say \
                 what IN and OUT are written in"
            )));
        }
        if reject == Some(DASH) {
            return Err(CommandError::Usage("`--reject` needs a file, not `-`".to_owned()));
        }
        let is_in_or_out = |reject: &&str| {
            let is_output = output == DASH && descriptor_of(Path::new(reject)) == Some(descriptor::OUTPUT);
            is_output || [input, output].iter().any(|other| is_same_file(reject, other))
        };
        if let Some(reject) = reject.filter(is_in_or_out) {
            return Err(CommandError::Usage(format!("`--reject {reject}` is IN or OUT: name another file")));
        }
        let reject_says = reject.and_then(extension);
        if let Some(reject) = reject.filter(|_| reject_says == Some(Format::Parquet)) {
            return Err(CommandError::Usage(format!("`--reject {reject}`: rejected rows are CSV or NDJSON")));
        }
        if input_format != Format::Parquet && descriptor_of(Path::new(input)) == Some(descriptor::INPUT) {
            input = DASH;
        }
        if input == DASH && input_format == Format::Parquet {
            let message = "Parquet is read at many places of a file: name one instead of `-`";
            return Err(CommandError::Usage(message.to_owned()));
        }
        let output_format = output_says.unwrap_or(input_format);
        let reject_format = reject_says.unwrap_or(Format::Ndjson);
        if let Some(separator) = separator
            && ![input_format, output_format, reject_format].contains(&Format::Csv(separator))
        {
            let message = "`--sep` says what separates the fields of CSV, and none of the files is CSV";
            return Err(CommandError::Usage(message.to_owned()));
        }
        let batch_size = matches.get_one::<u32>("batch-size").and_then(|rows| usize::try_from(*rows).ok());
        Ok(Call {
            input,
            input_format,
            output,
            output_format,
            reject,
            reject_format,
            fail_on_reject: matches.get_flag("fail-on-reject"),
            service: text("service"),
            options: BatchOptions {
                version: matches.get_one::<Version>("version").copied(),
                batch_size: batch_size.unwrap_or(1),
            },
        })
    }

    /// Returns the names of the files that are written.
    fn written(&self) -> impl Iterator<Item = &'m str> {
        [Some(self.output).filter(|output| *output != DASH), self.reject].into_iter().flatten()
    }
}

/// Tells whether a name is that of standard output, or of what is written to as it is, such as a device.
fn is_no_file(output: &str) -> bool {
    output == DASH || is_written_as_it_is(Path::new(output))
}

/// Returns the name of an input in messages.
fn shown(input: &str) -> &str {
    if input == DASH { "standard input" } else { input }
}

fn named(input: &str) -> String {
    if input == DASH { shown(input).to_owned() } else { format!("`{input}`") }
}

fn open(call: &Call<'_>, cancelled: &Arc<AtomicBool>) -> Result<Content<'static>, CommandError> {
    const BUFFER: usize = 1 << 16;
    let input = call.input;
    let file = || {
        let failed = |source| CommandError::Failed(BatchError::Input { name: input.to_owned(), source }.into());
        // Parquet begins at the start of a file wherever a descriptor stands.
        match descriptor_of(Path::new(input)).filter(|_| call.input_format != Format::Parquet) {
            Some(descriptor) => descriptor::open(descriptor),
            None => std::fs::File::open(input),
        }
        .map_err(failed)
    };
    if call.input_format == Format::Parquet {
        return Ok(Content::Parquet(file()?));
    }
    let reader: Box<dyn BufRead> = match input {
        DASH => Box::new(BufReader::with_capacity(BUFFER, StandardInput::start(cancelled)?)),
        _ => Box::new(BufReader::with_capacity(BUFFER, file()?)),
    };
    Ok(match call.input_format {
        Format::Csv(separator) => Content::Csv(reader, separator),
        Format::Ndjson | Format::Parquet => Content::Ndjson(reader),
    })
}

/// Reads what separates fields.
fn separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => {
            Err("expected one character of ASCII such as `;`, none of quotes and line ends, or `\\t` for a tab"
                .to_owned())
        }
    }
}

/// Where rows are written to.
enum Target {
    Standard(std::io::Stdout),
    File(Aside),
}

impl Target {
    fn open(name: &str) -> Result<Target, CommandError> {
        match name {
            DASH => Ok(Target::Standard(stdout())),
            name => Ok(Target::File(Aside::create(Path::new(name))?)),
        }
    }

    fn writer(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Target::Standard(stdout) => stdout,
            Target::File(aside) => aside.writer(),
        }
    }

    fn put_in_place(self) -> Result<(), CommandError> {
        match self {
            Target::Standard(_) => Ok(()),
            Target::File(aside) => aside.put_in_place(),
        }
    }
}

fn predict_failed(error: BatchError) -> CommandError {
    match error {
        BatchError::Job(error) => job_failed(error),
        // Who closes the pipe has read what they wanted.
        BatchError::Output(error) if error.kind() == ErrorKind::BrokenPipe => CommandError::Reported,
        other => CommandError::Failed(other.into()),
    }
}

fn summary(report: &BatchReport, reject: Option<&str>) -> String {
    let rows = |count: u64| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    let version = report.version.map_or_else(String::new, |version| format!(" with model version {version}"));
    let rejected = match reject {
        Some(file) => format!(", {} rejected (`{file}`)", rows(report.rejected)),
        None => String::new(),
    };
    format!("{} predicted{version}{rejected}", rows(report.predicted))
}
