//! Data of another loader that are kept on disk: `palladium.dataset.Cached` and `palladium cache`.
//!
//! [`key`] tells the data of a loader from all others, [`folder`] keeps entries and lets one process after another at
//! them, [`entry`] is the form of a file.

mod command;
mod entry;
mod error;
mod folder;
mod key;
mod places;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use chrono::Utc;
use palladium_component::prelude::*;
use palladium_component::value::with_causes;

use self::entry::{Broken, Head};
use self::error::CacheError;
use self::key::{Key, Recipe, is_missing};
use crate::amounts::{Age, Bytes};

pub use command::CacheCommand;
pub(crate) use folder::{Folder, default_folder};

/// The name of the loader, by which the command finds its folders.
const COMPONENT: &str = "palladium.dataset.Cached";

/// The folder of this cache within that of all caches.
const NAME: &str = "datasets";

/// Keeps the data of another loader on disk and loads them anew only when they have changed.
///
/// The first fit loads the data and stores them; each further one reads what was stored, which is faster than most
/// files and databases. `palladium cache` lists what is stored and clears it.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.Cached",
///         "impl": {
///             "!": "palladium.dataset.CSV",
///             "path": "${here}/iris.data",
///         },
///         "max_size": "500 MB",
///     },
/// }
/// ```
///
/// Data are the same as long as the loader `impl` is: its name, all its arguments in whatever order, the version of the
/// crate that it is from, the `load_data_decorators` around it, and the files that it reads, each by its path, size,
/// inode and the times of its last change. Loaders around others, such as `palladium.dataset.Split`, know the files of
/// those inside. Loaders that read files or nothing know when their data change. Others, such as those that ask
/// a database, and functions that captured values, do not: then `max_age` says how long data are kept, or a `key` is given
/// that changes with the data. Chance and the time of day are not seen: data drawn without a seed are drawn once.
///
/// Everything about a table is kept: names, types, missing values, categories, the target, and where rows come from,
/// so that errors still name file and line. Of rows in no order, such as those of `palladium.dataset.Sample`, the places
/// are left out when there are more than 16384 jumps among them. The decorators around `impl` are called when data are
/// loaded, those around this loader each time.
///
/// Several processes and threads that need the same data at once load them once; the others wait. An entry is
/// whole or not there, whenever a process is stopped. One that was damaged is found by its checksum, told in the log,
/// and loaded anew, and so is one that cannot be stored. An entry holds data and nothing to execute. It holds no argument
/// either: passwords and all else are kept as digests that nobody can try guesses on without the file `secret` of the
/// cache.
#[component(DatasetLoader, name = "palladium.dataset.Cached", lifecycle)]
pub struct Cached {
    /// The loader of the data.
    #[param(name = "impl")]
    source: Arc<dyn DatasetLoader>,
    /// The folder that data are stored in, made if it is not there. One that others than its owner can write to is
    /// refused. Null: `palladium/datasets` in `$XDG_CACHE_HOME`, else in `~/.cache`, on macOS `~/Library/Caches`.
    directory: Option<PathBuf>,
    /// A text that stands for what the loader cannot tell about its data, such as the version of a database. With
    /// another text the data are loaded anew.
    key: Option<String>,
    /// How much all entries of the folder may take together, a number of bytes or a text such as `500 MB`. Entries whose
    /// last use is longest ago give way; data that alone are larger are not stored, and the log says so.
    #[param(default = "2 GiB")]
    max_size: Bytes,
    /// How long data are used after they were loaded, a number of seconds or a text such as `12h` or `7 days`. Null: for
    /// as long as they are the same.
    max_age: Option<Age>,
    /// Whether to load the data anew whatever is stored. `--set dataset_loader_train.refresh=true` does it once.
    #[param(default = false)]
    refresh: bool,
    #[state]
    recipe: OnceLock<Recipe>,
}

impl Lifecycle for Cached {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        if let Some(recipe) = Recipe::of(context) {
            self.recipe.get_or_init(|| recipe);
        }
        Ok(())
    }
}

impl DatasetLoader for Cached {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let recipe = self.recipe.get().ok_or(CacheError::NoConfiguration)?;
        let folder = Folder::open(&self.folder()?)?;
        let Some(key) = self.key_now(recipe, &folder)? else {
            // The loader itself says best which of its files is missing.
            let data = self.source.load_with_progress(progress)?;
            tracing::warn!("The data of `{}` are not stored: a file that it names is not there.", recipe.loader);
            return Ok(data);
        };
        if !self.refresh
            && let Ok(Some(data)) = self.stored(&folder, &key)
        {
            return Ok(data);
        }
        let lock = folder.lock(&key.name)?;
        let load = || self.load_and_store(&folder, &key, recipe, progress);
        let data = self.stored_meanwhile(&folder, &key).map_or_else(load, Ok);
        drop(lock);
        data
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        self.source.inputs()
    }
}

impl Cached {
    fn folder(&self) -> Result<PathBuf, CacheError> {
        match &self.directory {
            Some(directory) => Ok(directory.clone()),
            None => Ok(default_folder()?.join(NAME)),
        }
    }

    /// Returns the key of the data as they are now; nothing while a file is missing.
    fn key_now(&self, recipe: &Recipe, folder: &Folder) -> Result<Option<Key>, Failure> {
        let inputs = self.source.inputs()?;
        let key = match recipe.key(inputs.as_deref(), self.key.as_deref(), &folder.secret()?) {
            Ok(key) => key,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => {
                let message = format!("a file that `{}` reads cannot be looked at: {error}", recipe.loader);
                return Err(Failure::message(message));
            }
        };
        if !key.is_known && self.key.is_none() && self.max_age.is_none() {
            return Err(CacheError::Unknown { loader: recipe.loader.clone() }.into());
        }
        Ok(Some(key))
    }

    /// Returns the data if they are stored and not too old.
    fn stored(&self, folder: &Folder, key: &Key) -> Result<Option<Dataset>, Broken> {
        let Some((head, data)) = folder.read(&key.name, &key.text)? else { return Ok(None) };
        // A time in the future says nothing about an age.
        let age = (Utc::now() - head.stored).to_std().ok();
        let is_fresh = self.max_age.is_none_or(|max_age| age.is_some_and(|age| age <= max_age.0));
        if is_fresh {
            tracing::info!("Using the data of `{}` that were stored at {}.", head.loader, head.stored);
        }
        Ok(is_fresh.then_some(data))
    }

    /// Returns the data if somebody else stored them while this thread waited. Says if what is stored is broken.
    fn stored_meanwhile(&self, folder: &Folder, key: &Key) -> Option<Dataset> {
        if self.refresh {
            return None;
        }
        self.stored(folder, key).unwrap_or_else(|broken| {
            tracing::warn!("The entry {} of the cache is loaded anew: {broken}", key.name);
            None
        })
    }

    fn load_and_store(
        &self,
        folder: &Folder,
        key: &Key,
        recipe: &Recipe,
        progress: &LoadProgress,
    ) -> Result<Dataset, Failure> {
        let stored = Utc::now();
        let data = self.source.load_with_progress(progress)?;
        if self.key_now(recipe, folder)?.as_ref() != Some(key) {
            tracing::warn!("The data of `{}` changed while they were loaded, and are not stored.", recipe.loader);
            return Ok(data);
        }
        let head = Head {
            key: key.text.clone(),
            loader: recipe.loader.clone(),
            stored,
            rows: data.n_rows(),
            has_target: data.target.is_some(),
            places: places::Places::of(&data),
        };
        if let Err(error) = folder.store(&key.name, &head, &data, self.max_size.0) {
            tracing::warn!("The data of `{}` are not stored: {}", recipe.loader, with_causes(&error));
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests;
