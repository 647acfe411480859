//! What servers of databases and the way to them do to a store: PostgreSQL and MariaDB.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod kinds;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod servers;
#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use kinds::own;
use palladium_component::prelude::*;
use palladium_persistence as _;
use proxy::{Network, Proxy};
use servers::{server, text};
use testing::{answer, constant, initialize, persister};

const PASSWORD: &str = "test-password";

/// Returns the URLs of the servers that there are.
fn urls() -> Vec<String> {
    ["PALLADIUM_TEST_POSTGRES", "PALLADIUM_TEST_MYSQL"].into_iter().filter_map(server).collect()
}

fn open(url: &str, folder: &Path, more: &[(&'static str, Data)]) -> Arc<dyn Persister> {
    let mut arguments = vec![("url", text(url)), ("table_postfix", text(&own(folder)))];
    arguments.extend(more.iter().cloned());
    let store = persister("palladium.persistence.Database", &arguments).unwrap();
    initialize(store.as_ref(), Mode::Fit).unwrap();
    store
}

/// Returns a proxy in front of the server of a URL, and the URL that leads through it.
fn proxied(url: &str) -> (Proxy, String) {
    let (user, rest) = url.split_once('@').unwrap();
    let (place, database) = rest.split_once('/').unwrap();
    let proxy = Proxy::before(place);
    let url = format!("{user}@{}/{database}", proxy.place);
    (proxy, url)
}

/// Returns an error with its sources and its advice, which never tell the password.
fn told(error: &PersistError) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    told.push_str(&error.help().map_or_else(String::new, |help| format!(" ({help})")));
    assert!(!format!("{told} {error:?}").contains(PASSWORD), "{told}");
    told
}

fn versions(store: &dyn Persister) -> Vec<u64> {
    store.list_models().unwrap().iter().map(|metadata| metadata.version().unwrap().number()).collect()
}

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

/// More than the buffers on the way to a server hold.
const BALLAST: u64 = 1_000_000;

#[test]
fn a_connection_that_breaks_is_replaced() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        let (proxy, through) = proxied(&url);
        let store = open(&through, folder.path(), &[("chunk_size", Data::Int(1 << 20))]);
        store.write(&constant(1.0, 1)).unwrap();
        for (number, after) in [0, 100, 1000, 20_000, 1 << 20, 4 << 20].into_iter().enumerate() {
            proxy.set(Network::BreaksOnceAfter(after));
            assert_eq!(store.write(&constant(2.0, BALLAST)).unwrap(), version(number as u64 + 2), "{url} {after}");
            assert_eq!(proxy.network(), Network::Works, "{url}: nothing broke after {after}");
        }
        assert_eq!(versions(store.as_ref()), [1, 2, 3, 4, 5, 6, 7]);
        store.activate(version(7)).unwrap();
        for after in [0, 100, 20_000, 4 << 20] {
            proxy.set(Network::BreaksOnceAnswerAfter(after));
            assert_eq!(answer(&store.read(None).unwrap()), 2.0);
            assert_eq!(proxy.network(), Network::Works, "{url}: nothing broke after {after}");
        }
    }
}

#[test]
fn a_server_that_does_not_answer_is_told_in_time_and_used_again_later() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        let (proxy, through) = proxied(&url);
        let patience = [("timeout", Data::Float(0.4)), ("lock_timeout", Data::Float(0.2))];
        let store = open(&through, folder.path(), &patience);
        store.write(&constant(1.0, 1)).unwrap();
        store.activate(version(1)).unwrap();
        for network in [Network::Stalls, Network::Gone] {
            proxy.set(network);
            let expected: &[&str] = match network {
                Network::Stalls => &["has not answered for 0.4 seconds (look after the server"],
                _ => &["cannot be reached", "check host and port in `url`"],
            };
            // A connection from before the network failed.
            let _ = store.list_models();
            for error in [
                store.write(&constant(1.0, 1)).unwrap_err(),
                store.read(None).err().unwrap(),
                store.list_properties().unwrap_err(),
                store.activate(version(1)).unwrap_err(),
            ] {
                let told = told(&error);
                assert!(expected.iter().all(|part| told.contains(part)), "{network:?}: {told}");
            }
            proxy.set(Network::Works);
            assert_eq!(answer(&store.read(None).unwrap()), 1.0);
        }
        assert_eq!(versions(store.as_ref()), [1]);
    }
}

#[test]
fn what_is_wrong_with_a_url_is_told() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = [
            (url.replace(PASSWORD, "canary"), "does not let this user in"),
            (url.replace("/palladium", "/absent").replace("//absent", "//palladium"), "there is no database `"),
            ("postgresql://u:test-password@127.0.0.1:1/db".to_owned(), "cannot be reached"),
            ("mysql://u:test-password@127.0.0.1:1/db".to_owned(), "cannot be reached"),
        ];
        for (url, expected) in wrong {
            let store = open(&url, folder.path(), &[]);
            for error in [
                store.write(&constant(1.0, 1)).unwrap_err(),
                store.list_models().unwrap_err(),
                PersistError::Failed(store.probe().unwrap_err()),
            ] {
                let told = told(&error);
                assert!(told.contains(expected) && !told.contains("canary"), "{told}");
            }
        }
    }
}

#[test]
fn a_database_that_is_read_only_can_be_read() {
    let Some(url) = server("PALLADIUM_TEST_POSTGRES") else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = open(&url, folder.path(), &[]);
    store.write(&constant(1.0, 1)).unwrap();
    store.activate(version(1)).unwrap();
    let url = format!("{url}?options=-c%20default_transaction_read_only=on");
    let store = open(&url, folder.path(), &[]);
    assert_eq!(versions(store.as_ref()), [1]);
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);
    for error in [store.write(&constant(1.0, 1)).unwrap_err(), store.activate(version(1)).unwrap_err()] {
        assert!(told(&error).contains("` is read-only (give this user the right to write"), "{error}");
    }
}

#[test]
fn an_activation_does_not_wait_for_a_model_that_is_being_stored() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        let (proxy, through) = proxied(&url);
        let store = open(&url, folder.path(), &[("lock_timeout", Data::Float(1.0))]);
        store.write(&constant(1.0, 1)).unwrap();
        let slow = open(&through, folder.path(), &[]);
        std::thread::scope(|scope| {
            proxy.set(Network::StallsAfter(1 << 20));
            let written = scope.spawn(|| slow.write(&constant(2.0, BALLAST)).unwrap());
            while proxy.network() != Network::Stalls {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            store.activate(version(1)).unwrap();
            assert_eq!(versions(store.as_ref()), [1], "what is being stored is not seen");
            proxy.set(Network::Works);
            assert_eq!(written.join().unwrap(), version(2));
        });
        assert_eq!(versions(store.as_ref()), [1, 2]);
    }
}

#[test]
fn connections_are_kept_as_the_options_say() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        let (proxy, through) = proxied(&url);
        // A connection that is kept does not notice that no new one can be made.
        let cases = [
            (vec![], true),
            (vec![("pool_size", Data::Int(1))], true),
            (vec![("pool_size", Data::Int(0))], false),
            (vec![("pool_recycle", Data::Float(0.000_001))], false),
        ];
        for (options, is_kept) in cases {
            let store = open(&through, folder.path(), &options);
            store.list_models().unwrap();
            proxy.set(Network::Refuses);
            let names: Vec<&str> = options.iter().map(|(name, _)| *name).collect();
            assert_eq!(store.list_models().is_ok(), is_kept, "{names:?}");
            proxy.set(Network::Works);
        }
    }
}

#[test]
fn a_lock_is_waited_for_and_then_told() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&url, folder.path(), &[]);
        store.write(&constant(1.0, 1)).unwrap();
        // MariaDB counts whole seconds.
        let hasty = open(&url, folder.path(), &[("lock_timeout", Data::Float(1.0))]);
        let content = Waiting {
            inside: Box::new(|| {
                let told = told(&hasty.activate(version(1)).unwrap_err());
                assert!(told.contains("was locked by another process for more than 1 second"), "{told}");
                // Readers need not wait.
                assert_eq!(versions(hasty.as_ref()), [1]);
            }),
        };
        store.attach(version(1), "a", &content).unwrap();
        hasty.activate(version(1)).unwrap();
    }
}

/// Content that something happens to while it is read.
struct Waiting<'a> {
    inside: Box<dyn Fn() + Send + Sync + 'a>,
}

impl Content for Waiting<'_> {
    fn size(&self) -> u64 {
        1
    }

    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + Send + '_>> {
        (self.inside)();
        Ok(Box::new(&b"x"[..]))
    }
}

#[test]
fn chunks_fit_into_the_statements_of_a_server() {
    for url in urls() {
        let folder = tempfile::tempdir().unwrap();
        // MariaDB takes statements of 16 MiB unless it is told otherwise.
        let store = open(&url, folder.path(), &[("chunk_size", Data::Int(512 << 20))]);
        let written = store.write(&constant(3.0, 4_000_000)).unwrap();
        assert!(store.list_sizes().unwrap()[&written] > 30_000_000);
        assert_eq!(answer(&store.read(Some(written)).unwrap()), 3.0);
    }
}
