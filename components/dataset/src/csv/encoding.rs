//! The encodings of text, named as Python names them.

use std::fmt;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};
use palladium_component::prelude::*;

/// How text is encoded.
#[derive(Clone, Copy)]
pub(crate) enum Encoding {
    /// UTF-8, which needs no decoding.
    Utf8,
    /// Every byte is the character of its number; with `true` only bytes below 128 are characters.
    Bytes(bool),
    /// Another one.
    Other(&'static encoding_rs::Encoding),
}

impl fmt::Debug for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromArgument for Encoding {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let expected = "the name of an encoding such as `utf-8`, `latin-1`, `cp1252` or `utf-16`";
        let text = value.as_text().ok_or_else(|| Mismatch::wrong(expected, value))?;
        Encoding::named(text).ok_or_else(|| match of_python(text) {
            Some(name) => Mismatch::Refused {
                message: format!("the encoding `{name}` is not supported"),
                value: value.clone(),
                label: "convert the file to UTF-8, for instance with `iconv`".into(),
            },
            None => Mismatch::wrong(expected, value),
        })
    }
}

/// The encodings of Python that cannot be read.
const UNSUPPORTED: &[&str] = &[
    "big5hkscs",
    "cp037",
    "cp273",
    "cp424",
    "cp437",
    "cp500",
    "cp720",
    "cp737",
    "cp775",
    "cp850",
    "cp852",
    "cp855",
    "cp856",
    "cp857",
    "cp858",
    "cp860",
    "cp861",
    "cp862",
    "cp863",
    "cp864",
    "cp865",
    "cp869",
    "cp875",
    "cp1006",
    "cp1026",
    "cp1125",
    "cp1140",
    "euc-jis-2004",
    "euc-jisx0213",
    "hp-roman8",
    "hz",
    "iso2022-jp-1",
    "iso2022-jp-2",
    "iso2022-jp-2004",
    "iso2022-jp-3",
    "iso2022-jp-ext",
    "iso2022-kr",
    "johab",
    "koi8-t",
    "kz1048",
    "mac-arabic",
    "mac-croatian",
    "mac-farsi",
    "mac-greek",
    "mac-iceland",
    "mac-latin2",
    "mac-romanian",
    "mac-turkish",
    "ptcp154",
    "shift-jis-2004",
    "shift-jisx0213",
    "utf-32",
    "utf-32-be",
    "utf-32-le",
    "utf-7",
];

/// Returns the name of an encoding that Python has and that cannot be read.
fn of_python(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let name = plain(name.trim());
    let number = name.strip_prefix("ibm").unwrap_or(&name);
    let is_same = |known: &&&str| plain(known) == name || known.strip_prefix("cp") == Some(number);
    UNSUPPORTED.iter().find(is_same).copied()
}

impl Encoding {
    fn named(name: &str) -> Option<Encoding> {
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        Some(match name.as_str() {
            "utf-8" | "utf8" | "u8" | "utf-8-sig" | "utf8-sig" => Encoding::Utf8,
            "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => {
                Encoding::Bytes(false)
            }
            "ascii" | "us-ascii" | "646" => Encoding::Bytes(true),
            _ => {
                let label = match name.as_str() {
                    "utf16" | "utf-16-le" | "utf16-le" => "utf-16le".into(),
                    "utf-16-be" | "utf16-be" => "utf-16be".into(),
                    "cp932" | "ms932" => "shift_jis".into(),
                    "cp936" | "936" => "gbk".into(),
                    "cp949" | "949" => "euc-kr".into(),
                    "cp950" | "950" => "big5".into(),
                    "cp866" | "866" => "ibm866".into(),
                    "mac-roman" | "macroman" => "macintosh".into(),
                    "euc-jis-2004" | "shift-jis" | "sjis" => name.replace("shift-jis", "shift_jis"),
                    _ => match (name.strip_prefix("cp"), name.strip_prefix("iso8859-")) {
                        (Some(page), _) => format!("windows-{page}"),
                        (_, Some(part)) => format!("iso-8859-{part}"),
                        _ => name,
                    },
                };
                let known = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())?;
                match known == encoding_rs::X_USER_DEFINED {
                    true => return None,
                    false => Encoding::Other(known),
                }
            }
        })
    }

    /// Returns the name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Bytes(false) => "ISO-8859-1",
            Encoding::Bytes(true) => "ASCII",
            Encoding::Other(encoding) => encoding.name(),
        }
    }

    /// Returns the input as UTF-8.
    pub(crate) fn decoded(self, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let decoder = match self {
            Encoding::Utf8 => return input,
            Encoding::Bytes(is_ascii) => Decoding::Bytes(is_ascii),
            // The mark at the start of the text tells the order of the bytes.
            Encoding::Other(encoding) => Decoding::Other(Box::new(encoding.new_decoder())),
        };
        Box::new(Decoded {
            input,
            decoder,
            encoding: self,
            raw: vec![0; CHUNK],
            raw_start: 0,
            raw_end: 0,
            text: vec![0; 3 * CHUNK],
            start: 0,
            end: 0,
            line: 1,
            is_last: false,
        })
    }
}

/// How much is decoded at once.
const CHUNK: usize = 1 << 16;

/// Says which line of a text is not in the encoding that was named. It is the reason of an `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not {encoding} text")]
pub(crate) struct Undecodable {
    /// The physical line, from 1.
    pub(crate) line: u64,
    /// The encoding.
    pub(crate) encoding: &'static str,
}

enum Decoding {
    Bytes(bool),
    Other(Box<Decoder>),
}

/// Text as UTF-8.
struct Decoded {
    input: Box<dyn Read + Send>,
    decoder: Decoding,
    encoding: Encoding,
    raw: Vec<u8>,
    raw_start: usize,
    raw_end: usize,
    text: Vec<u8>,
    start: usize,
    end: usize,
    line: u64,
    is_last: bool,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.start == self.end {
            if self.raw_start == self.raw_end && !self.is_last {
                (self.raw_start, self.raw_end) = (0, self.input.read(&mut self.raw)?);
                self.is_last = self.raw_end == 0;
            } else if self.is_last && matches!(self.decoder, Decoding::Bytes(_)) {
                return Ok(0);
            }
            (self.start, self.end) = (0, 0);
            let is_finished = self.decode()?;
            if is_finished && self.end == 0 {
                return Ok(0);
            }
        }
        let length = buffer.len().min(self.end - self.start);
        buffer[..length].copy_from_slice(&self.text[self.start..self.start + length]);
        self.start += length;
        Ok(length)
    }
}

impl Decoded {
    /// Decodes what was read, and tells whether that was the end of the text.
    fn decode(&mut self) -> io::Result<bool> {
        let raw = &self.raw[self.raw_start..self.raw_end];
        match &mut self.decoder {
            Decoding::Bytes(is_ascii) => {
                for byte in raw {
                    if *is_ascii && !byte.is_ascii() {
                        self.line += super::dialect::breaks(&self.text[..self.end]);
                        return Err(self.undecodable());
                    }
                    self.end += char::from(*byte).encode_utf8(&mut self.text[self.end..]).len();
                }
                self.raw_start = self.raw_end;
                self.line += super::dialect::breaks(&self.text[..self.end]);
                Ok(self.is_last)
            }
            Decoding::Other(decoder) => {
                if self.is_last && self.raw_start > 0 {
                    return Ok(true);
                }
                let (result, taken, written) =
                    decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.is_last);
                self.raw_start += taken;
                self.end = written;
                self.line += super::dialect::breaks(&self.text[..written]);
                match result {
                    DecoderResult::Malformed(..) => Err(self.undecodable()),
                    DecoderResult::InputEmpty => {
                        // A decoder is not asked again after it was told of the end.
                        self.raw_start = usize::from(self.is_last);
                        self.raw_end = self.raw_start;
                        Ok(self.is_last)
                    }
                    DecoderResult::OutputFull => Ok(false),
                }
            }
        }
    }

    fn undecodable(&self) -> io::Error {
        let reason = Undecodable { line: self.line, encoding: self.encoding.name() };
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(name: &str, bytes: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        let mut decoded = Encoding::named(name).unwrap().decoded(Box::new(io::Cursor::new(bytes.to_vec())));
        decoded.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn decodes_what_python_encodes() {
        let cases: [(&str, &[u8], &str); 9] = [
            ("latin-1", b"gr\xfcn \x80", "grün \u{80}"),
            ("ISO_8859-15", b"\xa4", "€"),
            ("cp1252", b"\x80 \xfc", "€ ü"),
            ("utf-16", b"\xff\xfea\0\xe9\0", "aé"),
            ("utf-16", b"\xfe\xff\0a", "a"),
            ("utf-16-be", b"\0a\xd8\x3d\xde\x00", "a😀"),
            ("shift_jis", b"\x93\xfa", "日"),
            ("cp866", b"\x8f", "П"),
            ("ascii", b"abc", "abc"),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(decode(name, bytes).as_deref(), Ok(expected), "{name}");
        }
        let long: Vec<u8> = (0..CHUNK * 3).map(|index| b"\xfcx\n"[index % 3]).collect();
        assert_eq!(decode("latin-1", &long).unwrap(), "üx\n".repeat(CHUNK));
        assert_eq!(decode("cp1252", &long).unwrap(), "üx\n".repeat(CHUNK));
    }

    #[test]
    fn what_is_told_to_be_unsupported_is() {
        for name in UNSUPPORTED {
            assert!(Encoding::named(name).is_none(), "{name}");
            assert_eq!(of_python(&name.replace('-', "_").to_uppercase()), Some(*name));
        }
        assert_eq!(of_python("elbonian"), None);
    }

    #[test]
    fn names_the_line_that_is_of_another_encoding() {
        let cases: [(&str, &[u8], &str); 3] = [
            ("ascii", b"a\r\nb\n\xfc", "line 3 is not ASCII text"),
            ("utf-16-le", b"a\0\n\0\0\xd8b\0", "line 2 is not UTF-16LE text"),
            ("utf-16-le", b"a\0b", "line 1 is not UTF-16LE text"),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(decode(name, bytes).unwrap_err(), expected);
        }
        for name in ["", "utf-32", "klingon", "x-user-defined", "replacement"] {
            assert!(Encoding::named(name).is_none(), "{name}");
        }
    }
}
