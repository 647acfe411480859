//! A proxy between a store and its server, which makes a network fail in ways that a server by itself does not.
#![allow(dead_code, reason = "not every binary of tests lets everything fail")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the network does to connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Network {
    /// It works.
    Works,
    /// It breaks one connection after so many bytes from the client, and works from then on.
    BreaksOnceAfter(usize),
    /// It breaks one connection after so many bytes from the server, and works from then on.
    BreaksOnceAnswerAfter(usize),
    /// It stalls after so many bytes from the client.
    StallsAfter(usize),
    /// It stalls after so many bytes from the server.
    StallsAnswerAfter(usize),
    /// It takes everything and passes nothing on.
    Stalls,
    /// It ends each new connection at once.
    Refuses,
    /// It ends all connections.
    Gone,
}

/// A proxy on a port of its own.
pub struct Proxy {
    /// Host and port, as they stand in a URL.
    pub place: String,
    network: Arc<Mutex<Network>>,
}

impl Proxy {
    /// Returns a proxy in front of a server, told as host and port.
    pub fn before(server: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let network = Arc::new(Mutex::new(Network::Works));
        let (server, shared) = (server.to_owned(), Arc::clone(&network));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (server, network) = (server.clone(), Arc::clone(&shared));
                thread::spawn(move || {
                    // A connection that fails is what the proxy is for.
                    let _ = connect(client?, &server, &network);
                    io::Result::Ok(())
                });
            }
        });
        Proxy { place, network }
    }

    /// Changes what the network does, also to connections that there are.
    pub fn set(&self, network: Network) {
        *self.network.lock().unwrap() = network;
    }

    /// Returns what the network does.
    pub fn network(&self) -> Network {
        *self.network.lock().unwrap()
    }
}

fn connect(client: TcpStream, server: &str, network: &Arc<Mutex<Network>>) -> io::Result<()> {
    if matches!(*network.lock().unwrap(), Network::Refuses | Network::Gone) {
        return Ok(());
    }
    let server = TcpStream::connect(server)?;
    let (client_twin, server_twin, twin) = (client.try_clone()?, server.try_clone()?, Arc::clone(network));
    let answers = thread::spawn(move || pass(server_twin, client_twin, &twin, true));
    let passed = pass(client, server, network, false);
    let _ = answers.join();
    passed
}

fn pass(mut from: TcpStream, mut to: TcpStream, network: &Mutex<Network>, is_answer: bool) -> io::Result<()> {
    let (mut buffer, mut n_passed) = (vec![0; 16 << 10], 0);
    loop {
        let length = from.read(&mut buffer)?;
        let mut state = network.lock().unwrap();
        let breaks_after = match *state {
            Network::BreaksOnceAfter(bytes) if !is_answer => Some(bytes),
            Network::BreaksOnceAnswerAfter(bytes) if is_answer => Some(bytes),
            _ => None,
        };
        if breaks_after.is_some_and(|bytes| n_passed + length > bytes) {
            *state = Network::Works;
            drop(state);
            from.shutdown(Shutdown::Both)?;
            return to.shutdown(Shutdown::Both);
        }
        let stalls_after = match *state {
            Network::StallsAfter(bytes) if !is_answer => Some(bytes),
            Network::StallsAnswerAfter(bytes) if is_answer => Some(bytes),
            _ => None,
        };
        if stalls_after.is_some_and(|bytes| n_passed + length > bytes) {
            *state = Network::Stalls;
        }
        if *state == Network::Gone {
            from.shutdown(Shutdown::Both)?;
            return to.shutdown(Shutdown::Both);
        }
        let stalls = *state == Network::Stalls;
        drop(state);
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        if stalls {
            while *network.lock().unwrap() == Network::Stalls {
                thread::sleep(Duration::from_millis(20));
            }
        }
        to.write_all(&buffer[..length])?;
        n_passed += length;
    }
}
