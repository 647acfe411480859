//! Many connections at once while the model is replaced again and again.

use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use super::support::*;
use crate::ServeOptions;

const CONNECTIONS: usize = 1000;
const THREADS: usize = 8;
const ROUNDS: usize = 3;

/// Returns how many connections there can be: each takes a descriptor at both of its ends.
fn connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    CONNECTIONS.min(soft.saturating_sub(200) / 2)
}

/// Every request is answered, by one model as a whole: not by an older one than was there when it was sent.
#[test]
fn a_thousand_connections_lose_nothing_while_models_are_swapped() {
    let store = Store::new(Reads::Cached(model(1)));
    let app = app(Puppet::at("/predict"), &store, &json!({}));
    let running = Running::start(app, ServeOptions { workers: NonZeroUsize::new(2), ..options() });
    let (newest, is_over) = (AtomicU64::new(1), AtomicBool::new(false));
    let answered: Vec<u64> = std::thread::scope(|scope| {
        let (running, newest, is_over, store) = (&running, &newest, &is_over, &store);
        let swapping = scope.spawn(move || {
            let mut version = 1;
            while !is_over.load(Ordering::SeqCst) {
                version += 1;
                *store.reads.lock().unwrap() = Reads::Cached(model(version));
                newest.store(version, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(100));
            }
            version
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(move || {
                    let count = connections() / THREADS;
                    let connect = |_| Client::at(TcpStream::connect(running.address).unwrap());
                    let mut clients: Vec<Client> = (0..count).map(connect).collect();
                    let mut answers = 0;
                    let mut rounds = 0;
                    // So long that several models answer, however fast the machine is.
                    while rounds < ROUNDS || newest.load(Ordering::SeqCst) < 5 {
                        let sent = newest.load(Ordering::SeqCst);
                        let ask = "GET /predict?do=version HTTP/1.1\r\nhost: x\r\n\r\n";
                        clients.iter_mut().for_each(|client| client.send(ask));
                        for client in &mut clients {
                            let response = client.receive(false);
                            assert_eq!(response.status, 200, "{}", response.body);
                            let answer = response.json();
                            let version = answer["result"].as_f64().unwrap() as u64;
                            assert_eq!(answer["metadata"]["model_version"], version, "{answer}");
                            assert_eq!(response.headers["x-model-version"], version.to_string(), "{answer}");
                            // The newest one is noted after it is there.
                            assert!((sent..=newest.load(Ordering::SeqCst) + 1).contains(&version), "{version}");
                            answers += 1;
                        }
                        rounds += 1;
                    }
                    answers
                })
            })
            .collect();
        let answered = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(swapping.join().unwrap() >= 5);
        answered
    });
    let least = (connections() / THREADS * THREADS * ROUNDS) as u64;
    assert!(answered.iter().sum::<u64>() >= least, "{answered:?}");
}
