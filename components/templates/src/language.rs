//! The two languages, as far as scaffolds write them.

/// A language of configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// RON.
    Ron,
    /// Rhai.
    Rhai,
}

impl Language {
    /// Returns the name of the file that commands find by themselves.
    pub fn file(self) -> &'static str {
        match self {
            Language::Ron => "palladium-config.ron",
            Language::Rhai => "palladium-config.rhai",
        }
    }

    /// Returns what opens a map.
    pub fn map(self) -> &'static str {
        match self {
            Language::Ron => "{",
            Language::Rhai => "#{",
        }
    }

    /// Returns null.
    pub fn null(self) -> &'static str {
        match self {
            Language::Ron => "None",
            Language::Rhai => "()",
        }
    }

    /// Returns a text that begins with the folder of the configuration, between two parts that need no escape.
    pub fn beside(self, before: &str, after: &str) -> String {
        match self {
            Language::Ron => format!("\"{before}${{here}}{after}\""),
            Language::Rhai if before.is_empty() => format!("here + \"{after}\""),
            Language::Rhai => format!("\"{before}\" + here + \"{after}\""),
        }
    }

    /// Returns a text.
    pub fn text(self, text: &str) -> String {
        let mut quoted = String::from("\"");
        for character in text.chars() {
            match character {
                '"' => quoted.push_str("\\\""),
                '\\' => quoted.push_str("\\\\"),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                // A dollar may open a placeholder in RON.
                '$' if self == Language::Ron => quoted.push_str("$$"),
                _ => quoted.push(character),
            }
        }
        quoted.push('"');
        quoted
    }
}

/// Returns a text as it may stand in a comment of one line.
pub fn in_comment(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
