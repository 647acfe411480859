//! What can be wrong with a cache on disk.

use std::io;
use std::path::PathBuf;

use palladium_component::prelude::*;

/// Data cannot be kept on disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    /// The environment says nothing of a home.
    #[error("no folder for caches is known: neither `XDG_CACHE_HOME` nor `HOME` is set to an absolute path")]
    NoFolder,
    /// Others than its owner may put something into the folder.
    #[error("`{}`, the folder of the cache, {reason}", folder.display())]
    NotPrivate {
        /// The folder.
        folder: PathBuf,
        /// Who may.
        reason: &'static str,
    },
    /// The operating system refuses something.
    #[error("`{}` cannot be {done}", path.display())]
    Refused {
        /// The file or the folder.
        path: PathBuf,
        /// What was done with it.
        done: &'static str,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Nothing says when the data change.
    #[error("`{loader}` cannot tell when its data change, so that it is not known how long they can be kept")]
    Unknown {
        /// The loader whose data are to be kept.
        loader: String,
    },
    /// The loader stands in no configuration.
    #[error("only a loader that stands in a configuration can be told from others, and this one does not")]
    NoConfiguration,
}

impl CacheError {
    /// Returns what turns an error of the operating system into one about a file.
    pub(crate) fn refused(path: impl Into<PathBuf>, done: &'static str) -> impl FnOnce(io::Error) -> CacheError {
        let path = path.into();
        move |source| CacheError::Refused { path, done, source }
    }
}

impl Explain for CacheError {
    fn help(&self) -> Option<String> {
        match self {
            CacheError::NoFolder => Some("say with `directory` where the cache is".to_owned()),
            CacheError::NotPrivate { folder, .. } => Some(format!(
                "name a `directory` of your own; `chmod 700 '{}'` makes one of yours private",
                folder.display()
            )),
            CacheError::Unknown { .. } => Some(
                "say with `max_age` how long they can be kept, or give a `key` that you change whenever the data change"
                    .to_owned(),
            ),
            CacheError::Refused { .. } | CacheError::NoConfiguration => None,
        }
    }
}
