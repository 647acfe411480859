//! What each kind of component promises: one trait a file, and the list of kinds in `kind.rs`.
//!
//! The engine talks to components through these traits alone. All calls may block; the engine keeps them off its
//! asynchronous workers.

mod activation;
mod artifact_store;
mod attachment;
mod blueprint;
mod caller;
mod command;
mod dataset_loader;
mod decorator;
mod error_response;
mod estimator;
mod failure;
mod function;
mod given;
mod input_errors;
mod kind;
mod lasting;
mod lifecycle;
mod load_progress;
mod metadata;
mod model;
mod object;
mod observer;
mod operation;
mod pairs;
mod persister;
mod predict_error;
mod predict_service;
mod release;
mod scorer;
mod signature;
mod trace;
mod trained_model;
mod version;
mod view;

pub use activation::{Activation, ActivationError, Origin};
pub use artifact_store::{
    ArtifactStore, Content, Expected, ListedObject, Revision, StoreError, StoreLock, StoredObject,
};
pub use attachment::Attachment;
pub use blueprint::Blueprint;
pub use caller::{Caller, Identity};
pub use command::{Command, CommandError, Host, whole_number};
pub use dataset_loader::{DatasetLoader, Input, KeptData};
pub use decorator::{
    Arguments, Authentication, Call, Decorator, DecoratorList, Decorators, FitArguments, Fitted, MetadataArguments,
    Returned, ViewRequest, ViewResponse, WrongReturn,
};
pub use error_response::{ErrorDetail, ErrorResponse};
pub use estimator::{Cancelled, Estimator, FitContext, WorkGuard};
pub use failure::{Explain, Failure, cause_in_words};
pub use function::Function;
pub use given::{Entries, unknown_name, wrong_value};
pub use input_errors::{InputError, InputErrorCode, InputErrors};
pub use kind::{Component, Interface, Kind};
pub use lasting::Lasting;
pub use lifecycle::{InitContext, Lifecycle, Mode, Probe};
pub use load_progress::{CountingReader, LoadProgress, Loading, RunningLoad};
pub use metadata::Metadata;
pub use model::{
    Decode, DecodeError, Encode, EncodeError, FormatId, Model, ModelDescriptor, ModelFormat, ModelFormats, ModelOutput,
    Parameter, Parameters,
};
pub use object::Object;
pub use observer::{Answered, Observer, Predicted};
pub use operation::{
    Credential, DecoratorDocs, Operation, OperationBody, OperationContent, OperationHeader, OperationParameter,
    OperationResponse, ParameterPlace, SecurityScheme, column_schema, error_schema,
};
pub use pairs::Pairs;
pub use persister::{ModelCache, Orphan, PersistError, Persister, RefreshError, Refreshes, StorePlace, Upgraded};
pub use predict_error::PredictError;
pub use predict_service::{Misfit, OwnAnswers, OwnResponse, PredictRequest, PredictResponse, PredictService};
pub use release::{Release, ReleaseError};
pub use scorer::Scorer;
pub use signature::Signature;
pub use trace::{Parent, SpanId, Trace, TraceId};
pub use trained_model::TrainedModel;
pub use version::{Version, VersionError};
pub use view::{JobCounts, RouteAnswer, ServedPredictions, ServedRoute, ServiceHandle, View, ViewFunction, ViewRule};

pub use clap;
