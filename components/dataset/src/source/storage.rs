//! The parameter `storage`: how files are reached, and how large they may become.

use palladium_component::prelude::*;
use palladium_component::value::nearest;
use palladium_component::{Range, Record, describe};

/// How many bytes a file may have that is unpacked, unless `storage` says otherwise.
const MAX_SIZE: i64 = 16 << 30;

/// Options of the place that files are read from.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    /// How many bytes a compressed file may become.
    pub(super) max_size: u64,
}

const MAX_SIZE_FIELD: Param = field(
    "max_size",
    ParamType::Int,
    Literal::Int(MAX_SIZE),
    Range { min: Some(1.0), ..Range::ANY },
    "How many bytes a compressed file may become when it is unpacked.",
);

static STORAGE: Record = Record { name: "a map of options of the storage", fields: &[MAX_SIZE_FIELD] };

const fn field(name: &'static str, kind: ParamType, default: Literal, range: Range, docs: &'static str) -> Param {
    Param { name, aliases: &[], docs, kind, default: Some(default), range, rest: false }
}

impl Default for Storage {
    fn default() -> Storage {
        Storage { max_size: MAX_SIZE as u64 }
    }
}

impl FromArgument for Storage {
    const TYPE: ParamType = ParamType::Record(&STORAGE);

    fn from_argument(value: &Value) -> Result<Storage, Mismatch> {
        let map = value.as_map().ok_or_else(|| Mismatch::wrong(Self::TYPE, value))?;
        check_keys(map)?;
        let default = Storage::default();
        Ok(Storage { max_size: read(map, &MAX_SIZE_FIELD)?.unwrap_or(default.max_size) })
    }
}

/// Checks that all keys are known.
fn check_keys(map: &Map) -> Result<(), Mismatch> {
    let names = || STORAGE.fields.iter().map(|field| field.name);
    let Some((key, entry)) = map.iter().find(|(key, _)| !names().any(|name| name == key.as_str())) else {
        return Ok(());
    };
    let label = match nearest(key, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    let value = Value { span: entry.key_span.clone(), ..entry.value.clone() };
    Err(Mismatch::Refused { message: format!("there is no option `{key}`"), value, label })
}

/// Reads what stands under a key; nothing means that it is not given, or null.
fn read<T: FromArgument>(map: &Map, field: &Param) -> Result<Option<T>, Mismatch> {
    let Some(value) = map.get(field.name).map(|entry| &entry.value).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let refused = |message: String, value: &Value, label: String| Mismatch::Refused {
        message: format!("`{}` has to be {message}", field.name),
        value: value.clone(),
        label,
    };
    if value.as_float().is_some_and(|number| !field.range.contains(number)) {
        return Err(refused(field.range.to_string(), value, "out of range".to_owned()));
    }
    T::from_argument(value).map(Some).map_err(|mismatch| match mismatch {
        Mismatch::Wrong { expected, value } => refused(expected, &value, format!("this is {}", describe(&value))),
        Mismatch::OutOfRange { range, value } => refused(range, &value, "out of range".to_owned()),
        mismatch => mismatch,
    })
}
