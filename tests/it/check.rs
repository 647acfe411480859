//! What `palladium check` does where no case file can show it.

use std::process::Command;

use crate::process::{palladium, text};

#[test]
fn who_does_not_answer_is_found_after_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody writes into this pipe, so that nobody can open it for reading.
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    let config = r#"{
        "dataset_loader_train": { "!": "palladium.dataset.CSV", "path": "pipe" },
        "model_persister": { "!": "palladium.persistence.Database", "url": "sqlite:///models.db" },
    }"#;
    std::fs::write(folder.path().join("config.ron"), config).unwrap();
    let output = palladium(folder.path())
        .args(["check", "--connect", "--timeout", "1", "--config", "config.ron"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    assert!(printed.contains("`palladium.dataset.CSV` found no answer within 1 second"), "{printed}");
    assert!(printed.contains("config.ron:2:"), "{printed}");
    assert!(printed.contains("model_persister: no store"), "the others are asked all the same: {printed}");
}
