//! A small web server, and options for what talks to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use palladium_component::prelude::*;

use super::Storage;

/// Options of `storage`.
pub(super) type Options<'a> = Vec<(&'a str, Data)>;

/// A web server that answers as it is told, and remembers the heads of requests in small letters.
pub(super) struct Server {
    pub(super) address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Returns a server that gives the head of a request, its number from 0 and the connection to a function.
    pub(super) fn new(answer: impl Fn(&str, usize, &mut TcpStream) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&heads), Arc::new(answer));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { break };
                let (heads, answer) = (Arc::clone(&heads), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let reader = BufReader::new(connection.try_clone().unwrap());
                    let lines = reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                    let head = lines.collect::<Vec<_>>().join("\n").to_lowercase();
                    let number = {
                        let mut heads = heads.lock().unwrap();
                        heads.push(head.clone());
                        heads.len() - 1
                    };
                    answer(&head, number, &mut connection);
                });
            }
        });
        Server { address, heads: kept }
    }

    /// Returns a server of one answer.
    pub(super) fn of(answer: String) -> Server {
        Server::new(move |_, _, connection| say(connection, &answer))
    }

    /// Returns the address of a file.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Returns the heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Writes an answer; that nobody listens any more is no matter.
pub(super) fn say(connection: &mut TcpStream, answer: &str) {
    let _ = connection.write_all(answer.as_bytes());
}

/// Returns the answer that gives a file.
pub(super) fn file(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}

/// Returns an answer without content.
pub(super) fn status(status: &str, header: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n{header}\r\n")
}

/// Returns a text as an argument.
pub(super) fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

/// Returns these options.
pub(super) fn storage(options: &[(&str, Data)]) -> Storage {
    let entry =
        |data: &Data| Entry { key_span: Span::nowhere("test"), value: Value::new(data.clone(), Span::nowhere("test")) };
    let map: Map = options.iter().map(|(name, data)| ((*name).to_owned(), entry(data))).collect();
    Storage::from_argument(&Value::new(Data::Map(map), Span::nowhere("test"))).unwrap()
}
