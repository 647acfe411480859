//! `palladium run`.

use std::path::Path;

use clap::{Arg, ArgMatches};
use palladium_component::prelude::*;
use palladium_component::value::folder_of;
use palladium_script::{Ended, Session, Wanted};

use crate::shell::output::Output;
use crate::terminal;

/// Runs a script over the configuration.
#[component(Command, name = "palladium.commands.run")]
pub struct Run;

impl Command for Run {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("run")
            .about("Run a Rhai script over the configuration")
            .long_about(
                "Run a Rhai script over the configuration.\n\n\
                 The configuration is loaded and built as for `palladium fit`. Each root key is a variable: \
                 `let data = dataset_loader_train.load();`, `let fitted = model.fit(data);`, \
                 `fitted.predict(#{x: 1.5})`, `model_persister.list()`. `config[\"key\"][\"argument\"]` reaches what \
                 stands deeper, `component(\"NAME\", #{C: 0.1})` makes further components, `fit()` and `test()` run \
                 the jobs, and `arguments` holds what follows `--`. `:help` in `palladium shell` lists it all.\n\n\
                 `print` writes to standard output, `debug` to standard error; the value of the last expression is \
                 not shown. `import` finds modules beside the script. There is no bound on time: Ctrl-C stops the \
                 script, and a fit in it. An error points into the script and ends with 1.",
            )
            .arg(Arg::new("script").value_name("SCRIPT").required(true).help("The script, a `.rhai` file"))
            .arg(
                Arg::new("arguments")
                    .value_name("ARGUMENTS")
                    .num_args(0..)
                    .last(true)
                    .help("What the script finds as texts in `arguments`"),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let name = matches.get_one::<String>("script").map_or("", String::as_str);
        let source = palladium_script::read(name).map_err(|finding| CommandError::Config((*finding).into()))?;
        let arguments = matches.get_many::<String>("arguments").into_iter().flatten().cloned().collect();
        let project = terminal(host)?.project()?;
        let output = Output::new(&project);
        output.stop_at(&[signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM], 1)?;
        let folder = folder_of(Path::new(name)).to_owned();
        let mut session = Session::new(output.settings(project, arguments, Some(folder)));
        match session.evaluate(&source, Wanted::Value) {
            Ok(_) => Ok(()),
            Err(Ended::Failed(finding)) => Err(CommandError::Config((*finding).into())),
            Err(Ended::Interrupted) if output.is_closed() => Err(CommandError::Reported),
            Err(Ended::Interrupted) => Err(Failure::message("the script was interrupted").into()),
        }
    }
}
