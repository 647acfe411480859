//! How often servers are asked for what a store holds. More models make no more requests, but that a web server, which
//! cannot list, is asked for the size of each of them.

use palladium_component::prelude::*;

use crate::server::{Objects, Reply, Request, Server};
use crate::servers::text;
use crate::testing::{answer, constant, initialize, persister};

/// Answers as a bucket of S3 does that holds these objects.
fn answer_as_bucket(objects: &Objects, request: &Request) -> Reply {
    const TIME: &str = "2026-11-26T10:00:00.000Z";
    if request.path.contains("list-type=2") {
        let contents = |path: String| {
            let (key, size) = (path.trim_start_matches("/models/"), objects.content(&path).unwrap().len());
            format!(
                "<Contents><Key>{key}</Key><LastModified>{TIME}</LastModified><ETag>1</ETag><Size>{size}</Size></Contents>"
            )
        };
        let contents: String = objects.paths().into_iter().map(contents).collect();
        let listed = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>");
        return Reply::Whole(200, Vec::new(), listed.into_bytes());
    }
    if request.method == "POST" {
        // What was there to find out whether conditions are honoured may stay.
        let deleted = "<DeleteResult><Deleted><Key>any</Key></Deleted></DeleteResult>";
        return Reply::Whole(200, Vec::new(), deleted.into());
    }
    let answered = match objects.answer(request) {
        // Of what was stored the state is told.
        Reply::Whole(201, ..) => objects.answer(&Request { method: "HEAD".to_owned(), ..request.clone() }),
        answered => answered,
    };
    match answered {
        Reply::Whole(200, mut headers, body) => {
            headers.push(("Last-Modified", "Thu, 26 Nov 2026 10:00:00 GMT".to_owned()));
            Reply::Whole(200, headers, if request.method == "PUT" { Vec::new() } else { body })
        }
        other => other,
    }
}

/// Stores so many models, and returns how many requests each way of looking at them takes a persister that was just made.
fn counted(server: &Server, name: &str, arguments: &[(&str, Data)], n_models: usize) -> Vec<(&'static str, usize)> {
    let store = || {
        let store = persister(name, arguments).unwrap();
        initialize(store.as_ref(), Mode::Fit).unwrap();
        store
    };
    let writing = store();
    for number in 1..=n_models {
        let version = writing.write(&constant(number as f64, 10)).unwrap();
        writing.activate(version).unwrap();
    }
    let newest = Version::new(n_models as u64).unwrap();
    let count = |name, look: &dyn Fn(&dyn Persister)| {
        let (store, before) = (store(), server.requests().len());
        look(store.as_ref());
        (name, server.requests().len() - before)
    };
    vec![
        count("models", &|store| assert_eq!(store.list_models().unwrap().len(), n_models)),
        count("properties", &|store| assert_eq!(store.list_properties().unwrap()["active-model"], newest.to_string())),
        count("sizes", &|store| assert_eq!(store.list_sizes().unwrap().len(), n_models)),
        count("versions", &|store| assert_eq!(store.versions().unwrap().len(), n_models)),
        count("the active model", &|store| assert_eq!(answer(&store.read(None).unwrap()), n_models as f64)),
        count("a version", &|store| assert_eq!(answer(&store.read(Some(Version::FIRST)).unwrap()), 1.0)),
    ]
}

#[test]
fn a_web_server_is_asked_for_each_size_and_else_once_for_each_object() {
    for n_models in [1, 5, 25] {
        let objects = Objects::conditional();
        let server = Server::start(move |request, _| objects.answer(request));
        let arguments = [("url", text(&format!("{}/model-{{version}}", server.address)))];
        let expected = [
            ("models", 1),
            ("properties", 1),
            ("sizes", 1 + n_models),
            ("versions", 1),
            ("the active model", 2),
            ("a version", 2),
        ];
        assert_eq!(counted(&server, "palladium.persistence.Rest", &arguments, n_models), expected);
    }
}

#[test]
fn a_bucket_is_asked_as_often_whatever_it_holds() {
    for n_models in [1, 5, 25] {
        let objects = Objects::conditional();
        let server = Server::start(move |request, _| answer_as_bucket(&objects, request));
        let arguments = [
            ("path", text("models/model-{version}")),
            ("endpoint", text(&server.address)),
            ("allow_http", Data::Bool(true)),
            ("access_key_id", text("ada")),
            ("secret_access_key", text("lovelace")),
        ];
        let expected = [
            ("models", 1),
            ("properties", 1),
            ("sizes", 2),
            ("versions", 1),
            ("the active model", 2),
            ("a version", 2),
        ];
        assert_eq!(counted(&server, "palladium.persistence.S3", &arguments, n_models), expected);
    }
}
