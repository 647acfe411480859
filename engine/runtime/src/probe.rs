//! Asks components whether what they need from outside is there.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use palladium_component::interfaces::{Failure, Probe};
use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, seconds_text, with_causes};

use crate::App;
use crate::plan::Planned;

/// How many components are asked at the same time.
const AT_ONCE: usize = 16;

/// What the components of a configuration found.
#[derive(Debug, Default)]
pub struct Probes {
    /// What is there, with the key of the component that needs it.
    pub found: Vec<(KeyPath, String)>,
    /// What is not there, does not answer or refuses.
    pub findings: Diagnostics,
}

/// Asks every component of an application for what it needs. Each has so long to answer, several at a time; one that
/// does not answer is left alone on its thread.
pub fn probe(app: &App, timeout: Duration) -> Probes {
    let mut probes = Probes::default();
    for components in app.planned().chunks(AT_ONCE) {
        let (sender, answers) = channel();
        for (index, planned) in components.iter().enumerate() {
            let (sender, component) = (sender.clone(), planned.component.clone());
            std::thread::spawn(move || {
                let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| component.lifecycle().probe()));
                // Who has stopped waiting does not listen any more.
                let _ = sender.send((index, answer.unwrap_or_else(|_| Err(Failure::message("it panicked")))));
            });
        }
        drop(sender);
        let mut outcomes: Vec<Option<Result<Probe, Failure>>> = components.iter().map(|_| None).collect();
        let deadline = Instant::now() + timeout;
        // It ends when all have answered or the time is up.
        while let Ok((index, outcome)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            outcomes[index] = Some(outcome);
        }
        for (planned, outcome) in components.iter().zip(outcomes) {
            match outcome {
                Some(Ok(Probe::Nothing)) => {}
                Some(Ok(Probe::Found(what))) => probes.found.push((planned.key.clone(), what)),
                Some(Err(failure)) => probes.findings.push(unreachable(planned, &failure)),
                None => probes.findings.push(silent(planned, timeout)),
            }
        }
    }
    probes.findings.sort();
    probes
}

fn finding(planned: &Planned, message: String) -> Diagnostic {
    Diagnostic::new(Code::Unreachable, message)
        .at(&planned.span, "needed here")
        .in_key(&planned.key)
        .of_component(planned.name)
}

fn unreachable(planned: &Planned, failure: &Failure) -> Diagnostic {
    let diagnostic = finding(planned, format!("`{}`: {}", planned.name, with_causes(failure)));
    failure.help().into_iter().fold(diagnostic, Diagnostic::help)
}

fn silent(planned: &Planned, timeout: Duration) -> Diagnostic {
    let message = format!("`{}` found no answer within {}", planned.name, seconds_text(timeout.as_secs_f64()));
    finding(planned, message).help("check that the other side runs and can be reached, or wait longer with `--timeout`")
}
