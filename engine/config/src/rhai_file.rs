//! Rhai: the sandboxed engine, files that evaluate to a map, and how values cross the border.
//!
//! A file sees `here` and `environ`; `environ.NAME` of an unset variable is an error, `environ.get("NAME", default)`
//! and `"NAME" in environ` are not. Files, network, processes, clocks, `sleep` and `eval` are out of reach; `import`
//! finds `.rhai` files in the folder of the configuration file. What `print` and `debug` say is kept for the caller.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use palladium_value::{Code, Diagnostic, KeyPath, Source, Span, Value, seconds_text};
use rhai::packages::{
    BasicArrayPackage, BasicMapPackage, BasicMathPackage, BitFieldPackage, CorePackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{
    Dynamic, Engine, EvalAltResult, ImmutableString, LexError, OptimizationLevel, ParseError, ParseErrorType, Position,
    Scope, Token,
};

use crate::Extend;
use crate::environment::{Reader, Unread};
use crate::expand::no_directory;
use crate::limits;
use crate::printed::Printed;
use crate::rhai_functions::{Failed, Functions};
use crate::rhai_modules::Modules;
use crate::rhai_names::{at_colon, keys, unknown, unknown_function, variables};
use crate::rhai_spans::{Lines, Spans, Written};
use crate::rhai_values::{Importer, type_name};
use crate::rhai_watch::{Stop, Watch};
use crate::script::Opaque;

/// What Rhai code may see and whom it may talk to.
#[derive(Clone)]
pub(crate) struct Sandbox {
    /// The folder in which modules are found; code without a file has none.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) reader: Arc<Reader>,
    /// What was printed.
    pub(crate) printed: Arc<Printed>,
    /// What else is registered in every engine.
    pub(crate) extend: Option<Extend>,
}

/// An engine in a sandbox, and what it keeps track of.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    pub(crate) modules: Arc<Modules>,
    watch: Arc<Mutex<Watch>>,
}

impl Machine {
    /// Says when the evaluation that follows has to be done.
    pub(crate) fn stop_at(&self, deadline: Instant) {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).deadline = deadline;
    }

    /// Leaves the memory of the process alone: while it serves, others take and return it too.
    pub(crate) fn ignore_memory(&self) {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).memory = None;
    }
}

impl Sandbox {
    /// Returns an engine without access to anything but this sandbox, which has to be done in the usual time.
    pub(crate) fn machine(&self) -> Machine {
        let mut engine = Engine::new_raw();
        CorePackage::new().register_into_engine(&mut engine);
        BitFieldPackage::new().register_into_engine(&mut engine);
        LogicPackage::new().register_into_engine(&mut engine);
        BasicMathPackage::new().register_into_engine(&mut engine);
        BasicArrayPackage::new().register_into_engine(&mut engine);
        BasicMapPackage::new().register_into_engine(&mut engine);
        MoreStringPackage::new().register_into_engine(&mut engine);
        // The syntax tree keeps every literal where it was written.
        engine.set_optimization_level(OptimizationLevel::None);
        engine.disable_symbol("eval");
        // A misspelt key is an error where it is read, as an unset variable is.
        engine.set_fail_on_invalid_map_property(true);
        engine
            .set_max_operations(limits::RHAI_OPERATIONS)
            .set_max_call_levels(limits::RHAI_CALL_LEVELS)
            .set_max_expr_depths(limits::RHAI_EXPRESSION_DEPTH, limits::RHAI_FUNCTION_EXPRESSION_DEPTH)
            .set_max_string_size(limits::RHAI_TEXT_BYTES)
            .set_max_array_size(limits::RHAI_LIST_ITEMS)
            .set_max_map_size(limits::RHAI_LITERAL_ENTRIES)
            .set_max_variables(limits::RHAI_VARIABLES)
            .set_max_functions(limits::RHAI_FUNCTIONS)
            .set_max_modules(limits::RHAI_MODULES);
        let watch = Arc::new(Mutex::new(Watch::begin()));
        let watching = Arc::clone(&watch);
        engine.on_progress(move |_| watching.lock().unwrap_or_else(PoisonError::into_inner).look().map(Dynamic::from));
        self.listen(&mut engine);
        engine.register_type_with_name::<Opaque>("component");
        refuse_large_integers(&mut engine);
        refuse_sleep(&mut engine);
        register_environ(&mut engine);
        if let Some(extend) = &self.extend {
            extend(&mut engine);
        }
        let modules = Modules::for_engine(self, &mut engine);
        Machine { engine, modules, watch }
    }

    fn listen(&self, engine: &mut Engine) {
        let printed = Arc::clone(&self.printed);
        engine.on_print(move |text| printed.say(text));
        let printed = Arc::clone(&self.printed);
        engine.on_debug(move |text, _, _| printed.say(text));
    }

    /// Returns the names that code finds.
    pub(crate) fn scope(&self) -> Scope<'static> {
        let mut scope = Scope::new();
        if let Some(here) = self.directory.as_ref().and_then(|directory| directory.to_str()) {
            scope.push_constant("here", here.to_owned());
        }
        scope.push("environ", Environ(Arc::clone(&self.reader)));
        scope
    }
}

/// Runs work that may recurse deeply, or panic inside the engine, on a stack of its own.
pub(crate) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Diagnostic> {
    let stopped = || Diagnostic::new(Code::ScriptFailed, "the evaluation of Rhai code stopped unexpectedly");
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("rhai".to_owned()).stack_size(limits::RHAI_STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work).map_err(|error| stopped().note(error.to_string()))?;
        thread.join().map_err(|_| stopped())
    })
}

/// Evaluates a Rhai file.
pub(crate) fn read(source: &Arc<Source>, sandbox: &Sandbox) -> Result<Value, Vec<Diagnostic>> {
    on_a_large_stack(|| evaluate(source, sandbox)).unwrap_or_else(|stopped| {
        let start = Span::new(source, 0..0);
        Err(vec![stopped.at(&start, "")])
    })
}

fn evaluate(source: &Arc<Source>, sandbox: &Sandbox) -> Result<Value, Vec<Diagnostic>> {
    let Machine { mut engine, modules, .. } = sandbox.machine();
    let ast = engine.compile(source.text()).map_err(|error| vec![syntax(source, &error)])?;
    engine.set_max_map_size(limits::RHAI_MAP_ENTRIES);
    let mut scope = sandbox.scope();
    let result = engine.eval_ast_with_scope::<Dynamic>(&mut scope, &ast);
    let code = Written::File(Arc::clone(source));
    let value = result.map_err(|error| {
        let names = Names { engine: &engine, variables: &FILE_NAMES, keys: Vec::new() };
        vec![failure(*error, &code, &modules, &sandbox.reader, &names)]
    })?;
    let spans = Spans::new(source, &ast);
    let whole = Span::new(source, 0..source.text().len());
    let root = spans.root();
    let root_span = root.and_then(|root| spans.expression(root)).unwrap_or(whole);
    if !value.is_map() {
        let what = if value.is_unit() { "nothing".to_owned() } else { type_name(&value) };
        let finding =
            Diagnostic::new(Code::NotAMap, format!("a configuration file gives a map, this one gives {what}"))
                .at(&root_span, "")
                .help("end the file with an object map, `#{ key: value }`");
        return Err(vec![finding]);
    }
    let functions = Functions { ast: &ast, scope: &scope, code, modules, sandbox, program: OnceLock::new() };
    let mut importer = Importer { spans: Some(&spans), functions: Some(&functions), findings: Vec::new() };
    let value = importer.value(&value, root, &root_span, &KeyPath::root(), 0);
    if importer.findings.is_empty() { Ok(value) } else { Err(importer.findings) }
}

/// Returns the finding about a text that is not Rhai.
fn syntax(source: &Arc<Source>, error: &ParseError) -> Diagnostic {
    let lines = Lines::new(source.text());
    let end = source.text().len();
    let range = lines.token(error.position()).unwrap_or(end..end);
    let code = if is_limit(error.err_type()) { Code::TooLarge } else { Code::Syntax };
    let finding = Diagnostic::new(code, our_words(&error.err_type().to_string())).at(&Span::new(source, range), "");
    let help = match error.err_type() {
        ParseErrorType::ExprTooDeep => format!(
            "at most {} expressions may stand inside each other, {} in functions: name parts with `let`",
            limits::RHAI_EXPRESSION_DEPTH,
            limits::RHAI_FUNCTION_EXPRESSION_DEPTH
        ),
        ParseErrorType::TooManyFunctions => {
            format!("a file may have {}: move some to a module", limits::RHAI_FUNCTIONS)
        }
        ParseErrorType::LiteralTooLarge(_, most) => format!("at most {most}: divide it"),
        _ => match lines.offset(error.position()).and_then(|offset| at_colon(source.text(), offset)) {
            Some(help) => help,
            None => return finding,
        },
    };
    finding.help(help)
}

/// The names that every file finds.
pub(crate) const FILE_NAMES: [&str; 2] = ["here", "environ"];

/// The names that code knows beside those in its text, for advice.
pub(crate) struct Names<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) variables: &'a [&'a str],
    /// The keys of the tree that it changes.
    pub(crate) keys: Vec<&'a str>,
}

/// Writes the engine's messages as ours are written.
pub(crate) fn our_words(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    let message = first + characters.as_str();
    if message.matches('\'').count().is_multiple_of(2) { message.replace('\'', "`") } else { message }
}

fn is_limit(error: &ParseErrorType) -> bool {
    matches!(
        error,
        ParseErrorType::ExprTooDeep | ParseErrorType::TooManyFunctions | ParseErrorType::LiteralTooLarge(..)
    )
}

/// Returns the finding about code that failed.
pub(crate) fn failure(
    error: EvalAltResult,
    code: &Written,
    modules: &Modules,
    reader: &Reader,
    names: &Names<'_>,
) -> Diagnostic {
    let place = |position| code.place(position);
    let mut error = error;
    let mut module: Option<String> = None;
    let mut caller = None;
    let (mut error, module) = loop {
        let (inner, next, position) = match error {
            EvalAltResult::ErrorInFunctionCall(_, source, inner, position) => (inner, source, position),
            EvalAltResult::ErrorInModule(path, inner, position) => (inner, path, position),
            other => break (other, module),
        };
        if module.is_none() {
            caller = place(position);
        }
        module = if next.is_empty() { module } else { Some(next) };
        error = *inner;
    };
    let position = error.take_position();
    let thrown = thrown(&error);
    let source = module.as_ref().and_then(|path| modules.source(path));
    let text = source.as_ref().map_or(code.text(), |source| source.text());
    let mut diagnostic = match error {
        EvalAltResult::ErrorTerminated(token, _) if token.clone().try_cast() == Some(Stop::Memory) => {
            let most = limits::RHAI_MEMORY_BYTES >> 20;
            Diagnostic::new(Code::ScriptFailed, format!("the evaluation takes more than {most} MiB of memory"))
        }
        EvalAltResult::ErrorTerminated(..) => {
            let seconds = seconds_text(limits::RHAI_TIME.as_secs_f64());
            Diagnostic::new(Code::ScriptFailed, format!("the evaluation took longer than {seconds}"))
        }
        EvalAltResult::ErrorRuntime(token, _) if token.is::<MissingVariable>() => {
            let MissingVariable(name, why) = token.cast();
            reader.unread(&name, &why).help(format!("`environ.get(\"{name}\", default)` gives a default"))
        }
        EvalAltResult::ErrorVariableNotFound(name, _) if name == "here" => no_directory(),
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            unknown("variable", &name, variables(text).into_iter().chain(names.variables.iter().copied()))
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            unknown("entry", &name, keys(text).into_iter().chain(names.keys.iter().copied()))
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(&signature, names.engine, text),
        EvalAltResult::ErrorParsing(kind, _) => Diagnostic::new(Code::Syntax, our_words(&kind.to_string())),
        EvalAltResult::ErrorRuntime(token, _) if token.is::<Refused>() => {
            Diagnostic::new(Code::ScriptFailed, token.cast::<Refused>().0)
        }
        EvalAltResult::ErrorRuntime(token, _) if token.is::<Failed>() => token.cast::<Failed>().into_diagnostic(),
        other => exceeded(&other).unwrap_or_else(|| Diagnostic::new(Code::ScriptFailed, our_words(&other.to_string()))),
    };
    diagnostic.thrown = diagnostic.thrown.or(thrown);
    let inside = source.and_then(|source| Written::File(source).place(position));
    if let Some(first) = inside.clone().or_else(|| place(position)).or_else(|| caller.clone())
        && !diagnostic.labels.is_empty()
    {
        return diagnostic.also(&first, "called from here");
    }
    match (inside, caller) {
        (Some(inside), Some(caller)) => diagnostic.at(&inside, "").also(&caller, "called from here"),
        (Some(inside), None) => diagnostic.at(&inside, ""),
        (None, caller) => match (place(position), caller) {
            (Some(own), Some(caller)) => diagnostic.at(&own, "").also(&caller, "called from here"),
            (Some(own), None) => diagnostic.at(&own, ""),
            (None, Some(caller)) => diagnostic.at(&caller, ""),
            (None, None) => diagnostic,
        },
    }
}

/// Returns the map that code has thrown on purpose.
fn thrown(error: &EvalAltResult) -> Option<Box<Value>> {
    let EvalAltResult::ErrorRuntime(thrown, _) = error else { return None };
    let mut importer = Importer { spans: None, functions: None, findings: Vec::new() };
    let is_map = thrown.is_map();
    let value = is_map.then(|| importer.value(thrown, None, &Span::nowhere("thrown"), &KeyPath::root(), 0))?;
    importer.findings.is_empty().then(|| Box::new(value))
}

/// Returns the finding about code that met one of the limits.
fn exceeded(error: &EvalAltResult) -> Option<Diagnostic> {
    let (message, help) = match error {
        EvalAltResult::ErrorTooManyOperations(_) => (
            format!("the code takes more than {} operations", limits::RHAI_OPERATIONS),
            "does a loop never end? A configuration says what there is; large computations belong into a program",
        ),
        EvalAltResult::ErrorStackOverflow(_) => (
            format!("more than {} function calls inside each other", limits::RHAI_CALL_LEVELS),
            "does a function call itself without an end?",
        ),
        EvalAltResult::ErrorTooManyVariables(_) => {
            (format!("more than {} variables at the same time", limits::RHAI_VARIABLES), "keep them in a map or a list")
        }
        EvalAltResult::ErrorTooManyModules(_) => {
            (format!("more than {} modules are imported", limits::RHAI_MODULES), "put several of them into one file")
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            let most = match what.to_lowercase() {
                what if what.contains("string") => format!("{} MiB", limits::RHAI_TEXT_BYTES >> 20),
                what if what.contains("map") => format!("{} entries", limits::RHAI_MAP_ENTRIES),
                _ => format!("{} items", limits::RHAI_LIST_ITEMS),
            };
            (format!("{}: at most {most}", our_words(&error.to_string())), "does a loop never end?")
        }
        _ => return None,
    };
    let message = message.split(" (line ").next().unwrap_or_default();
    Some(Diagnostic::new(Code::ScriptFailed, message).help(help))
}

/// Puts errors in the place of the `sleep` of Rhai's core package, for each type that it takes.
fn refuse_sleep(engine: &mut Engine) {
    let refuse = || Err(refuse("a configuration cannot `sleep`".to_owned(), Position::NONE));
    engine.register_fn("sleep", move |_: rhai::INT| -> Result<(), Box<EvalAltResult>> { refuse() });
    engine.register_fn("sleep", move |_: rhai::FLOAT| -> Result<(), Box<EvalAltResult>> { refuse() });
}

/// Refuses whole numbers beyond 64 bits, of which Rhai makes numbers with a fraction.
#[expect(deprecated, reason = "marks the function as volatile; it is not to be removed")]
fn refuse_large_integers(engine: &mut Engine) {
    engine.on_parse_token(|token, _, _| match &token {
        Token::FloatConstant(number) if number.1.bytes().all(|byte| byte.is_ascii_digit() || b"_-".contains(&byte)) => {
            let message = format!("the whole number `{}` is out of range", number.1);
            Token::LexError(Box::new(LexError::Runtime(message)))
        }
        _ => token,
    });
}

/// Something that the sandbox does not do, in words.
#[derive(Clone)]
struct Refused(String);

/// Returns the error of code that asks for something the sandbox does not do.
pub(crate) fn refuse(why: String, position: Position) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(Refused(why)), position))
}

/// A variable that code read and that could not be read.
#[derive(Clone)]
struct MissingVariable(String, Unread);

/// The environment as code sees it.
#[derive(Clone)]
struct Environ(Arc<Reader>);

fn register_environ(engine: &mut Engine) {
    engine.register_type_with_name::<Environ>("environ");
    let read = |environ: &Environ, name: &str| {
        environ.0.read(name).map_err(|why| {
            let missing = Dynamic::from(MissingVariable(name.to_owned(), why));
            Box::new(EvalAltResult::ErrorRuntime(missing, Position::NONE))
        })
    };
    engine.register_indexer_get(move |environ: &mut Environ, name: ImmutableString| read(environ, &name));
    engine.register_fn("get", move |environ: &mut Environ, name: ImmutableString, default: Dynamic| {
        if environ.0.is_set(&name) { read(environ, &name).map(Dynamic::from) } else { Ok(default) }
    });
    engine.register_fn("contains", |environ: &mut Environ, name: ImmutableString| environ.0.is_set(&name));
}
