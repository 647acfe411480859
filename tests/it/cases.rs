//! Every file below `tests/cases` does what it says.

use crate::case;
use crate::process::repository;

#[test]
fn cases_print_what_they_say() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut failures = Vec::new();
    let mut count = 0;
    for folder in std::fs::read_dir(repository().join("tests/cases")).unwrap() {
        for entry in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            let expected = std::fs::read_to_string(&path).unwrap();
            let found = case::run(&path);
            count += 1;
            if found != expected && update {
                std::fs::write(&path, found).unwrap();
            } else if found != expected {
                failures.push(format!("{}\nexpected\n{expected}\nfound\n{found}", path.display()));
            }
        }
    }
    assert!(count > 0, "there are no cases");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
