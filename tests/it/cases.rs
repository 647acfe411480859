//! Every file below `tests/cases` does what it says. `CASES=shell/` runs those whose path contains it.

use palladium_component::value::Code;

use crate::case;
use crate::process::repository;

#[test]
fn cases_print_what_they_say() {
    let update = std::env::var_os("UPDATE").is_some();
    let only = std::env::var("CASES").unwrap_or_default();
    let mut failures = Vec::new();
    let mut count = 0;
    for folder in std::fs::read_dir(repository().join("tests/cases")).unwrap() {
        for entry in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().contains(&only) {
                continue;
            }
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

/// Codes that no command can print: there is no configuration of the whole process, so none is initialized twice.
const NEVER_PRINTED: &[Code] = &[Code::AlreadyInitialized];

#[test]
fn every_code_of_a_diagnostic_is_shown_by_a_case() {
    let mut texts = String::new();
    for folder in ["tests/cases", "engine/config/tests/diagnostics"] {
        read_cases(&repository().join(folder), &mut texts);
    }
    for code in Code::ALL.iter().filter(|code| !NEVER_PRINTED.contains(code)) {
        assert!(texts.contains(&format!("error[{}]", code.as_str())), "no case shows `{}`", code.as_str());
    }
}

fn read_cases(folder: &std::path::Path, texts: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_cases(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "case") {
            texts.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
