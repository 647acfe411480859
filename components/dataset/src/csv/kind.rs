//! The types that columns can be declared to have.

use palladium_component::prelude::*;

/// The type of a column as `dtype` declares it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kind {
    /// The name that the configuration uses.
    pub(crate) name: String,
    /// What it stands for.
    pub(crate) goal: Goal,
}

/// What a column becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// What its cells are.
    Infer,
    /// Whole numbers in a range.
    Int {
        /// The smallest.
        low: i64,
        /// The greatest.
        high: i64,
        /// Whether cells may be missing.
        nullable: bool,
    },
    /// Numbers.
    Float {
        /// Whether they have the precision of 32 bits.
        single: bool,
    },
    /// Flags.
    Bool {
        /// Whether cells may be missing.
        nullable: bool,
    },
    /// Texts as they are written.
    Text,
    /// Texts of which each is stored once.
    Category,
    /// Days.
    Date,
    /// Dates and times.
    Time(Zoned),
}

/// Whether times have a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zoned {
    /// All or none of them.
    Either,
    /// None.
    Never,
    /// All; one without is in UTC.
    Always,
}

/// Names that are worth listing.
const KNOWN: &[&str] = &[
    "int64",
    "Int64",
    "float64",
    "float32",
    "bool",
    "boolean",
    "str",
    "object",
    "category",
    "int",
    "float",
    "text",
    "date",
    "timestamp",
    "timestamp_utc",
];

impl FromArgument for Kind {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let name = value.as_text().ok_or_else(|| Mismatch::wrong("the name of a type", value))?;
        let refused = |message: String, label: &str| {
            Err(Mismatch::Refused { message, value: value.clone(), label: label.to_owned() })
        };
        if name.starts_with("datetime64") || name == "M8[ns]" {
            let message = format!("`{name}` is no type to be read, for dates are written in many ways");
            return refused(message, "name the column in `parse_dates` instead");
        }
        if name.starts_with("complex") || name.starts_with("timedelta") || name.starts_with("period") {
            return refused(format!("tables hold no columns of type `{name}`"), "read it as `str`");
        }
        match goal(name) {
            Some(goal) => Ok(Kind { name: name.to_owned(), goal }),
            None => Err(Mismatch::wrong(format!("a type: {}", listed(KNOWN)), value)),
        }
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn goal(name: &str) -> Option<Goal> {
    let integers = |low, high, nullable| Some(Goal::Int { low, high, nullable });
    let nullable = name.starts_with(['I', 'U', 'F']);
    match name {
        "int" | "int64" | "Int64" | "i8" | "<i8" => integers(i64::MIN, i64::MAX, nullable),
        "int32" | "Int32" | "i4" => integers(i32::MIN.into(), i32::MAX.into(), nullable),
        "int16" | "Int16" | "i2" => integers(i16::MIN.into(), i16::MAX.into(), nullable),
        "int8" | "Int8" | "i1" => integers(i8::MIN.into(), i8::MAX.into(), nullable),
        "uint64" | "UInt64" | "u8" => integers(0, i64::MAX, nullable),
        "uint32" | "UInt32" | "u4" => integers(0, u32::MAX.into(), nullable),
        "uint16" | "UInt16" | "u2" => integers(0, u16::MAX.into(), nullable),
        "uint8" | "UInt8" | "u1" => integers(0, u8::MAX.into(), nullable),
        "float" | "float64" | "Float64" | "double" | "f8" | "<f8" => Some(Goal::Float { single: false }),
        "float32" | "Float32" | "single" | "f4" | "<f4" => Some(Goal::Float { single: true }),
        "bool" => Some(Goal::Bool { nullable: false }),
        "boolean" => Some(Goal::Bool { nullable: true }),
        "str" | "object" | "string" | "text" | "O" | "U" => Some(Goal::Text),
        "category" => Some(Goal::Category),
        "date" => Some(Goal::Date),
        "timestamp" => Some(Goal::Time(Zoned::Never)),
        "timestamp_utc" => Some(Goal::Time(Zoned::Always)),
        _ => None,
    }
}

impl Goal {
    /// Returns what each cell has to be, in words.
    pub(crate) fn expected(self) -> String {
        match self {
            Goal::Int { low: i64::MIN, .. } => "a whole number".into(),
            Goal::Int { low, high, .. } => format!("a whole number from {low} to {high}"),
            Goal::Float { .. } => "a number".into(),
            Goal::Bool { .. } => "a flag, 0 or 1".into(),
            Goal::Date => "a date".into(),
            Goal::Time(Zoned::Never) => "a date or a time without a time zone".into(),
            Goal::Time(_) => "a date or a time".into(),
            Goal::Infer | Goal::Text | Goal::Category => "text".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_known() {
        for name in KNOWN {
            assert!(goal(name).is_some(), "{name}");
        }
        assert_eq!(goal("number"), None);
    }
}
