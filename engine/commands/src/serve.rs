//! `palladium serve`.

use clap::{Arg, ArgMatches, value_parser};
use palladium_component::prelude::*;
use palladium_server::{Bound, ServeError, ServeOptions, serve};

use crate::terminal;

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
                 Every predict service answers at its `entry_point`, `/alive` tells the state and `/list` the models. \
                 Once requests are accepted, the address is printed to standard output. SIGTERM and SIGINT (Ctrl-C) \
                 stop the service after the requests that are running. Nothing asks for a password, so the service \
                 listens on this machine alone unless `--host` says otherwise. `PALLADIUM_LOG=palladium::access=info` \
                 logs every request.",
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
        let app = terminal(host)?.app(Mode::Serve)?;
        serve(&app, &options, |bound| announce(host, bound)).map_err(serve_failed)
    }
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
