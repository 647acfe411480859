//! An identity provider on this machine, and the tokens that it signs or that somebody else makes up.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value as Json, json};

/// Answers every request with the same until told otherwise.
pub struct Provider {
    /// Its address.
    pub url: String,
    says: Arc<Mutex<(u16, String)>>,
}

impl Provider {
    pub fn saying(status: u16, body: &str) -> Provider {
        Provider::saying_about("", status, body)
    }

    /// Says so about requests whose body holds a text, and that the token is unknown about all others.
    pub fn saying_about(known: &str, status: u16, body: &str) -> Provider {
        let known = known.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new((status, body.to_owned())));
        let told = Arc::clone(&says);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut head, mut length) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let mut line = String::new();
                    if stream.read_line(&mut line).unwrap() == 0 {
                        break;
                    }
                    if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = given.trim().parse().unwrap();
                    }
                    head += &line;
                }
                let mut asked = vec![0; length];
                std::io::Read::read_exact(&mut stream, &mut asked).unwrap();
                let (status, body) = match String::from_utf8_lossy(&asked).contains(&known) {
                    true => told.lock().unwrap().clone(),
                    false => (200, r#"{"active": false}"#.to_owned()),
                };
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                // Whoever asked may have gone.
                let _ = stream.get_mut().write_all(format!("{head}{body}").as_bytes());
            }
        });
        Provider { url, says }
    }

    pub fn say(&self, status: u16, body: &str) {
        *self.says.lock().unwrap() = (status, body.to_owned());
    }
}

/// A key that tokens are signed with.
pub struct Signer(EcdsaKeyPair);

impl Signer {
    pub fn new() -> Signer {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Signer(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap())
    }

    /// Returns what is public of it.
    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub fn jwks(&self) -> Json {
        let point = self.public();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        json!({"keys": [{"kty": "EC", "kid": "k", "use": "sig", "crv": "P-256", "x": x, "y": y}]})
    }

    pub fn sign(&self, head: &Json, claims: &Json) -> String {
        let message = message(head, claims);
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64.encode(signature))
    }

    pub fn unsigned(head: &Json, claims: &Json) -> String {
        format!("{}.", message(head, claims))
    }

    pub fn with_secret(head: &Json, claims: &Json, secret: &[u8]) -> String {
        let message = message(head, claims);
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{message}.{}", BASE64.encode(ring::hmac::sign(&key, message.as_bytes())))
    }
}

fn message(head: &Json, claims: &Json) -> String {
    format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()))
}

/// Returns the seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
