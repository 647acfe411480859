//! Calls of views for the tests.

use std::sync::Arc;

use palladium_component::prelude::*;

/// Returns a request from 127.0.0.1.
pub fn request(method: &str, headers: &[(&str, &str)]) -> ViewRequest {
    let headers = headers.iter().copied().collect();
    ViewRequest {
        method: method.to_owned(),
        path: "/predict".to_owned(),
        headers,
        peer: Some([127, 0, 0, 1].into()),
        request_id: "abc".to_owned(),
        ..ViewRequest::default()
    }
}

/// Answers a request through decorators, the last outermost, in front of a view that says `seen`.
pub fn through(decorators: &[&Arc<dyn Decorator>], request: &ViewRequest) -> ViewResponse {
    through_to(decorators, request, || ViewResponse::text(200, "seen"))
}

/// Answers a request through decorators in front of this view.
pub fn through_to(
    decorators: &[&Arc<dyn Decorator>],
    request: &ViewRequest,
    view: impl FnOnce() -> ViewResponse,
) -> ViewResponse {
    let list = DecoratorList::new("predict_decorators", decorators.iter().map(|one| Arc::clone(one)).collect());
    let returned = list.call(None, &Arguments::Request(request), || Ok(view().into()));
    ViewResponse::try_from(returned.unwrap()).unwrap()
}

/// Returns a header of a response.
pub fn header<'a>(response: &'a ViewResponse, name: &str) -> Option<&'a str> {
    response.header(name)
}

/// Returns the body of a response.
pub fn body(response: &ViewResponse) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Returns a value of a configuration.
pub fn value(json: &serde_json::Value) -> Value {
    Value::of_json(json, &Span::nowhere("test"))
}

fn entry(json: &serde_json::Value) -> Entry {
    Entry { key_span: Span::nowhere("test"), value: value(json) }
}

/// Plans a decorator of this crate by the last part of its name.
pub fn plan(name: &str, arguments: &serde_json::Value) -> Result<Arc<dyn Decorator>, String> {
    let mut map = value(arguments).as_map().unwrap().clone();
    map.insert("!".to_owned(), entry(&format!("palladium.decorators.{name}").into()));
    let mut findings = Diagnostics::default();
    let registry = Registry::linked().unwrap();
    let built = registry.construct(map, &KeyPath::parse("here"), &Span::nowhere("test"), &mut findings);
    if !findings.is_empty() {
        return Err(findings.iter().map(|finding| finding.render(false)).collect());
    }
    Ok(Arc::from_argument(&built).unwrap())
}

/// Plans and initializes a decorator.
pub fn decorator(name: &str, arguments: &serde_json::Value) -> Arc<dyn Decorator> {
    let decorator = plan(name, arguments).unwrap();
    initialize(decorator.as_ref(), "predict_decorators.0").unwrap();
    decorator
}

/// Initializes a decorator at a place.
pub fn initialize(decorator: &dyn Decorator, key: &str) -> Result<(), String> {
    let registry = Registry::linked().unwrap();
    let root = value(&serde_json::json!({}));
    let context = InitContext {
        key: &KeyPath::parse(key),
        mode: Mode::Serve,
        root: &root,
        blueprint: &Blueprint::default(),
        formats: registry.formats(),
        decorators: &Decorators::default(),
    };
    decorator.initialize(&context).map_err(|failure| failure.to_string())
}

/// A service on this machine that answers every request with what the test has it say.
pub struct Provider {
    /// Its address.
    pub url: String,
    /// What it was asked, head and body.
    pub asked: std::sync::mpsc::Receiver<String>,
    /// Status and body of what it says.
    pub says: Arc<std::sync::Mutex<(u16, String)>>,
}

impl Provider {
    /// Starts it on a thread that ends with the process.
    pub fn saying(status: u16, body: &str) -> Provider {
        use std::io::{BufRead, BufReader, Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let says = Arc::new(std::sync::Mutex::new((status, body.to_owned())));
        let (tell, asked) = std::sync::mpsc::channel();
        let told = Arc::clone(&says);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
                let length = head.to_ascii_lowercase();
                let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut body).unwrap();
                if tell.send(head + &String::from_utf8(body).unwrap()).is_err() {
                    return;
                }
                let (status, body) = told.lock().unwrap().clone();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nlocation: http://127.0.0.1:1/\r\n\
                     connection: close\r\n\r\n{body}"
                );
                // Whoever asked may have gone.
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        Provider { url, asked, says }
    }

    /// Changes what it says.
    pub fn say(&self, status: u16, body: &str) {
        *self.says.lock().unwrap() = (status, body.to_owned());
    }

    /// Returns how often it was asked since the last time.
    pub fn count(&self) -> usize {
        self.asked.try_iter().count()
    }
}
