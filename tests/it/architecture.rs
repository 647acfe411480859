//! The rules of the house: who may import whom, and where a subject lives.

use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::process::repository;

/// What components share that talk to servers; it registers none.
const LIBRARY: &str = "palladium-connect";

/// Returns the room of a package: the first folder of its path.
fn room(package: &Package) -> String {
    let folder = package.manifest_path.as_std_path().strip_prefix(repository()).unwrap();
    folder.components().next().unwrap().as_os_str().to_str().unwrap().to_owned()
}

fn packages() -> Vec<Package> {
    let manifest = repository().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap().packages
}

/// Returns the packages of this repository that a package imports, tests aside.
fn imports(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal && dependency.path.is_some())
        .map(|dependency| dependency.name.as_str())
}

#[test]
fn rooms_import_in_one_direction() {
    let packages = packages();
    let room_of = |name: &str| room(packages.iter().find(|package| package.name == name).unwrap());
    let engine_order = [
        "palladium-config",
        "palladium-runtime",
        "palladium-script",
        "palladium-server",
        "palladium-commands",
        "palladium",
    ];
    for package in &packages {
        let name = package.name.as_str();
        for import in imports(package) {
            let wrong = format!("`{name}` must not import `{import}`");
            match room(package).as_str() {
                "registry" => assert_eq!(room_of(import), "registry", "{wrong}"),
                "components" if name == "palladium-standard" => assert_eq!(room_of(import), "components", "{wrong}"),
                "components" => assert!(["palladium-component", LIBRARY].contains(&import), "{wrong}"),
                "engine" if name == "palladium-config" => assert_eq!(import, "palladium-value", "{wrong}"),
                "engine" => {
                    let place = |name: &str| engine_order.iter().position(|other| *other == name);
                    let earlier = place(import).is_some_and(|import| Some(import) < place(name));
                    let registry = import == "palladium-component" && name != "palladium";
                    let roster = import == "palladium-standard" && name == "palladium";
                    assert!(earlier || registry || roster, "{wrong}");
                }
                other => panic!("`{name}` stands in the unknown room `{other}`"),
            }
        }
    }
}

#[test]
fn every_component_family_is_on_the_roster() {
    let packages = packages();
    let roster = packages.iter().find(|package| package.name == "palladium-standard").unwrap();
    let text = std::fs::read_to_string(repository().join("components/standard/src/lib.rs")).unwrap();
    for package in packages.iter().filter(|package| {
        room(package) == "components" && ![roster.name.as_str(), LIBRARY].contains(&package.name.as_str())
    }) {
        let line = format!("use {} as _;", package.name.replace('-', "_"));
        assert!(imports(roster).any(|import| import == package.name.as_str()), "{} is missing", package.name);
        assert!(text.contains(&line), "`{line}` is missing");
    }
}

/// A subject that lives in one place: a word, and the folders or files whose code may say it.
const SUBJECTS: &[(&str, &[&str])] = &[
    ("actix_web", &["engine/server"]),
    ("use actix_", &["engine/server"]),
    ("linkme", &["registry/component/src/slice.rs"]),
    ("println!", &["engine/commands"]),
    ("print!", &["engine/commands"]),
    ("stdout(", &["engine/commands"]),
    ("stderr(", &["engine/commands"]),
    ("process::exit", &["engine/commands"]),
    ("static mut", &[]),
    ("lazy_static", &[]),
    ("LazyLock", &[]),
];

#[test]
fn subjects_live_in_one_place() {
    for path in sources() {
        let relative = path.strip_prefix(repository()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in code_lines(&text) {
            for (word, places) in SUBJECTS {
                let allowed = places.iter().any(|place| relative.starts_with(place));
                assert!(!line.contains(word) || allowed, "{}:{number} says `{word}`", relative.display());
            }
        }
    }
}

#[test]
fn the_engine_names_no_component() {
    let output = crate::process::succeed(&repository(), &["components", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&output).unwrap();
    let components = listed["components"].as_array().unwrap();
    assert!(components.len() > 5);
    let names =
        components.iter().filter(|component| component["kind"] != "subcommand" && component["kind"] != "command");
    let names: Vec<&str> = names.map(|component| component["name"].as_str().unwrap()).collect();
    for path in sources().filter(|path| path.starts_with(repository().join("engine"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in code_lines(&text) {
            for name in &names {
                assert!(!line.contains(name), "{}:{number} names `{name}`", path.display());
            }
        }
    }
}

/// Returns the source files of all rooms, tests and benches aside.
fn sources() -> impl Iterator<Item = std::path::PathBuf> {
    let mut files = Vec::new();
    for package in packages() {
        walk(&package.manifest_path.as_std_path().parent().unwrap().join("src"), &mut files);
    }
    files.into_iter()
}

fn walk(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the lines of code before the unit tests, without comments, and their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(index, line)| (index + 1, line))
}
