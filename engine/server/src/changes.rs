//! The views that change something: fit, update the cached model, activate, cancel a job.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use palladium_component::interfaces::{
    ActivationError, Arguments, DecoratorList, Failure, FitContext, ModelCache, Origin, PersistError, Persister,
    Returned, Version, ViewRequest, WorkGuard,
};
use palladium_component::value::with_causes;
use palladium_runtime::fit::{FitInputs, FitOptions, FitReport, fit};
use palladium_runtime::{JobError, Score, lifecycle, root_keys};
use serde_json::json;
use tracing::field::display;

use crate::answer::{Refusal, Shape, guarded, respond};
use crate::decorated::{http_response, plain_response};
use crate::given::TakenKind::{Flag, Job, Number};
use crate::given::{Given, Taken, TakenKind};
use crate::jobs::{Cancel, Done, Kind, NotStarted};
use crate::misfits;
use crate::service::Service;
use crate::views::ServerView;

/// What a request may say about the fit that it starts.
pub const FIT: [Taken; 4] = [
    Taken { name: "persist", kind: Flag, is_required: false, description: "Whether to store the model." },
    Taken {
        name: "activate",
        kind: Flag,
        is_required: false,
        description: "Whether to make the stored model the active one.",
    },
    Taken { name: "evaluate", kind: Flag, is_required: false, description: "Whether to score the model." },
    Taken {
        name: "persist_if_better_than",
        kind: Number,
        is_required: false,
        description: "Stores the model only if its test score is this good or better.",
    },
];

/// What a request has to say that activates a model.
pub const ACTIVATE: [Taken; 1] = [Taken {
    name: "model_version",
    kind: TakenKind::Version,
    is_required: true,
    description: "The version to activate.",
}];

/// What a request may say about jobs.
pub const JOBS: [Taken; 1] = [Taken { name: "id", kind: Job, is_required: false, description: "The id of a job." }];

/// A request, and what is around the view that it is for.
pub struct Asked<'a> {
    pub request: &'a ViewRequest,
    /// The rule by which the view was found.
    pub rule: &'a str,
    pub decorators: &'a DecoratorList,
}

impl Asked<'_> {
    fn given(&self, known: &[Taken]) -> Result<Given, Refusal> {
        Given::of(self.request, known, self.decorators)
    }

    fn origin(&self) -> Origin {
        Service::origin(self.request, self.rule)
    }
}

/// What is said where a view needs a store of models and the configuration has none.
pub const WITHOUT_STORE: &str = "there is no `model_persister`";

/// Returns why a fit cannot even begin.
pub fn cannot_fit(service: &Service) -> Option<String> {
    FitInputs::of(&service.app, &FitOptions::default()).err().map(|error| said(&error))
}

/// Returns that no model is kept in memory, if so.
pub fn without_cache(service: &Service) -> Option<String> {
    let persister = service.list.persister.as_ref()?;
    persister.cache().is_none().then(|| "`model_persister` keeps no model in memory".to_owned())
}

/// Answers a request that starts a fit.
///
/// # Errors
/// Options that cannot be understood or met, a fit that runs.
pub fn start_fit(service: &Arc<Service>, asked: &Asked<'_>) -> Result<HttpResponse, Refusal> {
    let given = asked.given(&FIT)?;
    let usual = FitOptions::default();
    let options = FitOptions {
        persist: given.flag("persist")?.unwrap_or(usual.persist),
        activate: given.flag("activate")?.unwrap_or(usual.activate),
        evaluate: given.flag("evaluate")?.unwrap_or(usual.evaluate),
        persist_if_better_than: given.number("persist_if_better_than")?,
    };
    let inputs = FitInputs::of(&service.app, &options)
        .map_err(|error| Refusal::bad_request(said(&error)))?
        .with_sources(service.sources.clone())
        .on_behalf_of(asked.origin());
    let kind = Kind { func: ServerView::Fit.name(), is_alone: true, is_cancellable: true };
    let in_use = Arc::clone(service);
    let id = service.jobs.start(kind, move |job| {
        let watched = Arc::clone(job);
        let watch = Arc::new(move |phase| watched.enter(phase));
        // Work that is left to itself needs the application as the job does.
        let left_in = Arc::clone(&in_use);
        let leave = move || {
            let left = left_in.jobs.leave_work()?;
            Some(Box::new((left, Arc::clone(&left_in))) as WorkGuard)
        };
        let context = FitContext::cancelled_by(job.cancelled()).watched_by(watch).leaving_work_by(Arc::new(leave));
        let fitted = fit(&inputs, &options, &context);
        in_use.tell_latest();
        match fitted {
            Ok(report) => Done::Finished(summary(&report) + &misfits::after(&in_use, &report)),
            Err(error @ JobError::Cancelled) => Done::Cancelled(error.to_string()),
            Err(error) => Done::Failed { said: said(&error), logged: with_causes(&error) },
        }
    })?;
    Ok(started(&id))
}

/// Answers a request that has the cached model looked for anew.
///
/// # Errors
/// A parameter, there are too many jobs.
pub fn update_model_cache(service: &Arc<Service>, asked: &Asked<'_>) -> Result<HttpResponse, Refusal> {
    asked.given(&[])?;
    let cached = service.list.persister.clone().filter(|persister| persister.cache().is_some());
    let Some(persister) = cached else {
        return Ok(respond(StatusCode::SERVICE_UNAVAILABLE, b"{}".to_vec()));
    };
    let kind = Kind { func: ServerView::UpdateModelCache.name(), is_alone: false, is_cancellable: false };
    let in_use = Arc::clone(service);
    let update = move || match persister.cache().map(ModelCache::update) {
        Some(Ok(Some(model))) => Done::Finished(match model.metadata.version() {
            Some(version) => format!("version {version} is loaded"),
            None => "a model is loaded".to_owned(),
        }),
        Some(Ok(None)) | None => Done::Finished("there is no new model".to_owned()),
        Some(Err(PersistError::Lookup(said))) => Done::Failed { logged: said.clone(), said },
        Some(Err(error @ PersistError::Failed(_))) => {
            Done::Failed { said: "the model cannot be loaded".to_owned(), logged: with_causes(&error) }
        }
    };
    let id = service.jobs.start(kind, move |_| {
        let done = update();
        in_use.tell_latest();
        done
    })?;
    Ok(started(&id))
}

/// Answers a request that activates a version, with the listing that follows.
///
/// # Errors
/// No version or none that there is or can be read, a store that fails.
pub fn activate(service: &Arc<Service>, asked: &Asked<'_>) -> Result<HttpResponse, Refusal> {
    const EXPECTED: &str = "a version, a whole number from 1 on";
    let (given, request) = (asked.given(&ACTIVATE)?, asked.request);
    let text = given.digits("model_version", EXPECTED)?;
    let text = text.ok_or_else(|| Refusal::bad_request("`model_version` is missing"))?;
    let version: Version = text.trim().parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        Refusal::bad_request(format_args!("`model_version` has to be {EXPECTED}, it is {shown:?}"))
    })?;
    let persister = service.list.persister.as_deref();
    let persister: &dyn Persister = persister.ok_or_else(|| Refusal::internal(WITHOUT_STORE))?;
    let origin = asked.origin();
    let activated = guarded(|| lifecycle::activate(persister, version, &origin));
    service.tell_latest();
    match activated {
        Ok(Ok(())) => {}
        Ok(Err(PersistError::Lookup(said))) => return Err(Refusal::said(StatusCode::NOT_FOUND, -1, said)),
        Ok(Err(PersistError::Failed(failure))) => return Err(not_activated(failure)),
        Err(panic) => return Err(Refusal::unavailable(NOT_ACTIVATED, panic)),
    }
    let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
    let principal = origin.principal;
    tracing::info!(target: "palladium::server", request_id, trace_id, principal, "activated version {version}");
    let list = || {
        let listed = service.list.body().map(|body| respond(StatusCode::OK, body));
        let response = listed.unwrap_or_else(|refusal| refusal.respond(Shape::Flat, &request.into()));
        plain_response(response).map(Returned::Response)
    };
    let decorated = service.list.decorators.call(None, &Arguments::Request(request), list);
    let response = decorated.and_then(|returned| Ok(returned.try_into()?));
    http_response(response.map_err(|failure| Refusal::failed(&failure))?).map_err(Refusal::internal)
}

const NOT_ACTIVATED: &str = "the model cannot be activated";

/// Returns why a model is not activated or not used, as far as everybody may read that.
fn not_activated(failure: Failure) -> Refusal {
    match failure.downcast::<ActivationError>() {
        Ok(error) => {
            let said = match error {
                ActivationError::Unreadable { .. } => {
                    "the model cannot be read and is not activated, nothing was changed: `palladium admin verify` says \
                     of each version whether it can be read"
                }
                ActivationError::NotLoaded { .. } => {
                    "the model is active in the store now, but the service cannot load it and keeps the one it has"
                }
            };
            Refusal::unavailable(said, with_causes(&error))
        }
        Err(failure) => Refusal::unavailable(NOT_ACTIVATED, with_causes(&failure)),
    }
}

/// Answers a request about jobs: shows all, or the one of an id, which a DELETE asks to stop.
///
/// # Errors
/// There is no such job, or it cannot be stopped.
pub fn jobs(service: &Arc<Service>, asked: &Asked<'_>) -> Result<HttpResponse, Refusal> {
    let given = asked.given(&JOBS)?;
    let is_delete = asked.request.method == "DELETE";
    let id = match (given.text("id")?, is_delete) {
        (Some(id), _) => id,
        (None, true) => return Err(Refusal::bad_request("`id`, that of the job to cancel, is missing")),
        (None, false) => {
            let body = json!({"jobs": service.jobs.to_json()}).to_string();
            return Ok(respond(StatusCode::OK, body.into_bytes()));
        }
    };
    let shown: String = id.chars().take(60).collect();
    let unknown = || Refusal::said(StatusCode::NOT_FOUND, -1, format!("there is no job {shown:?}"));
    let conflict = |message: &str| Err(Refusal::said(StatusCode::CONFLICT, -1, message));
    if !is_delete {
        let job = service.jobs.get(id).ok_or_else(unknown)?;
        return Ok(respond(StatusCode::OK, job.to_string().into_bytes()));
    }
    match service.jobs.cancel(id) {
        Cancel::Asked(job) => Ok(respond(StatusCode::ACCEPTED, job.to_string().into_bytes())),
        Cancel::Over => conflict("the job is over"),
        Cancel::Impossible => conflict("a job of this sort cannot be cancelled"),
        Cancel::Unknown => Err(unknown()),
    }
}

fn started(id: &str) -> HttpResponse {
    respond(StatusCode::OK, json!({"job_id": id}).to_string().into_bytes())
}

impl From<NotStarted> for Refusal {
    fn from(error: NotStarted) -> Refusal {
        let unavailable = |message: &str| Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, message);
        match error {
            NotStarted::Alone { id, is_cancelled } => {
                let state = if is_cancelled { "was cancelled and has not ended yet" } else { "is running" };
                let message = format!("there is one at a time, and the job {id} {state}");
                Refusal::said(StatusCode::CONFLICT, -1, message).with("job_id", id)
            }
            NotStarted::TooMany(count) => unavailable(&format!("{count} jobs are running, which is the most")),
            NotStarted::Stopping => unavailable("the service is about to stop"),
            NotStarted::NoThread(why) => Refusal::unavailable("the job cannot be started", why),
        }
    }
}

/// Returns as much of an error as everybody may read.
fn said(error: &JobError) -> String {
    match error {
        JobError::Config(diagnostic) => diagnostic.message.clone(),
        other => other.to_string(),
    }
}

/// Returns what a fit did, in one line.
fn summary(report: &FitReport) -> String {
    let scores = |what: &str, scores: &[Score]| -> Vec<String> {
        scores.iter().map(|score| format!("{what} {}: {}", score.label, score.value)).collect()
    };
    let mut parts = vec![report.outcome.to_string()];
    parts.extend(scores("train", &report.train_scores));
    parts.extend(scores("test", &report.test_scores));
    parts.join(", ")
}

/// The root keys without which there is no fit.
pub const FIT_KEYS: [&str; 4] = [root_keys::TRAIN, root_keys::TEST, root_keys::MODEL, root_keys::PERSISTER];
