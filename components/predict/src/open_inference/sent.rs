//! JSON that clients send, read so that what is wrong with it can be told in words: which entry, what was expected of it,
//! and what it is.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is expected in the place of an entry. What is of another sort is skipped, and is nothing.
pub trait Expected: Sized {
    /// In words.
    const WORDS: &'static str;

    fn of_flag(_: bool) -> Option<Self> {
        None
    }

    fn of_whole(_: u64) -> Option<Self> {
        None
    }

    fn of_text(_: &str) -> Option<Self> {
        None
    }

    fn of_list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn of_object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Option<Self>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Expected for bool {
    const WORDS: &'static str = "true or false";

    fn of_flag(flag: bool) -> Option<bool> {
        Some(flag)
    }
}

impl Expected for u64 {
    const WORDS: &'static str = "a whole number from 0 on";

    fn of_whole(number: u64) -> Option<u64> {
        Some(number)
    }
}

impl Expected for String {
    const WORDS: &'static str = "text";

    fn of_text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl<T: Expected> Expected for Vec<Sent<T>> {
    const WORDS: &'static str = "a list";

    fn of_list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Vec<Sent<T>>>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Some(list))
    }
}

/// A list whose items are read another time.
#[derive(Debug)]
pub struct List;

impl Expected for List {
    const WORDS: &'static str = "a list";

    fn of_list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<List>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(List))
    }
}

/// What stands in the place of an entry: what is expected there, or what it is instead.
#[derive(Debug)]
pub enum Sent<T> {
    Expected(T),
    Other(Cow<'static, str>),
}

impl<T: Expected> Sent<T> {
    /// Returns what is expected at this place.
    ///
    /// # Errors
    /// It is something else; in words.
    pub fn at(self, place: impl fmt::Display) -> Result<T, String> {
        match self {
            Sent::Expected(value) => Ok(value),
            Sent::Other(found) => Err(format!("{place} has to be {}, it is {found}", T::WORDS)),
        }
    }
}

impl<'de, T: Expected> Deserialize<'de> for Sent<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sent<T>, D::Error> {
        struct Any<T>(PhantomData<T>);

        impl<T> Any<T> {
            fn or<E>(value: Option<T>, found: impl Into<Cow<'static, str>>) -> Result<Sent<T>, E> {
                Ok(value.map_or_else(|| Sent::Other(found.into()), Sent::Expected))
            }
        }

        impl<'de, T: Expected> Visitor<'de> for Any<T> {
            type Value = Sent<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(T::WORDS)
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Sent<T>, E> {
                Any::or(T::of_flag(flag), if flag { "true" } else { "false" })
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Sent<T>, E> {
                Any::or(u64::try_from(number).ok().and_then(T::of_whole), format!("the number {number}"))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Sent<T>, E> {
                Any::or(T::of_whole(number), format!("the number {number}"))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Sent<T>, E> {
                Any::or(None, format!("the number {number}"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Sent<T>, E> {
                Any::or(T::of_text(text), "text")
            }

            fn visit_unit<E: Error>(self) -> Result<Sent<T>, E> {
                Any::or(None, "null")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Sent<T>, A::Error> {
                Any::or(T::of_list(items)?, "a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Sent<T>, A::Error> {
                Any::or(T::of_object(entries)?, "an object")
            }
        }

        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// Declares the entries of an object: each may be missing or null, and others are skipped. `twice` is the name of one
/// that is given twice.
macro_rules! object {
    ($(#[$docs:meta])* $type:ident { $($entry:ident: $expected:ty,)* }) => {
        $(#[$docs])*
        #[derive(Debug, Default)]
        struct $type {
            $($entry: Option<$crate::open_inference::sent::Sent<$expected>>,)*
            twice: Option<&'static str>,
        }

        impl $crate::open_inference::sent::Expected for $type {
            const WORDS: &'static str = "an object";

            fn of_object<'de, A: serde::de::MapAccess<'de>>(mut entries: A) -> Result<Option<$type>, A::Error> {
                let (mut object, mut names) = ($type::default(), Vec::new());
                while let Some(name) = entries.next_key::<String>()? {
                    match name.as_str() {
                        $(stringify!($entry) => {
                            if names.contains(&stringify!($entry)) {
                                object.twice = Some(stringify!($entry));
                            }
                            names.push(stringify!($entry));
                            object.$entry = entries.next_value()?;
                        })*
                        _ => drop(entries.next_value::<serde::de::IgnoredAny>()?),
                    }
                }
                Ok(Some(object))
            }
        }
    };
}
pub(super) use object;

/// Returns an entry of an object at a place, which may be missing.
///
/// # Errors
/// It is something else than it has to be; in words.
pub fn entry<T: Expected>(sent: Option<Sent<T>>, name: &str, place: &str) -> Result<Option<T>, String> {
    sent.map(|sent| sent.at(format_args!("`{name}` of {place}"))).transpose()
}

/// Returns an entry of an object at a place, which has to be there.
///
/// # Errors
/// It is missing or something else than it has to be; in words.
pub fn needed<T: Expected>(sent: Option<Sent<T>>, name: &str, place: &str) -> Result<T, String> {
    entry(sent, name, place)?.ok_or_else(|| format!("{place} has no `{name}`"))
}

/// Checks that nothing of an object at a place is given twice.
///
/// # Errors
/// It is; in words.
pub fn once(twice: Option<&str>, place: &str) -> Result<(), String> {
    twice.map_or(Ok(()), |name| Err(format!("{place} has `{name}` twice")))
}

/// Reads JSON.
///
/// # Errors
/// It is none; in words.
pub fn read<T: Expected>(json: &[u8]) -> Result<Sent<T>, String> {
    serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = if error.is_eof() { "it ends" } else { "it is no JSON" };
        format!("{what} at line {line}, column {column}")
    })
}
