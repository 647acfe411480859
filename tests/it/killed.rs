//! Servers that are killed while a table is read from them: nginx, an S3-like one, PostgreSQL and MariaDB. The loader
//! says so in time, and reads the table once they are there again.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::process::{self, Running, free_port, palladium, python, repository, text};
use crate::proxy::{program, whole_configuration};

/// How long a loader may take to tell that a server has gone: its time limit, and what nginx has received before.
const SOON: Duration = Duration::from_secs(30);

/// Starts a server and waits until it listens at a port.
fn start(command: &mut Command, port: u16) -> Running {
    let mut process = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(process.0.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(60), "{command:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// Starts nginx, which sends so many bytes a second of what the location has.
fn nginx(program: &str, folder: &Path, port: u16, rate: &str, location: &str) -> Running {
    let server = format!(
        "access_log off;\nserver {{\nlisten 127.0.0.1:{port};\nlocation / {{\nlimit_rate {rate};\n{location}\n}}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, whole_configuration(&folder.display().to_string(), &server)).unwrap();
    start(Command::new(program).args(["-e", "stderr", "-c"]).arg(file).arg("-p").arg(folder), port)
}

/// Returns a CSV of about so many bytes.
fn csv(length: usize) -> String {
    let mut text = "a,b\n".to_owned();
    while text.len() < length {
        let row = text.len();
        writeln!(text, "{row},{}", row as f64 / 7.0).unwrap();
    }
    text
}

fn read(folder: &Path) -> Running {
    let mut command = palladium(folder);
    command.args(["data", "--config", "a.ron"]);
    Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Reads the table, kills the server meanwhile, and checks what is said.
fn kill_in_mid_read(folder: &Path, name: &str, kill: impl FnOnce()) {
    let mut reader = read(folder);
    std::thread::sleep(Duration::from_secs(1));
    assert!(reader.0.try_wait().unwrap().is_none(), "the table was read before the server could be killed");
    kill();
    let killed = Instant::now();
    let output = reader.finish();
    let said = text(&output.stderr);
    assert!(killed.elapsed() < SOON, "{said}");
    assert!(!output.status.success() && said.contains(name) && !said.contains("panic"), "{said}");
}

fn is_read(folder: &Path) {
    let output = read(folder).finish();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_web_server_that_is_killed_is_told_and_read_again() {
    let Some(program) = program("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (folder, port) = (folder.path(), free_port());
    std::fs::write(folder.join("rows.csv"), csv(16 << 20)).unwrap();
    let config = format!(
        r#"{{"dataset_loader_train": CSV(path: "http://127.0.0.1:{port}/rows.csv", storage: {{"timeout": 5, "retries": 1}})}}"#
    );
    std::fs::write(folder.join("a.ron"), config).unwrap();
    let root = format!("root {};", folder.display());
    let slow = nginx(&program, folder, port, "1m", &root);
    kill_in_mid_read(folder, "rows.csv", || drop(slow));
    let _again = nginx(&program, folder, port, "0", &root);
    is_read(folder);
}

#[test]
fn an_s3_like_server_that_is_killed_is_told_and_read_again() {
    let (Some(program), Some(_)) = (program("nginx"), python()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (folder, port, moto) = (folder.path(), free_port(), free_port());
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let store = |length: usize| {
        let mut command = python().unwrap();
        command.arg(repository().join("scripts/services/moto_server.py")).args(["127.0.0.1", &moto.to_string()]);
        let server = start(&mut command, moto);
        for (place, body) in [("", String::new()), ("/rows.csv", csv(length))] {
            let answer = client.put(format!("http://127.0.0.1:{moto}/tables{place}")).body(body).send().unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        }
        server
    };
    let config = format!(
        r#"{{"dataset_loader_train": CSV(path: "s3://tables/rows.csv", storage: {{
            "region": "us-east-1", "endpoint": "http://127.0.0.1:{port}", "allow_http": true,
            "access_key_id": "test", "secret_access_key": "test", "timeout": 5, "retries": 1,
        }})}}"#
    );
    std::fs::write(folder.join("a.ron"), config).unwrap();
    // The server itself sends as fast as it can: nginx before it slows it down and keeps little.
    let location =
        format!("proxy_pass http://127.0.0.1:{moto};\nproxy_max_temp_file_size 0;\nproxy_set_header Host $http_host;");
    let _slow = nginx(&program, folder, port, "4m", &location);
    let whole = store(64 << 20);
    kill_in_mid_read(folder, "rows.csv", || drop(whole));
    let _again = store(1 << 20);
    is_read(folder);
}

#[test]
fn a_database_server_that_is_killed_is_told_and_read_again() {
    // Each row of the first view takes ten milliseconds, and is long enough to be sent at once.
    for (name, variable, scheme, slow) in [
        (
            "postgres",
            "PALLADIUM_TEST_POSTGRES",
            "postgresql",
            "CREATE VIEW slow AS SELECT a, pg_sleep(0.01)::text b, repeat('x', 9000) c FROM generate_series(1, 9999) a",
        ),
        (
            "mariadb",
            "PALLADIUM_TEST_MYSQL",
            "mysql",
            "CREATE VIEW slow AS SELECT seq a, SLEEP(0.01) b, REPEAT('x', 9000) c FROM seq_1_to_9999",
        ),
    ] {
        // What brings the server for other tests installs its programs.
        let Some(_) = process::program(variable) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let (folder, port) = (folder.path(), free_port());
        let config = format!(
            r#"{{"dataset_loader_train": SQL(
                url: "{scheme}://palladium:test-password@127.0.0.1:{port}/palladium", sql: "SELECT * FROM slow",
            )}}"#
        );
        std::fs::write(folder.join("a.ron"), config).unwrap();
        let server = Database::start(name, port, slow, None);
        kill_in_mid_read(folder, "broke while it was read", || server.kill());
        let again = Database::start(name, port, "CREATE VIEW slow AS SELECT 1 a", None);
        is_read(folder);
        again.kill();
    }
}
