//! Where a database is: URLs as SQLAlchemy spells them. Messages never repeat a URL, which may hold a password.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In the memory of this process.
    Memory,
}

/// A URL is none of a database that this build supports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It has no scheme.
    #[error("`url` has to begin with `sqlite://`")]
    NoScheme,
    /// It names another database.
    #[error("`url` names a database of `{0}`; this build stores models in SQLite only")]
    OtherDatabase(String),
    /// It names a host, or a slash is missing.
    #[error("a URL of SQLite has no host: after `sqlite:` stand three slashes and then the file")]
    Host,
    /// It has options.
    #[error("a URL of SQLite takes no options here: nothing may follow a `?`")]
    Options,
}

impl LocationError {
    /// Says what to write instead.
    pub const HELP: &'static str = "write `sqlite:///models.db` for a file in the working directory, \
        `sqlite:////folder/models.db` for one elsewhere, `sqlite:///${here}/models.db` for one beside the configuration";
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// A URL of another database, or one that SQLAlchemy would not accept for SQLite.
    pub fn parse(url: &str) -> Result<Location, LocationError> {
        let (scheme, rest) = url.split_once("://").ok_or(LocationError::NoScheme)?;
        let dialect = scheme.split('+').next().unwrap_or(scheme);
        let is_name = |name: &str| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        match dialect {
            "sqlite" if scheme == "sqlite" || scheme == "sqlite+pysqlite" => {}
            "" => return Err(LocationError::NoScheme),
            _ if !scheme.split('+').all(is_name) => return Err(LocationError::NoScheme),
            _ => return Err(LocationError::OtherDatabase(scheme.to_owned())),
        }
        if rest.contains('?') {
            return Err(LocationError::Options);
        }
        match rest.strip_prefix('/') {
            Some("" | ":memory:") => Ok(Location::Memory),
            Some(path) => Ok(Location::File(PathBuf::from(path))),
            None if rest.is_empty() => Ok(Location::Memory),
            None => Err(LocationError::Host),
        }
    }

    /// Returns the file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Location::File(path) => Some(path),
            Location::Memory => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => path.display().fmt(formatter),
            Location::Memory => formatter.write_str(":memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls_as_sqlalchemy_does() {
        let file = |path: &str| Ok(Location::File(path.into()));
        let cases = [
            ("sqlite:///models.db", file("models.db")),
            ("sqlite:////srv/models.db", file("/srv/models.db")),
            ("sqlite+pysqlite:///folder/a b.db", file("folder/a b.db")),
            ("sqlite://", Ok(Location::Memory)),
            ("sqlite:///", Ok(Location::Memory)),
            ("sqlite:///:memory:", Ok(Location::Memory)),
            ("sqlite://models.db", Err(LocationError::Host)),
            ("sqlite://host/models.db", Err(LocationError::Host)),
            ("sqlite:///models.db?mode=ro", Err(LocationError::Options)),
            ("models.db", Err(LocationError::NoScheme)),
            ("", Err(LocationError::NoScheme)),
            ("://models.db", Err(LocationError::NoScheme)),
            ("user:secret@host://x", Err(LocationError::NoScheme)),
            ("postgresql://user:secret@host/db", Err(LocationError::OtherDatabase("postgresql".into()))),
            ("mysql+pymysql://user:secret@host/db", Err(LocationError::OtherDatabase("mysql+pymysql".into()))),
            ("sqlite+pysqlcipher:///models.db", Err(LocationError::OtherDatabase("sqlite+pysqlcipher".into()))),
        ];
        for (url, expected) in cases {
            let read = Location::parse(url);
            assert_eq!(read, expected, "{url}");
            assert!(!format!("{read:?}").contains("secret"));
        }
    }
}
