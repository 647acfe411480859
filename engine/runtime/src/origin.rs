//! On whose behalf this process changes a store.

use std::os::unix::fs::MetadataExt;

use palladium_component::interfaces::Origin;

/// Returns the user that this process runs as, with what it does.
pub fn origin(command: impl Into<String>) -> Origin {
    let principal = user().unwrap_or_else(|| Origin::UNKNOWN.to_owned());
    Origin { principal, command: command.into() }
}

/// Returns the name of the user of this process, by what the system says and not by what the environment claims; its
/// number where it has no name, as in many containers.
fn user() -> Option<String> {
    let number = std::fs::metadata("/proc/self").ok()?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(number, &users).unwrap_or_else(|| format!("uid {number}")))
}

fn name_of(number: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next().filter(|name| !name.is_empty())?;
        (parts.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let users = "# local\nroot:x:0:0:root:/root:/bin/sh\n:x:7:7::/:\nada:x:1815:100:Ada:/home/ada:/bin/sh\n";
        let cases = [(0, Some("root")), (1815, Some("ada")), (100, None), (7, None)];
        for (number, expected) in cases {
            assert_eq!(name_of(number, users).as_deref(), expected, "{number}");
        }
        assert!(!origin("fit").principal.is_empty());
    }
}
