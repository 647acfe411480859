//! The W3C's Trace Context, <https://www.w3.org/TR/trace-context/>: the trace that a request belongs to, and what its
//! response says about that.
//!
//! A request brings its trace in the headers `traceparent` and `tracestate`. Without them a trace begins here, if
//! somebody wants to know: the log of requests, or an observer that records traces. The response has `traceresponse`,
//! by which the specification's next level lets a caller find the span: `traceparent` is a header of requests alone.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use palladium_component::interfaces::{Parent, SpanId, Trace, TraceId};

use crate::observers::Observers;
use crate::request_id::number;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// The flag by which a span says that it may have been recorded.
const SAMPLED: u8 = 1;

/// Returns the trace of a request; nothing where it came with none and nobody wants one.
pub fn of(request: &HttpRequest, observers: &Observers, is_logged: bool) -> Option<Arc<Trace>> {
    let records = observers.record_traces();
    let (trace_id, parent) = match given(request) {
        Some(Given { trace_id, span_id, is_sampled }) => {
            let state = if records { state(request).unwrap_or_default() } else { String::new() };
            (trace_id, Some(Parent { span_id, is_sampled, state }))
        }
        None if is_logged || records => (new_trace(), None),
        None => return None,
    };
    let mut trace = Trace { trace_id, span_id: new_span(), parent, is_sampled: false };
    trace.is_sampled = observers.sample(&trace);
    Some(Arc::new(trace))
}

/// Says in a response where its span stands.
pub fn tell(trace: &Trace, response: &mut HttpResponse) {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    text[3..35].copy_from_slice(&trace.trace_id.digits());
    text[36..52].copy_from_slice(&trace.span_id.digits());
    text[54] += if trace.is_sampled { SAMPLED } else { 0 };
    if let Ok(value) = HeaderValue::from_bytes(&text) {
        response.headers_mut().insert(TRACERESPONSE, value);
    }
}

fn new_trace() -> TraceId {
    let mut bytes = [0; 16];
    let (left, right) = bytes.split_at_mut(8);
    left.copy_from_slice(&number().to_be_bytes());
    right.copy_from_slice(&number().to_be_bytes());
    TraceId(bytes)
}

fn new_span() -> SpanId {
    SpanId(number().to_be_bytes())
}

/// What the header `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Given {
    trace_id: TraceId,
    span_id: SpanId,
    is_sampled: bool,
}

fn given(request: &HttpRequest) -> Option<Given> {
    let mut headers = request.headers().get_all(TRACEPARENT);
    let header = headers.next()?;
    // Which of two would be meant?
    headers.next().is_none().then(|| traceparent(header.as_bytes()))?
}

/// Reads a `traceparent`. Versions to come may have more behind what is known.
fn traceparent(text: &[u8]) -> Option<Given> {
    const KNOWN: usize = 55;
    let (known, more) = text.split_at_checked(KNOWN)?;
    let [version] = digits(&known[..2])?;
    let ends = match version {
        0 => more.is_empty(),
        0xff => false,
        _ => more.first().is_none_or(|next| *next == b'-'),
    };
    if !ends || [2, 35, 52].iter().any(|dash| known[*dash] != b'-') {
        return None;
    }
    let (trace_id, span_id, [flags]) = (digits(&known[3..35])?, digits(&known[36..52])?, digits(&known[53..])?);
    let is_one = trace_id != [0; 16] && span_id != [0; 8];
    let is_sampled = flags & SAMPLED != 0;
    is_one.then_some(Given { trace_id: TraceId(trace_id), span_id: SpanId(span_id), is_sampled })
}

/// Reads bytes as two hexadecimal digits each, in lower case.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |letter: u8| match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Returns what systems on the way noted, of all headers `tracestate`; nothing if any of it cannot be read.
fn state(request: &HttpRequest) -> Option<String> {
    let headers: Option<Vec<&str>> =
        request.headers().get_all(TRACESTATE).map(|header| std::str::from_utf8(header.as_bytes()).ok()).collect();
    tracestate(&headers?.join(","))
}

/// Reads a `tracestate`, whose members stand between commas, and returns it without what says nothing.
fn tracestate(text: &str) -> Option<String> {
    const MOST: usize = 32;
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=')?;
        let is_known = members.iter().any(|(other, _)| *other == key);
        if is_known || members.len() == MOST || !is_key(key) || !is_value(value) {
            return None;
        }
        members.push((key, value));
    }
    Some(members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
}

/// Keys are names, or names of a tenant and a system.
fn is_key(key: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_-*/".contains(&letter);
    let is_name = |name: &str, most: usize| name.len() <= most && name.bytes().all(is_letter);
    let begins = |name: &str| name.starts_with(|letter: char| letter.is_ascii_lowercase());
    match key.split_once('@') {
        None => begins(key) && is_name(key, 256),
        Some((tenant, system)) => {
            let begins_tenant = begins(tenant) || tenant.starts_with(|letter: char| letter.is_ascii_digit());
            begins_tenant && is_name(tenant, 241) && begins(system) && is_name(system, 14)
        }
    }
}

fn is_value(value: &str) -> bool {
    let is_letter = |letter: u8| matches!(letter, b' '..=b'~') && letter != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_traceparent_is_read_strictly() {
        let read = |text: &str| {
            let given = traceparent(text.as_bytes())?;
            Some((given.trace_id.to_string(), given.span_id.to_string(), given.is_sampled))
        };
        let zeros = "0".repeat(32);
        for (text, is_sampled) in [
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-02"), false),
            (format!("00-{TRACE}-{SPAN}-ff"), true),
            (format!("01-{TRACE}-{SPAN}-01"), true),
            (format!("fe-{TRACE}-{SPAN}-01-what-will-be"), true),
            (format!("cc-{TRACE}-{SPAN}-01-"), true),
        ] {
            assert_eq!(read(&text), Some((TRACE.to_owned(), SPAN.to_owned(), is_sampled)), "{text}");
        }
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01.more"),
            format!("0g-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}_{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}_01"),
            format!("00-{}-{SPAN}0-01", &TRACE[1..]),
            format!("00-{}ä-{SPAN}-01", &TRACE[2..]),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }

    #[test]
    fn two_traceparents_are_none() {
        let header = format!("00-{TRACE}-{SPAN}-01");
        let one = TestRequest::default().append_header((TRACEPARENT, header.clone()));
        assert!(given(&one.to_http_request()).is_some());
        let two = TestRequest::default().append_header((TRACEPARENT, header.clone()));
        assert_eq!(given(&two.append_header((TRACEPARENT, header)).to_http_request()), None);
    }

    #[test]
    fn a_tracestate_is_read_strictly() {
        let many = |count: usize| (0..count).map(|index| format!("k{index}=v")).collect::<Vec<_>>().join(",");
        let long = |length: usize| "a".repeat(length);
        for (text, expected) in [
            ("", ""),
            ("a=1", "a=1"),
            (" a=1 ,\t, b=2,", "a=1,b=2"),
            ("a=x y,0t-1@sys=!", "a=x y,0t-1@sys=!"),
            (&many(32), &many(32)),
            (&format!("{}=v", long(256)), &format!("{}=v", long(256))),
            (&format!("{}@{}=v", long(241), long(14)), &format!("{}@{}=v", long(241), long(14))),
            (&format!("a={}", long(256)), &format!("a={}", long(256))),
        ] {
            assert_eq!(tracestate(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "a",
            "=1",
            "a=",
            "a=1,a=2",
            "A=1",
            "1=1",
            "a b=1",
            "a=b=c",
            "a=ä",
            "a@1=1",
            "a@b@c=1",
            "@a=1",
            &many(33),
            &format!("{}=v", long(257)),
            &format!("{}@a=v", long(242)),
            &format!("a@{}=v", long(15)),
            &format!("a={}", long(257)),
        ] {
            assert_eq!(tracestate(text), None, "{text}");
        }
    }

    #[test]
    fn a_trace_begins_where_somebody_wants_to_know() {
        let observers = Observers::default();
        let bare = || TestRequest::default().to_http_request();
        assert_eq!(of(&bare(), &observers, false), None);
        let (one, other) = (of(&bare(), &observers, true).unwrap(), of(&bare(), &observers, true).unwrap());
        assert!(one.trace_id != other.trace_id && one.span_id != other.span_id);
        assert_eq!((&one.parent, one.is_sampled), (&None, false));

        let header = format!("00-{TRACE}-{SPAN}-01");
        let request = TestRequest::default()
            .insert_header((TRACEPARENT, header))
            .insert_header((TRACESTATE, "a=1"))
            .to_http_request();
        let trace = of(&request, &observers, false).unwrap();
        assert_eq!(trace.trace_id.to_string(), TRACE);
        let parent = trace.parent.as_ref().unwrap();
        assert_eq!((parent.span_id.to_string().as_str(), parent.is_sampled, parent.state.as_str()), (SPAN, true, ""));
        let mut response = HttpResponse::Ok().finish();
        tell(&trace, &mut response);
        let told = response.headers().get("traceresponse").unwrap().to_str().unwrap().to_owned();
        assert_eq!(told, format!("00-{TRACE}-{}-00", trace.span_id));
    }
}
