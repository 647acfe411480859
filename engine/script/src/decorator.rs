//! Calls in decorators, as functions of configurations see them: `wrapped.proceed()`, `wrapped.identify("ada")`,
//! `wrapped.name`, `wrapped.request`; `call` is a word of the language.

use palladium_component::value::{Data, Value, nearest};
use palladium_config::script::{Opaque, to_dynamic, waiting};
use palladium_runtime::decorate::FunctionCall;
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, Position};

use crate::fault::{self, Answer, Fault};

/// Registers what a function can do with the call that it decorates.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("proceed", |of: &mut Opaque| -> Result<Dynamic, Box<EvalAltResult>> {
        let call = of.0.downcast_ref::<FunctionCall>();
        fault::guarded(|| match call.map(|call| waiting(|| call.proceed())) {
            Some(Ok(returned)) => Ok(to_dynamic(&returned)),
            Some(Err(error)) => Err(Fault::new(error)),
            None => Err(Fault::new("`proceed` is a method of the call that a decorator is given")),
        })
    });
    engine.register_fn(
        "identify",
        |of: &mut Opaque, principal: ImmutableString| -> Result<Dynamic, Box<EvalAltResult>> {
            fault::guarded(|| identify(of, &principal, Vec::new()))
        },
    );
    engine.register_fn(
        "identify",
        |of: &mut Opaque, principal: ImmutableString, scopes: Array| -> Result<Dynamic, Box<EvalAltResult>> {
            fault::guarded(|| identify(of, &principal, scopes))
        },
    );
    engine.register_set("request", |of: &mut Opaque, given: Dynamic| -> Result<(), Box<EvalAltResult>> {
        changed(of, &given).map_or(Ok(()), |fault| Err(fault.at(Position::NONE)))
    });
}

/// Leaves who makes the request.
fn identify(of: &Opaque, principal: &str, scopes: Array) -> Answer {
    let Some(call) = of.0.downcast_ref::<FunctionCall>() else {
        return Err(Fault::new("`identify` is a method of the call that a decorator is given"));
    };
    let scope = |scope: Dynamic| scope.into_string().map_err(|kind| Fault::new(format!("a scope is text, not {kind}")));
    let scopes: Vec<String> = scopes.into_iter().map(scope).collect::<Result<_, _>>()?;
    call.identify(principal, scopes).map_err(Fault::new)?;
    Ok(Dynamic::UNIT)
}

/// Returns what is wrong with a request that a call gets; nothing where it is the same, as behind methods that might have
/// changed it.
fn changed(of: &Opaque, given: &Dynamic) -> Option<Fault> {
    let request = of.0.downcast_ref::<FunctionCall>().and_then(|call| call.property("request"));
    (!request.is_some_and(|request| is_same(request, given))).then(|| {
        Fault::new("the request of a call cannot be changed").help(
            "`identify(\"ada\", [\"read\"])`, before `proceed()`, says who makes it; what `proceed()` returned can be \
             changed and returned",
        )
    })
}

fn is_same(value: &Value, given: &Dynamic) -> bool {
    match &value.data {
        Data::Null => given.is_unit(),
        Data::Bool(flag) => given.as_bool() == Ok(*flag),
        Data::Int(number) => given.as_int() == Ok(*number),
        Data::Float(number) => given.as_float() == Ok(*number),
        Data::Text(text) => given.read_lock::<ImmutableString>().is_some_and(|given| *given == text.as_str()),
        Data::List(items) => given.read_lock::<Array>().is_some_and(|given| {
            given.len() == items.len() && items.iter().zip(given.iter()).all(|(item, given)| is_same(item, given))
        }),
        Data::Map(map) => given.read_lock::<Map>().is_some_and(|given| {
            let is_in = |key: &str, value| given.get(key).is_some_and(|given| is_same(value, given));
            given.len() == map.len() && map.iter().all(|(key, entry)| is_in(key, &entry.value))
        }),
        Data::Function(_) | Data::Component(_) => true,
    }
}

/// Returns a property of a call; nothing where the value is none.
pub(crate) fn property(of: &Opaque, name: &str) -> Option<Result<Dynamic, Fault>> {
    let call = of.0.downcast_ref::<FunctionCall>()?;
    Some(call.property(name).map(to_dynamic).ok_or_else(|| {
        let fault = Fault::new(format!("this call has no `{name}`"));
        match nearest(name, call.properties()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => {
                let names: Vec<&str> = call.properties().collect();
                fault.help(format!("it has `proceed()`, `identify(…)`, `{}`", names.join("`, `")))
            }
        }
    }))
}
