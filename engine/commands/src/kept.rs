//! Files that are neither replaced nor appended to, for their content would be lost: those of the configuration and
//! databases.

use std::path::{Path, PathBuf};

use palladium_component::interfaces::CommandError;
use palladium_component::value::{is_same_file, is_sqlite};

/// Returns what a file is if it is one of the configuration or a database of SQLite, such as a store of models.
pub fn kept(path: &Path, configuration: &[PathBuf]) -> Option<&'static str> {
    if configuration.iter().any(|file| is_same_file(path, file)) {
        return Some("a file of the configuration");
    }
    is_sqlite(path).then_some("a database")
}

/// Checks that files which are about to be written hold nothing that would be lost.
///
/// # Errors
/// One does.
pub fn check_replaced<'n>(
    written: impl Iterator<Item = &'n str>,
    configuration: &[PathBuf],
) -> Result<(), CommandError> {
    for name in written {
        if let Some(what) = kept(Path::new(name), configuration) {
            return Err(CommandError::Usage(format!("`{name}` is {what}, which would be lost: name another file")));
        }
    }
    Ok(())
}
