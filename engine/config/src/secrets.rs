//! Secrets that are written in a configuration: passwords and keys in URLs and what stands under keys such as
//! `password`.

use palladium_value::{
    Data, HIDDEN, KeyPath, Value, is_secret_key, placeholder, query_secrets, url_passwords, url_secrets,
};
use percent_encoding::percent_decode_str;

use crate::environment::{Piece, Redactor};

/// The key of a map of headers of requests. A list under it holds names alone.
const HEADERS: &str = "headers";

/// How long a secret in a query or a fragment is that is looked for elsewhere: `customers` in `?key=customers` stands
/// everywhere.
const LONG: usize = 12;

/// How many characters a decoded password has that is looked for elsewhere: `p%61ss` is no reason to hide every `pass`.
const DECODED: usize = 6;

/// Returns a tree as it may be shown: `***` stands for secrets that do not come from the environment.
pub(crate) fn hide(value: &Value, redactor: &Redactor) -> Value {
    hide_under(value, false, redactor)
}

/// Does what [`hide`] does for a leaf of a tree.
pub(crate) fn hide_leaf(value: &Value, path: &KeyPath, redactor: &Redactor) -> Value {
    let segments: Vec<&str> = path.segments().collect();
    let is_header = segments.windows(2).any(|pair| pair[0] == HEADERS && pair[1].parse::<usize>().is_err());
    hide_under(value, is_header || segments.into_iter().any(is_secret_key), redactor)
}

fn hide_under(value: &Value, is_secret: bool, redactor: &Redactor) -> Value {
    let data = match &value.data {
        Data::Text(text) if is_secret => Data::Text(hide_secret(text, redactor)),
        Data::Text(text) => Data::Text(hide_in_urls(text, redactor)),
        Data::Int(_) | Data::Float(_) if is_secret => Data::Text(HIDDEN.to_owned()),
        Data::List(items) => Data::List(items.iter().map(|item| hide_under(item, is_secret, redactor)).collect()),
        Data::Map(map) => {
            let mut map = map.clone();
            for (key, entry) in map.iter_mut().filter(|(key, _)| *key != "!") {
                // What a request is sent with may say who sends it, whatever the header is called.
                let is_header = key == HEADERS && entry.value.as_map().is_some();
                entry.value = hide_under(&entry.value, is_secret || is_header || is_secret_key(key), redactor);
            }
            Data::Map(map)
        }
        other => other.clone(),
    };
    Value { data, span: value.span.clone(), copied: value.copied.clone() }
}

/// Hides a text unless all of it comes from variables, whose names are shown.
fn hide_secret(text: &str, redactor: &Redactor) -> String {
    let is_variable = |piece: &Piece<'_>| match piece {
        Piece::Variable(_) => true,
        Piece::Plain(plain) => is_placeholder(plain),
    };
    if redactor.pieces(text).iter().all(is_variable) { text.to_owned() } else { HIDDEN.to_owned() }
}

/// Tells whether a text stands for a variable that is not set.
fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix("${environ.").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| placeholder(name) == text)
}

fn hide_in_urls(text: &str, redactor: &Redactor) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut done = 0;
    for range in url_secrets(text) {
        hidden.push_str(&text[done..range.start]);
        hidden.push_str(&hide_secret(&text[range.clone()], redactor));
        done = range.end;
    }
    hidden.push_str(&text[done..]);
    hidden
}

/// Returns the texts of a tree that are secrets, for finding them in what others say.
pub(crate) fn collect(value: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    collect_under(value, false, &mut secrets);
    secrets
}

fn collect_under(value: &Value, is_secret: bool, secrets: &mut Vec<String>) {
    match &value.data {
        Data::Text(text) => {
            for password in url_passwords(text).into_iter().map(|range| &text[range]) {
                // Where an `@` comes later as well, others may take the first one for the end.
                let first = password.split('@').next().unwrap_or(password);
                secrets.extend([password, first].map(str::to_owned));
                secrets.extend(decoded(password));
            }
            for secret in query_secrets(text).into_iter().map(|range| &text[range]) {
                // Libraries of forms take `+` for a blank.
                let forms = [Some(secret.to_owned()), decoded(secret), decoded(&secret.replace('+', " "))];
                secrets.extend(forms.into_iter().flatten().filter(|form| form.len() >= LONG));
            }
            if is_secret {
                secrets.push(text.clone());
            }
        }
        // The first of a pair of user and password is a name.
        Data::List(items) if is_secret && items.len() == 2 => collect_under(&items[1], true, secrets),
        Data::List(items) => items.iter().for_each(|item| collect_under(item, is_secret, secrets)),
        Data::Map(map) => {
            for (key, entry) in map.iter().filter(|(key, _)| *key != "!") {
                let is_name = matches!(key.as_str(), "user" | "username" | "name" | "login");
                collect_under(&entry.value, is_secret_key(key) || (is_secret && !is_name), secrets);
            }
        }
        _ => {}
    }
}

/// Returns a part of a URL as libraries show it that have decoded its `%`. There is none that is short or has no letter
/// and no digit, which stands in many a text that has nothing to do with it.
fn decoded(part: &str) -> Option<String> {
    let decoded = percent_decode_str(part).decode_utf8_lossy();
    let is_telling = decoded.chars().count() >= DECODED && decoded.contains(char::is_alphanumeric);
    is_telling.then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Environment, Reader};
    use crate::{Request, load};

    #[test]
    fn hides_and_finds_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{
            "url": "x://u:canary-1@h", "both": "x://${environ.USER}:canary-2@${environ.PASSWORD}",
            "auth": ("user", "canary-\"3\""), "token": "${environ.PASSWORD}", "password": 12345, "short": "x://u:abc@h",
            "misspelt": "x//u:canary-7@h", "late": "x://u:canary-8@h/?y=a@b",
            "login": { "!": "A", "client_secret": { "user": "somebody", "value": ["canary-4"] } },
            "b": { "headers": { "X-Any": "canary-6" } }, "cors": { "headers": ["X-Any"] },
            "query": "https://h/a?key=iris&sig=canary-number-9&c=${environ.USER}&token=${environ.PASSWORD}",
            "fragment": "https://h/#key=rose&access_token=canary-number-10&token_type=bearer",
            "coded": "https://u:canary%20%2311@h/a?key=no%20one&sig=canary%20%22number%22%2012",
            "plus": "https://h/a?sig=canary+number+13%2B&token=%20%20%20%20%20%20++++++",
            "blank": "x://u:%20%20%20%20%20%20@h", "word": "x://u:p%61ss@h", "six": "x://u:rub%79-1@h",
        }"#;
        std::fs::write(folder.path().join("a.ron"), text).unwrap();
        let environment = Environment::from_iter([("USER", "lovelace"), ("PASSWORD", "canary-5")]);
        let (files, directory) = (Some("a.ron".to_owned()), folder.path().to_owned());
        let config = load(&Request { files, directory, environment, ..Request::default() }).unwrap();

        let expected = serde_json::json!({
            "url": "x://u:***@h", "both": "x://${environ.USER}:***@${environ.PASSWORD}",
            "auth": ["***", "***"], "token": "${environ.PASSWORD}", "password": "***", "short": "x://u:***@h",
            "misspelt": "x//u:***@h", "late": "x://u:***@b",
            "login": { "__factory__": "A", "client_secret": { "user": "***", "value": ["***"] } },
            "b": { "headers": { "X-Any": "***" } }, "cors": { "headers": ["X-Any"] },
            "query": "https://h/a?key=***&sig=***&c=${environ.USER}&token=${environ.PASSWORD}",
            "fragment": "https://h/#key=***&access_token=***&token_type=bearer",
            "coded": "https://u:***@h/a?key=***&sig=***",
            "plus": "https://h/a?sig=***&token=***",
            "blank": "x://u:***@h", "word": "x://u:***@h", "six": "x://u:***@h",
        });
        assert_eq!(config.to_json(), expected);
        assert!(!config.to_ron().contains("canary"), "{}", config.to_ron());
        let leaf = Value::new(Data::Text("canary-6".into()), palladium_value::Span::nowhere("test"));
        for (path, shown) in [("b.headers.X-Any", "***"), ("cors.headers.0", "canary-6")] {
            let hidden = hide_leaf(&leaf, &KeyPath::parse(path), config.redactor());
            assert_eq!(hidden.as_text(), Some(shown), "{path}");
        }

        let cases = [
            ("a canary-1 b canary-2", "a *** b ***"),
            ("canary-7 canary-8", "*** ***"),
            (r#"{"a": "canary-\"3\""} canary-"3""#, r#"{"a": "***"} ***"#),
            ("canary-4 somebody user abc", "*** somebody user abc"),
            ("canary-5 y://a:b@c", "${environ.PASSWORD} y://a:***@c"),
            ("iris canary-number-9 /a?sig=d", "iris *** /a?sig=***"),
            ("rose canary-number-10 bearer", "rose *** bearer"),
            ("canary%20%2311 no one `canary #11` canary%20%22number%22%2012", "*** no one `***` ***"),
            (r#"[("sig", "canary \"number\" 12")] sig=canary "number" 12, b"#, r#"[("sig", "***")] sig=***, b"#),
            ("canary+number+13%2B canary+number+13+ canary number 13+", "*** *** ***"),
            ("a            b passenger p%61ss ruby-1 rub%79-1", "a            b passenger *** *** ***"),
        ];
        for (text, redacted) in cases {
            assert_eq!(config.redact(text), redacted);
        }
        assert_eq!(format!("{:?}", config.redactor()), "Redactor(25 values)");
    }

    #[test]
    fn placeholders_of_missing_variables_are_shown() {
        let redactor = Reader::new(Environment::default().with_placeholders()).redactor();
        assert_eq!(hide_secret("${environ.X}", &redactor), "${environ.X}");
        assert_eq!(hide_secret("${environ.X}y", &redactor), "***");
    }
}
