//! What a file holds that is to be appended to: lines of a journal, or something that stays as it is.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use palladium_component::value::descriptor_of;
use serde_json::{Map as JsonMap, Value as Json};

/// The field that every line has.
const FIELD: &str = "request_id";

/// What lines begin with, by which one is known that is torn or longer than what is read.
const BEGINNINGS: [&[u8]; 2] = [b"{\"request_id\":\"", b"{\"time\":\""];

/// So many bytes are read at either end.
const READ_BYTES: u64 = 64 << 10;

/// Checks that a file is empty or holds lines of a journal, by its first line and the last whole one. What is no file,
/// stands for a descriptor of this process or cannot be read is not looked at.
///
/// # Errors
/// It holds something else, or the system's.
pub fn check(path: &Path) -> io::Result<()> {
    // Who opens a pipe waits until somebody writes into it.
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) || descriptor_of(path).is_some() {
        return Ok(());
    }
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let first = read(&mut file)?;
    if first.is_empty() || is_first(&first) {
        return Ok(());
    }
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(READ_BYTES)))?;
    match read(&mut file)?.rsplit(|byte| *byte == b'\n').nth(1).is_some_and(is_line) {
        true => Ok(()),
        false => Err(io::Error::other("it holds something else than lines of `RequestLog` and `AuditLog`")),
    }
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(READ_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells whether what a file begins with is a line, a torn one too.
fn is_first(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    is_line(line) || BEGINNINGS.iter().any(|beginning| line.starts_with(beginning) || is_torn(line, text, beginning))
}

/// Tells whether a file holds nothing but a part of what lines begin with.
fn is_torn(line: &[u8], text: &[u8], beginning: &[u8]) -> bool {
    !line.is_empty() && line.len() == text.len() && beginning.starts_with(line)
}

fn is_line(line: &[u8]) -> bool {
    serde_json::from_slice::<JsonMap<String, Json>>(line).is_ok_and(|fields| fields.contains_key(FIELD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_journals_have_not_written_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let long = format!("{{\"request_id\":\"a\",\"b\":\"{}\"}}\n", "b".repeat(70_000));
        for (content, is_own) in [
            ("", true),
            ("{\"request_id\":\"a\"}\n", true),
            ("{\"status\":200,\"request_id\":\"a\"}\n", true),
            ("{\"request_id\":\"a\"}", true),
            ("{\"request_id\":\"a\",\"met", true),
            ("{\"time\":\"2026", true),
            ("{\"req", true),
            ("{", true),
            ("{\"request_id\":\"a\n{\"status\":200,\"request_id\":\"b\"}\n", true),
            ("of a line\"}\n{\"request_id\":\"b\"}\n", true),
            ("of a line\"}\n{\"request_id\":\"b\"}\n{\"requ", true),
            (&long, true),
            ("SQLite format 3\0", false),
            ("{\n    \"model\": Model(),\n}\n", false),
            ("{\"model\": {\"!\": \"Model\"}}\n", false),
            ("{\"model\": {\"!\": \"Model\"}}", false),
            ("{\n", false),
            ("\n", false),
            ("1,2\n3,4\n", false),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(check(&path).is_ok(), is_own, "{content:.80}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        for path in [folder.path(), &folder.path().join("missing"), Path::new("/dev/zero")] {
            assert!(check(path).is_ok(), "opening it tells what is wrong");
        }
    }
}
