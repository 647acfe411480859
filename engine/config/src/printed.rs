//! What Rhai code says by `print` and `debug`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;

/// Is told what Rhai code says.
pub(crate) type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Keeps lines, up to a bound, until somebody listens; then hands each on.
#[derive(Default)]
pub(crate) struct Printed(Mutex<State>);

#[derive(Default)]
struct State {
    lines: Vec<String>,
    listener: Option<Listener>,
}

impl Printed {
    pub(crate) fn say(&self, line: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = state.listener.clone() {
            drop(state);
            listener(line);
            return;
        }
        let n_bytes: usize = state.lines.iter().map(String::len).sum();
        if state.lines.len() < limits::PRINTED_LINES && n_bytes + line.len() <= limits::PRINTED_BYTES {
            state.lines.push(line.to_owned());
        }
    }

    /// Returns the lines that are kept.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    /// Hands the lines that are kept to a listener, and all that follow.
    pub(crate) fn listen(&self, listener: &Listener) {
        let lines = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.listener = Some(Arc::clone(listener));
            std::mem::take(&mut state.lines)
        };
        lines.iter().for_each(|line| listener(line));
    }
}
