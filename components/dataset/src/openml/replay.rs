//! A server that answers as OpenML once did.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What the server answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status and a body.
    Body(u16, Vec<u8>),
    /// Another address.
    Redirect(String),
    /// The beginning of a body, and then the end of the connection.
    Cut(Vec<u8>),
}

/// The server. Its thread ends with the process.
pub struct Replay {
    /// Its address, with nothing behind the port.
    pub url: String,
    answers: Arc<Mutex<BTreeMap<String, Vec<Answer>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Replay {
    /// Starts it.
    pub fn start() -> Replay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let replay = Replay { url, answers: Arc::default(), asked: Arc::default() };
        let (answers, asked) = (Arc::clone(&replay.answers), Arc::clone(&replay.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever asks may go away.
                let _ = answer(&stream, &answers, &asked);
            }
        });
        replay
    }

    /// Says what a path is answered with: one answer after another, the last one from then on.
    pub fn on(&self, path: &str, answers: &[Answer]) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), answers.to_vec());
    }

    /// Answers with a text, in which `{url}` stands for the address of the server.
    pub fn says(&self, path: &str, status: u16, text: &str) {
        self.on(path, &[Answer::Body(status, text.replace("{url}", &self.url).into_bytes())]);
    }

    /// Returns the paths that were asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(
    mut stream: &TcpStream,
    answers: &Mutex<BTreeMap<String, Vec<Answer>>>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    let answer = match answers.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&path) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => Answer::Body(404, b"no such answer was recorded".to_vec()),
    };
    let (head, body) = match answer {
        Answer::Body(status, body) => (format!("HTTP/1.1 {status} X\r\ncontent-length: {}", body.len()), body),
        Answer::Redirect(place) => {
            (format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0"), Vec::new())
        }
        Answer::Cut(body) => (format!("HTTP/1.1 200 OK\r\ncontent-length: {}", body.len() + 1), body),
    };
    write!(stream, "{head}\r\nconnection: close\r\n\r\n")?;
    stream.write_all(&body)
}
