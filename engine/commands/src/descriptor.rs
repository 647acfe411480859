//! Descriptors that the process was given, which paths such as `/dev/stdout` and `/dev/fd/3` stand for.

use std::fs::File;
use std::io;

use rustix::fd::{BorrowedFd, RawFd};
use rustix::io::{Errno, FdFlags, fcntl_getfd};

/// The descriptor of standard input.
pub const INPUT: RawFd = 0;
/// The descriptor of standard output.
pub const OUTPUT: RawFd = 1;

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

    use super::*;

    #[test]
    fn what_the_process_has_opened_itself_is_not_given() {
        let file = File::open("/dev/null").unwrap();
        assert!(open(file.as_raw_fd()).is_err());
    }
}
