//! What a reload keeps, and when it lets go: in a process of its own, which gets the signals.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_runtime::App;
use palladium_server::{Bound, Loaded, ServeOptions, serve};
use serde_json::Value as Json;

/// A store without models, that notes when it is closed.
#[derive(Default)]
struct Store {
    closed: AtomicBool,
}

impl Lifecycle for Store {
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

impl Persister for Store {
    fn read(&self, _: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        Err(PersistError::Lookup("no model is active".into()))
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        Ok(Version::FIRST)
    }

    fn activate(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn delete(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(Vec::new())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        Ok(BTreeMap::new())
    }
}

/// A loader that waits until it is let go, so that a fit goes on.
struct Slow {
    entered: Mutex<Sender<()>>,
    release: Mutex<Receiver<()>>,
}

impl Lifecycle for Slow {}

impl DatasetLoader for Slow {
    fn load(&self) -> Result<Dataset, Failure> {
        self.entered.lock().unwrap().send(()).unwrap();
        let _ = self.release.lock().unwrap().recv();
        Err(Failure::message("there are no data"))
    }
}

struct Untrained;

impl Lifecycle for Untrained {}

impl Estimator for Untrained {
    fn fit(&self, _: &Dataset, _: &FitContext) -> Result<Box<dyn Model>, Failure> {
        Err(Failure::message("it never learns"))
    }
}

/// What a view does.
enum Does {
    /// It answers with its name.
    Name(&'static str),
    /// It says that it was asked, and answers once it is let go.
    Wait(Mutex<Sender<()>>, Mutex<Receiver<()>>),
}

struct Named {
    rule: &'static str,
    does: Does,
}

impl Lifecycle for Named {}

impl View for Named {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new(self.rule, &["GET"])]
    }

    fn function(&self) -> Option<ViewFunction<'_>> {
        Some(ViewFunction::Own)
    }

    fn answer(&self, _: &ViewRequest, _: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let text = match &self.does {
            Does::Name(name) => name,
            Does::Wait(entered, release) => {
                entered.lock().unwrap().send(()).unwrap();
                release.lock().unwrap().recv().unwrap();
                "waited"
            }
        };
        Ok(ViewResponse::text(200, text))
    }
}

/// Has a view of the server at a path.
struct Of {
    name: &'static str,
    rule: &'static str,
    methods: &'static [&'static str],
    span: Span,
}

impl Lifecycle for Of {}

impl View for Of {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new(self.rule, self.methods)]
    }

    fn function(&self) -> Option<ViewFunction<'_>> {
        Some(ViewFunction::Named { name: self.name, span: &self.span })
    }
}

fn of(name: &'static str, rule: &'static str, methods: &'static [&'static str]) -> Component {
    Component::View(Arc::new(Of { name, rule, methods, span: Span::nowhere("test") }))
}

fn view(rule: &'static str, name: &'static str) -> Component {
    Component::View(Arc::new(Named { rule, does: Does::Name(name) }))
}

fn ask(address: SocketAddr, method: &str, target: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn hang_up() {
    let kill = format!("kill -HUP {}", std::process::id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn running_requests_and_jobs_end_on_the_application_they_began_with() {
    let (entered, hears) = channel();
    let (fits, fit_hears) = channel();
    let (release, released) = channel();
    let (let_go, fit_released) = channel();
    let stores: Vec<Arc<Store>> = (0..4).map(|_| Arc::default()).collect();
    let waits = Named { rule: "/wait", does: Does::Wait(Mutex::new(entered), Mutex::new(released)) };
    let slow = Arc::new(Slow { entered: Mutex::new(fits), release: Mutex::new(fit_released) });
    let fitting = |store: &Arc<Store>, name: &'static str| {
        vec![
            ("model_persister", Component::Persister(Arc::clone(store) as _)),
            ("dataset_loader_train", Component::DatasetLoader(Arc::clone(&slow) as _)),
            ("model", Component::Estimator(Arc::new(Untrained))),
            ("fit", of("palladium.server.fit", "/fit", &["POST"])),
            ("jobs", of("palladium.server.jobs", "/jobs/<id>", &["DELETE"])),
            ("name", view("/name", name)),
        ]
    };
    let app = |components| Loaded::from(Arc::new(App::of_components(components, Vec::new())));
    let mut first = fitting(&stores[0], "first");
    first.push(("wait", Component::View(Arc::new(waits))));
    let broken = vec![
        ("a", view("/x", "a")),
        ("b", view("/x", "b")),
        ("model_persister", Component::Persister(stores[1].clone() as _)),
    ];
    // What each reload comes to, in turn; nothing stands for a panic.
    let turns: VecDeque<Option<Result<Loaded, Vec<String>>>> = VecDeque::from([
        Some(Err(vec!["a finding".to_owned()])),
        None,
        Some(Ok(app(broken))),
        Some(Ok(app(fitting(&stores[2], "second")))),
        Some(Ok(app(fitting(&stores[3], "third")))),
    ]);
    let left = Arc::new(Mutex::new(turns));
    let turns = Arc::clone(&left);
    let reload = move || {
        let turn = turns.lock().unwrap().pop_front().unwrap();
        turn.unwrap_or_else(|| panic!("the loader panics"))
    };
    let options = ServeOptions {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        reload: Some(Arc::new(reload)),
        ..ServeOptions::default()
    };
    let (sender, receiver) = channel::<Bound>();
    let loaded = app(first);
    let before = Arc::downgrade(&loaded.app);
    let thread = std::thread::spawn(move || serve(loaded, &options, |bound| sender.send(bound.clone()).unwrap()));
    let bound = receiver.recv().unwrap();
    let address = bound.addresses[0];

    let waiting = std::thread::spawn(move || ask(address, "GET", "/wait"));
    hears.recv().unwrap();
    let started = || {
        let (status, body) = ask(address, "POST", "/fit");
        assert_eq!(status, 200, "{body}");
        let job = serde_json::from_str::<Json>(&body).unwrap()["job_id"].as_str().unwrap().to_owned();
        fit_hears.recv().unwrap();
        job
    };
    let job = started();

    for turns_left in [4, 3, 2] {
        hang_up();
        until("the reload begins", || left.lock().unwrap().len() == turns_left);
        assert_eq!(ask(address, "GET", "/name").1, "first");
    }
    until("what is refused is closed", || stores[1].closed.load(Ordering::SeqCst));
    hang_up();
    until("the second one answers", || ask(address, "GET", "/name").1 == "second");
    assert_eq!(ask(address, "GET", "/wait").0, 404);
    assert!(!stores[0].closed.load(Ordering::SeqCst), "a request and a job are running");

    // The table of jobs is that of the process.
    let jobs =
        || serde_json::from_str::<Json>(&ask(address, "GET", "/alive").1).unwrap()["process_metadata"]["jobs"].clone();
    assert_eq!(jobs()[&job]["status"], "running");
    let (status, body) = ask(address, "POST", "/fit");
    assert_eq!(status, 409, "{body}");
    let_go.send(()).unwrap();
    until("the fit ends", || jobs()[&job]["status"] == "error");
    assert!(!stores[0].closed.load(Ordering::SeqCst), "a request is running");
    release.send(()).unwrap();
    assert_eq!(waiting.join().unwrap(), (200, "waited".to_owned()));
    until("the first one is closed", || stores[0].closed.load(Ordering::SeqCst));
    until("nothing keeps it", || before.strong_count() == 0);
    assert!(!stores[2].closed.load(Ordering::SeqCst));

    // What a cancelled fit has left to itself keeps its application as well.
    let job = started();
    assert_eq!(ask(address, "DELETE", &format!("/jobs/{job}")).0, 202);
    until("the fit is cancelled", || jobs()[&job]["status"] == "cancelled");
    hang_up();
    until("the third one answers", || ask(address, "GET", "/name").1 == "third");
    std::thread::sleep(Duration::from_millis(200));
    assert!(!stores[2].closed.load(Ordering::SeqCst), "its data are being loaded");
    let_go.send(()).unwrap();
    until("the second one is closed", || stores[2].closed.load(Ordering::SeqCst));
    assert!(!stores[3].closed.load(Ordering::SeqCst));
    bound.stopper.stop();
    thread.join().unwrap().unwrap();
    assert!(stores[3].closed.load(Ordering::SeqCst));
}
