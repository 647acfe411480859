//! Predict services that ask of their active model what it does not do: they have samples that it was not trained on or
//! parameters that it does not take, or want probabilities that it has not. Each of their predictions would fail.

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use palladium_component::interfaces::{ErrorDetail, Misfit, PersistError, TrainedModel, Version};
use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, Span};
use palladium_runtime::fit::{FitReport, Outcome};
use palladium_runtime::{App, lifecycle};

use crate::answer::guarded;
use crate::predict::PredictRoute;
use crate::ready::{Found, Needed};
use crate::routes::Routes;
use crate::service::Service;

/// A predict service, which a model has to fit.
pub struct Asker {
    /// Its key.
    key: KeyPath,
    /// Where it is written.
    span: Span,
    route: Arc<PredictRoute>,
    /// What was found about the active version of a store that is read for each request.
    stored: Mutex<Option<(Version, Option<Misfit>)>>,
    /// The model in memory that was asked for a first prediction, and whether that is over.
    warmed: Mutex<(Weak<TrainedModel>, bool)>,
}

impl Asker {
    /// Returns the predict service of a route.
    pub fn new(key: KeyPath, span: Span, route: Arc<PredictRoute>) -> Asker {
        Asker { key, span, route, stored: Mutex::default(), warmed: Mutex::default() }
    }

    /// Tells whether it answers at this position in the route table.
    pub fn is_at(&self, route: usize) -> bool {
        self.route.index == route
    }

    /// Says what a model that is in memory is to the service. One that fits is asked for a first prediction, of which what
    /// it answers does not matter, and by one of those alone who ask at once.
    pub fn judge(&self, model: &Arc<TrainedModel>) -> Found {
        if let Some(misfit) = self.route.service.misfit(model) {
            return Found::Differs(misfit);
        }
        let asked = Arc::downgrade(model);
        if let Some(found) = self.known_as(&asked) {
            return found;
        }
        let why = match guarded(|| model.warm()) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => Some(panic),
        };
        if let Some(why) = why {
            tracing::debug!(target: "palladium::server", "the first prediction of a model says nothing: {why}");
        }
        let mut warmed = self.warmed.lock().unwrap_or_else(PoisonError::into_inner);
        warmed.1 |= warmed.0.ptr_eq(&asked);
        Found::Fits
    }

    /// Says what a model is that was asked for a first prediction; another one counts as asked from now on.
    fn known_as(&self, model: &Weak<TrainedModel>) -> Option<Found> {
        let mut warmed = self.warmed.lock().unwrap_or_else(PoisonError::into_inner);
        if warmed.0.ptr_eq(model) {
            return Some(if warmed.1 { Found::Fits } else { Found::Cold });
        }
        *warmed = (Weak::clone(model), false);
        None
    }

    /// Says what there is in a store that is read for each request. Its model is read once for each version that is
    /// active, and again once a request could not have it.
    ///
    /// # Errors
    /// The store does not say which version is active, or that cannot be read.
    pub fn look_in_store(&self) -> Result<Found, PersistError> {
        let persister = self.route.persister.as_ref();
        let Some(active) = lifecycle::active(persister)? else { return Ok(Found::Nothing) };
        let found = |misfit: Option<Misfit>| misfit.map_or(Found::Fits, Found::Differs);
        let known = self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_current = |version: Version| version == active && !self.route.lacks_model.load(Ordering::Relaxed);
        if let Some((_, misfit)) = known.filter(|(version, _)| is_current(*version)) {
            return Ok(found(misfit));
        }
        let model = persister.read(Some(active))?;
        let misfit = self.route.service.misfit(&model);
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = Some((active, misfit.clone()));
        Ok(found(misfit))
    }
}

impl Needed {
    /// Returns why the active model cannot predict for the service, if it is there and cannot.
    pub fn misfit(&self) -> Option<Misfit> {
        match self.look() {
            Found::Differs(misfit) => Some(misfit),
            Found::Nothing | Found::Cold | Found::Fits => None,
        }
    }

    /// Says in words for everybody that a model cannot predict for the service, and to those who may know, why.
    pub fn say(&self, misfit: &Misfit) -> String {
        match self.asker.route.detail() {
            ErrorDetail::Full => format!("{}: {}", self.said(), misfit.message),
            ErrorDetail::Codes => self.said(),
        }
    }

    /// Says that a model cannot predict for the service, with the place in the configuration.
    pub fn finding(&self, misfit: Misfit) -> Diagnostic {
        let message = format!("{}: {}", self.said(), misfit.message);
        let finding = Diagnostic::new(Code::BadArguments, message).in_key(&self.asker.key).help(misfit.help);
        finding.at(&self.asker.span, misfit.label)
    }

    /// Says in the log that a model cannot predict for the service.
    pub fn warn(&self, misfit: &Misfit) {
        let finding = self.finding(misfit.clone()).in_one_line();
        tracing::warn!(target: "palladium::server", "{finding}");
    }

    fn said(&self) -> String {
        format!("the active model of `{}` cannot predict for `{}`", self.key, self.asker.key)
    }

    /// Returns why the active model of the store cannot predict for the service, through a persister that need not have it in memory.
    fn misfit_in_store(&self) -> Option<Misfit> {
        let persister = &self.persister;
        if !persister.exists().ok()? {
            return None;
        }
        self.asker.route.service.misfit(persister.read(None).ok()?.as_ref())
    }
}

/// Returns the predict services for which the active models cannot predict, as findings.
pub fn of(needed: &[Needed]) -> Diagnostics {
    let finding = |needed: &Needed| needed.misfit().map(|misfit| needed.finding(misfit));
    Diagnostics(needed.iter().filter_map(finding).collect())
}

/// Says in the log for which predict services the models in memory cannot predict.
pub fn warn(service: &Service) {
    for needed in service.needed.iter().filter(|needed| needed.is_in_memory()) {
        if let Some(misfit) = needed.misfit() {
            needed.warn(&misfit);
        }
    }
}

/// Says in the log for which predict services a model that a fit has activated cannot predict, and returns the same, as
/// what is to be added to what the fit did.
pub fn after(service: &Service, report: &FitReport) -> String {
    if !matches!(report.outcome, Outcome::Persisted { activated: true, .. }) {
        return String::new();
    }
    let mut added = String::new();
    for needed in &service.needed {
        if let Some(misfit) = needed.misfit() {
            needed.warn(&misfit);
            added = format!("{added}; warning: {}", needed.say(&misfit));
        }
    }
    added
}

/// Returns the predict services of an application, of which the persisters alone need be initialized, for which the active
/// models of the stores cannot predict. What stores do not tell within the time is not known.
pub fn check_models(app: &App, timeout: Duration) -> Diagnostics {
    let needed: Vec<Arc<Needed>> = Routes::examine(app).0.needed.into_iter().map(Arc::new).collect();
    let (sender, answers) = channel();
    for (index, needed) in needed.iter().cloned().enumerate() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let misfit = guarded(|| needed.misfit_in_store()).ok().flatten();
            // Who has stopped waiting does not listen any more.
            let _ = sender.send((index, misfit));
        });
    }
    drop(sender);
    let (deadline, mut findings) = (Instant::now() + timeout, Diagnostics::default());
    while let Ok((index, misfit)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        findings.extend(misfit.map(|misfit| needed[index].finding(misfit)));
    }
    findings.sort();
    findings
}
