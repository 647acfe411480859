//! The SQL loader and servers: PostgreSQL and MariaDB. Variables of the environment say where they are; a server without
//! its variable is left out.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_connect::{BlockingRuntime, Location, ServerOptions};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use crate::harness::show;
use crate::proxy::{Network, Proxy};
use crate::sql::{load, loader};

const PASSWORD: &str = "test-password";

/// A server, as somebody sees it who may change it.
struct Server {
    url: String,
    runtime: BlockingRuntime,
}

/// Returns the URL of a server.
fn url(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
    assert!(!all || url.is_some(), "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{variable}` is missing");
    url
}

fn postgres() -> Option<Server> {
    url("PALLADIUM_TEST_POSTGRES").map(Server::new)
}

fn mysql() -> Option<Server> {
    url("PALLADIUM_TEST_MYSQL").map(Server::new)
}

fn servers() -> Vec<Server> {
    [postgres(), mysql()].into_iter().flatten().collect()
}

/// Returns letters and digits that no other test has.
fn unique() -> String {
    format!("test_{:x}_{:x}", std::process::id(), fastrand::u64(..))
}

impl Server {
    fn new(url: String) -> Server {
        Server { url, runtime: BlockingRuntime::new("test") }
    }

    fn is_postgres(&self) -> bool {
        self.url.starts_with("postgresql")
    }

    /// Executes statements, and returns the first column of their rows as text.
    fn execute(&self, sql: &str) -> Vec<String> {
        let Location::Server(server) = Location::parse(&self.url).unwrap() else { panic!("this is no server") };
        let sql = AssertSqlSafe(sql.to_owned());
        self.runtime.handle().unwrap().block_on(async {
            match &server.options {
                ServerOptions::Postgres(options) => {
                    let mut connection = options.clone().connect().await.unwrap();
                    let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
                    connection.close().await.unwrap();
                    rows.iter().map(|row| row.get(0)).collect()
                }
                ServerOptions::MySql(options) => {
                    let mut connection = options.clone().connect().await.unwrap();
                    let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
                    connection.close().await.unwrap();
                    rows.iter().map(|row| row.get(0)).collect()
                }
            }
        })
    }

    fn loader(&self, arguments: &Json) -> Arc<dyn DatasetLoader> {
        loader(&self.url, arguments).unwrap()
    }

    #[track_caller]
    fn check(&self, arguments: Json, expected: Json) {
        let data = load(self.loader(&arguments).as_ref()).unwrap();
        assert_eq!(show(&data.features), expected, "{arguments}");
    }

    #[track_caller]
    fn fails(&self, arguments: Json, expected: &str) {
        let told = match load(self.loader(&arguments).as_ref()) {
            Err(told) => told,
            Ok(data) => show(&data.features).to_string(),
        };
        assert!(told.contains(expected), "{arguments}: {told}");
        assert!(!told.contains(PASSWORD), "{told}");
    }

    /// Returns a proxy in front of the server, and the URL that leads through it.
    fn proxied(&self) -> (Proxy, String) {
        let (user, rest) = self.url.split_once('@').unwrap();
        let (place, database) = rest.split_once('/').unwrap();
        let proxy = Proxy::before(place);
        let url = format!("{user}@{}/{database}", proxy.place);
        (proxy, url)
    }

    /// Returns a query of so many rows, which has a mark that a process list shows.
    fn rows(&self, count: u64, mark: &str) -> String {
        match self.is_postgres() {
            true => format!("select i, '{mark}' as mark from generate_series(1, {count}) as numbers(i)"),
            false => format!("select seq as i, '{mark}' as mark from seq_1_to_{count}"),
        }
    }
}

/// A table that is dropped at the end.
struct Dropped<'a> {
    server: &'a Server,
    sql: String,
}

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.server.execute(&self.sql);
    }
}

/// Returns a column of two rows, of which the second is missing.
fn column(name: &str, kind: &str, value: impl Into<Json>) -> Json {
    json!({"name": name, "type": kind, "values": [value.into(), null]})
}

#[test]
fn every_type_of_postgresql_becomes_one_of_tables() {
    let Some(server) = postgres() else { return };
    let own = unique();
    server.execute(&format!(
        "create schema {own}; create type {own}.mood as enum ('glad', 'sad'); create domain {own}.share as numeric(3, 2);
        create table {own}.\"all types\" (
            small smallint, middle integer, big bigint, id oid, narrow real, wide double precision, exact numeric(20, 4),
            flag boolean, plain text, short varchar(9), padded char(3), one \"char\", identifier uuid, document json,
            binary_document jsonb, markup xml, bits bit(3), more_bits bit varying, mood {own}.mood, share {own}.share,
            day date, moment timestamp, instant timestamptz, clock time
        );
        insert into {own}.\"all types\" values (
            -32768, 2147483647, 9007199254740993, 4294967295, 0.1, 0.1, -1234567890.5, true, 'größe', 'x', 'a', 'z',
            'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{{\"a\":1}}', '{{\"a\": 1}}', '<a/>', '101', '0011', 'sad', 0.25,
            '1969-12-31', '2024-01-31 10:00:00.000001', '2024-01-31 10:00:00+01', '23:59:59.5'
        ), (
            null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
            null, null, null, null, null, null
        )"
    ));
    let _dropped = Dropped { server: &server, sql: format!("drop schema {own} cascade") };
    server.check(
        json!({"sql": format!("{own}.\"all types\"")}),
        json!([
            column("small", "int", -32_768),
            column("middle", "int", i32::MAX),
            column("big", "int", 9_007_199_254_740_993_i64),
            column("id", "int", u32::MAX),
            column("narrow", "float", 0.1),
            column("wide", "float", 0.1),
            column("exact", "float", -1_234_567_890.5),
            column("flag", "bool", true),
            column("plain", "text", "größe"),
            column("short", "text", "x"),
            column("padded", "text", "a  "),
            column("one", "text", "z"),
            column("identifier", "text", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            column("document", "text", "{\"a\":1}"),
            column("binary_document", "text", "{\"a\": 1}"),
            column("markup", "text", "<a/>"),
            column("bits", "text", "101"),
            column("more_bits", "text", "0011"),
            column("mood", "category", "sad"),
            column("share", "float", 0.25),
            column("day", "date", "1969-12-31"),
            column("moment", "timestamp", "2024-01-31T10:00:00.000001"),
            column("instant", "timestamp_utc", "2024-01-31T09:00:00Z"),
            column("clock", "text", "23:59:59.5"),
        ]),
    );
    let exact = json!([column("exact", "text", "-1234567890.5000")]);
    server.check(json!({"sql": format!("{own}.\"all types\""), "columns": ["exact"], "coerce_float": false}), exact);
    server.fails(json!({"sql": format!("{own}.none")}), "has no table `test_");
    server.fails(
        json!({"sql": format!("insert into {own}.\"all types\" (small) values (1) returning small")}),
        "which is only read",
    );
}

#[test]
fn what_tables_do_not_hold_is_told_with_what_to_write_instead() {
    for server in servers() {
        let cases: &[(&str, &str)] = if server.is_postgres() {
            &[
                (
                    "select 'x'::bytea as a",
                    "has the type `BYTEA`, which tables do not hold\nhelp: leave it out, or read it as text: `encode(a, 'hex')`",
                ),
                ("select interval '1 day' as a", "help: read it in seconds: `EXTRACT(EPOCH FROM a)`"),
                ("select 1::money as a", "help: cast it: `CAST(a AS NUMERIC)`"),
                ("select array[1] as a", "has the type `INT4[]`"),
                ("select inet '::1' as a", "help: leave it out, or cast it: `CAST(a AS TEXT)`"),
                ("select point '(1,2)' as a", "has the type `POINT`"),
                ("select row(1, 2) as a", "has the type `RECORD`"),
                ("select int4range(1, 2) as a", "has the type `INT4RANGE`"),
                ("select time '10:00' at time zone 'UTC' as a", "has the type `TIMETZ`"),
                ("select date 'infinity' as a", "row 1: column `a` of the type `DATE` holds a date that is infinite"),
                ("select timestamp '-infinity' as a", "`NULLIF(…, 'infinity')`"),
                ("select 1 as a, 2 as a", "two columns of the answer are named `a`"),
                (
                    "select x from nowhere",
                    "refused the query: error returned from database: relation \"nowhere\" does not exist",
                ),
                ("listen x", "`sql` is a statement that gives no rows"),
            ]
        } else {
            &[
                ("select x'00ff' as a", "help: leave it out, or read it as text: `CAST(a AS CHAR)` or `HEX(a)`"),
                ("select point(1, 2) as a", "`ST_AsText(a)`"),
                (
                    "select 18446744073709551615 as a",
                    "row 1: column `a` of the type `BIGINT UNSIGNED` holds the whole number 18446744073709551615, which is beyond 9223372036854775807",
                ),
                ("select 1 as a, 2 as a", "two columns of the answer are named `a`"),
                ("select x from nowhere", "refused the query: error returned from database: 1146"),
                ("set @a = 1", "`sql` is a statement that gives no rows"),
            ]
        };
        for (sql, expected) in cases {
            server.fails(json!({"sql": sql}), expected);
        }
    }
}

#[test]
fn names_that_are_not_there_are_told_with_near_ones() {
    for server in servers() {
        let own = unique();
        server.execute(&format!("create table {own} (id int, amount int)"));
        let _dropped = Dropped { server: &server, sql: format!("drop table {own}") };
        for (arguments, expected) in [
            (json!({"columns": ["id", "idd"]}), "has no column `idd`, which `columns` names; there are `id`, `amount`"),
            (json!({"columns": ["id", "idd"]}), "help: did you mean `id`?"),
            (
                json!({"columns": ["id"], "index_col": "amuont"}),
                "no column `amuont`, which `index_col` names; there are",
            ),
            (
                json!({"sql": "my-table"}),
                "help: if this is the name of a table, write it in quotes or brackets: `[my-t",
            ),
            (json!({"sql": "odd name"}), "in quotes or brackets: `[odd name]`"),
        ] {
            let mut all = json!({"sql": own});
            all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
            server.fails(all, expected);
        }
        // The connection is of use afterwards.
        server.check(json!({"sql": own, "columns": ["id"]}), json!([{"name": "id", "type": "int", "values": []}]));
    }
}

/// Returns a loader of one cell by a URL with these options.
fn one_cell(url: &str, sql: &str) -> Result<String, String> {
    let data = load(loader(url, &json!({"sql": sql, "connect_timeout": 20})).unwrap().as_ref())?;
    Ok(show(&data.features)[0]["values"][0].as_str().unwrap_or_default().to_owned())
}

#[test]
fn options_of_the_url_of_postgresql_have_an_effect() {
    let Some(server) = postgres() else { return };
    let with = |options: &str| format!("{}?{options}", server.url);
    let name = "select application_name from pg_stat_activity where pid = pg_backend_pid()";
    assert_eq!(one_cell(&server.url, name).unwrap(), "palladium");
    assert_eq!(one_cell(&with("application_name=nightly%20load"), name).unwrap(), "nightly load");
    let setting = "select current_setting('work_mem')";
    assert_eq!(one_cell(&with("options=-c%20work_mem%3D7MB"), setting).unwrap(), "7MB");
    let encrypted = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
    for mode in ["disable", "prefer"] {
        assert_eq!(one_cell(&with(&format!("sslmode={mode}")), encrypted).unwrap(), "false");
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let told = one_cell(&with(&format!("sslmode={mode}")), encrypted).unwrap_err();
        assert!(told.contains("server does not support TLS") && !told.contains(PASSWORD), "{mode}: {told}");
    }
    let socket = url("PALLADIUM_TEST_POSTGRES_SOCKET").unwrap();
    let port = server.url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    let address = "select coalesce(inet_client_addr()::text, 'none')";
    assert_eq!(one_cell(&server.url, address).unwrap(), "127.0.0.1/32");
    let through = format!("postgresql://palladium:{PASSWORD}@localhost:{port}/palladium?host={socket}");
    assert_eq!(one_cell(&through, address).unwrap(), "none");
}

#[test]
fn the_authority_of_postgresql_is_read_where_its_server_has_tls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            // Whoever asks for TLS is told that it may begin.
            let asked = connection.read_exact(&mut [0; 8]).and_then(|()| connection.write_all(b"S"));
            drop(asked);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("authority.pem");
    let url = format!("postgresql://someone@{address}/data?sslmode=verify-full");
    let told = one_cell(&url, "select 'x'").unwrap_err();
    assert!(!told.contains("No such file"), "{told}");
    let told = one_cell(&format!("{url}&sslrootcert={}", absent.display()), "select 'x'").unwrap_err();
    assert!(told.contains("No such file"), "{told}");
}

#[test]
fn options_of_the_url_of_mariadb_have_an_effect() {
    let Some(server) = mysql() else { return };
    let encrypted = "select variable_value from information_schema.session_status where variable_name = 'Ssl_cipher'";
    for mode in ["DISABLED", "PREFERRED"] {
        assert_eq!(one_cell(&format!("{}?ssl_mode={mode}", server.url), encrypted).unwrap(), "");
    }
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        let told = one_cell(&format!("{}?ssl_mode={mode}", server.url), encrypted).unwrap_err();
        assert!(told.contains("does not support TLS") && !told.contains(PASSWORD), "{mode}: {told}");
    }
    let socket = url("PALLADIUM_TEST_MYSQL_SOCKET").unwrap();
    let host = "select host from information_schema.processlist where id = connection_id()";
    assert!(one_cell(&server.url, host).unwrap().contains(':'));
    let through = format!("mysql://palladium:{PASSWORD}@localhost/palladium?unix_socket={socket}");
    assert_eq!(one_cell(&through, host).unwrap(), "localhost");
}

#[test]
fn every_type_of_mariadb_becomes_one_of_tables() {
    let Some(server) = mysql() else { return };
    let own = unique();
    server.execute(&format!(
        "create table {own} (
            tiny tinyint, tiny_unsigned tinyint unsigned, flag boolean, no_flag boolean, small smallint unsigned,
            middle mediumint, whole int unsigned, big bigint, big_unsigned bigint unsigned, narrow float, wide double,
            exact decimal(20, 4), plain text, short varchar(9), padded char(3), letters set('a', 'b'), mood enum('glad', 'sad'),
            document json, identifier uuid, bits bit(12), birth year, day date, moment datetime(6), instant timestamp null,
            clock time(1), zeros date
        ) character set utf8mb4"
    ));
    let _dropped = Dropped { server: &server, sql: format!("drop table {own}") };
    server.execute(&format!(
        "set time_zone = '+01:00', sql_mode = 'ALLOW_INVALID_DATES';
        insert into {own} values (
            -128, 255, true, 2, 65535, -8388608, 4294967295, -9007199254740993, 9223372036854775807, 0.1, 0.1,
            -1234567890.5, 'größe', 'x', 'a', 'a,b', 'sad', '{{\"a\": 1}}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
            b'100000000001', 2024, '1969-12-31', '2024-01-31 10:00:00.000001', '2024-01-31 10:00:00', '-100:00:00.5',
            '0000-00-00'
        ), (
            null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
            null, null, null, null, null, null, null, null
        )"
    ));
    server.check(
        json!({"sql": own}),
        json!([
            column("tiny", "int", -128),
            column("tiny_unsigned", "int", 255),
            column("flag", "bool", true),
            column("no_flag", "int", 2),
            column("small", "int", 65_535),
            column("middle", "int", -8_388_608),
            column("whole", "int", u32::MAX),
            column("big", "int", -9_007_199_254_740_993_i64),
            column("big_unsigned", "int", i64::MAX),
            column("narrow", "float", 0.1),
            column("wide", "float", 0.1),
            column("exact", "float", -1_234_567_890.5),
            column("plain", "text", "größe"),
            column("short", "text", "x"),
            column("padded", "text", "a"),
            column("letters", "text", "a,b"),
            column("mood", "category", "sad"),
            column("document", "text", "{\"a\": 1}"),
            column("identifier", "text", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            column("bits", "int", 0b1000_0000_0001),
            column("birth", "int", 2024),
            column("day", "date", "1969-12-31"),
            column("moment", "timestamp", "2024-01-31T10:00:00.000001"),
            column("instant", "timestamp_utc", "2024-01-31T09:00:00Z"),
            column("clock", "text", "-100:00:00.5"),
            column("zeros", "date", Json::Null),
        ]),
    );
    let exact = json!({"sql": own, "columns": ["exact"], "coerce_float": false});
    server.check(exact, json!([column("exact", "text", "-1234567890.5000")]));
    server.fails(json!({"sql": "no_such_table"}), "has no table `no_such_table`");
    server.fails(json!({"sql": format!("insert into {own} (tiny) values (1) returning tiny")}), "which is only read");
}

#[test]
fn values_take_the_types_of_their_places() {
    for server in servers() {
        let one = json!([{"name": "a", "type": "int", "values": [1]}]);
        let one_of = |condition: &str| {
            let cast = if server.is_postgres() { "cast(1 as int)" } else { "cast(1 as signed)" };
            format!("select {cast} as a from (select date '2024-01-31' as d, 3 as n, 'x%' as t) as s where {condition}")
        };
        for (condition, params) in [
            ("d = ? and n < ? and t = ?", json!(["2024-01-31", 3.5, "x%"])),
            ("d > %s and t like 'x%%'", json!(["2024-01-30"])),
            ("d = :day and n = :n and :n = n", json!({"day": "2024-01-31", "n": 3})),
            ("n = %(n)s and %(none)s is null and t <> '%%s'", json!({"n": 3, "none": null})),
            ("? and t <> '?'", json!([true])),
            ("n < ?", json!([9_007_199_254_740_993_i64])),
        ] {
            server.check(json!({"sql": one_of(condition), "params": params}), one.clone());
        }
        let injected = json!({"sql": one_of("t = ?"), "params": ["' or 1 = 1 -- "]});
        server.check(injected, json!([{"name": "a", "type": "int", "values": []}]));
    }
    if let Some(server) = postgres() {
        server.check(
            json!({"sql": "select $1::int + $2 as a, '{\"k\": 1}'::jsonb ? 'k' as b", "params": [1, 2]}),
            json!([{"name": "a", "type": "int", "values": [3]}, {"name": "b", "type": "bool", "values": [true]}]),
        );
    }
}

#[test]
fn many_threads_load_at_once_and_notice_what_changes() {
    for server in servers() {
        let own = unique();
        server.execute(&format!("create table {own} (a int, b int)"));
        let _dropped = Dropped { server: &server, sql: format!("drop table {own}") };
        server.execute(&format!("insert into {own} values (1, 2), (3, 4)"));
        let loader = server.loader(&json!({"sql": own, "target_column": "b"}));
        std::thread::scope(|scope| {
            let load = || (0..5).map(|_| load(loader.as_ref()).unwrap().n_rows()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), [2; 5]);
            }
        });
        server.execute(&format!("alter table {own} add column c double precision"));
        let names: Vec<_> = loader.load().unwrap().features.names().map(str::to_owned).collect();
        assert_eq!(names, ["a", "c"]);
        let Probe::Found(found) = loader.probe().unwrap() else { panic!("nothing was found") };
        assert!(found.starts_with(&format!("`{own}` in `")) && found.ends_with(" with 3 columns"), "{found}");
        assert!(!found.contains(PASSWORD));
    }
}

#[test]
fn a_server_that_ends_the_connection_in_mid_read_is_told_and_asked_again() {
    for server in servers() {
        let mark = unique();
        let loader = server.loader(&json!({"sql": server.rows(10_000_000, &mark)}));
        let told = std::thread::scope(|scope| {
            let loading = scope.spawn(|| load(loader.as_ref()).map(|data| data.n_rows()));
            end(&server, &mark);
            loading.join().unwrap().unwrap_err()
        });
        assert!(told.contains("broke while it was read") && told.ends_with("help: try again"), "{told}");
        let few = server.loader(&json!({"sql": server.rows(3, &mark)}));
        assert_eq!(load(few.as_ref()).unwrap().n_rows(), 3);
    }
}

/// Ends the connection whose query has a mark, once it is there.
fn end(server: &Server, mark: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let sql = match server.is_postgres() {
        true => format!(
            "select pid::text from pg_stat_activity where state = 'active' and query like \
             '%{mark}%' and pid <> pg_backend_pid()"
        ),
        false => format!(
            "select cast(id as char) from information_schema.processlist where command = 'Execute' and info like \
             '%{mark}%' and id <> connection_id()"
        ),
    };
    loop {
        match server.execute(&sql).first() {
            Some(id) if server.is_postgres() => {
                server.execute(&format!("select pg_terminate_backend({id})::text"));
                return;
            }
            Some(id) => {
                server.execute(&format!("kill {id}"));
                return;
            }
            None => assert!(Instant::now() < deadline, "the query is not seen"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_network_that_fails_in_mid_read_is_told_in_time_and_used_again_later() {
    for server in servers() {
        let (proxy, through) = server.proxied();
        let mark = unique();
        let arguments = json!({"sql": server.rows(20_000, &mark), "timeout": 60, "connect_timeout": 20});
        let patient = loader(&through, &arguments).unwrap();
        assert_eq!(load(patient.as_ref()).unwrap().n_rows(), 20_000);
        proxy.set(Network::BreaksOnceAnswerAfter(100_000));
        // The connection that waits has passed more than that, and is replaced before the query is asked.
        assert_eq!(load(patient.as_ref()).unwrap().n_rows(), 20_000);
        assert_eq!(proxy.network(), Network::Works);

        let fresh = loader(&through, &arguments).unwrap();
        proxy.set(Network::BreaksOnceAnswerAfter(100_000));
        let told = load(fresh.as_ref()).unwrap_err();
        assert!(told.contains("broke while it was read"), "{told}");
        assert_eq!(load(fresh.as_ref()).unwrap().n_rows(), 20_000);

        let silent = json!({"sql": server.rows(20_000, &mark), "timeout": 5, "connect_timeout": 20});
        let hasty = loader(&through, &silent).unwrap();
        proxy.set(Network::StallsAnswerAfter(100_000));
        let told = load(hasty.as_ref()).unwrap_err();
        assert!(told.contains("has not given all rows within 5 seconds"), "{told}");
        assert_eq!(proxy.network(), Network::Stalls);
        proxy.set(Network::Works);
        assert_eq!(load(patient.as_ref()).unwrap().n_rows(), 20_000);

        proxy.set(Network::Stalls);
        let impatient = loader(&through, &json!({"sql": "select 1", "connect_timeout": 0.5})).unwrap();
        let told = load(impatient.as_ref()).unwrap_err();
        assert!(told.contains("could not be connected to within 0.5 seconds"), "{told}");
        assert!(!told.contains(PASSWORD));
    }
}

#[test]
fn a_server_that_works_too_long_is_left_in_time() {
    for server in servers() {
        let slow = if server.is_postgres() { "select pg_sleep(600)::text as a" } else { "select sleep(600) as a" };
        server.fails(json!({"sql": slow, "timeout": 0.5}), "has not given all rows within 0.5 seconds");
    }
}

#[test]
fn servers_that_refuse_say_why() {
    for server in servers() {
        let refused = |url: String| load(loader(&url, &json!({"sql": "select 1"})).unwrap().as_ref()).unwrap_err();
        let told = refused(server.url.replace(PASSWORD, "wrong"));
        assert!(told.contains("does not let this user in") && !told.contains("wrong"), "{told}");
        let told = refused(format!("{}_none", server.url));
        assert!(told.contains("there is no database"), "{told}");
        let (proxy, through) = server.proxied();
        proxy.set(Network::Gone);
        assert!(refused(through).contains("cannot be reached"));
    }
}
