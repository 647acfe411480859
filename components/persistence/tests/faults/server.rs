//! A small web server that answers as it is told, also in ways in which no real server answers on purpose.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// With names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What is answered.
pub enum Reply {
    /// A status, headers and a body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The head of an answer with a body of this many bytes, of which these are sent before the connection ends.
    Truncated(u64, Vec<u8>),
    /// Nothing: the connection ends.
    Cut,
    /// Nothing: the connection stays.
    Silence,
    /// The head of an answer, and then nothing.
    HalfSilence,
}

pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// Returns an answer without a body.
pub fn status(status: u16) -> Reply {
    Reply::Whole(status, Vec::new(), Vec::new())
}

/// Returns the answer that everything is well, with a body.
pub fn found(body: &str) -> Reply {
    Reply::Whole(200, vec![("ETag", "\"1\"".to_owned())], body.as_bytes().to_vec())
}

impl Server {
    /// Starts a server whose answers depend on the request and on how many came before it.
    pub fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&requests), Arc::new(answer));
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream.unwrap(), &log, answer.as_ref()));
            }
        });
        Server { address, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns methods and paths of what was asked.
    pub fn asked(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request, usize) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read_request(&mut reader) {
        let n_before = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len() - 1
        };
        let mut stream = stream;
        let written = match answer(&request, n_before) {
            Reply::Whole(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let body = if request.method == "HEAD" { Vec::new() } else { body };
                stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat())
            }
            Reply::Truncated(length, body) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"1\"\r\nLast-Modified: Thu, 26 Nov 2026 10:00:00 GMT\r\n\r\n"
                );
                stream.write_all(&[head.as_bytes(), &body].concat()).ok();
                break;
            }
            Reply::Cut => break,
            Reply::Silence => {
                std::thread::sleep(Duration::from_secs(60));
                break;
            }
            Reply::HalfSilence => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").ok();
                std::thread::sleep(Duration::from_secs(60));
                break;
            }
        };
        if written.is_err() {
            break;
        }
    }
    stream.shutdown(Shutdown::Both).ok();
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}

/// How often an object was stored, and what last.
type Stored = (u64, Vec<u8>);

/// Objects in memory, behind what a server may or may not know.
#[derive(Clone, Default)]
pub struct Objects {
    objects: Arc<Mutex<BTreeMap<String, Stored>>>,
    /// Whether conditions are honoured.
    conditions: bool,
}

impl Objects {
    /// Returns objects on a server that honours conditions.
    pub fn conditional() -> Objects {
        Objects { conditions: true, ..Objects::default() }
    }

    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().get(path).map(|(_, body)| body.clone())
    }

    pub fn paths(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn answer(&self, request: &Request) -> Reply {
        let mut objects = self.objects.lock().unwrap();
        let found = objects.get(&request.path).cloned();
        let tag = |state: u64| format!("\"{state}\"");
        match (request.method.as_str(), found) {
            ("GET" | "HEAD" | "DELETE", None) => status(404),
            ("GET" | "HEAD", Some((state, body))) => Reply::Whole(200, vec![("ETag", tag(state))], body),
            ("DELETE", Some(_)) => {
                objects.remove(&request.path);
                status(204)
            }
            ("PUT", found) => {
                let state = found.map(|(state, _)| state);
                let expected = request.headers.get("if-match");
                let is_other = expected.is_some_and(|expected| state.map(tag).as_ref() != Some(expected));
                let is_taken = request.headers.contains_key("if-none-match") && state.is_some();
                if self.conditions && (is_other || is_taken) {
                    return status(412);
                }
                objects.insert(request.path.clone(), (state.unwrap_or(0) + 1, request.body.clone()));
                status(201)
            }
            _ => status(405),
        }
    }
}
