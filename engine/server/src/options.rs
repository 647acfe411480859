//! What can be chosen about the service, beside what its configuration says.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use palladium_runtime::App;
use palladium_runtime::lineage::Sources;

use crate::listen::Listen;

/// What the command line chooses; what it leaves open is that of the configuration.
#[derive(Clone, Default)]
pub struct ServeOptions {
    /// Where to listen; without any, where the root key `server` says.
    pub listen: Vec<Listen>,
    /// The number of worker threads.
    pub workers: Option<NonZeroUsize>,
    /// The bytes of a request's body.
    pub max_body: Option<usize>,
    /// How long the service goes on after it was told to stop, during which `/ready` says that it is not.
    pub drain: Option<Duration>,
    /// Whether this is a trial: ports that the configuration names are then free ones, and its sockets get other names,
    /// so that it can be made beside the service itself.
    pub is_trial: bool,
    /// Loads the application again when SIGHUP asks for it; without it the signal has its usual effect.
    pub reload: Option<Reload>,
}

/// Loads the application again, on a thread that may block. An error is a list of what is wrong, a line each.
pub type Reload = Arc<dyn Fn() -> Result<Loaded, Vec<String>> + Send + Sync>;

/// An application, and what is told about where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The application.
    pub app: Arc<App>,
    /// Its configuration, as the models tell it that are fitted by the service.
    pub sources: Sources,
    /// The files of the configuration.
    pub files: Vec<PathBuf>,
}

impl From<Arc<App>> for Loaded {
    /// Makes an application known that comes from no files.
    fn from(app: Arc<App>) -> Loaded {
        Loaded { app, sources: Sources::default(), files: Vec::new() }
    }
}

impl std::fmt::Debug for ServeOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ServeOptions")
            .field("listen", &self.listen)
            .field("workers", &self.workers)
            .field("max_body", &self.max_body)
            .field("drain", &self.drain)
            .field("is_trial", &self.is_trial)
            .field("reload", &self.reload.is_some())
            .finish()
    }
}
