//! `palladium serve`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::interfaces::whole_number;
use palladium_component::prelude::*;
use palladium_component::value::Value;
use palladium_runtime::{App, root_keys};
use palladium_server::{Bound, Listen, Loaded, Reload, ServeError, ServeOptions, serve};

use crate::host::{Loader, Terminal};
use crate::{routes, terminal};

/// Answers predictions over HTTP.
#[component(Command, name = "palladium.commands.serve")]
pub struct Serve;

impl Command for Serve {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("serve")
            .visible_alias("devserver")
            .about("Serve the predict services of the configuration over HTTP")
            .long_about(
                "Serve the predict services of the configuration over HTTP.\n\n\
                 Every predict service answers at its `entry_point`, `/alive` tells the state and `/list` the models; \
                 `/live` answers 200 while the process works and `/ready` while it should be sent requests. Once \
                 requests are accepted, the addresses are printed to standard output, and a line of the log says where \
                 everything is. SIGTERM and SIGINT (Ctrl-C) stop the service after the requests that are running; a \
                 second signal waits for nothing. SIGHUP reads the configuration again: if it is right, it answers \
                 from then on, while running requests and fits end on the one before; if not, nothing changes and \
                 the log says what is wrong. The root key `server` says where and how the service runs: addresses, \
                 Unix sockets, TLS, time-outs, limits; options win over it. Nothing asks for a password, so the service listens on this machine alone unless `--host` or `server.listen` say otherwise, and does not \
                 start on other addresses with views that change something and have no decorator that asks who it is, unless the \
                 configuration says `server: {allow_unauthenticated_admin: true}`. \
                 `PALLADIUM_LOG=palladium::access=info` logs every request whose head can be read.",
            )
            .arg(
                Arg::new("listen")
                    .long("listen")
                    .value_name("ADDRESS")
                    .action(ArgAction::Append)
                    .value_parser(|text: &str| text.parse::<Listen>())
                    .conflicts_with_all(["host", "port"])
                    .help("An address to listen on, HOST:PORT or unix:PATH, instead of `server.listen`. Can be repeated"),
            )
            .arg(
                Arg::new("host")
                    .long("host")
                    .value_name("HOST")
                    .help("The name or address to listen on instead of `server.listen`; 0.0.0.0 for all of this machine's [default: 127.0.0.1]"),
            )
            .arg(
                whole_number::<u16>("port", "PORT", 0..=u16::MAX).help("The port to listen on instead of `server.listen`; 0 takes a free one [default: 5000]"),
            )
            .arg(
                whole_number::<u16>("workers", "COUNT", 1..=1024).help("The number of worker threads, instead of `server.workers`; one a core if neither is given"),
            )
            .arg(
                whole_number::<u32>("body-limit", "BYTES", 1..=u32::MAX).help("The size of the largest request body that is read, instead of `server.max_body` [default: 16777216]"),
            )
            .arg(
                whole_number::<u16>("drain-seconds", "SECONDS", 0..=3600).help("How long to go on after the first signal, while `/ready` says that the service is not, instead of `server.drain` [default: 0]"),
            )
            .arg(
                Arg::new("check")
                    .long("check")
                    .action(ArgAction::SetTrue)
                    .help("Start everything, say what is there, and stop")
                    .long_help(
                        "Start everything, say what is there, and stop: components are initialized, models loaded, \
                         certificates read and the addresses bound: on free ports instead of those of \
                         `server.listen`, and beside its Unix sockets, so that it can be done while the service \
                         runs; what `--listen` and `--port` name is bound as it is. Prints the routes and what keeps \
                         the service from being ready. Ends with 0 if it starts and its active models do what \
                         their predict services ask of them, with fields that they were trained on, else with 1.",
                    ),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let is_check = matches.get_flag("check");
        let loader = terminal(host)?.loader().clone();
        let loaded = loader.load(Mode::Serve)?;
        if let Some(finding) = Terminal::nothing(loaded.app.root(), &loaded.files) {
            return Err(Diagnostics(vec![finding]).into());
        }
        let mut options = options(matches);
        if !is_check {
            options.reload = Some(reload(loader, &loaded));
            return serve(loaded, &options, |bound| announce(host, bound)).map_err(serve_failed);
        }
        let app = Arc::clone(&loaded.app);
        options.is_trial = true;
        options.drain = Some(Duration::ZERO);
        let (mut printed, mut misfits) = (Ok(()), Diagnostics::default());
        let checked = serve(loaded, &options, |bound| {
            printed = report(&app, bound).iter().try_for_each(|line| host.print(line));
            misfits = bound.misfits();
            bound.stopper.stop();
        });
        checked.map_err(serve_failed).and(printed)?;
        if misfits.is_empty() { Ok(()) } else { Err(misfits.into()) }
    }
}

/// Returns what loads the configuration again: one that is wrong has to be mended, and not to take the place of one that
/// works, also where a service would start with it. What was wrong already when this one started keeps nothing back.
fn reload(loader: Loader, first: &Loaded) -> Reload {
    let logging = |loaded: &Loaded| loaded.app.root().get(root_keys::LOGGING).map(Value::to_json);
    let (before, known) = (logging(first), loader.doubts(&first.app));
    Arc::new(move || {
        let loaded = loader.load_checked(Mode::Serve, &known).map_err(|error| loader.in_lines(error))?;
        if logging(&loaded) != before {
            tracing::warn!("`{}` has changed, which takes a restart to count", root_keys::LOGGING);
        }
        Ok(loaded)
    })
}

/// Returns what the command line chooses.
fn options(matches: &ArgMatches) -> ServeOptions {
    let (host, port) = (matches.get_one::<String>("host"), matches.get_one::<u16>("port"));
    let mut listen: Vec<Listen> = matches.get_many("listen").into_iter().flatten().cloned().collect();
    if host.is_some() || port.is_some() {
        let host = host.map_or("127.0.0.1", String::as_str);
        // As an address has one before its port.
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = bare.unwrap_or(host).to_owned();
        // A check takes any port but one that is named.
        let usual = if matches.get_flag("check") { 0 } else { 5000 };
        listen.push(Listen::Tcp { host, port: port.copied().unwrap_or(usual) });
    }
    ServeOptions {
        listen,
        workers: matches.get_one::<u16>("workers").and_then(|workers| NonZeroUsize::new((*workers).into())),
        max_body: matches.get_one::<u32>("body-limit").map(|limit| usize::try_from(*limit).unwrap_or(usize::MAX)),
        drain: matches.get_one::<u16>("drain-seconds").map(|seconds| Duration::from_secs((*seconds).into())),
        ..ServeOptions::default()
    }
}

/// Returns what a service that was started has.
fn report(app: &App, bound: &Bound) -> Vec<String> {
    let mut lines: Vec<String> = bound.names.iter().map(|name| format!("can listen on {name}")).collect();
    lines.extend(routes::lines(app));
    lines.push(match bound.not_ready() {
        reasons if reasons.is_empty() => "ready".to_owned(),
        reasons => format!("not ready: {}", reasons.join("; ")),
    });
    lines
}

fn announce(host: &mut dyn Host, bound: &Bound) {
    for name in &bound.names {
        // A closed standard output does not keep the service from serving.
        let _ = host.print(&format!("listening on {name}"));
    }
}

fn serve_failed(error: ServeError) -> CommandError {
    match error {
        ServeError::Config(diagnostics) => CommandError::Config(diagnostics),
        other => CommandError::Failed(other.into()),
    }
}
