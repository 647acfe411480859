//! Requests of HTTP/1, one at a time.
//!
//! A client may send a request before the one before it is answered. actix decodes what it has read also while it waits
//! for an answer, and then writes that as the request wants it which it decoded last. It is therefore handed one request
//! after the other, and what comes before its turn is held back. Where a head ends and how long a body is decides actix
//! alone, so that nobody makes two readers disagree: what may be the end of a head is handed over with nothing behind it
//! that could end another one, and after that the body as long as actix says that it is.

use std::mem;

use actix_http::RequestHead;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_web::web::{Buf, BytesMut};
use memchr::memchr_iter;
use tokio::io::ReadBuf;

use crate::chunks::{Chunks, Part};

/// No more is read where so many bytes are held back.
const MOST_HELD: usize = 64 << 10;

/// How long the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes.
    Bytes(u64),
    /// Chunks that say their length.
    Chunks,
    /// Everything that comes.
    Rest,
}

impl Extent {
    /// Returns how long the body is of a request that actix has decoded, as it has understood the head.
    pub fn of(head: &RequestHead, has_body: bool) -> Extent {
        if !has_body {
            return Extent::Bytes(0);
        }
        let headers = head.headers();
        if headers.contains_key(TRANSFER_ENCODING) {
            return Extent::Chunks;
        }
        let is_websocket = |value: &str| value.trim().eq_ignore_ascii_case("websocket");
        if headers.get_all(UPGRADE).any(|value| value.to_str().is_ok_and(is_websocket)) {
            return Extent::Rest;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        length.map_or(Extent::Rest, Extent::Bytes)
    }
}

/// What a client has sent, and how much of it has been handed over.
#[derive(Default)]
pub struct Turns {
    place: Place,
    line: Line,
    held: BytesMut,
    /// Whether the reader was told to wait while something is held back, be it the end of the connection.
    is_awaited: bool,
    /// Whether more has come than was to be answered so far.
    is_followed: bool,
}

/// Where in the requests of a connection the next byte belongs.
#[derive(Default)]
enum Place {
    /// In a head, or before one.
    #[default]
    Head,
    /// Behind what may have been the end of a head.
    Offered {
        /// How many bytes behind it have been handed over, in which no further head ends.
        beyond: u64,
        /// What they are if the body comes in chunks.
        chunks: Chunks,
    },
    /// In a body of which so much is missing.
    Body(u64),
    Chunks(Chunks),
    /// In a body that ends with the connection, or in what actix refuses.
    Rest,
    /// Behind a request that is not answered yet.
    Behind,
    /// Behind the last request.
    Closed,
}

impl Turns {
    /// Takes bytes that have come, and returns how many of them are to be handed over at once.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let n_passed = if self.held.is_empty() { self.pass(bytes) } else { 0 };
        if n_passed < bytes.len() {
            match self.place {
                Place::Closed => self.is_followed = true,
                _ => self.held.extend_from_slice(&bytes[n_passed..]),
            }
        }
        n_passed
    }

    /// Hands over what was held back, as far as it is its turn, and tells whether that was anything.
    pub fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        let mut held = mem::take(&mut self.held);
        let n_passed = self.pass(&held[..held.len().min(buffer.remaining())]);
        buffer.put_slice(&held[..n_passed]);
        held.advance(n_passed);
        if !held.is_empty() {
            self.held = held;
        }
        n_passed > 0
    }

    /// Returns how many of these bytes may be handed over.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        match &mut self.place {
            Place::Head => match self.line.end_of_head(bytes) {
                None => bytes.len(),
                Some(end) => {
                    self.line = Line::Before;
                    self.place = Place::Offered { beyond: 0, chunks: Chunks::default() };
                    end + self.pass(&bytes[end..])
                }
            },
            Place::Offered { beyond, chunks } => {
                let mut line = self.line;
                if line.end_of_head(bytes).is_some() {
                    return 0;
                }
                self.line = line;
                chunks.pass(bytes);
                *beyond += bytes.len() as u64;
                bytes.len()
            }
            Place::Body(left) => {
                let n_passed = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= n_passed as u64;
                if *left == 0 {
                    self.place = Place::Behind;
                }
                n_passed
            }
            Place::Chunks(chunks) => {
                let n_passed = chunks.pass(bytes);
                self.place = Place::within(*chunks);
                n_passed
            }
            Place::Rest => bytes.len(),
            Place::Behind | Place::Closed => 0,
        }
    }

    /// Notes that actix has decoded what was handed over, and how long the body is of the request that it has begun, if it
    /// has: before a head there may be empty lines.
    pub fn decoded(&mut self, begun: Option<Extent>) {
        let Place::Offered { beyond, chunks } = self.place else { return };
        self.place = match begun {
            None => Place::Head,
            Some(Extent::Bytes(length)) if beyond > length => {
                // The next head has begun, in the line that is noted.
                self.is_followed = true;
                self.place = Place::Behind;
                return;
            }
            Some(Extent::Bytes(length)) if beyond == length => Place::Behind,
            Some(Extent::Bytes(length)) => Place::Body(length - beyond),
            Some(Extent::Chunks) => Place::within(chunks),
            Some(Extent::Rest) => Place::Rest,
        };
        if begun.is_some() {
            self.line = Line::Before;
        }
    }

    /// Notes that the reader waits, also for the end of the connection if that has come.
    pub fn wait(&mut self, is_ended: bool) {
        self.is_awaited = is_ended || !self.held.is_empty();
    }

    /// Tells once whether a reader that waits may be handed something, where all is answered or not.
    pub fn is_ready(&mut self, is_answered: bool) -> bool {
        let may_go_on = match self.place {
            Place::Behind => is_answered,
            Place::Offered { .. } | Place::Closed => false,
            Place::Head | Place::Body(_) | Place::Chunks(_) | Place::Rest => true,
        };
        self.is_awaited && may_go_on && mem::take(&mut self.is_awaited)
    }

    /// Tells whether the request has been handed over to its end.
    pub fn is_behind(&self) -> bool {
        matches!(self.place, Place::Behind)
    }

    /// Goes on to the next request.
    pub fn next(&mut self) {
        self.place = Place::Head;
    }

    /// Gives up whatever comes.
    pub fn close(&mut self) {
        self.is_followed |= !self.held.is_empty();
        self.held = BytesMut::new();
        self.place = Place::Closed;
    }

    /// Tells whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Tells whether no more is to be read.
    pub fn is_full(&self) -> bool {
        self.held.len() >= MOST_HELD
    }

    /// Tells whether more has come than was to be answered so far.
    pub fn is_followed(&self) -> bool {
        self.is_followed
    }
}

impl Place {
    /// Returns the place in, or behind, a body of chunks.
    fn within(chunks: Chunks) -> Place {
        match chunks.part {
            Part::Over => Place::Behind,
            Part::Broken => Place::Rest,
            _ => Place::Chunks(chunks),
        }
    }
}

/// Where in the lines of a head the next byte belongs.
#[derive(Clone, Copy, Default)]
enum Line {
    /// In empty lines before it.
    #[default]
    Before,
    Within,
    /// Behind the end of a line.
    Ended,
    /// Behind that and a carriage return.
    Returned,
}

impl Line {
    /// Returns where these bytes end a head, if they do. A line may end with or without a carriage return.
    fn end_of_head(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut start = 0;
        while !matches!(self, Line::Within) {
            let byte = *bytes.get(start)?;
            start += 1;
            *self = match (*self, byte) {
                (Line::Ended | Line::Returned, b'\n') => return Some(start),
                (Line::Ended, b'\r') => Line::Returned,
                (Line::Before, b'\r' | b'\n') => Line::Before,
                _ => Line::Within,
            };
        }
        for at in memchr_iter(b'\n', &bytes[start..]) {
            let end = start + at + 1;
            match bytes[end..] {
                [b'\n', ..] => return Some(end + 1),
                [b'\r', b'\n', ..] => return Some(end + 2),
                [] => *self = Line::Ended,
                [b'\r'] => *self = Line::Returned,
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use actix_http::h1::{Codec, Message, MessageType};
    use actix_web::rt::System;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio_util::codec::Decoder;

    use super::*;

    /// A request as a client writes it, and what is read of it.
    #[derive(Clone, Debug)]
    struct Written {
        text: Vec<u8>,
        body: Vec<u8>,
    }

    /// Reads, decodes and answers as actix does: more requests may be decoded while one is underway.
    #[derive(Default)]
    struct Reader {
        turns: Turns,
        codec: Codec,
        buffer: BytesMut,
        bodies: Vec<Vec<u8>>,
        /// How many looks it takes until the request underway is answered.
        underway: usize,
    }

    impl Reader {
        /// Looks at a connection on which these bytes have come; they are read at most so many at once. Answers take so many
        /// looks.
        fn look(&mut self, mut come: &[u8], at_once: usize, looks: usize) {
            self.underway = self.underway.saturating_sub(1);
            loop {
                if self.turns.is_behind() && self.underway == 0 {
                    self.turns.next();
                }
                let mut room = vec![0; at_once];
                let mut room = ReadBuf::new(&mut room);
                if self.turns.hand_over(&mut room) {
                    self.buffer.extend_from_slice(room.filled());
                    continue;
                }
                if come.is_empty() || self.turns.is_full() {
                    break;
                }
                let (read, rest) = come.split_at(at_once.min(come.len()));
                come = rest;
                let n_passed = self.turns.take(read);
                self.buffer.extend_from_slice(&read[..n_passed]);
            }
            self.turns.wait(false);
            let mut begun = None;
            while let Some(message) = self.codec.decode(&mut self.buffer).unwrap() {
                match message {
                    Message::Item(request) => {
                        assert_eq!(self.underway, 0, "{} is decoded while another request is underway", request.path());
                        let has_body = !matches!(self.codec.message_type(), MessageType::None);
                        assert!(begun.is_none());
                        begun = Some(Extent::of(request.head(), has_body));
                        self.underway = looks;
                        self.bodies.push(Vec::new());
                    }
                    Message::Chunk(Some(bytes)) => self.bodies.last_mut().unwrap().extend_from_slice(&bytes),
                    Message::Chunk(None) => {}
                }
            }
            self.turns.decoded(begun);
        }
    }

    fn written() -> impl Strategy<Value = Written> {
        let hidden = b"GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n".to_vec();
        let part = prop_oneof![
            vec(any::<u8>(), 0..40),
            Just(b"\r\n\r\n".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(b"0\r\n\r\n".to_vec()),
            Just(hidden),
        ];
        let end = prop_oneof![Just("\r\n"), Just("\n")];
        let before = prop_oneof![Just(""), Just("\r\n"), Just("\n\r\n"), Just("\n\n\n")];
        let more = prop_oneof![Just(""), Just("x-trailer: 1\r\n")];
        (vec(part, 0..4), 0..3, end, before, more).prop_map(|(parts, kind, end, before, more)| {
            let head = |line: &str, header: &str| format!("{before}{line} / HTTP/1.1{end}host: x{end}{header}{end}");
            let body = parts.concat();
            match kind {
                0 => Written { text: head("GET", "").into_bytes(), body: Vec::new() },
                1 => {
                    let head = head("POST", &format!("content-length: {}{end}", body.len()));
                    Written { text: [head.as_bytes(), &body].concat(), body }
                }
                _ => {
                    let mut text = head("POST", &format!("transfer-encoding: chunked{end}")).into_bytes();
                    for part in parts.iter().filter(|part| !part.is_empty()) {
                        text.extend_from_slice(format!("{:X} ;extension=1\r\n", part.len()).as_bytes());
                        text.extend_from_slice(part);
                        text.extend_from_slice(b"\r\n");
                    }
                    text.extend_from_slice(format!("0\r\n{more}\r\n").as_bytes());
                    Written { text, body }
                }
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        /// However requests come, each is decoded once the one before it is answered, and as it was written.
        #[test]
        fn requests_are_decoded_one_at_a_time(
            requests in vec(written(), 1..6),
            cuts in vec((0..60usize, 1..80usize, 0..4usize), 1..20),
        ) {
            let text: Vec<u8> = requests.iter().flat_map(|request| request.text.clone()).collect();
            let mut reader = System::new().block_on(async { Reader::default() });
            let (mut rest, mut cuts) = (&text[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (length, at_once, looks) = *cuts.next().unwrap();
                let (come, later) = rest.split_at(length.clamp(1, rest.len()));
                reader.look(come, at_once, looks);
                rest = later;
            }
            // As often as it says that there is something to read, and when an answer has been made.
            while reader.underway > 0 || reader.turns.is_ready(true) {
                reader.look(&[], 50, 1);
            }
            let bodies: Vec<Vec<u8>> = requests.into_iter().map(|request| request.body).collect();
            prop_assert_eq!(reader.bodies, bodies);
            prop_assert!(reader.turns.is_empty() && reader.buffer.is_empty());
        }
    }

    /// What comes at once is handed over at once, as far as no second request is in it.
    #[test]
    fn one_request_is_handed_over_as_it_is() {
        let get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let post = "POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\n";
        let cases = [
            (get.to_owned(), get.len()),
            (format!("\r\n{get}"), 2 + get.len()),
            (format!("{post}[1, 2,\r\n3]"), post.len() + 10),
            (format!("{get}GET / HT"), get.len() + 8),
            (format!("{get}\r\n\r\nGET / HT"), get.len() + 12),
            (format!("{get}{get}"), get.len()),
            (format!("{post}1\n\n"), post.len()),
            (get.replace("\r\n", "\n").repeat(2), get.len() - 3),
            (format!("{post}1\r\n1\r\n0\r\n\r\n"), post.len()),
            ("GET / HTTP/1.1\r\nhost: x\r\n\r".to_owned(), get.len() - 1),
        ];
        for (text, n_passed) in cases {
            assert_eq!(Turns::default().take(text.as_bytes()), n_passed, "{text:?}");
        }
    }

    #[test]
    fn a_head_may_come_byte_by_byte() {
        for end in ["\r\n", "\n"] {
            let head = format!("{end}{end}GET / HTTP/1.1{end}a: b{end}{end}");
            let mut line = Line::default();
            let ends: Vec<bool> = head.bytes().map(|byte| line.end_of_head(&[byte]).is_some()).collect();
            assert_eq!(ends.iter().position(|is_end| *is_end), Some(head.len() - 1));
        }
    }
}
