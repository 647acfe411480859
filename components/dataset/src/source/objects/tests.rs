use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::source::server::{Options, Server, say, storage, text};
use crate::source::{Compression, Source};

/// Returns the address that a variable names; nothing where the tests have no such server.
fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
    assert!(url.is_some() || !all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{variable}` is missing");
    url
}

/// Returns a scheme with options for each of the servers that there are.
fn services() -> Vec<(&'static str, Options<'static>)> {
    let s3 = server("PALLADIUM_TEST_S3").map(|url| {
        let keys =
            [("access_key_id", text("test")), ("secret_access_key", text("test")), ("allow_http", Data::Bool(true))];
        ("s3", [vec![("endpoint", text(&url))], keys.to_vec()].concat())
    });
    let azure = server("PALLADIUM_TEST_AZURE")
        .map(|url| ("az", vec![("endpoint", text(&url)), ("emulator", Data::Bool(true))]));
    [s3, azure].into_iter().flatten().collect()
}

fn read(source: &Source) -> Result<Vec<String>, SourceError> {
    let read = |file: &crate::source::SourceFile| {
        let mut content = String::new();
        file.open(Compression::Infer)?.reader.read_to_string(&mut content).map_err(|error| file.failed(error))?;
        Ok(content)
    };
    source.files()?.iter().map(read).collect()
}

#[test]
fn objects_are_listed_and_read() {
    let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    for (scheme, options) in services() {
        let folder = format!("data-{unique}");
        let address = |rest: &str| format!("{scheme}://models/{folder}/{rest}");
        let at = |rest: &str, more: &[(&str, Data)]| {
            let options = [options.clone(), more.to_vec()].concat();
            Source::new(&address(rest), Some(&storage(&options))).unwrap()
        };
        let names = |rest: &str| -> Result<Vec<String>, SourceError> {
            Ok(at(rest, &[]).files()?.iter().map(|file| file.name().to_owned()).collect())
        };
        let objects = Objects::new(scheme, &format!("models/{folder}/"), storage(&options)).unwrap();
        let client = objects.client().unwrap();
        let files = ["b.csv", "a.csv", "_SUCCESS", "c d.txt", "deep/e.csv"];
        for name in files {
            let key = Path::parse(format!("{folder}/{name}")).unwrap();
            within(&objects.runtime, objects.storage.max_time, name, async {
                client.put(&key, format!("{name}\n").into()).await.unwrap();
                Ok(())
            })
            .unwrap();
        }
        let all = |names: &[&str]| names.iter().map(|name| address(name)).collect::<Vec<_>>();
        assert_eq!(names("").unwrap(), all(&["a.csv", "b.csv", "c d.txt"]));
        assert_eq!(names("*.csv").unwrap(), all(&["a.csv", "b.csv"]));
        assert_eq!(names("**/*.csv").unwrap(), all(&["a.csv", "b.csv", "deep/e.csv"]));
        assert_eq!(names("deep/").unwrap(), all(&["deep/e.csv"]));
        assert_eq!(read(&at("*.csv", &[])).unwrap(), ["a.csv\n", "b.csv\n"]);
        assert_eq!(read(&at("c d.txt", &[])).unwrap(), ["c d.txt\n"]);
        assert!(matches!(at("a.csv", &[]).probe().unwrap(), Probe::Found(_)));

        let wrong = |source: Source, expected: &str| {
            let error = read(&source).unwrap_err();
            assert!(error.to_string().contains(expected) && error.help().is_some(), "{scheme}: {error}");
        };
        wrong(at("absent.csv", &[]), "there is no `");
        wrong(at("*.parquet", &[]), "no file fits `");
        wrong(at("absent/", &[]), "there are no files in the folder `");
        wrong(at("a.csv", &[("max_size", Data::Int(5))]), "is larger than 5 bytes");
        let elsewhere = Source::new(&format!("{scheme}://no-such-bucket-here/a"), Some(&storage(&options))).unwrap();
        wrong(elsewhere, "lies in a bucket that does not exist");
    }
}

#[test]
fn the_bucket_is_part_of_the_path_or_of_the_host() {
    for (is_virtual, expected) in [(false, "get /models/folder/a.csv "), (true, "get /folder/a.csv ")] {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nETag: \"1\"\r\nLast-Modified: Fri, 01 \
                      Mar 2024 00:00:00 GMT\r\n\r\na\n";
        let server = Server::of(answer.to_owned());
        let options = [
            ("endpoint", text(server.url("").trim_end_matches('/'))),
            ("allow_http", Data::Bool(true)),
            ("anonymous", Data::Bool(true)),
            ("virtual_hosted_style", Data::Bool(is_virtual)),
        ];
        let source = Source::new("s3://models/folder/a.csv", Some(&storage(&options))).unwrap();
        assert_eq!(read(&source).unwrap(), ["a\n"]);
        assert!(server.heads()[0].starts_with(expected), "{:?}", server.heads());
    }
}

#[test]
fn the_key_of_an_account_lets_in() {
    /// The key of the emulator, which everybody knows, and one that is as long.
    const KEYS: [&str; 2] = [
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "AAAAvdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    ];
    let Some(endpoint) = server("PALLADIUM_TEST_AZURE") else { return };
    let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let [right, wrong] = KEYS.map(|key| {
        vec![
            ("endpoint", text(&endpoint)),
            ("allow_http", Data::Bool(true)),
            ("account", text("devstoreaccount1")),
            ("access_key", text(key)),
        ]
    });
    let objects = Objects::new("az", &format!("models/key-{unique}.csv"), storage(&right)).unwrap();
    let client = objects.client().unwrap();
    within(&objects.runtime, objects.storage.max_time, "key", async {
        client.put(&Path::from(format!("key-{unique}.csv")), "a\n".into()).await.unwrap();
        Ok(())
    })
    .unwrap();
    let at = |options: &Options<'_>| {
        read(&Source::new(&format!("az://models/key-{unique}.csv"), Some(&storage(options))).unwrap())
    };
    assert_eq!(at(&right).unwrap(), ["a\n"]);
    let error = at(&wrong).unwrap_err();
    assert!(error.to_string().contains("may not be read with these credentials"), "{error}");
}

/// A bucket of more objects than one answer lists has pages.
#[test]
fn all_pages_of_a_list_are_read() {
    let Some((scheme, options)) = services().into_iter().find(|(scheme, _)| *scheme == "s3") else { return };
    let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let objects = Objects::new(scheme, &format!("models/pages-{unique}/"), storage(&options)).unwrap();
    let client = objects.client().unwrap();
    within(&objects.runtime, objects.storage.max_time, "pages", async {
        let put = futures_util::stream::iter(0..1100).map(|number| {
            let (client, key) = (Arc::clone(&client), Path::parse(format!("pages-{unique}/{number:04}.csv")).unwrap());
            async move { client.put(&key, "a\n".into()).await.map(drop) }
        });
        put.buffer_unordered(8).try_collect::<()>().await.unwrap();
        Ok(())
    })
    .unwrap();
    assert_eq!(objects.files().unwrap().len(), 1100);
}

#[test]
fn services_that_are_not_there_are_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let quick = |scheme: &str, endpoint: &str| {
        let mut options = vec![("endpoint", text(endpoint)), ("retries", Data::Int(0)), ("timeout", Data::Float(0.3))];
        options.push(("anonymous", Data::Bool(true)));
        if scheme == "az" {
            options.push(("account", text("someone")));
        }
        if scheme == "s3" {
            options.push(("allow_http", Data::Bool(true)));
        }
        storage(&options)
    };
    // It accepts connections and says nothing.
    for scheme in ["s3", "gs", "az"] {
        for rest in ["a.csv", "*.csv"] {
            let source = Source::new(&format!("{scheme}://bucket/{rest}"), Some(&quick(scheme, &endpoint))).unwrap();
            let error = read(&source).unwrap_err();
            assert!(matches!(error, SourceError::Remote(RemoteError::Stalled { .. })), "{scheme}: {error}");
        }
    }
    drop(listener);
    for scheme in ["s3", "gs", "az"] {
        let source = Source::new(&format!("{scheme}://bucket/a.csv"), Some(&quick(scheme, &endpoint))).unwrap();
        let error = read(&source).unwrap_err();
        assert!(matches!(error, SourceError::Remote(RemoteError::Unreachable { .. })), "{scheme}: {error}");
    }
}

#[test]
fn wrong_addresses_and_options_are_found_before_anything_is_asked() {
    let cases: [(&str, Options<'_>, &str); 9] = [
        ("s3://bucket", vec![], "`path` is no address of objects: a slash is to follow the name of the bucket"),
        ("s3:///a.csv", vec![], "`path` is no address of objects: it names no bucket"),
        ("s3://key:hush@bucket/a", vec![], "`path` is no address of objects: it names no bucket"),
        ("gs://bucket/../a", vec![], "`path` is no address of objects: a part of the name is empty"),
        ("az://bucket/[a", vec![], "`path` is no address of objects: "),
        (
            "gs://bucket/a",
            vec![("region", text("x"))],
            "`region` means nothing for an address that begins with `gs://`",
        ),
        ("s3://bucket/a", vec![("access_key_id", text("x"))], "`access_key_id` is given without `secret_access_key`"),
        ("s3://bucket/a", vec![("endpoint", text("http://host"))], "`endpoint` has no TLS"),
        (
            "az://bucket/a",
            vec![("anonymous", Data::Bool(true)), ("sas_token", text("hush"))],
            "`anonymous` is set beside `access_key` or `sas_token`",
        ),
    ];
    for (path, options, expected) in cases {
        let error = Source::new(path, Some(&storage(&options))).err().unwrap();
        assert!(error.message.starts_with(expected) && !error.message.contains("hush"), "{}", error.message);
        assert!(error.help.is_some() && matches!(error.parameter, Some("path" | "storage")), "{error:?}");
    }
}

/// There is no emulator of the service among the servers of the tests: this one knows a list and an object.
#[test]
fn google_cloud_storage_is_asked_in_its_own_way() {
    let server = Server::new(|head, _, connection| {
        let is_list = head.contains("list-type=2");
        let listed = |key: &str| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>\"e\"</ETag>\
                 <Size>4</Size></Contents>"
            )
        };
        let list = format!("<ListBucketResult>{}{}</ListBucketResult>", listed("folder/a.csv"), listed("folder/b.txt"));
        let content = if is_list { list.as_str() } else { "a\n1\n" };
        let head =
            "HTTP/1.1 200 OK\r\nConnection: close\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\nETag: \"e\"\r\n";
        say(connection, &format!("{head}Content-Length: {}\r\n\r\n{content}", content.len()));
    });
    let options = [("endpoint", text(&format!("http://{}", server.address))), ("anonymous", Data::Bool(true))];
    let source = Source::new("gs://bucket/folder/*.csv", Some(&storage(&options))).unwrap();
    assert_eq!(source.files().unwrap()[0].name(), "gs://bucket/folder/a.csv");
    assert_eq!(read(&source).unwrap(), ["a\n1\n"]);
    let heads = server.heads();
    assert!(heads.iter().all(|head| head.starts_with("get /bucket") && !head.contains("authorization")), "{heads:?}");
    assert!(heads.iter().any(|head| head.contains("prefix=folder")), "{heads:?}");
}
