use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_persistence::RestError;

use crate::server::{Objects, Reply, Request, Server, found, status};
use crate::servers::{artifact_store, list};
use crate::told::{CANARY, logged, told};

fn store(arguments: &[(&str, Data)]) -> Arc<dyn ArtifactStore> {
    let mut all = vec![("timeout", Data::Float(0.5)), ("auth", list(&["ada", CANARY]))];
    all.extend_from_slice(arguments);
    artifact_store("palladium.persistence.RestIO", &all).unwrap()
}

fn read(store: &dyn ArtifactStore, name: &str) -> Result<Option<String>, StoreError> {
    let Some(mut object) = store.open(name)? else { return Ok(None) };
    let mut text = String::new();
    match object.reader.read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(error) => {
            let inner = error.into_inner().unwrap().downcast::<RestError>().unwrap();
            Err(StoreError::Failed(Failure::from(*inner)))
        }
    }
}

#[track_caller]
fn cause(error: StoreError) -> RestError {
    let text = told(&error);
    assert!(!text.contains(CANARY), "{text}");
    match error {
        StoreError::Failed(failure) => failure.downcast::<RestError>().unwrap(),
        conflict => panic!("{conflict}"),
    }
}

/// Answers the first requests as it is told and all others well.
fn first(n_requests: usize, answer: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |_, n_before| if n_before < n_requests { answer() } else { found("whole") })
}

#[test]
fn what_may_well_succeed_later_is_repeated() {
    for transient in [429, 502, 503, 504] {
        let server = first(2, move || Reply::Whole(transient, vec![("Retry-After", "0".into())], Vec::new()));
        let name = format!("{}/x", server.address);
        assert_eq!(read(store(&[]).as_ref(), &name).unwrap().as_deref(), Some("whole"));
        assert_eq!(server.asked(), ["GET /x"; 3]);
    }
    let server = first(2, || Reply::Cut);
    assert_eq!(store(&[]).size(&format!("{}/x", server.address)).unwrap(), Some(5));
    let server = first(2, || Reply::Cut);
    store(&[]).put(&format!("{}/x", server.address), &b"text".as_slice(), &Expected::Anything).unwrap();
    assert_eq!(server.asked(), ["PUT /x"; 3]);
    let server = first(2, || status(503));
    store(&[]).remove(&format!("{}/x", server.address)).unwrap();
    assert_eq!(server.asked(), ["DELETE /x"; 3]);
}

#[test]
fn what_does_not_succeed_is_given_up() {
    let server = Server::start(|_, _| status(503));
    let store = store(&[("retries", Data::Int(1))]);
    let name = format!("{}/x", server.address);
    let errors = [
        store.size(&name).unwrap_err(),
        read(store.as_ref(), &name).unwrap_err(),
        store.put(&name, &b"text".as_slice(), &Expected::Anything).unwrap_err(),
        store.remove(&name).unwrap_err(),
        store.reach(&name).unwrap_err(),
    ];
    assert_eq!(server.requests().len(), 10);
    for error in errors {
        assert!(error.to_string().starts_with("the server answered 503 Service Unavailable to "), "{error}");
        assert!(matches!(cause(error), RestError::Status { .. }));
    }
    for (code, expected) in [(401, "check `auth` or `token`"), (403, "give this user the right"), (507, "make room")] {
        let server = Server::start(move |_, _| status(code));
        let error = store.put(&format!("{}/x", server.address), &b"text".as_slice(), &Expected::Anything).unwrap_err();
        assert!(error.help().unwrap().starts_with(expected), "{error}");
        assert_eq!(server.asked(), ["PUT /x"]);
        cause(error);
    }
}

#[test]
fn a_silent_server_is_not_waited_for() {
    for (n_silent, silence) in [(2, (|| Reply::Silence) as fn() -> Reply), (1, || Reply::HalfSilence)] {
        let server = first(n_silent, silence);
        let (store, name) = (store(&[("retries", Data::Int(1))]), format!("{}/x", server.address));
        let begun = Instant::now();
        let error = read(store.as_ref(), &name).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(error.to_string(), format!("nothing was heard of `{name}` for 0.5 seconds"));
        assert!(matches!(cause(error), RestError::Stalled { .. }));
        assert_eq!(server.asked().len(), n_silent);
        assert_eq!(read(store.as_ref(), &name).unwrap().as_deref(), Some("whole"));
    }
    let server = first(1, || Reply::Silence);
    let (store, name) = (store(&[]), format!("{}/x", server.address));
    let error = store.put(&name, &b"text".as_slice(), &Expected::Anything).unwrap_err();
    assert!(matches!(cause(error), RestError::Stalled { .. }));
    assert_eq!(server.asked(), ["PUT /x"]);
    store.put(&name, &b"text".as_slice(), &Expected::Anything).unwrap();
}

#[test]
fn readers_ask_a_silent_server_again() {
    let server = first(2, || Reply::Silence);
    let (store, name) = (store(&[("retries", Data::Int(2))]), format!("{}/x", server.address));
    assert_eq!(read(store.as_ref(), &name).unwrap().as_deref(), Some("whole"));
    assert_eq!(server.asked(), ["GET /x"; 3]);
    let server = first(2, || Reply::Silence);
    assert_eq!(store.size(&format!("{}/x", server.address)).unwrap(), Some(5));
    assert_eq!(server.asked(), ["HEAD /x"; 3]);
}

#[test]
fn a_body_that_breaks_off_is_no_short_body() {
    let server = first(1, || Reply::Truncated(100, b"half".to_vec()));
    let (store, name) = (store(&[]), format!("{}/x", server.address));
    let error = read(store.as_ref(), &name).unwrap_err();
    assert_eq!(error.to_string(), format!("the connection broke off while `{name}` was transferred"));
    assert!(matches!(cause(error), RestError::Cut { .. }));
    assert_eq!(read(store.as_ref(), &name).unwrap().as_deref(), Some("whole"));
}

#[test]
fn nothing_is_sent_to_other_servers() {
    let other = Server::start(|_, _| found("other"));
    let target = format!("{}/x", other.address);
    for code in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |_, _| Reply::Whole(code, vec![("Location", target.clone())], Vec::new()));
        let (store, name) = (store(&[]), format!("{}/x", server.address));
        let errors = [
            store.size(&name).unwrap_err(),
            read(store.as_ref(), &name).unwrap_err(),
            store.put(&name, &b"text".as_slice(), &Expected::Anything).unwrap_err(),
            store.remove(&name).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(&format!("leads elsewhere, to `{}`", other.address)), "{error}");
            assert!(matches!(cause(error), RestError::Redirect { .. }));
        }
    }
    assert_eq!(other.asked(), [""; 0]);
}

#[test]
fn redirects_within_a_server_are_followed_by_readers_only() {
    let server = Server::start(|request: &Request, _| match request.path.as_str() {
        "/x" => Reply::Whole(302, vec![("Location", "/y".into())], Vec::new()),
        "/loop" => Reply::Whole(302, vec![("Location", "/loop".into())], Vec::new()),
        _ => found("moved"),
    });
    let (store, name) = (store(&[]), format!("{}/x", server.address));
    assert_eq!(read(store.as_ref(), &name).unwrap().as_deref(), Some("moved"));
    assert!(server.requests().iter().all(|request| request.headers["authorization"].starts_with("Basic ")));
    // Following it would turn the upload into a look.
    assert!(matches!(
        cause(store.put(&name, &b"text".as_slice(), &Expected::Anything).unwrap_err()),
        RestError::Redirect { .. }
    ));
    assert!(matches!(cause(store.size(&format!("{}/loop", server.address)).unwrap_err()), RestError::Redirect { .. }));
}

#[test]
fn an_upload_is_one_request_that_says_how_long_it_is() {
    let objects = Objects::conditional();
    let answering = objects.clone();
    let server = Server::start(move |request, _| answering.answer(request));
    let (store, name) = (store(&[]), format!("{}/a/größe 1.txt", server.address));
    let content = vec![7; 300_000];
    store.put(&name, &content.as_slice(), &Expected::Anything).unwrap();
    let (path, revision) = ("/a/gr%C3%B6%C3%9Fe%201.txt", Revision("\"1\"".into()));
    let upload = &server.requests()[0];
    assert_eq!((upload.path.as_str(), upload.headers["content-length"].as_str()), (path, "300000"));
    assert_eq!(upload.headers["authorization"], "Basic YWRhOmNhbmFyeS1vZi10aGUtbWluZQ==");
    assert_eq!(objects.content(path).unwrap(), content);
    assert_eq!(store.open(&name).unwrap().unwrap().revision, Some(revision.clone()));
    store.put(&name, &b"2".as_slice(), &Expected::Revision(revision.clone())).unwrap();
    assert_eq!(server.requests().last().unwrap().headers["if-match"], "\"1\"");
    let conflict = store.put(&name, &b"3".as_slice(), &Expected::Revision(revision)).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");

    let bearer = artifact_store("palladium.persistence.RestIO", &[("token", Data::Text(CANARY.into()))]).unwrap();
    bearer.size(&name).unwrap();
    assert_eq!(server.requests().last().unwrap().headers["authorization"], format!("Bearer {CANARY}"));
}

/// What became of the first upload, whose answer is lost.
#[derive(Clone, Copy)]
enum Lost {
    Stored,
    Ignored,
    /// Somebody else has stored something.
    Overtaken,
}

#[test]
fn an_upload_whose_answer_is_lost_is_looked_for() {
    for (lost, cut) in [
        (Lost::Stored, true),
        (Lost::Ignored, true),
        (Lost::Overtaken, true),
        (Lost::Stored, false),
        (Lost::Ignored, false),
        (Lost::Overtaken, false),
    ] {
        for has_before in [false, true] {
            let objects = Objects::conditional();
            let answering = objects.clone();
            let server = Server::start(move |request, _| {
                if request.method != "PUT" || request.body != b"new" || answering.content("/lost").is_some() {
                    return answering.answer(request);
                }
                let mut other = request.clone();
                match lost {
                    Lost::Stored => drop(answering.answer(request)),
                    Lost::Ignored => {}
                    Lost::Overtaken => {
                        other.body = b"other".to_vec();
                        drop(answering.answer(&other));
                    }
                }
                drop(answering.answer(&Request { path: "/lost".into(), headers: BTreeMap::new(), ..other }));
                if cut { Reply::Cut } else { status(502) }
            });
            let (store, name) = (store(&[]), format!("{}/x", server.address));
            if has_before {
                store.put(&name, &b"old".as_slice(), &Expected::Anything).unwrap();
            }
            let revision = store.open(&name).unwrap().map(|object| object.revision.unwrap());
            let expected = revision.map_or(Expected::Nothing, Expected::Revision);
            let stored = store.put(&name, &b"new".as_slice(), &expected);
            let content = objects.content("/x").unwrap();
            match lost {
                Lost::Overtaken => {
                    assert!(matches!(stored, Err(StoreError::Conflict { .. })), "{stored:?}");
                    assert_eq!(content, b"other");
                }
                Lost::Stored | Lost::Ignored => {
                    stored.unwrap();
                    assert_eq!(content, b"new");
                }
            }
        }
    }
}

#[test]
fn conditions_keep_writers_apart_where_there_are_no_locks() {
    let objects = Objects::conditional();
    let answering = objects.clone();
    let server = Server::start(move |request, _| answering.answer(request));
    let name = format!("{}/counter", server.address);
    let store = store(&[("timeout", Data::Float(30.0))]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    loop {
                        assert!(store.lock(&name).unwrap().is_none());
                        let found = store.open(&name).unwrap().map(|mut object| {
                            let mut text = String::new();
                            object.reader.read_to_string(&mut text).unwrap();
                            (text.parse::<u32>().unwrap(), object.revision.unwrap())
                        });
                        let (count, expected) = found
                            .map_or((0, Expected::Nothing), |(count, revision)| (count, Expected::Revision(revision)));
                        match store.put(&name, &(count + 1).to_string().as_bytes(), &expected) {
                            Err(StoreError::Conflict { .. }) => {}
                            put => break put.unwrap(),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(objects.content("/counter").unwrap(), b"80");
    assert_eq!(objects.paths(), ["/counter"]);
}

#[test]
fn a_server_that_keeps_nobody_apart_is_warned_of_once() {
    let objects = Objects::default();
    let answering = objects.clone();
    let server = Server::start(move |request, _| answering.answer(request));
    let (store, name) = (store(&[]), format!("{}/folder/x", server.address));
    let ((), log) = logged(|| {
        for _ in 0..2 {
            let lock = store.lock(&name).unwrap();
            lock.as_ref().unwrap().check().unwrap();
            store.put(&name, &b"1".as_slice(), &Expected::Anything).unwrap();
        }
    });
    let warnings: Vec<_> = log.lines().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("two processes that write at once may lose a model"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
    assert_eq!(objects.paths(), ["/folder/x"]);
}

#[test]
fn passwords_on_open_wires_are_warned_of_once() {
    // The name resolves nowhere: the warning comes first.
    let (error, log) = logged(|| {
        let store = store(&[("retries", Data::Int(0))]);
        store.size("http://store.invalid/x").unwrap_err();
        store.size("http://store.invalid/x").unwrap_err()
    });
    assert_eq!(error.to_string(), "the server `http://store.invalid` cannot be reached");
    assert!(matches!(cause(error), RestError::Unreachable { .. }));
    let warnings: Vec<_> = log.lines().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("use `https`") && !log.contains(CANARY), "{log}");
}

/// Returns a server that takes the word of a holder of a lock once only, and is silent when it is first asked for it this
/// many times. Folders it makes only once, or as often as it is asked.
fn with_folders(makes_again: bool, n_silent: usize) -> Server {
    let n_looks = Mutex::new(0);
    let made = Mutex::new(BTreeSet::new());
    let word = Mutex::new(None);
    Server::start(move |request: &Request, _| {
        let is_first = made.lock().unwrap().insert((request.method.clone(), request.path.clone()));
        let is_word = request.path == "/x.lock/owner";
        let mut word = word.lock().unwrap();
        let is_silent = || {
            let mut n_looks = n_looks.lock().unwrap();
            *n_looks += 1;
            *n_looks <= n_silent
        };
        match (request.method.as_str(), word.as_ref()) {
            ("MKCOL", _) => status(if is_first || makes_again { 201 } else { 405 }),
            ("MOVE", _) => status(if is_first { 201 } else { 404 }),
            ("PUT", Some(_)) if is_word => status(500),
            ("PUT", None) if is_word => {
                *word = Some(request.body.clone());
                status(201)
            }
            ("PUT", _) => status(201),
            ("GET", Some(_)) if is_word && is_silent() => Reply::Silence,
            ("GET", Some(body)) if is_word => Reply::Whole(200, Vec::new(), body.clone()),
            ("GET" | "HEAD", _) => status(404),
            _ => status(204),
        }
    })
}

#[test]
fn a_probe_that_fails_leaves_nothing_behind() {
    for knows_folders in [true, false] {
        let mut n_failed = 0;
        for nth in 0.. {
            let (objects, folders) = (Objects::conditional(), Arc::new(Mutex::new(BTreeSet::new())));
            let (answering, made, n_asked) = (objects.clone(), Arc::clone(&folders), Mutex::new(0));
            // What the request asks for is done, and the answer is lost.
            let server = Server::start(move |request: &Request, _| {
                let answer = answer_with_folders(&answering, knows_folders.then_some(&made), request);
                if request.method == "DELETE" || !request.path.contains(".probe-") {
                    return answer;
                }
                let mut n_asked = n_asked.lock().unwrap();
                *n_asked += 1;
                if *n_asked == nth + 1 { Reply::Cut } else { answer }
            });
            let is_found = store(&[("retries", Data::Int(0))]).lock(&format!("{}/x", server.address)).map(drop);
            assert_eq!(objects.paths(), [""; 0], "{nth}: {:?}", server.asked());
            assert!(folders.lock().unwrap().is_empty(), "{nth}: {:?}", server.asked());
            match is_found {
                Ok(()) => break,
                Err(error) => assert!(matches!(cause(error), RestError::Cut { .. })),
            }
            n_failed += 1;
        }
        assert!(n_failed >= 5, "{n_failed}");
    }
}

/// Answers as a server that keeps objects, and folders if it has any.
fn answer_with_folders(objects: &Objects, folders: Option<&Arc<Mutex<BTreeSet<String>>>>, request: &Request) -> Reply {
    let Some(mut folders) = folders.map(|folders| folders.lock().unwrap()) else { return objects.answer(request) };
    match request.method.as_str() {
        "MKCOL" => status(if folders.insert(request.path.clone()) { 201 } else { 405 }),
        "MOVE" if folders.remove(&request.path) => {
            let path = request.headers["destination"].splitn(4, '/').last().unwrap();
            folders.insert(format!("/{path}"));
            status(201)
        }
        "MOVE" => status(404),
        "DELETE" if folders.remove(&request.path) => {
            objects.answer(&Request { path: format!("{}owner", request.path), ..request.clone() });
            status(204)
        }
        _ => objects.answer(request),
    }
}

#[test]
fn folders_that_are_made_twice_are_no_locks() {
    let server = with_folders(true, 0);
    drop(store(&[]).lock(&format!("{}/x", server.address)).unwrap());
    assert!(!server.asked().contains(&"MKCOL /x.lock/".to_owned()));
}

#[test]
fn a_lock_that_cannot_be_renewed_runs_out() {
    let server = with_folders(false, 0);
    let store = store(&[("lease", Data::Float(0.6))]);
    let lock = store.lock(&format!("{}/x", server.address)).unwrap().unwrap();
    lock.check().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert!(matches!(lock.check(), Err(StoreError::Conflict { .. })));
    drop(lock);
    // It may be somebody else's by now.
    assert!(!server.asked().contains(&"DELETE /x.lock/".to_owned()));
}

#[test]
fn a_lock_that_runs_out_while_it_is_looked_at_is_lost() {
    let server = with_folders(false, 1);
    let store = store(&[("lease", Data::Float(0.6)), ("retries", Data::Int(1))]);
    let lock = store.lock(&format!("{}/x", server.address)).unwrap().unwrap();
    // The second look finds that the lock says what it should, but too late.
    assert!(matches!(lock.check(), Err(StoreError::Conflict { .. })));
    let looks = server.asked().into_iter().filter(|asked| asked == "GET /x.lock/owner");
    assert_eq!(looks.count(), 2);
}

#[test]
fn arguments_are_checked() {
    let both = [("auth", list(&["ada", CANARY])), ("token", Data::Text(CANARY.into()))];
    let error = artifact_store("palladium.persistence.RestIO", &both).err().unwrap();
    assert!(error.contains("only one of them can be sent") && !error.contains(CANARY), "{error}");
    let store = store(&[]);
    assert_eq!(store.shown(&format!("https://ada:{CANARY}@host/x")), "https://ada:***@host/x");
    let name = format!("https://ada:{CANARY}@host/x");
    let errors = [store.check_name(&name).unwrap_err(), Failure::from(cause(store.size(&name).unwrap_err()))];
    for error in errors {
        assert!(error.to_string().starts_with("a URL with a user or a password in it"), "{error}");
        assert!(error.help().unwrap().starts_with("give user and password as `auth`"));
    }
}
