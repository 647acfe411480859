//! URLs of objects. Messages never repeat what a URL says about users and passwords.

use std::fmt;

use url::Url;

use palladium_connect::is_loopback;

/// The place of an object on a web server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    url: Url,
}

/// A text is not the URL of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has another scheme, or none.
    #[error("the URL has to begin with `https://` or `http://`")]
    Scheme,
    /// It is none.
    #[error("this is not a URL: {0}")]
    Syntax(url::ParseError),
    /// It names a user.
    #[error("a URL with a user or a password in it is shown in too many places")]
    UserInfo,
    /// It asks for a part of an object.
    #[error("nothing may follow a `?` or a `#` in the URL of an object")]
    Query,
    /// A segment of its path is empty or climbs.
    #[error("the URL has an empty segment, or one that leads elsewhere: `.`, `..` or a slash that is hidden by `%`")]
    Segment,
    /// The version would name a folder or a host.
    #[error("`{{version}}` may stand in the last segment of the URL only")]
    Version,
}

impl AddressError {
    /// Says what to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            AddressError::UserInfo => {
                "give user and password as `auth`: `\"auth\": (\"${environ.STORE_USER}\", \"${environ.STORE_PASSWORD}\")`"
            }
            _ => "write `https://host/folder/model-{version}`",
        }
    }
}

impl Address {
    /// Reads the URL of an object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str) -> Result<Address, AddressError> {
        let (scheme, rest) = name.split_once("://").ok_or(AddressError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(AddressError::Scheme);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(AddressError::UserInfo);
        }
        if name.contains(['?', '#']) {
            return Err(AddressError::Query);
        }
        let (folders, _) = path.rsplit_once('/').unwrap_or_default();
        if authority.contains("{version}") || folders.contains("{version}") {
            return Err(AddressError::Version);
        }
        // The parser resolves such segments without a word, those that are written with `%` too.
        if !path.split('/').all(is_plain) {
            return Err(AddressError::Segment);
        }
        let url = Url::parse(&with_encoded_percent(name)).map_err(AddressError::Syntax)?;
        Ok(Address { url })
    }

    /// Returns the URL with everything encoded that has to be.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the URL of what lies beside the object under its name and this suffix.
    pub fn with_suffix(&self, suffix: &str) -> Address {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{suffix}", self.url.path()));
        Address { url }
    }

    /// Tells whether requests to this host can be seen by nobody else.
    pub fn is_private(&self) -> bool {
        self.url.scheme() == "https" || is_loopback(&self.url)
    }

    /// Returns scheme, host and port.
    pub fn server(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Returns the folder in which the object lies.
    pub fn folder(&self) -> &str {
        self.url.as_str().rsplit_once('/').map_or(self.url.as_str(), |(folder, _)| folder)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(formatter)
    }
}

/// Tells whether a segment of a path is the name of something in a folder, on any server.
fn is_plain(segment: &str) -> bool {
    let decoded = percent_decoded(segment);
    !matches!(decoded.as_slice(), b"" | b"." | b"..")
        && !decoded.iter().any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control())
}

/// Encodes each `%` that encodes nothing, which the parser lets stand.
fn with_encoded_percent(name: &str) -> String {
    let mut parts = name.split('%');
    let mut encoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let encodes = part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if encodes { "%" } else { "%25" });
        encoded.push_str(part);
    }
    encoded
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let encoded = after.get(..2).filter(|_| *byte == b'%').and_then(|digits| hex::decode(digits).ok());
        rest = if encoded.is_some() { &after[2..] } else { after };
        decoded.extend(encoded.unwrap_or_else(|| vec![*byte]));
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_objects_are_told_from_others() {
        let ok = [
            "http://127.0.0.1:8080/model-{version}",
            "https://store.example/a/b/model-{version}.pickle",
            "HTTPS://store.example/a b/größe-{version}",
            "https://store.example/a%20b/100%-{version}",
            "https://store.example/a...b/..{version}",
            "http://[::1]:8080/m-{version}",
        ];
        for name in ok {
            assert!(Address::parse(name).is_ok(), "{name}");
        }
        let wrong = [
            ("", AddressError::Scheme),
            ("model-{version}", AddressError::Scheme),
            ("ftp://host/model-{version}", AddressError::Scheme),
            ("file:///model-{version}", AddressError::Scheme),
            ("https://ada:secret@host/model-{version}", AddressError::UserInfo),
            ("https://ada@host/model-{version}", AddressError::UserInfo),
            ("https://host/model-{version}?x=1", AddressError::Query),
            ("https://host/model-{version}#x", AddressError::Query),
            ("https://host/{version}/model", AddressError::Version),
            ("https://host/{version}/model-{version}", AddressError::Version),
            ("https://{version}/model", AddressError::Version),
            ("https://host", AddressError::Segment),
            ("https://host/", AddressError::Segment),
            ("https://host/a/", AddressError::Segment),
            ("https://host/a//{version}", AddressError::Segment),
            ("https://host/../{version}", AddressError::Segment),
            ("https://host/a/./{version}", AddressError::Segment),
            ("https://host/a/%2e%2E/{version}", AddressError::Segment),
            ("https://host/a/.%2e/{version}", AddressError::Segment),
            ("https://host/a%2f..%2f{version}", AddressError::Segment),
            ("https://host/a\\..\\{version}", AddressError::Segment),
            ("https://host/a%5c..%5c{version}", AddressError::Segment),
            ("https://host/a%00{version}", AddressError::Segment),
            ("https://:80/{version}", AddressError::Syntax(url::ParseError::EmptyHost)),
            ("https://host:port/{version}", AddressError::Syntax(url::ParseError::InvalidPort)),
        ];
        for (name, expected) in wrong {
            let error = Address::parse(name).unwrap_err();
            assert_eq!(error, expected, "{name}");
            assert!(!format!("{error} {error:?} {}", error.help()).contains("secret"));
        }
    }

    #[test]
    fn names_are_encoded_once() {
        let address = Address::parse("https://host/100% x%").unwrap();
        assert_eq!(address.url().as_str(), "https://host/100%25%20x%25");
        let address = Address::parse("https://host/a b/größe 1%20.txt").unwrap();
        assert_eq!(address.url().as_str(), "https://host/a%20b/gr%C3%B6%C3%9Fe%201%20.txt");
        assert_eq!(address.folder(), "https://host/a%20b");
        assert_eq!(address.with_suffix(".lock/").url().as_str(), "https://host/a%20b/gr%C3%B6%C3%9Fe%201%20.txt.lock/");
        assert_eq!(address.server(), "https://host");
    }

    #[test]
    fn only_tls_and_this_machine_are_private() {
        for (name, expected) in [
            ("https://store.example/x", true),
            ("http://127.0.0.1/x", true),
            ("http://localhost:8080/x", true),
            ("http://[::1]/x", true),
            ("http://store.example/x", false),
            ("http://10.0.0.1/x", false),
        ] {
            assert_eq!(Address::parse(name).unwrap().is_private(), expected, "{name}");
        }
    }
}
