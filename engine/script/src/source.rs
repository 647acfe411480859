//! Reading scripts and modules: bounded, UTF-8, and only from ordinary files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use palladium_component::value::{Code, Diagnostic, Source, folder_of, nearest};
use palladium_config::script::{Unreadable, read_text};

/// Reads a script.
///
/// # Errors
/// A file that is missing, too large, no ordinary file or no UTF-8 text.
pub fn read(name: &str) -> Result<Arc<Source>, Box<Diagnostic>> {
    let path = Path::new(name);
    read_text(path).map(|text| Source::new(name, text)).map_err(|why| {
        let finding = Diagnostic::new(Code::FileNotFound, format!("script `{name}` {why}"));
        Box::new(match (why, near(path)) {
            (Unreadable::Missing, Some(near)) => finding.help(format!("there is `{near}`; was it meant?")),
            _ => finding,
        })
    })
}

/// Returns the script in the same folder whose name is nearest.
fn near(path: &Path) -> Option<String> {
    let names = fs::read_dir(folder_of(path)).ok()?.flatten().take(10_000);
    let names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let scripts = names.iter().map(String::as_str).filter(|name| name.ends_with(".rhai"));
    nearest(path.file_name()?.to_str()?, scripts).map(str::to_owned)
}
