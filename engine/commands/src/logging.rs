//! Where the log goes: to standard error, one line an event.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged.
const VARIABLE: &str = "PALLADIUM_LOG";

/// What is logged unless the variable says otherwise: a line for every request would cost more than the request.
const DEFAULT: &str = "info,palladium::access=off,actix_server=warn";

/// Sets up the log; further calls do nothing. `PALLADIUM_LOG` holds directives such as `debug` or
/// `palladium_runtime=debug,warn`; what cannot be read in it is said and passed over.
pub fn set_up() {
    let directives = std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned());
    let (filter, wrong) = match EnvFilter::builder().parse(&directives) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(DEFAULT), Some(error)),
    };
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(color).with_env_filter(filter).finish();
    let first = tracing::subscriber::set_global_default(subscriber).is_ok();
    if let (true, Some(error)) = (first, wrong) {
        tracing::warn!("`{VARIABLE}` is passed over: {error}");
    }
}
