//! A configuration whose components are ready for use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::describe;
use palladium_component::interfaces::{Component, Decorators, Interface, Mode};
use palladium_component::value::{Code, Data, Diagnostic, Entry, KeyPath, Map, Span, Value, nearest};

use crate::plan::{Planned, component_of};
use crate::root_keys;

/// A configuration whose components are ready for use. Dropping it closes them.
#[derive(Debug)]
pub struct App {
    root: Value,
    components: Vec<Planned>,
    mode: Mode,
    decorators: Decorators,
    closed: AtomicBool,
}

/// A component and where it stands in the configuration.
pub struct Placed<I: ?Sized> {
    /// Its own key.
    pub key: KeyPath,
    /// Where it is written.
    pub span: Span,
    /// The component.
    pub component: Arc<I>,
}

impl App {
    pub(crate) fn new(root: Value, components: Vec<Planned>, mode: Mode) -> App {
        App { root, components, mode, decorators: Decorators::default(), closed: AtomicBool::new(false) }
    }

    /// Returns an application whose components are never initialized, and so never closed.
    pub(crate) fn not_started(root: Value, components: Vec<Planned>, mode: Mode) -> App {
        let app = App::new(root, components, mode);
        app.closed.store(true, Ordering::SeqCst);
        app
    }

    /// Returns an application of components that are ready, without a configuration file: for programs and tests.
    pub fn of_components(components: Vec<(&str, Component)>, entries: Vec<(&str, Value)>) -> App {
        let span = Span::nowhere("program");
        let built = components
            .iter()
            .map(|(key, component)| (*key, Value::new(Data::Component(Arc::new(component.clone())), span.clone())));
        let map: Map = built
            .chain(entries)
            .map(|(key, value)| (key.to_owned(), Entry { key_span: span.clone(), value }))
            .collect();
        let planned = components.into_iter().map(|(key, component)| Planned {
            key: KeyPath::parse(key),
            span: span.clone(),
            name: component.kind().as_str(),
            component,
        });
        App::new(Value::new(Data::Map(map), span.clone()), planned.collect(), Mode::Serve)
    }

    /// Returns the whole configuration with its components.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Returns what the process is about to do.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the decorators of its calls.
    pub fn decorators(&self) -> &Decorators {
        &self.decorators
    }

    /// Sets the decorators of the calls that are not methods of components; those are decorated in a plan.
    #[must_use]
    pub fn decorated_by(mut self, decorators: Decorators) -> App {
        self.decorators = decorators;
        self
    }

    pub(crate) fn planned(&self) -> &[Planned] {
        &self.components
    }

    /// Returns the component under a root key, nothing where the key is missing or null.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn find<I: Interface + ?Sized>(&self, key: &str) -> Result<Option<Arc<I>>, Diagnostic> {
        let Some(value) = self.root.get(key).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        match component_of(value).and_then(I::of) {
            Some(component) => Ok(Some(component)),
            None => Err(Diagnostic::new(
                Code::BadArguments,
                format!("the root key `{key}` has to hold {}", I::KIND.with_article()),
            )
            .at_value(value, format!("this is {}", describe(value)))
            .in_key(&KeyPath::parse(key))),
        }
    }

    /// Returns the component under a root key.
    ///
    /// # Errors
    /// The key is missing or holds something else.
    pub fn get<I: Interface + ?Sized>(&self, key: &str) -> Result<Arc<I>, Diagnostic> {
        self.find(key)?.ok_or_else(|| self.missing(key, &I::KIND.with_article()))
    }

    fn missing(&self, key: &str, what: &str) -> Diagnostic {
        let keys = self.root.as_map().into_iter().flat_map(|map| map.keys().map(String::as_str));
        let keys: Vec<&str> = keys.filter(|key| !key.starts_with("__")).collect();
        let diagnostic = Diagnostic::new(Code::MissingKey, format!("the configuration has no `{key}`, {what}"));
        let is_known = |key: &str| root_keys::ALL.iter().any(|known| known.name == key);
        if let (false, Some(near)) = (is_known(key), nearest(key, keys.iter().copied())) {
            return match self.root.as_map().and_then(|map| map.get(near)) {
                Some(entry) => diagnostic.at(&entry.key_span, format!("did you mean `{near}`?")),
                None => diagnostic,
            };
        }
        // A key that means something itself is no misspelling of another.
        let free = keys.iter().copied().filter(|key| !is_known(key));
        match (nearest(key, free), keys.is_empty()) {
            (Some(near), _) => match self.root.as_map().and_then(|map| map.get(near)) {
                Some(entry) => diagnostic.at(&entry.key_span, format!("did you mean `{key}` here?")),
                None => diagnostic,
            },
            (None, true) => diagnostic
                .note("the configuration is empty")
                .help("name the files with `--config a.ron,b.ron` or the variable `PALLADIUM_CONFIG`"),
            (None, false) => {
                let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                diagnostic
                    .note(format!("the root keys are {}", keys.join(", ")))
                    .note(format!("they come from {}", self.sources().join(", ")))
                    .help("add it, or check that `--config` or `PALLADIUM_CONFIG` names the right files")
            }
        }
    }

    /// Returns the names of the files and overrides that the root keys come from.
    fn sources(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let spans = self.root.as_map().into_iter().flat_map(|map| map.values().map(|entry| &entry.key_span));
        for span in spans.filter(|span| span.is_quotable()) {
            let name = format!("`{}`", span.source().name());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns all components of a kind, wherever they stand, in construction order.
    pub fn all<I: Interface + ?Sized>(&self) -> Vec<Placed<I>> {
        let placed = |planned: &Planned| {
            let (key, span) = (planned.key.clone(), planned.span.clone());
            I::of(&planned.component).map(|component| Placed { key, span, component })
        };
        self.components.iter().filter_map(placed).collect()
    }

    /// Returns key, component name and kind of every component, in construction order.
    pub fn components(&self) -> impl Iterator<Item = (&KeyPath, &'static str, &Component)> {
        self.components.iter().map(|planned| (&planned.key, planned.name, &planned.component))
    }

    /// Closes the components, parents before their children. Further calls do nothing.
    pub fn close(&self) {
        self.close_first(self.components.len());
    }

    pub(crate) fn close_first(&self, count: usize) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            self.components.iter().take(count).rev().for_each(|planned| planned.component.lifecycle().close());
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.close();
    }
}
