//! Profiles in the files that the tools of AWS write, which the library does not read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use palladium_component::prelude::*;

/// What is used of a profile.
#[derive(Clone, Default, PartialEq)]
pub struct Profile {
    /// `aws_access_key_id` and `aws_secret_access_key`.
    pub keys: Option<(String, String)>,
    /// `aws_session_token`.
    pub session_token: Option<String>,
    /// `region`.
    pub region: Option<String>,
    /// `endpoint_url`.
    pub endpoint: Option<String>,
}

/// A profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No file has it.
    #[error("there is no profile `{name}` in {files}")]
    Missing {
        /// Its name.
        name: String,
        /// The files.
        files: String,
    },
    /// It has no keys.
    #[error("the profile `{name}` has no `aws_access_key_id` with an `aws_secret_access_key`")]
    NoKeys {
        /// Its name.
        name: String,
    },
    /// A file cannot be read.
    #[error("`{file}` cannot be read")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Explain for ProfileError {
    fn help(&self) -> Option<String> {
        match self {
            ProfileError::Missing { .. } => Some("`aws configure --profile NAME` makes one".into()),
            ProfileError::NoKeys { .. } => Some(
                "roles, single sign-on and `credential_process` are not supported: `aws configure export-credentials \
                 --format env` turns them into variables of the environment"
                    .into(),
            ),
            ProfileError::Unreadable { .. } => None,
        }
    }
}

/// The settings of each profile.
type Profiles = BTreeMap<String, BTreeMap<String, String>>;

/// Where profiles lie.
pub struct ProfileFiles {
    credentials: PathBuf,
    config: PathBuf,
}

impl ProfileFiles {
    /// Returns where the tools of AWS would look: `~/.aws/credentials` and `~/.aws/config`, unless the environment names
    /// other files.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> ProfileFiles {
        let home = PathBuf::from(variable("HOME").unwrap_or_default());
        let file = |name: &str, usual: &str| variable(name).map_or_else(|| home.join(usual), PathBuf::from);
        ProfileFiles {
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
            config: file("AWS_CONFIG_FILE", ".aws/config"),
        }
    }

    /// Returns a profile that somebody asks for by its name.
    ///
    /// # Errors
    /// There is no such profile, or it has no keys.
    pub fn named(&self, name: &str) -> Result<Profile, ProfileError> {
        let profile = self.find(name)?.ok_or_else(|| ProfileError::Missing {
            name: name.to_owned(),
            files: format!("`{}` or `{}`", self.credentials.display(), self.config.display()),
        })?;
        if profile.keys.is_none() { Err(ProfileError::NoKeys { name: name.to_owned() }) } else { Ok(profile) }
    }

    /// Returns a profile if there is one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Profile>, ProfileError> {
        let mut settings = BTreeMap::new();
        let mut is_there = false;
        // The same setting in the file of credentials comes before that in the other one.
        let config_name = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        for (file, section) in [(&self.config, config_name.as_str()), (&self.credentials, name)] {
            if let Some(found) = read(file)?.remove(section) {
                is_there = true;
                settings.extend(found);
            }
        }
        let mut take = |key: &str| settings.remove(key).filter(|value| !value.is_empty());
        let profile = Profile {
            keys: take("aws_access_key_id").zip(take("aws_secret_access_key")),
            session_token: take("aws_session_token"),
            region: take("region"),
            endpoint: take("endpoint_url"),
        };
        Ok(is_there.then_some(profile))
    }
}

fn read(file: &Path) -> Result<Profiles, ProfileError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Profiles::new()),
        Err(source) => Err(ProfileError::Unreadable { file: file.display().to_string(), source }),
    }
}

/// Reads `[section]` and `key = value`. Lines that are indented belong to a setting of several parts, and none of those
/// is used.
fn parse(text: &str) -> Profiles {
    let mut profiles = Profiles::new();
    let mut section = None;
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || is_nested {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split_once(']').map(|(name, _)| name.split_whitespace().collect::<Vec<_>>().join(" "));
            section = name.map(|name| profiles.entry(name).or_default());
        } else if let (Some(section), Some((key, value))) = (section.as_mut(), line.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default();
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "
# written by hand
[default]
aws_access_key_id = A1
aws_secret_access_key=S1=/+ # not part of it
[other]
AWS_ACCESS_KEY_ID = A2
aws_secret_access_key = S2
aws_session_token = T2
[half]
aws_access_key_id = A3
";

    const CONFIG: &str = "
[default]
region = eu-central-1
s3 =
    endpoint_url = http://nested.example
[profile  other]
region = eu-west-1
endpoint_url = https://store.example
aws_secret_access_key = of-the-config
[profile role]
role_arn = arn:aws:iam::1:role/x
; end
";

    fn keys(id: &str, secret: &str) -> Option<(String, String)> {
        Some((id.to_owned(), secret.to_owned()))
    }

    #[test]
    fn profiles_are_read_from_two_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        std::fs::write(folder.path().join(".aws/credentials"), CREDENTIALS).unwrap();
        std::fs::write(folder.path().join("config.ini"), CONFIG).unwrap();
        let variable = |name: &str| match name {
            "HOME" => Some(folder.path().display().to_string()),
            "AWS_CONFIG_FILE" => Some(folder.path().join("config.ini").display().to_string()),
            _ => None,
        };
        let files = ProfileFiles::of_environment(variable);
        let region = |region: &str| Some(region.to_owned());
        let default = Profile { keys: keys("A1", "S1=/+"), region: region("eu-central-1"), ..Profile::default() };
        assert!(files.named("default").unwrap() == default);
        let other = Profile {
            keys: keys("A2", "S2"),
            session_token: Some("T2".into()),
            region: region("eu-west-1"),
            endpoint: Some("https://store.example".into()),
        };
        assert!(files.named("other").unwrap() == other);
        for (name, expected) in
            [("half", "has no"), ("role", "has no"), ("absent", "there is no profile `absent` in `")]
        {
            let error = files.named(name).err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.help().is_some());
        }
        assert!(files.find("absent").unwrap().is_none());
        assert!(files.find("role").unwrap().unwrap() == Profile::default());

        let nowhere = ProfileFiles::of_environment(|_| Some(folder.path().join("nowhere").display().to_string()));
        assert!(nowhere.find("default").unwrap().is_none());
        let folder = ProfileFiles::of_environment(|_| Some(folder.path().display().to_string()));
        assert!(matches!(folder.find("default"), Err(ProfileError::Unreadable { .. })));
    }
}
