//! What `palladium check` does where no case file can show it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::geteuid;

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

/// Rights do not count for root: then somebody else runs the command.
fn without_rights(folder: &Path, arguments: &[&str]) -> Output {
    const NOBODY: u32 = 65534;
    let mut usual = palladium(folder);
    if !geteuid().is_root() {
        return usual.args(arguments).args(["--config", "config.ron"]).output().unwrap();
    }
    // The binary may lie where root alone looks.
    let program = folder.join("palladium");
    if !program.exists() {
        let linked = fs::hard_link(usual.get_program(), &program);
        linked.or_else(|_| fs::copy(usual.get_program(), &program).map(drop)).unwrap();
    }
    let mut command = Command::new(program);
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(folder).uid(NOBODY).gid(NOBODY);
    command.args(arguments).args(["--config", "config.ron"]).output().unwrap()
}

#[test]
fn stores_that_may_not_be_written_are_told_before_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, models) = (folder.path(), folder.path().join("models"));
    let allow = |folder: &Path, mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(&models).unwrap();
    allow(folder, 0o755);
    let stores = [
        r#"{ "!": "palladium.persistence.File", "path": "models/m-{version}" }"#,
        r#"{ "!": "palladium.persistence.Database", "url": "sqlite:///models/models.db" }"#,
    ];
    for store in stores {
        let config = format!(
            r#"{{
                "dataset_loader_train": {{
                    "!": "palladium.dataset.CSV", "path": "data.csv", "target_column": "a",
                }},
                "model": {{ "!": "palladium.linear.LogisticRegression" }},
                "model_persister": {store},
            }}"#
        );
        fs::write(folder.join("config.ron"), config).unwrap();
        let is_refused_before_the_data_are_looked_for = || {
            fs::remove_file(folder.join("data.csv")).ok();
            let fit = without_rights(folder, &["fit"]);
            let told = text(&fit.stderr);
            assert!(!fit.status.success() && told.contains("written by this user"), "{told}");
            fs::write(folder.join("data.csv"), "a,b\nx,1\ny,2\nx,1.5\ny,2.5\n").unwrap();
        };
        allow(&models, 0o555);
        is_refused_before_the_data_are_looked_for();
        let check = without_rights(folder, &["check", "--connect"]);
        let told = text(&check.stdout);
        assert!(!check.status.success() && told.contains("written by this user"), "{told}");

        allow(&models, 0o777);
        let fit = without_rights(folder, &["fit"]);
        assert!(fit.status.success(), "{}", text(&fit.stderr));
        allow(&models, 0o555);
        is_refused_before_the_data_are_looked_for();
        // Who only serves need not write.
        let check = without_rights(folder, &["check", "--connect"]);
        let told = text(&check.stdout);
        assert!(check.status.success() && told.contains(", which this user may only read"), "{told}");
    }
}
