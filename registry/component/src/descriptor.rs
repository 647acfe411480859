//! What is known about a component without constructing it.

use std::fmt;

use palladium_interfaces::{Component, Kind};

use crate::Args;

/// What is known about a component: the source of argument checks, manual pages and the catalogue.
#[derive(Debug)]
pub struct Descriptor {
    /// The full dotted name.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// What it is for.
    pub kind: Kind,
    /// The manual page: its first line is the summary.
    pub docs: &'static str,
    /// What it can be given, in the order of declaration.
    pub params: &'static [Param],
    /// What it could be given in earlier versions, or in the Python original.
    pub gone: &'static [Gone],
    /// Where it is declared.
    pub origin: Origin,
    /// Reads the arguments and constructs it; findings stay in the arguments.
    pub make: fn(&mut Args<'_>) -> Option<Component>,
}

/// A parameter of a component.
#[derive(Debug)]
pub struct Param {
    /// The name in configurations.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// What it means.
    pub docs: &'static str,
    /// What it accepts.
    pub kind: ParamType,
    /// What stands in when it is not given; a parameter without default is required.
    pub default: Option<Literal>,
    /// The range of a number.
    pub range: Range,
    /// Whether it takes all arguments that no other parameter takes.
    pub rest: bool,
}

/// A parameter that a component does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The name in old configurations.
    pub name: &'static str,
    /// What to do instead, as advice to whoever still gives it.
    pub advice: &'static str,
}

/// The range of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The number is this or greater.
    pub min: Option<f64>,
    /// The number is greater than this.
    pub above: Option<f64>,
    /// The number is this or smaller.
    pub max: Option<f64>,
    /// The number is smaller than this.
    pub below: Option<f64>,
}

/// A default value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// Null.
    Null,
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(&'static str),
    /// A list.
    List(&'static [Literal]),
}

/// What a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamType {
    /// A flag.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A text.
    Text,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list.
    List(&'static ParamType),
    /// A list of two.
    Pair(&'static ParamType, &'static ParamType),
    /// A map from text.
    Map(&'static ParamType),
    /// A map with certain keys.
    Record(&'static Record),
    /// A component.
    Component(Kind),
    /// A function: one of a script, or a component by its name.
    Function,
    /// One of several types.
    OneOf(&'static [ParamType]),
    /// Anything or null.
    Optional(&'static ParamType),
    /// Anything.
    Any,
}

/// A map with certain keys.
#[derive(Debug)]
pub struct Record {
    /// What such a map is, with an article.
    pub name: &'static str,
    /// Its keys.
    pub fields: &'static [Param],
}

/// Where a component is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The crate.
    pub krate: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

impl Descriptor {
    /// Returns the first line of the manual page.
    pub fn summary(&self) -> &'static str {
        self.docs.lines().next().unwrap_or("").trim()
    }

    /// Returns the name and all aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl ParamType {
    /// Returns the keys of the map that is accepted, if it is one with certain keys.
    pub fn fields(&self) -> &'static [Param] {
        match self {
            ParamType::Record(record) => record.fields,
            ParamType::Optional(inner) => inner.fields(),
            _ => &[],
        }
    }
}

/// Two are the same if they are called the same.
impl PartialEq for Record {
    fn eq(&self, other: &Record) -> bool {
        self.name == other.name
    }
}

impl Param {
    /// Returns the name and all aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Tells whether it has to be given.
    pub fn is_required(&self) -> bool {
        self.default.is_none() && !self.rest
    }
}

impl Range {
    /// Any number.
    pub const ANY: Range = Range { min: None, above: None, max: None, below: None };

    /// Tells whether a number is in the range; NaN is in no range but [`Range::ANY`].
    pub fn contains(&self, number: f64) -> bool {
        self.min.is_none_or(|min| number >= min)
            && self.above.is_none_or(|above| number > above)
            && self.max.is_none_or(|max| number <= max)
            && self.below.is_none_or(|below| number < below)
    }
}

/// `at least 0 and at most 1`; empty for any number.
impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = [
            self.min.map(|min| format!("at least {min}")),
            self.above.map(|above| format!("greater than {above}")),
            self.max.map(|max| format!("at most {max}")),
            self.below.map(|below| format!("less than {below}")),
        ];
        formatter.write_str(&bounds.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}

/// As it is written in RON.
impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => formatter.write_str("None"),
            Literal::Bool(flag) => write!(formatter, "{flag}"),
            Literal::Int(number) => write!(formatter, "{number}"),
            Literal::Float(number) => write!(formatter, "{number:?}"),
            Literal::Text(text) => write!(formatter, "{text:?}"),
            Literal::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(formatter, "[{}]", items.join(", "))
            }
        }
    }
}

/// In words: `a number`, `a list of text`.
impl fmt::Display for ParamType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |choices: &[&str]| choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>();
        match self {
            ParamType::Bool => formatter.write_str("a flag"),
            ParamType::Int => formatter.write_str("a whole number"),
            ParamType::Float => formatter.write_str("a number"),
            ParamType::Text => formatter.write_str("text"),
            ParamType::Choice(choices) => formatter.write_str(&quoted(choices).join(" or ")),
            ParamType::List(item) => write!(formatter, "a list of {}", Plural(item)),
            ParamType::Pair(first, second) => write!(formatter, "a pair of {first} and {second}"),
            ParamType::Map(value) => write!(formatter, "a map of {}", Plural(value)),
            ParamType::Record(record) => formatter.write_str(record.name),
            ParamType::Component(kind) => formatter.write_str(&kind.with_article()),
            ParamType::Function => formatter.write_str("a function"),
            ParamType::OneOf(types) => {
                let types: Vec<String> = types.iter().map(ToString::to_string).collect();
                formatter.write_str(&types.join(" or "))
            }
            ParamType::Optional(inner) => write!(formatter, "{inner} or null"),
            ParamType::Any => formatter.write_str("any value"),
        }
    }
}

/// A type as the contents of a list.
struct Plural<'a>(&'a ParamType);

impl fmt::Display for Plural<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ParamType::Bool => formatter.write_str("flags"),
            ParamType::Int => formatter.write_str("whole numbers"),
            ParamType::Float => formatter.write_str("numbers"),
            ParamType::Any => formatter.write_str("any values"),
            ParamType::Pair(first, second) => write!(formatter, "pairs of {first} and {second}"),
            ParamType::Component(kind) => write!(formatter, "{kind}s"),
            ParamType::Function => formatter.write_str("functions"),
            several @ (ParamType::OneOf(_) | ParamType::Optional(_)) => write!(formatter, "({several})"),
            other => write!(formatter, "{other}"),
        }
    }
}
