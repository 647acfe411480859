//! Files that belong to a model: in its metadata they are text in base64 under keys that begin with `attachments/`, in
//! a store they lie beside the model.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palladium_component::prelude::*;

/// What the keys of attachments begin with.
const PREFIX: &str = Metadata::ATTACHMENTS;

/// The key that lists the keys of the attachments that lie beside a model.
const LIST: &str = "__attachments__";

/// How many bytes an attachment may have.
pub const LIMIT: u64 = 1 << 30;

const LONGEST_NAME: usize = 150;

/// A file that was taken out of the metadata of a model, or is put back into them.
#[derive(Debug, PartialEq)]
pub struct Taken {
    /// Its name, which is safe in the name of a file.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// An attachment cannot be stored or loaded.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// Its name could lead elsewhere.
    #[error("`{0}` is no name of an attachment")]
    Name(String),
    /// It is a number, a list or the like.
    #[error("the attachment `{0}` is not text in base64")]
    NotText(String),
    /// It is other text.
    #[error("the attachment `{name}` is not text in base64")]
    NotBase64 {
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: base64::DecodeError,
    },
    /// There is one of this name.
    #[error("version {version} has an attachment `{name}` already")]
    Present {
        /// The version.
        version: Version,
        /// Its name.
        name: String,
    },
    /// It is too large.
    #[error("the attachment `{0}` has more than {LIMIT} bytes")]
    TooLarge(String),
    /// The list of attachments is something else.
    #[error("the entry `{LIST}` in the metadata of the model is not a list of keys that begin with `{PREFIX}`")]
    List,
}

impl Explain for AttachmentError {
    fn help(&self) -> Option<String> {
        match self {
            AttachmentError::Name(_) => Some(format!(
                "letters, digits, spaces and `.`, `_`, `-` make a name, at most {LONGEST_NAME} bytes; a letter or \
                 digit comes first, and neither a space nor a dot last"
            )),
            AttachmentError::NotText(_) | AttachmentError::NotBase64 { .. } => {
                Some(format!("metadata entries whose keys begin with `{PREFIX}` hold files in base64"))
            }
            AttachmentError::Present { .. } => {
                Some("take it away with `palladium admin detach`, or use another name".to_owned())
            }
            AttachmentError::TooLarge(_) | AttachmentError::List => None,
        }
    }
}

/// Returns the metadata that are stored with a model and the attachments that are stored beside it.
///
/// # Errors
/// Attachments with names that are not safe, or that are not text in base64.
pub fn take_out(metadata: &Metadata) -> Result<(Metadata, Vec<Taken>), AttachmentError> {
    let (mut rest, mut attachments) = (Metadata::default(), Vec::new());
    for (key, value) in metadata.entries().filter(|(key, _)| *key != LIST) {
        let Some(name) = key.strip_prefix(PREFIX) else {
            rest.annotate(key, value.clone());
            continue;
        };
        check_name(name)?;
        let text = value.as_str().ok_or_else(|| AttachmentError::NotText(name.to_owned()))?;
        // Encoders break lines.
        let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let content = STANDARD.decode(text);
        let content = content.map_err(|source| AttachmentError::NotBase64 { name: name.to_owned(), source })?;
        if content.len() as u64 > LIMIT {
            return Err(AttachmentError::TooLarge(name.to_owned()));
        }
        attachments.push(Taken { name: name.to_owned(), content });
    }
    let names: Vec<String> = attachments.iter().map(|attachment| attachment.name.clone()).collect();
    Ok((listing(&rest, &names), attachments))
}

/// Returns metadata that list these attachments and no others.
pub fn listing(metadata: &Metadata, names: &[String]) -> Metadata {
    let mut listing = Metadata::default();
    metadata.entries().filter(|(key, _)| *key != LIST).for_each(|(key, value)| listing.annotate(key, value.clone()));
    if !names.is_empty() {
        let keys: Vec<String> = names.iter().map(|name| format!("{PREFIX}{name}")).collect();
        listing.annotate(LIST, keys);
    }
    listing
}

/// Returns the names of the attachments that lie beside a model.
///
/// # Errors
/// A list that no store wrote.
pub fn names(metadata: &Metadata) -> Result<Vec<String>, AttachmentError> {
    let Some(list) = metadata.get(LIST) else { return Ok(Vec::new()) };
    let keys = list.as_array().ok_or(AttachmentError::List)?;
    let name = |key: &str| {
        let name = key.strip_prefix(PREFIX).ok_or(AttachmentError::List)?;
        check_name(name).map(|()| name.to_owned())
    };
    keys.iter().map(|key| name(key.as_str().ok_or(AttachmentError::List)?)).collect()
}

/// Adds an attachment to the metadata of a model.
pub fn put_back(metadata: &mut Metadata, attachment: &Taken) {
    metadata.annotate(&format!("{PREFIX}{}", attachment.name), STANDARD.encode(&attachment.content));
}

/// Says that a version has no attachment of a name.
pub fn no_such(version: Version, name: &str) -> String {
    format!("No such attachment of version {version}: {name}")
}

/// Checks that a name is safe in the name of a file.
///
/// # Errors
/// A name that could lead elsewhere.
pub fn check_name(name: &str) -> Result<(), AttachmentError> {
    let safe = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '.' | '_' | '-');
    let begins_well = name.chars().next().is_some_and(char::is_alphanumeric);
    // Some databases and services do not tell names apart that differ in what they end with only.
    let ends_well = !name.ends_with([' ', '.']);
    if begins_well && ends_well && name.len() <= LONGEST_NAME && name.chars().all(safe) {
        Ok(())
    } else {
        Err(AttachmentError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(entries: serde_json::Value) -> Metadata {
        serde_json::from_value(entries).unwrap()
    }

    #[test]
    fn attachments_are_taken_out_and_put_back() {
        let given = json!({
            "a": 1, "attachments/myatt.txt": "aGV5", "attachments/my2ndatt.txt": "aG\n8=", "__attachments__": ["old"],
        });
        let (mut rest, attachments) = take_out(&metadata(given)).unwrap();
        let keys = json!(["attachments/myatt.txt", "attachments/my2ndatt.txt"]);
        assert_eq!(rest, metadata(json!({"a": 1, "__attachments__": keys})));
        assert_eq!(names(&rest).unwrap(), ["myatt.txt", "my2ndatt.txt"]);
        assert_eq!(attachments[0], Taken { name: "myatt.txt".into(), content: b"hey".to_vec() });
        assert_eq!(attachments[1].content, b"ho");
        attachments.iter().for_each(|attachment| put_back(&mut rest, attachment));
        assert_eq!(rest.get("attachments/my2ndatt.txt"), Some(&json!("aG8=")));

        let (none, attachments) = take_out(&metadata(json!({"a": 1, "__attachments__": []}))).unwrap();
        assert_eq!((none, attachments.len()), (metadata(json!({"a": 1})), 0));
    }

    #[test]
    fn names_are_safe() {
        for name in ["a", "notes.txt", "größe 1.csv", "2-x_y.tar.gz", &"x".repeat(150)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let unsafe_names = [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            "..\\x",
            "a\\b",
            "C:x",
            ".hidden",
            "-x",
            " x",
            "x ",
            "x.",
            "a\0b",
            "a\nb",
            "%2e%2e%2fx",
            "a?b",
            "*",
            "\u{202e}x",
            &"x".repeat(151),
        ];
        for name in unsafe_names {
            assert!(check_name(name).is_err(), "{name:?}");
            let key = format!("attachments/{name}");
            assert!(matches!(take_out(&metadata(json!({ &key: "aGV5" }))), Err(AttachmentError::Name(_))), "{name:?}");
            assert!(matches!(names(&metadata(json!({ LIST: [key] }))), Err(AttachmentError::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn what_is_no_attachment_is_refused() {
        assert!(matches!(take_out(&metadata(json!({"attachments/x": 3}))), Err(AttachmentError::NotText(_))));
        assert!(matches!(take_out(&metadata(json!({"attachments/x": "?"}))), Err(AttachmentError::NotBase64 { .. })));
        for list in [json!(3), json!([3]), json!(["x"]), json!({})] {
            assert!(matches!(names(&metadata(json!({ LIST: list }))), Err(AttachmentError::List)), "{list}");
        }
    }
}
