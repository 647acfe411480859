//! `palladium admin attach`, `attachments` and `detach`.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, value_parser};
use palladium_component::prelude::*;
use serde_json::json;
use tracing::info;

use crate::host::store_failed;
use crate::table::{self, Table};
use crate::{options, terminal};

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be {done}", file.display())]
struct FileError {
    file: PathBuf,
    done: &'static str,
    #[source]
    source: io::Error,
}

impl Explain for FileError {
    fn help(&self) -> Option<String> {
        let exists = self.source.kind() == io::ErrorKind::AlreadyExists;
        exists.then(|| "files are not overwritten: say with `--to` where else it should go".to_owned())
    }
}

/// The content of a file.
struct FileContent {
    path: PathBuf,
    size: u64,
}

impl Content for FileContent {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(File::open(&self.path)?))
    }
}

pub(super) fn attach_arguments() -> clap::Command {
    clap::Command::new("attach")
        .about("Add a file to a version")
        .long_about(
            "Add a file to a version.\n\n\
             The file is kept beside the model: it goes along when the model is exported, and is deleted with it. \
             Whatever documents a model belongs here: a report, a notebook, a list of the features.",
        )
        .arg(options::version("version").required(true).help("The version to add the file to"))
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .required(true)
                .help("The file to add"),
        )
        .arg(Arg::new("name").long("name").value_name("NAME").help(
            "What the attachment is called; the name of the file if not given. Letters, digits, spaces and `.`, `_`, \
             `-` make a name",
        ))
}

pub(super) fn attach(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let persister = terminal(host)?.persister()?;
    let (Some(version), Some(path)) = (matches.get_one::<Version>("version"), matches.get_one::<PathBuf>("file"))
    else {
        return Ok(());
    };
    let of_file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = matches.get_one::<String>("name").cloned().or(of_file).unwrap_or_default();
    let failed = |source| Failure::from(FileError { file: path.clone(), done: "read", source });
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is no ordinary file")).into());
    }
    let content = FileContent { path: path.clone(), size: metadata.len() };
    persister.attach(*version, &name, &content).map_err(store_failed("attaching"))?;
    info!("Attached `{name}` to version {version}.");
    Ok(())
}

pub(super) fn list_arguments() -> clap::Command {
    clap::Command::new("attachments")
        .about("Show which files belong to a version, or save one of them")
        .arg(options::version("version").required(true).help("The version whose attachments to show"))
        .arg(Arg::new("save").long("save").value_name("NAME").help("Save the attachment of this name as a file"))
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .requires("save")
                .help("The file to save it as, which must not exist; one of the name of the attachment if not given"),
        )
        .arg(options::table_or_json())
}

pub(super) fn list(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let persister = terminal(host)?.persister()?;
    let Some(version) = matches.get_one::<Version>("version").copied() else { return Ok(()) };
    if let Some(name) = matches.get_one::<String>("save") {
        let file = matches.get_one::<PathBuf>("to").cloned().unwrap_or_else(|| PathBuf::from(name));
        return save(persister.as_ref(), version, name, &file);
    }
    let attachments = persister.attachments(version).map_err(store_failed("listing"))?;
    if !options::is_table(matches) {
        return host.print(&format!("{:#}", json!(attachments)));
    }
    lines(attachments).iter().try_for_each(|line| host.print(line))
}

fn lines(attachments: Vec<Attachment>) -> Vec<String> {
    if attachments.is_empty() {
        return vec!["no attachments".to_owned()];
    }
    let mut table = Table::new(["name", "size"]);
    for Attachment { name, size } in attachments {
        table.push([name, table::size(size)]);
    }
    table.lines()
}

/// Writes an attachment into a new file, whole or not at all.
fn save(persister: &dyn Persister, version: Version, name: &str, file: &Path) -> Result<(), CommandError> {
    // What is no name of an attachment is no name of a file either: nothing is created for it.
    let attachments = persister.attachments(version).map_err(store_failed("listing"))?;
    if attachments.iter().all(|attachment| attachment.name != name) {
        return Err(unknown(version, name));
    }
    let failed = |source| FileError { file: file.to_owned(), done: "written", source };
    let mut writer = BufWriter::new(File::create_new(file).map_err(|error| Failure::from(failed(error)))?);
    let read = persister.read_attachment(version, name, &mut writer).map_err(store_failed("reading"));
    let saved = read.and_then(|()| Ok(writer.flush().map_err(|error| Failure::from(failed(error)))?));
    if saved.is_err() {
        // The first error is what matters; a part of the file would be taken for the whole.
        let _ = std::fs::remove_file(file);
    }
    saved
}

/// Returns that a version has no such attachment.
fn unknown(version: Version, name: &str) -> CommandError {
    let help = format!("`palladium admin attachments {version}` shows those that there are");
    Failure::with_help(format!("version {version} has no attachment `{name}`"), help).into()
}

pub(super) fn detach_arguments() -> clap::Command {
    clap::Command::new("detach")
        .about("Delete a file that belongs to a version")
        .arg(options::version("version").required(true).help("The version whose attachment to delete"))
        .arg(Arg::new("name").value_name("NAME").required(true).help("The name of the attachment"))
}

pub(super) fn detach(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let persister = terminal(host)?.persister()?;
    if let (Some(version), Some(name)) = (matches.get_one::<Version>("version"), matches.get_one::<String>("name")) {
        persister.detach(*version, name).map_err(|error| match (&error, persister.attachments(*version)) {
            (PersistError::Lookup(_), Ok(_)) => unknown(*version, name),
            _ => store_failed("detaching")(error),
        })?;
        info!("Detached `{name}` from version {version}.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_a_table() {
        let attachment = |name: &str, size| Attachment { name: name.to_owned(), size };
        let found = lines(vec![attachment("a report.pdf", 1_500_000), attachment("b", 3)]);
        assert_eq!(found, ["name          size", "a report.pdf  1.5 MB", "b             3 B"]);
        assert_eq!(lines(Vec::new()), ["no attachments"]);
    }
}
