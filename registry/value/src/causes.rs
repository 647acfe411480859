//! Errors with what caused them.

use std::error::Error;
use std::iter::successors;

/// Returns what caused an error, the nearest cause first, without those that the error before them has already named at
/// its end, as errors of libraries do.
pub fn causes<'a>(error: &'a (dyn Error + 'a)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut said = error.to_string();
    successors(error.source(), |&cause| cause.source()).filter(move |cause| {
        let before = std::mem::replace(&mut said, cause.to_string());
        before.strip_suffix(&said).is_none_or(|start| !start.is_empty() && !start.ends_with(": "))
    })
}

/// Returns what an error says and what each of its causes says, separated by colons.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Outside(&'static str, fmt::Error);

    impl fmt::Display for Outside {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(self.0)
        }
    }

    impl Error for Outside {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    #[test]
    fn causes_follow_their_effects() {
        assert_eq!(with_causes(&fmt::Error), fmt::Error.to_string());
        assert_eq!(with_causes(&Outside("outside", fmt::Error)), format!("outside: {}", fmt::Error));
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let said = fmt::Error.to_string();
        let text: &'static str = Box::leak(format!("outside: {said}").into_boxed_str());
        assert_eq!(with_causes(&Outside(text, fmt::Error)), text);
        let end: &'static str = Box::leak(format!("not{said}").into_boxed_str());
        assert_eq!(with_causes(&Outside(end, fmt::Error)), format!("{end}: {said}"), "this ends with it by chance");
    }
}
