//! What keeps secrets out of the log, of errors and of panics: one handle that everything that prints goes through.

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::packed::Searcher;
use arc_swap::ArcSwap;
use memchr::memchr;
use palladium_component::value::Diagnostics;
use palladium_config::{Config, Redactor};

/// Hides what the configurations of this process hold that must not be shown. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Redaction(Arc<ArcSwap<Known>>);

/// What is hidden.
#[derive(Clone, Debug, Default)]
struct Known {
    redactors: Vec<Redactor>,
    /// Finds what may have to be hidden in a line of the log in small letters, and more than that: nearly all lines
    /// hold nothing of it. There is none where too much is hidden.
    finder: Option<Searcher>,
}

impl Known {
    /// Returns what hides the same as before, and what a configuration holds.
    fn with(&self, config: &Config) -> Known {
        // A configuration may be loaded again and again.
        if self.redactors.contains(config.redactor()) {
            return self.clone();
        }
        let redactors: Vec<Redactor> = self.redactors.iter().chain([config.redactor()]).cloned().collect();
        let hidden = redactors.iter().flat_map(Redactor::hidden).chain(NAMES).chain(PARAMETERS).chain(["://"]);
        let finder = Searcher::new(hidden.map(str::to_ascii_lowercase));
        Known { redactors, finder }
    }

    /// Tells whether there is nothing in lines of the log that may have to be hidden.
    fn is_harmless(&self, lines: &str) -> bool {
        // With `%` a name may be written in another way.
        let finds_nothing = |finder: &Searcher| finder.find(lines.to_ascii_lowercase()).is_none();
        memchr(b'%', lines.as_bytes()).is_none() && self.finder.as_ref().is_some_and(finds_nothing)
    }

    fn redact_line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        match self.is_harmless(line) {
            true => Cow::Borrowed(line),
            false => Cow::Owned(mask_named(&self.redact(line))),
        }
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        // Passwords of URLs are known without a configuration.
        let redactors = if self.redactors.is_empty() { &[Redactor::default()] } else { self.redactors.as_slice() };
        redactors.iter().fold(Cow::Borrowed(text), |text, redactor| match text {
            Cow::Borrowed(text) => redactor.redact(text),
            Cow::Owned(text) => Cow::Owned(redactor.redact(&text).into_owned()),
        })
    }
}

impl Redaction {
    /// Hides from now on what a configuration holds.
    pub fn learn(&self, config: &Config) {
        self.0.rcu(|known| known.with(config));
    }

    /// Returns a text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.load().redact(text)
    }

    /// Returns a line of the log without secrets, and without what stands behind names such as `authorization`: what
    /// libraries write down of requests is in no configuration.
    pub fn redact_line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        self.0.load().redact_line(line)
    }

    /// Does as [`Redaction::redact_line`] with each of many lines. Looking through all of them at once costs a fraction.
    pub fn redact_lines<'a>(&self, lines: &'a str) -> Cow<'a, str> {
        let known = self.0.load();
        match known.is_harmless(lines) {
            true => Cow::Borrowed(lines),
            false => Cow::Owned(lines.split_inclusive('\n').map(|line| known.redact_line(line)).collect()),
        }
    }

    /// Returns findings without secrets.
    pub fn redact_findings(&self, mut findings: Diagnostics) -> Diagnostics {
        let known = self.0.load();
        for finding in &mut findings.0 {
            known.redactors.iter().for_each(|redactor| redactor.redact_diagnostic(finding));
        }
        findings
    }
}

/// Names behind which secrets stand.
const NAMES: [&str; 7] = ["authorization", "password", "token", "secret", "api_key", "apikey", "cookie"];

/// What else has secrets behind it in URLs, of which a line may say the path and the query alone.
const PARAMETERS: [&str; 9] =
    ["auth=", "credential=", "jwt=", "key=", "pass=", "passwd=", "pwd=", "sig=", "signature="];

fn mask_named(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    let mut names: Vec<(usize, &str)> = NAMES.iter().flat_map(|name| lower.match_indices(name)).collect();
    names.sort();
    for (at, name) in names {
        // What is masked may hold names.
        if at < done {
            continue;
        }
        let behind = at + name.len();
        let rest = line[behind..].trim_start_matches(['"', '\'', '\\']);
        let Some(value) = rest.strip_prefix([':', '=']) else {
            masked.push_str(&line[done..behind]);
            done = behind;
            continue;
        };
        let value = value.trim_start_matches([' ', '"', '\'', '\\']);
        let start = line.len() - value.len();
        let length = match name {
            // A scheme and what belongs to it.
            "authorization" | "cookie" => value.find(['"', '\'', '\\', '\n', '\r', ',', '}']),
            _ => value.find(|end: char| {
                end.is_whitespace() || matches!(end, '"' | '\'' | '\\' | '&' | ',' | ')' | '}' | ';')
            }),
        };
        let end = start + length.unwrap_or(value.trim_end().len());
        masked.push_str(&line[done..start]);
        if start < end {
            masked.push_str(palladium_component::value::HIDDEN);
        }
        done = end;
    }
    masked.push_str(&line[done..]);
    masked
}

#[cfg(test)]
mod tests {
    use palladium_config::{Request, load};

    use super::*;

    #[test]
    fn masks_what_stands_behind_names() {
        let cases = [
            ("Authorization: Basic canary\r\nhost: x", "Authorization: ***\r\nhost: x"),
            ("\"authorization\": \"Basic canary\", \"b\": 1", "\"authorization\": \"***\", \"b\": 1"),
            ("/predict?token=canary&a=1 x", "/predict?token=***&a=1 x"),
            ("{\\\"password\\\":\\\"canary\\\"}", "{\\\"password\\\":\\\"***\\\"}"),
            ("password=canary\n", "password=***\n"),
            ("the token was refused", "the token was refused"),
            ("x token=canary; secret: canary.", "x token=***; secret: ***"),
            ("é cookie: a=canary; b=canary\n", "é cookie: ***\n"),
            ("token=", "token="),
            ("tokentoken=canarytoken=canary password", "tokentoken=*** password"),
            ("secret_token=canary, cookie: token=canary\ntoken: canary", "secret_token=***, cookie: ***\ntoken: ***"),
        ];
        for (line, expected) in cases {
            assert_eq!(mask_named(line), expected, "{line}");
        }
    }

    /// Looking for every name in all of the rest of these lines again at each name takes from minutes to hours.
    #[test]
    fn long_lines_do_not_take_long() {
        let long = |part: &str| format!("GET /{}", part.repeat(4_000_000 / part.len()));
        for part in ["token", "cookie\"", "secret "] {
            assert_eq!(mask_named(&long(part)), long(part));
        }
        assert_eq!(mask_named(&long("token=x&")), long("token=x&").replace("=x&", "=***&"));
    }

    #[test]
    fn knows_passwords_of_urls_without_a_configuration() {
        assert_eq!(Redaction::default().redact("x://u:canary@h"), "x://u:***@h");
        assert_eq!(Redaction::default().redact_line("Token=canary x://u:canary@h"), "Token=*** x://u:***@h");
    }

    #[test]
    fn secrets_of_urls_without_a_scheme_are_found_in_lines() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.ron"), "{}").unwrap();
        let (files, directory) = (Some("a.ron".to_owned()), folder.path().to_owned());
        let redaction = Redaction::default();
        redaction.learn(&load(&Request { files, directory, ..Request::default() }).unwrap());
        for name in ["sig", "X-Amz-Signature", "X-Amz-Credential", "auth", "key", "pass", "passwd", "pwd", "id_jwt"] {
            assert_eq!(redaction.redact_line(&format!("GET /a?{name}=canary&b=c")), format!("GET /a?{name}=***&b=c"));
            assert_eq!(redaction.redact_line(&format!("/a#{name}=canary")), format!("/a#{name}=***"));
        }
        let line = |value: &str| format!("GET /a\nGET /a?key={value}\nGET /a?b=c%20d\n");
        assert_eq!(redaction.redact_lines(&line("canary")), line("***"));
        assert_eq!(redaction.redact_line("GET /a?b=c;key=canary&d=e"), "GET /a?b=c;key=***&d=e");
        assert_eq!(redaction.redact_line("GET /a?%74oken=canary&b=c"), "GET /a?%74oken=***&b=c");
        assert_eq!(redaction.redact_line("GET /a?b=c%20d"), "GET /a?b=c%20d");
    }
}
