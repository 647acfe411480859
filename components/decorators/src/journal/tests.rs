use std::process::Command;

use palladium_component::value::with_causes;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::*;

/// The variable that tells a test that it is the process of another one, and where it works.
const FOLDER: &str = "PALLADIUM_TEST_JOURNAL";

/// Has a test of this file run in a process of its own, whose limits it may change.
fn run_alone(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    // A write beyond the limit is an error, and not the end of the process.
    let line = "trap '' XFSZ; exec \"$0\" --exact \"journal::tests::$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).arg(std::env::current_exe().unwrap()).arg(test).env(FOLDER, folder.path());
    let output = shell.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Does something while a resource of this process is limited.
fn limited<T>(resource: Resource, limit: u64, work: impl FnOnce() -> T) -> T {
    let before = getrlimit(resource);
    setrlimit(resource, Rlimit { current: Some(limit), maximum: before.maximum }).unwrap();
    let done = work();
    setrlimit(resource, before).unwrap();
    done
}

/// Returns a line of a journal that goes on.
fn line(number: u32) -> String {
    format!("{}\n", numbered(number))
}

fn numbered(number: u32) -> Json {
    json!({"request_id": number.to_string()})
}

#[test]
fn files_are_put_aside_when_they_are_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let bounds = |keep| Some(Rotation { max_bytes: 20, keep });
    let journal = Journal::open(&path, bounds(2)).unwrap();
    for number in 0..10 {
        journal.append(&json!({"n": number}), false).unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("log"), "{\"n\":8}\n{\"n\":9}\n");
    assert_eq!(read("log.1"), "{\"n\":6}\n{\"n\":7}\n");
    assert_eq!(read("log.2"), "{\"n\":4}\n{\"n\":5}\n");
    assert_eq!(folder.path().read_dir().unwrap().count(), 3);

    drop(journal);
    std::fs::write(&path, line(0)).unwrap();
    let journal = Journal::open(&path, bounds(0)).unwrap();
    journal.append(&json!({"request_id": "larger than a file may be"}), true).unwrap();
    assert_eq!((read("log").lines().count(), read("log.1").lines().count()), (1, 2));
    assert!(Journal::open(&folder.path().join("no/log"), None).is_err());
}

/// Not a test by itself: the process of `a_line_that_fails_leaves_nothing_behind`.
#[test]
fn child_whose_disk_is_full() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let path = PathBuf::from(folder).join("log");
    let journal = Journal::open(&path, None).unwrap();
    journal.append(&json!({"n": 0}), true).unwrap();
    for limit in [8, 11, 14] {
        // A part of the line fits.
        let full = limited(Resource::Fsize, limit, || journal.append(&json!({"n": 1}), true));
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":0}\n");
    }
    journal.append(&json!({"n": 2}), true).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":0}\n{\"n\":2}\n");
}

#[test]
fn a_line_that_fails_leaves_nothing_behind() {
    run_alone("child_whose_disk_is_full");
}

#[test]
fn what_cannot_be_taken_back_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut open = open(&path).unwrap();
    open.append(b"a\n").unwrap();
    // Another process has written since.
    std::fs::write(&path, "a\nb\n{\"c").unwrap();
    open.take_back(3);
    open.append(b"d\n").unwrap();
    open.append(b"e\n").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n{\"c\nd\ne\n");
}

#[test]
fn a_file_that_ends_within_a_line_is_gone_on_with_on_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (whole, torn) = (line(0), "{\"request_id\":\"ab");
    let twice = format!("{whole}{{}}\n");
    for (before, after) in [("", "{}\n"), (&whole, &twice), (torn, &format!("{torn}\n{{}}\n"))] {
        std::fs::write(&path, before).unwrap();
        Journal::open(&path, None).unwrap().append(&json!({}), false).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    }
}

/// Not a test by itself: the process of `files_that_are_kept_survive_a_failure`.
#[test]
fn child_without_descriptors() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let journal = Journal::open(&folder.join("log"), Some(Rotation { max_bytes: 10, keep: 3 })).unwrap();
    for number in 0..5 {
        journal.append(&json!({"n": number}), false).unwrap();
    }
    let read = || {
        let names = ["log", "log.1", "log.2", "log.3"];
        names.map(|name| std::fs::read_to_string(folder.join(name)).unwrap())
    };
    let line = |number: u32| format!("{{\"n\":{number}}}\n");
    for _ in 0..5 {
        limited(Resource::Nofile, 3, || journal.append(&json!({"n": 5}), false).unwrap_err());
        assert_eq!(read(), [4, 3, 2, 1].map(line));
    }
    journal.append(&json!({"n": 6}), false).unwrap();
    assert_eq!(read(), [6, 4, 3, 2].map(line));
}

#[test]
fn files_that_are_kept_survive_a_failure() {
    run_alone("child_without_descriptors");
}

#[test]
fn a_gap_that_a_failure_left_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for name in ["log.2", "log.3"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let journal = Journal::open(&path, Some(Rotation { max_bytes: 10, keep: 3 })).unwrap();
    for number in 0..2 {
        journal.append(&json!({"n": number}), false).unwrap();
    }
    let names = ["log", "log.1", "log.2", "log.3"];
    let found = names.map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap());
    assert_eq!(found, ["{\"n\":1}\n", "{\"n\":0}\n", "log.2", "log.3"]);
}

/// As two decorators of one list do, and those before and after a reload.
#[test]
fn all_that_append_to_one_file_share_it() {
    const LINES: u32 = 200;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("log"), folder.path().join("link"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let bounds = |keep| Some(Rotation { max_bytes: 100, keep });
    let old = Journal::open(&path, bounds(1000)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..LINES {
                old.append(&numbered(number), false).unwrap();
            }
        });
        for number in LINES..2 * LINES {
            Journal::open(&link, bounds(5)).unwrap().append(&numbered(number), false).unwrap();
        }
    });
    let files = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|file| *file != link).collect();
    assert!(files.len() > 10, "{files:?}");
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let number = |line: &str| serde_json::from_str::<Json>(line).unwrap()["request_id"].as_str().unwrap().parse();
    let mut numbers: Vec<u32> = text.lines().map(|line| number(line).unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..2 * LINES).collect::<Vec<_>>());
}

#[test]
fn the_widest_bounds_count_for_as_long_as_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let narrow = Journal::open(&path, Some(Rotation { max_bytes: 10, keep: 1 })).unwrap();
    let wide = Journal::open(&path, Some(Rotation { max_bytes: 20, keep: 2 })).unwrap();
    let unbounded = Journal::open(&path, None).unwrap();
    let append = || narrow.append(&json!({"n": 0}), false).unwrap();
    let lines = || {
        let files = ["log", "log.1", "log.2"].map(|name| folder.path().join(name));
        files.map(|file| std::fs::read_to_string(file).map_or(0, |text| text.lines().count()))
    };
    (0..4).for_each(|_| append());
    assert_eq!(lines(), [4, 0, 0]);
    drop(unbounded);
    (0..3).for_each(|_| append());
    assert_eq!(lines(), [1, 2, 4]);
    drop(wide);
    append();
    assert_eq!(lines(), [1, 1, 4]);
}

#[test]
fn a_file_that_is_gone_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let journal = Journal::open(&path, Some(Rotation { max_bytes: 40, keep: 2 })).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    journal.append(&numbered(0), true).unwrap();
    rename(&path, folder.path().join("elsewhere")).unwrap();
    journal.append(&numbered(1), true).unwrap();
    assert_eq!((read("elsewhere"), read("log")), (line(0), line(1)));
    std::fs::remove_file(&path).unwrap();
    journal.append(&numbered(2), false).unwrap();
    assert_eq!(read("log"), line(2));
    assert!(!folder.path().join("log.1").exists(), "what is gone is not put aside");
    rename(folder.path().join("elsewhere"), &path).unwrap();
    journal.append(&numbered(3), false).unwrap();
    assert_eq!(read("log"), line(0) + &line(3));
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(journal.append(&json!(4), false).is_err(), "what cannot be kept is told");
}

#[test]
fn a_pipe_is_written_to_once_somebody_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let error = Journal::open(&path, None).err().unwrap();
    assert!(with_causes(&error).ends_with(": it is a pipe that nobody reads; start its reader first"));

    // Reader and writer wait for each other; whoever reads and writes has no need to.
    let mut reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let journal = Journal::open(&path, Some(Rotation { max_bytes: 10, keep: 1 })).unwrap();
    for number in 0..3 {
        journal.append(&json!({"n": number}), false).unwrap();
    }
    let mut read = [0; 24];
    reader.read_exact(&mut read).unwrap();
    assert_eq!(read, *b"{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
    Journal::open(Path::new("/dev/null"), None).unwrap().append(&json!({}), false).unwrap();
}

#[test]
fn what_somebody_else_has_written_stays() {
    const STORE: &str = "SQLite format 3\0 and models";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let read = || std::fs::read_to_string(&path).unwrap();
    let bounds = Some(Rotation { max_bytes: 10, keep: 0 });
    std::fs::write(&path, STORE).unwrap();
    for failure in [Journal::open(&path, bounds).err().unwrap(), Journal::probe(&path).err().unwrap()] {
        let said = with_causes(&failure);
        let expected = "cannot be appended to: it holds something else than lines of `RequestLog` and `AuditLog`";
        assert!(said.starts_with(&format!("`{}`", path.display())) && said.ends_with(expected), "{said}");
        assert!(failure.help().unwrap().starts_with("name a file that is not there yet"));
    }
    assert_eq!(read(), STORE);

    // It comes in the place of the file, or into the file while that is empty.
    let journal = Journal::open(&folder.path().join("other"), bounds).unwrap();
    for name in ["other", "other.new"] {
        journal.append(&numbered(0), false).unwrap();
        let foreign = folder.path().join("foreign");
        std::fs::write(&foreign, STORE).unwrap();
        rename(&foreign, folder.path().join(name)).unwrap();
        assert!(journal.append(&numbered(1), false).is_err(), "{name}");
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), STORE);
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    let journal = Journal::open(&path, bounds).unwrap();
    std::fs::write(&path, STORE).unwrap();
    assert!(journal.append(&numbered(0), false).is_err());
    assert_eq!(read(), STORE);
}

#[test]
fn whether_a_file_can_be_opened_is_found_out_without_making_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let found = |path: &Path| match Journal::probe(path) {
        Ok(Probe::Found(what)) => what,
        Ok(Probe::Nothing) => panic!("it needs a file"),
        Err(failure) => with_causes(&failure),
    };
    let shown = path.display();
    assert_eq!(found(&path), format!("the file `{shown}`, which will be made"));
    assert!(!path.exists());
    std::fs::write(&path, line(0)).unwrap();
    assert_eq!(found(&path), format!("the file `{shown}`"));
    for (path, said) in [(folder.path(), "it is a folder"), (Path::new("/no/log"), "there is no folder `/no`")] {
        let expected = format!("`{}` cannot be appended to: {said}", path.display());
        assert_eq!(found(path), expected);
        assert_eq!(with_causes(&Journal::open(path, None).err().unwrap()), expected);
    }
}
