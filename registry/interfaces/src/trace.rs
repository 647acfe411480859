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

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, formatter)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, formatter)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, formatter)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, formatter)
    }
}

/// Writes at most 16 bytes; ids are written for every request.
fn hexadecimal(bytes: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut digits = [0; 32];
    let digits = &mut digits[..bytes.len() * 2];
    hex::encode_to_slice(bytes, digits).map_err(|_| fmt::Error)?;
    formatter.write_str(std::str::from_utf8(digits).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_with_all_their_digits() {
        assert_eq!(TraceId([0x0a; 16]).to_string(), "0a".repeat(16));
        assert_eq!(format!("{:?}", SpanId([0, 0, 0, 0, 0, 0, 0, 1])), "0000000000000001");
    }
}
