//! Keeping connections and stopping.

use std::net::TcpStream;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::support::*;

#[test]
fn one_connection_serves_many_requests() {
    let running = standard();
    let mut client = running.client();
    for length in [1, 70_000, 2] {
        let headers = [("content-type", "application/json")];
        let response = client.request("POST", "/predict", &headers, &"x".repeat(length));
        assert_eq!(response.json()["result"], json!(length as f64));
    }
}

#[test]
fn a_stop_finishes_what_is_running_and_closes_the_application() {
    let (puppet, entered, release) = Puppet::waiting();
    let store = Store::new(Reads::Cached(model(1)));
    let running = Running::start(app(puppet, &store, &json!({})), options());
    let _idle = running.client().request("GET", "/predict", &[], "");
    let mut client = running.client();
    client.send("GET /predict?do=wait HTTP/1.1\r\nhost: test\r\n\r\n");
    entered.recv().unwrap();
    running.stopper.stop();
    assert!(!store.closed.load(Ordering::SeqCst));
    release.send(()).unwrap();
    let response = client.receive(false);
    assert_eq!((response.status, &response.json()["result"]), (200, &json!(1.0)));
    let address = running.address;
    running.join().unwrap();
    assert!(store.closed.load(Ordering::SeqCst));
    assert!(TcpStream::connect(address).is_err());
}
