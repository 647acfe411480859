//! Predict services over a real socket: functions as building blocks, streams, errors and limits.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use serde_json::{Value as Json, json};

use crate::process::{Running, iris, palladium, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

const ROW: &str = r#"{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}"#;

/// Returns a folder with the iris example, a fitted model and further files.
fn fitted(files: &[(&str, &str)]) -> Arc<tempfile::TempDir> {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// Serves the iris example with another configuration on top of it.
fn layered(layer: &str) -> Service {
    let folder = fitted(&[("layer.rhai", layer)]);
    Service::start_with(folder, &["--config", "config.ron,layer.rhai"])
}

fn metadata(response: Response) -> Json {
    response.json::<Json>().unwrap()["metadata"].take()
}

fn post(service: &Service, path: &str, body: String) -> Response {
    let request = service.client.post(format!("{}{path}", service.base));
    request.header("content-type", "application/json").body(body).send().unwrap()
}

#[test]
fn parameters_that_a_request_leaves_out_are_those_of_the_model() {
    let service = layered(
        r#"#{
            "fitted": #{
                "!": "palladium.server.PredictService",
                "entry_point": "/fitted",
                "mapping": [["petal width", "float"]],
                "params": #{ "C": "float", "n_features_in_": "int", "unknown": "float" },
                "predict": |model, samples, params| [`${params}`],
            },
        }"#,
    );
    for (query, expected) in [
        ("", r#"#{"C": 0.3, "n_features_in_": 4}"#),
        ("&C=0.5&unknown=2", r#"#{"C": 0.5, "n_features_in_": 4, "unknown": 2.0}"#),
    ] {
        let answer: Json = service.get(&format!("/fitted?petal%20width=1{query}")).json().unwrap();
        assert_eq!(answer["result"], expected, "{query}");
    }
}

/// A number that no float holds is JSON all the same, in a list, a line and an inference request.
#[test]
fn numbers_that_are_too_large_are_told_with_their_place() {
    let service = layered(
        r#"#{
            "inference": #{ "!": "OpenInference" },
            "own": #{
                "!": "palladium.server.PredictService",
                "entry_point": "/own",
                "mapping": [["sepal length", "float"], ["sepal width", "float"], ["petal length", "float"], ["petal width", "float"]],
                "sample_from_data": |model, data| data,
            },
            "text": #{
                "!": "palladium.server.PredictService",
                "entry_point": "/text",
                "mapping": [["text", "str"]],
                "predict": |model, samples, params| samples.column("text"),
            },
        }"#,
    );
    let wrong = ROW.replace("6.3", "1e400");
    let body = format!("[{ROW}, {wrong}]");
    let told = metadata(post(&service, "/predict", body.clone()));
    assert_eq!(
        told["error_message"],
        "BadRequest: sample 2: `sepal length` has to be a number between -1.8e308 and 1.8e308, got the number 1e400"
    );
    assert_eq!(told["errors"][0]["code"], "wrong_type");
    let told = metadata(post(&service, "/own", body));
    let expected = "BadRequest: sample 2: the field `sepal length` holds a number that is too large for a float";
    assert_eq!((&told["error_message"], &told["errors"][0]["code"]), (&json!(expected), &json!("wrong_type")));
    let text: Json = post(&service, "/text", r#"[{"text": 1e400, "more": -1e400}]"#.to_owned()).json().unwrap();
    assert_eq!(text["result"], json!(["1e400"]));
    let request = service.client.post(format!("{}/predict", service.base));
    let lines = request.header("content-type", "application/x-ndjson").body(format!("{wrong}\n{ROW}\n"));
    let answers = lines.send().unwrap().text().unwrap();
    let answers: Vec<Json> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&answers[0]["errors"][0]["code"], &answers[0]["line"]), (&json!("wrong_type"), &json!(1)));
    assert_eq!(answers[1], json!({"result": "Iris-versicolor"}));
    let tensor = r#"{"inputs": [{"name": "m", "shape": [1, 4], "datatype": "FP64", "data": [1, 2, 1e400, 3]}]}"#;
    let refused: Json = post(&service, "/v2/models/predict_service/infer", tensor.to_owned()).json().unwrap();
    let message = refused["error"].as_str().unwrap();
    assert!(message.starts_with("the inputs hold a number that no float holds: number out of range"), "{message}");
}

/// The example of the manual: requests have objects, functions see texts.
#[test]
fn functions_see_single_values() {
    let service = layered(
        r#"#{
            "words": #{
                "!": "palladium.server.PredictService",
                "entry_point": "/words",
                "mapping": [["text", "str"]],
                "unwrap_sample": true,
                "sample_from_data": |model, data| data.text.to_lower(),
                "predict": |model, samples, params| samples.to_array().map(|text| text.split().len()),
            },
        }"#,
    );
    let answer: Json =
        post(&service, "/words", r#"[{"text": "Good day"}, {"text": "Hello"}]"#.to_owned()).json().unwrap();
    assert_eq!(answer["result"], json!([2, 1]));
    let answer: Json = service.get("/words?text=Have+a+nice+day").json().unwrap();
    assert_eq!(answer["result"], 4);
    let refused = post(&service, "/words", r#"["Good day"]"#.to_owned());
    assert_eq!(
        metadata(refused)["error_message"],
        "BadRequest: sample 1: a sample has to be an object, got text \"Good day\""
    );
}

#[test]
fn functions_stand_in_for_every_building_block() {
    for language in ["ron", "rhai"] {
        let name = format!("functions.{language}");
        let layer = std::fs::read_to_string(repository().join("configs/service").join(&name)).unwrap();
        let folder = fitted(&[(&name, &layer)]);
        let service = Service::start_with(folder, &["--config", &format!("config.{language},{name}")]);
        let query = "sl=6.3&sw=2.5&pl=4.9&pw=1.5";
        let ok = json!({
            "status": "OK", "error_code": 0, "model_version": 1, "service_name": "iris", "service_version": "0.1",
            "flower": "iris",
        });
        let one: Json = service.get(&format!("/flowers?{query}")).json().unwrap();
        assert_eq!(one, json!({"metadata": ok, "result": {"species": "Iris-versicolor"}}), "{name}");
        let german: Json = service.get(&format!("/flowers?{query}&language=german")).json().unwrap();
        assert_eq!(german["result"], json!({"species": "Verschiedenfarbige Schwertlilie"}), "{name}");
        let body = r#"[{"sl": 6.3, "sw": 2.5, "pl": 4.9, "pw": 1.5}, {"sl": 1, "sw": 1.1, "pl": "0.777", "pw": 5}]"#;
        let many: Json = post(&service, "/flowers", body.to_owned()).json().unwrap();
        let expected = json!([{"species": "Iris-versicolor"}, {"species": "Iris-setosa"}]);
        assert_eq!(many["result"], expected, "{name}");

        let help = "sl, sw, pl and pw are lengths and widths in centimetres";
        let response = service.get(&format!("/flowers?{query}&language=greek"));
        assert_eq!(response.status(), 422, "{name}");
        let refused = metadata(response);
        assert_eq!((&refused["error_code"], &refused["help"]), (&json!(12), &json!(help)), "{name}");
        assert_eq!(refused["error_message"], "the languages are latin and german", "{name}");
        let response = service.get("/flowers?sl=6.3&sw=x&pl=4.9");
        assert_eq!(response.status(), 400, "{name}");
        let wrong = metadata(response);
        let fields: Vec<&Json> = wrong["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert_eq!(fields, ["sepal width", "petal width"], "{name}: {wrong}");
        assert_eq!(wrong["help"], help, "{name}");
        let response = service.get("/flowers?sl=nan&sw=2.5&pl=4.9&pw=1.5");
        assert_eq!(response.status(), 400, "{name}");
        let wrong = metadata(response);
        assert_eq!((&wrong["errors"][0]["code"], &wrong["help"]), (&json!("not_finite"), &json!(help)), "{name}");
        assert_eq!(service.get(SAMPLE).json::<Json>().unwrap()["result"], "Iris-versicolor", "{name}");
    }
}

#[test]
fn functions_stand_in_without_a_server_too() {
    let layer = std::fs::read_to_string(repository().join("configs/service/functions.rhai")).unwrap();
    let folder = fitted(&[
        ("functions.rhai", &layer),
        ("in.csv", "sl,sw,pl,pw\n6.3,2.5,4.9,1.5\n1,x,1,1\n1,1.1,0.777,5\n1,nan,1,1\n"),
    ]);
    let service = ["--config", "config.ron,functions.rhai", "--service", "flowers", "--reject", "rejects.csv"];
    let arguments = [&["predict", "in.csv", "out.csv"][..], &service].concat();
    let output = palladium(folder.path()).args(arguments).output().unwrap();
    let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let species = |name: &str| format!(r#""{{""species"":""{name}""}}""#);
    let expected = format!(
        "sl,sw,pl,pw,prediction\n6.3,2.5,4.9,1.5,{}\n1,1.1,0.777,5,{}\n",
        species("Iris-versicolor"),
        species("Iris-setosa")
    );
    assert_eq!(written("out.csv"), expected);
    let rejected = concat!(
        "line,reason,row\n",
        "3,\"`sepal width` has to be a number, got text \"\"x\"\"\",\"1,x,1,1\"\n",
        "5,\"`sepal width` has to be a finite number, got an infinite number or NaN\",\"1,nan,1,1\"\n",
    );
    assert_eq!(written("rejects.csv"), rejected);
}

#[test]
fn what_the_model_refuses_is_told_as_without_functions() {
    let service = layered(
        r#"
        fn ask(model, samples) { model.predict(samples) }
        fn service(path, predict) {
            #{
                "!": "palladium.server.PredictService",
                "entry_point": path,
                "mapping": [["sepal length", "float"], ["sepal width", "float"], ["petal length", "float"], ["petal width", "float"]],
                "predict": predict,
            }
        }
        #{
            a: service("/asks", |model, samples, params| model.predict(samples, params)),
            b: service("/inside", |model, samples, params| ask(model, samples)),
            c: service("/again", |model, samples, params| { try { return model.predict(samples); } catch (error) { throw error } }),
            d: service("/parameter", |model, samples, params| model.predict(samples, #{ nope: 1 })),
            e: service("/catches", |model, samples, params| { try { return model.predict(samples); } catch { return ["none"]; } }),
            f: service("/own", |model, samples, params| { try { return model.predict(samples); } catch (error) { throw error.message } }),
        }
        "#,
    );
    let get = |path: &str| {
        service.get(&format!("{path}?sepal%20length=nan&sepal%20width=2.5&petal%20length=4.9&petal%20width=inf"))
    };
    let body = format!("[{ROW}, {}]", ROW.replace("2.5", r#""inf""#));
    let answer = |response: Response| (response.status().as_u16(), metadata(response));
    let (single, list) = (answer(get("/predict")), answer(post(&service, "/predict", body.clone())));
    assert_eq!((single.0, &single.1["errors"][1]["code"]), (400, &json!("not_finite")), "{single:?}");
    let error = &list.1["errors"][0];
    assert_eq!(
        (&error["code"], &error["row"], &error["field"]),
        (&json!("not_finite"), &json!(2), &json!("sepal width"))
    );
    for path in ["/asks", "/inside", "/again"] {
        assert_eq!(answer(get(path)), single, "{path}");
        assert_eq!(answer(post(&service, path, body.clone())), list, "{path}");
    }
    let (status, told) = answer(post(&service, "/parameter", format!("[{ROW}]")));
    assert_eq!((status, &told["error_message"]), (500, &json!("the model takes no parameter `nope`")));
    assert_eq!(get("/catches").json::<Json>().unwrap()["result"], "none");
    assert_eq!(get("/own").status(), 500, "what a function throws itself is its own");
}

/// A service for each building block, in which that has a mistake.
const MISTAKES: &str = r#"
fn service(path, functions) {
    let service = #{
        "!": "palladium.server.PredictService",
        "entry_point": path,
        "mapping": [["sepal length", "float"], ["sepal width", "float"], ["petal length", "float"], ["petal width", "float"]],
    };
    service + functions
}

#{
    a: service("/sample", #{ "sample_from_data": |model, data| data.canary.wisteria }),
    b: service("/params", #{ "params_from_data": |model, data| 7 }),
    c: service("/count", #{ "predict": |model, samples, params| [1] }),
    d: service("/types", #{ "predict": |model, samples, params| [1, "wisteria"] }),
    e: service("/response", #{ "response_from_prediction": |predictions, single| #{ results: predictions } }),
    f: service("/thrown", #{ "predict": |model, samples, params| throw #{ message: "wisteria" } }),
    g: service("/text", #{ "predict": |model, samples, params| throw "wisteria" }),
    h: service("/error", #{
        "predict": |model, samples, params| throw #{ error_message: "closed" },
        "response_from_exception": |error| throw "wisteria",
    }),
    i: service("/status", #{
        "response_from_prediction": |predictions, single| #{ result: [predictions, single], status: 203 },
        "response_from_exception": |error| #{ status: 418, error_code: 5, error_message: "short and stout" },
    }),
}
"#;

#[test]
fn mistakes_in_functions_are_logged_with_their_place_and_kept_from_clients() {
    let folder = fitted(&[("layer.rhai", MISTAKES)]);
    let mut command = palladium(folder.path());
    command.args(["serve", "--port", "0", "--config", "config.ron,layer.rhai"]).env("PALLADIUM_LOG", "error");
    let mut process = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().rsplit(' ').next().unwrap().to_owned();
    let client = Client::new();
    let ask = |path: &str| {
        client.post(format!("{base}{path}")).json(&json!([serde_json::from_str::<Json>(ROW).unwrap()])).send()
    };
    for path in ["/sample", "/params", "/types", "/response", "/thrown", "/text"] {
        let response = ask(path).unwrap();
        assert_eq!(response.status(), 500, "{path}");
        let body = response.text().unwrap();
        assert!(body.contains("an internal error occurred, request id "), "{path}: {body}");
        assert!(!body.contains("wisteria"), "{path}: {body}");
    }
    let two = format!("[{ROW}, {ROW}]");
    let count =
        client.post(format!("{base}/count")).header("content-type", "application/json").body(two).send().unwrap();
    assert_eq!(count.status(), 500);
    let closed = ask("/error").unwrap();
    assert_eq!(closed.status(), 500);
    assert_eq!(metadata(closed)["error_message"], "closed", "what was to be said is said");
    let answer = ask("/status").unwrap();
    assert_eq!(answer.status(), 203);
    assert_eq!(answer.json::<Json>().unwrap()["result"], json!([["Iris-versicolor"], false]));
    let refused = client.get(format!("{base}/status")).send().unwrap();
    assert_eq!(refused.status(), 418);
    let fields = json!({
        "status": "ERROR", "error_code": 5, "error_message": "short and stout", "model_version": 1,
        "service_name": "iris", "service_version": "0.1",
    });
    assert_eq!(metadata(refused), fields, "what the function leaves out is left out");

    process.signal(rustix::process::Signal::TERM);
    let log = text(&process.finish().stderr);
    let expected = [
        "given as `sample_from_data`, has failed at layer.rhai:",
        "given as `params_from_data`, returned a whole number, not a map",
        "the model gave 1 predictions for 2 samples",
        "given as `predict`, returned a list, not a list of predictions of one type",
        "given as `response_from_prediction`, returned a map with the entry `results`",
        "given as `predict`, threw a map with the entry `message`",
        "given as `predict`, has failed at layer.rhai:",
        "given as `response_from_exception`, has failed at layer.rhai:",
    ];
    for line in expected {
        assert!(log.contains(line), "{log}\nlacks {line}");
    }
}

#[test]
fn probabilities_of_functions_are_lists_or_tables() {
    let service = layered(
        r#"
        fn service(path, predict) {
            #{
                "!": "palladium.server.PredictService",
                "entry_point": path,
                "mapping": [["sepal length", "float"], ["sepal width", "float"], ["petal length", "float"], ["petal width", "float"]],
                "predict_proba": true,
                "predict": predict,
            }
        }
        #{
            lists: service("/lists", |model, samples, params| samples.to_array().map(|row| [row["sepal length"], 0.5])),
            table: service("/table", |model, samples, params| model.predict_proba(samples)),
        }
        "#,
    );
    let lists: Json = post(&service, "/lists", format!("[{ROW}]")).json().unwrap();
    assert_eq!(lists["result"], json!([[6.3, 0.5]]));
    let table: Json = post(&service, "/table", format!("[{ROW}]")).json().unwrap();
    let row: Vec<f64> = table["result"][0].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).collect();
    assert_eq!(row.len(), 3);
    assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let service = Service::start(fitted(&[]));
    let body = r#"[{"sepal length": "x", "sepal  width": 1, "petal length": 1, "petal width": null}, 7]"#;
    let response = post(&service, "/predict", body.to_owned());
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["x-model-version"], "1");
    let found = metadata(response);
    let message = "BadRequest: sample 1: `sepal length` has to be a number, got text \"x\" (and 3 more errors)";
    assert_eq!(found["error_message"], message);
    let error = |code: &str, row: u64, field: Option<&str>, expected: &str, got: &str| json!({"code": code, "row": row, "field": field, "expected": expected, "got": got});
    let expected = json!([
        error("wrong_type", 1, Some("sepal length"), "a number", "text \"x\""),
        error("wrong_type", 1, Some("petal width"), "a number", "null"),
        error("missing_field", 1, Some("sepal width"), "a number", "nothing; `sepal  width` was given instead"),
        error("not_an_object", 2, None, "an object", "the number 7"),
    ]);
    assert_eq!((&found["errors"], &found["error_count"]), (&expected, &json!(4)));

    let many = post(&service, "/predict", format!("[{}]", vec!["{}"; 50].join(",")));
    let found = metadata(many);
    assert_eq!((found["errors"].as_array().unwrap().len(), &found["error_count"]), (100, &json!(200)));

    let infinite = post(
        &service,
        "/predict",
        format!("[{ROW}, {}, {}]", ROW.replace("6.3", "\"nan\""), ROW.replace("2.5", "\"inf\"")),
    );
    let found = metadata(infinite);
    let places: Vec<(&Json, &Json)> =
        found["errors"].as_array().unwrap().iter().map(|error| (&error["row"], &error["field"])).collect();
    assert_eq!(places, [(&json!(2), &json!("sepal length")), (&json!(3), &json!("sepal width"))], "{found}");
}

#[test]
fn other_machines_are_told_codes() {
    let folder = fitted(&[]);
    let mut command = palladium(folder.path());
    command.args(["serve", "--host", "0.0.0.0", "--port", "0", "--config", "config.ron"]).stdout(Stdio::piped());
    let mut process = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap();
    let found =
        metadata(Client::new().get(format!("http://127.0.0.1:{port}/predict?petal%20width=canary")).send().unwrap());
    assert_eq!(found["error_message"], "BadRequest: missing_field");
    let shown = found.to_string();
    assert!(!shown.contains("canary") && !shown.contains("sepal"), "{shown}");
    assert!(shown.contains(r#"{"code":"wrong_type","row":null,"field":"petal width"}"#), "{shown}");
}

#[test]
fn requests_are_limited_in_rows_and_stand_any_depth() {
    let service = layered("#{ server: #{ max_rows: 2, predict_timeout: 30 } }");
    let rows = |count: usize| format!("[{}]", vec![ROW; count].join(","));
    assert_eq!(post(&service, "/predict", rows(2)).status(), 200);
    let response = post(&service, "/predict", rows(3));
    assert_eq!(response.status(), 413);
    let message = "the request has more than the 2 samples that are allowed";
    assert_eq!(response.json::<Json>().unwrap()["error_message"], message);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let ignored = format!("[{}]", ROW.replace('{', &format!("{{\"more\": {deep}, ")));
    assert_eq!(post(&service, "/predict", ignored).status(), 200);
    assert_eq!(post(&service, "/predict", format!("[{}]", ROW.replace("6.3", &deep))).status(), 400);
}

/// A stream of rows to a service, and of answers from it.
struct Exchange(BufReader<TcpStream>);

impl Exchange {
    fn begin(service: &Service) -> Exchange {
        let mut stream = TcpStream::connect(service.base.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        Exchange(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Returns the next answer; nothing at the end. Chunks are whole lines.
    fn answer(&mut self) -> Option<Json> {
        loop {
            match self.line().as_str() {
                "0" => return None,
                line if line.starts_with('{') => return Some(serde_json::from_str(line).unwrap()),
                _ => {}
            }
        }
    }
}

#[test]
fn what_is_no_object_is_said_alike_of_lines_and_lists() {
    for detail in ["full", "codes"] {
        let set = format!("predict_service.errors={detail:?}");
        let service = Service::start_with(fitted(&[]), &["--config", "config.ron", "--set", &set]);
        for (text, code) in [("no", "not_json"), ("[1]", "not_an_object")] {
            let mut exchange = Exchange::begin(&service);
            exchange.send(&format!("{text}\n"));
            let line = exchange.answer().unwrap();
            let list = metadata(post(&service, "/predict", format!("[{text}]")));
            for told in [&line, &list] {
                assert_eq!((&told["errors"][0]["code"], &told["error_count"]), (&json!(code), &json!(1)), "{told}");
                let is_a_code = told["error_message"] == format!("BadRequest: {code}");
                assert_eq!(is_a_code, detail == "codes", "{told}");
            }
        }
    }
}

#[test]
fn rows_are_answered_while_they_are_sent() {
    let service = Service::start(fitted(&[]));
    let mut exchange = Exchange::begin(&service);
    exchange.send(&format!("{ROW}\n"));
    assert_eq!(exchange.line(), "HTTP/1.1 200 OK");
    let mut head = Vec::new();
    while let Some(line) = Some(exchange.line()).filter(|line| !line.is_empty()) {
        head.push(line);
    }
    for line in ["content-type: application/x-ndjson", "x-model-version: 1", "transfer-encoding: chunked"] {
        assert!(head.iter().any(|header| header == line), "{head:?} lacks {line}");
    }
    assert_eq!(exchange.answer(), Some(json!({"result": "Iris-versicolor"})));
    exchange.send("{\"sepal length\": 1}\n");
    let refused = exchange.answer().unwrap();
    assert_eq!((&refused["row"], &refused["error_count"]), (&json!(2), &json!(3)), "{refused}");
    let message = "BadRequest: the field `sepal width` is missing (and 2 more errors)";
    assert_eq!(refused["error_message"], message);
    exchange.send(&format!("{ROW}\n").repeat(3000));
    exchange.0.get_mut().write_all(b"0\r\n\r\n").unwrap();
    let mut n_answers = 0;
    while let Some(answer) = exchange.answer() {
        assert_eq!(answer, json!({"result": "Iris-versicolor"}));
        n_answers += 1;
    }
    assert_eq!(n_answers, 3000);
}

#[test]
fn services_have_stores_of_their_own() {
    let layer = r#"
        fn service(path, store) {
            #{
                "!": "palladium.server.PredictService",
                "entry_point": path,
                "mapping": [["sepal length", "float"], ["sepal width", "float"], ["petal length", "float"], ["petal width", "float"]],
                "predict_proba": true,
                "model_persister": #{ "!": "palladium.persistence.Database", "url": `sqlite:///${store}` },
            }
        }
        #{ filled: service("/filled", here + "/filled.db"), empty: service("/empty", here + "/empty.db") }
    "#;
    let folder = fitted(&[("layer.rhai", layer)]);
    std::fs::copy(folder.path().join("iris-model.db"), folder.path().join("filled.db")).unwrap();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let service = Service::start_with(folder, &["--config", "config.ron,layer.rhai"]);
    let query = SAMPLE.trim_start_matches("/predict");
    assert_eq!(service.get(SAMPLE).headers()["x-model-version"], "2");
    let filled = service.get(&format!("/filled{query}"));
    assert_eq!(filled.headers()["x-model-version"], "1");
    assert_eq!(filled.json::<Json>().unwrap()["result"].as_array().unwrap().len(), 3);
    let empty = service.get(&format!("/empty{query}"));
    assert_eq!((empty.status().as_u16(), empty.headers().get("x-model-version")), (503, None));
    let head = service.client.head(format!("{}/filled{query}", service.base)).send().unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["x-model-version"], "1");
}

#[test]
fn a_stream_has_its_place_until_it_ends() {
    let service = layered(
        r#"#{ "predict_decorators": [#{ "!": "palladium.decorators.ConcurrencyLimit", "max": 1, "max_wait": 0.0 }] }"#,
    );
    let mut exchange = Exchange::begin(&service);
    exchange.send(&format!("{ROW}\n"));
    assert_eq!(exchange.answer(), Some(json!({"result": "Iris-versicolor"})));
    assert_eq!(service.get(SAMPLE).status(), 503);
    exchange.0.get_mut().write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(exchange.answer(), None);
    let deadline = Instant::now() + Duration::from_secs(60);
    while service.get(SAMPLE).status() != 200 {
        assert!(Instant::now() < deadline, "the place is still taken");
        std::thread::sleep(Duration::from_millis(5));
    }
}
