//! What is said where standard output cannot be written.

use std::fs::File;

use crate::process::{iris, palladium, succeed, text};

#[test]
fn a_fit_whose_result_cannot_be_printed_says_that_the_model_is_stored() {
    let folder = iris();
    for (arguments, expected) in [
        (
            &["fit", "--config", "config.ron"][..],
            "error: version 1 is stored and active, but standard output cannot be",
        ),
        (
            &["fit", "--no-activate", "--config", "config.ron"],
            "error: version 2 is stored, but standard output cannot be",
        ),
        (&["fit", "--no-save", "--config", "config.ron"], "error: standard output cannot be"),
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = palladium(folder.path()).args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with(expected), "{said}");
    }
    assert!(succeed(folder.path(), &["list", "2", "--config", "config.ron"]).contains("\"version\": 2"));
}
