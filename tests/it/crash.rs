//! A killed process loses nothing.

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Signal;

use crate::process::{Running, iris, palladium, succeed};
use crate::serve::{SAMPLE, Service};

/// Kills `fit` at a different moment in each round; what was stored before stays readable, and the next fit works.
#[test]
fn a_killed_fit_leaves_the_store_as_it_was() {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let mut stored = 1;
    for round in 0..12 {
        let mut command = palladium(folder.path());
        command.args(["fit", "--no-activate", "--config", "config.ron"]).env("PALLADIUM_LOG", "trace");
        let mut child = Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let mut log = child.0.stderr.take().unwrap();
        let mut read = vec![0; 200 * (round + 1)];
        // The kill comes when so much of the log was written; a fit that is done by then has stored its model.
        let ended = log.read_exact(&mut read).is_err();
        child.signal(Signal::KILL);
        drop(child);

        // The service is the first to see the store after every other kill.
        if round % 2 == 0 {
            let response: serde_json::Value = Service::start(Arc::clone(&folder)).get(SAMPLE).json().unwrap();
            assert_eq!(response["result"], "Iris-versicolor", "round {round}");
        }
        let listing: serde_json::Value =
            serde_json::from_str(&succeed(folder.path(), &["list", "--config", "config.ron"])).unwrap();
        let versions = listing["models"].as_array().unwrap().len();
        assert!(versions == stored || versions == stored + 1, "round {round}: {listing}");
        assert!(!ended || versions == stored + 1, "round {round}: a fit that ended has stored its model");
        assert_eq!(listing["properties"]["active-model"], "1");
        stored = versions;
        assert_eq!(succeed(folder.path(), &["test", "--config", "config.ron"]), "score: 0.98\n");
    }
    let after = succeed(folder.path(), &["fit", "--config", "config.ron"]);
    assert!(after.contains("(active)"), "{after}");
}
