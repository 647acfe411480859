//! Database servers that are started for one test.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::{Running, repository};
use crate::tls::Authority;

/// Starts a database server in a folder with the functions of the test script, runs SQL, and kills the server when
/// standard input ends. Where the folder holds certificates, the server takes only clients that have one too.
const SCRIPT: &str = r#"
    set -euo pipefail
    . scripts/services.sh
    PATH="$PATH:/usr/sbin" services=$1 name=$2 port=$3 sql=$4 options=() client=()
    if [ -e "$services/authority.pem" ]; then
        export PGSSLCERT="$services/client.pem" PGSSLKEY="$services/client.key"
        case $name in
            postgres) user=postgres options=(-c ssl=on -c ssl_ca_file="$services/authority.pem"
                -c ssl_cert_file="$services/server.pem" -c ssl_key_file="$services/server.key"
                -c hba_file="$services/hba.conf") ;;
            mariadb) user=mysql options=(--ssl-ca "$services/authority.pem" --ssl-cert "$services/server.pem"
                --ssl-key "$services/server.key") client=(--ssl-cert "$PGSSLCERT" --ssl-key "$PGSSLKEY") ;;
        esac
        [ "$(id -u)" -ne 0 ] || chown "$user" "$services"/server.{pem,key}
    fi
    case $name in
        postgres) client=(env PGPASSWORD="$services_password" psql --host 127.0.0.1 --port "$port"
            --username palladium --quiet --command "$sql" palladium) ;;
        mariadb) client=(mariadb --host 127.0.0.1 --port "$port" --user palladium --password="$services_password"
            "${client[@]}" --execute "$sql" palladium) ;;
    esac
    trap stop_services EXIT
    "start_$name" "$port" "${options[@]}"
    await "$name" "${client[@]}"
    echo ready
    read -r || true
"#;

/// Lets this machine's own user in, and others with a password and a certificate.
const HOSTS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n";

/// A database server that has run some SQL.
pub struct Database {
    process: Running,
    folder: TempDir,
}

impl Database {
    /// Starts `postgres` or `mariadb` at a port. With an authority the server has a certificate for this machine from
    /// it, and PostgreSQL asks every client for one.
    pub fn start(name: &str, port: u16, sql: &str, authority: Option<&Authority>) -> Database {
        let folder = tempfile::tempdir().unwrap();
        // The server may run as another user.
        fs::set_permissions(&folder, Permissions::from_mode(0o711)).unwrap();
        if let Some(authority) = authority {
            fs::write(folder.path().join("authority.pem"), authority.pem()).unwrap();
            fs::write(folder.path().join("hba.conf"), HOSTS).unwrap();
            for (name, whose) in [("server", "127.0.0.1"), ("client", "palladium")] {
                authority.write_pair(folder.path(), name, whose);
            }
        }
        let mut command = Command::new("bash");
        command.current_dir(repository()).args(["-c", SCRIPT, "bash"]).arg(folder.path());
        command.args([name, &port.to_string(), sql]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Running(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Database { process, folder }
    }

    /// Kills the server and waits until it is gone.
    pub fn kill(mut self) {
        drop(self.process.0.stdin.take());
        assert!(self.process.finish().status.success());
        drop(self.folder);
    }
}
