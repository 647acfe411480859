//! What concerns the whole process: signals and the log.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use palladium_component::interfaces::{Component, Lifecycle, Persister, PredictError, PredictRequest};
use palladium_component::interfaces::{Failure, Metadata, PersistError, PredictResponse, TrainedModel, Version};
use palladium_runtime::App;
use palladium_server::{ServeOptions, serve};

/// Has no model and counts how often it was closed.
#[derive(Default)]
struct Store {
    closed: Mutex<usize>,
}

impl Lifecycle for Store {
    fn close(&self) {
        *self.closed.lock().unwrap() += 1;
    }
}

impl Persister for Store {
    fn read(&self, _: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        Err(Failure::message("the disk is on fire").into())
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

    fn list_properties(&self) -> Result<std::collections::BTreeMap<String, String>, PersistError> {
        Ok(std::collections::BTreeMap::new())
    }
}

struct Service;

impl Lifecycle for Service {}

impl palladium_component::interfaces::PredictService for Service {
    fn entry_point(&self) -> &str {
        "/predict"
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        None
    }

    fn predict(&self, _: &Arc<TrainedModel>, _: &PredictRequest) -> Result<PredictResponse, PredictError> {
        Ok(PredictResponse::Empty)
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn get(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nhost: test\r\nx-request-id: id-7\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn signals_stop_and_the_log_knows_what_clients_do_not() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).init();
    for name in ["TERM", "INT"] {
        let store = Arc::new(Store::default());
        let components = vec![
            ("model_persister", Component::Persister(store.clone())),
            ("predict_service", Component::PredictService(Arc::new(Service))),
        ];
        let app = Arc::new(App::of_components(components, Vec::new()));
        let (sender, receiver) = channel();
        let thread = std::thread::spawn(move || {
            let listen = vec!["127.0.0.1:0".parse().unwrap()];
            let options = ServeOptions { listen, ..ServeOptions::default() };
            serve(app.into(), &options, |bound| sender.send(bound.addresses[0]).unwrap())
        });
        let address = receiver.recv().unwrap();
        let response = get(address, "/predict");
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        assert!(response.contains("the model cannot be read, request id id-7"), "{response}");
        assert!(!response.contains("fire"), "{response}");
        let kill = format!("kill -{name} {}", std::process::id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        thread.join().unwrap().unwrap();
        assert_eq!(*store.closed.lock().unwrap(), 1, "{name}");
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = |target: &str, text: &str| {
        let found = log.lines().any(|line| line.contains(target) && line.contains(text) && line.contains("id-7"));
        assert!(found, "{target} {text} is not in\n{log}");
    };
    line("ERROR palladium::server", "the model cannot be read: the disk is on fire");
    line("INFO palladium::access", "path=\"/predict\" status=503");
}
