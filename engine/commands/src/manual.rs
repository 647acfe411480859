//! The catalogue and the manual pages, from what components say of themselves.

use std::fmt::Write;

use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

use crate::examples;

/// The components to show, by kind in the order of the kinds, each sorted by name. Commands are left out: no
/// configuration can name them, and `palladium --help` lists them.
pub struct Catalogue<'a> {
    registry: &'a Registry,
    kinds: Vec<(Kind, Vec<&'static Descriptor>)>,
}

impl<'a> Catalogue<'a> {
    /// Returns the components that fit all words: in the name, an alias, the kind or the manual page.
    pub fn search(registry: &'a Registry, words: &[String]) -> Catalogue<'a> {
        let words: Vec<String> =
            words.iter().flat_map(|words| words.split_whitespace()).map(str::to_lowercase).collect();
        let fits = |descriptor: &&Descriptor| {
            let mut text = format!(
                "{}\n{}\n{}",
                descriptor.kind,
                descriptor.names().collect::<Vec<_>>().join("\n"),
                descriptor.docs
            );
            descriptor.params.iter().for_each(|param| text.push_str(&format!("\n{}\n{}", param.name, param.docs)));
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Command);
        let kinds = kinds.map(|kind| (*kind, registry.of_kind(*kind).filter(fits).collect::<Vec<_>>()));
        Catalogue { registry, kinds: kinds.filter(|(_, descriptors)| !descriptors.is_empty()).collect() }
    }

    /// Tells whether nothing fits.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Returns one line for each component.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (kind, descriptors) in &self.kinds {
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

    /// Returns everything about each component.
    pub fn json(&self) -> Json {
        let all = self.kinds.iter().flat_map(|(_, descriptors)| descriptors);
        json!({ "components": all.map(|descriptor| json(descriptor, self.registry)).collect::<Vec<_>>() })
    }

    /// Returns the manual pages as one document.
    pub fn markdown(&self) -> String {
        let mut text =
            "# Components\n\nWhat configurations can name, by kind. `palladium components --format markdown` \
                        wrote this file.\n"
                .to_owned();
        for (kind, descriptors) in &self.kinds {
            let _ = writeln!(text, "\n## {kind}\n");
            for descriptor in descriptors {
                let _ =
                    writeln!(text, "- [`{}`](#{}): {}", descriptor.name, anchor(descriptor.name), descriptor.summary());
            }
            for descriptor in descriptors {
                let _ = write!(text, "\n{}", markdown(descriptor, self.registry));
            }
        }
        text
    }
}

/// Returns the manual page of a component.
pub fn page(descriptor: &Descriptor, registry: &Registry) -> String {
    let mut text = format!("{} ({})\n", descriptor.name, descriptor.kind);
    if !descriptor.aliases.is_empty() {
        let _ = writeln!(text, "also named {}", descriptor.aliases.join(", "));
    }
    let _ = writeln!(text, "\n{}\n", descriptor.docs);
    if !descriptor.params.is_empty() {
        text.push_str("Parameters\n");
        for param in descriptor.params {
            explain(&mut text, "  ", param);
            param.kind.fields().iter().for_each(|field| explain(&mut text, "      ", field));
        }
        text.push('\n');
    }
    if !descriptor.gone.is_empty() {
        text.push_str("Parameters that are gone\n");
        for gone in descriptor.gone {
            let _ = writeln!(text, "  {}: {}", gone.name, gone.advice);
        }
        text.push('\n');
    }
    let example = examples::of(descriptor, registry);
    if !example.is_documented {
        let _ = writeln!(text, "Example in RON\n{}\n", indented(&example.ron));
    }
    let _ = writeln!(text, "Example in Rhai\n{}\n", indented(&example.rhai));
    let origin = descriptor.origin;
    let _ = write!(text, "From {} {}", origin.krate, origin.version);
    text
}

fn explain(text: &mut String, indent: &str, param: &Param) {
    let _ = writeln!(text, "{indent}{}: {}", param.name, described(param));
    for line in param.docs.lines() {
        let _ = writeln!(text, "{indent}    {line}");
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Returns the manual page of a component as a section of a document.
pub fn markdown(descriptor: &Descriptor, registry: &Registry) -> String {
    let mut text = format!("### `{}`\n\n{}\n", descriptor.name, descriptor.docs);
    if !descriptor.aliases.is_empty() {
        let _ = writeln!(text, "\nAlso named `{}`.", descriptor.aliases.join("`, `"));
    }
    if !descriptor.params.is_empty() {
        text.push_str("\n| Parameter | Takes | Meaning |\n|---|---|---|\n");
        for param in descriptor.params {
            let _ = writeln!(text, "| `{}` | {} | {} |", param.name, cell(&described(param)), cell(param.docs));
            for field in param.kind.fields() {
                let name = format!("{}.{}", param.name, field.name);
                let _ = writeln!(text, "| `{name}` | {} | {} |", cell(&described(field)), cell(field.docs));
            }
        }
    }
    for gone in descriptor.gone {
        let _ = writeln!(text, "\nThe parameter `{}` is gone: {}.", gone.name, gone.advice);
    }
    let example = examples::of(descriptor, registry);
    if !example.is_documented {
        let _ = writeln!(text, "\n```ron\n{}\n```", example.ron);
    }
    let _ = writeln!(text, "\nIn Rhai:\n\n```rhai\n{}\n```", example.rhai);
    let _ = writeln!(text, "\nFrom `{}` {}.", descriptor.origin.krate, descriptor.origin.version);
    text
}

/// Returns a text as the cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the name that a heading has in links, as GitHub makes it.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
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
pub fn json(descriptor: &Descriptor, registry: &Registry) -> Json {
    let example = examples::of(descriptor, registry);
    json!({
        "name": descriptor.name,
        "aliases": descriptor.aliases,
        "kind": descriptor.kind.as_str(),
        "docs": descriptor.docs,
        "params": descriptor.params.iter().map(parameter).collect::<Vec<_>>(),
        "gone": descriptor.gone.iter().map(|gone| json!({"name": gone.name, "advice": gone.advice})).collect::<Vec<_>>(),
        "example": { "ron": example.ron, "rhai": example.rhai },
        "crate": descriptor.origin.krate,
        "version": descriptor.origin.version,
    })
}

fn parameter(param: &Param) -> Json {
    let mut json = json!({
        "name": param.name,
        "aliases": param.aliases,
        "docs": param.docs,
        "type": param.kind.to_string(),
        "range": Some(param.range.to_string()).filter(|range| !range.is_empty()),
        "required": param.is_required(),
        "default": param.default.map(|default| default.to_value().to_json()),
    });
    let fields: Vec<Json> = param.kind.fields().iter().map(parameter).collect();
    if !fields.is_empty() {
        json["fields"] = Json::Array(fields);
    }
    json
}
