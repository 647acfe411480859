//! What a path that names nothing probably meant.

use palladium_value::{Code, Data, Diagnostic, Map, Span, Value, nearest};

use crate::limits::SUGGESTED_PATHS;

/// Where a path is searched.
pub(crate) struct Inputs<'a> {
    pub(crate) file: &'a Map,
    pub(crate) before: &'a Map,
    pub(crate) later: &'a [Map],
    /// Whether a nearer path is searched too, which takes time.
    pub(crate) is_searched: bool,
}

/// Returns the finding about a path that names nothing in an input and those before it. It is written at a place, in
/// the entry `own`, which is no better path: it would copy itself.
pub(crate) fn missing(path: &str, place: &Span, own: &str, inputs: &Inputs<'_>) -> Diagnostic {
    let Inputs { file, before, later, is_searched } = *inputs;
    let message = format!("`__copy__` names `{path}`, which does not exist");
    let diagnostic = Diagnostic::new(Code::CopyTargetMissing, message).at(place, "");
    let segments: Vec<&str> = path.split('.').collect();
    if let Some(value) = later.iter().find_map(|input| follow(input, &segments)) {
        return diagnostic
            .also(&value.span, format!("`{path}` stands here, in a later file"))
            .note("a file sees itself and the files before it, never a later one")
            .help("name the other file first, or put the copy into the later file");
    }
    let near = || {
        let sibling = [file, before].iter().find_map(|root| sibling(root, &segments, own));
        sibling.or_else(|| anywhere(path, file, before, own))
    };
    match is_searched.then(near).flatten() {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("`__default__` beside it gives a value for this case"),
    }
}

fn follow<'a>(root: &'a Map, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(&root.get(*first)?.value, |value, segment| value.get(segment))
}

/// Returns the path with its first wrong key replaced by the nearest one in the same map.
fn sibling(root: &Map, path: &[&str], own: &str) -> Option<String> {
    let own: Vec<&str> = own.split('.').collect();
    let mut map = root;
    for (index, segment) in path.iter().enumerate() {
        match map.get(*segment) {
            Some(entry) => map = entry.value.as_map()?,
            None => {
                let is_own = |key: &str| own.split_last() == Some((&key, &path[..index]));
                let keys = map.keys().map(String::as_str).filter(|key| !key.starts_with("__") && !is_own(key));
                let mut corrected = path[..index].to_vec();
                corrected.push(nearest(segment, keys)?);
                corrected.extend(&path[index + 1..]);
                return follow(root, &corrected).map(|_| corrected.join("."));
            }
        }
    }
    None
}

/// Returns the path nearest to one of all there are.
fn anywhere(path: &str, file: &Map, before: &Map, own: &str) -> Option<String> {
    let mut paths = Vec::new();
    for root in [file, before] {
        collect(root, "", &mut paths);
    }
    nearest(path, paths.iter().map(String::as_str).filter(|path| *path != own)).map(str::to_owned)
}

fn collect(map: &Map, prefix: &str, paths: &mut Vec<String>) {
    for (key, entry) in map {
        if paths.len() >= SUGGESTED_PATHS {
            return;
        }
        if key == "!" || key.starts_with("__") {
            continue;
        }
        let path = format!("{prefix}{key}");
        if let Data::Map(inner) = &entry.value.data {
            collect(inner, &format!("{path}."), paths);
        }
        paths.push(path);
    }
}
