//! Answers samples line by line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use palladium_component::interfaces::{Explain, Pairs, PredictError, PredictRequest};
use palladium_component::value::with_causes;
use serde_json::value::RawValue;
use tracing::info;

use crate::JobError;
use crate::line::{Line, MAX_BYTES, not_json, read_line, skip_byte_order_mark};
use crate::predictor::Predictor;

/// Why a stream ended early.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// There is no model to begin with.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The input cannot be read.
    #[error("the input cannot be read")]
    Input(#[source] io::Error),
    /// The output cannot be written.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
}

impl Explain for StreamError {
    fn help(&self) -> Option<String> {
        match self {
            StreamError::Job(error) => error.help(),
            StreamError::Input(_) | StreamError::Output(_) => None,
        }
    }
}

/// Answers each line of an input with a line of JSON, until the input ends or a line says `exit`.
///
/// A line is a JSON list of objects, one for each sample, and is answered with the list of their predictions; or it is
/// one object, and is answered with its prediction alone. All samples of a line are predicted in one call, with the
/// model that is active then; the parameters of the call are the fields of the first object. A line that has no answer
/// is answered with `[]`, `failed` is told about it, and the next line follows. Blank lines have no answer at all. Each
/// line is flushed.
///
/// # Errors
/// There is no model at the start; the input's and the output's.
pub fn stream(
    predictor: &Predictor,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    failed: &mut dyn FnMut(&str),
) -> Result<(), StreamError> {
    if let Some(version) = predictor.current()?.metadata.version() {
        info!("Loaded model version {version}");
    }
    skip_byte_order_mark(input).map_err(StreamError::Input)?;
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        let is_whole = match read_line(input, &mut line).map_err(StreamError::Input)? {
            Line::End => return Ok(()),
            Line::Whole => true,
            Line::TooLong => false,
        };
        number += 1;
        let text = line.trim_ascii();
        if text.is_empty() && is_whole {
            continue;
        }
        if text.eq_ignore_ascii_case(b"exit") {
            return Ok(());
        }
        let answered = if is_whole { answer(predictor, text) } else { Err(too_long()) };
        let (mut answer, problem) = match answered {
            Ok(answer) => (answer, None),
            Err(problem) => (b"[]".to_vec(), Some(problem)),
        };
        answer.push(b'\n');
        output.write_all(&answer).and_then(|()| output.flush()).map_err(StreamError::Output)?;
        if let Some(problem) = problem {
            let row = shown(&line, is_whole);
            failed(&format!("line {number} of the input:\nError while processing input row: {row}{problem}"));
        }
    }
}

fn too_long() -> String {
    format!("BadRequest: the line has more than {MAX_BYTES} bytes")
}

/// Returns a line with its line break; of one that is too long the beginning.
fn shown(line: &[u8], is_whole: bool) -> String {
    const BEGINNING: usize = 200;
    if !is_whole {
        return format!("{}…\n", String::from_utf8_lossy(&line[..line.len().min(BEGINNING)]));
    }
    let text = String::from_utf8_lossy(line);
    format!("{}\n", text.strip_suffix('\n').unwrap_or(&text))
}

/// Returns the answer to a line, or the kind and the text of what is wrong.
fn answer(predictor: &Predictor, line: &[u8]) -> Result<Vec<u8>, String> {
    let model = predictor.current().map_err(|error| format!("PersistError: {}", with_causes(&error)))?;
    let is_one = line.starts_with(b"{");
    let (query, body) = match is_one {
        true => {
            let object = serde_json::from_slice(line).map_err(|error| format!("BadRequest: {}", not_json(&error)))?;
            (parameters(object), [b"[", line, b"]"].concat())
        }
        false => (first_object(line).map(parameters).unwrap_or_default(), line.to_vec()),
    };
    let request = PredictRequest { query: Cow::Owned(query), body: Some(body.into()), max_rows: None };
    let response = predictor.predict(&model, &request).map_err(|error| told(&error))?;
    let response = if is_one { response.into_single() } else { response };
    serde_json::to_vec(&response).map_err(|error| format!("InternalError: {error}"))
}

/// The fields of an object, whose values are for the service to read.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Returns the first object of a list; what is wrong with the list is for the service to say.
fn first_object(line: &[u8]) -> Option<Fields<'_>> {
    let items = line.strip_prefix(b"[")?;
    serde_json::Deserializer::from_slice(items).into_iter().next()?.ok()
}

/// Returns the fields of an object as a query string would carry them; null stands for none.
fn parameters(object: Fields<'_>) -> Pairs {
    let text = |value: &RawValue| match value.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        other => Some(other.to_owned()),
    };
    object.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

fn told(error: &PredictError) -> String {
    match error {
        // It says so itself.
        PredictError::BadRequest(_) | PredictError::Invalid(_) | PredictError::TooManyRows { .. } => error.to_string(),
        PredictError::Refused { .. } | PredictError::NoProbabilities | PredictError::NoParameter { .. } => {
            format!("PredictError: {error}")
        }
        PredictError::Internal(failure) => format!("InternalError: {}", with_causes(failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::puppet::predictor;

    /// Returns what is written for lines, and what is told about them.
    fn run(reads: usize, lines: &str) -> (Result<(), StreamError>, String, String) {
        let (predictor, _) = predictor(reads);
        let (mut output, mut told) = (Vec::new(), String::new());
        let mut failed = |problem: &str| told.push_str(&format!("{problem}|"));
        let ended = stream(&predictor, &mut lines.as_bytes(), &mut output, &mut failed);
        (ended, String::from_utf8(output).unwrap(), told)
    }

    #[test]
    fn every_line_has_one_answer() {
        let before = |line: u64| format!("line {line} of the input:\nError while processing input row: ");
        let cases = [
            ("[{\"x\": 1}]\n[{\"x\": 1}]\n[{\"x\": 1}, {\"x\": 2}]\n", "[1.0]\n[1.0]\n[1.0,2.0]\n", String::new()),
            ("EXIT\n", "", String::new()),
            ("\u{feff}\n \n\t\r\n[{\"x\": 1}]", "[1.0]\n", String::new()),
            (" exit", "", String::new()),
            ("{\"x\": 1.5}\r\n", "1.5\n", String::new()),
            ("[]\n", "[]\n", String::new()),
            ("{}\n", "null\n", String::new()),
            // The parameters of the first object count for all, and those of the others do not.
            ("[{\"x\": 1, \"add\": 2}, {\"x\": 1, \"add\": 5}]", "[3.0,3.0]\n", String::new()),
            ("[{\"x\": 1}, {\"x\": 1, \"add\": 5}]", "[1.0,1.0]\n", String::new()),
            ("[{\"x\": 1, \"add\": null}]", "[1.0]\n", String::new()),
            ("{\"x\": 1, \"add\": \"2\"}", "3.0\n", String::new()),
            (
                "[{\"do\": \"refuse\"}]\n[{\"x\": 1}]\n",
                "[]\n[1.0]\n",
                format!("{}[{{\"do\": \"refuse\"}}]\nPredictError: error (-1)|", before(1)),
            ),
            ("nothing", "[]\n", format!("{}nothing\nBadRequest: no list|", before(1))),
            (
                "{\"do\": \"fail\"}\n",
                "[]\n",
                format!("{}{{\"do\": \"fail\"}}\nInternalError: it is broken|", before(1)),
            ),
            (
                "{\"do\": \"panic\"}\n{\"x\": 1}",
                "[]\n1.0\n",
                format!("{}{{\"do\": \"panic\"}}\nInternalError: the prediction panicked|", before(1)),
            ),
            (
                "\n{\"x\": 1},{\"x\": 2}\n",
                "[]\n",
                format!(
                    "{}{{\"x\": 1}},{{\"x\": 2}}\n\
                     BadRequest: the line is not JSON: trailing characters at column 9|",
                    before(2)
                ),
            ),
        ];
        for (lines, expected, problems) in cases {
            let (ended, output, told) = run(usize::MAX, lines);
            assert_eq!((output.as_str(), told.as_str()), (expected, problems.as_str()), "{lines:?}");
            assert!(ended.is_ok(), "{lines:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_one_mistake() {
        let lines = format!("{}\n{{\"x\": 1}}\n", "[".repeat(MAX_BYTES + 1));
        let (_, output, told) = run(usize::MAX, &lines);
        assert_eq!(output, "[]\n1.0\n");
        assert!(told.ends_with("[…\nBadRequest: the line has more than 16777216 bytes|") && told.len() < 400, "{told}");
    }

    #[test]
    fn the_model_is_read_for_each_line() {
        let (ended, output, told) = run(2, "{\"x\": 1}\n{\"x\": 2}\n");
        assert!(ended.is_ok());
        assert_eq!(output, "1.0\n[]\n");
        let expected = "PersistError: reading through `model_persister` failed: No model available|";
        assert!(told.ends_with(expected), "{told}");
        let (ended, output, _) = run(0, "{\"x\": 1}\n");
        assert!(matches!(ended, Err(StreamError::Job(JobError::Component { .. }))), "{ended:?}");
        assert_eq!(output, "");
    }
}
