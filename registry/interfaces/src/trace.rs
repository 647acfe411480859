//! Traces: requests of several services that belong together, as the W3C's Trace Context names them.

use std::fmt;

/// The id of a trace, of which not all bytes are zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span, which is one part of a trace. Not all bytes are zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// The span of a trace that is the work on one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The span that sent the request; nothing where the trace begins here.
    pub parent: Option<Parent>,
    /// Whether an observer records the span.
    pub is_sampled: bool,
}

/// A span of another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The span.
    pub span_id: SpanId,
    /// Whether it may have been recorded.
    pub is_sampled: bool,
    /// What the systems on the way noted, as the header `tracestate` has it. It is empty unless an observer records
    /// traces.
    pub state: String,
}

impl TraceId {
    /// Returns its hexadecimal digits as ASCII.
    pub fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        write_digits(&self.0, &mut digits);
        digits
    }
}

impl SpanId {
    /// Returns its hexadecimal digits as ASCII.
    pub fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        write_digits(&self.0, &mut digits);
        digits
    }
}

/// Writes the two digits of each byte. Each request has its ids written several times, for which crates that look at one
/// digit after the other take too long.
fn write_digits(bytes: &[u8], digits: &mut [u8]) {
    const PAIRS: [[u8; 2]; 256] = {
        let (letters, mut pairs, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
        while byte < 256 {
            pairs[byte] = [letters[byte >> 4], letters[byte & 15]];
            byte += 1;
        }
        pairs
    };
    for (byte, pair) in bytes.iter().zip(digits.as_chunks_mut().0) {
        *pair = PAIRS[usize::from(*byte)];
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(&self.digits(), formatter)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(&self.digits(), formatter)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn write_text(text: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_str(std::str::from_utf8(text).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_with_all_their_digits() {
        assert_eq!(TraceId([0x0a; 16]).to_string(), "0a".repeat(16));
        assert_eq!(format!("{:?}", SpanId([0, 0, 0, 0, 0, 0, 0, 1])), "0000000000000001");
        let all: [u8; 256] = std::array::from_fn(|byte| byte as u8);
        for part in all.chunks_exact(8) {
            let expected: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(SpanId(part.try_into().unwrap()).to_string(), expected);
        }
    }
}
