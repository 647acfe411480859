//! Files that predictions do not replace, for they are no files of rows: those of the configuration and databases.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use palladium_component::interfaces::CommandError;

use crate::descriptor;

/// Checks that files which are about to be written are neither of the configuration nor databases of SQLite, such as a
/// store of models.
///
/// # Errors
/// One is.
pub fn check_replaced<'n>(
    written: impl Iterator<Item = &'n str>,
    configuration: &[PathBuf],
) -> Result<(), CommandError> {
    for name in written {
        let what = if configuration.iter().any(|file| is_same(name, file)) {
            "a file of the configuration"
        } else if is_database(Path::new(name)) {
            "a database"
        } else {
            continue;
        };
        return Err(CommandError::Usage(format!("`{name}` is {what}, which would be lost: name another file")));
    }
    Ok(())
}

/// Tells whether two names are those of one file.
pub fn is_same(one: impl AsRef<Path>, other: impl AsRef<Path>) -> bool {
    let (one, other) = (one.as_ref(), other.as_ref());
    let file = |name: &Path| fs::canonicalize(name).ok();
    let descriptor = |name: &Path| descriptor::of(name);
    one == other
        || descriptor(one).is_some_and(|one| descriptor(other) == Some(one))
        || file(one).is_some_and(|one| file(other) == Some(one))
}

/// Tells whether a file begins as databases of SQLite do. What is no file is not read.
fn is_database(path: &Path) -> bool {
    const BEGINNING: &[u8; 16] = b"SQLite format 3\0";
    let begins = || {
        let mut found = [0; BEGINNING.len()];
        File::open(path)?.read_exact(&mut found)?;
        std::io::Result::Ok(found == *BEGINNING)
    };
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) && begins().unwrap_or(false)
}
