//! What a request says about who makes it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use palladium_component::interfaces::ViewRequest;

/// What a request carries for one way to authenticate.
#[derive(Debug, PartialEq, Eq)]
pub enum Given<T> {
    /// Nothing of this kind.
    Nothing,
    /// Something that cannot be read, or several things of which each might count.
    Unclear,
    /// This.
    This(T),
}

impl<T> Given<T> {
    fn and_then<U>(self, read: impl FnOnce(T) -> Option<U>) -> Given<U> {
        match self {
            Given::Nothing => Given::Nothing,
            Given::Unclear => Given::Unclear,
            Given::This(given) => read(given).map_or(Given::Unclear, Given::This),
        }
    }
}

/// Returns the value of a header that may stand once. A proxy in front might read another one of several.
pub fn header<'a>(request: &'a ViewRequest, name: &str) -> Given<&'a str> {
    let mut values = request.headers.get_all_ignoring_case(name);
    match (values.next(), values.next()) {
        (None, _) => Given::Nothing,
        (Some(value), None) => Given::This(value),
        (Some(_), Some(_)) => Given::Unclear,
    }
}

/// Returns what follows a scheme in the header `Authorization`.
fn of_scheme<'a>(request: &'a ViewRequest, scheme: &str) -> Given<&'a str> {
    let given = match header(request, "authorization") {
        Given::This(given) => given.trim(),
        Given::Nothing => return Given::Nothing,
        Given::Unclear => return Given::Unclear,
    };
    let (found, rest) = given.split_once(' ').unwrap_or((given, ""));
    match found.eq_ignore_ascii_case(scheme) {
        true => Given::This(rest.trim()),
        false => Given::Nothing,
    }
}

/// Returns user and password.
pub fn basic(request: &ViewRequest) -> Given<(String, String)> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    of_scheme(request, "basic").and_then(|encoded| {
        let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        let is_plain = !user.is_empty() && !decoded.chars().any(char::is_control);
        is_plain.then(|| (user.to_owned(), password.to_owned()))
    })
}

/// Returns the token of a bearer, whose letters are those of RFC 6750.
pub fn bearer(request: &ViewRequest) -> Given<&str> {
    const LONGEST: usize = 16 << 10;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    of_scheme(request, "bearer").and_then(|token| {
        let letters = token.trim_end_matches('=');
        let fits = !letters.is_empty() && token.len() <= LONGEST && letters.bytes().all(is_letter);
        fits.then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    #[test]
    fn reads_users_and_passwords() {
        let pair = |user: &str, password: &str| Given::This((user.to_owned(), password.to_owned()));
        let cases = [
            (vec![], Given::Nothing),
            (vec!["Basic YWRtaW46c2VjcmV0"], pair("admin", "secret")),
            (vec!["basic   YWRtaW46c2VjcmV0 "], pair("admin", "secret")),
            (vec!["Basic YWRtaW46"], pair("admin", "")),
            (vec!["Basic YTpiOmM"], pair("a", "b:c")),
            (vec!["Bearer YWRtaW46c2VjcmV0"], Given::Nothing),
            (vec!["Basic"], Given::Unclear),
            (vec!["Basic %%%"], Given::Unclear),
            (vec!["Basic YWRtaW4="], Given::Unclear),
            (vec!["Basic OnNlY3JldA=="], Given::Unclear),
            (vec!["Basic YQpiOmM="], Given::Unclear),
            (vec!["Basic YWRtaW46c2VjcmV0", "Basic YWRtaW46c2VjcmV0"], Given::Unclear),
        ];
        for (headers, expected) in cases {
            let headers: Vec<_> = headers.iter().map(|value| ("authorization", *value)).collect();
            assert_eq!(basic(&request("GET", &headers)), expected, "{headers:?}");
        }
    }

    #[test]
    fn reads_tokens() {
        let long = format!("Bearer {}", "x".repeat(20_000));
        for (header, expected) in [
            ("Bearer a.b-c_d~e+f/g==", Given::This("a.b-c_d~e+f/g==")),
            ("bearer abc", Given::This("abc")),
            ("Basic abc", Given::Nothing),
            ("Bearer", Given::Unclear),
            ("Bearer a b", Given::Unclear),
            ("Bearer a=b", Given::Unclear),
            ("Bearer ==", Given::Unclear),
            ("Bearer \u{fffd}", Given::Unclear),
            (&long, Given::Unclear),
        ] {
            assert_eq!(bearer(&request("GET", &[("authorization", header)])), expected, "{header}");
        }
    }
}
