//! `palladium serve`.

use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use palladium_component::prelude::*;
use palladium_runtime::App;
use palladium_server::{Bound, ServeError, ServeOptions, serve};

use crate::{routes, terminal};

/// Answers predictions over HTTP.
#[component(Command, name = "palladium.commands.serve")]
pub struct Serve;

impl Command for Serve {
    fn arguments(&self) -> clap::Command {
        let defaults = ServeOptions::default();
        clap::Command::new("serve")
            .visible_alias("devserver")
            .about("Serve the predict services of the configuration over HTTP")
            .long_about(
                "Serve the predict services of the configuration over HTTP.\n\n\
                 Every predict service answers at its `entry_point`, `/alive` tells the state and `/list` the models; \
                 `/live` answers 200 while the process works and `/ready` while it should be sent requests. Once \
                 requests are accepted, the address is printed to standard output. SIGTERM and SIGINT (Ctrl-C) stop the \
                 service after the requests that are running; a second signal waits for nothing. Nothing asks for a \
                 password, so the service listens on this machine alone unless `--host` says otherwise, and does not \
                 start on other addresses with views that change something and have no decorator that asks who it is, \
                 unless the configuration says `server: {allow_unauthenticated_admin: true}`. \
                 `PALLADIUM_LOG=palladium::access=info` logs every request.",
            )
            .arg(
                Arg::new("host")
                    .long("host")
                    .value_name("HOST")
                    .default_value(defaults.host)
                    .help("The name or address to listen on; 0.0.0.0 for all of this machine's"),
            )
            .arg(
                Arg::new("port")
                    .long("port")
                    .value_name("PORT")
                    .value_parser(value_parser!(u16))
                    .default_value(defaults.port.to_string())
                    .help("The port to listen on; 0 takes a free one"),
            )
            .arg(
                Arg::new("workers")
                    .long("workers")
                    .value_name("COUNT")
                    .value_parser(value_parser!(u16).range(1..=1024))
                    .help("The number of worker threads; one a core if not given"),
            )
            .arg(
                Arg::new("body-limit")
                    .long("body-limit")
                    .value_name("BYTES")
                    .value_parser(value_parser!(u32).range(1..))
                    .default_value(defaults.limits.body_bytes.to_string())
                    .help("The size of the largest request body that is read"),
            )
            .arg(
                Arg::new("drain-seconds")
                    .long("drain-seconds")
                    .value_name("SECONDS")
                    .value_parser(value_parser!(u16).range(..=3600))
                    .default_value("0")
                    .help("How long to go on after the first signal, while `/ready` says that the service is not"),
            )
            .arg(
                Arg::new("check")
                    .long("check")
                    .action(ArgAction::SetTrue)
                    .help("Start everything, say what is there, and stop")
                    .long_help(
                        "Start everything, say what is there, and stop: components are initialized, models loaded, \
                         the address is bound, on a free port unless `--port` names one. Prints the routes and what \
                         keeps the service from being ready. Ends with 0 if it starts, else with 1.",
                    ),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let mut options = ServeOptions::default();
        if let Some(host) = matches.get_one::<String>("host") {
            options.host.clone_from(host);
        }
        if let Some(port) = matches.get_one("port") {
            options.port = *port;
        }
        options.workers = matches.get_one::<u16>("workers").map(|workers| usize::from(*workers));
        if let Some(limit) = matches.get_one::<u32>("body-limit") {
            options.limits.body_bytes = usize::try_from(*limit).unwrap_or(usize::MAX);
        }
        options.drain = Duration::from_secs(matches.get_one::<u16>("drain-seconds").copied().unwrap_or(0).into());
        let terminal = terminal(host)?;
        let app = terminal.app(Mode::Serve)?;
        options.sources = terminal.sources();
        if !matches.get_flag("check") {
            return serve(&app, &options, |bound| announce(host, bound)).map_err(serve_failed);
        }
        if matches.value_source("port") != Some(ValueSource::CommandLine) {
            options.port = 0;
        }
        options.drain = Duration::ZERO;
        let mut printed = Ok(());
        let checked = serve(&app, &options, |bound| {
            printed = report(&app, bound).iter().try_for_each(|line| host.print(line));
            bound.stopper.stop();
        });
        checked.map_err(serve_failed).and(printed)
    }
}

/// Returns what a service that was started has.
fn report(app: &App, bound: &Bound) -> Vec<String> {
    let mut lines: Vec<String> =
        bound.addresses.iter().map(|address| format!("can listen on http://{address}")).collect();
    lines.extend(routes::lines(app));
    lines.push(match bound.not_ready() {
        reasons if reasons.is_empty() => "ready".to_owned(),
        reasons => format!("not ready: {}", reasons.join("; ")),
    });
    lines
}

fn announce(host: &mut dyn Host, bound: &Bound) {
    for address in &bound.addresses {
        // A closed standard output does not keep the service from serving.
        let _ = host.print(&format!("listening on http://{address}"));
    }
}

fn serve_failed(error: ServeError) -> CommandError {
    match error {
        ServeError::Config(diagnostics) => CommandError::Config(diagnostics),
        other => CommandError::Failed(other.into()),
    }
}
