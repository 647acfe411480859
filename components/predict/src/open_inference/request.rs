//! Requests for predictions: JSON, and behind it the elements of tensors in bytes where a client sends them so.
//!
//! The JSON is read twice. The first reading tells what tensors there are and of which type; the second one puts their
//! elements straight into the columns that they are for, so that no tree of JSON values is built.

use std::fmt;

use palladium_component::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::object::{Object, objects, objects_or_null};
use super::problem::Problem;

/// The header that says how long the JSON is where bytes follow.
pub const JSON_LENGTH: &str = "inference-header-content-length";

/// A request for predictions, without the elements of its tensors.
#[derive(Debug, Deserialize)]
pub struct InferenceRequest {
    /// What the response is to repeat.
    pub id: Option<String>,
    #[serde(default)]
    pub parameters: RequestParameters,
    #[serde(deserialize_with = "objects")]
    pub inputs: Vec<Input>,
    #[serde(default, deserialize_with = "objects_or_null")]
    pub outputs: Option<Vec<RequestedOutput>>,
}

/// A tensor of a request.
#[derive(Debug, Deserialize)]
pub struct Input {
    pub name: String,
    pub shape: Vec<u64>,
    pub datatype: String,
    #[serde(default)]
    pub parameters: RequestParameters,
    data: Option<IgnoredAny>,
}

/// A tensor that the response is to have.
#[derive(Debug, Deserialize)]
pub struct RequestedOutput {
    pub name: String,
    #[serde(default)]
    pub parameters: RequestParameters,
}

/// Where the elements of a tensor stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elements<'a> {
    /// In the JSON.
    Json,
    /// Behind it.
    Bytes(&'a [u8]),
}

/// A body whose JSON was read once.
pub struct Body<'a> {
    pub request: InferenceRequest,
    /// The JSON.
    pub json: &'a [u8],
    /// For each input, where its elements stand.
    pub elements: Vec<Elements<'a>>,
}

impl<'a> Body<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Another content type, a body that is no request, bytes that are not as long as the JSON says.
    pub fn read(request: &'a ViewRequest) -> Result<Body<'a>, Problem> {
        check_headers(request)?;
        let (json, bytes) = parts(request)?;
        let Object(read): Object<InferenceRequest> = serde_json::from_slice(json)
            .map_err(|error| Problem::bad_request(format!("the body is no inference request: {error}")))?;
        check_parameters(&read)?;
        let elements = elements(&read.inputs, bytes)?;
        Ok(Body { request: read, json, elements })
    }
}

/// Takes JSON, bytes, and bodies that do not say what they are, as clients in Python send them.
fn check_headers(request: &ViewRequest) -> Result<(), Problem> {
    check_encoding(request)?;
    let Some(content_type) = request.header("content-type") else { return Ok(()) };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if is_json || kind == "application/octet-stream" {
        return Ok(());
    }
    let shown: String = content_type.chars().take(60).collect();
    let message = format!("the body has the content type {shown:?}: send it as `application/json`");
    Err(Problem::Said { status: 415, message })
}

/// Takes bodies as they are.
///
/// # Errors
/// An encoding of the body.
pub fn check_encoding(request: &ViewRequest) -> Result<(), Problem> {
    let Some(encoding) = request.header("content-encoding").filter(|encoding| *encoding != "identity") else {
        return Ok(());
    };
    let shown: String = encoding.chars().take(60).collect();
    let message = format!("the body has the content encoding {shown:?}: send it as it is");
    Err(Problem::Said { status: 415, message })
}

/// Returns the JSON of a body and the bytes behind it.
fn parts(request: &ViewRequest) -> Result<(&[u8], &[u8]), Problem> {
    let body = request.body.as_slice();
    let Some(header) = request.header(JSON_LENGTH) else { return Ok((body, &[])) };
    let length = Some(header).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = length.and_then(|text| text.parse::<usize>().ok()).filter(|length| *length <= body.len());
    length.map(|length| body.split_at(length)).ok_or_else(|| {
        let shown: String = header.chars().take(60).collect();
        let message = format!("the header `{JSON_LENGTH}` is {shown:?}, the body has {} bytes", body.len());
        Problem::bad_request(message)
    })
}

/// Refuses what would change the meaning of a request and is not known here.
fn check_parameters(request: &InferenceRequest) -> Result<(), Problem> {
    let inputs = request.inputs.iter().map(|input| (&input.name, &input.parameters));
    let outputs = request.outputs.iter().flatten().map(|output| (&output.name, &output.parameters));
    for (name, parameters) in inputs.chain(outputs) {
        let is_unknown = |key: &str| key.starts_with("shared_memory_") || key == "classification";
        let is_encoded = parameters.text("content_type") == Some("base64");
        let unknown = parameters.names().find(|key| is_unknown(key)).or(is_encoded.then_some("content_type: base64"));
        if let Some(unknown) = unknown {
            return Err(Problem::bad_request(format!("`{unknown}` of the tensor `{name}` is not supported")));
        }
    }
    Ok(())
}

/// Returns where the elements of all inputs stand; the bytes are those of the inputs in their order.
fn elements<'a>(inputs: &[Input], bytes: &'a [u8]) -> Result<Vec<Elements<'a>>, Problem> {
    let mut rest = bytes;
    let mut elements = Vec::with_capacity(inputs.len());
    for Input { name, parameters, data, .. } in inputs {
        let problem = |message: &str| Problem::bad_request(format!("the input `{name}` {message}"));
        let size = match parameters.get("binary_data_size") {
            None if data.is_some() => {
                elements.push(Elements::Json);
                continue;
            }
            None => return Err(problem("has no `data`")),
            Some(_) if data.is_some() => return Err(problem("has both `data` and `binary_data_size`")),
            Some(Some(Parameter::Int(size))) => usize::try_from(*size).ok(),
            Some(_) => None,
        };
        let size = size.ok_or_else(|| problem("has a `binary_data_size` that is no number of bytes"))?;
        let (own, others) =
            rest.split_at_checked(size).ok_or_else(|| problem("has fewer bytes behind the JSON than it says"))?;
        elements.push(Elements::Bytes(own));
        rest = others;
    }
    if rest.is_empty() {
        return Ok(elements);
    }
    Err(Problem::bad_request(format!("{} bytes behind the JSON belong to no input", rest.len())))
}

/// The parameters of a request or a tensor: texts, numbers and flags, and what is neither, which has no value.
#[derive(Debug, Default)]
pub struct RequestParameters(Vec<(String, Option<Parameter>)>);

impl RequestParameters {
    /// Returns the names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the value of a parameter.
    pub fn get(&self, name: &str) -> Option<Option<&Parameter>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// Returns the value of a parameter that is a text.
    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Some(Parameter::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// Returns the value of a parameter that is a flag.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Some(Parameter::Bool(flag))) => Ok(Some(*flag)),
            Some(_) => Err(Problem::bad_request(format!("the parameter `{name}` has to be true or false"))),
        }
    }
}

impl<'de> Deserialize<'de> for RequestParameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RequestParameters, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = RequestParameters;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of parameters")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RequestParameters, A::Error> {
                let mut parameters = RequestParameters::default();
                while let Some((name, RequestParameter(value))) = entries.next_entry::<String, _>()? {
                    if parameters.get(&name).is_some() {
                        return Err(A::Error::custom(format_args!("the parameter `{name}` is given twice")));
                    }
                    if parameters.0.len() == MOST_PARAMETERS {
                        return Err(A::Error::custom(format_args!("more than {MOST_PARAMETERS} parameters")));
                    }
                    parameters.0.push((name, value));
                }
                Ok(parameters)
            }

            fn visit_unit<E: Error>(self) -> Result<RequestParameters, E> {
                Ok(RequestParameters::default())
            }
        }

        deserializer.deserialize_any(Entries)
    }
}

/// So many parameters are compared name by name.
const MOST_PARAMETERS: usize = 100;

struct RequestParameter(Option<Parameter>);

impl<'de> Deserialize<'de> for RequestParameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RequestParameter, D::Error> {
        struct Scalar;

        impl<'de> Visitor<'de> for Scalar {
            type Value = Option<Parameter>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a parameter")
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Some(Parameter::Bool(flag)))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Some(Parameter::Int(number)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Some(i64::try_from(number).map_or(Parameter::Float(number as f64), Parameter::Int)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Some(Parameter::Float(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Some(Parameter::Text(text.to_owned())))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(None)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(None)
            }
        }

        deserializer.deserialize_any(Scalar).map(RequestParameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &str) -> ViewRequest {
        let headers = headers.iter().copied().collect();
        ViewRequest { method: "POST".into(), headers, body: body.into(), ..ViewRequest::default() }
    }

    const EMPTY: &str = r#"{"inputs": []}"#;

    #[test]
    fn bodies_are_json_or_say_where_it_ends() {
        let of = |headers: &[(&str, &str)], body: &str| match Body::read(&request(headers, body)) {
            Ok(body) => Ok((body.json.len(), body.elements.len())),
            Err(Problem::Said { status, message } | Problem::Wrong { status, message, .. }) => Err((status, message)),
            Err(other) => panic!("{other:?}"),
        };
        let length = EMPTY.len();
        let all = length.to_string();
        for headers in [
            vec![],
            vec![("content-type", "application/json; charset=utf-8")],
            vec![("content-type", "application/x+json")],
            vec![("content-type", "application/octet-stream"), (JSON_LENGTH, all.as_str())],
            vec![("content-encoding", "identity")],
        ] {
            assert_eq!(of(&headers, EMPTY), Ok((length, 0)), "{headers:?}");
        }
        let cases = [
            (("content-type", "text/plain"), 415, "the body has the content type \"text/plain\""),
            (("content-encoding", "gzip"), 415, "the body has the content encoding \"gzip\""),
            ((JSON_LENGTH, "15"), 400, "the body has 14 bytes"),
            ((JSON_LENGTH, "-1"), 400, "is \"-1\""),
            ((JSON_LENGTH, "+14"), 400, "is \"+14\""),
            ((JSON_LENGTH, "99999999999999999999999"), 400, "the body has 14 bytes"),
            ((JSON_LENGTH, "13"), 400, "the body is no inference request: EOF"),
        ];
        for (header, status, mention) in cases {
            let (found, message) = of(&[header], EMPTY).unwrap_err();
            assert_eq!(found, status, "{header:?}: {message}");
            assert!(message.contains(mention), "{header:?}: {message}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let of = |inner: &str| {
            let body = format!(r#"{{"inputs": [{{"name": "a", "shape": [1], "datatype": "FP64", {inner}}}]}}"#);
            match Body::read(&request(&[], &body)) {
                Ok(_) => String::new(),
                Err(Problem::Wrong { message, .. }) => message,
                Err(other) => panic!("{other:?}"),
            }
        };
        let cases = [
            (r#""data": [1]"#, ""),
            (r#""data": [1], "parameters": {"content_type": "np", "headers": {"a": [1]}, "x": null}"#, ""),
            (r#""data": [1], "parameters": null"#, ""),
            (r#""data": null"#, "the input `a` has no `data`"),
            (r#""data": [1], "data": [2]"#, "duplicate field `data`"),
            (r#""data": [1], "parameters": {"x": 1, "x": 2}"#, "the parameter `x` is given twice"),
            (r#""data": [1], "parameters": 7"#, "an object of parameters"),
            (r#""data": [1], "parameters": {"binary_data_size": 0}"#, "both `data` and `binary_data_size`"),
            (r#""parameters": {"binary_data_size": 8}"#, "fewer bytes behind the JSON than it says"),
            (r#""parameters": {"binary_data_size": -8}"#, "no number of bytes"),
            (r#""parameters": {"binary_data_size": "8"}"#, "no number of bytes"),
            (r#""data": [1], "parameters": {"shared_memory_region": "r"}"#, "`shared_memory_region` of the tensor `a`"),
            (r#""data": [1], "parameters": {"content_type": "base64"}"#, "`content_type: base64` of the tensor `a`"),
        ];
        for (inner, expected) in cases {
            let found = of(inner);
            assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{inner}: {found}");
        }
        let many: Vec<String> = (0..101).map(|index| format!(r#""p{index}": 1"#)).collect();
        assert!(
            of(&format!(r#""data": [], "parameters": {{{}}}"#, many.join(","))).contains("more than 100 parameters")
        );
        for body in ["", "[]", "{}", "7", r#"{"inputs": {}}"#, r#"{"inputs": [1]}"#, r#"{"inputs": [], "id": 7}"#] {
            assert!(Body::read(&request(&[], body)).is_err(), "{body}");
        }
        // The fields in their order are no object.
        for body in [
            r#"["id", {}, [], null]"#,
            r#"{"inputs": [["a", [1], "FP64", {}, [1]]]}"#,
            r#"{"inputs": [], "outputs": [["predict", {}]]}"#,
        ] {
            let found = Body::read(&request(&[], body)).map(|_| ()).unwrap_err();
            assert!(format!("{found:?}").contains("invalid type: sequence, expected an object"), "{body}: {found:?}");
        }
        assert!(Body::read(&request(&[], r#"{"inputs": [], "outputs": null}"#)).is_ok());
        let deep = format!(r#"{{"inputs": [], "more": {}"#, "[".repeat(100_000));
        assert!(Body::read(&request(&[], &deep)).is_err());
        for shape in ["[-1]", "[1.5]", "[\"1\"]", "[18446744073709551616]", "1"] {
            let body = format!(r#"{{"inputs": [{{"name": "a", "shape": {shape}, "datatype": "FP64", "data": []}}]}}"#);
            assert!(Body::read(&request(&[], &body)).is_err(), "{shape}");
        }
    }

    #[test]
    fn bytes_belong_to_the_inputs_in_their_order() {
        let input = |name: &str, size: usize| {
            let parameters = format!(r#"{{"binary_data_size": {size}}}"#);
            format!(r#"{{"name": "{name}", "shape": [1], "datatype": "INT8", "parameters": {parameters}}}"#)
        };
        let json = format!(r#"{{"inputs": [{}, {}]}}"#, input("a", 1), input("b", 2));
        let length = json.len().to_string();
        let of = |bytes: &str| {
            let request = request(&[(JSON_LENGTH, &length)], &format!("{json}{bytes}"));
            Body::read(&request).map(|body| format!("{:?}", body.elements)).map_err(|problem| format!("{problem:?}"))
        };
        assert_eq!(of("xyz"), Ok("[Bytes([120]), Bytes([121, 122])]".to_owned()));
        assert!(of("xy").unwrap_err().contains("the input `b` has fewer bytes"));
        assert!(of("xyzz").unwrap_err().contains("1 bytes behind the JSON belong to no input"));
    }
}
