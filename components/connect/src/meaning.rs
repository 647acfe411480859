//! What the errors of databases mean, whichever database it is.

use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;

/// What an error of a database means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Somebody else holds a lock.
    Locked,
    /// Nothing may be written.
    ReadOnly,
    /// The database finds itself inconsistent.
    Damaged,
    /// The disk is full.
    Full,
    /// The file cannot be opened.
    CannotOpen,
    /// The file is something else.
    NotADatabase,
    /// The server does not answer, or has no room for one more connection.
    Unreachable,
    /// One of the two does not trust the other's certificate, or has none to show.
    Untrusted,
    /// The server does not know the user or the password.
    Refused,
    /// The server has no database of this name.
    NoSuchDatabase,
    /// The database has no table of this name.
    NoSuchTable,
    /// The user may not do that.
    NotPermitted,
    /// The connection broke.
    Lost,
    /// Others changed the same at the same time.
    Contended,
    /// The server, or a limit that was set, ended a statement that took too long.
    TimedOut,
    /// Anything else, such as a mistake in a statement.
    Other,
}

impl Meaning {
    /// Returns what an error of the library means; `is_connecting` tells whether the connection was being made.
    pub fn of(error: &sqlx::Error, is_connecting: bool) -> Meaning {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => Meaning::of_mysql(error.number()),
                None if error.try_downcast_ref::<PgDatabaseError>().is_some() => {
                    Meaning::of_postgres(&error.code().unwrap_or_default())
                }
                None => Meaning::of_sqlite(error.code().and_then(|code| code.parse().ok()).unwrap_or_default()),
            },
            sqlx::Error::Tls(_) if is_connecting => Meaning::Untrusted,
            // What the library of TLS finds in what it reads.
            sqlx::Error::Io(error) if is_connecting && error.kind() == std::io::ErrorKind::InvalidData => {
                Meaning::Untrusted
            }
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Configuration(_) if is_connecting => {
                Meaning::Unreachable
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Meaning::Lost,
            _ => Meaning::Other,
        }
    }

    /// Returns what a code of SQLite means: <https://www.sqlite.org/rescode.html>.
    pub fn of_sqlite(code: u32) -> Meaning {
        const PRIMARY: u32 = 0xff;
        match code & PRIMARY {
            5 | 6 => Meaning::Locked,
            8 => Meaning::ReadOnly,
            9 => Meaning::TimedOut,
            11 => Meaning::Damaged,
            13 => Meaning::Full,
            23 => Meaning::NotPermitted,
            3 | 14 => Meaning::CannotOpen,
            26 => Meaning::NotADatabase,
            _ => Meaning::Other,
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_postgres(state: &str) -> Meaning {
        match state {
            // Serialization failure, deadlock, unique violation, duplicate table, duplicate type.
            "40001" | "40P01" | "23505" | "42P07" | "42710" => Meaning::Contended,
            "55P03" => Meaning::Locked,
            "57014" => Meaning::TimedOut,
            "42P01" => Meaning::NoSuchTable,
            "25006" => Meaning::ReadOnly,
            "53100" => Meaning::Full,
            "53300" | "57P03" => Meaning::Unreachable,
            "28000" | "28P01" => Meaning::Refused,
            "3D000" => Meaning::NoSuchDatabase,
            "42501" => Meaning::NotPermitted,
            "57P01" | "57P02" | "57P05" => Meaning::Lost,
            "XX001" | "XX002" => Meaning::Damaged,
            _ => Meaning::Other,
        }
    }

    /// <https://mariadb.com/kb/en/mariadb-error-code-reference/>
    fn of_mysql(number: u16) -> Meaning {
        match number {
            // Record changed, duplicate table, duplicate entry, deadlock, table made since the snapshot.
            1020 | 1050 | 1062 | 1213 | 1412 => Meaning::Contended,
            1205 | 3572 => Meaning::Locked,
            // What limits a statement in MariaDB and in MySQL.
            1969 | 3024 => Meaning::TimedOut,
            1146 => Meaning::NoSuchTable,
            1290 | 1792 | 1836 => Meaning::ReadOnly,
            1021 | 1114 => Meaning::Full,
            1040 | 1203 | 1226 => Meaning::Unreachable,
            1045 | 1698 => Meaning::Refused,
            1049 => Meaning::NoSuchDatabase,
            1044 | 1142 | 1143 | 1227 | 1370 => Meaning::NotPermitted,
            1053 | 1317 | 1927 => Meaning::Lost,
            _ => Meaning::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_database_mean_the_same() {
        assert_eq!(Meaning::of_sqlite(261), Meaning::Locked);
        assert_eq!(Meaning::of_postgres("55P03"), Meaning::Locked);
        assert_eq!(Meaning::of_mysql(1205), Meaning::Locked);
        for meaning in [Meaning::of_sqlite(9), Meaning::of_postgres("57014"), Meaning::of_mysql(3024)] {
            assert_eq!(meaning, Meaning::TimedOut);
        }
    }

    #[test]
    fn a_connection_that_is_made_does_not_break_but_is_out_of_reach() {
        let broken = || sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into());
        assert_eq!(Meaning::of(&broken(), true), Meaning::Unreachable);
        assert_eq!(Meaning::of(&broken(), false), Meaning::Lost);
        let distrusted = sqlx::Error::Io(std::io::ErrorKind::InvalidData.into());
        assert_eq!(Meaning::of(&distrusted, true), Meaning::Untrusted);
    }
}
