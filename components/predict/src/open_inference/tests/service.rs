//! A service of models that do as they are told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use palladium_component::data::ndarray::Array2;
use serde_json::{Value as Json, json};

use super::super::*;

/// A model of one number, `a`, and a whole number, `b`: it says whether `a` is more than the parameter `threshold`.
struct More(Arc<ClassLabels>);

impl Encode for More {
    fn format(&self) -> FormatId {
        FormatId { name: "test.More", version: 1 }
    }

    fn encode(&self, _: &mut dyn std::io::Write) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Model for More {
    fn predict(&self, samples: &Samples, parameters: &Parameters) -> Result<Predictions, PredictError> {
        let threshold = match parameters.get("threshold") {
            Some(Parameter::Float(threshold)) => *threshold,
            _ => 0.5,
        };
        let codes = samples.numeric()?.column(0).iter().map(|a| u32::from(*a > threshold)).collect();
        Ok(Predictions::Classes { labels: Arc::clone(&self.0), codes })
    }

    fn has_probabilities(&self) -> bool {
        true
    }

    fn predict_proba(&self, samples: &Samples, _: &Parameters) -> Result<Probabilities, PredictError> {
        let values = Array2::from_elem((samples.n_rows(), 2), 0.5);
        Ok(Probabilities { labels: Arc::clone(&self.0), values })
    }

    fn output(&self) -> Option<ModelOutput<'_>> {
        Some(ModelOutput::Classes(&self.0))
    }

    fn parameters(&self) -> &[&str] {
        &["threshold"]
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

pub fn trained(version: u64) -> TrainedModel {
    let mut metadata = Metadata::default();
    metadata.annotate("version", version);
    let labels = Arc::new(ClassLabels::Text(vec!["no".into(), "yes".into()]));
    TrainedModel { model: Box::new(More(labels)), columns: signature(false).fields, metadata }
}

pub fn signature(probabilities: bool) -> Signature {
    let column = |name: &str, kind| ColumnSpec { name: name.into(), kind };
    Signature {
        fields: vec![column("a", ColumnType::Float), column("b", ColumnType::Int)],
        parameters: vec![column("threshold", ColumnType::Float)],
        probabilities,
    }
}

/// A store of versions, one of which may be active and in memory.
pub struct Store {
    versions: Mutex<Vec<u64>>,
    active: Option<u64>,
    fails: bool,
    n_reads: AtomicUsize,
}

impl Store {
    pub fn with(versions: &[u64], active: Option<u64>) -> Store {
        Store { versions: Mutex::new(versions.to_vec()), active, fails: false, n_reads: AtomicUsize::new(0) }
    }

    pub fn n_reads(&self) -> usize {
        self.n_reads.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), PersistError> {
        match self.fails {
            true => Err(PersistError::Failed(Failure::message("/secret/path is locked"))),
            false => Ok(()),
        }
    }
}

impl Lifecycle for Store {}

impl Persister for Store {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        self.check()?;
        self.n_reads.fetch_add(1, Ordering::Relaxed);
        let Some(version) = version else { return Err(PersistError::Lookup("no model is active".into())) };
        match self.versions.lock().unwrap().contains(&version.number()) {
            true => Ok(Arc::new(trained(version.number()))),
            false => Err(PersistError::Lookup(format!("there is no version {version}"))),
        }
    }

    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        self.active.map(|version| Ok(Arc::new(trained(version))))
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        Ok(Version::FIRST)
    }

    fn activate(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        self.versions.lock().unwrap().retain(|other| *other != version.number());
        Ok(())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        self.check()?;
        Ok(self.versions.lock().unwrap().iter().map(|version| trained(*version).metadata).collect())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        self.check()?;
        Ok(BTreeMap::new())
    }
}

/// A predict service that leaves the columns to the model.
pub struct Fake(Option<Signature>);

impl Lifecycle for Fake {}

impl PredictService for Fake {
    fn entry_point(&self) -> &str {
        "/predict"
    }

    fn decorator_list_name(&self) -> &str {
        "guards"
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        None
    }

    fn signature(&self) -> Option<Signature> {
        self.0.clone()
    }

    fn predict(&self, _: &Arc<TrainedModel>, _: &PredictRequest) -> Result<PredictResponse, PredictError> {
        Err(PredictError::Internal(Failure::message("not asked")))
    }

    fn predict_table(
        &self,
        model: &Arc<TrainedModel>,
        samples: Table,
        query: &Pairs,
    ) -> Result<PredictResponse, PredictError> {
        let threshold = query.get("threshold").map(str::parse);
        let threshold = threshold.transpose().map_err(|_| PredictError::BadRequest("no threshold".into()))?;
        let parameters = threshold.map(|number| ("threshold".to_owned(), Parameter::Float(number)));
        let parameters: Parameters = parameters.into_iter().collect();
        match samples.n_rows() {
            0 => Ok(PredictResponse::Empty),
            13 => Err(PredictError::refused("not thirteen", 13)),
            14 => Err(PredictError::Internal(Failure::message("the password is wisteria"))),
            _ if self.0.as_ref().is_some_and(|signature| signature.probabilities) => {
                Ok(PredictResponse::ManyProbabilities(model.predict_proba(Samples::new(samples), &parameters)?))
            }
            _ => Ok(PredictResponse::Many(model.predict(Samples::new(samples), &parameters)?)),
        }
    }
}

/// The service.
pub struct Service {
    pub view: OpenInference,
    pub predictions: Vec<ServedPredictions>,
    pub is_ready: bool,
    /// The routes of predict services that the active model does not fit.
    pub misfits: Vec<usize>,
    pub rules: Vec<String>,
    /// The position of the rule of the request.
    pub rule: AtomicUsize,
    pub predicted: Mutex<Vec<Predicted>>,
    pub decorated: Mutex<Vec<String>>,
}

impl ServiceHandle for Service {
    fn max_rows(&self) -> usize {
        100
    }

    fn unmet(&self, _: &str) -> Option<String> {
        None
    }

    fn operations(&self, _: usize) -> Vec<Operation> {
        Vec::new()
    }

    fn view_operation(&self, _: &str, _: &str) -> Option<Operation> {
        None
    }

    fn decorator_docs(&self, list: &str) -> Vec<Option<DecoratorDocs>> {
        let docs = OperationResponse::refusal(401, format!("From {list}."));
        vec![Some(DecoratorDocs { responses: vec![docs], ..DecoratorDocs::default() })]
    }

    fn rule(&self) -> &str {
        &self.rules[self.rule.load(Ordering::Relaxed)]
    }

    fn predict_services(&self) -> Vec<ServedPredictions> {
        self.predictions.clone()
    }

    fn routes(&self) -> Vec<ServedRoute> {
        Vec::new()
    }

    fn decorated(
        &self,
        list: &str,
        request: &ViewRequest,
        answer: &mut dyn FnMut(&ViewRequest) -> ViewResponse,
    ) -> Result<ViewResponse, Failure> {
        self.decorated.lock().unwrap().push(list.to_owned());
        Ok(answer(request))
    }

    fn not_ready(&self, route: usize) -> Option<String> {
        self.misfits.contains(&route).then(|| "it was trained on others".to_owned())
    }

    fn predicted(&self, predicted: &Predicted) {
        self.predicted.lock().unwrap().push(*predicted);
    }

    fn model_persister(&self) -> Option<Arc<dyn Persister>> {
        None
    }

    fn persisters(&self) -> Vec<(KeyPath, Arc<dyn Persister>)> {
        Vec::new()
    }

    fn jobs(&self) -> JobCounts {
        JobCounts::default()
    }

    fn view(&self, name: &str, _: &ViewRequest) -> Result<ViewResponse, Failure> {
        assert_eq!(name, "palladium.server.ready");
        Ok(match self.is_ready {
            true => ViewResponse::text(200, "{}"),
            false => ViewResponse::text(503, r#"{"error_message": "it is about to stop"}"#),
        })
    }
}

pub fn view(names: &[(&str, &str)]) -> OpenInference {
    let names = names.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned())).collect();
    OpenInference {
        prefix: "/v2".into(),
        names: Some(names),
        keep_versions: 2,
        decorator_list_name: "open_inference_decorators".into(),
        versions: Versions::default(),
    }
}

pub fn served(key: &str, service: Fake, store: Store, route: usize) -> ServedPredictions {
    let (key, service, persister) = (KeyPath::parse(key), Arc::new(service), Arc::new(store));
    ServedPredictions { key, service, persister, route, detail: ErrorDetail::Full }
}

/// Returns a service of three models, `one` with versions 1 to 3, `two` with probabilities and no active version, and
/// one whose store fails, beside a predict service that is none.
pub fn service() -> Service {
    let fails = Store { fails: true, ..Store::with(&[], None) };
    let predictions = vec![
        served("predict_service", Fake(Some(signature(false))), Store::with(&[1, 2, 3], Some(2)), 4),
        served("two", Fake(Some(signature(true))), Store::with(&[1], None), 5),
        served("mute", Fake(None), Store::with(&[1], Some(1)), 6),
        served("broken", Fake(Some(signature(false))), fails, 7),
    ];
    Service {
        view: view(&[("one", "predict_service")]),
        predictions,
        is_ready: true,
        misfits: Vec::new(),
        rules: view(&[]).rules().into_iter().map(|rule| rule.path).collect(),
        rule: AtomicUsize::new(0),
        predicted: Mutex::default(),
        decorated: Mutex::default(),
    }
}

impl Service {
    pub fn send(&self, request: ViewRequest) -> ViewResponse {
        let fits = |rule: &str| -> Option<Pairs> {
            let (rule, path): (Vec<&str>, Vec<&str>) = (rule.split('/').collect(), request.path.split('/').collect());
            let mut parts = Pairs::default();
            for (expected, found) in rule.iter().zip(&path) {
                match expected.strip_prefix('<').and_then(|name| name.strip_suffix('>')) {
                    Some(name) => parts.push(name, found),
                    None if expected == found => {}
                    None => return None,
                }
            }
            (rule.len() == path.len()).then_some(parts)
        };
        let found = self.rules.iter().enumerate().find_map(|(index, rule)| fits(rule).map(|parts| (index, parts)));
        let (index, parts) = found.unwrap();
        self.rule.store(index, Ordering::Relaxed);
        self.view.answer(&ViewRequest { parts, ..request }, self).unwrap()
    }

    pub fn get(&self, path: &str) -> (u16, Json) {
        let response = self.send(ViewRequest { method: "GET".into(), path: path.into(), ..ViewRequest::default() });
        (response.status, body(&response))
    }

    pub fn post(&self, path: &str, body: &Json) -> ViewResponse {
        let body = body.to_string().into_bytes();
        self.send(ViewRequest { method: "POST".into(), path: path.into(), body, ..ViewRequest::default() })
    }

    pub fn infer(&self, path: &str, json: &Json) -> (u16, Json) {
        let response = self.post(path, json);
        (response.status, body(&response))
    }
}

pub fn body(response: &ViewResponse) -> Json {
    assert_eq!(response.header("content-type"), Some("application/json"), "clients compare it as a whole");
    serde_json::from_slice(&response.body).unwrap()
}

/// Returns a request of two samples.
pub fn two_samples() -> Json {
    json!({
        "id": "7",
        "inputs": [
            {"name": "b", "shape": [2], "datatype": "INT64", "data": [1, 2]},
            {"name": "a", "shape": [2, 1], "datatype": "FP64", "data": [[0.2], [0.8]]},
        ],
    })
}
