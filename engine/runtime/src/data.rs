//! Loads the data of one loader, to look at them or to write them to a file.

mod file;

use palladium_component::data::Dataset;
use palladium_component::interfaces::{DatasetLoader, Kind, LoadProgress};
use palladium_component::value::{Code, Diagnostic, KeyPath, nearest};

pub use self::file::{DataFormat, WriteError};

use crate::loading;
use crate::{App, JobError};

/// The data of a loader.
#[derive(Clone, Debug)]
pub struct LoadedData {
    /// Where the loader stands.
    pub key: String,
    /// The name of the component.
    pub component: &'static str,
    /// The data.
    pub data: Dataset,
}

/// Loads the data of the loader at a path of the configuration, which may be inside another loader.
///
/// # Errors
/// No such path, something else than a loader there, the loader's error.
pub fn load(app: &App, path: &str, progress: &LoadProgress) -> Result<LoadedData, JobError> {
    let key = KeyPath::parse(path);
    let placed = app.all::<dyn DatasetLoader>().into_iter().find(|placed| placed.key == key);
    let placed = placed.ok_or_else(|| no_loader(app, &key))?;
    let component = app.components().find(|(other, ..)| **other == key).map_or("", |(_, name, _)| name);
    let loaded = loading::load(&placed.component, path, progress);
    let data = loaded.map_err(|source| JobError::Load { key: path.to_owned(), source })?;
    Ok(LoadedData { key: path.to_owned(), component, data })
}

/// Returns the finding about a path at which no loader stands.
fn no_loader(app: &App, key: &KeyPath) -> Diagnostic {
    let loaders = app.all::<dyn DatasetLoader>();
    let keys: Vec<String> = loaders.iter().map(|placed| placed.key.to_string()).collect();
    let known = || keys.iter().map(String::as_str);
    let diagnostic = match app.components().find(|(other, ..)| *other == key) {
        Some((_, _, component)) => {
            let message = format!("`{key}` is {}, not a {}", component.kind().with_article(), Kind::DatasetLoader);
            let diagnostic = Diagnostic::new(Code::BadArguments, message).in_key(key);
            match app.root().get(&key.to_string()) {
                Some(value) => diagnostic.at_value(value, ""),
                None => diagnostic,
            }
        }
        None => {
            let message = format!("the configuration has no {} at `{key}`", Kind::DatasetLoader);
            Diagnostic::new(Code::MissingKey, message)
        }
    };
    match nearest(&key.to_string(), known()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if keys.is_empty() => diagnostic.help("add one, such as `dataset_loader_train`, or name other files"),
        None => {
            const SHOWN: usize = 20;
            let listed: Vec<String> = known().take(SHOWN).map(|key| format!("`{key}`")).collect();
            let more = if keys.len() > SHOWN { format!(" and {} more", keys.len() - SHOWN) } else { String::new() };
            diagnostic.help(format!("there are {}{more}", listed.join(", ")))
        }
    }
}
