//! What keeps secrets out of the log, of errors and of panics: one handle that everything that prints goes through.

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use arc_swap::ArcSwap;
use palladium_component::interfaces::Failure;
use palladium_component::value::Diagnostics;
use palladium_config::{Config, Redactor};

/// Hides what the configurations of this process hold that must not be shown. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Redaction(Arc<ArcSwap<Vec<Redactor>>>);

impl Redaction {
    /// Hides from now on what a configuration holds.
    pub fn learn(&self, config: &Config) {
        self.0.rcu(|known| {
            let mut known = Vec::clone(known);
            // A configuration may be loaded again and again.
            if !known.contains(config.redactor()) {
                known.push(config.redactor().clone());
            }
            known
        });
    }

    /// Returns a text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let redactors = self.0.load();
        // Passwords of URLs are known without a configuration.
        let redactors = if redactors.is_empty() { &[Redactor::default()] } else { redactors.as_slice() };
        redactors.iter().fold(Cow::Borrowed(text), |text, redactor| match text {
            Cow::Borrowed(text) => redactor.redact(text),
            Cow::Owned(text) => Cow::Owned(redactor.redact(&text).into_owned()),
        })
    }

    /// Returns findings without secrets.
    pub fn redact_findings(&self, mut findings: Diagnostics) -> Diagnostics {
        let redactors = self.0.load();
        for finding in &mut findings.0 {
            redactors.iter().for_each(|redactor| redactor.redact_diagnostic(finding));
        }
        findings
    }
}

/// Names behind which secrets stand in what libraries write down of requests, which is in no configuration.
const NAMES: [&str; 7] = ["authorization", "password", "token", "secret", "api_key", "apikey", "cookie"];

/// Finds names such as `authorization` in lines of the log.
#[derive(Clone)]
pub struct Names(AhoCorasick);

impl Names {
    /// Returns what finds them.
    ///
    /// # Errors
    /// The names cannot be searched for.
    pub fn new() -> Result<Names, Failure> {
        let built = AhoCorasick::builder().ascii_case_insensitive(true).build(NAMES);
        built.map(Names).map_err(|error| Failure::message(error.to_string()))
    }

    /// Returns a line without what stands behind such names.
    pub fn mask<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if self.0.is_match(line) { Cow::Owned(mask_named(line)) } else { Cow::Borrowed(line) }
    }
}

fn mask_named(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    while let Some((at, name)) = NAMES.iter().filter_map(|name| Some((done + lower[done..].find(name)?, name))).min() {
        let behind = at + name.len();
        let rest = line[behind..].trim_start_matches(['"', '\'', '\\']);
        let Some(value) = rest.strip_prefix([':', '=']) else {
            masked.push_str(&line[done..behind]);
            done = behind;
            continue;
        };
        let value = value.trim_start_matches([' ', '"', '\'', '\\']);
        let start = line.len() - value.len();
        let length = match *name {
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
        ];
        let names = Names::new().unwrap();
        for (line, expected) in cases {
            assert_eq!(names.mask(line), expected, "{line}");
        }
    }

    #[test]
    fn knows_passwords_of_urls_without_a_configuration() {
        assert_eq!(Redaction::default().redact("x://u:canary@h"), "x://u:***@h");
    }
}
