//! Log files: appended to, begun anew with each period, the oldest deleted.
//!
//! The period is part of the name, so that several processes can write to one log: none renames what others write to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use palladium_component::value::{beginning, check_appendable, descriptor_of, folder_of};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// How often a new file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Never: there is one file.
    Never,
    /// Each day, in UTC.
    Daily,
    /// Each hour, in UTC.
    Hourly,
}

/// Where and how to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The file; the period stands before its extension.
    pub path: PathBuf,
    /// How often a new file is begun.
    pub rotation: Rotation,
    /// How many files are kept, the current one included; nothing stands for all.
    pub keep: Option<usize>,
}

/// The file of the current period.
pub struct LogFiles {
    log: LogFile,
    period: String,
    file: File,
    /// Whether the file ends within a line.
    is_torn: bool,
}

impl LogFiles {
    /// Opens the file of this period.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(log: LogFile) -> io::Result<LogFiles> {
        LogFiles::open_at(log, Utc::now())
    }

    fn open_at(log: LogFile, now: DateTime<Utc>) -> io::Result<LogFiles> {
        let period = log.period(now);
        let file = log.begin(&period)?;
        Ok(LogFiles { log, period, file, is_torn: false })
    }

    /// Appends whole lines, and leaves those that are not written whole.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&mut self, lines: &mut &[u8]) -> io::Result<()> {
        self.write_at(lines, Utc::now())
    }

    fn write_at(&mut self, lines: &mut &[u8], now: DateTime<Utc>) -> io::Result<()> {
        let period = self.log.period(now);
        // A clock that is set back must not bring back an earlier file.
        if period > self.period {
            self.file = self.log.begin(&period)?;
            self.period = period;
            self.is_torn = false;
        }
        // Another process may have appended something since, so that a part of a line is ended and not taken back.
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        while !lines.is_empty() {
            match self.file.write(lines) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n_written) => {
                    let (written, rest) = lines.split_at(n_written);
                    self.is_torn = !written.ends_with(b"\n");
                    *lines = rest;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl LogFile {
    /// Returns the name of a period; names sort as the periods follow each other.
    fn period(&self, now: DateTime<Utc>) -> String {
        match self.rotation {
            Rotation::Never => String::new(),
            Rotation::Daily => now.format("%Y-%m-%d").to_string(),
            Rotation::Hourly => now.format("%Y-%m-%dT%H").to_string(),
        }
    }

    fn path_of(&self, period: &str) -> PathBuf {
        match period {
            "" => self.path.clone(),
            period => self.folder().join(self.name(period)),
        }
    }

    /// Returns the file of this period.
    pub fn current(&self) -> PathBuf {
        self.path_of(&self.period(Utc::now()))
    }

    /// Checks that the file of this period can be written, without making it.
    ///
    /// # Errors
    /// Those of [`LogFiles::open`] that can be known before.
    pub fn check(&self) -> io::Result<()> {
        let path = self.current();
        check_appendable(&path).and_then(|()| check_content(&path))
    }

    /// Opens the file of a period and deletes the oldest others.
    fn begin(&self, period: &str) -> io::Result<File> {
        let path = self.path_of(period);
        check_content(&path)?;
        let file = open(&path)?;
        self.delete_oldest();
        Ok(file)
    }

    /// Returns the folder of the file.
    fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// Returns the file name of a period: `palladium.2026-01-31.log` for `palladium.log`.
    fn name(&self, period: &str) -> String {
        let (stem, extension) = self.stem_and_extension();
        format!("{stem}.{period}{extension}")
    }

    fn stem_and_extension(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let extension = text(self.path.extension()).map(|extension| format!(".{extension}"));
        (text(self.path.file_stem()).unwrap_or_default(), extension.unwrap_or_default())
    }

    /// Deletes the oldest files beyond those to keep. One that cannot be deleted stays: logging goes on.
    fn delete_oldest(&self) {
        let Some(keep) = self.keep else { return };
        let (stem, extension) = self.stem_and_extension();
        let is_period = |name: &str| {
            let period = name.strip_prefix(&stem)?.strip_prefix('.')?.strip_suffix(&extension)?;
            let length = if self.rotation == Rotation::Hourly { "2026-01-31T00".len() } else { "2026-01-31".len() };
            let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'T');
            (period.len() == length && period.bytes().all(is_part)).then_some(())
        };
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten().filter_map(Result::ok);
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_period(name).is_some()).collect();
        names.sort_unstable();
        for name in names.iter().rev().skip(keep) {
            let _ = std::fs::remove_file(self.folder().join(name));
        }
    }
}

/// Checks that what a file holds may go on with lines of text. What cannot be read or has no end is not looked at.
fn check_content(path: &Path) -> io::Result<()> {
    const LOOKED_AT: u64 = 1024;
    let found = if descriptor_of(path).is_none() { beginning(path, LOOKED_AT).unwrap_or_default() } else { Vec::new() };
    match found.contains(&0) {
        true => Err(io::Error::other("it holds something else than text, such as a database")),
        false => Ok(()),
    }
}

/// Opens a file, or a pipe that somebody reads.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
    let file = options.open(path).map_err(|error| {
        let is_pipe = path.metadata().is_ok_and(|found| found.file_type().is_fifo());
        let is_unread = is_pipe && error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
        if is_unread { io::Error::other("it is a pipe that nobody reads; start its reader first") } else { error }
    })?;
    // Opening must not wait until somebody reads a pipe; writing may.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn begins_a_file_for_each_period_and_deletes_the_oldest() {
        let cases = [
            (Rotation::Never, Some(1), vec!["a.log", "a.other.log"]),
            (Rotation::Daily, None, vec!["a.2026-01-30.log", "a.2026-01-31.log", "a.2026-02-01.log", "a.other.log"]),
            (Rotation::Daily, Some(2), vec!["a.2026-01-31.log", "a.2026-02-01.log", "a.other.log"]),
            (
                Rotation::Hourly,
                Some(3),
                vec!["a.2026-01-30T23.log", "a.2026-01-31T23.log", "a.2026-02-01T00.log", "a.other.log"],
            ),
        ];
        for (rotation, keep, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a.other.log"), "").unwrap();
            let log = LogFile { path: folder.path().join("a.log"), rotation, keep };
            let mut files = LogFiles::open_at(log.clone(), at("2026-01-30T10:00:00Z")).unwrap();
            for now in ["2026-01-30T23:59:59Z", "2026-01-31T23:00:00Z", "2026-02-01T00:00:00Z", "2026-01-31T23:59:00Z"]
            {
                files.write_at(&mut b"x\n".as_slice(), at(now)).unwrap();
            }
            assert_eq!(names(folder.path()), expected, "{rotation:?}");
            let mut again = LogFiles::open_at(log.clone(), at("2026-02-01T00:10:00Z")).unwrap();
            again.write_at(&mut b"y\n".as_slice(), at("2026-02-01T00:10:00Z")).unwrap();
            let last = folder.path().join(expected[expected.len() - 2]);
            assert!(std::fs::read_to_string(last).unwrap().ends_with("x\ny\n"), "it is appended to");
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| LogFile { path: folder.path().join(name), rotation: Rotation::Never, keep: None };
        std::fs::write(folder.path().join("models.db"), "SQLite format 3\0").unwrap();
        std::fs::write(folder.path().join("a.log"), "a line\n").unwrap();
        for log in [at("no/a.log"), LogFile { rotation: Rotation::Daily, ..at("no/a.log") }, at(""), at("models.db")] {
            assert!(log.check().is_err() && LogFiles::open(log.clone()).is_err(), "{log:?}");
        }
        assert_eq!(std::fs::read(folder.path().join("models.db")).unwrap(), b"SQLite format 3\0");
        for log in [at("a.log"), at("new.log"), LogFile { path: "/dev/full".into(), ..at("") }] {
            assert!(log.check().is_ok(), "{log:?}");
        }
        assert_eq!(names(folder.path()), ["a.log", "models.db"], "a check makes none");
    }

    #[test]
    fn a_pipe_is_opened_once_somebody_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let log = LogFile { path: path.clone(), rotation: Rotation::Never, keep: None };
        let error = LogFiles::open(log.clone()).err().unwrap();
        assert_eq!(error.to_string(), "it is a pipe that nobody reads; start its reader first");
        // Who reads and writes does not wait for anybody.
        let _reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        assert!(LogFiles::open(log).is_ok());
        let device = LogFile { path: "/dev/null".into(), rotation: Rotation::Never, keep: None };
        assert!(LogFiles::open(device).is_ok());
    }
}
