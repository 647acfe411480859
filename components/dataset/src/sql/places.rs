//! The places in a query that values are bound to, in the spellings of Python's drivers.

use std::collections::HashSet;

use palladium_component::value::nearest;

use super::options::{Datum, Params};

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// A query taken apart at the places for values.
#[derive(Debug, PartialEq)]
pub(crate) struct Bound<'a> {
    pieces: Vec<Piece>,
    /// The values that the places refer to.
    pub(crate) values: Vec<&'a Datum>,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    /// The place of the value at this position.
    Place(usize),
}

/// Values and places do not fit together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("`sql` has {} for values, and `params` has {}", counted(*.places, "place"), counted(*.values, "value"))]
    Count { places: usize, values: usize },
    #[error("`sql` has a place `{0}` that `params` has no value for")]
    NoValue(String, Option<String>),
    #[error("`params` has a value `{0}` that no place in `sql` takes")]
    NoPlace(String, Option<String>),
}

impl PlaceError {
    /// Says what to do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            PlaceError::NoValue(_, Some(near)) | PlaceError::NoPlace(_, Some(near)) => {
                format!("did you mean `{near}`?")
            }
            PlaceError::NoValue(_, None) | PlaceError::Count { .. } => {
                "a place is written `?`, or `:name` with a map; on a server also `%s`, or `%(name)s` with a map; what \
                 stands in quotes or in a comment is none"
                    .into()
            }
            PlaceError::NoPlace(_, None) => "remove it, or write its place as `:name`".into(),
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How places are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    /// `?`, and for SQLite `?1`.
    Question,
    /// `$1`, in PostgreSQL.
    Dollar,
    /// `%s`; a percent sign is written twice.
    Percent,
    /// `:name`.
    Colon,
    /// `%(name)s`; a percent sign is written twice.
    PercentName,
}

/// What stands at a place.
enum Found<'t> {
    /// The next value.
    Next,
    /// The value of this number, from 1.
    Numbered(usize),
    /// The value of this name.
    Named(&'t str),
}

impl<'a> Bound<'a> {
    /// Takes a query apart. Without values it is left as it is.
    pub(crate) fn new(sql: &str, params: Option<&'a Params>, dialect: Dialect) -> Result<Bound<'a>, PlaceError> {
        let parts = parts(sql, dialect);
        match params {
            Some(Params::List(values)) if !values.is_empty() => of_list(&parts, values, dialect),
            Some(Params::Map(values)) if !values.is_empty() => {
                let style = if has(&parts, Style::PercentName, dialect) { Style::PercentName } else { Style::Colon };
                let mut used = HashSet::new();
                let pieces = pieces(&parts, style, |found| {
                    let Found::Named(name) = found else { return Ok(None) };
                    used.insert(name.to_owned());
                    let near = || nearest(name, values.keys().map(String::as_str)).map(str::to_owned);
                    values.get_index_of(name).map(Some).ok_or_else(|| PlaceError::NoValue(name.to_owned(), near()))
                })?;
                match values.keys().find(|name| !used.contains(*name)) {
                    Some(name) => {
                        let near = nearest(name, used.iter().map(String::as_str)).map(str::to_owned);
                        Err(PlaceError::NoPlace(name.clone(), near))
                    }
                    None => Ok(Bound { pieces, values: values.values().collect() }),
                }
            }
            _ => {
                // PostgreSQL has operators with question marks.
                let style = if dialect == Dialect::Postgres { Style::Dollar } else { Style::Question };
                match count(&parts, style, dialect) {
                    0 => Ok(Bound { pieces: vec![Piece::Text(sql.to_owned())], values: Vec::new() }),
                    places => Err(PlaceError::Count { places, values: 0 }),
                }
            }
        }
    }

    /// Returns the query with places that tell the number of their value.
    pub(crate) fn numbered(&self, place: impl Fn(usize) -> String) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Place(value) => place(*value),
            })
            .collect()
    }

    /// Returns the query with a question mark at each place, and a value for each of these.
    pub(crate) fn in_order(&self) -> (String, Vec<&'a Datum>) {
        let values = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(value) => self.values.get(*value).copied(),
            Piece::Text(_) => None,
        });
        (self.numbered(|_| "?".to_owned()), values.collect())
    }
}

fn of_list<'a>(parts: &[Part<'_>], values: &'a [Datum], dialect: Dialect) -> Result<Bound<'a>, PlaceError> {
    let styles: &[Style] = match dialect {
        Dialect::Sqlite => &[Style::Question],
        Dialect::MySql => &[Style::Percent, Style::Question],
        Dialect::Postgres => &[Style::Percent, Style::Dollar, Style::Question],
    };
    let style = styles.iter().copied().find(|style| has(parts, *style, dialect)).unwrap_or(Style::Question);
    let (mut next, mut highest) = (0, 0);
    let pieces = pieces(parts, style, |found| {
        let place = match found {
            Found::Next => next,
            Found::Numbered(number) => number.wrapping_sub(1),
            Found::Named(_) => return Ok(None),
        };
        next = place.saturating_add(1);
        highest = highest.max(next);
        Ok(Some(place))
    })?;
    match highest == values.len() {
        true => Ok(Bound { pieces, values: values.iter().collect() }),
        false => Err(PlaceError::Count { places: highest, values: values.len() }),
    }
}

fn has(parts: &[Part<'_>], style: Style, dialect: Dialect) -> bool {
    count(parts, style, dialect) > 0
}

fn count(parts: &[Part<'_>], style: Style, dialect: Dialect) -> usize {
    let is_of_server = matches!(style, Style::Percent | Style::PercentName);
    if is_of_server && dialect == Dialect::Sqlite || style == Style::Dollar && dialect != Dialect::Postgres {
        return 0;
    }
    let mut n_places = 0;
    let counted = pieces(parts, style, |_| {
        n_places += 1;
        Ok(None)
    });
    counted.map_or(0, |_| n_places)
}

/// Takes parts of a query apart at the places of one style; what has no value stays text.
fn pieces(
    parts: &[Part<'_>],
    style: Style,
    mut value: impl FnMut(Found<'_>) -> Result<Option<usize>, PlaceError>,
) -> Result<Vec<Piece>, PlaceError> {
    let halves_percents = matches!(style, Style::Percent | Style::PercentName);
    let (mut pieces, mut text) = (Vec::new(), String::new());
    for part in parts {
        let mut rest = part.text;
        while let Some(letter) = rest.chars().next() {
            if halves_percents && rest.starts_with("%%") {
                text.push('%');
                rest = &rest[2..];
                continue;
            }
            let before = text.chars().next_back();
            let found = if part.is_code { place(rest, before, style) } else { None };
            if let Some((found, length)) = found
                && let Some(value) = value(found)?
            {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Place(value));
                rest = &rest[length..];
            } else {
                text.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// Returns what place begins here, and its length.
fn place(rest: &str, before: Option<char>, style: Style) -> Option<(Found<'_>, usize)> {
    let continues_word = before.is_some_and(is_of_word);
    match style {
        Style::Question => {
            let digits = rest.strip_prefix('?')?;
            match number(digits) {
                Some((number, length)) => Some((Found::Numbered(number), 1 + length)),
                None => Some((Found::Next, 1)),
            }
        }
        Style::Dollar => {
            let (number, length) = number(rest.strip_prefix('$')?)?;
            (!continues_word).then_some((Found::Numbered(number), 1 + length))
        }
        Style::Percent => rest.starts_with("%s").then_some((Found::Next, 2)),
        Style::Colon => {
            let name = word(rest.strip_prefix(':')?);
            let is_place = !name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit());
            // Two colons are a cast in PostgreSQL.
            (is_place && !continues_word && before != Some(':')).then_some((Found::Named(name), 1 + name.len()))
        }
        Style::PercentName => {
            let (name, after) = rest.strip_prefix("%(")?.split_once(')')?;
            after.starts_with('s').then_some((Found::Named(name), name.len() + 4))
        }
    }
}

fn number(text: &str) -> Option<(usize, usize)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..length].parse().ok().map(|number| (number, length))
}

fn word(text: &str) -> &str {
    text.find(|letter| !is_of_word(letter)).map_or(text, |end| &text[..end])
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// A part of a query: code, or something in quotes or a comment.
struct Part<'t> {
    text: &'t str,
    is_code: bool,
}

fn parts(sql: &str, dialect: Dialect) -> Vec<Part<'_>> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(letter) = sql[at..].chars().next() {
        match quoted(&sql[at..], &sql[start..at], dialect) {
            Some(length) => {
                parts.push(Part { text: &sql[start..at], is_code: true });
                parts.push(Part { text: &sql[at..at + length], is_code: false });
                at += length;
                start = at;
            }
            None => at += letter.len_utf8(),
        }
    }
    parts.push(Part { text: &sql[start..], is_code: true });
    parts
}

/// Returns the length of the text in quotes or the comment that begins here, if one does; `before` is the code before.
fn quoted(rest: &str, before: &str, dialect: Dialect) -> Option<usize> {
    let (postgres, mysql) = (dialect == Dialect::Postgres, dialect == Dialect::MySql);
    let first = rest.chars().next()?;
    match first {
        '\'' => {
            let has_prefix = before.ends_with(['e', 'E']) && !before.chars().rev().nth(1).is_some_and(is_of_word);
            Some(until_quote(rest, '\'', mysql || postgres && has_prefix))
        }
        '"' => Some(until_quote(rest, '"', mysql)),
        '`' if !postgres => Some(until_quote(rest, '`', false)),
        '[' if dialect == Dialect::Sqlite => Some(until(rest, "]")),
        '#' if mysql => Some(until(rest, "\n")),
        '-' if rest.starts_with("--") => {
            // In MySQL two signs without a space are a difference with a negative number.
            let is_comment = !mysql || !rest[2..].starts_with(|letter: char| !letter.is_whitespace());
            is_comment.then(|| until(rest, "\n"))
        }
        '/' if rest.starts_with("/*") => Some(until_comment_end(rest, postgres)),
        '$' if postgres && !before.ends_with(is_of_word) => {
            let tag = &rest[..word(&rest[1..]).len() + 2].strip_suffix('$')?;
            let starts_with_digit = tag[1..].starts_with(|letter: char| letter.is_ascii_digit());
            let mark = format!("{tag}$");
            (!starts_with_digit).then(|| mark.len() + until(&rest[mark.len()..], &mark))
        }
        _ => None,
    }
}

/// Returns the length up to and with the end, or all of it.
fn until(text: &str, end: &str) -> usize {
    text.find(end).map_or(text.len(), |at| at + end.len())
}

/// Returns the length of a text in quotes, in which quotes are doubled.
fn until_quote(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let is_doubled = letter == quote && letters.peek().is_some_and(|(_, next)| *next == quote);
        if is_doubled || letter == '\\' && has_escapes {
            letters.next();
        } else if letter == quote {
            return at + quote.len_utf8();
        }
    }
    text.len()
}

fn until_comment_end(text: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let Some(next) = text[at..].find("*/") else { return text.len() };
        match text[at..at + next].find("/*") {
            Some(inner) if nests => {
                depth += 1;
                at += inner + 2;
            }
            _ => {
                depth -= 1;
                at += next + 2;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(count: i64) -> Params {
        Params::List((1..=count).map(Datum::Int).collect())
    }

    fn map(names: &[&str]) -> Params {
        Params::Map(names.iter().map(|name| ((*name).to_owned(), Datum::Text((*name).to_owned()))).collect())
    }

    #[test]
    fn places_are_found_outside_quotes_and_comments() {
        use Dialect::{MySql, Postgres, Sqlite};
        let cases = [
            (Sqlite, "a = ? AND b = '?' -- ?\nAND c = ?", list(2), "a = <1> AND b = '?' -- ?\nAND c = <2>"),
            (Sqlite, "\"a?\" = ? AND [b?] = `c?` /* ? */", list(1), "\"a?\" = <1> AND [b?] = `c?` /* ? */"),
            (Sqlite, "a = ?2 AND b = ?1", list(2), "a = <2> AND b = <1>"),
            (Sqlite, "a = 'it''s ?' AND b = ?", list(1), "a = 'it''s ?' AND b = <1>"),
            (Sqlite, "a % 2 = ? AND b LIKE '%%s'", list(1), "a % 2 = <1> AND b LIKE '%%s'"),
            (
                Sqlite,
                "a = :a OR b = :a OR c = ':b' OR d = :b",
                map(&["a", "b"]),
                "a = <1> OR b = <1> OR c = ':b' OR d = <2>",
            ),
            (Postgres, "a = %s AND b LIKE '%%x' AND c ? 'k'", list(1), "a = <1> AND b LIKE '%x' AND c ? 'k'"),
            (Postgres, "a = $1 AND b ? 'k'", list(1), "a = <1> AND b ? 'k'"),
            (
                Postgres,
                "a = ? AND b = $$?$$ AND c = $x$ $$ ? $x$",
                list(1),
                "a = <1> AND b = $$?$$ AND c = $x$ $$ ? $x$",
            ),
            (Postgres, "a = E'\\' ''?' AND b = ?", list(1), "a = E'\\' ''?' AND b = <1>"),
            (Postgres, "/* ? /* ? */ ? */ a = ?", list(1), "/* ? /* ? */ ? */ a = <1>"),
            (Postgres, "a::int = :a AND b[1:2] = %s", map(&["a"]), "a::int = <1> AND b[1:2] = %s"),
            (
                Postgres,
                "a = %(a)s AND b::date = '%%' AND c = ':a'",
                map(&["a"]),
                "a = <1> AND b::date = '%' AND c = ':a'",
            ),
            (MySql, "a = ? # ?\n AND b = 'x\\' ?' AND c = ?", list(2), "a = <1> # ?\n AND b = 'x\\' ?' AND c = <2>"),
            (MySql, "a = 1--? AND b = \"?\"", list(1), "a = 1--<1> AND b = \"?\""),
            (MySql, "a = %s AND b = %(x)s", list(1), "a = <1> AND b = %(x)s"),
        ];
        for (dialect, sql, params, expected) in cases {
            let bound = Bound::new(sql, Some(&params), dialect).unwrap();
            assert_eq!(bound.numbered(|value| format!("<{}>", value + 1)), expected);
        }
        let none = Bound::new("a LIKE '%%' AND b ? 'k'", None, Postgres).unwrap();
        assert_eq!(none.in_order().0, "a LIKE '%%' AND b ? 'k'");
        let twice = map(&["a", "b"]);
        let bound = Bound::new(":b = :a OR :b", Some(&twice), MySql).unwrap();
        let text = |name: &str| Datum::Text(name.to_owned());
        assert_eq!(bound.in_order(), ("? = ? OR ?".to_owned(), vec![&text("b"), &text("a"), &text("b")]));
    }

    #[test]
    fn values_and_places_that_do_not_fit_are_told() {
        let cases = [
            ("a = ? AND b = ?", Some(list(1)), "`sql` has 2 places for values, and `params` has 1 value"),
            ("a = 1", Some(list(2)), "`sql` has 0 places for values, and `params` has 2 values"),
            ("a = ?", None, "`sql` has 1 place for values, and `params` has 0 values"),
            ("a = :name", Some(map(&["nam"])), "`sql` has a place `name` that `params` has no value for"),
            ("a = :a", Some(map(&["a", "b"])), "`params` has a value `b` that no place in `sql` takes"),
        ];
        for (sql, params, expected) in cases {
            assert_eq!(Bound::new(sql, params.as_ref(), Dialect::Sqlite).unwrap_err().to_string(), expected);
        }
    }
}
