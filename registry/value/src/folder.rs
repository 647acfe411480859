//! Folders of files.

use std::path::Path;

/// Returns the folder of a file as the operating system wants it: that of a name alone is the working directory, `.`.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
}
