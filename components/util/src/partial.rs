//! A function with some of its arguments fixed.

use std::any::Any;

use palladium_component::prelude::*;

/// Makes a function of another one, some of whose arguments are fixed.
///
/// `func` is a function or closure of a script, the name of a component, or another `Partial`. All other entries are
/// arguments of `func` by their names, and fixed. The result is called with what is left:
/// - of a script's function, the arguments for its other parameters, in their order;
/// - of a component, at most one map: further arguments by their names, which win over the fixed ones. It constructs
///   the component; what is constructed this way is not initialized.
///
/// The result keeps the name of `func`.
#[component(Function, name = "palladium.util.Partial", check)]
pub struct Partial {
    /// The function, or the name of a component.
    func: Callback,
    /// Arguments of `func` by their names.
    #[param(rest)]
    arguments: Map,
}

impl Partial {
    fn check(&self) -> Result<(), ArgumentError> {
        let Some(parameters) = self.func.parameters() else {
            // What takes any names says itself which of them are wrong.
            if self.func.takes_keywords() || self.arguments.is_empty() {
                return Ok(());
            }
            let message = format!("the parameters of `{}` have no names, so none can be fixed", self.func.name());
            return Err(ArgumentError::new("func", message).help("give a closure that calls it"));
        };
        match self.arguments.keys().find(|name| !parameters.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("`{}` has no parameter `{name}` to fix", self.func.name());
                let help = match parameters.is_empty() {
                    true => "it has no parameters".to_owned(),
                    false => format!("it has `{}`", parameters.join("`, `")),
                };
                Err(ArgumentError::new("func", message).help(help))
            }
        }
    }
}

impl Function for Partial {
    fn call(&self) -> Result<Data, Failure> {
        let fixed = Fixed { func: self.func.clone(), arguments: self.arguments.clone() };
        Ok(Data::Function(std::sync::Arc::new(fixed)))
    }
}

/// The function that [`Partial`] makes.
struct Fixed {
    func: Callback,
    arguments: Map,
}

impl Fixed {
    /// Returns the arguments of the function in the order of its parameters.
    fn ordered(&self, parameters: &[String], given: Vec<Value>) -> Result<Vec<Value>, Box<Diagnostic>> {
        let n_given = given.len();
        let mut given = given.into_iter();
        let mut arguments = Vec::with_capacity(parameters.len());
        for name in parameters {
            let fixed = self.arguments.get(name).map(|entry| entry.value.clone());
            arguments.extend(fixed.or_else(|| given.next()));
        }
        if arguments.len() == parameters.len() && given.next().is_none() {
            return Ok(arguments);
        }
        let left = self.parameters().unwrap_or_default();
        let expected = if left.is_empty() { "no arguments".to_owned() } else { format!("`{}`", left.join("`, `")) };
        let message =
            format!("what is left of `{}` takes {expected}, and it was called with {n_given} arguments", self.name());
        let place = self.arguments.values().next().map(|entry| &entry.key_span);
        let finding = Diagnostic::new(Code::BadArguments, message);
        Err(Box::new(place.into_iter().fold(finding, |finding, place| finding.at(place, "fixed here"))))
    }

    /// Returns the arguments by their names, those given over those fixed.
    fn named(&self, mut given: Vec<Value>) -> Result<Vec<Value>, Box<Diagnostic>> {
        let mut arguments = self.arguments.clone();
        match (given.pop(), given.len()) {
            (None, _) => Ok(vec![Value::new(Data::Map(arguments), Span::nowhere("arguments"))]),
            (Some(Value { data: Data::Map(further), span, .. }), 0) => {
                arguments.extend(further);
                Ok(vec![Value::new(Data::Map(arguments), span)])
            }
            _ => {
                let message = format!("`{}` is called with one map, further arguments by their names", self.name());
                Err(Box::new(Diagnostic::new(Code::BadArguments, message)))
            }
        }
    }
}

impl Callable for Fixed {
    fn name(&self) -> &str {
        self.func.name()
    }

    fn parameters(&self) -> Option<Vec<String>> {
        let mut parameters = self.func.parameters()?;
        if !self.takes_keywords() {
            parameters.retain(|name| !self.arguments.contains_key(name));
        }
        Some(parameters)
    }

    fn n_parameters(&self) -> Option<usize> {
        if self.takes_keywords() { None } else { self.parameters().map(|parameters| parameters.len()) }
    }

    fn takes_keywords(&self) -> bool {
        self.func.takes_keywords()
    }

    fn call(&self, given: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        let arguments = match self.func.parameters() {
            _ if self.takes_keywords() => self.named(given)?,
            Some(parameters) => self.ordered(&parameters, given)?,
            None => given,
        };
        self.func.call(arguments)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
