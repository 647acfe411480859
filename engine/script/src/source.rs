//! Reading scripts and modules: bounded, UTF-8, and only from ordinary files.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use palladium_component::value::{Code, Diagnostic, Source, nearest};

use crate::limits::SOURCE_BYTES;

/// Reads a script.
///
/// # Errors
/// A file that is missing, too large, no ordinary file or no UTF-8 text.
pub fn read(name: &str) -> Result<Arc<Source>, Box<Diagnostic>> {
    let path = Path::new(name);
    read_text(path).map(|text| Source::new(name, text)).map_err(|why| {
        let finding = Diagnostic::new(Code::FileNotFound, format!("script `{name}` {why}"));
        Box::new(match (why.starts_with("does not exist"), near(path)) {
            (true, Some(near)) => finding.help(format!("there is `{near}`; was it meant?")),
            _ => finding,
        })
    })
}

/// Returns the script in the same folder whose name is nearest.
fn near(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = fs::read_dir(folder).ok()?.flatten().take(10_000);
    let names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let scripts = names.iter().map(String::as_str).filter(|name| name.ends_with(".rhai"));
    nearest(path.file_name()?.to_str()?, scripts).map(str::to_owned)
}

/// Reads a text of bounded size; the error continues a sentence about the file.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let other = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let metadata = fs::metadata(path).map_err(other)?;
    if metadata.is_dir() {
        return Err("is a directory, not a file".to_owned());
    }
    if !metadata.is_file() {
        return Err("is a pipe, socket or device, not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(SOURCE_BYTES + 1).read_to_end(&mut bytes)).map_err(other)?;
    if bytes.len() as u64 > SOURCE_BYTES {
        return Err(format!("is larger than {} MiB", SOURCE_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("is not UTF-8 text (line {line})")
    })?;
    // Some editors begin a file with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
