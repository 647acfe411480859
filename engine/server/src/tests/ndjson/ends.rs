//! How streams end: with their clients, with the service, and when nothing comes.

use super::*;

#[test]
fn a_stream_that_stands_still_ends() {
    let (running, _) = start(Echo::default(), &json!({"body_timeout": 1}));
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send("{\"x\": 1}\n{\"x\":");
    assert_eq!(exchange.0.receive(false).status, 200);
    let last = json!({"error_code": -1, "error_message": "nothing came for 1 second", "row": 2, "line": 2});
    assert_eq!(exchange.rest(), [json!({"result": 1.0}), last]);
}

#[test]
fn the_time_for_heads_does_not_end_a_stream() {
    let (running, _) = start(Echo::default(), &json!({"head_timeout": 1, "keep_alive": 1}));
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send("{\"x\": 0}\n");
    assert_eq!(exchange.0.receive(false).status, 200);
    for row in 0..6 {
        assert_eq!(exchange.piece().unwrap(), format!("{{\"result\":{row}.0}}\n"));
        std::thread::sleep(Duration::from_millis(500));
        exchange.send(&format!("{{\"x\": {}}}\n", row + 1));
    }
    exchange.end();
    assert_eq!(exchange.rest(), [json!({"result": 6.0})]);
}

#[test]
fn a_body_that_breaks_off_is_told() {
    let (running, _) = start(Echo::default(), &json!({}));
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send("{\"x\": 1}\n{\"x\": 2");
    assert_eq!(exchange.0.receive(false).status, 200);
    exchange.0.0.get_ref().shutdown(Shutdown::Write).unwrap();
    let last = json!({"error_code": -1, "error_message": "the body ended before it was complete", "row": 2, "line": 2});
    assert_eq!(exchange.rest(), [json!({"result": 1.0}), last]);
}

/// The whole body has come and its client has ended its side, before most of it is read.
#[test]
fn a_client_may_end_its_side_with_its_last_line() {
    const N_ROWS: usize = 100_000;
    let (entered, hears) = channel();
    let (ends, release) = channel();
    let echo = Echo { waiting: Some(Mutex::new((entered, release))), ..Echo::default() };
    let (running, _) = start(echo, &json!({"predict_timeout": 60}));
    let row = |index: usize| match index {
        0 => "{\"do\": \"wait\"}\n".to_owned(),
        _ => format!("{{\"x\": {index}, \"y\": \"{}\"}}\n", "y".repeat(20)),
    };
    for (n_rows, is_chunked) in [(5000, false), (5000, true), (N_ROWS, false), (N_ROWS, true)] {
        let body: String = (0..n_rows).map(row).collect();
        let (kind, body) = if is_chunked {
            let size = |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            let pieces: Vec<u8> = body.as_bytes().chunks(100_000).flat_map(size).collect();
            ("transfer-encoding: chunked".to_owned(), [&pieces[..], b"0\r\n\r\n"].concat())
        } else {
            (format!("content-length: {}", body.len()), body.into_bytes())
        };
        let mut client = running.client();
        client.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.send(&format!(
            "POST /predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-ndjson\r\n{kind}\r\n\r\n"
        ));
        let stream = client.0.get_ref().try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            (&stream).write_all(&body).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        hears.recv().unwrap();
        if n_rows < N_ROWS {
            writer.join().unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        ends.send(()).unwrap();
        assert_eq!(client.receive(false).status, 200);
        let mut exchange = Exchange(client);
        let answers = exchange.rest();
        let expected = |index: usize| json!({"result": if index == 0 { -1.0 } else { index as f64 }});
        let wrong = answers.iter().enumerate().find(|(index, answer)| **answer != expected(*index));
        assert_eq!((answers.len(), wrong), (n_rows, None), "{is_chunked}");
        assert_eq!(exchange.0.0.read(&mut [0]).unwrap(), 0, "the connection is closed");
    }
}

/// It goes on for most of the time that running requests have, as long as its client sends something.
#[test]
fn a_stop_ends_streams_between_lines() {
    let (running, _) = start(Echo::default(), &json!({"shutdown_timeout": 3}));
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send("{\"x\": 1}\n");
    assert_eq!(exchange.0.receive(false).status, 200);
    assert_eq!(exchange.piece().unwrap(), "{\"result\":1.0}\n");
    let stopped = Instant::now();
    running.stopper.stop();
    while TcpStream::connect(running.address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    exchange.send("{\"x\": 2}\n{\"x\": ");
    assert_eq!(exchange.piece().unwrap(), "{\"result\":2.0}\n");
    let message = "the service stops before the body has ended";
    assert_eq!(exchange.rest(), [json!({"error_code": -1, "error_message": message, "row": 3, "line": 3})]);
    assert!(stopped.elapsed() > Duration::from_millis(1900), "it ended after {:?}", stopped.elapsed());
    running.join().unwrap();
}

#[test]
fn a_stop_waits_for_streams_that_end() {
    let (running, _) = start(Echo::default(), &json!({}));
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send("{\"x\": 1}\n");
    assert_eq!(exchange.0.receive(false).status, 200);
    running.stopper.stop();
    while TcpStream::connect(running.address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    exchange.send("{\"x\": 2}\n");
    exchange.end();
    assert_eq!(exchange.rest(), [1.0, 2.0].map(|number| json!({"result": number})));
    running.join().unwrap();
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let served = model(1);
    let (app, _) = app(Echo::default(), Reads::Cached(Arc::clone(&served)), Vec::new(), &json!({}));
    let running = Running::start(app, options());
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send("{\"x\": 1}\n");
    assert_eq!(exchange.0.receive(false).status, 200);
    assert_eq!(exchange.piece().unwrap(), "{\"result\":1.0}\n");
    assert_eq!(Arc::strong_count(&served), 3, "the test, the store and the stream hold it");
    drop(exchange);
    wait_until_held_by(&served, 2);
}

#[test]
fn a_client_that_goes_away_after_its_last_line_leaves_nothing_behind() {
    const N_ROWS: usize = 20_000;
    let (served, echo) = (model(1), Echo::default());
    let asked = Arc::clone(&echo.asked);
    let (app, _) = app(echo, Reads::Cached(Arc::clone(&served)), Vec::new(), &json!({}));
    let running = Running::start(app, options());
    let body = "{\"do\": \"long\"}\n".repeat(N_ROWS);
    let mut client = running.client();
    client.send(&format!(
        "POST /predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(client.receive(false).status, 200);
    drop(client);
    wait_until_held_by(&served, 2);
    assert!(asked.lock().unwrap().iter().sum::<usize>() < N_ROWS, "nobody takes the answers");
}

/// Waits until a model is held by so many.
fn wait_until_held_by(model: &Arc<TrainedModel>, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Arc::strong_count(model) > count {
        assert!(Instant::now() < deadline, "the stream still holds the model");
        std::thread::sleep(Duration::from_millis(5));
    }
}
