//! Hashes that mean nothing to anybody else: their key is drawn when the process starts, or is a secret.

use palladium_component::interfaces::Failure;
use ring::{hmac, rand};

/// A hash function with a key.
pub struct KeyedHash(hmac::Key);

/// What it makes of something.
pub type Hash = [u8; 32];

impl KeyedHash {
    /// Returns one with a random key.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn random() -> Result<KeyedHash, Failure> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        key.map(KeyedHash).map_err(|_| Failure::message("the system gives no random numbers"))
    }

    /// Returns one with this key.
    pub fn with_key(key: &str) -> KeyedHash {
        KeyedHash(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// Returns the hash of some parts.
    pub fn of(&self, parts: &[&[u8]]) -> Hash {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            // Their lengths keep what one part loses and the next one gains apart.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut hash = Hash::default();
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_parts_and_keys_apart() {
        let hash = KeyedHash::random().unwrap();
        assert_eq!(hash.of(&[b"ab", b"c"]), hash.of(&[b"ab", b"c"]));
        assert_ne!(hash.of(&[b"ab", b"c"]), hash.of(&[b"a", b"bc"]));
        assert_ne!(hash.of(&[b"a"]), KeyedHash::random().unwrap().of(&[b"a"]));
        assert_eq!(KeyedHash::with_key("k").of(&[b"a"]), KeyedHash::with_key("k").of(&[b"a"]));
    }
}
