//! Calls in decorators, as functions of configurations see them: `wrapped.proceed()`, `wrapped.name`, `wrapped.request`; `call` is
//! a word of the language.

use palladium_component::value::nearest;
use palladium_config::script::{Opaque, to_dynamic, waiting};
use palladium_runtime::decorate::FunctionCall;
use rhai::{Dynamic, Engine, EvalAltResult};

use crate::fault::{self, Fault};

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
                fault.help(format!("it has `proceed()`, `{}`", names.join("`, `")))
            }
        }
    }))
}
