//! `__copy__`: replaces every directive of one input by what its path names.
//!
//! A path is searched in the input itself, then in the merged result of the inputs before it; a path that names
//! the very place of its directive is searched in the latter only. Directives depend on each other; they are
//! resolved in the order of these dependencies, with a stack of their own, so that long chains cost no recursion
//! and a directive that depends on itself is found. What a path names may stand behind other directives: those
//! are looked through without resolving them, so `a.x` exists if `a` copies something that has an `x`.
//!
//! A directive that failed leaves a [`Poison`] in its place. What depends on it fails too, without a word: the
//! first finding is the one that helps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use palladium_value::{Code, Copied, Data, Diagnostic, Entry, Map, Span, Value};

use crate::directive::{Directive, Found, Place, directives_in};
use crate::limits;
use crate::merge::is_magic;
use crate::suggest;

/// Stands where a directive failed; a tree with findings is never handed out.
struct Poison;

fn poison(span: &Span) -> Value {
    Value::new(Data::Component(Arc::new(Poison)), span.clone())
}

/// Tells whether a value could not be made.
pub(crate) fn is_poison(value: &Value) -> bool {
    matches!(&value.data, Data::Component(any) if any.is::<Poison>())
}

/// Returns the entries of an input with every `__copy__` replaced.
pub(crate) fn resolve(file: &Map, before: &Map, later: &[Map], findings: &mut Vec<Diagnostic>) -> Map {
    let mut copies = Copies {
        file,
        before,
        later,
        states: HashMap::new(),
        nodes: 0,
        steps: 0,
        looking: Vec::new(),
        is_exhausted: false,
        findings,
    };
    let mut open = Vec::new();
    for (key, entry) in file {
        directives_in(&entry.value, &Place::root().key(key), &mut open);
    }
    for directive in open {
        copies.solve(directive);
    }
    file.iter()
        .map(|(key, entry)| {
            let value = copies.assemble(&entry.value, 1);
            (key.clone(), Entry { key_span: entry.key_span.clone(), value })
        })
        .collect()
}

/// A path cannot be followed because of something that is reported elsewhere.
struct Failed;

enum State {
    /// On the stack: what leads here again is a cycle.
    Open,
    /// Resolved: the value, its number of nodes, its depth.
    Done(Arc<Value>, usize, usize),
    Failed,
}

enum Task<'a> {
    Enter(Directive<'a>),
    Build(Directive<'a>, Found<'a>),
}

struct Copies<'a, 'f> {
    file: &'a Map,
    before: &'a Map,
    later: &'a [Map],
    states: HashMap<*const Value, State>,
    nodes: usize,
    steps: usize,
    /// Directives that are being looked through.
    looking: Vec<Directive<'a>>,
    is_exhausted: bool,
    findings: &'f mut Vec<Diagnostic>,
}

impl<'a> Copies<'a, '_> {
    /// Resolves a directive and all that it depends on.
    fn solve(&mut self, directive: Directive<'a>) {
        let mut tasks = vec![Task::Enter(directive)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Enter(directive) => self.enter(directive, &mut tasks),
                Task::Build(directive, found) => {
                    let state = self.build(&directive, &found);
                    self.states.insert(directive.key(), state);
                }
            }
        }
    }

    /// Finds what a directive copies and puts what must be resolved before it on the stack.
    fn enter(&mut self, directive: Directive<'a>, tasks: &mut Vec<Task<'a>>) {
        if self.states.contains_key(&directive.key()) {
            return;
        }
        let found = match self.find(&directive) {
            Ok(Some(found)) => found,
            Ok(None) => {
                let (path, place) = (directive.path(), directive.span());
                let is_searched = self.findings.len() < limits::SUGGESTIONS;
                let inputs = suggest::Inputs { file: self.file, before: self.before, later: self.later, is_searched };
                let own = directive.place.key_path().to_string();
                self.report(suggest::missing(path, &place, &own, &inputs), &directive);
                self.states.insert(directive.key(), State::Failed);
                return;
            }
            Err(Failed) => {
                self.states.insert(directive.key(), State::Failed);
                return;
            }
        };
        let mut needed = Vec::new();
        for (key, entry) in directive.overrides() {
            directives_in(&entry.value, &directive.place.key(key), &mut needed);
        }
        if let Found::Here(value, place) | Found::Default(value, place) = &found {
            directives_in(value, place, &mut needed);
        }
        self.states.insert(directive.key(), State::Open);
        let open = needed.iter().find(|needed| matches!(self.states.get(&needed.key()), Some(State::Open)));
        if let Some(open) = open.cloned() {
            self.cycle_of_tasks(&directive, &open, tasks);
            self.states.insert(directive.key(), State::Failed);
            return;
        }
        tasks.push(Task::Build(directive, found));
        tasks.extend(needed.into_iter().rev().map(Task::Enter));
    }

    fn report(&mut self, diagnostic: Diagnostic, directive: &Directive<'a>) {
        self.findings.push(diagnostic.in_key(&directive.place.key_path()));
    }

    /// Reports a directive that leads back to one which waits for it.
    fn cycle_of_tasks(&mut self, last: &Directive<'a>, first: &Directive<'a>, tasks: &[Task<'a>]) {
        let waiting = tasks.iter().filter_map(|task| match task {
            Task::Build(directive, _) => Some(directive.clone()),
            Task::Enter(_) => None,
        });
        let mut chain: Vec<Directive<'a>> = waiting.skip_while(|waiting| waiting.key() != first.key()).collect();
        chain.push(last.clone());
        self.cycle(&chain);
    }

    /// Reports directives of which each needs the next and the last needs the first.
    fn cycle(&mut self, chain: &[Directive<'a>]) {
        let Some(first) = chain.first() else { return };
        let mut names: Vec<String> =
            chain.iter().map(|directive| format!("`{}`", directive.place.key_path())).collect();
        let mut diagnostic = if chain.len() == 1 {
            let message = format!("{} copies `{}`, of which it is a part", names[0], first.path());
            Diagnostic::new(Code::CopyCycle, message).at(&first.span(), "leads back here")
        } else {
            names.push(names[0].clone());
            if names.len() > 8 {
                names.splice(4..names.len() - 3, ["…".to_owned()]);
            }
            let message = format!("a copy leads back to itself: {}", names.join(" -> "));
            Diagnostic::new(Code::CopyCycle, message).at(&first.span(), "starts here")
        };
        for directive in chain.iter().skip(1).take(7) {
            diagnostic = diagnostic.also(&directive.span(), "leads on");
        }
        self.report(diagnostic.help("let one of them hold a value of its own"), first);
        for directive in chain {
            self.states.entry(directive.key()).or_insert(State::Failed);
        }
    }

    /// Finds what a directive copies: the value of its path, else its default.
    fn find(&mut self, asking: &Directive<'a>) -> Result<Option<Found<'a>>, Failed> {
        let path: Vec<&'a str> = asking.target().ok_or(Failed)?.split('.').collect();
        if !asking.place.is(&path)
            && let Some(found) = self.find_here(&path, asking)?
        {
            return Ok(Some(found));
        }
        match follow(self.before, &path) {
            Some(value) if is_poison(value) => Err(Failed),
            Some(value) => Ok(Some(Found::Before(value))),
            None => Ok(asking.default().map(|value| Found::Default(value, asking.place.clone()))),
        }
    }

    /// Follows a path through the input itself, looking through directives on the way; not through the one that
    /// asks, whose value is not there before it has been found.
    fn find_here(&mut self, path: &[&'a str], asking: &Directive<'a>) -> Result<Option<Found<'a>>, Failed> {
        let Some((first, rest)) = path.split_first() else { return Ok(None) };
        let Some((key, entry)) = self.file.get_key_value(*first) else { return Ok(None) };
        let mut found = Found::Here(&entry.value, Place::root().key(key));
        for segment in rest {
            let mut seen = HashSet::new();
            found = loop {
                let (value, place) = match &found {
                    Found::Before(value) => {
                        if is_poison(value) {
                            return Err(Failed);
                        }
                        match value.get(segment) {
                            Some(value) => break Found::Before(value),
                            None => return Ok(None),
                        }
                    }
                    Found::Here(value, place) | Found::Default(value, place) => (*value, place.clone()),
                };
                let Some(map) = value.as_map() else { return Ok(None) };
                let directive = Directive::of(value, &place);
                match (map.get_key_value(*segment), directive) {
                    (Some((key, entry)), None) => break Found::Here(&entry.value, place.key(key)),
                    (Some((key, entry)), Some(_)) if !is_magic(key) => {
                        break Found::Here(&entry.value, place.key(key));
                    }
                    (None, None) => return Ok(None),
                    (_, Some(directive)) => {
                        if directive.key() == asking.key() {
                            return Ok(None);
                        }
                        if !seen.insert(directive.key()) {
                            return Err(Failed);
                        }
                        found = self.look_through(&directive)?;
                    }
                }
            };
        }
        Ok(Some(found))
    }

    /// Returns what a directive copies, without its overrides.
    fn look_through(&mut self, directive: &Directive<'a>) -> Result<Found<'a>, Failed> {
        if matches!(self.states.get(&directive.key()), Some(State::Failed)) {
            return Err(Failed);
        }
        if let Some(start) = self.looking.iter().position(|open| open.key() == directive.key()) {
            let chain = self.looking[start..].to_vec();
            self.cycle(&chain);
            return Err(Failed);
        }
        self.steps += 1;
        if self.steps > limits::COPY_STEPS || self.looking.len() >= limits::COPY_DETOURS {
            self.exhausted("too many copies lie on the way to what is copied", directive);
            return Err(Failed);
        }
        self.looking.push(directive.clone());
        let found = self.find(directive);
        self.looking.pop();
        found?.ok_or(Failed)
    }

    fn exhausted(&mut self, message: &str, directive: &Directive<'a>) {
        if !self.is_exhausted {
            self.is_exhausted = true;
            self.report(Diagnostic::new(Code::TooLarge, message).at(&directive.span(), "copied here"), directive);
        }
    }

    /// Makes the value of a directive whose dependencies are resolved.
    fn build(&mut self, directive: &Directive<'a>, found: &Found<'a>) -> State {
        let (Found::Here(target, _) | Found::Default(target, _) | Found::Before(target)) = found;
        let mut value = self.assemble(target, 1);
        if is_poison(&value) {
            return State::Failed;
        }
        if !matches!(found, Found::Default(..)) {
            Copier { by: directive.span(), made: HashMap::new() }.mark(&mut value);
        }
        if directive.overrides().next().is_some() {
            let Data::Map(map) = &mut value.data else {
                self.not_a_map(directive, found, &value);
                return State::Failed;
            };
            for (key, entry) in directive.overrides() {
                let value = self.assemble(&entry.value, 2);
                map.insert(key.clone(), Entry { key_span: entry.key_span.clone(), value });
            }
        }
        let (nodes, depth) = measure(&value);
        if depth > limits::TREE_DEPTH {
            self.exhausted(&format!("copies make more than {} maps inside each other", limits::TREE_DEPTH), directive);
            return State::Failed;
        }
        if self.nodes > limits::NODES || self.is_exhausted {
            self.exhausted(&format!("copies make more than {} values", limits::NODES), directive);
            return State::Failed;
        }
        State::Done(Arc::new(value), nodes, depth)
    }

    fn not_a_map(&mut self, directive: &Directive<'a>, found: &Found<'a>, value: &Value) {
        let keys: Vec<String> = directive.overrides().map(|(key, _)| format!("`{key}`")).collect();
        let what = if matches!(found, Found::Default(..)) { "the default of " } else { "" };
        let message =
            format!("{what}`{}` is {}, over which no entries can be laid", directive.path(), value.describe());
        let diagnostic = Diagnostic::new(Code::CopyNotAMap, message)
            .at(&directive.span(), format!("copied with {}", keys.join(", ")))
            .also(&value.span, format!("this is {}", value.describe()))
            .help("copy a map, or leave the other entries out");
        self.report(diagnostic, directive);
    }

    /// Clones a value with its directives replaced; they are resolved already, so only trees recurse.
    fn assemble(&mut self, value: &Value, depth: usize) -> Value {
        self.nodes += 1;
        if self.nodes > limits::NODES || depth > limits::TREE_DEPTH {
            return self.cut_off(value, depth);
        }
        let data = match &value.data {
            Data::Map(map) if map.contains_key("__copy__") => {
                return match self.states.get(&std::ptr::from_ref(value)) {
                    Some(State::Done(resolved, nodes, height)) => {
                        self.nodes += nodes;
                        if self.nodes > limits::NODES || depth + height > limits::TREE_DEPTH + 1 {
                            let too_deep = depth + height;
                            return self.cut_off(value, too_deep);
                        }
                        Value::clone(resolved)
                    }
                    _ => poison(&value.span),
                };
            }
            Data::Map(map) => Data::Map(
                map.iter()
                    .map(|(key, entry)| {
                        let value = self.assemble(&entry.value, depth + 1);
                        (key.clone(), Entry { key_span: entry.key_span.clone(), value })
                    })
                    .collect(),
            ),
            Data::List(items) => Data::List(items.iter().map(|item| self.assemble(item, depth + 1)).collect()),
            other => other.clone(),
        };
        Value { data, span: value.span.clone(), copied: value.copied.clone() }
    }

    /// Reports that a limit is reached, once, and returns what stands for the rest.
    fn cut_off(&mut self, value: &Value, depth: usize) -> Value {
        if !self.is_exhausted {
            self.is_exhausted = true;
            let message = if depth > limits::TREE_DEPTH {
                format!("copies make more than {} lists and maps inside each other", limits::TREE_DEPTH)
            } else {
                format!("copies make more than {} values", limits::NODES)
            };
            let diagnostic = Diagnostic::new(Code::TooLarge, message).at(&value.span, "while this is copied");
            self.findings.push(diagnostic);
        }
        poison(&value.span)
    }
}

/// Follows a path of keys through resolved maps; a value that could not be made ends it.
fn follow<'a>(root: &'a Map, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = &root.get(*first)?.value;
    for segment in rest {
        if is_poison(value) {
            break;
        }
        value = value.get(segment)?;
    }
    Some(value)
}

/// Returns the number of values in a tree and its depth.
fn measure(value: &Value) -> (usize, usize) {
    let add = |(nodes, depth): (usize, usize), value: &Value| {
        let (more, height) = measure(value);
        (nodes + more, depth.max(height + 1))
    };
    match &value.data {
        Data::Map(map) => map.values().map(|entry| &entry.value).fold((1, 1), add),
        Data::List(items) => items.iter().fold((1, 1), add),
        _ => (1, 1),
    }
}

/// Writes down who copied a value and all that is in it.
struct Copier {
    by: Span,
    /// The marks that were made, by the address of the mark before.
    made: HashMap<Option<*const Copied>, Arc<Copied>>,
}

impl Copier {
    fn mark(&mut self, value: &mut Value) {
        let earlier = value.copied.take();
        let by = &self.by;
        let mark = self
            .made
            .entry(earlier.as_ref().map(Arc::as_ptr))
            .or_insert_with(|| Arc::new(Copied { by: by.clone(), earlier }));
        value.copied = Some(Arc::clone(mark));
        match &mut value.data {
            Data::Map(map) => map.values_mut().for_each(|entry| self.mark(&mut entry.value)),
            Data::List(items) => items.iter_mut().for_each(|item| self.mark(item)),
            _ => {}
        }
    }
}
