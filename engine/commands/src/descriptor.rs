//! Paths that stand for descriptors of the process, such as `/dev/stdout` and `/dev/fd/3`.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use palladium_component::value::folder_of;
use rustix::fd::{BorrowedFd, RawFd};
use rustix::io::{Errno, FdFlags, fcntl_getfd};

/// The descriptor of standard input.
pub const INPUT: RawFd = 0;
/// The descriptor of standard output.
pub const OUTPUT: RawFd = 1;

/// Returns the descriptor that a path stands for, by itself or as a link to one.
pub fn of(path: &Path) -> Option<RawFd> {
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

/// Returns a file that reads and writes where a descriptor stands, as its other owners do: opened anew by its path it
/// would begin at the start.
///
/// # Errors
/// The descriptor is none that the process was given, or there are too many.
#[expect(unsafe_code, reason = "the descriptors that a process is given have no owner in Rust")]
pub fn open(descriptor: RawFd) -> io::Result<File> {
    // SAFETY: it is borrowed for one call of the system, which refuses what is not open.
    let given = unsafe { BorrowedFd::borrow_raw(descriptor) };
    // What the process has opened itself is closed in programs that it starts.
    match fcntl_getfd(given)?.contains(FdFlags::CLOEXEC) {
        true => Err(Errno::BADF.into()),
        false => given.try_clone_to_owned().map(File::from),
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
            assert_eq!(of(Path::new(path)), Some(OUTPUT), "{path}");
        }
        assert_eq!(of(Path::new("/dev/stdin")), Some(INPUT));
        for name in ["to descriptor", "to link"] {
            assert_eq!(of(&at(name)), Some(number), "{name}");
        }
        for path in [at("file"), at("to file"), at("endless"), at("missing"), "/dev/null".into(), "/".into()] {
            assert_eq!(of(&path), None, "{}", path.display());
        }
        assert!(open(number).is_err(), "it is the test's own");
        drop(file);
        assert_eq!(of(Path::new("/dev/fd/4000")), None);
    }
}
