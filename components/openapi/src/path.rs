//! Paths of URLs.

use palladium_component::prelude::*;

/// Checks that a text is a path as clients send it, without anything that would have to be encoded.
pub fn check_path(parameter: &'static str, path: &str) -> Result<(), ArgumentError> {
    let wrong = |message: String| Err(ArgumentError::new(parameter, message));
    if !path.starts_with('/') {
        let error = ArgumentError::new(parameter, format!("a path begins with `/`, `{path}` does not"));
        return Err(error.help(format!("write `/{path}`")));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || "/-._~".contains(character);
    match path.chars().find(|character| !allowed(*character)) {
        Some(character) => wrong(format!("`{path}` holds {character:?}; letters, digits and `-._~` can stand here")),
        None if path.contains("//") => wrong(format!("`{path}` has an empty segment")),
        None if path.split('/').any(|segment| segment == "." || segment == "..") => {
            wrong(format!("`{path}` has a segment that stands for another folder"))
        }
        None => Ok(()),
    }
}

/// Returns the address of a path as a page at another path writes it, so that a proxy may put both somewhere else.
pub fn relative(from: &str, to: &str) -> String {
    let folders = |path: &str| -> Vec<String> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        folder.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    };
    let (here, there) = (folders(from), folders(to));
    let n_common = here.iter().zip(&there).take_while(|(one, other)| one == other).count();
    let mut address = "../".repeat(here.len() - n_common);
    if address.is_empty() {
        address.push_str("./");
    }
    for folder in &there[n_common..] {
        address.push_str(folder);
        address.push('/');
    }
    address + to.rsplit_once('/').map_or(to, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_from_page_to_file() {
        for (from, to, expected) in [
            ("/docs", "/openapi.json", "./openapi.json"),
            ("/docs", "/docs/", "./docs/"),
            ("/docs/", "/docs/", "./"),
            ("/", "/", "./"),
            ("/a/docs", "/openapi.json", "../openapi.json"),
            ("/a/b/docs", "/a/c/api.json", "../c/api.json"),
            ("/docs", "/a/b.json", "./a/b.json"),
        ] {
            assert_eq!(relative(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn paths_need_no_encoding() {
        for path in ["/", "/docs", "/a/b-c.d_e~", "/docs/"] {
            assert!(check_path("rule", path).is_ok(), "{path}");
        }
        for path in ["", "docs", "/a b", "/<file>", "/a?b", "/a//b", "/../a", "/ä", "/a\"", "//evil.example.com"] {
            assert!(check_path("rule", path).is_err(), "{path}");
        }
    }
}
