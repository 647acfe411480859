//! Version numbers of models.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The version of a stored model: a whole number from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(u64);

/// A number or text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version: versions are whole numbers from 1 on")]
pub struct VersionError(String);

impl Version {
    /// The first version of a store.
    pub const FIRST: Version = Version(1);

    /// Returns the version with this number.
    ///
    /// # Errors
    /// Zero, and numbers that do not fit a signed 64-bit integer, which databases count with.
    pub fn new(number: u64) -> Result<Version, VersionError> {
        if number == 0 || i64::try_from(number).is_err() {
            return Err(VersionError(number.to_string()));
        }
        Ok(Version(number))
    }

    /// Returns the number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.and_then(|number| Version::new(number).ok()).ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_whole_numbers_from_one_on() {
        for (text, expected) in [("1", Some(1)), ("77", Some(77)), ("9223372036854775807", Some(i64::MAX as u64))] {
            assert_eq!(text.parse::<Version>().ok().map(Version::number), expected, "{text}");
        }
        for text in ["", "0", "-1", "+1", "x", "1.0", " 1", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(text.parse::<Version>(), Err(VersionError(text.to_owned())));
        }
    }
}
