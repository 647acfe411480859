use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;
use crate::source::server::{Options, Server, file, say, status, storage, text};
use crate::source::{Compression, Source};

fn header(name: &str, value: &str) -> (&'static str, Data) {
    let value = Entry { key_span: Span::nowhere("test"), value: Value::new(text(value), Span::nowhere("test")) };
    ("headers", Data::Map(Map::from_iter([(name.to_owned(), value)])))
}

fn read(source: &Source) -> Result<String, SourceError> {
    let file = &source.files()?[0];
    let mut content = String::new();
    let mut reader = file.open(Compression::Infer)?.reader;
    reader.read_to_string(&mut content).map_err(|error| file.failed(error))?;
    Ok(content)
}

fn fetch(url: &str, options: &[(&str, Data)]) -> Result<String, SourceError> {
    read(&Source::new(url, Some(&storage(options))).unwrap())
}

/// Returns what is told of a failure; neither secrets nor what may be some.
fn failure(url: &str, options: &[(&str, Data)]) -> String {
    let error = fetch(url, options).unwrap_err();
    assert!(error.help().is_some(), "{error}");
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |cause| (*cause).source());
    let told = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(!told.contains("hush") && !told.contains("query"), "{told}");
    told
}

#[test]
fn files_are_fetched_once_with_what_the_server_is_to_know() {
    let server = Server::of(file("a\n1\n"));
    let url = format!("http://me:hu%3Ash@{}/a.csv?query=1#part", server.address);
    let source = Source::new(&url, Some(&storage(&[header("X-Key", "hush")]))).unwrap();
    let files = source.files().unwrap();
    assert_eq!(files[0].name(), server.url("a.csv"));
    for _ in 0..2 {
        let mut content = String::new();
        let opened = files[0].open(Compression::Infer).unwrap();
        assert!(opened.file.is_some(), "a fetched file is read at any offset");
        { opened.reader }.read_to_string(&mut content).unwrap();
        assert_eq!(content, "a\n1\n");
    }
    let heads = server.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("get /a.csv?query=1 http/1.1\n"), "{}", heads[0]);
    assert!(
        heads[0].contains("\nx-key: hush") && heads[0].contains("\nauthorization: basic bwu6ahu6c2g="),
        "{}",
        heads[0]
    );
    assert_eq!(read(&source).unwrap(), "a\n1\n");
    assert_eq!(server.heads().len(), 2, "the files of another call are fetched anew");
    assert_eq!(source.probe().unwrap(), Probe::Found(format!("the file `{}`", server.url("a.csv"))));
}

#[test]
fn redirects_stay_with_the_server_unless_others_are_allowed() {
    let second = Server::new(|head, _, connection| {
        let answer =
            if head.starts_with("get /again") { status("302 Found", "Location: /a.csv\r\n") } else { file("a\n") };
        say(connection, &answer);
    });
    let elsewhere = second.url("again");
    let first = Server::new(move |head, _, connection| {
        let to = if head.starts_with("get /here") { "/moved" } else { &elsewhere };
        let answer = if head.starts_with("get /moved") {
            file("b\n")
        } else {
            status("302 Found", &format!("Location: {to}\r\n"))
        };
        say(connection, &answer);
    });
    let secret = header("X-Key", "hush");
    assert_eq!(fetch(&first.url("here"), std::slice::from_ref(&secret)).unwrap(), "b\n");
    assert!(first.heads().iter().all(|head| head.contains("x-key: hush")), "{:?}", first.heads());

    let away = format!("http://me:hush@{}/away?query", first.address);
    let told = failure(&away, std::slice::from_ref(&secret));
    assert_eq!(told, format!("`{}` is redirected to another server, `http://{}`", first.url("away"), second.address));
    assert!(second.heads().is_empty());
    assert_eq!(fetch(&away, &[secret, ("cross_origin_redirects", Data::Bool(true))]).unwrap(), "a\n");
    let heads = second.heads();
    assert_eq!(heads.len(), 2);
    assert!(!heads.iter().any(|head| head.contains("x-key") || head.contains("authorization")), "{heads:?}");
}

#[test]
fn a_server_that_is_led_back_to_is_told_no_secrets() {
    let back = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&back);
    let second = Server::new(move |_, _, connection| {
        say(connection, &status("302 Found", &format!("Location: {}\r\n", to.lock().unwrap())));
    });
    let elsewhere = second.url("x");
    let first = Server::new(move |head, _, connection| match head.starts_with("get /a") {
        true => say(connection, &status("302 Found", &format!("Location: {elsewhere}\r\n"))),
        false => say(connection, &file("b\n")),
    });
    *back.lock().unwrap() = first.url("b");
    let options = [header("X-Key", "hush"), ("cross_origin_redirects", Data::Bool(true))];
    assert_eq!(fetch(&first.url("a"), &options).unwrap(), "b\n");
    let heads = first.heads();
    assert!(heads[0].contains("x-key") && !heads[1].contains("x-key"), "{heads:?}");

    let circle = Server::new(|_, _, connection| say(connection, &status("302 Found", "Location: /a\r\n")));
    assert!(failure(&circle.url("a"), &options).ends_with("is redirected too often, or to nowhere"));
    let nowhere = Server::of(status("302 Found", "Location: file:///etc/passwd\r\n"));
    assert!(failure(&nowhere.url("a"), &options).ends_with("is redirected too often, or to nowhere"));
}

#[test]
fn files_are_no_larger_than_allowed() {
    let told = Server::of(file("0123456789"));
    let chunks =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n";
    let untold = Server::of(chunks.to_owned());
    for server in [told, untold] {
        let limit = |bytes| [("max_size", Data::Int(bytes))];
        assert_eq!(fetch(&server.url("a"), &limit(10)).unwrap(), "0123456789");
        assert_eq!(failure(&server.url("a"), &limit(9)), format!("`{}` is larger than 9 bytes", server.url("a")));
    }
}

#[test]
fn servers_that_fall_silent_or_die_are_told_and_the_next_call_works() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\na\n1\n";
    let silent = |until: &'static str| {
        Server::new(move |_, number, connection| {
            if number > 0 {
                return say(connection, &file("a\n1\n2\n3\n"));
            }
            say(connection, until);
            // The caller hangs up.
            let _ = connection.read(&mut [0]);
        })
    };
    let quick = [("timeout", Data::Float(0.3)), ("retries", Data::Int(0))];
    for until in ["", half] {
        let server = silent(until);
        let source = Source::new(&server.url("a.csv"), Some(&storage(&quick))).unwrap();
        let error = read(&source).unwrap_err();
        assert!(matches!(error, SourceError::Remote(RemoteError::Stalled { .. })), "{error}");
        assert_eq!(read(&source).unwrap(), "a\n1\n2\n3\n");
    }
    let dying = |deaths| {
        Server::new(move |_, number, connection| {
            say(connection, &if number < deaths { half.to_owned() } else { file("b\n") });
        })
    };
    let server = dying(1);
    let source = Source::new(&server.url("a.csv"), Some(&storage(&quick))).unwrap();
    let error = read(&source).unwrap_err();
    assert!(error.to_string().ends_with("broke off after 4 bytes"), "{error}");
    assert_eq!(read(&source).unwrap(), "b\n");
    assert_eq!(fetch(&dying(2).url("a.csv"), &[("retries", Data::Int(2))]).unwrap(), "b\n", "it was asked again");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(failure(&format!("http://{address}/a"), &quick).contains("cannot be reached"));
}

#[test]
fn files_that_take_too_long_on_the_whole_are_given_up() {
    let server = Server::new(|_, _, connection| {
        say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while connection.write_all(b"1").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let told = failure(&server.url("a.csv"), &[("max_time", Data::Float(0.5))]);
    assert_eq!(told, format!("`{}` could not be fetched within 0.5 seconds", server.url("a.csv")));
}

#[test]
fn answers_are_told_apart() {
    let cases = [
        ("404 Not Found", "there is no `"),
        ("401 Unauthorized", "may not be read with these credentials"),
        ("403 Forbidden", "may not be read with these credentials"),
        ("418 Teapot", "the server answered 418 when it was asked for `"),
        ("206 Partial Content", "the server answered 206"),
        ("304 Not Modified", "is redirected too often, or to nowhere"),
    ];
    for (line, expected) in cases {
        let server = Server::of(status(line, ""));
        let told = failure(&server.url("a"), &[]);
        assert!(told.contains(expected), "{told}");
        assert_eq!(server.heads().len(), 1, "{line}");
    }
    let busy = Server::new(|_, number, connection| {
        say(connection, &if number < 2 { status("503 Service Unavailable", "") } else { file("a\n") });
    });
    assert_eq!(fetch(&busy.url("a"), &[]).unwrap(), "a\n");
    assert!(
        failure(&Server::of(status("500 Oops", "")).url("a"), &[("retries", Data::Int(1))]).contains("answered 500")
    );
}

#[test]
fn packed_answers_are_unpacked() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a\n1\n").unwrap();
    let packed = packed.finish().unwrap();
    let server = Server::new(move |head, _, connection| {
        let encoding = if head.starts_with("get /odd") { "br" } else { "gzip" };
        let encoding =
            if head.starts_with("get /a.csv.gz") { String::new() } else { format!("Content-Encoding: {encoding}\r\n") };
        let head =
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{encoding}Content-Length: {}\r\n\r\n", packed.len());
        let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&packed));
    });
    for path in ["a.csv", "a.csv.gz"] {
        assert_eq!(fetch(&server.url(path), &[]).unwrap(), "a\n1\n");
    }
    assert!(failure(&server.url("odd"), &[]).contains("in the encoding `br`"));
}

#[test]
fn wrong_addresses_and_options_are_found_before_anything_is_fetched() {
    let cases: [(&str, Options<'_>, &str); 8] = [
        (
            "ftp://host/a.csv",
            vec![],
            "`path` is an `ftp` address, which is not supported; it sends passwords and data in the clear",
        ),
        ("gopher://host/a", vec![], "`path` is an `gopher` address, which is not supported"),
        ("https://", vec![], "`path` is no address of a file: empty host"),
        ("http://h:x/", vec![], "`path` is no address of a file: invalid port number"),
        ("http://host/a", vec![("region", text("x"))], "`region` means nothing for a file of a web server"),
        ("http://host/a", vec![header("X Key", "hush")], "`headers` has `X Key`, which is no name of a header"),
        ("http://host/a", vec![header("X-Key", "hush\n")], "the header `x-key` has a value with a line break"),
        (
            "http://me@host/a",
            vec![header("Authorization", "hush")],
            "`headers` has `Authorization` beside a user in `path`",
        ),
    ];
    for (path, options, expected) in cases {
        let error = Source::new(path, Some(&storage(&options))).err().unwrap();
        assert!(error.message.starts_with(expected) && !error.message.contains("hush"), "{}", error.message);
        assert!(error.help.is_some());
    }
}
