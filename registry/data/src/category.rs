//! Columns of categories: codes into the distinct texts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::ArrowError;

use crate::DataError;

/// Returns a column of categories without missing texts: a cell whose text is missing becomes a missing cell. Every other
/// column stays as it is.
pub(crate) fn plain(column: ArrayRef) -> ArrayRef {
    let Some(categories) = column.as_dictionary_opt::<Int32Type>() else { return column };
    if categories.values().null_count() == 0 {
        return column;
    }
    let codes = Int32Array::new(categories.keys().values().clone(), categories.logical_nulls());
    match DictionaryArray::try_new(codes, Arc::clone(categories.values())) {
        Ok(categories) => Arc::new(categories),
        // The codes are those of before, or fewer.
        Err(_) => column,
    }
}

/// Returns the texts of the categories, which may be more than the cells have, and may be there twice.
pub(crate) fn texts(categories: &DictionaryArray<Int32Type>) -> &StringArray {
    categories.values().as_string()
}

/// Returns a column of categories in which each text is stored once.
///
/// # Errors
/// More different texts than there are codes.
pub(crate) fn distinct(categories: &DictionaryArray<Int32Type>) -> Result<DictionaryArray<Int32Type>, DataError> {
    let texts = texts(categories);
    let mut codes: HashMap<&str, i32> = HashMap::with_capacity(texts.len());
    let mut kept: Vec<&str> = Vec::with_capacity(texts.len());
    let mut new_codes = Vec::with_capacity(texts.len());
    for text in texts {
        // No cell has a missing text, so that any code does for it.
        let Some(text) = text else {
            new_codes.push(0);
            continue;
        };
        let code = match codes.get(text) {
            Some(code) => *code,
            None => {
                let code = i32::try_from(kept.len()).map_err(|error| DataError::TooLarge(error.to_string()))?;
                codes.insert(text, code);
                kept.push(text);
                code
            }
        };
        new_codes.push(code);
    }
    if kept.len() == texts.len() {
        return Ok(categories.clone());
    }
    let too_large = |error: ArrowError| DataError::TooLarge(error.to_string());
    // What stands under a missing cell is left to chance.
    let renumbered = |code: i32| usize::try_from(code).ok().and_then(|code| new_codes.get(code)).copied().unwrap_or(0);
    let keys = categories.keys();
    let codes = keys.values().iter().map(|code| renumbered(*code)).collect::<Vec<_>>();
    let codes = Int32Array::new(codes.into(), keys.nulls().cloned());
    DictionaryArray::try_new(codes, Arc::new(StringArray::from(kept))).map_err(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_text_is_a_missing_cell() {
        let codes = Int32Array::from(vec![Some(0), Some(1), None]);
        let texts = StringArray::from(vec![None, Some("a")]);
        let column: ArrayRef = Arc::new(DictionaryArray::new(codes, Arc::new(texts)));
        let plain = plain(column);
        assert_eq!((0..3).map(|row| plain.is_null(row)).collect::<Vec<_>>(), [true, false, true]);
        let distinct = distinct(plain.as_dictionary()).unwrap();
        assert_eq!((distinct.values().len(), distinct.keys().value(1)), (1, 0));
    }

    #[test]
    fn each_text_is_stored_once() {
        let codes = Int32Array::from(vec![Some(2), Some(1), None, Some(0), Some(3)]);
        let texts = StringArray::from(vec!["b", "a", "b", "c"]);
        let column = DictionaryArray::new(codes, Arc::new(texts));
        let distinct = distinct(&column).unwrap();
        assert_eq!(distinct.keys(), &Int32Array::from(vec![Some(0), Some(1), None, Some(0), Some(2)]));
        assert_eq!(distinct.values().as_string::<i32>(), &StringArray::from(vec!["b", "a", "c"]));
    }
}
