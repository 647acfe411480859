//! What every linked component promises.

use palladium_component::prelude::*;
use palladium_standard as _;

fn construct(registry: &Registry, name: &str, arguments: &[(&str, Data)]) -> Diagnostics {
    let span = Span::nowhere("test");
    let entries = std::iter::once(("!", Data::Text(name.to_owned()))).chain(arguments.iter().cloned());
    let map = entries
        .map(|(key, data)| (key.to_owned(), Entry { key_span: span.clone(), value: Value::new(data, span.clone()) }));
    let mut findings = Diagnostics::default();
    registry.construct(map.collect(), &KeyPath::parse("here"), &span, &mut findings);
    findings
}

#[test]
fn components_are_documented_and_their_defaults_load() {
    let registry = Registry::linked().unwrap();
    assert!(registry.components().len() > 10, "the roster is not linked");
    for descriptor in registry.components() {
        assert!(descriptor.summary().ends_with('.'), "the summary of `{}` is no sentence", descriptor.name);
        for param in descriptor.params {
            assert!(!param.docs.is_empty(), "`{}` of `{}` is not documented", param.name, descriptor.name);
        }
        for finding in construct(&registry, descriptor.name, &[]).iter() {
            let one_of = format!("`{}`: ", descriptor.name);
            let missing = finding.message.starts_with(&format!("`{}` needs `", descriptor.name))
                || (finding.message.starts_with(&one_of) && finding.message.contains("is needed"));
            assert!(missing, "without arguments only missing ones may be reported: {finding}");
        }
    }
}

#[test]
fn unknown_parameters_are_refused_with_help() {
    let registry = Registry::linked().unwrap();
    for descriptor in
        registry.components().iter().filter(|descriptor| !descriptor.params.iter().any(|param| param.rest))
    {
        let findings = construct(&registry, descriptor.name, &[("not_a_parameter", Data::Null)]);
        let unknown = findings.iter().find(|finding| finding.message.contains("has no parameter `not_a_parameter`"));
        let text = unknown.map(|finding| finding.render(false)).unwrap_or_default();
        assert!(text.contains(&format!("palladium components {}", descriptor.name)), "{}: {text}", descriptor.name);
    }
}

#[test]
fn every_parameter_refuses_what_does_not_fit_it() {
    let registry = Registry::linked().unwrap();
    // No parameter takes a component that is none of the registry's.
    let alien = || Data::Component(std::sync::Arc::new("alien"));
    for descriptor in registry.components() {
        for param in descriptor.params.iter().filter(|param| !param.rest && param.kind != ParamType::Any) {
            let findings = construct(&registry, descriptor.name, &[(param.name, alien())]);
            let refused = format!("`{}` of `{}` has to be", param.name, descriptor.name);
            assert!(findings.iter().any(|finding| finding.message.starts_with(&refused)), "{refused}: {findings}");
        }
    }
}
