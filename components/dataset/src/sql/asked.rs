//! What a database is asked: a query as it is written, or the columns of a table.

use std::borrow::Cow;

use super::places::Dialect;

/// What a database is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked<'a> {
    /// The rows of a table; the parts of its name, the table last.
    Table(Vec<Cow<'a, str>>),
    /// The rows of a query.
    Query(&'a str),
}

impl<'a> Asked<'a> {
    /// Tells a name of a table from a query: a name has no space outside quotes.
    pub(crate) fn new(sql: &'a str) -> Asked<'a> {
        match name(sql.trim()) {
            Some(parts) => Asked::Table(parts),
            None => Asked::Query(sql),
        }
    }

    /// Returns the name of the table, if it is one.
    pub(crate) fn table(&self) -> Option<String> {
        match self {
            Asked::Table(parts) => Some(parts.join(".")),
            Asked::Query(_) => None,
        }
    }

    /// Returns a query as it would be written if it were meant as the name of a table.
    pub(crate) fn as_name(&self) -> Option<String> {
        const WORDS: &[&str] = &["call", "describe", "explain", "from", "select", "show", "table", "values", "with"];
        let Asked::Query(sql) = self else { return None };
        let text = sql.trim();
        let is_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-' | ' ' | '.');
        let is_statement = text.split(' ').any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()));
        if is_statement || !text.chars().all(is_of_name) || text.split('.').any(str::is_empty) {
            return None;
        }
        let quoted = |part: &str| if name(part).is_some() { part.to_owned() } else { format!("[{part}]") };
        Some(text.split('.').map(quoted).collect::<Vec<_>>().join("."))
    }

    /// Returns the query, which for a table reads these columns, or all.
    pub(crate) fn query(&self, columns: Option<&[&str]>, dialect: Dialect) -> Cow<'a, str> {
        match self {
            Asked::Query(sql) => Cow::Borrowed(sql),
            Asked::Table(parts) => {
                let columns = columns.map(|names| names.iter().map(|name| quoted(name, dialect)).collect::<Vec<_>>());
                let columns = columns.map_or_else(|| "*".to_owned(), |names| names.join(", "));
                let table = parts.iter().map(|part| quoted(part, dialect)).collect::<Vec<_>>().join(".");
                Cow::Owned(format!("SELECT {columns} FROM {table}"))
            }
        }
    }
}

/// Returns a name in quotes.
pub(crate) fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        Dialect::Sqlite | Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// Returns the parts of a name: words, or anything in quotes, with dots between them.
fn name(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let (part, after) = part(rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(parts),
        }
    }
}

fn part(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let first = text.chars().next()?;
    let end = match first {
        '"' | '`' => first,
        '[' => ']',
        _ => {
            let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
            let end = text.find(|letter| !is_of_name(letter)).unwrap_or(text.len());
            return (end > 0).then(|| (Cow::Borrowed(&text[..end]), &text[end..]));
        }
    };
    let (mut inner, mut rest) = (String::new(), &text[1..]);
    loop {
        let (before, after) = rest.split_once(end)?;
        inner.push_str(before);
        match after.strip_prefix(end).filter(|_| first == end) {
            Some(after) => {
                inner.push(end);
                rest = after;
            }
            None => return (!inner.is_empty()).then_some((Cow::Owned(inner), after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_told_from_queries_and_quoted() {
        let cases = [
            ("employee", Dialect::Sqlite, "SELECT * FROM \"employee\""),
            (" public.employee\n", Dialect::Postgres, "SELECT * FROM \"public\".\"employee\""),
            ("\"my \"\"own\"\" table\"", Dialect::Postgres, "SELECT * FROM \"my \"\"own\"\" table\""),
            ("`a``b`.c", Dialect::MySql, "SELECT * FROM `a``b`.`c`"),
            ("[order; drop]", Dialect::Sqlite, "SELECT * FROM \"order; drop\""),
            ("größe", Dialect::MySql, "SELECT * FROM `größe`"),
            ("select 1", Dialect::Sqlite, "select 1"),
            ("select(1)", Dialect::Sqlite, "select(1)"),
            ("values(1)", Dialect::Sqlite, "values(1)"),
            ("a;drop", Dialect::Sqlite, "a;drop"),
            ("a.", Dialect::Sqlite, "a."),
        ];
        for (sql, dialect, expected) in cases {
            assert_eq!(Asked::new(sql).query(None, dialect), expected);
        }
        let names = [
            ("my-table", Some("[my-table]")),
            ("odd name", Some("[odd name]")),
            ("shop.my-table", Some("shop.[my-table]")),
            ("my shop.orders", Some("[my shop].orders")),
            ("t", None),
            ("select x", None),
            ("selct x from t", None),
            ("insert into t values (1)", None),
            ("a;b", None),
            ("a.", None),
        ];
        for (sql, expected) in names {
            let written = Asked::new(sql).as_name();
            assert_eq!(written.as_deref(), expected, "{sql}");
            if let Some(written) = written {
                assert_eq!(Asked::new(&written).table().as_deref(), Some(sql));
            }
        }
        let columns = Asked::new("t").query(Some(&["a", "b\"c"]), Dialect::Postgres);
        assert_eq!(columns, "SELECT \"a\", \"b\"\"c\" FROM \"t\"");
    }
}
