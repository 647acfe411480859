//! Lists that are kept as parts of other ones.

use std::sync::Arc;

use palladium_component::value::{Copied, Data, Span, Value};

/// Tells whether a list under a root key is a part of what stands under other keys: it or one of its items is copied
/// there, or a script has put all of its items there.
pub fn is_part(root: &Value, key: &str, list: &Value) -> bool {
    let others =
        || root.as_map().into_iter().flatten().filter(|(other, _)| *other != key).map(|(_, entry)| &entry.value);
    let items = list.as_list().unwrap_or_default();
    let is_copied = |part: &Value| others().any(|other| has_copy(other, part));
    let is_scripted = |item: &Value| {
        let lists = || others().filter_map(|other| Some((other, other.as_list()?)));
        let has_put =
            |other: &Value, found: &Value| is_same(&found.span, &other.span) || is_changed(other, &other.span);
        lists().any(|(other, items)| items.iter().any(|found| found == item && has_put(other, found)))
    };
    is_copied(list) || items.iter().any(is_copied) || (!items.is_empty() && items.iter().all(is_scripted))
}

/// Tells whether a script has changed what was written at a place: it does not stand there.
fn is_changed(value: &Value, place: &Span) -> bool {
    let is_outside = |value: &Value| {
        let (range, place_range) = (value.span.range(), place.range());
        let is_within = place_range.start <= range.start && range.end <= place_range.end;
        !Arc::ptr_eq(value.span.source(), place.source()) || !is_within
    };
    // What was copied is written elsewhere, too.
    value.copied.is_none()
        && (is_outside(value)
            || match &value.data {
                Data::List(items) => items.iter().any(|item| is_changed(item, place)),
                Data::Map(map) => map.values().any(|entry| is_changed(&entry.value, place)),
                _ => false,
            })
}

/// Tells whether there is a copy of a part in a value.
fn has_copy(value: &Value, part: &Value) -> bool {
    if is_copy(value, part) {
        return true;
    }
    match &value.data {
        Data::List(items) => items.iter().any(|item| has_copy(item, part)),
        Data::Map(map) => map.values().any(|entry| has_copy(&entry.value, part)),
        _ => false,
    }
}

/// Tells whether a value was copied from a part, maybe by way of other copies, and not the other way round.
fn is_copy(value: &Value, part: &Value) -> bool {
    let before = |copy: &Arc<Copied>| copy.earlier.clone();
    let mut copies = std::iter::successors(value.copied.clone(), before);
    is_same(&value.span, &part.span)
        && copies.any(|copy| match (&copy.earlier, &part.copied) {
            (None, None) => true,
            (Some(earlier), Some(own)) => Arc::ptr_eq(earlier, own),
            _ => false,
        })
}

/// Tells whether two values were written at the same place.
fn is_same(one: &Span, other: &Span) -> bool {
    Arc::ptr_eq(one.source(), other.source()) && one.range() == other.range()
}
