//! Views that change something are not open to other machines by mistake.

use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_component::value::Diagnostics;
use palladium_runtime::App;
use serde_json::json;

use super::support::*;
use super::views::{Added, Does, app_of};
use crate::{ServeError, ServeOptions, route_table, serve};

/// A decorator that says this of itself.
struct Says(Authentication);

impl Lifecycle for Says {}

impl Decorator for Says {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        call.proceed()
    }

    fn authentication(&self) -> Authentication {
        self.0
    }
}

/// A view that answers itself and may change something, by the server's view of this name if there is one.
struct Changing(Option<&'static str>);

impl Lifecycle for Changing {}

impl View for Changing {
    fn rules(&self) -> Vec<ViewRule> {
        let passes_on_to = self.0.map(str::to_owned);
        vec![ViewRule { changes: true, passes_on_to, ..ViewRule::new("/change", &["POST"]) }]
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some("change_decorators")
    }
}

/// Returns lists of which one has decorators that say this of themselves.
fn lists(name: &str, says: &[Authentication]) -> Decorators {
    let items = says.iter().map(|says| Arc::new(Says(*says)) as Arc<dyn Decorator>).collect();
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new(name, items));
    decorators
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
        Err(ServeError::Config(Diagnostics(findings))) => {
            let [finding] = findings.as_slice() else { panic!("{findings:?}") };
            assert!(finding.message.starts_with("other machines could use `/"), "{finding:?}");
            assert!(
                finding.help[0].contains("allow_unauthenticated_admin") && finding.labels.len() == 1,
                "{finding:?}"
            );
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
    let guarded = |list: &str| lists(list, &[Authentication::Required]);
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

#[test]
fn only_decorators_that_ask_who_it_is_guard() {
    use Authentication::{None, Possible, Required};
    let cases: [(&[Authentication], Authentication); 7] = [
        (&[], None),
        (&[None], None),
        (&[None, None], None),
        (&[Possible], Possible),
        (&[None, Required], Required),
        (&[Required, None], Required),
        (&[Required, Possible], Required),
    ];
    for (says, expected) in cases {
        let app = || app(activate(), &json!({})).decorated_by(lists("activate_decorators", says));
        let routes = route_table(&app());
        let route = routes.iter().find(|route| route.path == "/activate").unwrap();
        assert_eq!((route.changes, route.authentication), (true, expected), "{says:?}");
        assert_eq!(is_refused(app(), "0.0.0.0"), expected == None, "{says:?}");
    }
    let list = route_table(&app(activate(), &json!({}))).into_iter().find(|route| route.path == "/list").unwrap();
    assert_eq!((list.changes, list.authentication), (false, None));
}

#[test]
fn views_of_components_that_change_something_need_a_guard() {
    let app = || {
        let view = Component::View(Arc::new(Changing(None)));
        App::of_components(vec![("view", view)], Vec::new())
    };
    assert!(is_refused(app(), "0.0.0.0"));
    assert!(!is_refused(app(), "127.0.0.1"));
    assert!(is_refused(app().decorated_by(lists("change_decorators", &[Authentication::None])), "0.0.0.0"));
    assert!(!is_refused(app().decorated_by(lists("change_decorators", &[Authentication::Required])), "0.0.0.0"));
    assert!(is_refused(app().decorated_by(lists("activate_decorators", &[Authentication::Required])), "0.0.0.0"));
}

#[test]
fn the_decorators_of_the_view_that_a_change_is_passed_on_to_guard_it_too() {
    use Authentication::{None, Required};
    let guarded = |list: &str, says: Authentication| {
        let view = Component::View(Arc::new(Changing(Some("palladium.server.activate"))));
        App::of_components(vec![("view", view)], Vec::new()).decorated_by(lists(list, &[says]))
    };
    for (list, says, expected) in [
        ("activate_decorators", Required, Required),
        ("change_decorators", Required, Required),
        ("activate_decorators", None, None),
        ("server_fit_decorators", Required, None),
    ] {
        let route = route_table(&guarded(list, says)).into_iter().find(|route| route.path == "/change").unwrap();
        assert_eq!((route.changes, route.authentication), (true, expected), "{list} {says:?}");
        assert_eq!(is_refused(guarded(list, says), "0.0.0.0"), expected == None, "{list} {says:?}");
    }
}
