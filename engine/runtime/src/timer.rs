//! Logs how long something took.

use std::time::Instant;

use tracing::info;

/// Runs `body` between two log lines, `⟨message⟩...` and `⟨message⟩ done in ⟨seconds⟩ sec.`; where it fails there is
/// no second line.
pub(crate) fn timed<T, E>(message: &str, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    info!("{message}...");
    let start = Instant::now();
    let done = body()?;
    info!("{message} done in {:.3} sec.", start.elapsed().as_secs_f64());
    Ok(done)
}
