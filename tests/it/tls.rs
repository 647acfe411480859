//! Encrypted connections.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use reqwest::blocking::{Client, ClientBuilder};
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Identity, Version};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{iris, palladium, succeed, text};
use crate::serve::{SAMPLE, Service};

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        Authority::named("authority")
    }

    pub fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Returns its own certificate.
    pub fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    /// Returns a certificate and its key as PEM, and the certificate as bytes.
    fn sign(&self, name: &str) -> (String, String, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        // One that bears the name of its authority counts as signed by itself.
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem(), certificate.der().to_vec())
    }

    /// Writes a certificate and its key for this machine, and returns the certificate as bytes.
    fn write(&self, folder: &Path) -> Vec<u8> {
        let (certificate, key, der) = self.sign("127.0.0.1");
        replace(&folder.join("certificate.pem"), &certificate);
        replace(&folder.join("key.pem"), &key);
        der
    }

    /// Writes a certificate with a name and its key as `FILE.pem` and `FILE.key`.
    pub fn write_pair(&self, folder: &Path, file: &str, name: &str) {
        let (certificate, key, _) = self.sign(name);
        replace(&folder.join(file).with_extension("pem"), &certificate);
        replace(&folder.join(file).with_extension("key"), &key);
    }

    fn client(&self) -> ClientBuilder {
        let builder = Client::builder().no_proxy().tls_info(true).tls_built_in_root_certs(false);
        builder.add_root_certificate(Certificate::from_pem(self.pem().as_bytes()).unwrap())
    }
}

/// Puts a file that only its owner reads in the place of another one.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, path).unwrap();
}

/// Returns a fitted iris example with a layer that sets up TLS with these further entries.
fn folder(authority: &Authority, entries: &str) -> (Arc<tempfile::TempDir>, Vec<u8>) {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let tls = format!(r#"{{"certificate": "certificate.pem", "key": "key.pem", {entries}}}"#);
    fs::write(folder.path().join("tls.ron"), format!(r#"{{"server": {{"listen": "127.0.0.1:0", "tls": {tls}}}}}"#))
        .unwrap();
    let der = authority.write(folder.path());
    (folder, der)
}

fn start(folder: Arc<tempfile::TempDir>) -> Service {
    let service = Service::logged(folder, "info", &["--config", "config.ron,tls.ron"]);
    assert!(service.base.starts_with("https://127.0.0.1:"), "{}", service.base);
    service
}

/// Returns the certificate that a new connection is encrypted with.
fn presented(service: &Service, authority: &Authority) -> Vec<u8> {
    let response = authority.client().build().unwrap().get(format!("{}/alive", service.base)).send().unwrap();
    response.extensions().get::<TlsInfo>().unwrap().peer_certificate().unwrap().to_vec()
}

#[test]
fn data_come_from_servers_of_an_authority_that_is_named() {
    let authority = Authority::new();
    let (folder, _) = folder(&authority, "");
    let service = start(Arc::clone(&folder));
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.path().join("other.pem"), Authority::new().pem()).unwrap();
    let data = |ca_file: &str| {
        let loader = format!("CSV(path: \"{}/alive\", header: None, storage: {{{ca_file}}})", service.base);
        let config = format!("{{\"dataset_loader_train\": {loader}}}");
        fs::write(folder.path().join("data.ron"), config).unwrap();
        palladium(folder.path()).args(["data", "--config", "data.ron", "--format", "json"]).output().unwrap()
    };
    let read = data("\"ca_file\": \"ca.pem\"");
    assert!(read.status.success() && text(&read.stdout).contains("\"rows\": 1,"), "{}", text(&read.stderr));
    for ca_file in ["", "\"ca_file\": \"other.pem\""] {
        let refused = data(ca_file);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains("certificate"), "{said}");
    }
}

#[test]
fn both_versions_of_http_are_spoken_and_nothing_unencrypted() {
    let authority = Authority::new();
    let (folder, der) = folder(&authority, "");
    let service = start(folder);
    assert_eq!(presented(&service, &authority), der);
    let clients = [
        (authority.client(), Version::HTTP_2),
        (authority.client().http1_only(), Version::HTTP_11),
        (authority.client().max_tls_version(reqwest::tls::Version::TLS_1_2), Version::HTTP_2),
    ];
    for (client, version) in clients {
        let client = client.build().unwrap();
        for _ in 0..3 {
            let response = client.get(format!("{}{SAMPLE}", service.base)).send().unwrap();
            assert_eq!((response.version(), response.status().as_u16()), (version, 200));
            assert_eq!(response.json::<serde_json::Value>().unwrap()["result"], "Iris-versicolor");
        }
        let body = format!("[{}]", " ".repeat(300_000));
        let post = client.post(format!("{}/predict", service.base)).header("content-type", "application/json");
        assert_eq!(
            post.body(body).send().unwrap().json::<serde_json::Value>().unwrap()["result"],
            serde_json::json!([])
        );
    }
    let stranger = Authority::new().client().build().unwrap();
    assert!(stranger.get(format!("{}/alive", service.base)).send().is_err());

    let mut plain = TcpStream::connect(service.address()).unwrap();
    plain.write_all(b"GET /alive HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // It may end with a reset.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    let log = service.log();
    for part in ["serving", "tls=\"certificate.pem\"", "https://127.0.0.1:", "/predict", "model_persister 1"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    // A client that keeps its connection does not hold up the end.
    let idle = authority.client().build().unwrap();
    assert_eq!(idle.get(format!("{}/alive", service.base)).send().unwrap().status(), 200);
    let started = Instant::now();
    assert!(service.end().success());
    assert!(started.elapsed() < Duration::from_secs(20), "an idle connection is not waited for");
}

#[test]
fn idle_connections_are_closed_as_encrypted_ones_are() {
    let authority = Authority::new();
    let (folder, _) = folder(&authority, "");
    let tls = r#"{"certificate": "certificate.pem", "key": "key.pem"}"#;
    let server = format!(r#"{{"server": {{"listen": "127.0.0.1:0", "keep_alive": 1, "tls": {tls}}}}}"#);
    fs::write(folder.path().join("tls.ron"), server).unwrap();
    let service = start(folder);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
    let mut client = StreamOwned::new(session, TcpStream::connect(service.address()).unwrap());
    client.write_all(b"GET /alive HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    // What ends without a word could have been cut off, and is an error.
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn certificates_are_replaced_once_they_are_whole() {
    let authority = Authority::new();
    let (folder, first) = folder(&authority, r#""refresh": 0.1"#);
    let service = start(Arc::clone(&folder));
    let kept = authority.client().build().unwrap();
    let ask = || kept.get(format!("{}/alive", service.base)).send().unwrap().status();
    assert_eq!(ask(), 200);

    replace(&folder.path().join("key.pem"), "no key");
    service.wait_for_log(
        "the certificate before stays in use: the file `key.pem` of `server.tls` holds no private key",
        1,
    );
    assert_eq!(presented(&service, &authority), first);
    let (other, ..) = authority.sign("127.0.0.1");
    let (_, key, _) = authority.sign("127.0.0.1");
    replace(&folder.path().join("key.pem"), &key);
    replace(&folder.path().join("certificate.pem"), &other);
    service.wait_for_log("cannot be used with the key", 1);
    assert_eq!(presented(&service, &authority), first);

    let second = authority.write(folder.path());
    service.wait_for_log("the certificate was replaced", 1);
    assert_eq!(presented(&service, &authority), second);
    assert_eq!(ask(), 200, "a connection goes on");

    fs::set_permissions(folder.path().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    service.wait_for_log("every user of this machine can read the private key `key.pem`", 1);
}

#[test]
fn a_hangup_has_certificates_looked_at() {
    let authority = Authority::new();
    let (folder, _) = folder(&authority, r#""refresh": 86400"#);
    let mut service = start(Arc::clone(&folder));
    let second = authority.write(folder.path());
    service.process.signal(Signal::HUP);
    service.wait_for_log("the certificate was replaced", 1);
    assert_eq!(presented(&service, &authority), second);
}

#[test]
fn clients_need_a_certificate_where_that_is_asked_for() {
    let authority = Authority::new();
    let (folder, _) = folder(&authority, r#""client_ca": "ca.pem""#);
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let service = start(folder);
    let status = |client: ClientBuilder| {
        let response = client.build().unwrap().get(format!("{}/alive", service.base)).send();
        response.map(|response| response.status().as_u16()).ok()
    };
    let identity =
        |signed: (String, String, Vec<u8>)| Identity::from_pem(format!("{}{}", signed.0, signed.1).as_bytes()).unwrap();
    assert_eq!(status(authority.client()), None);
    assert_eq!(status(authority.client().identity(identity(Authority::new().sign("client")))), None);
    assert_eq!(status(authority.client().identity(identity(authority.sign("client")))), Some(200));
    service.wait_for_log("a TLS handshake failed: peer sent no certificates peer=127.0.0.1", 1);
    service.wait_for_log("a TLS handshake failed: invalid peer certificate: ", 1);
    // Those who go away without a word are many.
    drop(TcpStream::connect(service.address()).unwrap());
    assert!(!service.log().contains("was left"), "{}", service.log());
}

#[test]
fn a_slow_handshake_is_ended() {
    let authority = Authority::new();
    let (folder, _) = folder(&authority, r#""handshake_timeout": 0.1"#);
    let service = start(folder);
    let mut silent = TcpStream::connect(service.address()).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "the service closes it");
}

#[test]
fn files_that_cannot_be_used_keep_the_service_from_starting() {
    let authority = Authority::new();
    let (folder, _) = folder(&authority, r#""client_ca": "ca.pem""#);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let (certificate, key, _) = authority.sign("127.0.0.1");
    let (_, other, _) = authority.sign("127.0.0.1");
    let ca = authority.pem();
    let cases = [
        (&key, &key, &ca, "the file `certificate.pem` of `server.tls` holds no certificate as PEM"),
        (&certificate, &certificate, &ca, "the file `key.pem` of `server.tls` holds no private key as PEM"),
        (&certificate, &other, &ca, "the certificate `certificate.pem` cannot be used with the key `key.pem`"),
        (&certificate, &key, &key, "the file `ca.pem` of `server.tls` holds no certificate as PEM"),
    ];
    let check = |expected: &str, code: i32| {
        let check = ["serve", "--check", "--config", "config.ron,tls.ron"];
        let output = palladium(folder.path()).args(check).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        let shown = if code == 0 { text(&output.stdout) } else { text(&output.stderr) };
        assert!(shown.contains(expected), "{shown} lacks {expected}");
    };
    for (certificate, key, ca, expected) in cases {
        write("certificate.pem", certificate);
        write("key.pem", key);
        write("ca.pem", ca);
        check(expected, 1);
    }
    write("ca.pem", &ca);
    check("can listen on https://127.0.0.1:", 0);
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    check("the file `key.pem` of `server.tls` cannot be read", 1);
}
