//! Hashes of passwords.

use std::collections::BTreeMap;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, Params, PasswordVerifier};
use palladium_component::ParamType;
use palladium_component::prelude::*;
use palladium_component::value::has_placeholder;

use crate::keyed_hash::KeyedHash;
use crate::plain::{hidden, hidden_in, why_empty};

/// The argon2 hash of a password, as `palladium hash-password` prints it.
#[derive(Clone)]
pub struct PasswordHash {
    text: String,
    parsed: Phc,
}

/// The most memory that checking a password may take, in KiB.
const MOST_MEMORY: u32 = 256 << 10;

/// The most rounds that checking a password may take.
const MOST_ROUNDS: u32 = 64;

impl PasswordHash {
    /// Reads a PHC string.
    ///
    /// # Errors
    /// It is none of argon2, or one that costs too much; in words that show nothing of it.
    pub fn parse(text: &str) -> Result<PasswordHash, &'static str> {
        const NONE: &str = "is no argon2 hash such as `palladium hash-password` prints";
        let parsed = Phc::new(text).map_err(|_| NONE)?;
        let is_argon2 = ["argon2id", "argon2i", "argon2d"].contains(&parsed.algorithm.as_str());
        if !is_argon2 || parsed.salt.is_none() || parsed.hash.is_none() {
            return Err(NONE);
        }
        let params = Params::try_from(&parsed).map_err(|_| NONE)?;
        if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_ROUNDS {
            return Err("costs more than 256 MiB or 64 rounds each time it is checked");
        }
        Ok(PasswordHash { text: text.to_owned(), parsed })
    }

    /// Returns the PHC string.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether this is the password; it takes its time.
    pub fn fits(&self, password: &str) -> bool {
        Argon2::default().verify_password(password.as_bytes(), &self.parsed).is_ok()
    }
}

/// Users and the hashes of their passwords. Clones share them.
#[derive(Clone, Default)]
pub struct Users(Arc<BTreeMap<String, PasswordHash>>);

impl FromArgument for Users {
    const TYPE: ParamType = ParamType::Map(&ParamType::Text);

    fn from_argument(value: &Value) -> Result<Users, Mismatch> {
        let map = value.as_map().ok_or_else(|| Mismatch::wrong(Self::TYPE, &hidden(value)))?;
        let mut users = Users::default();
        for (user, entry) in map {
            let is_empty = entry.value.as_text() == Some("") && !has_placeholder(&entry.value);
            let hash = match is_empty {
                true => Err("is empty"),
                false => PasswordHash::parse(entry.value.as_text().unwrap_or_default()),
            };
            let added = hash.map_err(str::to_owned).and_then(|hash| users.add(user, hash));
            added.map_err(|problem| Mismatch::Refused {
                message: format!("the hash of the password of {user:?} {problem}"),
                value: hidden_in(&entry.value, value),
                label: if is_empty { why_empty(&entry.value) } else { String::new() },
            })?;
        }
        Ok(users)
    }
}

impl Users {
    /// Reads lines of `user:hash`; empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// The first line that is something else, by its number.
    pub fn parse(text: &str) -> Result<Users, String> {
        let mut users = Users::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |problem: &str| format!("line {} {problem}", index + 1);
            let (user, hash) = line.split_once(':').ok_or_else(|| wrong("is not of the form `user:hash`"))?;
            let hash = PasswordHash::parse(hash.trim()).map_err(|problem| wrong(&format!("holds what {problem}")))?;
            users.add(user.trim(), hash).map_err(|problem| wrong(&problem))?;
        }
        match users.0.is_empty() {
            true => Err("it names no user".to_owned()),
            false => Ok(users),
        }
    }

    fn add(&mut self, user: &str, hash: PasswordHash) -> Result<(), String> {
        if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
            return Err("belongs to what is no name: it is empty, or holds a colon or a control character".to_owned());
        }
        match Arc::make_mut(&mut self.0).insert(user.to_owned(), hash) {
            Some(_) => Err("names a user for the second time".to_owned()),
            None => Ok(()),
        }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the hash of a user and whether it is theirs. Who is unknown gets that of somebody else, always of the
    /// same one, so that checking a password takes as long as that of a user would.
    pub fn hash_of(&self, user: &str, hash: &KeyedHash) -> Option<(&PasswordHash, bool)> {
        if let Some(own) = self.0.get(user) {
            return Some((own, true));
        }
        let [first, second, ..] = hash.of(&[user.as_bytes()]);
        let drawn = usize::from(u16::from_le_bytes([first, second]));
        self.0.values().nth(drawn % self.0.len().max(1)).map(|other| (other, false))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::testing::value;

    /// The hash of `secret`, cheap enough for tests.
    pub const SECRET: &str =
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$pclxcsa4X0bZ5lu7Vy5h3p7EU7VbuW7pGRWETxHuU0c";

    #[test]
    fn tells_passwords_apart() {
        let hash = PasswordHash::parse(SECRET).unwrap();
        assert!(hash.fits("secret"));
        for wrong in ["", "Secret", "secret ", "secretsecret"] {
            assert!(!hash.fits(wrong), "{wrong}");
        }
    }

    #[test]
    fn takes_hashes_of_argon2_alone() {
        for text in [
            "",
            "secret",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA",
            "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
            "$pbkdf2-sha256$i=1000$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        ] {
            assert!(PasswordHash::parse(text).is_err(), "{text}");
        }
        let costly = SECRET.replace("m=64", "m=1048576");
        assert!(PasswordHash::parse(&costly).err().unwrap().contains("costs more"));
        let costly = SECRET.replace("t=1", "t=1000");
        assert!(PasswordHash::parse(&costly).err().unwrap().contains("costs more"));
    }

    #[test]
    fn reads_lines_of_users() {
        let read = |text: &str| Users::parse(text).map(|users| users.0.keys().cloned().collect::<Vec<_>>());
        assert_eq!(read(&format!("# admins\n\nada:{SECRET}\n bob : {SECRET}\r\n")).unwrap(), ["ada", "bob"]);
        for (text, problem) in [
            ("".to_owned(), "names no user"),
            (format!("ada:{SECRET}\nada:{SECRET}"), "line 2 names a user for the second time"),
            ("canary".to_owned(), "line 1 is not of the form"),
            ("ada:canary".to_owned(), "line 1 holds what is no argon2 hash"),
            (format!(":{SECRET}"), "line 1 belongs to what is no name"),
        ] {
            let said = read(&text).unwrap_err();
            assert!(said.contains(problem) && !said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn findings_show_no_password() {
        for wrong in [serde_json::json!({"ada": "canary"}), serde_json::json!("canary"), serde_json::json!(["canary"])]
        {
            let said = format!("{:?}", Users::from_argument(&value(&wrong)).err().unwrap());
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn strangers_cost_as_much_as_users() {
        let users = Users::parse(&format!("ada:{SECRET}\nbob:{SECRET}")).unwrap();
        let hash = KeyedHash::random().unwrap();
        assert!(users.hash_of("ada", &hash).unwrap().1);
        let stranger = users.hash_of("eve", &hash).unwrap();
        assert!(!stranger.1);
        assert_eq!(stranger.0.as_str(), users.hash_of("eve", &hash).unwrap().0.as_str());
    }
}
