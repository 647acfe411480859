//! Errors with what caused them, in one line.

use std::error::Error;

/// Returns what an error says and what each of its causes says, separated by colons.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Outside(fmt::Error);

    impl fmt::Display for Outside {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("outside")
        }
    }

    impl Error for Outside {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn causes_follow_their_effects() {
        assert_eq!(with_causes(&fmt::Error), fmt::Error.to_string());
        assert_eq!(with_causes(&Outside(fmt::Error)), format!("outside: {}", fmt::Error));
    }
}
