//! Answers of PostgreSQL. Values arrive in its binary format:
//! <https://www.postgresql.org/docs/current/datatype.html>.

use futures_util::TryStreamExt;
use palladium_component::prelude::*;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArguments, PgColumn, PgConnection, PgTypeInfo, PgTypeKind, Postgres};
use sqlx::{
    Arguments, AssertSqlSafe, Column as _, Either, Executor, Row, SqlSafeStr, Statement, Type, TypeInfo, ValueRef,
};

use super::SqlError;
use super::answer::Answer;
use super::cells::{CellError, Cells, broken, fixed, widened};
use super::load::Request;
use super::options::Datum;
use super::places::{Bound, Dialect};
use super::server::Asking;

/// Adds a value in the binary format to a column.
type Push = fn(&[u8], &mut Cells) -> Result<(), CellError>;

/// Asks a query, whose rows are read if `with_rows` says so.
pub(super) async fn ask(
    connection: &mut PgConnection,
    request: &Request<'_>,
    place: &str,
    with_rows: bool,
) -> Result<Answer, Asking> {
    let bound = request.bound(Dialect::Postgres)?;
    let (sql, types) = typed(connection, &bound).await.map_err(Asking::Library)?;
    let statement =
        connection.prepare_with(AssertSqlSafe(sql).into_sql_str(), &types).await.map_err(Asking::Library)?;
    let columns = statement.columns().iter().map(|column| decoding(column, request.coerce_float));
    let (cells, pushes): (Vec<_>, Vec<_>) = columns.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let mut answer = Answer::new(&request.what(place), cells, &request.shape)?;
    if with_rows {
        let arguments = arguments(&bound).map_err(|error| Asking::Library(sqlx::Error::Encode(error)))?;
        let mut rows = statement.query_with(arguments).fetch(connection);
        while let Some(row) = rows.try_next().await.map_err(Asking::Library)? {
            answer.push_row(|column, cells| {
                let value = row.try_get_raw(column).map_err(|_| broken())?;
                match value.is_null() {
                    true => cells.push_missing(),
                    false => pushes[column](value.as_bytes().map_err(|_| broken())?, cells)?,
                }
                Ok(())
            })?;
        }
    }
    Ok(answer)
}

/// Returns a query with types for its values. Numbers are of the types that they would have in the query; a text is of
/// whatever type its place asks for, as one in quotes would be, and so is null.
async fn typed(connection: &mut PgConnection, bound: &Bound<'_>) -> Result<(String, Vec<PgTypeInfo>), sqlx::Error> {
    let sql = bound.numbered(|value| format!("${}", value + 1));
    let given: Vec<Option<PgTypeInfo>> = bound.values.iter().map(|value| own_type(value)).collect();
    if given.iter().all(Option::is_some) {
        return Ok((sql, given.into_iter().flatten().collect()));
    }
    let found = asked_types(connection, &sql, bound, &given).await?;
    let sql = bound.numbered(|value| {
        let place = format!("${}", value + 1);
        match (given.get(value), found.get(value).map(TypeInfo::name)) {
            (Some(Some(_)), _) => place,
            (_, None | Some("TEXT" | "UNKNOWN" | "?")) => format!("CAST({place} AS TEXT)"),
            (_, Some(name)) => format!("CAST(CAST({place} AS TEXT) AS {name})"),
        }
    });
    Ok((sql, given.into_iter().map(|given| given.unwrap_or_else(type_of::<String>)).collect()))
}

/// Returns the types that the places of a query ask for, nothing where the server does not know.
async fn asked_types(
    connection: &mut PgConnection,
    sql: &str,
    bound: &Bound<'_>,
    given: &[Option<PgTypeInfo>],
) -> Result<Vec<PgTypeInfo>, sqlx::Error> {
    /// The code of an error: nothing tells the type of a place.
    const INDETERMINATE: &str = "42P18";
    // Where a null may be of any type, as before `IS NULL`, it is a text.
    for nulls_are_open in [true, false] {
        let types = given.iter().zip(&bound.values).map(|(given, value)| match given {
            Some(given) => given.clone(),
            None if **value == Datum::Null && !nulls_are_open => type_of::<String>(),
            None => PgTypeInfo::with_oid(Oid(0)),
        });
        let types: Vec<PgTypeInfo> = types.collect();
        match connection.prepare_with(AssertSqlSafe(sql.to_owned()).into_sql_str(), &types).await {
            Ok(asked) => return Ok(asked.parameters().and_then(Either::left).unwrap_or_default().to_vec()),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INDETERMINATE) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Vec::new())
}

/// Returns the type of a value that has one of its own.
fn own_type(value: &Datum) -> Option<PgTypeInfo> {
    match value {
        Datum::Null | Datum::Text(_) => None,
        Datum::Bool(_) => Some(type_of::<bool>()),
        Datum::Int(number) if i32::try_from(*number).is_ok() => Some(type_of::<i32>()),
        Datum::Int(_) => Some(type_of::<i64>()),
        Datum::Float(_) => Some(type_of::<f64>()),
    }
}

fn type_of<T: Type<Postgres>>() -> PgTypeInfo {
    T::type_info()
}

fn arguments(bound: &Bound<'_>) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    for value in &bound.values {
        match value {
            Datum::Null => arguments.add(None::<String>)?,
            Datum::Bool(flag) => arguments.add(*flag)?,
            Datum::Int(number) => match i32::try_from(*number) {
                Ok(number) => arguments.add(number)?,
                Err(_) => arguments.add(*number)?,
            },
            Datum::Float(number) => arguments.add(*number)?,
            Datum::Text(text) => arguments.add(text.clone())?,
        }
    }
    Ok(arguments)
}

/// Returns a column and how its values are read.
fn decoding(column: &PgColumn, coerce_float: bool) -> Result<(Cells, Push), SqlError> {
    let mut info = column.type_info();
    while let PgTypeKind::Domain(base) = info.kind() {
        info = base;
    }
    let (kind, push): (ColumnType, Push) = match (info.kind(), info.name()) {
        (PgTypeKind::Enum(_), _) => (ColumnType::Category, text),
        (_, "BOOL") => (ColumnType::Bool, |bytes, cells| cells.push_bool(fixed::<1>(bytes)? != [0])),
        (_, "INT2") => (ColumnType::Int, |bytes, cells| cells.push_int(i16::from_be_bytes(fixed(bytes)?).into())),
        (_, "INT4") => (ColumnType::Int, |bytes, cells| cells.push_int(i32::from_be_bytes(fixed(bytes)?).into())),
        (_, "INT8") => (ColumnType::Int, |bytes, cells| cells.push_int(i64::from_be_bytes(fixed(bytes)?))),
        (_, "OID") => (ColumnType::Int, |bytes, cells| cells.push_int(u32::from_be_bytes(fixed(bytes)?).into())),
        (_, "FLOAT4") => {
            (ColumnType::Float, |bytes, cells| cells.push_float(widened(f32::from_be_bytes(fixed(bytes)?))))
        }
        (_, "FLOAT8") => (ColumnType::Float, |bytes, cells| cells.push_float(f64::from_be_bytes(fixed(bytes)?))),
        (_, "NUMERIC") if coerce_float => {
            (ColumnType::Float, |bytes, cells| cells.push_float(decimal(bytes)?.parse().map_err(|_| broken())?))
        }
        (_, "NUMERIC") => (ColumnType::Text, |bytes, cells| cells.push_text(&decimal(bytes)?)),
        (_, "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "\"CHAR\"" | "UNKNOWN" | "JSON" | "XML" | "xml" | "citext") => {
            (ColumnType::Text, text)
        }
        (_, "JSONB") => (ColumnType::Text, |bytes, cells| text(bytes.get(1..).ok_or_else(broken)?, cells)),
        (_, "UUID") => (ColumnType::Text, |bytes, cells| cells.push_text(&uuid(fixed(bytes)?))),
        (_, "BIT" | "VARBIT") => (ColumnType::Text, |bytes, cells| cells.push_text(&bits(bytes)?)),
        (_, "DATE") => (ColumnType::Date, date),
        (_, "TIME") => {
            (ColumnType::Text, |bytes, cells| cells.push_text(&time_of_day(i64::from_be_bytes(fixed(bytes)?))))
        }
        (_, "TIMESTAMP") => (ColumnType::Timestamp, timestamp),
        (_, "TIMESTAMPTZ") => (ColumnType::TimestampUtc, timestamp),
        (_, declared) => return Err(unsupported(column.name(), declared)),
    };
    Ok((Cells::new(column.name().to_owned(), info.name().to_owned(), Some(kind)), push))
}

fn unsupported(column: &str, declared: &str) -> SqlError {
    let advice = match declared {
        "BYTEA" => format!("leave it out, or read it as text: `encode({column}, 'hex')`"),
        "INTERVAL" => format!("read it in seconds: `EXTRACT(EPOCH FROM {column})`"),
        "MONEY" => format!("cast it: `CAST({column} AS NUMERIC)`"),
        _ => format!("leave it out, or cast it: `CAST({column} AS TEXT)`"),
    };
    SqlError::Unsupported { column: column.to_owned(), declared: declared.to_owned(), advice }
}

fn text(bytes: &[u8], cells: &mut Cells) -> Result<(), CellError> {
    cells.push_text(std::str::from_utf8(bytes).map_err(|_| broken())?)
}

/// Days from 1970 to 2000, from which PostgreSQL counts.
const DAYS_TO_2000: i32 = 10_957;

fn date(bytes: &[u8], cells: &mut Cells) -> Result<(), CellError> {
    let days = match i32::from_be_bytes(fixed(bytes)?) {
        i32::MIN | i32::MAX => None,
        days => days.checked_add(DAYS_TO_2000),
    };
    cells.push_date(days.ok_or_else(infinite)?)
}

fn timestamp(bytes: &[u8], cells: &mut Cells) -> Result<(), CellError> {
    let microseconds = match i64::from_be_bytes(fixed(bytes)?) {
        i64::MIN | i64::MAX => None,
        microseconds => microseconds.checked_add(i64::from(DAYS_TO_2000) * 86_400_000_000),
    };
    cells.push_time(microseconds.ok_or_else(infinite)?)
}

fn infinite() -> CellError {
    CellError::unusable("a date that is infinite", "replace it: `NULLIF(…, 'infinity')`")
}

fn time_of_day(microseconds: i64) -> String {
    let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { time } else { format!("{time}.{fraction:06}").trim_end_matches('0').to_owned() }
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Reads how many bits there are, and the bits.
fn bits(bytes: &[u8]) -> Result<String, CellError> {
    let (count, bytes) = bytes.split_at_checked(4).ok_or_else(broken)?;
    let count = usize::try_from(i32::from_be_bytes(fixed(count)?)).map_err(|_| broken())?;
    if count.div_ceil(8) != bytes.len() {
        return Err(broken());
    }
    let bit = |index: usize| if bytes[index / 8] >> (7 - index % 8) & 1 == 1 { '1' } else { '0' };
    Ok((0..count).map(bit).collect())
}

/// Returns a decimal number as it is written. It arrives as groups of four digits: how many there are, which power of
/// 10,000 the first one has, the sign, how many digits follow the point, and the groups.
fn decimal(bytes: &[u8]) -> Result<String, CellError> {
    let mut words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let mut next = || words.next().ok_or_else(broken);
    let (count, weight, sign, scale) = (next()?, next()?.cast_signed(), next()?, next()?);
    let mut text = match sign {
        0x0000 => String::new(),
        0x4000 => "-".to_owned(),
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("inf".to_owned()),
        0xF000 => return Ok("-inf".to_owned()),
        _ => return Err(broken()),
    };
    let groups: Vec<u16> = words.collect();
    if groups.len() != usize::from(count) || groups.iter().any(|group| *group > 9999) {
        return Err(broken());
    }
    let weight = i32::from(weight);
    let group = |power: i32| usize::try_from(weight - power).ok().and_then(|index| groups.get(index)).copied();
    let mut whole: String = (0..=weight).rev().map(|power| format!("{:04}", group(power).unwrap_or(0))).collect();
    whole = whole.trim_start_matches('0').to_owned();
    text.push_str(if whole.is_empty() { "0" } else { &whole });
    if scale > 0 {
        let n_groups = i32::from(scale).div_euclid(4) + 1;
        let digits: String = (1..=n_groups).map(|power| format!("{:04}", group(-power).unwrap_or(0))).collect();
        text.push('.');
        text.push_str(&digits[..usize::from(scale)]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn decimals_keep_their_digits() {
        let minus_one = u16::MAX;
        let cases: [(&[u16], &str); 9] = [
            (&[0, 0, 0, 0], "0"),
            (&[0, 0, 0, 2], "0.00"),
            (&[2, 1, 0, 0, 1, 2345], "12345"),
            (&[1, 1, 0, 0, 12], "120000"),
            (&[2, 0, 0x4000, 2, 12, 5000], "-12.50"),
            (&[1, minus_one, 0, 4, 1], "0.0001"),
            (&[1, minus_one - 1, 0, 8, 1], "0.00000001"),
            (&[1, minus_one, 0, 1, 5000], "0.5"),
            (&[0, 0, 0xC000, 0], "NaN"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decimal(&words(bytes)).unwrap(), expected);
        }
        for wrong in [&[1, 0, 0, 0][..], &[1, 0, 1, 0, 5], &[1, 0, 0, 0, 10_000], &[1]] {
            assert_eq!(decimal(&words(wrong)), Err(broken()));
        }
    }

    #[test]
    fn other_values_are_written_as_the_server_does() {
        assert_eq!(widened(0.1), 0.1);
        assert_eq!(widened(f32::MAX), 3.4028235e38);
        assert!(widened(f32::NAN).is_nan() && widened(f32::NEG_INFINITY) == f64::NEG_INFINITY);
        assert_eq!(time_of_day(3_723_000_001), "01:02:03.000001");
        assert_eq!(time_of_day(3_723_500_000), "01:02:03.5");
        assert_eq!(time_of_day(86_400_000_000), "24:00:00");
        assert_eq!(bits(&[0, 0, 0, 3, 0b1010_0000]).unwrap(), "101");
        assert_eq!(bits(&[0, 0, 0, 9, 0]), Err(broken()));
        assert_eq!(uuid([0x12; 16]), "12121212-1212-1212-1212-121212121212");
    }
}
