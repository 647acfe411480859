//! What Rhai code may import: `.rhai` files in the folder of the configuration file or below it.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palladium_value::Source;
use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, ParseError, Position, Shared};

use crate::limits;
use crate::locate::{Unreadable, read_text};
use crate::rhai_file::{Sandbox, refuse};

/// Modules that were imported, and those that are being imported.
pub(crate) struct Modules {
    sandbox: Sandbox,
    state: Mutex<Imports>,
}

#[derive(Default)]
struct Imports {
    done: HashMap<PathBuf, Shared<Module>>,
    open: Vec<PathBuf>,
    sources: HashMap<String, Arc<Source>>,
    /// The functions of each module, with the code that they stand in.
    functions: Vec<(Arc<Source>, AST, Shared<Module>)>,
}

struct Resolver(Arc<Modules>);

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        self.0.import(engine, path, position)
    }
}

impl Modules {
    /// Makes the modules of a sandbox known to its engine.
    pub(crate) fn for_engine(sandbox: &Sandbox, engine: &mut Engine) -> Arc<Modules> {
        let modules = Arc::new(Modules { sandbox: sandbox.clone(), state: Mutex::default() });
        engine.set_module_resolver(Resolver(Arc::clone(&modules)));
        modules
    }

    fn state(&self) -> MutexGuard<'_, Imports> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the text of a module by the name that errors give it.
    pub(crate) fn source(&self, path: &str) -> Option<Arc<Source>> {
        self.state().sources.get(path).cloned()
    }

    fn import(&self, engine: &Engine, name: &str, position: Position) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let refuse = |why: String| refuse(format!("cannot import `{name}`: {why}"), position);
        let path = self.find(name).map_err(refuse)?;
        {
            let mut state = self.state();
            if let Some(module) = state.done.get(&path) {
                return Ok(module.clone());
            }
            if state.open.contains(&path) {
                return Err(refuse("it imports itself".to_owned()));
            }
            if state.done.len() + state.open.len() >= limits::RHAI_MODULES {
                return Err(refuse(format!("more than {} modules", limits::RHAI_MODULES)));
            }
            state.open.push(path.clone());
        }
        let id = path.display().to_string();
        let module = read_text(&path).map_err(|why| refuse(format!("it {why}"))).and_then(|text| {
            let source = Source::new(id.as_str(), text);
            self.state().sources.insert(id.clone(), Arc::clone(&source));
            let evaluated = self
                .evaluate(engine, &source)
                .map_err(|error| Box::new(EvalAltResult::ErrorInModule(id.clone(), error, position)))?;
            Ok((source, evaluated))
        });
        let mut state = self.state();
        state.open.pop();
        let (source, (ast, module)) = module?;
        let module: Shared<Module> = module.into();
        state.functions.push((source, ast, module.clone()));
        state.done.insert(path, module.clone());
        Ok(module)
    }

    /// Returns a module that was imported under a name.
    pub(crate) fn imported(&self, name: &str) -> Option<Shared<Module>> {
        let path = self.find(name).ok()?;
        self.state().done.get(&path).cloned()
    }

    /// Returns the syntax trees of all modules that were imported, and where each stands.
    pub(crate) fn all(&self) -> Vec<(Arc<Source>, AST, Shared<Module>)> {
        self.state().functions.clone()
    }

    fn evaluate(&self, engine: &Engine, source: &Source) -> Result<(AST, Module), Box<EvalAltResult>> {
        let mut ast: AST = engine
            .compile(source.text())
            .map_err(|ParseError(kind, position)| Box::new(EvalAltResult::ErrorParsing(*kind, position)))?;
        ast.set_source(source.name());
        let module = Module::eval_ast_as_new(self.sandbox.scope(), &ast, engine)?;
        Ok((ast, module))
    }

    fn find(&self, name: &str) -> Result<PathBuf, String> {
        find_module(self.sandbox.directory.as_ref().ok_or("this code stands in no file")?, name)
    }
}

/// Returns the file of a module, which lies in a folder or below it, whatever links there are.
///
/// # Errors
/// Why no module has this name, as the rest of a sentence.
pub fn find_module(directory: &Path, name: &str) -> Result<PathBuf, String> {
    let relative = Path::new(name);
    let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !is_plain {
        return Err("modules are named relative to the file that imports them, without `..`".to_owned());
    }
    let mut path = directory.join(relative);
    match path.extension().and_then(|extension| extension.to_str()) {
        None => drop(path.set_extension("rhai")),
        Some("rhai") => {}
        Some(_) => return Err("only `.rhai` files are modules".to_owned()),
    }
    let path = path.canonicalize().map_err(|error| format!("it {}", Unreadable::from(error)))?;
    let is_inside = directory.canonicalize().is_ok_and(|directory| path.starts_with(directory));
    let is_rhai = path.extension().is_some_and(|extension| extension == "rhai");
    if is_inside && is_rhai { Ok(path) } else { Err("its link leads out of the folder".to_owned()) }
}
