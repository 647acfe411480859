//! A session: a configuration, an engine, and what was said so far.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use palladium_component::interfaces::FitContext;
use palladium_component::value::{Code, Diagnostic, Source};
use rhai::packages::{Package, StandardPackage};
use rhai::{AST, Dynamic, Engine, Module, OptimizationLevel, Scope, Stmt};

use crate::failure::{Whereabouts, syntax};
use crate::modules::Modules;
use crate::project::{Project, root_value, whole};
use crate::{jobs, limits, show};

/// Writes a line that a script prints.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// What a session starts with.
pub struct Settings {
    /// The loaded configuration.
    pub project: Arc<Project>,
    /// What scripts find under `arguments`.
    pub arguments: Vec<String>,
    /// The folder in which modules are found.
    pub folder: Option<PathBuf>,
    /// Receives what `print` says.
    pub print: Say,
    /// Receives what `debug` says.
    pub debug: Say,
    /// Stops the evaluation when it is set, and a fit in it.
    pub interrupt: Arc<AtomicBool>,
}

/// Why an evaluation ended without a value.
#[derive(Debug)]
pub enum Ended {
    /// It failed.
    Failed(Box<Diagnostic>),
    /// It was interrupted.
    Interrupted,
}

/// What an input is evaluated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What its value looks like.
    Value,
    /// What its value is.
    Type,
}

/// A configuration, an engine, and what was said so far: variables, functions and imports of earlier inputs stay.
pub struct Session {
    engine: Engine,
    modules: Arc<Modules>,
    project: Arc<Project>,
    scope: Scope<'static>,
    /// Functions and imports of earlier inputs.
    earlier: AST,
    /// Where functions were defined, by their names.
    defined: BTreeMap<String, Arc<Source>>,
    interrupt: Arc<AtomicBool>,
}

impl Session {
    /// Starts a session.
    pub fn new(settings: Settings) -> Session {
        let Settings { project, arguments, folder, print, debug, interrupt } = settings;
        let mut engine = engine();
        let context = FitContext::cancelled_by(Arc::clone(&interrupt));
        crate::register_with(&mut engine, &context);
        show::register_plain(&mut engine);
        jobs::register(&mut engine, &project, &context);
        engine.on_print(move |text| print(text));
        engine.on_debug(move |text, _, position| match position.line() {
            Some(line) => debug(&format!("line {line}: {text}")),
            None => debug(text),
        });
        let stop = Arc::clone(&interrupt);
        engine.on_progress(move |_| stop.load(Ordering::Relaxed).then_some(Dynamic::UNIT));
        resolve_names(&mut engine, &project, &arguments);
        let modules = Modules::for_engine(folder, &mut engine);
        let (scope, earlier, defined) = (Scope::new(), AST::empty(), BTreeMap::new());
        Session { engine, modules, project, scope, earlier, defined, interrupt }
    }

    /// Takes another configuration; variables, functions and imports of earlier inputs stay.
    pub fn reload(&mut self, settings: Settings) {
        let mut next = Session::new(settings);
        std::mem::swap(&mut self.scope, &mut next.scope);
        std::mem::swap(&mut self.earlier, &mut next.earlier);
        std::mem::swap(&mut self.defined, &mut next.defined);
        *self = next;
    }

    /// Returns the loaded configuration.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// Evaluates a text; nothing comes back where its value is nothing.
    ///
    /// # Errors
    /// The text is no Rhai, it failed, or it was interrupted.
    pub fn evaluate(&mut self, source: &Arc<Source>, wanted: Wanted) -> Result<Option<String>, Ended> {
        let parsed = self.engine.compile(source.text()).map_err(|error| Ended::Failed(syntax(source, &error)))?;
        for function in parsed.iter_functions() {
            self.defined.insert(function.name.to_owned(), Arc::clone(source));
        }
        let whole = self.earlier.merge(&parsed);
        self.earlier = self.earlier.merge(&kept(&parsed));
        let (engine, scope) = (&self.engine, &mut self.scope);
        let result = on_a_large_stack(|| {
            let value = engine.eval_ast_with_scope::<Dynamic>(scope, &whole)?;
            Ok(match wanted {
                Wanted::Type => Some(show::type_of(&value)),
                Wanted::Value if value.is_unit() => None,
                Wanted::Value => Some(show::shown(&value)),
            })
        });
        let result: Result<_, Box<rhai::EvalAltResult>> = result.map_err(|stopped| Ended::Failed(Box::new(stopped)))?;
        result.map_err(|error| {
            let mut names: Vec<String> = self.variables().map(str::to_owned).chain(self.keys()).collect();
            names.extend(["config".to_owned(), "arguments".to_owned()]);
            let places = Whereabouts { source, defined: &self.defined, modules: &self.modules, names };
            // What an interrupt stops may fail in its own words.
            match places.failure(*error).filter(|_| !self.interrupt.load(Ordering::Relaxed)) {
                Some(finding) => Ended::Failed(finding),
                None => Ended::Interrupted,
            }
        })
    }

    /// Returns the names of the variables of earlier inputs.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.scope.iter_raw().map(|(name, ..)| name)
    }

    /// Returns the names of the functions of earlier inputs.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        self.defined.keys().map(String::as_str)
    }

    /// Returns the value of a variable, of an earlier input or of the configuration.
    pub(crate) fn variable(&self, name: &str) -> Option<Dynamic> {
        match self.scope.get(name) {
            Some(value) => Some(value.clone()),
            None if name == "config" => Some(whole(&self.project)),
            None => root_value(&self.project, name).filter(|_| !name.starts_with("__")),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let scope = std::mem::take(&mut self.scope);
        // A list may hold itself many times over; dropping it recurses.
        drop(on_a_large_stack(move || drop(scope)));
    }
}

/// Returns an engine with Rhai's own library and our limits.
fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    engine.set_optimization_level(OptimizationLevel::None);
    engine.disable_symbol("eval");
    engine.set_fail_on_invalid_map_property(true);
    let (outside, inside) = limits::EXPRESSION_DEPTH;
    engine
        .set_max_call_levels(limits::CALL_LEVELS)
        .set_max_expr_depths(outside, inside)
        .set_max_string_size(limits::TEXT_BYTES)
        .set_max_array_size(limits::LIST_ITEMS)
        .set_max_map_size(limits::MAP_ENTRIES)
        .set_max_variables(limits::VARIABLES)
        .set_max_functions(limits::FUNCTIONS)
        .set_max_modules(limits::MODULES);
    engine
}

/// Lets code see the root keys, `config` and `arguments` everywhere, in functions too. A variable of the same name
/// comes first.
#[expect(deprecated, reason = "marks the function as volatile; it is not to be removed")]
fn resolve_names(engine: &mut Engine, project: &Arc<Project>, arguments: &[String]) {
    let mut names: BTreeMap<String, Dynamic> =
        project.keys().filter_map(|key| Some((key.to_owned(), root_value(project, key)?))).collect();
    names.insert("config".to_owned(), whole(project));
    names.insert("arguments".to_owned(), Dynamic::from_array(arguments.iter().cloned().map(Dynamic::from).collect()));
    engine.on_var(move |name, _, context| {
        Ok(match names.get(name) {
            Some(value) if !context.scope().contains(name) => Some(value.clone()),
            _ => None,
        })
    });
}

/// Returns what of a text later ones see: its functions and its imports.
fn kept(parsed: &AST) -> AST {
    let imports = parsed.statements().iter().filter(|statement| matches!(statement, Stmt::Import(..))).cloned();
    AST::new(imports.collect::<Vec<_>>(), Module::new()).merge(&parsed.clone_functions_only())
}

/// Runs work that may recurse deeply, or panic inside the engine, on a stack of its own.
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Diagnostic> {
    let stopped = || Diagnostic::new(Code::ScriptFailed, "the evaluation of Rhai code stopped unexpectedly");
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("script".to_owned()).stack_size(limits::STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work).map_err(|error| stopped().note(error.to_string()))?;
        thread.join().map_err(|_| stopped())
    })
}
