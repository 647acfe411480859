//! Functions and closures of Rhai code as values that can be called later, from any thread.
//!
//! A function keeps what its code saw: the functions beside it, imports, constants, and what a closure captured.
//! Each call has the limits of a file for itself and runs on a stack of its own.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use palladium_value::{Callable, Code, Data, Diagnostic, KeyPath, Span, Value};
use rhai::{
    AST, Dynamic, EvalAltResult, Expr, FnPtr, GlobalRuntimeState, ImmutableString, Locked, Module, NativeCallContext,
    Position, Scope, Shared, Stmt,
};

use crate::limits;
use crate::rhai_file::{FILE_NAMES, Machine, Names, Sandbox, failure, on_a_large_stack};
use crate::rhai_modules::Modules;
use crate::rhai_spans::Written;
use crate::rhai_values::Importer;
use crate::script::to_dynamic;

/// Code that has been evaluated, from which functions are taken.
pub(crate) struct Functions<'a> {
    pub(crate) ast: &'a AST,
    pub(crate) scope: &'a Scope<'static>,
    pub(crate) code: Written,
    pub(crate) modules: Arc<Modules>,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) program: OnceLock<Arc<Program>>,
}

/// What the functions of one file or script share.
pub(crate) struct Program {
    sandbox: Sandbox,
    units: Vec<Unit>,
    modules: Arc<Modules>,
    /// Engines that no call uses at the moment.
    idle: Mutex<Vec<Machine>>,
}

/// The functions of one text and what they see.
struct Unit {
    library: Shared<Module>,
    imports: Vec<(ImmutableString, Shared<Module>)>,
    constants: BTreeMap<ImmutableString, Dynamic>,
    code: Written,
    /// The name under which errors speak of it; the file itself has none.
    source: Option<ImmutableString>,
}

impl Functions<'_> {
    /// Returns a function pointer as a function, unless its code is not known.
    pub(crate) fn function(&self, pointer: &FnPtr) -> Option<Arc<dyn Callable>> {
        let program = self.program.get_or_init(|| Arc::new(self.program()));
        let curried = pointer.curry().len();
        program.units.iter().enumerate().find_map(|(unit, found)| {
            let definitions = found.library.iter_script_fn_info();
            let mut parameters: Vec<Vec<String>> = definitions
                .filter(|(.., name, count, _)| *name == pointer.fn_name() && *count >= curried)
                .map(|(.., definition)| definition.params[curried..].iter().map(ToString::to_string).collect())
                .collect();
            let parameters = match parameters.len() {
                0 => return None,
                1 => parameters.pop(),
                // The number of arguments decides which one is called.
                _ => None,
            };
            let name = if pointer.is_anonymous() { "closure".to_owned() } else { pointer.fn_name().to_owned() };
            let (program, pointer) = (Arc::clone(program), pointer.clone());
            Some(Arc::new(ScriptFunction { program, unit, pointer, name, parameters }) as Arc<dyn Callable>)
        })
    }

    fn program(&self) -> Program {
        let constants = self.scope.iter_raw().filter(|(name, is_constant, _)| *is_constant && *name != "here");
        let main = Unit {
            library: self.ast.shared_lib().clone(),
            imports: imports(self.ast, &self.modules),
            constants: constants.map(|(name, _, value)| (name.into(), value.clone())).collect(),
            code: self.code.clone(),
            source: None,
        };
        let module = |(source, ast, module): (Arc<palladium_value::Source>, AST, Shared<Module>)| Unit {
            library: ast.shared_lib().clone(),
            imports: imports(&ast, &self.modules),
            constants: module.iter_var().map(|(name, value)| (name.into(), value.clone())).collect(),
            source: Some(source.name().into()),
            code: Written::File(source),
        };
        let units = std::iter::once(main).chain(self.modules.all().into_iter().map(module)).collect();
        let (sandbox, modules) = (self.sandbox.clone(), Arc::clone(&self.modules));
        Program { sandbox, units, modules, idle: Mutex::default() }
    }
}

/// Returns the modules that code imports at its top level, as its functions see them.
fn imports(ast: &AST, modules: &Modules) -> Vec<(ImmutableString, Shared<Module>)> {
    let imported = |statement: &Stmt| match statement {
        Stmt::Import(import, _) => match &import.0 {
            Expr::StringConstant(path, _) => Some((import.1.name.clone(), modules.imported(path)?)),
            _ => None,
        },
        _ => None,
    };
    ast.statements().iter().filter_map(imported).collect()
}

/// A function of a file, script or module.
pub(crate) struct ScriptFunction {
    program: Arc<Program>,
    unit: usize,
    pointer: FnPtr,
    name: String,
    parameters: Option<Vec<String>>,
}

impl Callable for ScriptFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn parameters(&self) -> Option<Vec<String>> {
        self.parameters.clone()
    }

    /// Returns all texts that the function may come to, and where it stands; nothing where it captured values. The names
    /// that closures have in the engine are others in each process.
    fn identity(&self) -> Option<String> {
        if self.pointer.is_curried() {
            return None;
        }
        let texts = self.program.units.iter().map(|unit| unit.code.text());
        let constants = self.unit().constants.iter().map(|(name, value)| format!("{name}={value:?}"));
        let parts: Vec<String> = texts.map(str::to_owned).chain(constants).collect();
        let start = self.place()?.range().start;
        Some(format!("{}\0{}\0{}\0{start}", parts.join("\0"), self.unit, self.name))
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        let whole = self.unit().code.whole();
        on_a_large_stack(|| self.evaluate(&arguments)).unwrap_or_else(|stopped| Err(Box::new(stopped.at(&whole, ""))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl ScriptFunction {
    fn unit(&self) -> &Unit {
        &self.program.units[self.unit]
    }

    /// Returns where the function stands, or all of its text.
    fn span(&self) -> Span {
        self.place().unwrap_or_else(|| self.unit().code.whole())
    }

    /// Returns where the function stands, if that is known.
    fn place(&self) -> Option<Span> {
        let unit = self.unit();
        let definition = unit.library.iter_script_fn_info().find(|(.., name, _, _)| *name == self.pointer.fn_name());
        unit.code.place(definition?.4.body.start_position())
    }

    fn evaluate(&self, arguments: &[Value]) -> Result<Value, Box<Diagnostic>> {
        if let Some(expected) = &self.parameters
            && expected.len() != arguments.len()
        {
            let message =
                format!("`{}` takes {} and was called with {}", self.name, in_words(expected), arguments.len());
            return Err(Box::new(Diagnostic::new(Code::ScriptFailed, message).at(&self.span(), "this function")));
        }
        let arguments: Vec<Dynamic> = arguments.iter().map(to_dynamic).collect();
        let machine = self.program.machine();
        machine.stop_at(Instant::now() + limits::RHAI_TIME);
        let global = self.unit().state(&machine);
        let context: NativeCallContext<'_> =
            (&machine.engine, self.pointer.fn_name(), None, &global, Position::NONE).into();
        let result = self.pointer.call_raw(&context, None, arguments);
        let result = result.map_err(|error| {
            let names = Names { engine: &machine.engine, variables: &FILE_NAMES, keys: Vec::new() };
            let reader = &self.program.sandbox.reader;
            let failed = failure(*error, &self.unit().code, &self.program.modules, reader, &names);
            let mut failed =
                if failed.labels.is_empty() { failed.at(&self.span(), "in this function") } else { failed };
            self.program.sandbox.reader.redactor().redact_diagnostic(&mut failed);
            Box::new(failed)
        });
        self.program.idle.lock().unwrap_or_else(PoisonError::into_inner).push(machine);
        self.value(&result?)
    }

    /// Converts what the function returned.
    fn value(&self, result: &Dynamic) -> Result<Value, Box<Diagnostic>> {
        let mut importer = Importer { spans: None, functions: None, findings: Vec::new() };
        let value = importer.value(result, None, &self.span(), &KeyPath::root(), 0);
        match importer.findings.into_iter().next() {
            Some(finding) => Err(Box::new(finding.note(format!("returned by `{}`", self.name)))),
            None => Ok(value),
        }
    }
}

/// Returns how many arguments are expected, with their names.
fn in_words(parameters: &[String]) -> String {
    match parameters {
        [] => "no arguments".to_owned(),
        [one] => format!("1 argument (`{one}`)"),
        several => format!("{} arguments (`{}`)", several.len(), several.join("`, `")),
    }
}

impl Program {
    /// Returns an engine that no other call uses.
    fn machine(&self) -> Machine {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| {
            let mut machine = self.sandbox.machine();
            machine.engine.set_max_map_size(limits::RHAI_MAP_ENTRIES);
            machine.ignore_memory();
            machine
        })
    }
}

impl Unit {
    /// Returns what a call starts from.
    fn state(&self, machine: &Machine) -> GlobalRuntimeState {
        let mut global = machine.engine.new_global_runtime_state();
        global.lib.push(self.library.clone());
        global.source = self.source.clone();
        for (name, module) in &self.imports {
            global.push_import(name.clone(), module.clone());
        }
        global.constants = Some(Shared::new(Locked::new(self.constants.clone())));
        global
    }
}

/// The name of the pointers that stand for functions which are no longer Rhai's.
const POINTER: &str = "function";

/// A function inside such a pointer.
#[derive(Clone)]
struct Handle(Arc<dyn Callable>);

/// Returns a function as something that Rhai code calls.
pub(crate) fn pointer(function: &Arc<dyn Callable>) -> Dynamic {
    #[expect(deprecated, reason = "marks the function as volatile; it is not to be removed")]
    let made = FnPtr::from_fn(POINTER, |_: NativeCallContext<'_>, arguments: &mut [&mut Dynamic]| call(arguments));
    match made {
        Ok(mut pointer) => {
            pointer.add_curry(Dynamic::from(Handle(Arc::clone(function))));
            Dynamic::from(pointer)
        }
        Err(_) => Dynamic::UNIT,
    }
}

/// Returns the function inside a pointer that [`pointer`] made.
pub(crate) fn of_pointer(pointer: &FnPtr) -> Option<Arc<dyn Callable>> {
    let curried = pointer.curry();
    let handle = curried.first().filter(|_| pointer.fn_name() == POINTER && curried.len() == 1)?;
    handle.clone().try_cast::<Handle>().map(|handle| handle.0)
}

fn call(arguments: &mut [&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> {
    let mut arguments = arguments.iter_mut().map(|argument| argument.take());
    let Some(Handle(function)) = arguments.next().and_then(Dynamic::try_cast::<Handle>) else {
        return Err("not a function".into());
    };
    let span = Span::nowhere("an argument");
    let mut importer = Importer { spans: None, functions: None, findings: Vec::new() };
    let arguments = arguments.map(|argument| importer.value(&argument, None, &span, &KeyPath::root(), 0)).collect();
    if let Some(finding) = importer.findings.into_iter().next() {
        return Err(failed(finding));
    }
    function.call(arguments).map(|value| to_dynamic(&value)).map_err(|finding| failed(*finding))
}

/// A finding on its way through Rhai code.
#[derive(Clone)]
pub struct Failed(Arc<Diagnostic>);

impl Failed {
    /// Returns the finding.
    pub fn into_diagnostic(self) -> Diagnostic {
        Arc::unwrap_or_clone(self.0)
    }
}

/// Returns a finding as an error of Rhai: it comes out of the code whole, with the place of the call added.
pub fn failed(finding: Diagnostic) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(Failed(Arc::new(finding))), Position::NONE))
}

/// Returns the data of a function value of Rhai.
pub(crate) fn function_data(pointer: &FnPtr, functions: Option<&Functions<'_>>) -> Option<Data> {
    of_pointer(pointer).or_else(|| functions?.function(pointer)).map(Data::Function)
}
