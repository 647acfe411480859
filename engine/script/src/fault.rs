//! Errors of host functions: what went wrong, with advice, and never a panic.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use palladium_component::data::DataError;
use palladium_component::interfaces::{Explain, Failure, PersistError, PredictError, VersionError, cause_in_words};
use palladium_component::value::{Code, Diagnostic, Diagnostics, causes};
use palladium_config::script::{Failed, failed};
use palladium_runtime::JobError;
use rhai::{Dynamic, EvalAltResult, Position};

/// Why a host function did not do as it was asked. A script can catch it: `message`, `help` and `notes` are its
/// properties.
#[derive(Debug)]
pub(crate) struct Fault(Box<Diagnostic>);

/// What a host function answers.
pub(crate) type Answer = Result<Dynamic, Fault>;

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Fault {
        Diagnostic::new(Code::ScriptFailed, message).into()
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Fault {
        Diagnostic::help(*self.0, help).into()
    }

    fn explained(error: &dyn Error, help: Option<String>) -> Fault {
        let mut finding = Diagnostic::new(Code::ScriptFailed, error.to_string());
        for cause in causes(error) {
            finding = finding.note(format!("caused by: {}", cause_in_words(cause)));
        }
        help.into_iter().fold(finding, Diagnostic::help).into()
    }

    /// Returns the error that Rhai code sees.
    pub(crate) fn at(self, position: Position) -> Box<EvalAltResult> {
        let mut error = failed(*self.0);
        error.set_position(position);
        error
    }
}

impl From<Diagnostic> for Fault {
    fn from(finding: Diagnostic) -> Fault {
        Fault(Box::new(finding))
    }
}

impl From<Diagnostics> for Fault {
    fn from(findings: Diagnostics) -> Fault {
        let mut all = findings.into_iter();
        let first = all.next().unwrap_or_else(|| Diagnostic::new(Code::ScriptFailed, "there are findings"));
        all.fold(first, |first, other| first.note(format!("also: {}", other.message))).into()
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Fault {
        Fault::explained(&failure, failure.help())
    }
}

impl From<VersionError> for Fault {
    fn from(error: VersionError) -> Fault {
        Fault::new(error.to_string())
    }
}

impl From<DataError> for Fault {
    fn from(error: DataError) -> Fault {
        Fault::explained(&error, error.help())
    }
}

/// What the caller of a service is told comes along, for where the script is a building block of that service.
impl From<PredictError> for Fault {
    fn from(error: PredictError) -> Fault {
        let Fault(mut finding) = Fault::explained(&error, error.help());
        finding.cause = error.for_caller().map(|error| Arc::new(error) as _);
        Fault(finding)
    }
}

impl From<PersistError> for Fault {
    fn from(error: PersistError) -> Fault {
        match error {
            // The advice of the command line names a command; here the same is a method.
            PersistError::Lookup(message) => Fault::new(message).help("`.list()` shows the versions there are"),
            PersistError::Failed(failure) => failure.into(),
        }
    }
}

impl From<JobError> for Fault {
    fn from(error: JobError) -> Fault {
        match error {
            JobError::Config(finding) => Fault(finding),
            other => Fault::explained(&other, other.help()),
        }
    }
}

/// Runs a host function; a panic in it, as libraries have them, becomes an error.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Box<EvalAltResult>> {
    let done = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Fault::new(format!("a component panicked: {}", text.as_deref().unwrap_or("unknown")))
            .help("this is an error of the component itself"))
    });
    done.map_err(|fault| fault.at(Position::NONE))
}

/// Makes caught errors readable.
pub(crate) fn register(engine: &mut rhai::Engine) {
    engine.register_type_with_name::<Failed>("error");
    for name in ["print", "debug", "to_string", "to_debug"] {
        engine.register_fn(name, |failed: &mut Failed| failed.clone().into_diagnostic().message);
    }
    engine.register_get("message", |failed: &mut Failed| failed.clone().into_diagnostic().message);
    engine.register_get("help", |failed: &mut Failed| texts(failed.clone().into_diagnostic().help));
    engine.register_get("notes", |failed: &mut Failed| texts(failed.clone().into_diagnostic().notes));
}

fn texts(texts: Vec<String>) -> rhai::Array {
    texts.into_iter().map(Dynamic::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = guarded(|| -> Answer { panic!("index {}", 7) }).unwrap_err();
        let EvalAltResult::ErrorRuntime(token, _) = *error else { panic!("{error}") };
        let finding = token.cast::<Failed>().into_diagnostic();
        assert_eq!(finding.message, "a component panicked: index 7");
    }

    #[test]
    fn what_callers_are_told_comes_along() {
        let cause = |error: PredictError| {
            let error = guarded(|| -> Answer { Err(error.into()) }).unwrap_err();
            let EvalAltResult::ErrorRuntime(token, _) = *error else { panic!("{error}") };
            let cause = token.cast::<Failed>().into_diagnostic().cause?;
            Some(cause.downcast_ref::<PredictError>().unwrap().to_string())
        };
        assert_eq!(cause(PredictError::BadRequest("no".into())).as_deref(), Some("BadRequest: no"));
        assert_eq!(cause(PredictError::refused("no", 7)).as_deref(), Some("no (7)"));
        assert_eq!(cause(PredictError::Internal(Failure::message("the disk"))), None);
    }

    #[test]
    fn scripts_can_look_at_what_they_catch() {
        let mut engine = rhai::Engine::new();
        register(&mut engine);
        engine.register_fn("fail", || guarded(|| -> Answer { Err(Fault::new("no").help("yes")) }));
        let code = r#"let said = ""; try { fail() } catch (e) { said = `${e}: ${e.message} ${e.help.len()} ${e.notes.len()}` } said"#;
        assert_eq!(engine.eval::<String>(code).unwrap(), "no: no 1 0");
    }
}
