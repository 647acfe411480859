//! What OpenML says about a data set.

use reqwest::StatusCode;
use serde_json::Value as Json;
use url::Url;

use super::client::Client;
use super::error::OpenMlError;

/// A data set as OpenML describes it.
#[derive(Debug, PartialEq)]
pub(crate) struct Description {
    /// What errors call it.
    pub(crate) shown: String,
    /// Whether it may be used: `active`, or why not.
    pub(crate) status: String,
    pub(crate) format: String,
    pub(crate) file: Url,
    pub(crate) md5: Option<String>,
    /// The columns to learn.
    pub(crate) targets: Vec<String>,
    /// The columns that are neither learnt nor learnt from.
    pub(crate) ignored: Vec<String>,
}

/// Which version of a data set is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataVersion {
    /// The oldest of those that are active.
    Active,
    /// This one.
    Number(u32),
}

/// Returns the number of a data set.
pub(crate) fn find(client: &Client, name: &str, version: DataVersion) -> Result<u32, OpenMlError> {
    let list = ["data", "list", "data_name", name, "limit", "2"];
    let (found, url) = match version {
        DataVersion::Active => {
            let url = client.address(&[&list[..], &["status", "active"]].concat());
            (listed(client, &url)?, url)
        }
        DataVersion::Number(number) => {
            let number = number.to_string();
            let of_version = [&list[..], &["data_version", &number]].concat();
            let url = client.address(&of_version);
            match listed(client, &url)? {
                Some(found) => (Some(found), url),
                // Without a status, only data sets that are active are listed.
                None => {
                    let url = client.address(&[&of_version[..], &["status", "deactivated"]].concat());
                    (listed(client, &url)?, url)
                }
            }
        }
    };
    let Some(found) = found else {
        return Err(OpenMlError::NoDataset(match version {
            DataVersion::Active => format!("active data set `{name}`"),
            DataVersion::Number(number) => format!("version {number} of a data set `{name}`"),
        }));
    };
    let datasets = found["data"]["dataset"].as_array().map(Vec::as_slice).unwrap_or_default();
    if datasets.len() > 1 {
        let version = text(&datasets[0], "version").unwrap_or_default();
        tracing::warn!("Several versions of the data set `{name}` of OpenML are active; version {version} is used.");
    }
    let id = datasets.first().and_then(|dataset| text(dataset, "did")?.parse().ok());
    id.ok_or_else(|| OpenMlError::Answer { url, reason: "it has no `data.dataset[0].did`".to_owned() })
}

/// Returns a list of data sets; nothing where OpenML knows none.
fn listed(client: &Client, url: &Url) -> Result<Option<Json>, OpenMlError> {
    match client.json(url) {
        Err(OpenMlError::Status { status: StatusCode::PRECONDITION_FAILED, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Returns what OpenML says about the data set of a number.
pub(crate) fn describe(client: &Client, id: u32) -> Result<Description, OpenMlError> {
    let url = client.address(&["data", &id.to_string()]);
    let answer = match client.json(&url) {
        Err(OpenMlError::Status { status: StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND, .. }) => {
            return Err(OpenMlError::NoDataset(format!("data set with the number {id}")));
        }
        answer => answer?,
    };
    let described = &answer["data_set_description"];
    let wrong = |reason: String| OpenMlError::Answer { url: url.clone(), reason };
    let needed = |key| text(described, key).ok_or_else(|| wrong(format!("it has no `data_set_description.{key}`")));
    let (name, version) = (needed("name")?, text(described, "version").unwrap_or_default());
    let file = needed("url")?;
    let file = url.join(&file).map_err(|error| wrong(format!("`{file}` is no URL: {error}")))?;
    let ignored = ["ignore_attribute", "row_id_attribute"].map(|key| names(&described[key])).concat();
    Ok(Description {
        shown: format!("version {version} of the data set `{name}` ({id})"),
        status: text(described, "status").unwrap_or_else(|| "active".to_owned()),
        format: needed("format")?,
        file,
        md5: text(described, "md5_checksum").filter(|md5| !md5.is_empty()),
        targets: names(&described["default_target_attribute"]),
        ignored,
    })
}

/// Returns a text or a number as text.
fn text(json: &Json, key: &str) -> Option<String> {
    match &json[key] {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the names of columns: a list, or a text with commas between them.
fn names(json: &Json) -> Vec<String> {
    let trimmed = |name: &str| name.trim().trim_matches(['\'', '"']).to_owned();
    let names: Vec<String> = match json {
        Json::String(names) => names.split(',').map(trimmed).collect(),
        Json::Array(names) => names.iter().filter_map(Json::as_str).map(trimmed).collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_a_list_or_stand_between_commas() {
        let cases = [
            (json!("class"), vec!["class"]),
            (json!("a, 'b c',\"d\""), vec!["a", "b c", "d"]),
            (json!(["a,b", "'c'"]), vec!["a,b", "c"]),
            (json!(""), vec![]),
            (json!(null), vec![]),
            (json!([]), vec![]),
        ];
        for (given, expected) in cases {
            assert_eq!(names(&given), expected, "{given}");
        }
    }
}
