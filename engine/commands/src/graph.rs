//! `palladium graph`.

use clap::ArgMatches;
use palladium_component::prelude::*;
use palladium_runtime::App;
use palladium_server::RouteInfo;

use crate::{options, terminal};

/// Draws the components and routes of a configuration.
#[component(Command, name = "palladium.commands.graph")]
pub struct Graph;

impl Command for Graph {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("graph")
            .about("Draw the components and routes of the configuration as Mermaid or DOT")
            .long_about(
                "Draw the components and routes of the configuration as Mermaid or DOT.\n\n\
                 Each component stands with its key, name and kind below the component that holds it. Each route of the \
                 service points to the predict service that answers, and to the persister whose models are used. \
                 Mermaid is drawn by GitHub and GitLab in a Markdown block, DOT by Graphviz: `palladium graph --format \
                 dot | dot -Tsvg`.",
            )
            .arg(options::format(&["mermaid", "dot"]))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let terminal = terminal(host)?;
        let config = terminal.load(Mode::Fit)?;
        let (app, mut findings) = palladium_runtime::inspect(config.root(), config.copied_keys(), terminal.registry());
        findings.extend(
            palladium_server::check_routes(&app).0.into_iter().filter(|finding| finding.code == Code::RouteConflict),
        );
        if !findings.is_empty() {
            return Err(CommandError::Config(palladium_runtime::tidy(findings)));
        }
        let mut drawing = Drawing::of(&app, &palladium_server::route_table(&app));
        // A route may come from the environment, whose values are never shown.
        let lines = drawing.nodes.iter_mut().flat_map(|node| &mut node.lines);
        lines.for_each(|line| *line = config.redact(line));
        let text = match options::choice(matches) {
            "dot" => drawing.dot(),
            _ => drawing.mermaid(),
        };
        host.print(text.trim_end())
    }
}

/// Nodes and the arrows between them.
struct Drawing {
    nodes: Vec<Node>,
    /// From, to, and whether the arrow says who uses whom rather than who holds whom.
    arrows: Vec<(usize, usize, bool)>,
}

struct Node {
    lines: Vec<String>,
    is_route: bool,
}

impl Drawing {
    /// Draws the routes first, then the components in the order of the configuration, each behind its parent.
    fn of(app: &App, routes: &[RouteInfo]) -> Drawing {
        let mut components: Vec<(&KeyPath, &str, Kind)> =
            app.components().map(|(key, name, component)| (key, name, component.kind())).collect();
        let position = |key: &KeyPath| in_order(app.root(), key);
        components.sort_by_cached_key(|(key, _, _)| position(key));

        let route_nodes =
            routes.iter().map(|route| Node { lines: vec![route.path.clone(), route.methods.clone()], is_route: true });
        let component_nodes = components.iter().map(|(key, name, kind)| Node {
            lines: vec![key.to_string(), (*name).to_owned(), kind.to_string()],
            is_route: false,
        });
        let nodes = route_nodes.chain(component_nodes).collect();

        let node_of =
            |key: &KeyPath| components.iter().position(|(other, _, _)| *other == key).map(|index| routes.len() + index);
        let mut arrows = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let service = route.service.as_ref().and_then(node_of);
            let persister = route.persister.as_ref().and_then(node_of);
            arrows.extend(service.map(|service| (index, service, true)));
            let user = service.unwrap_or(index);
            arrows.extend(persister.map(|persister| (user, persister, true)));
        }
        for (index, (key, _, _)) in components.iter().enumerate() {
            let n_segments = key.segments().len();
            let ancestors = (1..n_segments).rev().map(|length| first(key, length));
            let parent = ancestors.into_iter().find_map(|key| node_of(&key));
            arrows.extend(parent.map(|parent| (parent, routes.len() + index, false)));
        }
        // What a component holds and uses is drawn once.
        let held: Vec<(usize, usize)> =
            arrows.iter().filter(|arrow| !arrow.2).map(|arrow| (arrow.0, arrow.1)).collect();
        arrows.retain(|arrow| !arrow.2 || !held.contains(&(arrow.0, arrow.1)));
        Drawing { nodes, arrows }
    }

    fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (index, node) in self.nodes.iter().enumerate() {
            let label = node.lines.iter().map(|line| mermaid_text(line)).collect::<Vec<_>>().join("<br>");
            let (open, close) = if node.is_route { ("([", "])") } else { ("[", "]") };
            text.push_str(&format!("    n{index}{open}\"{label}\"{close}\n"));
        }
        for (from, to, is_use) in &self.arrows {
            text.push_str(&format!("    n{from} {} n{to}\n", if *is_use { "-.->" } else { "-->" }));
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = "digraph palladium {\n    rankdir=LR;\n    node [shape=box];\n".to_owned();
        for (index, node) in self.nodes.iter().enumerate() {
            let label = node.lines.iter().map(|line| dot_text(line)).collect::<Vec<_>>().join("\\n");
            let shape = if node.is_route { ", shape=ellipse" } else { "" };
            text.push_str(&format!("    n{index} [label=\"{label}\"{shape}];\n"));
        }
        for (from, to, is_use) in &self.arrows {
            text.push_str(&format!("    n{from} -> n{to}{};\n", if *is_use { " [style=dashed]" } else { "" }));
        }
        text.push('}');
        text
    }
}

/// Returns the path of the first segments of another.
fn first(key: &KeyPath, length: usize) -> KeyPath {
    key.segments().take(length).fold(KeyPath::root(), |path, segment| path.join(segment))
}

/// Returns the positions of a key and those that it stands in, by which keys sort as they are written, parents first.
fn in_order(root: &Value, key: &KeyPath) -> Vec<usize> {
    let mut value = Some(root);
    key.segments()
        .map(|segment| match value.map(|value| &value.data) {
            Some(Data::Map(map)) => {
                value = map.get(segment).map(|entry| &entry.value);
                map.get_index_of(segment).unwrap_or(usize::MAX)
            }
            Some(Data::List(items)) => {
                let index = segment.parse().unwrap_or(usize::MAX);
                value = items.get(index);
                index
            }
            _ => 0,
        })
        .collect()
}

/// Returns a text that means itself in a label of Mermaid, which reads it as Markdown and HTML.
fn mermaid_text(text: &str) -> String {
    let keep = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '/' | '-' | '_' | ' ' | ',' | ':');
    text.chars()
        .map(|letter| if keep(letter) { letter.to_string() } else { format!("#{};", u32::from(letter)) })
        .collect()
}

fn dot_text(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(visible).collect::<String>().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_themselves() {
        assert_eq!(mermaid_text("a\"]<b>_*`#;"), "a#34;#93;#60;b#62;_#42;#96;#35;#59;");
        assert_eq!(mermaid_text("/predict-1, ä.b"), "/predict-1, ä.b");
        assert_eq!(dot_text("a\"\\\n]"), "a\\\"\\\\ ]");
    }
}
