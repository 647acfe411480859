//! `components/README.md` is what the binary says of its components.

use crate::process::{repository, succeed};

#[test]
fn the_catalogue_is_current() {
    let path = repository().join("components/README.md");
    let printed = succeed(&repository(), &["components", "--format", "markdown"]);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == printed, "components/README.md is out of date: `UPDATE=1 cargo test -p palladium` writes it");
}
