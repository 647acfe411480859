//! Where bodies end that come in chunks, which actix does not tell.

/// How far a body has come whose chunks say their length, as actix reads them.
#[derive(Clone, Copy, Default)]
pub struct Chunks {
    pub part: Part,
    /// How much of a chunk is missing, once its length has been read.
    size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The first digit of a length.
    #[default]
    Size,
    /// Further digits.
    Digits,
    Spaces,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    /// The beginning of a trailer, or the empty line behind them.
    Last,
    Trailer,
    TrailerEnd,
    LastEnd,
    /// All has been read.
    Over,
    /// actix refuses it.
    Broken,
}

impl Chunks {
    /// Reads bytes, and returns how many of them belong to the body.
    pub fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.part {
                Part::Over => break,
                Part::Broken => return bytes.len(),
                Part::Data => {
                    let n_passed = usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                    self.size -= n_passed as u64;
                    at += n_passed;
                    if self.size == 0 {
                        self.part = Part::DataReturn;
                    }
                }
                _ => {
                    self.part = self.after(rest[0]);
                    at += 1;
                }
            }
        }
        at
    }

    /// Returns the part that follows a byte which belongs to none of the data.
    fn after(&mut self, byte: u8) -> Part {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        match (self.part, byte) {
            (Part::Size, _) if let Some(digit) = digit => {
                self.size = digit;
                Part::Digits
            }
            (Part::Digits, _) if let Some(digit) = digit => match self.size.checked_mul(16) {
                Some(size) => {
                    self.size = size + digit;
                    Part::Digits
                }
                None => Part::Broken,
            },
            (Part::Digits | Part::Spaces, b' ' | b'\t') => Part::Spaces,
            (Part::Digits | Part::Spaces, b';') => Part::Extension,
            (Part::Digits | Part::Spaces | Part::Extension, b'\r') => Part::SizeEnd,
            (Part::Extension, b'\t') => Part::Extension,
            (Part::Extension, _) if !byte.is_ascii_control() => Part::Extension,
            (Part::SizeEnd, b'\n') if self.size > 0 => Part::Data,
            (Part::SizeEnd, b'\n') => Part::Last,
            (Part::DataReturn, b'\r') => Part::DataEnd,
            (Part::DataEnd, b'\n') => Part::Size,
            (Part::Last, b'\r') => Part::LastEnd,
            (Part::Trailer, b'\r') => Part::TrailerEnd,
            (Part::Last | Part::Trailer, _) => Part::Trailer,
            (Part::TrailerEnd, b'\n') => Part::Last,
            (Part::LastEnd, b'\n') => Part::Over,
            _ => Part::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_http::h1::{Codec, Message};
    use actix_web::rt::System;
    use actix_web::web::BytesMut;
    use proptest::prelude::*;
    use tokio_util::codec::Decoder;

    use super::*;

    /// Bodies of parts that belong into one, and of others.
    const PARTS: &str = "([0-3Aa]{1,3}|0|[ \t]|;[a\t\\x01é]{0,2}|\r\n|\r|\n|.{1,4}|fffffffffffffffff|0\r\n\r\n){0,12}";

    #[test]
    fn a_body_ends_behind_its_trailers() {
        let cases = [
            ("0\r\n\r\nGET", 5),
            ("2\r\n[]\r\n0\r\n\r\nGET", 12),
            ("0a;x=y\r\n0\r\n\r\n01234\r\n00 \t\r\na: b\r\nc\r\n\r\nGET", 37),
        ];
        for (text, n_passed) in cases {
            let mut chunks = Chunks::default();
            assert_eq!((chunks.pass(text.as_bytes()), chunks.part), (n_passed, Part::Over), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn chunks_are_read_as_actix_reads_them(text in PARTS) {
            const HEAD: &str = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
            let mut codec = System::new().block_on(async { Codec::default() });
            let mut buffer = BytesMut::from(format!("{HEAD}{text}").as_bytes());
            let part = loop {
                match codec.decode(&mut buffer) {
                    Ok(Some(Message::Item(_) | Message::Chunk(Some(_)))) => {}
                    Ok(Some(Message::Chunk(None))) => break Some(Part::Over),
                    Ok(None) => break None,
                    Err(_) => break Some(Part::Broken),
                }
            };
            let mut chunks = Chunks::default();
            let n_passed = chunks.pass(text.as_bytes());
            let is_ended = matches!(chunks.part, Part::Over | Part::Broken);
            prop_assert_eq!(is_ended.then_some(chunks.part), part);
            prop_assert!(chunks.part == Part::Broken || n_passed == text.len() - buffer.len());
        }
    }
}
