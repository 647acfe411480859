//! Predicts for the rows of a file, batch by batch.
//!
//! Rows are read until a batch is full, predicted in one call, and written behind each other in the order of the
//! input: what is in memory is one batch, however long the file is. Opening files and putting them in place is left to
//! the caller.

mod csv_rows;
mod error;
mod fields;
mod format;
mod output;
mod parquet_output;
mod parquet_rows;
mod parquet_types;
mod row;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::interfaces::{PredictError, PredictRequest, TrainedModel, Version};
use tracing::info;

pub use self::error::BatchError;
pub use self::format::Format;

use self::output::{Output, Rejects};
use self::row::{Bad, Row, Source};
use crate::Predictor;
use crate::line::MAX_BYTES;
use crate::settle::{Outcome, Wanted, settle};

/// Where rows come from.
pub struct Input<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// What it holds.
    pub content: Content<'a>,
}

/// What an input holds, in its format.
pub enum Content<'a> {
    /// Values with a header, separated by this byte.
    Csv(Box<dyn BufRead + 'a>, u8),
    /// A JSON object a line.
    Ndjson(Box<dyn BufRead + 'a>),
    /// Columns of types, which are read at many places of the file.
    Parquet(File),
}

/// Where rows go to.
pub struct Sink<'a> {
    /// What is written.
    pub format: Format,
    /// Takes what is written.
    pub writer: Box<dyn Write + Send + 'a>,
}

/// How rows are predicted.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// The version of the model; nothing stands for the active one.
    pub version: Option<Version>,
    /// How many rows are predicted in one call at most.
    pub batch_size: usize,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// The rows that were predicted.
    pub predicted: u64,
    /// The rows that were rejected.
    pub rejected: u64,
    /// The version of the model.
    pub version: Option<Version>,
}

/// Predicts for every row of an input and writes it with its prediction.
///
/// One model predicts for all rows. What the output gets are the columns of the input and `prediction`, or a column
/// `probability_⟨class⟩` for each class where the service answers with probabilities. With `rejects`, rows that have no
/// prediction go there, as line number, reason and text; without it the first of them is an error, and one that ends
/// nowhere is an error in any case. `progress` is told the number of rows after each batch, and `cancelled` is looked at
/// before each.
///
/// # Errors
/// A model that cannot be read, columns that are missing or there already, a row that has no prediction, the input's and
/// the outputs'. What was written before that stays.
pub fn predict(
    predictor: &Predictor,
    input: Input<'_>,
    output: Sink<'_>,
    rejects: Option<Sink<'_>>,
    options: &BatchOptions,
    progress: &mut dyn FnMut(u64),
    cancelled: &AtomicBool,
) -> Result<BatchReport, BatchError> {
    let model = predictor.read(options.version)?;
    let version = model.metadata.version();
    if let Some(version) = version {
        info!("Loaded model version {version}");
    }
    let name = input.name.to_owned();
    let fields = predictor.fields();
    let names: Option<Vec<String>> =
        fields.as_ref().map(|fields| fields.iter().map(|field| field.name.clone()).collect());
    let source = Source::open(input, names.as_deref(), output.format)?;
    let output = Output::new(&name, output, &source, fields.unwrap_or_default());
    let rejects = rejects.map(Rejects::new).transpose().map_err(BatchError::Reject)?;
    let report = BatchReport { version, ..BatchReport::default() };
    let mut run = Run { name, predictor, model: &model, source, output, rejects, report };
    let stopped = || match cancelled.load(Ordering::Relaxed) {
        true => Err(BatchError::Cancelled),
        false => Ok(()),
    };
    loop {
        stopped()?;
        // A reader may have given up because of the same signal.
        let batch = run.read(options.batch_size).or_else(|error| stopped().and(Err(error)))?;
        stopped()?;
        if batch.is_empty() {
            break;
        }
        run.write(batch)?;
        progress(run.report.predicted + run.report.rejected);
    }
    run.finish()
}

/// A run over an input.
struct Run<'a> {
    name: String,
    predictor: &'a Predictor,
    model: &'a Arc<TrainedModel>,
    source: Source<'a>,
    output: Output<'a>,
    rejects: Option<Rejects<'a>>,
    report: BatchReport,
}

impl Run<'_> {
    /// Reads the rows of a batch, fewer where they are long; none at the end of the input.
    fn read(&mut self, batch_size: usize) -> Result<Vec<Result<Row, Bad>>, BatchError> {
        let failed = |source| BatchError::Input { name: self.name.clone(), source };
        let (mut batch, mut n_bytes) = (Vec::new(), 0);
        while batch.len() < batch_size && n_bytes < MAX_BYTES {
            let Some(row) = self.source.next().map_err(failed)? else { break };
            n_bytes += match &row {
                Ok(row) => row.sample().len(),
                Err(bad) => bad.text.as_ref().map_or(0, String::len),
            };
            batch.push(row);
        }
        Ok(batch)
    }

    /// Predicts for the rows of a batch and writes them in their order.
    fn write(&mut self, batch: Vec<Result<Row, Bad>>) -> Result<(), BatchError> {
        let samples: Vec<&[u8]> = batch.iter().flatten().map(|row| row.sample().as_bytes()).collect();
        let wanted = if self.rejects.is_some() { Wanted::All } else { Wanted::Before };
        let mut ask = |body| {
            let request = PredictRequest { body: Some(Cow::Owned(body)), ..PredictRequest::default() };
            self.predictor.predict(self.model, &request)
        };
        let settled = settle(&samples, wanted, is_of_rows, &mut ask);
        let outcomes = settled.map_err(BatchError::Predict)?;
        let answered = batch.iter().flatten().zip(&outcomes).filter_map(|(row, outcome)| match outcome {
            Outcome::Answered(answer, _) => Some((row, answer.as_ref())),
            Outcome::Refused(_) => None,
        });
        self.output.settle_types(answered);
        let mut outcomes = outcomes.into_iter();
        for row in batch {
            let row = match row {
                Ok(row) => row,
                Err(bad) => {
                    self.reject(&bad)?;
                    continue;
                }
            };
            // Rows behind a refusal that ends the run are not asked about.
            let Some(outcome) = outcomes.next() else { return Ok(()) };
            let written = match outcome {
                Outcome::Answered(answer, index) => self.output.write(&row, &answer, index)?,
                Outcome::Refused(error) => Err(reason(&error)),
            };
            match written {
                Ok(()) => self.report.predicted += 1,
                Err(reason) => self.reject(&Bad { line: row.line, text: Some(row.text), reason })?,
            }
        }
        self.output.flush().map_err(BatchError::Output)
    }

    fn reject(&mut self, bad: &Bad) -> Result<(), BatchError> {
        let (name, line, reason) = (&self.name, bad.line, &bad.reason);
        let Some(text) = &bad.text else {
            return Err(BatchError::Endless { name: name.clone(), line, reason: reason.clone() });
        };
        let Some(rejects) = &mut self.rejects else {
            return Err(BatchError::Row { name: name.clone(), line, reason: reason.clone() });
        };
        self.report.rejected += 1;
        rejects.write(line, reason, text).map_err(BatchError::Reject)
    }

    fn finish(mut self) -> Result<BatchReport, BatchError> {
        self.output.finish(self.predictor.columns(self.model))?;
        if let Some(rejects) = &mut self.rejects {
            rejects.flush().map_err(BatchError::Reject)?;
        }
        Ok(self.report)
    }
}

/// Tells whether an error may be that of some rows alone.
fn is_of_rows(error: &PredictError) -> bool {
    matches!(error, PredictError::BadRequest(_) | PredictError::Invalid(_) | PredictError::Refused { .. })
}

/// Returns why a row was refused.
fn reason(error: &PredictError) -> String {
    match error {
        PredictError::BadRequest(reason) => reason.clone(),
        PredictError::Invalid(errors) => errors.to_string(),
        other => other.to_string(),
    }
}

/// Returns the error of a text that cannot be turned into JSON, which is none of a file.
fn unwritable(error: serde_json::Error) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests;
