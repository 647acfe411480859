//! The route `/alive`: whether the service can do its work.
//!
//! A required model is shown with the time it was loaded and its metadata, and where it is kept in memory also with
//! what came of looking for a new one: `refresh` has the time of the `last` look and, while looks fail, an `error` and
//! since when they are `failing_since`. A required model that is not there is `N/A`, and the same stands in
//! `process_metadata`, under `refresh` and its name. The error says what sort of thing happened, as a `RefreshError`
//! does in words. A persister that keeps no model in memory is asked for its active version, which is shown with the time
//! since when it is known to be the active one. Required data that a dataset loader keeps in memory are shown in the
//! same way, without metadata. What happened may tell of servers, files and users, and stands in the log.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use palladium_component::Failed;
use palladium_component::interfaces::{DatasetLoader, Persister, Refreshes, TrainedModel, Version};
use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, Value, nearest, with_causes};
use palladium_runtime::{App, VERSION, lifecycle, root_keys};
use serde_json::{Value as Json, json};

use crate::answer::{guarded, respond};
use crate::jobs::Jobs;

/// Shows memory, version, and the models and data that the root key `alive` requires.
pub struct Alive {
    service_metadata: Json,
    required: Vec<Required>,
    /// What is said about required names that stand for no model persister and for no data in memory.
    pub unknown: Diagnostics,
}

/// A name of `process_store_required`.
struct Required {
    name: String,
    /// What it stands for.
    what: What,
    /// The model last seen there, and since when.
    seen: Mutex<Option<(Weak<TrainedModel>, DateTime<Utc>)>>,
    /// What was last seen in a store that is read for each request.
    stored: Mutex<Option<Stored>>,
}

/// The active version of a store that is read for each request.
struct Stored {
    version: Version,
    /// Since when it is known to be the active one.
    since: DateTime<Utc>,
    /// What is listed about it, once it could be.
    metadata: Option<Json>,
}

/// What a required name stands for.
enum What {
    /// The model of the persister of that key.
    Model(Arc<dyn Persister>),
    /// The data that this loader keeps in memory under that name.
    Data(Arc<dyn DatasetLoader>),
    /// Nothing, which is never there.
    Nothing,
}

/// Fields of the response that no required name may take.
const FIELDS: [&str; 5] =
    ["memory_usage", "memory_usage_vms", "palladium_version", "process_metadata", "service_metadata"];

const REQUIRED: &str = "process_store_required";

impl Alive {
    /// Reads the root key `alive`; what is wrong with it is added to the findings.
    pub fn of(app: &App, findings: &mut Diagnostics) -> Alive {
        let service_metadata = app.root().get(root_keys::SERVICE_METADATA).filter(|value| !value.is_null());
        let (mut required, mut unknown) = (Vec::new(), Diagnostics::default());
        if let Some(alive) = app.root().get(root_keys::ALIVE).filter(|value| !value.is_null()) {
            required = read_required(app, alive, findings, &mut unknown);
        }
        let service_metadata = service_metadata.map_or_else(|| json!({}), Value::to_json);
        Alive { service_metadata, required, unknown }
    }

    /// Notes which models are there, so that the time they are there since is that of the start. It may block.
    pub fn observe(&self) {
        for finding in self.unknown.iter() {
            let label = finding.labels.first().map_or("", |label| label.text.as_str());
            let label = if label.is_empty() { String::new() } else { format!("; {label}") };
            tracing::warn!(target: "palladium::server", "{}{label}", finding.message);
        }
        for required in &self.required {
            let missing = required.entry().is_none();
            if missing {
                let name = &required.name;
                tracing::warn!(target: "palladium::server", "`/alive` requires `{name}`, of which nothing is loaded");
            }
        }
    }

    /// Returns the names that it shows beside its own fields.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.required.iter().map(|required| required.name.as_str())
    }

    /// Tells whether the state can be told without asking a store.
    pub fn is_at_hand(&self) -> bool {
        self.required.iter().all(|required| match &required.what {
            What::Model(persister) => guarded(|| persister.in_memory()).is_ok_and(|model| model.is_some()),
            What::Data(_) | What::Nothing => true,
        })
    }

    /// Returns the required names of which there is nothing. It may block.
    pub fn missing(&self) -> impl Iterator<Item = String> {
        self.required.iter().filter(|required| required.entry().is_none()).map(|required| required.name.clone())
    }

    /// Answers with the state; it blocks unless that is at hand.
    pub fn answer(&self, jobs: &Jobs) -> HttpResponse {
        let (status, body) = self.state(jobs);
        respond(status, body)
    }

    /// Returns the state: 503 if something required is not there. It blocks unless that is at hand.
    pub fn state(&self, jobs: &Jobs) -> (StatusCode, Vec<u8>) {
        let (usage, usage_vms) = memory();
        let mut body = serde_json::Map::new();
        body.insert("memory_usage".to_owned(), json!(usage));
        body.insert("memory_usage_vms".to_owned(), json!(usage_vms));
        body.insert("palladium_version".to_owned(), json!(VERSION));
        body.insert("service_metadata".to_owned(), self.service_metadata.clone());
        let mut status = StatusCode::OK;
        let mut process = json!({"jobs": jobs.to_json()});
        for required in &self.required {
            let entry = required.entry().unwrap_or_else(|| {
                status = StatusCode::SERVICE_UNAVAILABLE;
                if let Some(refresh) = required.refreshes().and_then(refresh) {
                    process["refresh"][&required.name] = refresh;
                }
                json!("N/A")
            });
            body.insert(required.name.clone(), entry);
        }
        body.insert("process_metadata".to_owned(), process);
        (status, Json::Object(body).to_string().into_bytes())
    }
}

impl Required {
    /// Returns what is shown about the model or the data, if they are there.
    fn entry(&self) -> Option<Json> {
        let model = match &self.what {
            What::Model(persister) => guarded(|| persister.look_in_memory()).ok()?,
            What::Data(_) | What::Nothing => None,
        };
        // What came of the look for the model is known after it.
        let refreshes = self.refreshes();
        let loaded = refreshes.as_ref().and_then(|refreshes| refreshes.loaded.clone());
        let mut entry = match &self.what {
            What::Model(persister) => {
                let Some(model) = model else { return self.stored(persister.as_ref()) };
                // A persister that does not say when it loaded its model has it since it was seen.
                let updated = loaded.unwrap_or_else(|| self.since(&model).to_rfc3339_opts(SecondsFormat::Micros, true));
                json!({"updated": updated, "metadata": model.metadata.for_listing()})
            }
            What::Data(_) => json!({"updated": loaded?}),
            What::Nothing => return None,
        };
        if let Some(refresh) = refreshes.and_then(refresh) {
            entry["refresh"] = refresh;
        }
        Some(entry)
    }

    /// Returns what came of looking for something new, if anything is kept in memory.
    fn refreshes(&self) -> Option<Refreshes> {
        match &self.what {
            What::Model(persister) => guarded(|| persister.refreshes()).ok().flatten(),
            What::Data(loader) => guarded(|| loader.kept()).ok().flatten().map(|kept| kept.refreshes),
            What::Nothing => None,
        }
    }

    /// Returns what is shown about the active version of a store that is read for each request.
    fn stored(&self, persister: &dyn Persister) -> Option<Json> {
        let active = guarded(|| match persister.at_hand() {
            None if persister.cache().is_none() => lifecycle::active(persister),
            _ => Ok(None),
        });
        let why = match active {
            Ok(Ok(active)) => return Some(self.show_stored(persister, active?)),
            Ok(Err(error)) => with_causes(&error),
            Err(panic) => panic,
        };
        tracing::warn!(target: "palladium::server", "the model of `{}` is not there: {why}", self.name);
        None
    }

    fn show_stored(&self, persister: &dyn Persister, active: Version) -> Json {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = match &mut *stored {
            Some(known) if known.version == active => known,
            other => other.insert(Stored { version: active, since: Utc::now(), metadata: None }),
        };
        if stored.metadata.is_none() {
            let listed = guarded(|| persister.list_models()).ok().and_then(Result::ok).unwrap_or_default();
            let metadata = listed.iter().find(|metadata| metadata.version() == Some(active));
            stored.metadata = metadata.map(|metadata| json!(metadata.for_listing()));
        }
        // What cannot be listed may be read all the same.
        let metadata = stored.metadata.clone().unwrap_or_else(|| json!({"version": active.number()}));
        json!({"updated": stored.since.to_rfc3339_opts(SecondsFormat::Micros, true), "metadata": metadata})
    }

    fn since(&self, model: &Arc<TrainedModel>) -> DateTime<Utc> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &*seen {
            // The weak reference keeps the address from being used again.
            Some((last, since)) if std::ptr::eq(last.as_ptr(), Arc::as_ptr(model)) => *since,
            _ => {
                let now = Utc::now();
                *seen = Some((Arc::downgrade(model), now));
                now
            }
        }
    }
}

/// Returns what clients read of the looks for something new; nothing if there was none.
fn refresh(refreshes: Refreshes) -> Option<Json> {
    let error = refreshes.error.map(|error| error.to_string());
    let parts = [("last", refreshes.last), ("error", error), ("failing_since", refreshes.failing_since)];
    let parts: serde_json::Map<String, Json> =
        parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), json!(part?)))).collect();
    (!parts.is_empty()).then_some(Json::Object(parts))
}

fn read_required(app: &App, alive: &Value, findings: &mut Diagnostics, unknown: &mut Diagnostics) -> Vec<Required> {
    let key = KeyPath::parse(root_keys::ALIVE);
    let wrong = |message: String| Diagnostic::new(Code::BadArguments, message).in_key(&key);
    let Some(map) = alive.as_map() else {
        let message = format!("the root key `{key}` has to hold a map");
        findings.push(wrong(message).at_value(alive, format!("this is {}", alive.describe())));
        return Vec::new();
    };
    for (name, entry) in map.iter().filter(|(name, _)| *name != REQUIRED) {
        let message = format!("`{key}` has no key `{name}`");
        findings.push(wrong(message).at(&entry.key_span, format!("expected `{REQUIRED}`")));
    }
    let Some(names) = alive.get(REQUIRED).filter(|names| !names.is_null()) else { return Vec::new() };
    let Some(items) = names.as_list() else {
        let message = format!("`{REQUIRED}` has to be a list of text");
        findings.push(wrong(message).at_value(names, format!("this is {}", names.describe())));
        return Vec::new();
    };
    let persisters = app.all::<dyn Persister>();
    let loaders = kept_data(app);
    let mut required: Vec<Required> = Vec::new();
    for item in items {
        let Some(name) = item.as_text() else {
            let message = format!("`{REQUIRED}` has to be a list of text");
            findings.push(wrong(message).at_value(item, format!("this is {}", item.describe())));
            continue;
        };
        if FIELDS.contains(&name) {
            let message = format!("`{REQUIRED}` names `{name}`, which is a field of every `/alive` response");
            findings.push(wrong(message).at_value(item, "remove this").help("it needs no model to be there"));
            continue;
        }
        // Palladium's process store knows the model of the root persister as `model`.
        let wanted = if name == root_keys::MODEL { root_keys::PERSISTER } else { name };
        let found = persisters.iter().find(|placed| placed.key.to_string() == wanted);
        let keeping: Vec<_> = loaders.iter().filter(|(key, ..)| key == name).collect();
        if let (None, [(_, first, _), (_, second, _), ..]) = (found, &keeping[..]) {
            let message =
                format!("`{REQUIRED}` names `{name}`, and `{first}` and `{second}` both keep data of that name");
            let help = "give each of the two loaders a `key` of its own";
            findings.push(wrong(message).at_value(item, "which of them is meant?").help(help));
            continue;
        }
        let is_broken = || app.root().at(&KeyPath::parse(wanted)).is_some_and(Failed::is_in);
        if found.is_none() && keeping.is_empty() && !is_broken() {
            let mut keys: Vec<String> = persisters.iter().map(|placed| placed.key.to_string()).collect();
            // One that could not be constructed has been reported, and its key is none to add.
            keys.extend(
                app.root()
                    .get(root_keys::PERSISTER)
                    .filter(|value| Failed::is_in(value))
                    .map(|_| root_keys::PERSISTER.to_owned()),
            );
            let data: Vec<String> = loaders.iter().map(|(key, ..)| key.clone()).collect();
            unknown.push(unknown_name(item, name, &keys, &data));
        }
        let what = match (found, &keeping[..]) {
            (Some(placed), _) => What::Model(Arc::clone(&placed.component)),
            (None, [(_, _, loader), ..]) => What::Data(Arc::clone(loader)),
            (None, []) => What::Nothing,
        };
        required.push(Required { name: name.to_owned(), what, seen: Mutex::default(), stored: Mutex::default() });
    }
    required
}

/// Returns the loaders that keep their data in memory, with the names of the data and their own keys.
fn kept_data(app: &App) -> Vec<(String, KeyPath, Arc<dyn DatasetLoader>)> {
    let kept = |loader: &Arc<dyn DatasetLoader>| guarded(|| loader.kept()).ok().flatten();
    let loaders = app.all::<dyn DatasetLoader>().into_iter();
    loaders.filter_map(|placed| Some((kept(&placed.component)?.key, placed.key, placed.component))).collect()
}

/// A name may be that of something that a later version or another binary keeps: a check finds it, a service starts.
fn unknown_name(item: &Value, name: &str, keys: &[String], data: &[String]) -> Diagnostic {
    let stands_for = if data.is_empty() { "the key of no model persister" } else { "no model persister and no data" };
    let message = format!("`/alive` requires `{name}`, which is {stands_for}, and will answer 503");
    let near = nearest(name, keys.iter().chain(data).map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let finding = Diagnostic::new(Code::MissingKey, message)
        .at_value(item, near.unwrap_or_default())
        .in_key(&KeyPath::parse(root_keys::ALIVE).join(REQUIRED));
    let listed = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let models = (!keys.is_empty()).then(|| format!("the keys of model persisters are {}", listed(keys)));
    let data = (!data.is_empty()).then(|| format!("the names of data are {}", listed(data)));
    let known: Vec<String> = models.into_iter().chain(data).collect();
    match known.is_empty() {
        true => finding.help(format!("add `{}` to the configuration, or remove the name", root_keys::PERSISTER)),
        false => finding.help(known.join("; ")),
    }
}

/// Returns resident and virtual memory in MiB, where the system tells.
fn memory() -> (Option<f64>, Option<f64>) {
    // `status` counts in kB, `statm` in pages, whose size only a system call would tell.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let number: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(number / 1024.0)
    };
    (field("VmRSS:"), field("VmSize:"))
}
