//! What is looked at before a file is written: what it holds, and whether it can be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Access, access};

use crate::folder_of;

/// Returns the descriptor that a path such as `/dev/stdout` and `/dev/fd/3` stands for, by itself or as a link to one.
pub fn descriptor_of(path: &Path) -> Option<i32> {
    // So many links Linux follows itself.
    const LINKS: usize = 40;
    let own: Vec<_> = ["/proc/self/fd", "/proc/thread-self/fd"].map(fs::canonicalize).into_iter().flatten().collect();
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let folder = fs::canonicalize(folder_of(&path)).ok()?;
        let name = path.file_name()?;
        let target = fs::read_link(folder.join(name)).ok()?;
        if own.contains(&folder) {
            return name.to_str()?.parse().ok();
        }
        path = folder.join(target);
    }
    None
}

/// Tells whether two names are those of one file.
pub fn is_same_file(one: impl AsRef<Path>, other: impl AsRef<Path>) -> bool {
    let (one, other) = (one.as_ref(), other.as_ref());
    let file = |name: &Path| fs::canonicalize(name).ok();
    one == other
        || descriptor_of(one).is_some_and(|one| descriptor_of(other) == Some(one))
        || file(one).is_some_and(|one| file(other) == Some(one))
}

/// Tells whether a file begins as databases of SQLite do. What is no file is not read.
pub fn is_sqlite(path: &Path) -> bool {
    const BEGINNING: &[u8; 16] = b"SQLite format 3\0";
    beginning(path, BEGINNING.len() as u64).is_ok_and(|found| found == BEGINNING)
}

/// Returns the first bytes of a file, at most so many; of what is no file, such as a device or a pipe, nothing.
///
/// # Errors
/// It is not there, or cannot be read.
pub fn beginning(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    if fs::metadata(path)?.is_file() {
        File::open(path)?.take(most).read_to_end(&mut found)?;
    }
    Ok(found)
}

/// Checks that a file can be appended to, or made where there is none; it is neither made nor changed. Of what is no file
/// nothing is found out: opening a pipe or a device could do something.
///
/// # Errors
/// It is a folder, its folder is missing or may not be written, or the system's.
pub fn check_appendable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(found) if found.is_file() => OpenOptions::new().append(true).open(path).map(drop),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = folder_of(path);
            if !folder.is_dir() {
                return Err(io::Error::other(format!("there is no folder `{}`", folder.display())));
            }
            let denied =
                |error| io::Error::other(format!("it is not there, and its folder: {}", io::Error::from(error)));
            access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(denied)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_to_descriptors_are_told_from_links_to_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        let file = File::open(at("file")).unwrap();
        let number = file.as_raw_fd();
        symlink(format!("/dev/fd/{number}"), at("to descriptor")).unwrap();
        symlink("to descriptor", at("to link")).unwrap();
        symlink("file", at("to file")).unwrap();
        symlink("endless", at("endless")).unwrap();
        for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/../proc/thread-self/fd/1"] {
            assert_eq!(descriptor_of(Path::new(path)), Some(1), "{path}");
        }
        assert_eq!(descriptor_of(Path::new("/dev/stdin")), Some(0));
        for name in ["to descriptor", "to link"] {
            assert_eq!(descriptor_of(&at(name)), Some(number), "{name}");
        }
        for path in [at("file"), at("to file"), at("endless"), at("missing"), "/dev/null".into(), "/".into()] {
            assert_eq!(descriptor_of(&path), None, "{}", path.display());
        }
        drop(file);
        assert_eq!(descriptor_of(Path::new("/dev/fd/4000")), None);
    }

    #[test]
    fn databases_are_told_by_their_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (content, expected) in [("SQLite format 3\0 and more", true), ("SQLite format 3", false), ("", false)] {
            fs::write(&path, content).unwrap();
            assert_eq!(is_sqlite(&path), expected, "{content:?}");
        }
        assert!(!is_sqlite(folder.path()) && !is_sqlite(&folder.path().join("missing")));
        assert_eq!(beginning(Path::new("/dev/zero"), 4).unwrap(), b"");
    }

    #[test]
    fn what_can_be_appended_to_is_found_out_without_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "a\n").unwrap();
        for path in [at("file"), at("new"), "/dev/full".into()] {
            check_appendable(&path).unwrap();
        }
        for (path, said) in [
            (folder.path().to_owned(), "it is a folder".to_owned()),
            (at("no/file"), format!("there is no folder `{}`", at("no").display())),
            (at("file/new"), "Not a directory (os error 20)".to_owned()),
        ] {
            assert_eq!(check_appendable(&path).unwrap_err().to_string(), said);
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"a\n");
        assert!(!at("new").exists());
    }
}
