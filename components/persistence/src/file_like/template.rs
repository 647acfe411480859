//! Names of the objects of a store, made from one template.

use palladium_component::prelude::*;

/// What stands for the version in a template.
const VERSION: &str = "{version}";

/// The name that all objects of a store are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Returns the template, nothing unless the version has its place in the last part of it, and there alone: a
    /// version in the name of a folder would need a folder for each version.
    pub fn new(name: &str) -> Option<Template> {
        let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
        (last.contains(VERSION) && !folder.contains(VERSION)).then(|| Template(name.to_owned()))
    }

    /// Returns the template as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of a model.
    pub fn model(&self, version: Version) -> String {
        format!("{}.model", self.with(&version.to_string()))
    }

    /// Returns the name under which the Python original keeps a model.
    pub fn pickle(&self, version: Version) -> String {
        format!("{}.pkl.gz", self.with(&version.to_string()))
    }

    /// Returns the name of an attachment of a model.
    pub fn attachment(&self, version: Version, name: &str) -> String {
        format!("{}-{name}", self.with(&version.to_string()))
    }

    /// Returns the name of what is known about all models.
    pub fn metadata(&self) -> String {
        format!("{}.json", self.with("metadata"))
    }

    fn with(&self, text: &str) -> String {
        self.0.replace(VERSION, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_from_the_template() {
        let template = Template::new("model-{version}.pickle").unwrap();
        let version = Version::new(12).unwrap();
        assert_eq!(template.model(version), "model-12.pickle.model");
        assert_eq!(template.pickle(version), "model-12.pickle.pkl.gz");
        assert_eq!(template.attachment(version, "a.txt"), "model-12.pickle-a.txt");
        assert_eq!(template.metadata(), "model-metadata.pickle.json");
        assert_eq!(Template::new("{a}{version}{version}").unwrap().model(version), "{a}1212.model");
        let template = Template::new("models/a/{version}").unwrap();
        assert_eq!(
            (template.model(version), template.metadata()),
            ("models/a/12.model".into(), "models/a/metadata.json".into())
        );
        let misplaced = ["{version}/", "{version}/model", "{version}/..", "{version}/x-{version}", "/"];
        for name in ["", "model", "{Version}", "{ version }", "{version"].into_iter().chain(misplaced) {
            assert_eq!(Template::new(name), None, "{name}");
        }
    }
}
