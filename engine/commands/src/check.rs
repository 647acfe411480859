//! `palladium check`.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::interfaces::whole_number;
use palladium_component::prelude::*;
use palladium_config::Environment;
use palladium_runtime::Probes;
use serde_json::{Value as Json, json};

use crate::host::Terminal;
use crate::{annotations, logging, options, routes, terminal};

/// Checks a configuration without running anything.
#[component(Command, name = "palladium.commands.check")]
pub struct Check;

impl Command for Check {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("check")
            .about("Check the configuration: syntax, copies, names, kinds, arguments, references and routes")
            .long_about(
                "Check the configuration: syntax, copies, names, kinds, arguments, references and routes.\n\n\
                 Nothing is opened, loaded or connected, unless `--connect` says so; that includes the names of hosts in \
                 `server.listen`, so that only addresses tell whether other machines reach views that change something \
                 and have no decorator. All findings are printed at once, \
                 in file order, to standard output. Ends with 0 if there are none, else with 1.\n\n\
                 What follows from a finding is not reported: while a file cannot be read, what the files are together \
                 is not looked at.",
            )
            .arg(
                Arg::new("connect")
                    .long("connect")
                    .action(ArgAction::SetTrue)
                    .help("Ask every component whether what it needs is there")
                    .long_help(
                        "After a clean check, ask every component whether what it needs is there: that files exist, \
                         that databases and stores answer, that credentials work; that the certificates of `server.tls` can be \
                         used and the log file can be written; that active models do what their predict services ask of them, \
                         with fields that they were trained on. Changes nothing.",
                    ),
            )
            .arg(
                whole_number::<u16>("timeout", "SECONDS", 1..=3600)
                    .default_value("10")
                    .requires("connect")
                    .help("How long a component may take to find what it needs, with --connect"),
            )
            .arg(
                Arg::new("no-env")
                    .long("no-env")
                    .action(ArgAction::SetTrue)
                    .conflicts_with("connect")
                    .help("Check where environment variables are not set")
                    .long_help(
                        "Check where environment variables are not set, as in a test of a change: one that is missing \
                         stands for an unknown value, and what depends on that value is not reported. A script that \
                         stops because it computes with such a value is.",
                    ),
            )
            .arg(
                Arg::new("routes")
                    .long("routes")
                    .action(ArgAction::SetTrue)
                    .help("Print the routes of the service too: those that nothing is wrong with")
                    .long_help(
                        "Print the routes of the service too: those that nothing is wrong with. Of those that change \
                         something it is said who may use them: everybody, those who say who they are, or those whom \
                         functions of the configuration let in, which nobody but their author knows.",
                    ),
            )
            .arg(options::format(&["text", "json", "github"]).long_help(
                "How the result is printed: for people, as one JSON object, or as the workflow commands with which \
                 GitHub Actions annotate the lines of a change",
            ))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let timeout = matches.get_flag("connect").then(|| matches.get_one::<u16>("timeout").copied().unwrap_or(10));
        let outcome = check(terminal(host)?, matches.get_flag("no-env"), matches.get_flag("routes"), timeout)?;
        let output = match options::choice(matches) {
            "json" => outcome.to_json(),
            "github" => annotations::github(&outcome.findings),
            _ => outcome.to_text(),
        };
        if !output.is_empty() {
            host.print(&output)?;
        }
        if outcome.findings.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
    }
}

/// What a check found.
struct Outcome {
    findings: Diagnostics,
    n_components: usize,
    /// What components found outside, if they were asked.
    found: Option<Vec<(KeyPath, String)>>,
    /// The routes as lines and as JSON, if they were asked for.
    routes: Option<(Vec<String>, Json)>,
}

/// Checks the configuration and, within the time if there is one, what it needs from outside.
fn check(
    terminal: &Terminal,
    without_env: bool,
    with_routes: bool,
    timeout: Option<u16>,
) -> Result<Outcome, CommandError> {
    let environment = match without_env {
        true => Environment::process().with_placeholders(),
        false => Environment::process(),
    };
    let config = match terminal.load_with(Mode::Fit, environment) {
        Ok(config) => config,
        Err(CommandError::Config(findings)) => {
            return Ok(Outcome { findings, n_components: 0, found: None, routes: None });
        }
        Err(other) => return Err(other),
    };
    let (app, mut findings) = terminal.loader().examine(&config);
    if without_env {
        findings.0.retain(|finding| !finding.is_uncertain);
    }
    // What has a finding may lack a decorator that it would have.
    if findings.is_empty() {
        findings = palladium_server::check_reach(&app);
    }
    let mut found = None;
    if let (Some(seconds), true) = (timeout, findings.is_empty()) {
        let probes: Probes = palladium_runtime::probe(&app, Duration::from_secs(seconds.into()));
        let shown = probes.found.into_iter().map(|(key, what)| (key, config.redact(&what)));
        found = Some(shown.collect());
        findings = probes.findings;
        findings.extend(palladium_server::check_files(&app));
        palladium_runtime::initialize_persisters(&app, config.root(), terminal.registry());
        findings.extend(palladium_server::check_models(&app, Duration::from_secs(seconds.into())));
        findings.extend(logging::check_file(config.root(), config.files()));
        findings.sort();
    }
    let routes = with_routes.then(|| (routes::lines(&app), routes::to_json(&app)));
    Ok(Outcome { findings: terminal.redact(findings), n_components: app.components().count(), found, routes })
}

impl Outcome {
    fn to_text(&self) -> String {
        let mut text = String::new();
        for (key, what) in self.found.iter().flatten() {
            text.push_str(&format!("{key}: {what}\n"));
        }
        for line in self.routes.iter().flat_map(|(lines, _)| lines) {
            text.push_str(&format!("{line}\n"));
        }
        match self.findings.is_empty() {
            true => {
                let plural = if self.n_components == 1 { "" } else { "s" };
                text.push_str(&format!("no findings, {} component{plural}", self.n_components));
            }
            false => text.push_str(&self.findings.render(false)),
        }
        text
    }

    fn to_json(&self) -> String {
        let findings: Vec<Json> = self.findings.iter().map(Diagnostic::to_json).collect();
        let mut object = json!({ "findings": findings });
        if let Some(found) = &self.found {
            let found = found.iter().map(|(key, what)| json!({ "key": key.to_string(), "found": what }));
            object["found"] = found.collect();
        }
        if let Some((_, routes)) = &self.routes {
            object["routes"] = routes.clone();
        }
        format!("{object:#}")
    }
}
