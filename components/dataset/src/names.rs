//! Names of columns as an argument.

use palladium_component::ParamType;
use palladium_component::prelude::*;

/// The names of columns: one as text, or several as a list.
#[derive(Clone, Debug)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl FromArgument for Names {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::List(&ParamType::Text)]);

    fn from_argument(value: &Value) -> Result<Names, Mismatch> {
        match value.as_text() {
            Some(name) => Ok(Names(vec![name.to_owned()])),
            None => Vec::from_argument(value).map(Names).map_err(|_| Mismatch::wrong(Self::TYPE, value)),
        }
    }
}
