//! `/live` and `/ready`, and the time between the first signal and the stop.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::json;

use super::support::*;
use crate::ServeOptions;

fn reasons(response: &Response) -> Vec<String> {
    let json = response.json();
    assert_eq!((response.status, &json["status"], &json["error_code"]), (503, &json!("ERROR"), &json!(-1)));
    json["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap().to_owned()).collect()
}

#[test]
fn is_ready_once_every_needed_model_is_there() {
    for (reads, is_ready) in [
        (Reads::Cached(model(1)), true),
        // A store that is read for each request has an active model by its properties.
        (Reads::Stored(model(1)), true),
        (Reads::Empty, false),
    ] {
        let running = Running::start(app(Puppet::at("/predict"), &Store::new(reads), &json!({})), options());
        let (live, ready) = (running.get("/live"), running.get("/ready"));
        assert_eq!((live.status, live.json()), (200, json!({"status": "OK"})));
        match is_ready {
            true => assert_eq!((ready.status, ready.json()), (200, json!({"status": "OK"}))),
            false => assert_eq!(reasons(&ready), ["no model of `model_persister` is loaded"]),
        }
        assert_eq!(running.client().request("HEAD", "/ready", &[], "").status, ready.status);
    }
}

#[test]
fn says_which_models_are_missing() {
    let own = Store::new(Reads::Empty);
    let service = Puppet { persister: Some(own.clone()), ..Puppet::at("/other") };
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
        ("other_persister", Component::Persister(own.clone())),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("other", Component::PredictService(Arc::new(service))),
    ];
    let required = value(&json!({"process_store_required": ["model", "other_persister", "data"]}));
    let running = Running::start(App::of_components(components, vec![("alive", required)]), options());
    let missing = ["no model of `data` is loaded", "no model of `other_persister` is loaded"];
    assert_eq!(reasons(&running.get("/ready")), missing);
    *own.reads.lock().unwrap() = Reads::Cached(model(2));
    assert_eq!(reasons(&running.get("/ready")), missing[..1]);
}

/// Readiness follows the active model; a store that is read for each request is asked for its model once a version.
#[test]
fn says_which_models_cannot_predict() {
    for reads in [Reads::Cached as fn(_) -> Reads, Reads::Stored] {
        let store = Store::new(reads(model(1)));
        let own = Store::new(reads(model(2)));
        let persister: Option<Arc<dyn Persister>> = Some(own.clone());
        let told = Puppet { persister: persister.clone(), unfit: Some(2), ..Puppet::at("/told") };
        let less = Puppet { persister, unfit: Some(2), detail: Some(ErrorDetail::Codes), ..Puppet::at("/less") };
        let fits = Puppet { unfit: Some(2), ..Puppet::at("/predict") };
        let components = vec![
            ("model_persister", Component::Persister(store.clone())),
            ("own", Component::Persister(own.clone())),
            ("predict_service", Component::PredictService(Arc::new(fits))),
            ("told", Component::PredictService(Arc::new(told))),
            ("less", Component::PredictService(Arc::new(less))),
        ];
        let running = Running::start(App::of_components(components, Vec::new()), options());
        let misfits = [
            "the active model of `own` cannot predict for `told`: it was trained on wisteria",
            "the active model of `own` cannot predict for `less`",
        ];
        assert_eq!(reasons(&running.get("/ready")), misfits);
        assert_eq!(reasons(&running.get("/ready")), misfits);
        let n_reads = own.n_reads.load(Ordering::SeqCst);
        assert_eq!(n_reads, if matches!(reads(model(1)), Reads::Stored(_)) { 2 } else { 0 }, "once for each service");
        *own.reads.lock().unwrap() = reads(model(3));
        assert_eq!(running.get("/ready").status, 200);
        *store.reads.lock().unwrap() = reads(model(2));
        assert_eq!(
            reasons(&running.get("/ready")),
            ["the active model of `model_persister` cannot predict for `predict_service`: it was trained on wisteria"]
        );
    }
}

#[test]
fn a_model_that_cannot_be_read_is_not_ready() {
    let store = Store::new(Reads::Fails);
    let running = Running::start(app(Puppet::at("/predict"), &store, &json!({})), options());
    let set = |reads: Reads| *store.reads.lock().unwrap() = reads;
    assert_eq!(reasons(&running.get("/ready")), ["no model of `model_persister` is loaded"]);
    set(Reads::Stored(model(1)));
    assert_eq!(running.get("/ready").status, 200);
    let n_reads = store.n_reads.load(Ordering::SeqCst);
    assert_eq!((running.get("/ready").status, store.n_reads.load(Ordering::SeqCst)), (200, n_reads), "it is known");
    // Only who needs it finds that it cannot be read any more.
    set(Reads::Fails);
    assert_eq!((running.get("/predict").status, running.get("/ready").status), (503, 503));
    set(Reads::Stored(model(1)));
    assert_eq!(running.get("/ready").status, 200);
}

/// A model that waits in its first prediction.
struct Slow {
    n_predictions: Arc<AtomicUsize>,
    first: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Encode for Slow {
    fn format(&self) -> FormatId {
        FormatId { name: "test.Slow", version: 1 }
    }

    fn encode(&self, _: &mut dyn Write) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Model for Slow {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        let first = self.first.lock().unwrap().take();
        if let Some((begins, goes_on)) = first {
            assert_eq!((samples.n_rows(), samples.numeric().unwrap().sum()), (1, 0.0));
            begins.send(()).unwrap();
            goes_on.recv().unwrap();
        }
        self.n_predictions.fetch_add(1, Ordering::SeqCst);
        Err(PredictError::BadRequest("zero is no weight".to_owned()))
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn a_model_in_memory_makes_a_first_prediction_before_the_service_is_ready() {
    let store = Store::new(Reads::Empty);
    let running = Running::start(app(Puppet::at("/predict"), &store, &json!({})), options());
    let ((begins, has_begun), (go_on, goes_on)) = (channel(), channel());
    let (n_predictions, first) = (Arc::<AtomicUsize>::default(), Mutex::new(Some((begins, goes_on))));
    let slow = Slow { n_predictions: Arc::clone(&n_predictions), first };
    let columns = vec![ColumnSpec { name: "weight".to_owned(), kind: ColumnType::Float }];
    let model = TrainedModel { model: Box::new(slow), columns, metadata: Metadata::default() };
    *store.reads.lock().unwrap() = Reads::Cached(Arc::new(model));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| running.get("/ready").status);
        has_begun.recv().unwrap();
        assert_eq!(reasons(&running.get("/ready")), ["the model of `model_persister` makes its first prediction"]);
        go_on.send(()).unwrap();
        assert_eq!(asked.join().unwrap(), 200, "what it answers does not matter");
    });
    assert_eq!((running.get("/ready").status, n_predictions.load(Ordering::SeqCst)), (200, 1), "it does so once");
    *store.reads.lock().unwrap() = Reads::Cached(self::model(2));
    assert_eq!(running.get("/ready").status, 200);
}

#[test]
fn says_that_it_is_about_to_stop_and_goes_on_for_a_while() {
    let store = Store::new(Reads::Cached(model(1)));
    let options = ServeOptions { drain: Some(Duration::from_millis(1500)), ..options() };
    let running = Running::start(app(Puppet::at("/predict"), &store, &json!({})), options);
    assert_eq!(running.get("/ready").status, 200);
    running.stopper.stop();
    let deadline = std::time::Instant::now() + Duration::from_secs(1);
    while running.get("/ready").status == 200 && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(reasons(&running.get("/ready")), ["it is about to stop"]);
    assert_eq!((running.get("/live").status, running.get("/predict").status), (200, 200));
    let address = running.address;
    running.join().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}
