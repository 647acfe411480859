//! What keeps secrets out of the log, of errors and of panics: one handle that everything that prints goes through.

use std::sync::{Arc, PoisonError, RwLock};

use palladium_component::value::Diagnostics;
use palladium_config::{Config, Redactor};

/// Hides what the configurations of this process hold that must not be shown. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Redaction(Arc<RwLock<Vec<Redactor>>>);

impl Redaction {
    /// Hides from now on what a configuration holds.
    pub fn learn(&self, config: &Config) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A configuration may be loaded again and again.
        if !known.contains(config.redactor()) {
            known.push(config.redactor().clone());
        }
    }

    /// Returns a text without secrets.
    pub fn redact(&self, text: &str) -> String {
        let redactors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match redactors.as_slice() {
            // Passwords of URLs are known without a configuration.
            [] => Redactor::default().redact(text),
            redactors => redactors.iter().fold(text.to_owned(), |text, redactor| redactor.redact(&text)),
        }
    }

    /// Returns findings without secrets.
    pub fn redact_findings(&self, mut findings: Diagnostics) -> Diagnostics {
        let redactors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for finding in &mut findings.0 {
            redactors.iter().for_each(|redactor| redactor.redact_diagnostic(finding));
        }
        findings
    }
}

/// Returns a line of the log without what stands behind names such as `authorization`: what libraries write down of
/// requests is in no configuration.
pub fn mask_named(line: &str) -> String {
    const NAMES: [&str; 7] = ["authorization", "password", "token", "secret", "api_key", "apikey", "cookie"];
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
        for (line, expected) in cases {
            assert_eq!(mask_named(line), expected, "{line}");
        }
    }

    #[test]
    fn knows_passwords_of_urls_without_a_configuration() {
        assert_eq!(Redaction::default().redact("x://u:canary@h"), "x://u:***@h");
    }
}
