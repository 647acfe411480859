//! The keys that mean something at the root of a configuration. Every other key is free.

use palladium_component::interfaces::Kind;

/// What a root key has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A component of a kind.
    Component(Kind),
    /// A map.
    Map,
    /// The name of a scorer, a scorer, or a map from labels to either.
    Scoring,
    /// The name of a mode.
    Mode,
    /// A list of decorators: their names, components or functions.
    Decorators,
}

/// A root key.
#[derive(Clone, Copy, Debug)]
pub struct RootKey {
    /// The key.
    pub name: &'static str,
    /// What it has to hold.
    pub holds: Holds,
    /// What it is for.
    pub docs: &'static str,
}

/// Loads the data to learn from.
pub const TRAIN: &str = "dataset_loader_train";
/// Loads the data to evaluate with.
pub const TEST: &str = "dataset_loader_test";
/// The estimator.
pub const MODEL: &str = "model";
/// Stores the trained models.
pub const PERSISTER: &str = "model_persister";
/// Stores the models that `palladium export` copies.
pub const EXPORT_PERSISTER: &str = "model_persister_export";
/// The scorer or scorers.
pub const SCORING: &str = "scoring";
/// Answers requests for predictions.
pub const PREDICT_SERVICE: &str = "predict_service";
/// Facts about the service.
pub const SERVICE_METADATA: &str = "service_metadata";
/// How the service runs.
pub const SERVER: &str = "server";
/// What `/alive` requires.
pub const ALIVE: &str = "alive";
/// What is logged, and where.
pub const LOGGING: &str = "logging";
/// What the process is about to do.
pub const MODE: &str = "__mode__";

/// Wraps the view of predict services that name no other list.
pub const PREDICT_DECORATORS: &str = "predict_decorators";
/// Wraps the view `/alive`.
pub const ALIVE_DECORATORS: &str = "alive_decorators";
/// Wraps the view `/list`.
pub const LIST_DECORATORS: &str = "list_decorators";
/// Wraps the view that starts a fit.
pub const SERVER_FIT_DECORATORS: &str = "server_fit_decorators";
/// Wraps the view that refreshes the cached model.
pub const UPDATE_MODEL_CACHE_DECORATORS: &str = "update_model_cache_decorators";
/// Wraps the view that activates a model.
pub const ACTIVATE_DECORATORS: &str = "activate_decorators";
/// Wraps the view of the jobs.
pub const JOBS_DECORATORS: &str = "jobs_decorators";
/// Wraps the function fit.
pub const FIT_DECORATORS: &str = "fit_decorators";
/// Wraps every dataset loader.
pub const LOAD_DATA_DECORATORS: &str = "load_data_decorators";
/// Wraps the refresh of every scheduled dataset loader.
pub const UPDATE_DATA_DECORATORS: &str = "update_data_decorators";
/// Wraps reading a model from every persister.
pub const READ_MODEL_DECORATORS: &str = "read_model_decorators";
/// Wraps writing a model to every persister.
pub const WRITE_MODEL_DECORATORS: &str = "write_model_decorators";
/// Wraps the refresh of every cached model persister.
pub const UPDATE_MODEL_DECORATORS: &str = "update_model_decorators";
/// Wraps what builds the metadata of a response.
pub const GET_METADATA_DECORATORS: &str = "get_metadata_decorators";

const LOGGING_DOCS: &str = "what is logged, set up before any component is built; `PALLADIUM_LOG` wins over levels. \
     `level`: `off`, `error`, `warn`, `info` (the default), `debug`, `trace`; `filters`: a map from targets to levels, \
     `{\"palladium::access\": \"info\"}` logs every request whose head can be read; or `filter`: all directives in one \
     text; `format`: `full` (the default), `pretty`, `compact`, `json`; `time`: `rfc3339` (UTC, the default), `local`, \
     `none`; `to`: `stderr` (the default) or a file; for files `rotation`: `never` (the default), `daily`, `hourly`, which put the period \
     before the extension, and `keep`: how many of them stay";

const SERVER_DOCS: &str = "how the service runs; times are in seconds, sizes in bytes. `listen`: an address or a list \
     of them, `HOST:PORT` or `unix:PATH` (`127.0.0.1:5000`); `socket_mode`: the permissions of Unix sockets (`\"660\"`); \
     `backlog`: connections that wait until they are accepted (1024); `workers`: threads (one a core); \
     `max_connections`: connections at once, split evenly over the workers; `tls`: the files `certificate` and `key`, as PEM, with which everything \
     but Unix sockets is encrypted, HTTP/2 included, `client_ca`: the authorities of which clients need a certificate, \
     `handshake_timeout` (10), and `refresh`: how often newer files are looked for (10); `keep_alive`: how long an idle \
     connection stays open, 0 for no longer than one request (75); `head_timeout`: how long the head of a request may \
     take (10); `body_timeout`: how long its body may take (30); `write_timeout`: how long a client may take nothing of its answer (30); `max_head`: the length of a head (65536); \
     `max_headers`: their number (96); `max_body`: the length of a body (16777216); `max_body_memory`: how many \
     bytes of bodies of more than 64 KiB are in memory at once (16 times `max_body`), more are answered with 503; `max_large_bodies`: how many bodies \
     of more than 64 KiB are worked on at once (one a core); `drain`: how long the service goes on after it was told to \
     stop, while `/ready` says that it is not (0); `shutdown_timeout`: how long a stop waits for requests, and then for \
     jobs (30); `allow_unauthenticated_admin`: whether views that change something may be reached from other machines \
     or sites without a decorator that asks who it is (`false`); `keep_jobs`: how many jobs that are over `/alive` shows, those that ended last (100); \
     `max_rows`: how many samples a request may have (100000), more are answered with 413; \
     `predict_timeout`: after how many seconds a prediction is given up and answered with 503. Without it that is 60 for \
     predictions that are made away from the workers, which those are that took long the last time, while quick ones are \
     made on the spot and not watched; with it every prediction is watched. What is given up goes on in its thread, and \
     64 of them at once are the most, as many as there are cores of those for large bodies";

/// Makes the root key of a list of decorators.
macro_rules! decorators {
    ($name:expr, $docs:literal) => {
        RootKey {
            name: $name,
            holds: Holds::Decorators,
            docs: concat!(
                $docs,
                ": a list of names of decorators, decorators with arguments, and functions of one parameter such as \
                 `|wrapped| wrapped.proceed()`. The first is innermost. Components inside decorators are not decorated"
            ),
        }
    };
}

/// Every root key with a meaning.
pub const ALL: &[RootKey] = &[
    RootKey { name: TRAIN, holds: Holds::Component(Kind::DatasetLoader), docs: "loads the data to learn from" },
    RootKey { name: TEST, holds: Holds::Component(Kind::DatasetLoader), docs: "loads the data to evaluate with" },
    RootKey { name: MODEL, holds: Holds::Component(Kind::Estimator), docs: "the estimator" },
    RootKey { name: PERSISTER, holds: Holds::Component(Kind::Persister), docs: "stores the trained models" },
    RootKey {
        name: EXPORT_PERSISTER,
        holds: Holds::Component(Kind::Persister),
        docs: "stores the models that `palladium export` copies",
    },
    RootKey {
        name: SCORING,
        holds: Holds::Scoring,
        docs: "scores models instead of their own score: the name of a scorer, a scorer, a function `|model, x, y|`, or a map of these by label",
    },
    RootKey {
        name: PREDICT_SERVICE,
        holds: Holds::Component(Kind::PredictService),
        docs: "answers requests for predictions; further services may stand under any key",
    },
    RootKey { name: SERVICE_METADATA, holds: Holds::Map, docs: "facts about the service, shown in every response" },
    RootKey { name: SERVER, holds: Holds::Map, docs: SERVER_DOCS },
    RootKey {
        name: ALIVE,
        holds: Holds::Map,
        docs: "`process_store_required`: the models and scheduled data that `/alive` requires",
    },
    decorators!(PREDICT_DECORATORS, "wraps the view of every predict service without a `decorator_list_name`"),
    decorators!(ALIVE_DECORATORS, "wraps the view `/alive`"),
    decorators!(LIST_DECORATORS, "wraps the view `/list`"),
    decorators!(SERVER_FIT_DECORATORS, "wraps the view that starts a fit"),
    decorators!(UPDATE_MODEL_CACHE_DECORATORS, "wraps the view that refreshes the cached model"),
    decorators!(ACTIVATE_DECORATORS, "wraps the view that activates a model"),
    decorators!(JOBS_DECORATORS, "wraps the view that shows and cancels jobs"),
    decorators!(FIT_DECORATORS, "wraps the fit itself"),
    decorators!(LOAD_DATA_DECORATORS, "wraps loading of every dataset loader, those inside others too"),
    decorators!(UPDATE_DATA_DECORATORS, "wraps the refresh of every scheduled dataset loader"),
    decorators!(READ_MODEL_DECORATORS, "wraps reading from every model persister, those inside others too"),
    decorators!(WRITE_MODEL_DECORATORS, "wraps writing to every model persister, those inside others too"),
    decorators!(UPDATE_MODEL_DECORATORS, "wraps the refresh of every cached model persister"),
    decorators!(GET_METADATA_DECORATORS, "wraps what builds the metadata of a predict response"),
    RootKey { name: LOGGING, holds: Holds::Map, docs: LOGGING_DOCS },
    RootKey { name: MODE, holds: Holds::Mode, docs: "`fit` or `serve`: set by the commands, a file can override it" },
];

/// Tells whether a root key holds a list of decorators. Predict services may name further ones.
pub fn is_decorators(name: &str) -> bool {
    ALL.iter().any(|key| key.holds == Holds::Decorators && key.name == name)
}

/// Tells whether a root key holds a list of decorators that wraps other calls than those of views.
pub fn wraps_no_view(name: &str) -> bool {
    matches!(
        name,
        FIT_DECORATORS
            | LOAD_DATA_DECORATORS
            | UPDATE_DATA_DECORATORS
            | READ_MODEL_DECORATORS
            | WRITE_MODEL_DECORATORS
            | UPDATE_MODEL_DECORATORS
            | GET_METADATA_DECORATORS
    )
}
