//! Arguments that are checked while a configuration is planned, and that hide what they hold where it is a secret.

use std::net::IpAddr;

use palladium_component::ParamType;
use palladium_component::prelude::*;
use palladium_component::value::has_placeholder;
use url::Url;

/// The name of a header, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(pub String);

impl FromArgument for HeaderName {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<HeaderName, Mismatch> {
        let name = value.as_text().filter(|text| is_token(text));
        let name = name.ok_or_else(|| Mismatch::wrong("the name of a header", value))?;
        Ok(HeaderName(name.to_ascii_lowercase()))
    }
}

/// The value of a header: visible letters and blanks, so that nothing can be written behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderText(pub String);

impl FromArgument for HeaderText {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<HeaderText, Mismatch> {
        let fits = |text: &&str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let text = value.as_text().filter(fits);
        let text = text.ok_or_else(|| Mismatch::wrong("text of visible ASCII letters and blanks", value))?;
        Ok(HeaderText(text.to_owned()))
    }
}

/// A text that stands between quotes in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedText(pub String);

impl FromArgument for QuotedText {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<QuotedText, Mismatch> {
        let HeaderText(text) = HeaderText::from_argument(value)?;
        match text.contains(['"', '\\']) {
            true => Err(Mismatch::wrong("text without quotes and backslashes", value)),
            false => Ok(QuotedText(text)),
        }
    }
}

/// A secret that hashes or signatures are made with.
pub struct Secret(pub String);

impl FromArgument for Secret {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<Secret, Mismatch> {
        /// As many bytes as the hash has.
        const SHORTEST: usize = 32;
        let text = value.as_text().ok_or_else(|| Mismatch::wrong(Self::TYPE, &hidden(value)))?;
        if text.len() < SHORTEST && !has_placeholder(value) {
            const NEEDED: &str = "has to be of at least 32 bytes: draw one, by `openssl rand -hex 32`";
            let (message, label) = match text.is_empty() {
                true => (format!("it is empty, and {NEEDED}"), why_empty(value)),
                false => (format!("it {NEEDED}"), String::new()),
            };
            return Err(Mismatch::Refused { message, value: hidden(value), label });
        }
        Ok(Secret(text.to_owned()))
    }
}

/// The address of another service: over TLS, or on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl(pub Url);

impl FromArgument for ServiceUrl {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<ServiceUrl, Mismatch> {
        let expected =
            "a URL that begins with `https://`, or with `http://` on this machine, without user and password";
        let url = value.as_text().and_then(|text| Url::parse(text).ok());
        let has_user = |url: &Url| !url.username().is_empty() || url.password().is_some();
        let is_safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        match url.filter(|url| is_safe(url) && !has_user(url) && url.fragment().is_none()) {
            Some(url) => Ok(ServiceUrl(url)),
            None => Err(Mismatch::wrong(expected, &hidden(value))),
        }
    }
}

/// Tells whether a URL names this machine by its address or as `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Tells whether a text is a token of RFC 9110, as names of headers and methods are.
pub fn is_token(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// Returns why a text that should be a secret is empty, with the name of the variable that it comes from.
pub fn why_empty(value: &Value) -> String {
    let variable = value.span.text().split_once("${environ.").map_or("", |(_, rest)| rest);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    match variable.split(|letter| !is_name(letter)).next().unwrap_or_default() {
        "" => "take it from a variable of the environment that is set".to_owned(),
        name => format!("the variable `{name}` of the environment is not set or empty"),
    }
}

/// Returns a value of the same type that holds nothing, at its place in a text that shows nothing of it.
pub fn hidden(value: &Value) -> Value {
    hidden_in(value, value)
}

/// Does what [`hidden`] does for a part of a value, none of which is shown.
pub fn hidden_in(value: &Value, whole: &Value) -> Value {
    // What stands for a variable that is not at hand is no secret, and has to be known as such.
    if has_placeholder(value) {
        return value.clone();
    }
    let data = match &value.data {
        Data::Text(_) => Data::Text(String::new()),
        Data::Map(_) => Data::Map(Map::new()),
        Data::List(_) => Data::List(Vec::new()),
        other => other.clone(),
    };
    Value::new(data, value.span.covered(&whole.span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::value;
    use serde_json::json;

    #[test]
    fn nothing_can_be_written_behind_a_header() {
        for (text, fits) in [("a b\t", false), ("a b", true), ("a\r\nb: c", false), ("ä", false), ("\u{7f}", false)] {
            assert_eq!(HeaderText::from_argument(&value(&json!(text))).is_ok(), fits, "{text:?}");
        }
        assert!(QuotedText::from_argument(&value(&json!("a\", b=\"c"))).is_err());
        for name in ["", "a b", "a:", "a\r\n", "ä"] {
            assert!(HeaderName::from_argument(&value(&json!(name))).is_err(), "{name:?}");
        }
        assert_eq!(HeaderName::from_argument(&value(&json!("X-Key"))).unwrap().0, "x-key");
    }

    #[test]
    fn other_services_are_reached_safely() {
        for (url, fits) in [
            ("https://idp.example.com/keys", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://[::1]/keys", true),
            ("http://localhost/keys", true),
            ("http://idp.example.com/keys", false),
            ("http://localhost.example.com/keys", false),
            ("http://127.0.0.1.example.com/keys", false),
            ("https://user:canary@idp.example.com/keys", false),
            ("ftp://127.0.0.1/keys", false),
            ("file:///etc/passwd", false),
            ("keys", false),
        ] {
            let read = ServiceUrl::from_argument(&value(&json!(url)));
            assert_eq!(read.is_ok(), fits, "{url}");
            assert!(!format!("{:?}", read.err()).contains("canary"));
        }
    }
}
