//! The catalogue and the manual pages, from what components say of themselves.

use std::fmt::Write;

use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

/// Returns one line for each component that configurations can name, by kind.
pub fn catalogue(registry: &Registry) -> String {
    let mut text = String::new();
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Command) {
        let descriptors: Vec<_> = registry.of_kind(*kind).collect();
        if descriptors.is_empty() {
            continue;
        }
        let width = descriptors.iter().map(|descriptor| descriptor.name.len()).max().unwrap_or(0);
        let _ = writeln!(text, "{kind}");
        for descriptor in descriptors {
            let _ = writeln!(text, "  {:width$}  {}", descriptor.name, descriptor.summary());
        }
        text.push('\n');
    }
    text.push_str("`palladium components NAME` explains one of them.");
    text
}

/// Returns the manual page of a component.
pub fn page(descriptor: &Descriptor) -> String {
    let mut text = format!("{} ({})\n", descriptor.name, descriptor.kind);
    if !descriptor.aliases.is_empty() {
        let _ = writeln!(text, "also named {}", descriptor.aliases.join(", "));
    }
    let _ = writeln!(text, "\n{}\n", descriptor.docs);
    if !descriptor.params.is_empty() {
        text.push_str("Parameters\n");
    }
    for param in descriptor.params {
        let _ = writeln!(text, "  {}: {}", param.name, described(param));
        for line in param.docs.lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
    let origin = descriptor.origin;
    let _ = write!(text, "\nFrom {} {}", origin.krate, origin.version);
    text
}

fn described(param: &Param) -> String {
    let mut parts = vec![param.kind.to_string()];
    let range = param.range.to_string();
    if !range.is_empty() {
        parts.push(range);
    }
    match &param.default {
        _ if param.rest => parts.push("all other arguments".to_owned()),
        Some(default) => parts.push(format!("default {default}")),
        None => parts.push("required".to_owned()),
    }
    if !param.aliases.is_empty() {
        parts.push(format!("also `{}`", param.aliases.join("`, `")));
    }
    parts.join(", ")
}

/// Returns what is known about a component as JSON.
pub fn json(descriptor: &Descriptor) -> Json {
    let params = descriptor.params.iter().map(|param| {
        json!({
            "name": param.name,
            "aliases": param.aliases,
            "docs": param.docs,
            "type": param.kind.to_string(),
            "range": Some(param.range.to_string()).filter(|range| !range.is_empty()),
            "required": param.is_required(),
            "default": param.default.map(|default| default.to_value().to_json()),
        })
    });
    json!({
        "name": descriptor.name,
        "aliases": descriptor.aliases,
        "kind": descriptor.kind.as_str(),
        "docs": descriptor.docs,
        "params": params.collect::<Vec<_>>(),
        "crate": descriptor.origin.krate,
        "version": descriptor.origin.version,
    })
}
