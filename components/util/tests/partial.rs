//! Functions with fixed arguments, made as configurations make them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::any::Any;
use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_util as _;

/// Shows what it was called with.
struct Show {
    parameters: Option<Vec<String>>,
}

impl Callable for Show {
    fn name(&self) -> &str {
        "show"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        self.parameters.clone()
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        Ok(text(&format!("{arguments:?}")))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn value(data: Data) -> Value {
    Value::new(data, Span::nowhere("test"))
}

fn text(text: &str) -> Value {
    value(Data::Text(text.to_owned()))
}

fn int(number: i64) -> Value {
    value(Data::Int(number))
}

fn show(parameters: &[&str]) -> Value {
    let parameters = Some(parameters.iter().map(|name| (*name).to_owned()).collect());
    value(Data::Function(Arc::new(Show { parameters })))
}

fn map(entries: &[(&str, Value)]) -> Map {
    let entry = |value: &Value| Entry { key_span: Span::nowhere("test"), value: value.clone() };
    entries.iter().map(|(key, value)| ((*key).to_owned(), entry(value))).collect()
}

fn partial(entries: &[(&str, Value)]) -> Result<Value, String> {
    let registry = Registry::linked().unwrap();
    let mut arguments = map(&[("!", text("palladium.util.Partial"))]);
    arguments.extend(map(entries));
    let mut findings = Diagnostics::default();
    let made = registry.construct(arguments, &KeyPath::parse("here"), &Span::nowhere("test"), &mut findings);
    if findings.is_empty() { Ok(made) } else { Err(findings.render(false)) }
}

fn call(function: &Value, arguments: Vec<Value>) -> Result<String, Box<Diagnostic>> {
    let Data::Function(function) = &function.data else { panic!("{function:?} is no function") };
    function.call(arguments).map(|value| format!("{value:?}"))
}

/// Adds its numbers up.
#[component(Function, name = "test.Sum")]
struct Sum {
    /// One of them.
    first: i64,
    /// The other.
    #[param(alias = "other", default = 10)]
    second: i64,
}

impl Function for Sum {
    fn call(&self) -> Result<Data, Failure> {
        Ok(Data::Int(self.first + self.second))
    }
}

#[test]
fn arguments_are_fixed_by_name_and_given_in_order() {
    let function = partial(&[("func", show(&["a", "b", "c"])), ("b", int(2))]).unwrap();
    assert_eq!(call(&function, vec![int(1), int(3)]).unwrap(), "\"[1, 2, 3]\"");
    let Data::Function(callable) = &function.data else { panic!() };
    assert_eq!((callable.name(), callable.parameters().unwrap()), ("show", vec!["a".to_owned(), "c".to_owned()]));
    for wrong in [vec![], vec![int(1)], vec![int(1), int(2), int(3)]] {
        let message = call(&function, wrong).unwrap_err().message;
        assert!(message.starts_with("what is left of `show` takes `a`, `c`, and it was called with"), "{message}");
    }
}

#[test]
fn a_partial_of_a_partial_fixes_more() {
    let first = partial(&[("func", show(&["a", "b", "c"])), ("a", int(1))]).unwrap();
    let second = partial(&[("func", first.clone()), ("c", int(3))]).unwrap();
    assert_eq!(call(&second, vec![int(2)]).unwrap(), "\"[1, 2, 3]\"");
    let again = partial(&[("func", first), ("a", int(3))]).unwrap_err();
    assert!(again.contains("`show` has no parameter `a` to fix") && again.contains("it has `b`, `c`"), "{again}");
}

#[test]
fn components_take_further_arguments_by_name() {
    for name in ["test.Sum", "Sum"] {
        let function = partial(&[("func", text(name)), ("first", int(1))]).unwrap();
        assert_eq!(call(&function, vec![]).unwrap(), "11");
        assert_eq!(call(&function, vec![value(Data::Map(map(&[("second", int(5))])))]).unwrap(), "6");
        assert_eq!(call(&function, vec![value(Data::Map(map(&[("first", int(5)), ("other", int(1))])))]).unwrap(), "6");
        let wrong = call(&function, vec![value(Data::Map(map(&[("second", text("x"))])))]).unwrap_err();
        assert_eq!(wrong.message, "`second` of `test.Sum` has to be a whole number");
        assert!(call(&function, vec![int(1)]).unwrap_err().message.contains("one map"));
    }
    let twice =
        partial(&[("func", partial(&[("func", text("test.Sum")), ("first", int(1))]).unwrap()), ("first", int(2))]);
    assert_eq!(call(&twice.unwrap(), vec![]).unwrap(), "12");
}

#[test]
fn what_cannot_be_fixed_is_found_while_planning() {
    let nameless = value(Data::Function(Arc::new(Show { parameters: None })));
    let cases = [
        (vec![("func", text("test.Summ"))], "error[unknown_component]"),
        (vec![("func", int(1))], "`func` of `palladium.util.Partial` has to be a function"),
        (vec![], "`palladium.util.Partial` needs `func`"),
        (vec![("func", show(&["a"])), ("x", int(1))], "`show` has no parameter `x` to fix"),
        (vec![("func", text("test.Sum")), ("third", int(1))], "it has `first`, `second`, `other`"),
        (vec![("func", nameless.clone()), ("x", int(1))], "the parameters of `show` have no names"),
    ];
    for (entries, expected) in cases {
        let findings = partial(&entries).unwrap_err();
        assert!(findings.contains(expected), "{findings}");
    }
    assert!(partial(&[("func", nameless)]).is_ok());
}
