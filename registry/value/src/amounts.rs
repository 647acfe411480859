//! Amounts in words.

/// Returns a number of seconds in words.
pub fn seconds_text(seconds: f64) -> String {
    format!("{seconds} {}", if seconds == 1.0 { "second" } else { "seconds" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_second_is_singular() {
        let cases = [(1.0, "1 second"), (0.5, "0.5 seconds"), (30.0, "30 seconds")];
        for (seconds, expected) in cases {
            assert_eq!(seconds_text(seconds), expected);
        }
    }
}
