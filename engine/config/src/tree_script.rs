//! `__rhai__`: scripts that change the merged tree before anything is built from it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use palladium_value::{Code, Data, Diagnostic, Entry, KeyPath, Map, Span, Value};
use rhai::{AST, Dynamic, FnPtr, Scope};

use crate::Extend;
use crate::environment::Reader;
use crate::limits;
use crate::locate::Text;
use crate::printed::Printed;
use crate::rhai_file::{Machine, Names, Sandbox, failure, on_a_large_stack, our_words};
use crate::rhai_functions::{Functions, of_pointer};
use crate::rhai_names::at_colon;
use crate::rhai_spans::{Lines, Written};
use crate::rhai_values::{Importer, is_same, scalar};
use crate::script::{Opaque, to_dynamic};

/// The names under which a script finds the tree.
const NAMES: [&str; 3] = ["C", "cfg", "config"];

/// All names that a script finds.
const ALL_NAMES: [&str; 5] = ["C", "cfg", "config", "here", "environ"];

/// The text of a script and where it stands.
struct Script {
    text: String,
    span: Span,
    path: KeyPath,
}

/// What scripts need besides the tree.
pub(crate) struct Surroundings<'a> {
    pub(crate) reader: &'a Arc<Reader>,
    pub(crate) printed: &'a Arc<Printed>,
    pub(crate) extend: &'a Option<Extend>,
    /// The files, whose folders are known.
    pub(crate) texts: &'a [Text],
}

/// Runs all scripts of a tree, children before parents, and returns where they stand.
///
/// Values that no script changed keep their places, others have the place of the script that changed them.
pub(crate) fn run(root: &mut Map, surroundings: &Surroundings<'_>, findings: &mut Vec<Diagnostic>) -> Vec<Span> {
    let mut scripts = Vec::new();
    take_from(root, &KeyPath::root(), &mut scripts, findings);
    if scripts.is_empty() || !findings.is_empty() {
        return Vec::new();
    }
    let tree = std::mem::take(root);
    let result = on_a_large_stack(|| run_all(tree, &scripts, surroundings));
    match result {
        Ok(Ok(tree)) => *root = tree,
        Ok(Err(failed)) => findings.extend(failed),
        Err(stopped) => findings.push(stopped.at(&scripts[0].span, "")),
    }
    scripts.into_iter().map(|script| script.span).collect()
}

/// Removes the scripts from a map and what is in it, in the order in which they run.
fn take_from(map: &mut Map, path: &KeyPath, scripts: &mut Vec<Script>, findings: &mut Vec<Diagnostic>) {
    for (key, entry) in map.iter_mut() {
        take_from_value(&mut entry.value, path, key, scripts, findings);
    }
    let Some(entry) = map.shift_remove("__rhai__") else { return };
    match entry.value.data {
        Data::Text(text) => scripts.push(Script { text, span: entry.value.span, path: path.clone() }),
        _ => findings.push(
            Diagnostic::new(Code::ScriptFailed, format!("a script is text, this is {}", entry.value.describe()))
                .at_value(&entry.value, "")
                .in_key(path),
        ),
    }
}

fn take_from_value(
    value: &mut Value,
    parent: &KeyPath,
    key: &str,
    scripts: &mut Vec<Script>,
    findings: &mut Vec<Diagnostic>,
) {
    match &mut value.data {
        Data::Map(map) => take_from(map, &parent.join(key), scripts, findings),
        Data::List(items) if items.iter().any(|item| matches!(item.data, Data::Map(_) | Data::List(_))) => {
            let path = parent.join(key);
            for (index, item) in items.iter_mut().enumerate() {
                take_from_value(item, &path, &index.to_string(), scripts, findings);
            }
        }
        _ => {}
    }
}

fn run_all(mut tree: Map, scripts: &[Script], surroundings: &Surroundings<'_>) -> Result<Map, Vec<Diagnostic>> {
    let deadline = Instant::now() + limits::RHAI_TIME;
    let shared = Dynamic::from_map(export_map(&tree)).into_shared();
    let mut machines: HashMap<Option<&PathBuf>, (Machine, Sandbox)> = HashMap::new();
    for script in scripts {
        let text = surroundings.texts.iter().find(|text| Arc::ptr_eq(&text.source, script.span.source()));
        let directory = text.map(|text| &text.directory);
        let (machine, sandbox) = machines.entry(directory).or_insert_with(|| {
            let (reader, printed) = (Arc::clone(surroundings.reader), Arc::clone(surroundings.printed));
            let extend = surroundings.extend.clone();
            let sandbox = Sandbox { directory: directory.cloned(), reader, printed, extend };
            let machine = sandbox.machine();
            machine.stop_at(deadline);
            (machine, sandbox)
        });
        let code = Written::Literal(script.text.clone(), script.span.clone());
        let (ast, scope) =
            run_one(script, &code, &shared, machine, sandbox).map_err(|finding| vec![finding.in_key(&script.path)])?;
        let modules = Arc::clone(&machine.modules);
        let functions = Functions { ast: &ast, scope: &scope, code, modules, sandbox, program: OnceLock::new() };
        let mut importer = Importer { spans: None, functions: Some(&functions), findings: Vec::new() };
        let changed =
            shared.as_map_ref().map(|map| import_map(&tree, &map, script, &mut importer, 1, &KeyPath::root()));
        match changed {
            Ok(changed) => tree = changed,
            Err(_) => return Err(vec![not_a_map(script)]),
        }
        if !importer.findings.is_empty() {
            return Err(importer.findings);
        }
    }
    Ok(tree)
}

fn run_one(
    script: &Script,
    code: &Written,
    tree: &Dynamic,
    machine: &mut Machine,
    sandbox: &Sandbox,
) -> Result<(AST, Scope<'static>), Diagnostic> {
    let engine = &mut machine.engine;
    engine.set_max_map_size(limits::RHAI_LITERAL_ENTRIES);
    let ast = engine.compile(&script.text).map_err(|error| {
        let message = format!("the script is not Rhai: {}", our_words(&error.err_type().to_string()));
        let span = code.place(error.position()).unwrap_or_else(|| script.span.clone());
        let finding = Diagnostic::new(Code::ScriptFailed, message).at(&span, "");
        let offset = Lines::new(&script.text).offset(error.position());
        let advice = offset.and_then(|offset| at_colon(&script.text, offset));
        advice.into_iter().fold(finding, Diagnostic::help)
    })?;
    engine.set_max_map_size(limits::RHAI_MAP_ENTRIES);
    let mut scope = sandbox.scope();
    for name in NAMES {
        scope.push_dynamic(name, tree.clone());
    }
    engine.run_ast_with_scope(&mut scope, &ast).map_err(|error| {
        let mut names = Names { engine: &machine.engine, variables: &ALL_NAMES, keys: Vec::new() };
        let keys = tree.as_map_ref().map(|map| keys_of(&map)).unwrap_or_default();
        names.keys = keys.iter().map(String::as_str).collect();
        let finding = failure(*error, code, &machine.modules, &sandbox.reader, &names);
        if finding.labels.is_empty() { finding.at(&script.span, "in this script") } else { finding }
    })?;
    Ok((ast, scope))
}

/// Returns the keys of a tree as a script sees it, as far as there are not too many.
fn keys_of(map: &rhai::Map) -> Vec<String> {
    let mut found: Vec<String> = map.keys().map(ToString::to_string).collect();
    for value in map.values() {
        if found.len() > limits::SUGGESTED_PATHS {
            break;
        }
        if let Ok(inner) = value.as_map_ref() {
            found.extend(keys_of(&inner));
        }
    }
    found
}

fn not_a_map(script: &Script) -> Diagnostic {
    Diagnostic::new(Code::NotAMap, "the script put something else in the place of the whole configuration")
        .at(&script.span, "")
        .help("change the entries of `C`")
}

fn export_map(map: &Map) -> rhai::Map {
    map.iter().map(|(key, entry)| (key.as_str().into(), to_dynamic(&entry.value))).collect()
}

/// Converts a map back: old keys in their order, then new ones.
fn import_map(
    old: &Map,
    new: &rhai::Map,
    script: &Script,
    importer: &mut Importer<'_>,
    depth: usize,
    path: &KeyPath,
) -> Map {
    let mut map = Map::with_capacity(new.len());
    for (key, entry) in old {
        if let Some(value) = new.get(key.as_str()) {
            let value = import(&entry.value, value, script, importer, depth, (path, key));
            map.insert(key.clone(), Entry { key_span: entry.key_span.clone(), value });
        }
    }
    for (key, value) in new {
        if !old.contains_key(key.as_str()) {
            let value = importer.value(value, None, &script.span, &path.join(key), depth);
            map.insert(key.to_string(), Entry { key_span: script.span.clone(), value });
        }
    }
    map
}

fn import(
    old: &Value,
    new: &Dynamic,
    script: &Script,
    importer: &mut Importer<'_>,
    depth: usize,
    (parent, key): (&KeyPath, &str),
) -> Value {
    let data = match &old.data {
        Data::Map(map) if new.is_map() && depth <= limits::TREE_DEPTH => {
            new.as_map_ref().map(|new| Data::Map(import_map(map, &new, script, importer, depth + 1, &parent.join(key))))
        }
        Data::List(items) if new.is_array() && depth <= limits::TREE_DEPTH => new.as_array_ref().map(|new| {
            let path = parent.join(key);
            let item = |(index, item): (usize, &Dynamic)| match items.get(index) {
                Some(old) => import(old, item, script, importer, depth + 1, (&path, &index.to_string())),
                None => importer.value(item, None, &script.span, &path.join(index.to_string()), depth + 1),
            };
            Data::List(new.iter().enumerate().map(item).collect())
        }),
        data => match scalar(new) {
            Some(scalar) if is_same(data, &scalar) => Ok(scalar),
            _ if is_handle_of(data, new) => Ok(data.clone()),
            _ => Err(""),
        },
    };
    match data {
        Ok(data) => Value { data, span: old.span.clone(), copied: old.copied.clone() },
        Err(_) => importer.value(new, None, &script.span, &parent.join(key), depth),
    }
}

/// Tells whether a value of Rhai is the function or component that it was made of.
fn is_handle_of(data: &Data, new: &Dynamic) -> bool {
    match data {
        Data::Function(function) => new
            .read_lock::<FnPtr>()
            .and_then(|pointer| of_pointer(&pointer))
            .is_some_and(|handled| Arc::ptr_eq(&handled, function)),
        Data::Component(component) => new.read_lock::<Opaque>().is_some_and(|opaque| Arc::ptr_eq(&opaque.0, component)),
        _ => false,
    }
}

/// Finds scripts that scripts have added; they would never run.
pub(crate) fn check_no_scripts(map: &Map, findings: &mut Vec<Diagnostic>) {
    fn check(value: &Value, findings: &mut Vec<Diagnostic>) {
        match &value.data {
            Data::Map(map) => check_no_scripts(map, findings),
            Data::List(items) => items.iter().for_each(|item| check(item, findings)),
            _ => {}
        }
    }
    if let Some(entry) = map.get("__rhai__") {
        let finding = Diagnostic::new(Code::ScriptFailed, "a script cannot add another script");
        findings.push(finding.at(&entry.value.span, "`__rhai__` is added here"));
    }
    map.values().for_each(|entry| check(&entry.value, findings));
}
