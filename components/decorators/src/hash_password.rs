//! `palladium hash-password`.

use std::io::{BufRead, IsTerminal, Read};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version as Argon2Version};
use palladium_component::interfaces::{clap, whole_number};
use palladium_component::prelude::*;

/// Prints the argon2 hash of a password.
///
/// The password is asked for on the terminal, twice and without being shown, or is the first line of standard input.
/// What is printed is a PHC string for `users` or `users_file` of `palladium.decorators.BasicAuth`:
///
/// ```text
/// $ palladium hash-password
/// Password:
/// Again:
/// $argon2id$v=19$m=19456,t=2,p=1$…$…
/// ```
#[component(Command, name = "palladium.commands.hash-password")]
pub struct HashPassword;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
enum HashError {
    #[error("the password cannot be read")]
    Read(#[source] std::io::Error),
    #[error("the password is empty")]
    Empty,
    #[error("the password is longer than {MOST_BYTES} bytes")]
    TooLong,
    #[error("the password holds a control character")]
    Control,
    #[error("the two passwords are not the same")]
    Different,
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

impl Explain for HashError {
    fn help(&self) -> Option<String> {
        matches!(self, HashError::Empty).then(|| "type it, or write it to standard input".to_owned())
    }
}

const MOST_BYTES: usize = 1024;

impl Command for HashPassword {
    fn arguments(&self) -> clap::Command {
        let number = |name: &'static str, default: &'static str, most: u32, help: &'static str| {
            whole_number(name, "NUMBER", 1..=most).default_value(default).help(help)
        };
        clap::Command::new("hash-password")
            .about("Print the hash of a password for BasicAuth; needs no configuration")
            .long_about(
                "Print the argon2 hash of a password for BasicAuth; needs no configuration.\n\n\
                 The password is asked for on the terminal without being shown, or is the first line of standard input.",
            )
            .arg(number("memory", "19456", 256 << 10, "The memory that checking the password takes, in KiB"))
            .arg(number("rounds", "2", 64, "How often that memory is gone through"))
    }

    fn reads_configuration(&self) -> bool {
        false
    }

    fn run(&self, host: &mut dyn Host, matches: &clap::ArgMatches) -> Result<(), CommandError> {
        let number = |name: &str| matches.get_one::<u32>(name).copied().unwrap_or_default();
        let password = read_password().map_err(Failure::from)?;
        let hash = hash(&password, number("memory"), number("rounds")).map_err(Failure::from)?;
        host.print(&hash)
    }
}

fn read_password() -> Result<String, HashError> {
    let input = std::io::stdin();
    let password = if input.is_terminal() {
        let ask = |prompt| rpassword::prompt_password(prompt).map_err(HashError::Read);
        let password = ask("Password: ")?;
        if ask("Again: ")? != password {
            return Err(HashError::Different);
        }
        password
    } else {
        let mut line = String::new();
        let most = MOST_BYTES as u64 + 2;
        input.lock().take(most).read_line(&mut line).map_err(HashError::Read)?;
        line.trim_end_matches(['\n', '\r']).to_owned()
    };
    check(password)
}

fn check(password: String) -> Result<String, HashError> {
    match &password {
        empty if empty.is_empty() => Err(HashError::Empty),
        long if long.len() > MOST_BYTES => Err(HashError::TooLong),
        // No client can send such a one: the header would not carry it.
        odd if odd.chars().any(char::is_control) => Err(HashError::Control),
        _ => Ok(password),
    }
}

fn hash(password: &str, memory: u32, rounds: u32) -> Result<String, HashError> {
    let failed = |error: &dyn std::fmt::Display| HashError::Hash(error.to_string());
    let params = Params::new(memory, rounds, 1, None).map_err(|error| failed(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Argon2Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::PasswordHash;

    #[test]
    fn hashes_what_fits_afterwards() {
        let first = hash("secret", 64, 1).unwrap();
        assert!(PasswordHash::parse(&first).unwrap().fits("secret"));
        assert_ne!(hash("secret", 64, 1).unwrap(), first, "the salt is drawn");
    }

    #[test]
    fn refuses_what_is_no_password() {
        let long = "x".repeat(MOST_BYTES + 1);
        for (password, said) in [("", "empty"), (long.as_str(), "longer"), ("a\tb", "control")] {
            assert!(check(password.to_owned()).unwrap_err().to_string().contains(said));
        }
        assert_eq!(check("a b".to_owned()).unwrap(), "a b");
    }
}
