//! What must not be shown: passwords and keys in URLs and what stands under keys such as `password`.

mod covered;
mod literals;
mod urls;

pub(crate) use covered::{covered, covered_in};
pub use urls::{mask_urls, query_secrets, url_passwords, url_secrets};

/// What is shown in the place of a secret.
pub const HIDDEN: &str = "***";

/// Tells whether what stands under a key is a secret, by the last words of the key: `auth`, `db_password`,
/// `access_token`, `apiKey`, `secret_access_key`.
pub fn is_secret_key(key: &str) -> bool {
    const WORDS: [&str; 13] = [
        "auth",
        "cookie",
        "authorization",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "apikey",
        "credential",
        "credentials",
        "bearer",
    ];
    const KEYS: [&str; 5] = ["api", "access", "private", "secret", "account"];
    let words = words(key);
    match words.as_slice() {
        [.., before, last] if last == "key" || last == "keys" => KEYS.contains(&before.as_str()),
        [.., last] => WORDS.contains(&last.as_str()),
        [] => false,
    }
}

/// Splits a key at underscores, other punctuation and where a capital follows a small letter.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in key.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && was_small) {
            words.push(String::new());
        }
        was_small = character.is_lowercase() || character.is_numeric();
        if let (true, Some(word)) = (character.is_alphanumeric(), words.last_mut()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_keys_of_secrets() {
        for key in [
            "auth",
            "password",
            "db_password",
            "DB_PASSWORD",
            "secret",
            "client-secret",
            "token",
            "accessToken",
            "api_key",
            "apiKey",
            "apikey",
            "api_keys",
            "aws_secret_access_key",
            "private_key",
            "Authorization",
            "Set-Cookie",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in
            ["", "author", "token_pattern", "key", "keys", "sort_key", "password_file", "auth_url", "C", "tokenizer"]
        {
            assert!(!is_secret_key(key), "{key}");
        }
    }
}
