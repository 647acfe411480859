//! Where a database is: URLs as SQLAlchemy spells them. Messages never repeat a URL, which may hold a password.

use std::fmt;
use std::path::{Path, PathBuf};

use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Where a database is.
#[derive(Clone)]
pub enum Location {
    /// In a file of SQLite.
    File(PathBuf),
    /// In the memory of this process.
    Memory,
    /// On a server.
    Server(Box<Server>),
}

/// A database on a server.
#[derive(Clone)]
pub struct Server {
    /// How to connect.
    pub options: ServerOptions,
    /// The URL without user, password and options.
    shown: String,
}

/// How to connect to a server.
#[derive(Clone)]
pub enum ServerOptions {
    /// To PostgreSQL.
    Postgres(PgConnectOptions),
    /// To MySQL or MariaDB.
    MySql(MySqlConnectOptions),
}

/// A URL is none of a database that this build supports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It has no scheme.
    #[error("`url` has to begin with `sqlite://`, `postgresql://` or `mysql://`")]
    NoScheme,
    /// It names another database.
    #[error("`url` names a database of `{0}`; SQLite, PostgreSQL, MySQL and MariaDB are supported")]
    OtherDatabase(String),
    /// It names a host, or a slash is missing.
    #[error("a URL of SQLite has no host: after `sqlite:` stand three slashes and then the file")]
    Host,
    /// It has options.
    #[error("a URL of SQLite takes no options here: nothing may follow a `?`")]
    Options,
    /// It cannot be taken apart.
    #[error("`url` is no URL: {0}")]
    NotAUrl(url::ParseError),
    /// The server is told, but not the database on it.
    #[error("`url` names a server but no database on it")]
    NoDatabase,
    /// A password has a slash or a question mark in it.
    #[error("`url` has an `@` behind its host, so that the password before it seems to be cut off")]
    Slash,
    /// An option is none that is known.
    #[error("`url` has an option `{0}`, which is not known for this database; there are {1}")]
    UnknownOption(String, &'static str),
    /// An option has a value that means nothing.
    #[error("`url` has an option `{0}` with a value that it does not take")]
    Value(String),
}

impl LocationError {
    /// Says what to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            LocationError::Host | LocationError::Options => {
                "write `sqlite:///models.db` for a file in the working directory, `sqlite:////folder/models.db` for \
                 one elsewhere, `sqlite:///${here}/models.db` for one beside the configuration"
            }
            LocationError::NoScheme
            | LocationError::OtherDatabase(_)
            | LocationError::NotAUrl(_)
            | LocationError::NoDatabase => {
                "write `sqlite:///models.db` for a file, `postgresql://host/database` or `mysql://host/database` for a \
                 server, with the user and behind a colon the password and an `@` before the host"
            }
            LocationError::Slash => {
                "in a password, `@`, `:`, `/`, `?`, `#` and `%` are written `%40`, `%3A`, `%2F`, `%3F`, `%23` and `%25`"
            }
            LocationError::UnknownOption(..) => "correct its name, or leave it out",
            LocationError::Value(_) => "the manual of the database lists the values",
        }
    }
}

/// Options of PostgreSQL's URLs, named as psycopg2 and libpq do.
const POSTGRES: Known = Known {
    scheme: "postgresql",
    options: &[
        ("application_name", Some("application_name")),
        ("client_encoding", None),
        ("host", Some("host")),
        ("options", Some("options")),
        ("sslcert", Some("sslcert")),
        ("sslkey", Some("sslkey")),
        ("sslmode", Some("sslmode")),
        ("sslrootcert", Some("sslrootcert")),
    ],
    listed: "`application_name`, `client_encoding`, `host`, `options`, `sslcert`, `sslkey`, `sslmode`, `sslrootcert`",
};

/// Options of MySQL's URLs, named as PyMySQL, mysqlclient and SQLAlchemy do.
const MYSQL: Known = Known {
    scheme: "mysql",
    options: &[
        ("charset", None),
        ("encoding", None),
        ("ssl_ca", Some("ssl-ca")),
        ("ssl_cert", Some("ssl-cert")),
        ("ssl_key", Some("ssl-key")),
        ("ssl_mode", Some("ssl-mode")),
        ("unix_socket", Some("socket")),
    ],
    listed: "`charset`, `encoding`, `ssl_ca`, `ssl_cert`, `ssl_key`, `ssl_mode`, `unix_socket`",
};

/// What is known about the URLs of a server.
struct Known {
    scheme: &'static str,
    /// The names of options, and what the library calls them; nothing for those that say how text is encoded, which is
    /// UTF-8 in any case.
    options: &'static [(&'static str, Option<&'static str>)],
    listed: &'static str,
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// A URL of another database, or one that SQLAlchemy would not accept.
    pub fn parse(url: &str) -> Result<Location, LocationError> {
        let (scheme, rest) = url.split_once("://").ok_or(LocationError::NoScheme)?;
        let is_name = |name: &str| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        match scheme.split('+').next().unwrap_or(scheme) {
            "" => Err(LocationError::NoScheme),
            "sqlite" if scheme == "sqlite" || scheme == "sqlite+pysqlite" => Location::parse_sqlite(rest),
            _ if !scheme.split('+').all(is_name) => Err(LocationError::NoScheme),
            // Which driver Python would have used makes no difference.
            "postgresql" | "postgres" => {
                Server::parse(rest, &POSTGRES).map(|server| Location::Server(Box::new(server)))
            }
            "mysql" | "mariadb" => Server::parse(rest, &MYSQL).map(|server| Location::Server(Box::new(server))),
            _ => Err(LocationError::OtherDatabase(scheme.to_owned())),
        }
    }

    fn parse_sqlite(rest: &str) -> Result<Location, LocationError> {
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
            Location::Memory | Location::Server(_) => None,
        }
    }

    /// Tells whether it is on a server.
    pub fn is_server(&self) -> bool {
        matches!(self, Location::Server(_))
    }
}

impl Server {
    /// Reads what follows the scheme and `://`.
    fn parse(rest: &str, known: &Known) -> Result<Server, LocationError> {
        // A socket needs no host, which the parser of URLs insists on behind a user.
        let host =
            rest.split(['/', '?']).next().filter(|authority| authority.ends_with('@')).map_or("", |_| "localhost");
        let (user, place) = rest.split_at(if host.is_empty() { 0 } else { rest.find('@').map_or(0, |at| at + 1) });
        let url = format!("{}://{user}{host}{place}", known.scheme);
        let mut url = Url::parse(&url).map_err(LocationError::NotAUrl)?;
        let database = url.path().trim_start_matches('/').to_owned();
        if database.is_empty() {
            return Err(LocationError::NoDatabase);
        }
        // A slash in a password ends it: what looks like the database is the rest of the password.
        if url.path().contains('@') || url.query().is_some_and(|options| options.contains('@')) {
            return Err(LocationError::Slash);
        }
        let mut options = Vec::new();
        for (name, value) in url.query_pairs() {
            // The manual of MySQL and some drivers write them with hyphens.
            let name = name.replace('-', "_");
            match known.options.iter().find(|(option, _)| *option == name) {
                Some((_, Some(own))) => options.push((*own, value.into_owned())),
                Some((_, None)) if is_utf8(&value) => {}
                Some((_, None)) => return Err(LocationError::Value(name)),
                None => return Err(LocationError::UnknownOption(name, known.listed)),
            }
        }
        let mut place = url.clone();
        // A URL without a host, which alone refuses a user, has none to hide.
        let _ = (place.set_username(""), place.set_password(None));
        place.set_query(None);
        place.set_fragment(None);
        let socket =
            options.iter().find(|(name, value)| *name == "socket" || (*name == "host" && value.starts_with('/')));
        let shown = match socket {
            Some((_, socket)) => format!("{}:{socket}/{database}", known.scheme),
            None => place.to_string(),
        };

        url.set_fragment(None);
        url.set_query(None);
        if !options.is_empty() {
            url.query_pairs_mut().extend_pairs(&options);
        }
        // Whatever the library says about a value, it may repeat it: the name is enough.
        let wrong = |_| LocationError::Value(options.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("`, `"));
        let options = match known.scheme {
            "mysql" => ServerOptions::MySql(MySqlConnectOptions::from_url(&url).map_err(wrong)?),
            _ => {
                let options = PgConnectOptions::from_url(&url).map_err(wrong)?;
                let is_named = options.get_application_name().is_some();
                ServerOptions::Postgres(if is_named { options } else { options.application_name("palladium") })
            }
        };
        Ok(Server { options, shown })
    }
}

fn is_utf8(charset: &str) -> bool {
    ["utf8", "utf-8", "utf8mb4"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => path.display().fmt(formatter),
            Location::Memory => formatter.write_str(":memory:"),
            Location::Server(server) => formatter.write_str(&server.shown),
        }
    }
}

impl fmt::Debug for Location {
    /// Shows no password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{self}>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where a URL leads, or why nowhere.
    fn parsed(url: &str) -> Result<String, LocationError> {
        let location = Location::parse(url)?;
        assert!(!format!("{location:?} {location}").contains("secret"), "{url}");
        Ok(match &location {
            Location::File(path) => format!("file {}", path.display()),
            Location::Memory => "memory".to_owned(),
            Location::Server(server) => {
                let user = match &server.options {
                    ServerOptions::Postgres(options) => options.get_username().to_owned(),
                    ServerOptions::MySql(options) => options.get_username().to_owned(),
                };
                format!("{user} at {location}")
            }
        })
    }

    #[test]
    fn reads_urls_as_sqlalchemy_does() {
        let cases = [
            ("sqlite:///models.db", "file models.db"),
            ("sqlite:////srv/models.db", "file /srv/models.db"),
            ("sqlite+pysqlite:///folder/a b.db", "file folder/a b.db"),
            ("sqlite://", "memory"),
            ("sqlite:///", "memory"),
            ("sqlite:///:memory:", "memory"),
            ("postgresql://ada:secret@host/db", "ada at postgresql://host/db"),
            ("postgres://ada@host:6000/db", "ada at postgresql://host:6000/db"),
            ("postgresql+psycopg2://ada:s%40secret@host/db?sslmode=require", "ada at postgresql://host/db"),
            ("postgresql://ada:secret@/db?host=/run/pg", "ada at postgresql:/run/pg/db"),
            ("mysql+pymysql://ada:secret@host/db?charset=utf8mb4", "ada at mysql://host/db"),
            ("mysql://{}:{}@localhost/test?encoding=utf8", "{} at mysql://localhost/test"),
            ("mariadb+mariadbconnector://ada:secret@host:33/db?ssl_mode=REQUIRED", "ada at mysql://host:33/db"),
            ("mysql://ada:secret@localhost/db?unix_socket=/run/my.sock", "ada at mysql:/run/my.sock/db"),
        ];
        for (url, expected) in cases {
            assert_eq!(parsed(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        let option = |name: &str, known: &Known| LocationError::UnknownOption(name.into(), known.listed);
        let cases = [
            ("sqlite://models.db", LocationError::Host),
            ("sqlite://host/models.db", LocationError::Host),
            ("sqlite:///models.db?mode=ro", LocationError::Options),
            ("models.db", LocationError::NoScheme),
            ("", LocationError::NoScheme),
            ("://models.db", LocationError::NoScheme),
            ("user:secret@host://x", LocationError::NoScheme),
            ("sqlite+pysqlcipher:///models.db", LocationError::OtherDatabase("sqlite+pysqlcipher".into())),
            ("oracle://user:secret@host/db", LocationError::OtherDatabase("oracle".into())),
            ("postgresql://user:secret@host", LocationError::NoDatabase),
            ("mysql://user:secret@host/", LocationError::NoDatabase),
            ("postgresql://user:secret@host:port/db", LocationError::NotAUrl(url::ParseError::InvalidPort)),
            ("postgresql://user:secret@host/db?pool=3", option("pool", &POSTGRES)),
            ("postgresql://host/db?sslmode=secret", LocationError::Value("sslmode".into())),
            ("mysql://user:secret@host/db?charset=latin1", LocationError::Value("charset".into())),
            ("mysql://user:secret@host/db?sslmode=disable", option("sslmode", &MYSQL)),
            ("postgresql://ada:12/secret@127.0.0.1/db", LocationError::Slash),
            ("postgresql://ada:1/x?secret@host/db", LocationError::Slash),
        ];
        for (url, expected) in cases {
            let error = parsed(url).unwrap_err();
            assert_eq!(error, expected, "{url}");
            assert!(!error.to_string().contains("secret") && !error.help().contains("secret"), "{error}");
        }
    }
}
