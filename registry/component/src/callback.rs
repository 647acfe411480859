//! Functions as arguments.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use palladium_value::{Callable, Code, Data, Diagnostic, Diagnostics, KeyPath, Map, Span, Value};

use crate::registry::make;
use crate::{Descriptor, Failed, FromArgument, Mismatch, Param, ParamType};

/// A function that a component is given: a closure or function of a script, a component by its name, or what another
/// component made of one of them.
#[derive(Clone)]
pub struct Callback(pub Arc<dyn Callable>);

impl Deref for Callback {
    type Target = Arc<dyn Callable>;

    fn deref(&self) -> &Arc<dyn Callable> {
        &self.0
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<function {}>", self.0.name())
    }
}

impl FromArgument for Callback {
    const TYPE: ParamType = ParamType::Function;

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Function(function) => Ok(Callback(Arc::clone(function))),
            _ if Failed::is_in(value) => Err(Mismatch::Reported),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

/// A component as a function: called with a map of arguments it constructs the component.
///
/// What it returns is not initialized.
#[derive(Debug)]
pub(crate) struct ComponentFunction {
    descriptor: &'static Descriptor,
    key: KeyPath,
    span: Span,
}

impl ComponentFunction {
    pub(crate) fn new(descriptor: &'static Descriptor, key: KeyPath, span: Span) -> ComponentFunction {
        ComponentFunction { descriptor, key, span }
    }
}

impl Callable for ComponentFunction {
    fn name(&self) -> &str {
        self.descriptor.name
    }

    /// There are none to count where the component takes any arguments.
    fn parameters(&self) -> Option<Vec<String>> {
        let params = self.descriptor.params;
        let names = params.iter().flat_map(Param::names).map(str::to_owned).collect();
        (!params.iter().any(|param| param.rest)).then_some(names)
    }

    fn n_parameters(&self) -> Option<usize> {
        None
    }

    fn takes_keywords(&self) -> bool {
        true
    }

    fn call(&self, mut arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        let map = match (arguments.pop().map(|argument| argument.data), arguments.len()) {
            (None, _) => Map::new(),
            (Some(Data::Map(map)), 0) => map,
            _ => {
                let message = format!("`{}` is called with one map, the arguments by their names", self.name());
                return Err(Box::new(Diagnostic::new(Code::BadArguments, message).at(&self.span, "named here")));
            }
        };
        let mut findings = Diagnostics::default();
        let made = make(self.descriptor, &self.key, &self.span, map, &mut findings);
        match (made, findings.0.into_iter().next()) {
            (Some(data), None) => Ok(Value::new(data, self.span.clone())),
            (_, Some(finding)) => Err(Box::new(finding)),
            (None, None) => {
                let message = format!("`{}` could not be constructed", self.name());
                Err(Box::new(Diagnostic::new(Code::BadArguments, message).at(&self.span, "named here")))
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
