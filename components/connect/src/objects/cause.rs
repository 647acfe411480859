//! What the library says of a failure, each thing once: each of its errors repeats in its text all those below it.

use std::error::Error;
use std::fmt;

/// An error of the library, of whose causes only those are told that say something new.
pub struct Cause {
    error: object_store::Error,
    below: Option<Box<Reason>>,
}

/// A cause of a [`Cause`].
#[derive(Debug)]
struct Reason {
    text: String,
    below: Option<Box<Reason>>,
}

impl Cause {
    /// Returns the error itself.
    pub fn error(&self) -> &object_store::Error {
        &self.error
    }
}

impl From<object_store::Error> for Cause {
    fn from(error: object_store::Error) -> Cause {
        let mut told = vec![error.to_string()];
        for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
            let text = cause.to_string();
            if !told.iter().any(|before| before.contains(&text)) {
                told.push(text);
            }
        }
        let below = told.drain(1..).rev().fold(None, |below, text| Some(Box::new(Reason { text, below })));
        Cause { error, below }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, formatter)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.below.as_deref().map(|below| below as &(dyn Error + 'static))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Error for Reason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.below.as_deref().map(|below| below as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an error with causes, the last of which stands first.
    fn nested(texts: &[&str]) -> object_store::Error {
        let below = texts.iter().fold(None, |below, text| Some(Box::new(Reason { text: (*text).into(), below })));
        object_store::Error::Generic { store: "S3", source: below.unwrap() }
    }

    #[test]
    fn nothing_is_told_twice() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&["refused", "HTTP error: refused", "no answer: HTTP error: refused"], &[]),
            (&["refused", "no connection"], &["refused"]),
            (&["refused", "no way", "tcp", "sent: tcp"], &["no way", "refused"]),
            (&["refused", "refused (os error 111)", "sent"], &["refused (os error 111)"]),
        ];
        for (texts, expected) in cases {
            let cause = Cause::from(nested(texts));
            assert_eq!(cause.to_string(), format!("Generic S3 error: {}", texts.last().unwrap()));
            let told = std::iter::successors(cause.source(), |cause| (*cause).source());
            assert_eq!(told.map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
    }
}
