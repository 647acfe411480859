//! Databases that are read through TLS: what the options of their URLs trust, and who they say that one is.

use std::fs;
use std::path::Path;

use crate::database::Database;
use crate::process::{self, free_port, palladium, text};
use crate::tls::Authority;

/// What one kind of database calls its options, and what it says where they are wrong.
struct Kind {
    name: &'static str,
    variable: &'static str,
    scheme: &'static str,
    /// The option that says how much is checked, and its values: the authority alone, and the host's name too.
    mode: &'static str,
    checks: [&'static str; 2],
    authority: &'static str,
    certificate: &'static str,
    key: &'static str,
    sql: &'static str,
    /// What the server says to a certificate of another authority, and to none.
    refused: [&'static str; 2],
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "postgres",
        variable: "PALLADIUM_TEST_POSTGRES",
        scheme: "postgresql",
        mode: "sslmode",
        checks: ["verify-ca", "verify-full"],
        authority: "sslrootcert",
        certificate: "sslcert",
        key: "sslkey",
        sql: "CREATE TABLE rows AS SELECT 1 a",
        refused: ["UnknownCA", "certificate"],
    },
    Kind {
        name: "mariadb",
        variable: "PALLADIUM_TEST_MYSQL",
        scheme: "mysql",
        mode: "ssl_mode",
        checks: ["VERIFY_CA", "VERIFY_IDENTITY"],
        authority: "ssl_ca",
        certificate: "ssl_cert",
        key: "ssl_key",
        sql: "CREATE TABLE `rows` AS SELECT 1 a; ALTER USER palladium@'%' REQUIRE X509",
        refused: ["UnknownCA", "Access denied"],
    },
];

/// Reads the table with a URL, and returns what is said where that fails.
fn read(folder: &Path, url: &str) -> Result<(), String> {
    let config = format!(r#"{{"dataset_loader_train": SQL(url: "{url}", sql: "rows")}}"#);
    fs::write(folder.join("a.ron"), config).unwrap();
    let output = palladium(folder).args(["data", "--config", "a.ron"]).output().unwrap();
    let said = text(&output.stderr);
    assert!(!said.contains("test-password"), "{said}");
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn a_database_is_trusted_and_trusts_by_the_certificates_of_the_url() {
    let (authority, other) = (Authority::named("mine"), Authority::named("other"));
    for kind in &KINDS {
        // What brings the server for other tests installs its programs.
        let Some(_) = process::program(kind.variable) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let (folder, port) = (folder.path(), free_port());
        for (name, authority) in [("mine", &authority), ("other", &other)] {
            authority.write_pair(folder, name, "palladium");
            fs::write(folder.join(name).with_extension("ca"), authority.pem()).unwrap();
        }
        let server = Database::start(kind.name, port, kind.sql, Some(&authority));
        let url = |host: &str, mode: &str, authority: &str, client: Option<&str>| {
            let file = |name: &str, kind: &str| folder.join(name).with_extension(kind).display().to_string();
            let mut url = format!("{}://palladium:test-password@{host}:{port}/palladium", kind.scheme);
            url += &format!("?{}={mode}&{}={}", kind.mode, kind.authority, file(authority, "ca"));
            if let Some(client) = client {
                let (certificate, key) = (file(client, "pem"), file(client, "key"));
                url += &format!("&{}={certificate}&{}={key}", kind.certificate, kind.key);
            }
            url
        };
        let [of_authority, of_host] = kind.checks;
        for mode in kind.checks {
            read(folder, &url("127.0.0.1", mode, "mine", Some("mine"))).unwrap();
            // The server is of an authority that is not trusted.
            let said = read(folder, &url("127.0.0.1", mode, "other", Some("mine"))).unwrap_err();
            assert!(said.contains("that both sides trust") && said.contains("invalid peer certificate"), "{said}");
            // So is the client, or it shows nothing.
            for (client, refused) in [Some("other"), None].into_iter().zip(kind.refused) {
                let said = read(folder, &url("127.0.0.1", mode, "mine", client)).unwrap_err();
                assert!(said.contains(refused), "{said}");
            }
        }
        // The certificate is for the address and not for the name.
        read(folder, &url("localhost", of_authority, "mine", Some("mine"))).unwrap();
        let said = read(folder, &url("localhost", of_host, "mine", Some("mine"))).unwrap_err();
        assert!(said.contains("not valid for name"), "{said}");
        server.kill();
    }
}
