//! Folders of files.

use std::path::{Path, PathBuf};

use crate::nearest;

/// Returns the folder of a file as the operating system wants it: that of a name alone is the working directory, `.`.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns what is in the same folder and has a similar name, with and without what stands behind its last dot.
pub fn near_file(path: &Path) -> Option<PathBuf> {
    let (wanted, mut names) = (path.file_name()?.to_str()?, neighbours(path)?);
    // A link that leads nowhere is there.
    names.retain(|name| name != wanted);
    near_name(wanted, &names).map(|near| path.with_file_name(near))
}

/// Returns the names of what is in the folder of a file.
pub fn neighbours(path: &Path) -> Option<Vec<String>> {
    const LOOKED_AT: usize = 1000;
    let entries = std::fs::read_dir(folder_of(path)).ok()?.take(LOOKED_AT).filter_map(Result::ok);
    Some(entries.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Returns the name of a file that is nearest to another one, with and without what stands behind its last dot.
pub fn near_name<'a>(wanted: &str, names: &'a [String]) -> Option<&'a str> {
    // What is behind the dot may not stand for the whole name, as it may in the name of a component.
    let plain = |text: &str| text.replace('.', "_");
    let stem = |name: &str| plain(name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    let is_near =
        |name: &&String| stem(name) == stem(wanted) || nearest(&stem(wanted), [stem(name).as_str()]).is_some();
    let plain_names: Vec<(String, &String)> = names.iter().filter(is_near).map(|name| (plain(name), name)).collect();
    let near = nearest(&plain(wanted), plain_names.iter().map(|(plain, _)| plain.as_str()))?;
    plain_names.iter().find(|(plain, _)| plain == near).map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_stands_in_the_working_directory() {
        let cases = [("a", "."), ("./a", "."), ("b/a", "b"), ("/a", "/"), ("../a", ".."), ("", "."), ("/", ".")];
        for (file, expected) in cases {
            assert_eq!(folder_of(Path::new(file)), Path::new(expected), "{file}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_near_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (link, near) = (folder.path().join("models.db"), folder.path().join("model.db"));
        std::os::unix::fs::symlink("gone", &link).unwrap();
        assert_eq!(near_file(&link), None);
        std::fs::write(&near, "").unwrap();
        assert_eq!(near_file(&link), Some(near));
    }

    #[test]
    fn files_of_a_similar_name_are_near() {
        let names = ["f.csv", "iris.data", "iris.test.csv", "data.db"].map(str::to_owned);
        let cases = [
            ("nope.csv", None),
            ("a.csv", None),
            ("iris.dat", Some("iris.data")),
            ("irsi.data", Some("iris.data")),
            ("iris.tset.csv", Some("iris.test.csv")),
            ("dta.db", Some("data.db")),
            ("Data.db", Some("data.db")),
            ("other.data", None),
        ];
        for (wanted, expected) in cases {
            assert_eq!(near_name(wanted, &names), expected, "{wanted}");
        }
    }
}
