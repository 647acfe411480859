//! Names of the objects of a store, made from one template.

use palladium_component::prelude::*;

use crate::attachments;

/// What stands for the version in a template.
const VERSION: &str = "{version}";

/// What stands in its place in the name of what is known about all models.
const METADATA: &str = "metadata";

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

    /// Returns what tells its objects from others in the same folder: its last part without the version.
    pub fn own_part(&self) -> String {
        let (_, last) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        last.replace(VERSION, "")
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
        format!("{}.json", self.with(METADATA))
    }

    /// Returns the templates of the stores whose list of models can have a name.
    pub fn of_metadata(name: &str) -> Vec<Template> {
        let Some(whole) = name.strip_suffix(".json") else { return Vec::new() };
        let folder = whole.rfind('/').map_or(0, |slash| slash + 1);
        let found = whole.match_indices(METADATA).filter(|(at, _)| *at >= folder);
        let mut templates: Vec<Template> = found
            .map(|(at, word)| Template(format!("{}{VERSION}{}", &whole[..at], &whole[at + word.len()..])))
            .collect();
        if templates.len() > 1 {
            templates.push(Template(format!("{}{}", &whole[..folder], whole[folder..].replace(METADATA, VERSION))));
        }
        templates
    }

    /// Returns whose object has a name: a version, and which of its attachments unless it is the model itself.
    pub fn read(&self, name: &str) -> Option<(Version, Option<String>)> {
        self.versions_in(name).find_map(|version| {
            if name == self.model(version) {
                return Some((version, None));
            }
            let attachment = name.strip_prefix(&self.attachment(version, ""))?;
            attachments::check_name(attachment).ok()?;
            Some((version, Some(attachment.to_owned())))
        })
    }

    /// Tells whether a name is one of this store's, also where the Python original has written it.
    pub fn owns(&self, name: &str) -> bool {
        name == self.metadata()
            || self.read(name).is_some()
            || self.versions_in(name).any(|version| name == self.pickle(version))
    }

    /// Returns the versions that can be meant by a name.
    fn versions_in(&self, name: &str) -> impl Iterator<Item = Version> {
        let start = self.0.find(VERSION).unwrap_or(self.0.len());
        let digits = name.get(start..).unwrap_or_default();
        let n_digits = digits.bytes().take_while(u8::is_ascii_digit).count();
        (1..=n_digits).filter_map(|end| digits.get(..end)?.parse().ok())
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
        let names = [
            ("model-{version}", "model-12.model", Some((12, None))),
            ("model-{version}", "model-1-a b.txt", Some((1, Some("a b.txt")))),
            ("f/{version}{version}", "f/1212.model", Some((12, None))),
            ("m{version}0", "m100.model", Some((10, None))),
            ("m{version}0", "m10-a", Some((1, Some("a")))),
            ("model-{version}", "model-metadata.json", None),
            ("model-{version}", "model-0.model", None),
            ("model-{version}", "model-01.model", None),
            ("model-{version}", "model-1.pkl.gz", None),
            ("model-{version}", "model-1.modelx", None),
            ("model-{version}", "model-1-", None),
            ("model-{version}", "model-1-../x", None),
            ("model-{version}", "other-1.model", None),
            ("model-{version}", "m", None),
            ("größe-{version}", "größe-3.model", Some((3, None))),
            ("gr-{version}", "größe-3.model", None),
        ];
        for (template, name, expected) in names {
            let read = Template::new(template).unwrap().read(name);
            let read = read.as_ref().map(|(version, attachment)| (version.number(), attachment.as_deref()));
            assert_eq!(read, expected, "{template} {name}");
        }
        let misplaced = ["{version}/", "{version}/model", "{version}/..", "{version}/x-{version}", "/"];
        for name in ["", "model", "{Version}", "{ version }", "{version"].into_iter().chain(misplaced) {
            assert_eq!(Template::new(name), None, "{name}");
        }
    }

    #[test]
    fn templates_are_read_from_the_names_of_lists() {
        let cases: [(&str, &[&str]); 6] = [
            ("a/model-1-metadata.json", &["a/model-1-{version}"]),
            ("metadata/model-metadata-b.json", &["metadata/model-{version}-b"]),
            ("metadata.json", &["{version}"]),
            ("metadatametadata.json", &["{version}metadata", "metadata{version}", "{version}{version}"]),
            ("metadata/a.json", &[]),
            ("model-metadata.txt", &[]),
        ];
        for (name, expected) in cases {
            let templates = Template::of_metadata(name);
            assert_eq!(templates.iter().map(Template::as_str).collect::<Vec<_>>(), expected, "{name}");
            assert!(templates.iter().all(|template| template.owns(name)), "{name}");
        }
        let template = Template::new("model-{version}").unwrap();
        for name in ["model-1.model", "model-1-a.txt", "model-metadata.json", "model-12.pkl.gz"] {
            assert!(template.owns(name), "{name}");
        }
        for name in ["model-1.txt", "model-x.model", "model-metadata.txt", "m"] {
            assert!(!template.owns(name), "{name}");
        }
    }
}
