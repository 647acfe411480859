//! Views that change something are not open to other machines by mistake.

use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::json;

use super::support::*;
use super::views::{Added, Does, app_of};
use crate::{ServeError, ServeOptions, serve};

struct Pass;

impl Lifecycle for Pass {}

impl Decorator for Pass {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        call.proceed()
    }
}

fn app(added: Added, entries: &serde_json::Value) -> App {
    let store = Component::Persister(Store::new(Reads::Cached(model(1))));
    app_of(vec![added], vec![("model_persister", store)], entries)
}

fn activate() -> Added {
    Added::at("/activate", Does::Named("palladium.server.activate")).by(&["POST"])
}

/// Serves on every address of this machine and says whether that was refused.
fn is_refused(app: App, host: &str) -> bool {
    let options = ServeOptions { listen: vec![at(&format!("{host}:0"))], ..options() };
    match serve(Arc::new(app).into(), &options, |bound| bound.stopper.stop()) {
        Ok(()) => false,
        Err(error @ ServeError::Open { .. }) => {
            let help = error.help().unwrap();
            assert!(error.to_string().contains("`/") && help.contains("allow_unauthenticated_admin"), "{error} {help}");
            true
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn open_views_are_refused_on_other_addresses_unless_allowed() {
    let nothing = json!({});
    let allowed = json!({"server": {"allow_unauthenticated_admin": true}});
    let jobs = || Added::at("/jobs/<id>", Does::Named("palladium.server.jobs"));
    let guarded = |list: &str| {
        let mut decorators = Decorators::default();
        decorators.insert(DecoratorList::new(list, vec![Arc::new(Pass)]));
        decorators
    };
    assert!(is_refused(app(activate(), &nothing), "0.0.0.0"));
    assert!(!is_refused(app(activate(), &nothing), "127.0.0.1"));
    assert!(!is_refused(app(activate(), &nothing), "localhost"));
    assert!(!is_refused(app(activate(), &allowed), "0.0.0.0"));
    assert!(is_refused(app(activate(), &json!({"server": {"allow_unauthenticated_admin": false}})), "0.0.0.0"));
    assert!(!is_refused(app(activate(), &nothing).decorated_by(guarded("activate_decorators")), "0.0.0.0"));
    assert!(is_refused(app(activate(), &nothing).decorated_by(guarded("list_decorators")), "0.0.0.0"));
    let named = || activate().decorated("my_decorators");
    assert!(!is_refused(app(named(), &nothing).decorated_by(guarded("my_decorators")), "0.0.0.0"));
    assert!(is_refused(app(named(), &nothing).decorated_by(guarded("activate_decorators")), "0.0.0.0"));
    assert!(is_refused(app(jobs().by(&["GET", "DELETE"]), &nothing), "0.0.0.0"));
    assert!(!is_refused(app(jobs(), &nothing), "0.0.0.0"), "looking changes nothing");
}
