//! The command.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use palladium_component::interfaces::{clap, whole_number};
use palladium_component::prelude::*;

use crate::inspect::{Inspection, Task};
use crate::language::Language;
use crate::scaffold::{self, File};
use crate::split::split;
use crate::{iris, project};

/// Sets up a project in a folder.
#[component(Command, name = "palladium.commands.init")]
pub struct Init;

/// What the command was asked for.
struct Wish {
    folder: PathBuf,
    language: Language,
    force: bool,
    data: Option<(PathBuf, String)>,
    task: Option<Task>,
    seed: u64,
}

impl Command for Init {
    fn arguments(&self) -> clap::Command {
        let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
        clap::Command::new("init")
            .about("Set up a project: a configuration that can be fitted and served as it is")
            .long_about(
                "Set up a project: a configuration that can be fitted and served as it is.\n\n\
                 Without --data it is the iris example, with its data. With --data the file is looked at: columns of \
                 numbers and flags become features, others are left out with a comment that says why; rows with \
                 missing values are left out and counted. The rest goes to train.csv and test.csv beside the \
                 configuration, three quarters and one quarter of the rows of each class. The separator of the fields \
                 is found out; a file without names in its first row has columns that are numbered from 0.\n\n\
                 Nothing is overwritten without --force.",
            )
            .arg(
                Arg::new("folder")
                    .value_name("FOLDER")
                    .value_parser(value_parser!(PathBuf))
                    .default_value(".")
                    .help("Where the files go; made if it is not there"),
            )
            .arg(
                option("data", "FILE")
                    .value_parser(value_parser!(PathBuf))
                    .requires("target")
                    .help("A text file with separated fields to make the project for; it is read and stays as it is"),
            )
            .arg(
                option("target", "COLUMN")
                    .requires("data")
                    .help("The column to predict: its name, or its number from 0"),
            )
            .arg(
                option("task", "TASK")
                    .value_parser(["classification", "regression"])
                    .requires("data")
                    .help("What to learn, where the target does not tell"),
            )
            .arg(
                whole_number::<u64>("seed", "NUMBER", 0..=u64::MAX)
                    .default_value("0")
                    .help("Draws other rows for testing; the same number draws the same"),
            )
            .arg(
                option("language", "LANGUAGE")
                    .value_parser(["ron", "rhai"])
                    .default_value("ron")
                    .help("The language of the configuration"),
            )
            .arg(Arg::new("force").long("force").action(ArgAction::SetTrue).help("Overwrite files that are there"))
    }

    fn reads_configuration(&self) -> bool {
        false
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let wish = Wish::of(matches);
        let (files, mut lines, request) = match &wish.data {
            None => (iris::files(wish.language), Vec::new(), iris::request()),
            Some((data, target)) => from_data(host, &wish, data, target)?,
        };
        let data = wish.data.as_ref().map(|(data, _)| data.as_path());
        scaffold::write(&wish.folder, &files, wish.force, data).map_err(Failure::from)?;
        let names: Vec<&str> = files.iter().map(|file| file.name).collect();
        lines.insert(0, format!("wrote {} to {}", names.join(", "), shown(&wish.folder)));
        lines.extend(next_steps(&wish.folder, &request));
        lines.iter().try_for_each(|line| host.print(line))
    }
}

impl Wish {
    fn of(matches: &ArgMatches) -> Wish {
        let text = |name| matches.get_one::<String>(name).cloned();
        let data = matches.get_one::<PathBuf>("data").cloned();
        Wish {
            folder: matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default(),
            language: if text("language").as_deref() == Some("rhai") { Language::Rhai } else { Language::Ron },
            force: matches.get_flag("force"),
            data: data.zip(text("target")),
            task: text("task").map(|task| if task == "regression" { Task::Regression } else { Task::Classification }),
            seed: matches.get_one("seed").copied().unwrap_or_default(),
        }
    }
}

/// Returns the files of a project for some data, what there is to say about it, and a request for its service.
fn from_data(
    host: &mut dyn Host,
    wish: &Wish,
    data: &Path,
    target: &str,
) -> Result<(Vec<File>, Vec<String>, String), CommandError> {
    let inspection = Inspection::of(host, data, target, wish.task)?;
    let halves = split(data, &inspection, wish.seed)?;
    let config = project::configuration(wish.language, data, &inspection, &halves);
    let lines = project::report(&inspection, &halves);
    let files = vec![
        File { name: wish.language.file(), contents: config.into_bytes() },
        File { name: "train.csv", contents: halves.train },
        File { name: "test.csv", contents: halves.test },
    ];
    Ok((files, lines, project::request(&inspection)))
}

fn next_steps(folder: &Path, request: &str) -> Vec<String> {
    let mut steps = vec!["next:".to_owned()];
    if folder != Path::new(".") {
        steps.push(format!("  cd {}", shown(folder)));
    }
    steps.extend(["check", "fit --evaluate", "serve"].map(|command| format!("  palladium {command}")));
    steps.push(format!("  curl 'http://127.0.0.1:5000{request}'"));
    steps
}

fn shown(folder: &Path) -> String {
    let text = folder.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "./_-".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
