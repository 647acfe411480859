//! Overrides of the command line: a last layer above all files.
//!
//! They are applied one after the other when the files are merged and their copies resolved, and before scripts run.
//! Each is a layer of its own: its value may hold factories, copies of what is there, and placeholders.

use std::path::Path;
use std::sync::Arc;

use palladium_value::{Code, Data, Diagnostic, Entry, Map, Source, Span, Value, is_secret_key, nearest};

use crate::environment::Reader;
use crate::expand::Surroundings;
use crate::{merge, ron};

/// One change of a configuration from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// `path.to.key=VALUE`: adds or replaces; VALUE is RON. `path.0.key` steps into lists, maps that are missing on
    /// the way are made. A path that leads through anything else is an error.
    Set(String),
    /// `path.to.key`: removes an entry of a map or an item of a list, which has to be there.
    Unset(String),
}

/// Applies overrides in their order.
pub(crate) fn apply(
    mut root: Map,
    overrides: &[Override],
    directory: &Path,
    reader: &Reader,
    findings: &mut Vec<Diagnostic>,
) -> Map {
    let surroundings = Surroundings { here: directory.to_str(), reader };
    let (mut n_set, mut n_unset) = (0, 0);
    for change in overrides {
        let outcome = match change {
            Override::Set(text) => {
                n_set += 1;
                set(&root, &Source::new(format!("--set {n_set}"), text.as_str()), &surroundings)
            }
            Override::Unset(text) => {
                n_unset += 1;
                unset(&root, &Source::new(format!("--unset {n_unset}"), text.as_str()))
            }
        };
        match outcome {
            Ok(Change::Layer(layer)) => root = merge::merge(vec![root, layer], findings),
            Ok(Change::Gone(key)) => drop(root.shift_remove(&key)),
            Err(found) => findings.extend(found),
        }
        if !findings.is_empty() {
            // What follows may be meant for what this one would have made.
            return root;
        }
    }
    root
}

/// What an override does to the root.
enum Change {
    /// This layer is laid over it.
    Layer(Map),
    /// It loses a key.
    Gone(String),
}

/// A path of the command line and where its segments stand.
struct Target<'a> {
    source: &'a Arc<Source>,
    segments: Vec<(&'a str, Span)>,
}

impl<'a> Target<'a> {
    fn parse(source: &'a Arc<Source>, text: &'a str) -> Result<Target<'a>, Diagnostic> {
        let mut segments = Vec::new();
        let mut start = 0;
        for segment in text.split('.') {
            let span = Span::new(source, start..start + segment.len());
            if segment.trim().is_empty() {
                let finding = Diagnostic::new(Code::BadArguments, "the path has an empty key").at(&span, "");
                return Err(finding.help("write keys with dots between them, such as `model.C`"));
            }
            // Both spellings of the factory are one key.
            segments.push((if segment == "__factory__" { "!" } else { segment }, span));
            start += segment.len() + 1;
        }
        Ok(Target { source, segments })
    }

    fn span(&self) -> Span {
        let end = self.segments.last().map_or(0, |(_, span)| span.range().end);
        Span::new(self.source, 0..end)
    }

    /// Returns the beginning of the path up to a segment, for messages.
    fn until(&self, depth: usize) -> String {
        self.segments[..depth].iter().map(|(segment, _)| *segment).collect::<Vec<_>>().join(".")
    }
}

fn set(root: &Map, source: &Arc<Source>, surroundings: &Surroundings<'_>) -> Result<Change, Vec<Diagnostic>> {
    let text = source.text();
    let Some(end) = text.find('=') else {
        let finding = Diagnostic::new(Code::BadArguments, "`--set` needs `path=VALUE`");
        let finding = finding.at(&Span::new(source, 0..text.len()), "there is no `=`");
        return Err(vec![finding.help("write `--set model.C=0.5`, `--set 'name=\"text\"'`")]);
    };
    let path = Target::parse(source, &text[..end]).map_err(|finding| vec![finding])?;
    let value = ron::read_value(source, end + 1, surroundings).map_err(|findings| {
        findings.into_iter().map(|finding| advise(finding, &path, &text[end + 1..])).collect::<Vec<_>>()
    })?;
    let (first, key_span) = path.segments[0].clone();
    let mut entry = root
        .get(first)
        .cloned()
        .unwrap_or_else(|| Entry { key_span: key_span.clone(), value: Value::new(Data::Map(Map::new()), path.span()) });
    if path.segments.len() == 1 {
        entry = Entry { key_span, value };
    } else {
        put(&mut entry.value, &path, 1, value).map_err(|finding| vec![finding])?;
    }
    Ok(Change::Layer(Map::from_iter([(first.to_owned(), entry)])))
}

/// Adds how a value is written that is no RON and may be meant as text; a shell takes quotes away.
fn advise(mut finding: Diagnostic, path: &Target<'_>, value: &str) -> Diagnostic {
    let value = value.trim();
    if finding.code != Code::Syntax || value.is_empty() || value.contains(['"', '\'', '(', '[', '{', '\\', '\n']) {
        return finding;
    }
    let name = path.until(path.segments.len());
    let is_whole = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if let Some((whole, part)) = value.split_once(',')
        && is_whole(whole.trim_start_matches(['+', '-']))
        && is_whole(part)
    {
        return finding.help(format!("the decimal sign is a point: `--set {name}={whole}.{part}`"));
    }
    let is_secret = path.segments.iter().any(|(segment, _)| is_secret_key(segment));
    let shown = if is_secret { "…" } else { value };
    let is_bare_word = value.chars().all(|sign| sign.is_alphanumeric() || sign == '_');
    if !is_bare_word {
        finding.help.clear();
    }
    finding.help(format!("text needs quotes: `--set '{name}=\"{shown}\"'`"))
}

/// Puts a value under the segments of a path from `depth` on.
fn put(target: &mut Value, path: &Target<'_>, depth: usize, value: Value) -> Result<(), Diagnostic> {
    let (segment, span) = &path.segments[depth];
    let is_last = depth + 1 == path.segments.len();
    let next = match &mut target.data {
        Data::Map(map) if is_last => {
            map.insert((*segment).to_owned(), Entry { key_span: span.clone(), value });
            return Ok(());
        }
        Data::Map(map) => {
            let missing = || Entry { key_span: span.clone(), value: Value::new(Data::Map(Map::new()), path.span()) };
            &mut map.entry((*segment).to_owned()).or_insert_with(missing).value
        }
        Data::List(items) => {
            let count = items.len();
            match segment.parse::<usize>() {
                Ok(index) if is_last && index == count => {
                    items.push(value);
                    return Ok(());
                }
                Ok(index) if is_last && index < count => {
                    items[index] = value;
                    return Ok(());
                }
                Ok(index) if index < count => &mut items[index],
                _ => return Err(no_item(segment, span, path, depth, count, is_last)),
            }
        }
        _ => return Err(no_keys(target, span, path, depth)),
    };
    put(next, path, depth + 1, value)
}

fn no_item(segment: &str, span: &Span, path: &Target<'_>, depth: usize, count: usize, may_add: bool) -> Diagnostic {
    let list = path.until(depth);
    let items = if count == 1 { "1 item".to_owned() } else { format!("{count} items") };
    let message = format!("`{list}` is a list of {items} and has no item `{segment}`");
    let last = if may_add { Some(count) } else { count.checked_sub(1) };
    let help = match last {
        Some(last) if may_add => format!("items count from 0; `{list}.{last}` adds one"),
        Some(last) => format!("items count from 0 to {last}"),
        None => format!("`{list}.0={{…}}` adds the first one"),
    };
    Diagnostic::new(Code::BadArguments, message).at(span, "").help(help)
}

fn no_keys(target: &Value, span: &Span, path: &Target<'_>, depth: usize) -> Diagnostic {
    let name = path.until(depth);
    Diagnostic::new(Code::BadArguments, format!("`{name}` is {}, which has no keys", target.describe()))
        .at(span, "")
        .also(&target.span, "it stands here")
        .help(format!("`--set '{name}={{…}}'` replaces it"))
}

fn unset(root: &Map, source: &Arc<Source>) -> Result<Change, Vec<Diagnostic>> {
    let path = Target::parse(source, source.text()).map_err(|finding| vec![finding])?;
    let (first, span) = path.segments[0].clone();
    let Some(entry) = root.get(first) else { return Err(vec![not_there(root, &path, 0, &span)]) };
    if path.segments.len() == 1 {
        return Ok(Change::Gone(first.to_owned()));
    }
    let mut entry = entry.clone();
    take(&mut entry.value, &path, 1).map_err(|finding| vec![finding])?;
    Ok(Change::Layer(Map::from_iter([(first.to_owned(), entry)])))
}

/// Removes what stands under the segments of a path from `depth` on.
fn take(target: &mut Value, path: &Target<'_>, depth: usize) -> Result<(), Diagnostic> {
    let (segment, span) = &path.segments[depth];
    let is_last = depth + 1 == path.segments.len();
    let next = match &mut target.data {
        Data::Map(map) if is_last && map.contains_key(*segment) => {
            map.shift_remove(*segment);
            return Ok(());
        }
        Data::Map(map) => match map.get_index_of(*segment) {
            Some(index) => &mut map[index].value,
            None => return Err(not_there(map, path, depth, span)),
        },
        Data::List(items) => {
            let count = items.len();
            match segment.parse::<usize>().ok().filter(|index| *index < count) {
                Some(index) if is_last => {
                    items.remove(index);
                    return Ok(());
                }
                Some(index) => &mut items[index],
                None => return Err(no_item(segment, span, path, depth, count, false)),
            }
        }
        _ => return Err(no_keys(target, span, path, depth)),
    };
    take(next, path, depth + 1)
}

fn not_there(map: &Map, path: &Target<'_>, depth: usize, span: &Span) -> Diagnostic {
    let (segment, _) = path.segments[depth];
    let place = if depth == 0 { "the configuration".to_owned() } else { format!("`{}`", path.until(depth)) };
    let label = match nearest(segment, map.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => String::new(),
    };
    Diagnostic::new(Code::MissingKey, format!("{place} has no key `{segment}` to remove")).at(span, label)
}
