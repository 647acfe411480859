//! Numbers of layouts of stores.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The number of a layout, such as `1.0`: whole numbers between dots, of which the first weighs most. Zeros at the end
/// make no difference.
#[derive(Clone, Debug)]
pub struct Release {
    text: String,
    numbers: Vec<u64>,
}

/// A text is no number of a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no layout of a store: those are whole numbers between dots, such as `1.0`")]
pub struct ReleaseError(String);

impl FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Release, ReleaseError> {
        const LONGEST: usize = 64;
        let number = |part: &str| -> Option<u64> {
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        let numbers: Option<Vec<u64>> = text.split('.').map(number).collect();
        match numbers {
            Some(mut numbers) if text.len() <= LONGEST => {
                while numbers.last() == Some(&0) {
                    numbers.pop();
                }
                Ok(Release { text: text.to_owned(), numbers })
            }
            _ => Err(ReleaseError(text.chars().take(LONGEST).collect())),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Ord for Release {
    fn cmp(&self, other: &Release) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Release) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Release {
    fn eq(&self, other: &Release) -> bool {
        self.numbers == other.numbers
    }
}

impl Eq for Release {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_their_numbers() {
        let cases = [
            ("1.0", Ordering::Equal, "1"),
            ("0", Ordering::Equal, "0.0"),
            ("0.9.1", Ordering::Less, "1.0"),
            ("1.10", Ordering::Greater, "1.9"),
            ("1.2.4.1", Ordering::Greater, "1.2.4"),
        ];
        for (left, expected, right) in cases {
            let parse = |text: &str| text.parse::<Release>().unwrap();
            assert_eq!(parse(left).cmp(&parse(right)), expected, "{left} {right}");
            assert_eq!(parse(left).to_string(), left);
        }
        for text in ["", "x", "1.", ".1", "1..2", "-1", "1.0rc1", "99999999999999999999", &"1.".repeat(40)] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
