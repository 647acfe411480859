//! Answers of MySQL and MariaDB. Values arrive in the binary format of their protocol:
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>.

use chrono::NaiveDate;
use futures_util::TryStreamExt;
use palladium_component::prelude::*;
use sqlx::error::BoxDynError;
use sqlx::mysql::types::MySqlTime;
use sqlx::mysql::{MySql, MySqlArguments, MySqlColumn, MySqlConnection, MySqlTypeInfo, MySqlValueRef};
use sqlx::{
    Arguments, AssertSqlSafe, Column as _, Decode, Executor, Row, SqlSafeStr, Statement, Type, TypeInfo, ValueRef,
};

use super::SqlError;
use super::answer::Answer;
use super::cells::{CellError, Cells, broken, fixed, widened};
use super::load::Request;
use super::options::Datum;
use super::places::Dialect;
use super::server::Asking;

/// Adds a value to a column.
type Push = fn(MySqlValueRef<'_>, &mut Cells) -> Result<(), CellError>;

/// Asks a query, whose rows are read if `with_rows` says so.
pub(super) async fn ask(
    connection: &mut MySqlConnection,
    request: &Request<'_>,
    place: &str,
    with_rows: bool,
) -> Result<Answer, Asking> {
    let bound = request.bound(Dialect::MySql)?;
    let (sql, values) = bound.in_order();
    let statement = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await.map_err(Asking::Library)?;
    let columns = statement.columns().iter().map(|column| decoding(column, request.coerce_float));
    let (cells, pushes): (Vec<_>, Vec<_>) = columns.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let mut answer = Answer::new(&request.what(place), cells, &request.shape)?;
    if with_rows {
        let arguments = arguments(&values).map_err(|error| Asking::Library(sqlx::Error::Encode(error)))?;
        let mut rows = statement.query_with(arguments).fetch(connection);
        while let Some(row) = rows.try_next().await.map_err(Asking::Library)? {
            answer.push_row(|column, cells| {
                let value = row.try_get_raw(column).map_err(|_| broken())?;
                // A date of zeros counts as missing.
                match value.is_null() {
                    true => cells.push_missing(),
                    false => pushes[column](value, cells)?,
                }
                Ok(())
            })?;
        }
    }
    Ok(answer)
}

fn arguments(values: &[&Datum]) -> Result<MySqlArguments, BoxDynError> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match value {
            Datum::Null => arguments.add(None::<String>)?,
            Datum::Bool(flag) => arguments.add(*flag)?,
            Datum::Int(number) => arguments.add(*number)?,
            Datum::Float(number) => arguments.add(*number)?,
            Datum::Text(text) => arguments.add(text.as_str())?,
        }
    }
    Ok(arguments)
}

/// Returns a column and how its values are read.
fn decoding(column: &MySqlColumn, coerce_float: bool) -> Result<(Cells, Push), SqlError> {
    let info = column.type_info();
    let declared = info.name();
    let (kind, push): (ColumnType, Push) = match declared {
        "BOOLEAN" => (ColumnType::Bool, if is_unsigned(info) { unsigned } else { signed }),
        "BIT" => (ColumnType::Int, bits),
        "YEAR" => (ColumnType::Int, unsigned),
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => (ColumnType::Int, signed),
        _ if declared.ends_with(" UNSIGNED") => (ColumnType::Int, unsigned),
        "FLOAT" => {
            (ColumnType::Float, |value, cells| cells.push_float(widened(f32::from_le_bytes(fixed(bytes(value)?)?))))
        }
        "DOUBLE" => (ColumnType::Float, |value, cells| cells.push_float(f64::from_le_bytes(fixed(bytes(value)?)?))),
        "DECIMAL" if coerce_float => (ColumnType::Float, |value, cells| {
            let text = std::str::from_utf8(bytes(value)?).map_err(|_| broken())?;
            cells.push_float(text.parse().map_err(|_| broken())?)
        }),
        "DATE" => (ColumnType::Date, date),
        "DATETIME" => (ColumnType::Timestamp, time),
        "TIMESTAMP" => (ColumnType::TimestampUtc, time),
        "TIME" => (ColumnType::Text, |value, cells| {
            let time = <MySqlTime as Decode<'_, MySql>>::decode(value).map_err(|_| broken())?;
            cells.push_text(&time.to_string())
        }),
        "ENUM" => (ColumnType::Category, text),
        "DECIMAL" | "SET" | "JSON" | "NULL" => (ColumnType::Text, text),
        // Bytes and texts that are compared byte by byte have the same name.
        _ if <str as Type<MySql>>::compatible(info) => (ColumnType::Text, text),
        _ => return Err(unsupported(column.name(), declared)),
    };
    Ok((Cells::new(column.name().to_owned(), declared.to_owned(), Some(kind)), push))
}

fn unsupported(column: &str, declared: &str) -> SqlError {
    let advice = match declared {
        "GEOMETRY" => format!("leave it out, or read it as text: `ST_AsText({column})`"),
        _ => format!("leave it out, or read it as text: `CAST({column} AS CHAR)` or `HEX({column})`"),
    };
    SqlError::Unsupported { column: column.to_owned(), declared: declared.to_owned(), advice }
}

/// The library tells it of types alone: whether they take unsigned numbers.
fn is_unsigned(info: &MySqlTypeInfo) -> bool {
    <u64 as Type<MySql>>::compatible(info)
}

fn bytes(value: MySqlValueRef<'_>) -> Result<&[u8], CellError> {
    <&[u8] as Decode<'_, MySql>>::decode(value).map_err(|_| broken())
}

fn text(value: MySqlValueRef<'_>, cells: &mut Cells) -> Result<(), CellError> {
    cells.push_text(std::str::from_utf8(bytes(value)?).map_err(|_| broken())?)
}

fn signed(value: MySqlValueRef<'_>, cells: &mut Cells) -> Result<(), CellError> {
    let number = match bytes(value)? {
        bytes @ [_] => i64::from(i8::from_le_bytes(fixed(bytes)?)),
        bytes @ [_, _] => i64::from(i16::from_le_bytes(fixed(bytes)?)),
        bytes @ [_, _, _, _] => i64::from(i32::from_le_bytes(fixed(bytes)?)),
        bytes => i64::from_le_bytes(fixed(bytes)?),
    };
    cells.push_int(number)
}

fn unsigned(value: MySqlValueRef<'_>, cells: &mut Cells) -> Result<(), CellError> {
    let bytes = bytes(value)?;
    if bytes.len() > 8 {
        return Err(broken());
    }
    push_unsigned(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)), cells)
}

/// Reads bits as a whole number, the first of which is its highest.
fn bits(value: MySqlValueRef<'_>, cells: &mut Cells) -> Result<(), CellError> {
    let bytes = bytes(value)?;
    if bytes.len() > 8 {
        return Err(broken());
    }
    push_unsigned(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), cells)
}

fn push_unsigned(number: u64, cells: &mut Cells) -> Result<(), CellError> {
    let signed = i64::try_from(number).map_err(|_| {
        let what = format!("the whole number {number}, which is beyond 9223372036854775807");
        CellError::unusable(what, "cast the column: `CAST(… AS CHAR)` keeps each digit, `CAST(… AS DOUBLE)` rounds")
    })?;
    cells.push_int(signed)
}

/// A date or time, behind the number of its bytes.
fn after_length(bytes: &[u8]) -> Result<&[u8], CellError> {
    match bytes.split_first() {
        Some((length, rest)) if usize::from(*length) == rest.len() => Ok(rest),
        _ => Err(broken()),
    }
}

fn day(bytes: &[u8]) -> Result<NaiveDate, CellError> {
    let [low, high, month, day] = fixed(bytes)?;
    let year = u16::from_le_bytes([low, high]);
    NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day)).ok_or_else(|| {
        let what = format!("{year:04}-{month:02}-{day:02}, which is no day of the calendar");
        CellError::unusable(what, "correct it, or read it as text: `CAST(… AS CHAR)`")
    })
}

fn date(value: MySqlValueRef<'_>, cells: &mut Cells) -> Result<(), CellError> {
    let bytes = after_length(bytes(value)?)?;
    let date = day(bytes.get(..4).ok_or_else(broken)?)?;
    cells.push_date(date.to_epoch_days())
}

fn time(value: MySqlValueRef<'_>, cells: &mut Cells) -> Result<(), CellError> {
    let bytes = after_length(bytes(value)?)?;
    let (date, rest) = bytes.split_at_checked(4).ok_or_else(broken)?;
    let (clock, microseconds) = match rest.len() {
        0 => ([0; 3], 0),
        3 => (fixed(rest)?, 0),
        7 => (fixed(&rest[..3])?, u32::from_le_bytes(fixed(&rest[3..])?)),
        _ => return Err(broken()),
    };
    let [hour, minute, second] = clock.map(u32::from);
    let time = day(date)?.and_hms_micro_opt(hour, minute, second, microseconds).ok_or_else(broken)?;
    cells.push_time(time.and_utc().timestamp_micros())
}
