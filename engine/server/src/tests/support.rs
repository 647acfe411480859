//! A service to talk to, a client to talk with, and components that do as they are told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::{Bound, Listen, ServeError, ServeOptions, Stopper, serve};

/// A decorator that says what it takes, or nothing about that.
pub struct Takes(pub Option<DecoratorDocs>);

impl Lifecycle for Takes {}

impl Decorator for Takes {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        call.proceed()
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        self.0.clone()
    }
}

/// A model that no service of these tests asks.
pub struct Idle;

impl Encode for Idle {
    fn format(&self) -> FormatId {
        FormatId { name: "test.Idle", version: 1 }
    }

    fn encode(&self, _: &mut dyn Write) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Model for Idle {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(vec![0.0; samples.n_rows()]))
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

pub fn model(version: u64) -> Arc<TrainedModel> {
    let mut metadata = Metadata::default();
    metadata.annotate("version", version);
    Arc::new(TrainedModel { model: Box::new(Idle), columns: Vec::new(), metadata })
}

/// What a store does when it is asked for its model.
#[derive(Clone)]
pub enum Reads {
    /// It has the model at hand.
    Cached(Arc<TrainedModel>),
    /// It has to read it.
    Stored(Arc<TrainedModel>),
    /// It knows that there is none.
    Empty,
    /// It fails to read.
    Fails,
    /// It does not even say which version is active.
    Unreachable,
    /// It panics.
    Panics,
}

pub struct Store {
    pub reads: Mutex<Reads>,
    pub refreshes: Mutex<Option<Refreshes>>,
    pub closed: AtomicBool,
    /// How often a model was read.
    pub n_reads: AtomicUsize,
    /// What it tells once it is asked for the active version, and waits for then.
    pub pause: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Store {
    pub fn new(reads: Reads) -> Arc<Store> {
        let (refreshes, closed, n_reads) = (Mutex::default(), AtomicBool::new(false), AtomicUsize::new(0));
        Arc::new(Store { reads: Mutex::new(reads), refreshes, closed, n_reads, pause: Mutex::default() })
    }

    fn reads(&self) -> Reads {
        self.reads.lock().unwrap().clone()
    }
}

impl Lifecycle for Store {
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

fn secret() -> PersistError {
    PersistError::Failed(Failure::message("/secret/path is locked"))
}

impl Persister for Store {
    fn read(&self, _: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        self.n_reads.fetch_add(1, Ordering::SeqCst);
        match self.reads() {
            Reads::Cached(model) | Reads::Stored(model) => Ok(model),
            Reads::Empty => Err(PersistError::Lookup("no model is active".into())),
            Reads::Fails | Reads::Unreachable => Err(secret()),
            Reads::Panics => panic!("the store panics"),
        }
    }

    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        match self.reads() {
            Reads::Cached(model) => Some(Ok(model)),
            Reads::Empty => Some(Err(PersistError::Lookup("no model is active".into()))),
            Reads::Stored(_) | Reads::Fails | Reads::Unreachable | Reads::Panics => None,
        }
    }

    fn refreshes(&self) -> Option<Refreshes> {
        self.refreshes.lock().unwrap().clone()
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        Err(secret())
    }

    fn activate(&self, _: Version) -> Result<(), PersistError> {
        Err(secret())
    }

    fn delete(&self, _: Version) -> Result<(), PersistError> {
        Err(secret())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        match self.reads() {
            Reads::Cached(model) | Reads::Stored(model) => Ok(vec![model.metadata.clone()]),
            Reads::Empty => Ok(Vec::new()),
            Reads::Fails | Reads::Unreachable => Err(secret()),
            Reads::Panics => panic!("the store panics"),
        }
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        let pause = self.pause.lock().unwrap().take();
        if let Some((begins, goes_on)) = pause {
            begins.send(()).unwrap();
            goes_on.recv().unwrap();
        }
        let active = match self.reads() {
            Reads::Stored(model) => model.metadata.version().unwrap_or(Version::FIRST),
            Reads::Unreachable => return Err(secret()),
            _ => Version::FIRST,
        };
        Ok(BTreeMap::from([("active-model".to_owned(), active.to_string())]))
    }

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        Ok(BTreeMap::from([(Version::FIRST, 384)]))
    }
}

/// A service that does what the query parameter `do` says.
pub struct Puppet {
    pub entry_point: String,
    pub persister: Option<Arc<dyn Persister>>,
    pub detail: Option<ErrorDetail>,
    /// The version that cannot predict for it.
    pub unfit: Option<u64>,
    pub entered: Mutex<Option<Sender<()>>>,
    pub release: Mutex<Option<Receiver<()>>>,
}

impl Puppet {
    pub fn at(entry_point: &str) -> Puppet {
        Puppet {
            entry_point: entry_point.into(),
            persister: None,
            detail: None,
            unfit: None,
            entered: Mutex::default(),
            release: Mutex::default(),
        }
    }

    /// Returns a service that waits when told so, a receiver that hears of it, and a sender that ends it.
    pub fn waiting() -> (Puppet, Receiver<()>, Sender<()>) {
        let (entered, hears) = channel();
        let (ends, release) = channel();
        let puppet = Puppet::at("/predict");
        *puppet.entered.lock().unwrap() = Some(entered);
        *puppet.release.lock().unwrap() = Some(release);
        (puppet, hears, ends)
    }

    fn wait(&self) {
        self.entered.lock().unwrap().as_ref().unwrap().send(()).unwrap();
        self.release.lock().unwrap().as_ref().unwrap().recv().unwrap();
    }
}

impl Lifecycle for Puppet {}

impl PredictService for Puppet {
    fn entry_point(&self) -> &str {
        &self.entry_point
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        self.persister.as_ref()
    }

    fn error_detail(&self) -> Option<ErrorDetail> {
        self.detail
    }

    fn misfit(&self, model: &TrainedModel) -> Option<Misfit> {
        let is_unfit = self.unfit.is_some() && model.metadata.version().map(Version::number) == self.unfit;
        let (message, help) = ("it was trained on wisteria".to_owned(), "name it".to_owned());
        is_unfit.then_some(Misfit { message, label: "no wisteria", help })
    }

    fn predict(&self, model: &Arc<TrainedModel>, request: &PredictRequest) -> Result<PredictResponse, PredictError> {
        let number = |number: f64| Ok(PredictResponse::One(Predictions::Numbers(vec![number])));
        match request.query("do").unwrap_or("length") {
            "length" => number(request.body.as_ref().map_or(-1.0, |body| body.len() as f64)),
            "wait" => {
                self.wait();
                number(1.0)
            }
            "text" => {
                let labels = Arc::new(ClassLabels::Text(vec![request.query("text").unwrap_or_default().to_owned()]));
                Ok(PredictResponse::One(Predictions::Classes { labels, codes: vec![0] }))
            }
            "version" => number(model.metadata.version().unwrap().number() as f64),
            "nan" => Ok(PredictResponse::Many(Predictions::Numbers(vec![f64::NAN, 1.5, f64::INFINITY]))),
            "bad" => Err(PredictError::BadRequest("`x` is missing".into())),
            "refuse" => Err(PredictError::refused("not today", 17)),
            "refuse_with_status" => {
                Err(PredictError::Refused { message: "not so".into(), code: 18, status: Some(422) })
            }
            "invalid" => Err(PredictError::Invalid(invalid())),
            "status" => {
                let status = request.query("status").map(|status| status.parse().unwrap());
                let own = OwnResponse { result: json!("wisteria"), metadata: JsonMap::new(), status, n_samples: 1 };
                Ok(PredictResponse::Own(Box::new(own)))
            }
            "max_rows" => number(request.max_rows.unwrap() as f64),
            "too_many" => Err(PredictError::TooManyRows { limit: request.max_rows.unwrap() }),
            "no_probabilities" => Err(PredictError::NoProbabilities),
            "no_parameter" => Err(PredictError::NoParameter { name: "q".to_owned() }),
            "fail" => Err(PredictError::Internal(Failure::message("the password is 123"))),
            "panic" => panic!("the model panics"),
            other => panic!("told to do {other}"),
        }
    }
}

/// Returns what is wrong with two samples.
fn invalid() -> InputErrors {
    let error = |code: InputErrorCode, row: usize, field: &str, got: &str, message: &str| InputError {
        code,
        row: Some(row),
        field: Some(field.to_owned()),
        is_sent: code != InputErrorCode::MissingField,
        expected: "a number".to_owned(),
        got: got.to_owned(),
        message: message.to_owned(),
    };
    let mut errors = InputErrors::default();
    errors.push(|| error(InputErrorCode::MissingField, 1, "age", "nothing", "the field `age` is missing"));
    errors.push(|| error(InputErrorCode::WrongType, 2, "size", "text \"canary\"", "`size` has to be a number"));
    errors
}

/// A service in a thread of its own; dropping it stops it.
pub struct Running {
    /// The first port, if there is one.
    pub address: SocketAddr,
    pub addresses: Vec<SocketAddr>,
    pub stopper: Stopper,
    pub thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    pub fn start(app: App, options: ServeOptions) -> Running {
        let (sender, receiver) = channel::<Bound>();
        let app = Arc::new(app);
        let thread =
            std::thread::spawn(move || serve(app.into(), &options, |bound| sender.send(bound.clone()).unwrap()));
        let bound = receiver.recv().unwrap();
        let address = bound.addresses.first().copied().unwrap_or(SocketAddr::from(([0; 4], 0)));
        Running { address, addresses: bound.addresses, stopper: bound.stopper, thread: Some(thread) }
    }

    pub fn client(&self) -> Client {
        Client::at(TcpStream::connect(self.address).unwrap())
    }

    pub fn http2(&self) -> Http2 {
        Http2::at(TcpStream::connect(self.address).unwrap())
    }

    pub fn get(&self, target: &str) -> Response {
        self.client().request("GET", target, &[], "")
    }

    pub fn post(&self, target: &str, body: &str) -> Response {
        self.client().request("POST", target, &[("content-type", "application/json")], body)
    }

    pub fn join(mut self) -> Result<(), ServeError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

/// One connection.
pub struct Client(pub BufReader<TcpStream>);

/// One connection that speaks HTTP/2, frame by frame.
pub struct Http2 {
    stream: TcpStream,
    answers: BTreeMap<u32, Answer2>,
    next: u32,
}

/// What has come of an answer over HTTP/2.
#[derive(Default)]
pub struct Answer2 {
    /// The headers as they were sent, which HPACK compresses.
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub is_whole: bool,
}

impl Answer2 {
    /// Tells whether the status is 200, for which HPACK has a number.
    pub fn is_ok(&self) -> bool {
        self.head.first() == Some(&0x88)
    }
}

impl Http2 {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const WINDOW_UPDATE: u8 = 8;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;

    pub fn at(stream: TcpStream) -> Http2 {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut client = Http2 { stream, answers: BTreeMap::new(), next: 1 };
        client.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        client.send(Http2::SETTINGS, 0, 0, &[]);
        client
    }

    /// Takes so many bytes of each answer that is still to come, until it is told to take more.
    pub fn take_of_each(&mut self, n_bytes: u32) {
        const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];
        self.send(Http2::SETTINGS, 0, 0, &[&INITIAL_WINDOW_SIZE[..], &n_bytes.to_be_bytes()].concat());
    }

    /// Takes so many bytes more of one answer, or of all together where it has no number.
    pub fn take(&mut self, id: u32, n_bytes: u32) {
        self.send(Http2::WINDOW_UPDATE, 0, id, &n_bytes.to_be_bytes());
    }

    fn send(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[..], &[kind, flags], &id.to_be_bytes(), payload].concat();
        self.stream.write_all(&frame).unwrap();
    }

    /// Sends a GET, and returns the number of its stream.
    pub fn get(&mut self, path: &str) -> u32 {
        self.head(&[0x82], path, &[], Http2::END_HEADERS | Http2::END_STREAM)
    }

    /// Sends a HEAD, and returns the number of its stream.
    pub fn get_head(&mut self, path: &str) -> u32 {
        self.head(b"\x02\x04HEAD", path, &[], Http2::END_HEADERS | Http2::END_STREAM)
    }

    /// Sends a POST whose body, in JSON, is still to come, and returns the number of its stream.
    pub fn post(&mut self, path: &str) -> u32 {
        self.head(&[0x83], path, b"\x0f\x10\x10application/json", Http2::END_HEADERS)
    }

    /// Sends the head of a request: method, scheme, path, authority and more, for whose names HPACK has numbers.
    fn head(&mut self, method: &[u8], path: &str, more: &[u8], flags: u8) -> u32 {
        let id = self.next;
        self.next += 2;
        let length = u8::try_from(path.len()).unwrap();
        let block = [method, &[0x86, 0x04, length], path.as_bytes(), b"\x01\x01x", more].concat();
        self.send(Http2::HEADERS, flags, id, &block);
        id
    }

    /// Ends the body of a request.
    pub fn end_body(&mut self, id: u32) {
        self.send(Http2::DATA, Http2::END_STREAM, id, &[]);
    }

    /// Wants no answer any more.
    pub fn reset(&mut self, id: u32) {
        const CANCEL: u32 = 8;
        self.send(Http2::RST_STREAM, 0, id, &CANCEL.to_be_bytes());
    }

    /// Waits for an answer.
    pub fn receive(&mut self, id: u32) -> Answer2 {
        while !self.has(id) {
            self.take_frame().unwrap();
        }
        self.answers.remove(&id).unwrap()
    }

    /// Waits for the head of an answer.
    pub fn receive_head(&mut self, id: u32) -> &Answer2 {
        while self.answers.get(&id).is_none_or(|answer| answer.head.is_empty()) {
            self.take_frame().unwrap();
        }
        &self.answers[&id]
    }

    /// Waits for so many frames.
    pub fn receive_frames(&mut self, n_frames: usize) {
        (0..n_frames).for_each(|_| self.take_frame().unwrap());
    }

    /// Tells whether an answer has come to its end.
    pub fn has(&self, id: u32) -> bool {
        self.answers.get(&id).is_some_and(|answer| answer.is_whole)
    }

    /// Waits until the service ends the connection.
    pub fn end(&mut self) {
        let error = std::iter::repeat_with(|| self.take_frame()).find_map(Result::err).unwrap();
        let kinds = [std::io::ErrorKind::UnexpectedEof, std::io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
    }

    fn take_frame(&mut self) -> std::io::Result<()> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.stream.read_exact(&mut payload)?;
        let answer = self.answers.entry(u32::from_be_bytes(id)).or_default();
        match kind {
            Http2::DATA => answer.body.extend(payload),
            Http2::HEADERS => answer.head.extend(payload),
            _ => return Ok(()),
        }
        answer.is_whole = flags & Http2::END_STREAM != 0;
        Ok(())
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Client {
    pub fn at(stream: TcpStream) -> Client {
        Client(BufReader::new(stream))
    }

    pub fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if method == "POST" {
            text += &format!("content-length: {}\r\n", body.len());
        }
        self.send(&format!("{text}\r\n{body}"));
        self.receive(method == "HEAD")
    }

    pub fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Checks that the service ends the connection by itself.
    pub fn end(&mut self) {
        self.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{rest:?}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
    }

    pub fn receive(&mut self, is_head: bool) -> Response {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
                None => break,
            };
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if is_head { 0 } else { length }];
        self.0.read_exact(&mut body).unwrap();
        Response { status, headers, body: String::from_utf8(body).unwrap() }
    }
}

impl Response {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub fn at(address: &str) -> Listen {
    address.parse().unwrap()
}

pub fn options() -> ServeOptions {
    ServeOptions { listen: vec![at("127.0.0.1:0")], workers: NonZeroUsize::new(1), ..ServeOptions::default() }
}

pub fn value(json: &Json) -> Value {
    Value::of_json(json, &Span::nowhere("test"))
}

/// Returns an application of a puppet, a store under `model_persister` and further root entries.
pub fn app(puppet: Puppet, store: &Arc<Store>, entries: &Json) -> App {
    let components = vec![
        ("model_persister", Component::Persister(store.clone())),
        ("predict_service", Component::PredictService(Arc::new(puppet))),
    ];
    let entries = entries.as_object().unwrap();
    App::of_components(components, entries.iter().map(|(key, json)| (key.as_str(), value(json))).collect())
}

/// Returns a service of a puppet at `/predict` with a model of version 1 at hand.
pub fn standard() -> Running {
    let store = Store::new(Reads::Cached(model(1)));
    Running::start(app(Puppet::at("/predict"), &store, &json!({})), options())
}
