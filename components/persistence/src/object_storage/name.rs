//! Names of objects: a bucket, a slash and a key.

use object_store::path::Path;

/// The place of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The bucket or container.
    pub bucket: String,
    /// The name of the object in it.
    pub key: Path,
}

/// A text is not the name of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is a URL.
    #[error("the name of an object begins with the name of its bucket, without `{0}://`")]
    Scheme(String),
    /// The bucket has no name.
    #[error("`{0}` is no name of a bucket")]
    Bucket(String),
    /// There is nothing after the bucket.
    #[error("there is no name of an object after the name of the bucket")]
    Key,
    /// A part of the name is empty or climbs.
    #[error("the name of an object has an empty part, `.`, `..` or a sign that cannot be printed in it")]
    Part,
    /// The version is misplaced.
    #[error("`{{version}}` may stand in the last part of the name of an object only")]
    Version,
}

impl NameError {
    /// Says what to write instead.
    pub const HELP: &'static str = "write `bucket/folder/model-{version}`";
}

impl Name {
    /// Reads the name of an object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str) -> Result<Name, NameError> {
        if let Some((scheme, _)) = name.split_once("://") {
            return Err(NameError::Scheme(scheme.to_owned()));
        }
        let (bucket, key) = name.split_once('/').ok_or(NameError::Key)?;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '$');
        if bucket.is_empty() || bucket.starts_with('.') || !bucket.chars().all(is_plain) {
            return Err(NameError::Bucket(bucket.to_owned()));
        }
        if key.is_empty() {
            return Err(NameError::Key);
        }
        let (folders, _) = key.rsplit_once('/').unwrap_or_default();
        if folders.contains("{version}") {
            return Err(NameError::Version);
        }
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
        if !key.split('/').all(is_part) {
            return Err(NameError::Part);
        }
        let key = Path::parse(key).map_err(|_| NameError::Part)?;
        Ok(Name { bucket: bucket.to_owned(), key })
    }

    /// Returns the bucket and the folder in it, in which the object lies.
    pub fn folder(&self) -> String {
        let folder = self.key.as_ref().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{}/{folder}", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_buckets_and_keys() {
        let name = Name::parse("models/iris/model-{version}").unwrap();
        assert_eq!((name.bucket.as_str(), name.key.as_ref()), ("models", "iris/model-{version}"));
        assert_eq!(name.folder(), "models/iris");
        assert_eq!(Name::parse("models/{version}").unwrap().folder(), "models/");
        assert_eq!(Name::parse("models/größe 100%/{version}").unwrap().key.as_ref(), "größe 100%/{version}");
        let wrong = [
            ("", NameError::Key),
            ("models", NameError::Key),
            ("models/", NameError::Key),
            ("/model-{version}", NameError::Bucket(String::new())),
            ("../model-{version}", NameError::Bucket("..".into())),
            ("my models/{version}", NameError::Bucket("my models".into())),
            ("model-{version}/x", NameError::Bucket("model-{version}".into())),
            ("s3://models/{version}", NameError::Scheme("s3".into())),
            ("models/{version}/model", NameError::Version),
            ("models//{version}", NameError::Part),
            ("models/{version}/", NameError::Version),
            ("models/a/", NameError::Part),
            ("models/../{version}", NameError::Part),
            ("models/./{version}", NameError::Part),
            ("models/a\n{version}", NameError::Part),
        ];
        for (name, expected) in wrong {
            assert_eq!(Name::parse(name), Err(expected), "{name}");
        }
    }
}
