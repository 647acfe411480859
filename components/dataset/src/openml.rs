//! Data sets of OpenML: `palladium.dataset.OpenML`.
//!
//! [`description`] asks which data set is meant and what it is, [`client`] downloads and keeps answers, [`arff`] reads
//! the format of the data.

mod arff;
mod client;
mod description;
mod error;
#[cfg(test)]
mod replay;

use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use palladium_component::prelude::*;
use url::Url;

use self::client::{Client, Settings};
use self::description::{DataVersion, Description, describe, find};
use self::error::OpenMlError;
use crate::amounts::Bytes;
use crate::cached::{Folder, default_folder};

/// The folder of what was downloaded within that of all caches.
const NAME: &str = "openml";

/// The target that stands for the one that the data set itself names.
const DEFAULT_TARGET: &str = "default-target";

/// Loads a data set of OpenML, the collection of public data sets at openml.org.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.OpenML",
///         "name": "wine-quality-red",
///         "version": 1,
///     },
/// }
/// ```
///
/// The parameters are those of scikit-learn's `fetch_openml` and mean what they mean there. A data set is named by its
/// `name` and `version` or by its number, `data_id`. Without a `version` it is the oldest that is active that day: name
/// one to get the same data tomorrow. A version that was deactivated because of an error in it is loaded with a warning.
///
/// What was downloaded is kept in the folder `data_home` and used from then on, without a network, until somebody deletes
/// it. A file has the checksum that OpenML tells, each time it is read.
///
/// Columns that the data set says to ignore, and the one that numbers its rows, are left out. Numbers are numbers, whole
/// ones where they are declared and found so; attributes with a list of values are categories; texts are text; dates are
/// dates or times by their format. A `?` is a missing value. Data sets in another format than ARFF, and those whose rows
/// leave zeros out, are refused.
///
/// Nothing but the server of `url` and the servers of openml.org is asked, wherever answers lead to.
#[component(DatasetLoader, name = "palladium.dataset.OpenML", check)]
pub struct OpenMl {
    /// The name of the data set.
    name: Option<String>,
    /// The version of the data set: a number, or `active` for the oldest one that is active.
    #[param(default = "active")]
    version: DataVersion,
    /// The number of the data set and its version, in the place of `name`.
    data_id: Option<u32>,
    /// The column to learn. `default-target`: the one that the data set names, or none where it names none. Null: there
    /// is no target, and every column is a feature.
    #[param(default = "default-target")]
    target_column: Option<String>,
    /// The folder for what was downloaded, made if it is not there. One that others than its owner can write to is
    /// refused. Null: `palladium/openml` in `$XDG_CACHE_HOME`, else in `~/.cache`, on macOS `~/Library/Caches`.
    data_home: Option<PathBuf>,
    /// Whether what was downloaded before is used. `false` asks and downloads anew, and keeps that.
    #[param(default = true)]
    cache: bool,
    /// How often a request is repeated that may well succeed a little later.
    #[param(default = 3, max = 20)]
    n_retries: u32,
    /// How many seconds are waited before a request is repeated.
    #[param(default = 1.0, min = 0.0, max = 3600.0)]
    delay: f64,
    /// For how many seconds a connection may not be made, and nothing may be heard of a server.
    #[param(default = 30.0, min = 0.1, max = 3600.0)]
    timeout: f64,
    /// How large a file of data may be, a number of bytes or a text such as `500 MB`.
    #[param(default = "1 GiB")]
    max_size: Bytes,
    /// Where the interface of OpenML is, or of a server that answers as it does.
    #[param(default = "https://www.openml.org/api/v1/json")]
    url: String,
}

impl FromArgument for DataVersion {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Int, ParamType::Choice(&["active"])]);

    fn from_argument(value: &Value) -> Result<DataVersion, Mismatch> {
        let version = match &value.data {
            Data::Int(number) => u32::try_from(*number).ok().filter(|number| *number > 0).map(DataVersion::Number),
            Data::Text(text) if text == "active" => Some(DataVersion::Active),
            _ => None,
        };
        version.ok_or_else(|| Mismatch::wrong("a whole number from 1, or `active`", value))
    }
}

impl DatasetLoader for OpenMl {
    fn load(&self) -> Result<Dataset, Failure> {
        let folder = match &self.data_home {
            Some(folder) => folder.clone(),
            None => default_folder()?.join(NAME),
        };
        Folder::open(&folder)?;
        let client = Client::new(self.settings(folder)?)?;
        let id = match (self.data_id, &self.name) {
            (Some(id), _) => id,
            // OpenML does not tell capitals from small letters, and what is kept does.
            (None, Some(name)) => find(&client, &name.to_lowercase(), self.version)?,
            (None, None) => return Err(Failure::message("neither `name` nor `data_id` is given")),
        };
        let described = describe(&client, id)?;
        if described.status != "active" {
            tracing::warn!(
                "OpenML calls {} {}: there may be something wrong with it.",
                described.shown,
                described.status
            );
        }
        if !described.format.eq_ignore_ascii_case("arff") {
            let Description { shown: dataset, format, .. } = described;
            return Err(OpenMlError::Format { dataset, format }.into());
        }
        let file = client.file(&described.file, described.md5.as_deref(), &described.shown)?;
        Ok(self.read(BufReader::new(file), described)?)
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        // The data of a version never change; which one is active does.
        let is_fixed = self.data_id.is_some() || self.version != DataVersion::Active;
        Ok(is_fixed.then(Vec::new))
    }
}

impl OpenMl {
    fn check(&self) -> Result<(), ArgumentError> {
        match (&self.name, self.data_id) {
            (None, None) => {
                let message = "one of `name` and `data_id` is needed".to_owned();
                return Err(ArgumentError { parameter: None, message, help: None });
            }
            (Some(_), Some(_)) => {
                return Err(ArgumentError::new("data_id", "`data_id` stands in the place of `name`: give one of them"));
            }
            (None, Some(_)) if self.version != DataVersion::Active => {
                let error = ArgumentError::new("version", "`data_id` is the number of one version already");
                return Err(error.help("leave `version` out, or give `name` in the place of `data_id`"));
            }
            (Some(name), None) if name.trim().is_empty() || name.contains(['/', '\\', '?', '#']) => {
                return Err(ArgumentError::new("name", "`name` is no name that a data set of OpenML has"));
            }
            _ => {}
        }
        self.base().map(|_| ())
    }

    fn base(&self) -> Result<Url, ArgumentError> {
        let url = Url::parse(&self.url).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty());
        url.ok_or_else(|| {
            let error = ArgumentError::new("url", "`url` is no address on the web without a user");
            error.help("write it as in `https://www.openml.org/api/v1/json`")
        })
    }

    fn settings(&self, folder: PathBuf) -> Result<Settings, Failure> {
        Ok(Settings {
            base: self.base().map_err(|error| Failure::message(error.message))?,
            folder,
            use_kept: self.cache,
            patience: Duration::from_secs_f64(self.timeout),
            retries: self.n_retries,
            delay: Duration::from_secs_f64(self.delay),
            max_size: self.max_size.0,
        })
    }

    fn read(&self, file: BufReader<std::fs::File>, described: Description) -> Result<Dataset, OpenMlError> {
        let Description { shown: dataset, targets, ignored, .. } = described;
        let target = match (self.target_column.as_deref(), targets.as_slice()) {
            (Some(DEFAULT_TARGET), [] | [_]) => targets.first().map(String::as_str),
            (Some(DEFAULT_TARGET), _) => return Err(OpenMlError::Targets { dataset, targets }),
            (target, _) => target,
        };
        let is_wanted = |name: &str| target == Some(name) || !ignored.iter().any(|ignored| ignored == name);
        let table = match arff::read(file, &dataset, is_wanted) {
            Ok(table) => table,
            Err(error) => return Err(OpenMlError::Arff { dataset, error }),
        };
        let present = || table.names().map(str::to_owned).collect();
        Dataset::split(table.clone(), target).map_err(|_| OpenMlError::NoTarget {
            dataset,
            target: target.unwrap_or_default().to_owned(),
            present: present(),
        })
    }
}

#[cfg(test)]
mod tests;
