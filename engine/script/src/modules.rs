//! What `import` finds: `.rhai` files in the folder of the script or below it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palladium_component::value::Source;
use palladium_config::script::{find_module, read_text};
use rhai::{Engine, EvalAltResult, Module, ModuleResolver, ParseError, Position, Scope, Shared};

use crate::fault::Fault;
use crate::limits;

/// Modules that were imported, and those that are being imported.
pub(crate) struct Modules {
    /// Where they are found; code without a folder imports nothing.
    folder: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: BTreeMap<PathBuf, Shared<Module>>,
    open: Vec<PathBuf>,
    sources: BTreeMap<String, Arc<Source>>,
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
    /// Makes the modules of a folder known to an engine.
    pub(crate) fn for_engine(folder: Option<PathBuf>, engine: &mut Engine) -> Arc<Modules> {
        let modules = Arc::new(Modules { folder, state: Mutex::default() });
        engine.set_module_resolver(Resolver(Arc::clone(&modules)));
        modules
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the text of a module by the name that errors give it.
    pub(crate) fn source(&self, name: &str) -> Option<Arc<Source>> {
        self.state().sources.get(name).cloned()
    }

    fn import(&self, engine: &Engine, name: &str, position: Position) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let refuse = |why: String| Fault::new(format!("cannot import `{name}`: {why}")).at(position);
        let path = self.find(name).map_err(refuse)?;
        {
            let mut state = self.state();
            if let Some(module) = state.done.get(&path) {
                return Ok(module.clone());
            }
            if state.open.contains(&path) {
                return Err(refuse("it imports itself".to_owned()));
            }
            if state.done.len() + state.open.len() >= limits::MODULES {
                return Err(refuse(format!("more than {} modules", limits::MODULES)));
            }
            state.open.push(path.clone());
        }
        let id = path.display().to_string();
        let module = read_text(&path).map_err(|why| refuse(format!("it {why}"))).and_then(|text| {
            let source = Source::new(id.as_str(), text);
            self.state().sources.insert(id.clone(), Arc::clone(&source));
            evaluate(engine, &source).map_err(|error| Box::new(EvalAltResult::ErrorInModule(id, error, position)))
        });
        let mut state = self.state();
        state.open.pop();
        let module: Shared<Module> = module?.into();
        state.done.insert(path, module.clone());
        Ok(module)
    }

    fn find(&self, name: &str) -> Result<PathBuf, String> {
        find_module(self.folder.as_ref().ok_or("this code has no folder")?, name)
    }
}

fn evaluate(engine: &Engine, source: &Source) -> Result<Module, Box<EvalAltResult>> {
    let mut ast = engine
        .compile(source.text())
        .map_err(|ParseError(kind, position)| Box::new(EvalAltResult::ErrorParsing(*kind, position)))?;
    ast.set_source(source.name());
    Module::eval_ast_as_new(Scope::new(), &ast, engine)
}
