//! Every kind of store that the tests of all stores run against. Servers are told by variables of the environment; a
//! kind whose server is not there is left out, and so are those that `PALLADIUM_TEST_KINDS`, if it is set, does not list
//! by their titles.
#![allow(dead_code, reason = "not every binary of tests asks everything of a kind")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use palladium_component::prelude::*;

use crate::servers::{self, Place, server, text};
use crate::testing::{component, initialize, persister};

/// A kind of store.
#[derive(Clone, Copy)]
pub struct Kind {
    /// What tells it from the other kinds.
    pub title: &'static str,
    /// The name of the component.
    pub name: &'static str,
    /// Returns the arguments of the store of a test, which is told by a folder of its own.
    arguments: fn(&Path) -> Vec<(&'static str, Data)>,
    /// How the answer begins where no model is active.
    pub none_active: &'static str,
    /// The layout of new stores.
    pub layout: &'static str,
    /// Whether the store lies in the folder.
    pub is_local: bool,
    /// Whether other processes see the store too.
    pub is_shared: bool,
    /// The variable that names the server.
    server: Option<&'static str>,
}

const DATABASE: Kind = Kind {
    title: "SQLite",
    name: "palladium.persistence.Database",
    arguments: |folder| vec![("url", text(&format!("sqlite:///{}/models.db", folder.display())))],
    none_active: "No model available",
    layout: "1.1",
    is_local: true,
    is_shared: true,
    server: None,
};

const FILE: Kind = Kind {
    title: "files",
    name: "palladium.persistence.File",
    arguments: |folder| vec![("path", text(&format!("{}/model-{{version}}", folder.display())))],
    none_active: "No active model available: /",
    layout: "1.0",
    is_local: true,
    is_shared: true,
    server: None,
};

const ALL: &[Kind] = &[
    DATABASE,
    Kind {
        title: "SQLite as text",
        name: "palladium.persistence.DatabaseCLOB",
        arguments: |folder| vec![("url", text(&format!("sqlite:///{}/texts.db", folder.display())))],
        ..DATABASE
    },
    FILE,
    Kind {
        title: "files by a store of objects",
        name: "palladium.persistence.FileLike",
        arguments: |folder| over_objects(folder, component("palladium.persistence.FileIO", &[]).unwrap()),
        ..FILE
    },
    Kind {
        title: "memory",
        name: "palladium.persistence.FileLike",
        arguments: |folder| over_objects(folder, memory(folder)),
        is_local: false,
        is_shared: false,
        ..FILE
    },
    Kind {
        title: "PostgreSQL",
        arguments: |folder| on_server("PALLADIUM_TEST_POSTGRES", folder),
        is_local: false,
        server: Some("PALLADIUM_TEST_POSTGRES"),
        ..DATABASE
    },
    Kind {
        title: "PostgreSQL as text",
        name: "palladium.persistence.DatabaseCLOB",
        arguments: |folder| on_server("PALLADIUM_TEST_POSTGRES", folder),
        is_local: false,
        server: Some("PALLADIUM_TEST_POSTGRES"),
        ..DATABASE
    },
    Kind {
        title: "MariaDB",
        arguments: |folder| on_server("PALLADIUM_TEST_MYSQL", folder),
        is_local: false,
        server: Some("PALLADIUM_TEST_MYSQL"),
        ..DATABASE
    },
    Kind {
        title: "MariaDB as text",
        name: "palladium.persistence.DatabaseCLOB",
        arguments: |folder| on_server("PALLADIUM_TEST_MYSQL", folder),
        is_local: false,
        server: Some("PALLADIUM_TEST_MYSQL"),
        ..DATABASE
    },
    Kind {
        title: "web server",
        name: "palladium.persistence.Rest",
        arguments: |folder| in_place(servers::rest(), "url", folder),
        none_active: "No active model available: http://",
        is_local: false,
        server: Some("PALLADIUM_TEST_HTTP"),
        ..FILE
    },
    Kind {
        title: "S3",
        name: "palladium.persistence.S3",
        arguments: |folder| in_place(servers::s3(), "path", folder),
        none_active: "No active model available: s3://models/",
        is_local: false,
        server: Some("PALLADIUM_TEST_S3"),
        ..FILE
    },
    Kind {
        title: "Azure",
        name: "palladium.persistence.Azure",
        arguments: |folder| in_place(servers::azure(), "path", folder),
        none_active: "No active model available: az://models/",
        is_local: false,
        server: Some("PALLADIUM_TEST_AZURE"),
        ..FILE
    },
];

/// Returns the kinds whose servers are there.
pub fn kinds() -> Vec<Kind> {
    let wanted = std::env::var("PALLADIUM_TEST_KINDS").ok();
    let is_wanted =
        |kind: &Kind| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|title| title == kind.title));
    let is_there = |kind: &Kind| kind.server.is_none_or(|variable| server(variable).is_some());
    ALL.iter().copied().filter(|kind| is_wanted(kind) && is_there(kind)).collect()
}

/// Returns a kind by its title.
pub fn kind(title: &str) -> Kind {
    ALL.iter().copied().find(|kind| kind.title == title).unwrap()
}

impl Kind {
    /// Returns the arguments of the store of a test.
    pub fn arguments(&self, folder: &Path) -> Vec<(&'static str, Data)> {
        (self.arguments)(folder)
    }

    /// Returns the store of a test, initialized.
    pub fn open(&self, folder: &Path) -> Arc<dyn Persister> {
        self.open_with(&self.arguments(folder))
    }

    /// Returns the store of a test whose process is going to be killed: others need not wait long for its locks.
    pub fn open_to_be_killed(&self, folder: &Path) -> Arc<dyn Persister> {
        let mut arguments = self.arguments(folder);
        if let Some((_, lease)) = arguments.iter_mut().find(|(name, _)| *name == "lease") {
            *lease = Data::Float(1.0);
        }
        self.open_with(&arguments)
    }

    fn open_with(&self, arguments: &[(&'static str, Data)]) -> Arc<dyn Persister> {
        let store = persister(self.name, arguments).unwrap();
        initialize(store.as_ref(), Mode::Fit).unwrap();
        store
    }
}

/// Returns letters and digits that are those of one folder alone.
pub fn own(folder: &Path) -> String {
    let name = folder.to_string_lossy();
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("test_{hash:x}")
}

fn over_objects(folder: &Path, store: Data) -> Vec<(&'static str, Data)> {
    vec![("path", text(&format!("{}/model-{{version}}", folder.display()))), ("io", store)]
}

/// Returns the objects in memory of a test: whoever opens its store again finds them again.
fn memory(folder: &Path) -> Data {
    static STORES: Mutex<BTreeMap<PathBuf, Data>> = Mutex::new(BTreeMap::new());
    let mut stores = STORES.lock().unwrap();
    let made = || component("palladium.persistence.MemoryIO", &[]).unwrap();
    stores.entry(folder.to_owned()).or_insert_with(made).clone()
}

/// Returns the arguments of a store of objects on a server.
fn in_place(place: Option<Place>, parameter: &'static str, folder: &Path) -> Vec<(&'static str, Data)> {
    let place = place.unwrap();
    // Another process finds the store of this folder and none of another test.
    let (before, _) = place.prefix.trim_end_matches('/').rsplit_once('/').unwrap();
    let path = text(&format!("{before}/{}/model-{{version}}", own(folder)));
    [(parameter, path)].into_iter().chain(place.arguments).collect()
}

fn on_server(variable: &str, folder: &Path) -> Vec<(&'static str, Data)> {
    vec![("url", text(&server(variable).unwrap())), ("table_postfix", text(&own(folder)))]
}
