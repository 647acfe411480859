//! What the data of several loaders depend on.

use std::sync::Arc;

use palladium_component::prelude::*;

/// Returns what the data of all these loaders depend on together; nothing where one of them cannot say.
pub(crate) fn inputs_of<'a>(
    loaders: impl IntoIterator<Item = &'a Arc<dyn DatasetLoader>>,
) -> Result<Option<Vec<Input>>, Failure> {
    let inputs = loaders.into_iter().map(|loader| loader.inputs()).collect::<Result<Option<Vec<_>>, _>>()?;
    Ok(inputs.map(|inputs| inputs.into_iter().flatten().collect()))
}
