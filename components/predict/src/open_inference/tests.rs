//! The view as a part of a service that does as it is told.

mod service;

use serde_json::{Value as Json, json};

use self::service::{Service, body, service, two_samples, view};
pub use self::service::{Store, signature, trained};
use super::request::JSON_LENGTH;
use super::*;

#[test]
fn rules_cover_the_protocol_and_predictions_are_decorated_by_the_view() {
    let rules = view(&[]).rules();
    let predicts: Vec<&str> = rules.iter().filter(|rule| rule.predicts).map(|rule| rule.path.as_str()).collect();
    assert_eq!(predicts, ["/v2/models/<name>/infer", "/v2/models/<name>/versions/<version>/infer"]);
    assert_eq!(rules.len(), 10);
    assert!(rules.iter().all(|rule| !rule.changes && rule.methods.len() == 1));
}

#[test]
fn the_prefix_may_be_another() {
    let view = OpenInference { prefix: "/serving/v2".into(), ..view(&[]) };
    let rules = view.rules().into_iter().map(|rule| rule.path).collect();
    let service = Service { view, rules, ..service() };
    assert_eq!(service.get("/serving/v2/models/two/versions/1").0, 200);
    assert_eq!(service.infer("/serving/v2/models/two/versions/1/infer", &two_samples()).0, 200);
    assert!(service.view.refusal("/serving/v2/x", 404, "").is_some() && service.view.refusal("/v2", 404, "").is_none());
    assert_eq!(service.view.decorator_list_name(), Some("open_inference_decorators"));
}

#[test]
fn so_many_versions_are_kept_as_the_configuration_says() {
    for (keep_versions, reads) in [(0, 3), (1, 1)] {
        let store = Arc::new(Store::with(&[1], None));
        let mut service = Service { view: OpenInference { keep_versions, ..view(&[]) }, ..service() };
        service.predictions[0].persister = store.clone();
        for _ in 0..3 {
            assert_eq!(service.infer("/v2/models/predict_service/versions/1/infer", &two_samples()).0, 200);
        }
        assert_eq!(store.n_reads(), reads, "{keep_versions}");
    }
}

#[test]
fn messages_repeat_little_of_a_request() {
    let service = service();
    let long = "x".repeat(100_000);
    for json in [
        json!({"inputs": [{"name": long, "shape": [1], "datatype": "FP64"}]}),
        json!({"inputs": [{"name": long, "shape": [1], "datatype": long, "data": []}]}),
        json!({"inputs": long}),
        json!({"inputs": [], "outputs": [{"name": long}]}),
        json!({"inputs": [], "parameters": {"threshold": long}}),
    ] {
        let (status, answer) = service.infer("/v2/models/one/infer", &json);
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().len() <= 1000);
    }
    assert!(service.get(&format!("/v2/models/{long}")).1["error"].as_str().unwrap().len() < 200);
}

/// Each byte of a request is taken away with all behind it, and replaced: none of that may be worse than a refusal.
#[test]
fn damaged_requests_are_refused_or_answered() {
    let service = service();
    let input = |name: &str, datatype: &str, size: usize| json!({"name": name, "shape": [1], "datatype": datatype, "parameters": {"binary_data_size": size}});
    let json = json!({"id": "1", "inputs": [
        input("a", "FP32", 4),
        {"name": "b", "shape": [1, 1], "datatype": "UINT8", "data": [[1]]},
    ]});
    let json = json.to_string();
    let whole = [json.as_bytes(), &1.5_f32.to_le_bytes()].concat();
    let ask = |body: Vec<u8>, length: usize| {
        let headers = Pairs::from_iter([(JSON_LENGTH, length.to_string())]);
        let (method, path) = ("POST".into(), "/v2/models/one/infer".into());
        service.send(ViewRequest { method, path, headers, body, ..ViewRequest::default() }).status
    };
    assert_eq!(ask(whole.clone(), json.len()), 200);
    for place in 0..whole.len() {
        assert_eq!(ask(whole[..place].to_vec(), json.len().min(place)), 400, "{place} bytes are left");
        for byte in [0, b'"', b'0', b'[', b']', b'{', b'}', b',', 0xff] {
            let mut damaged = whole.clone();
            damaged[place] = byte;
            let status = ask(damaged, json.len());
            assert!(status == 200 || status == 400, "{status} for {byte} at {place}");
        }
    }
}

#[test]
fn describes_the_server_and_its_models() {
    let service = service();
    let version = env!("CARGO_PKG_VERSION");
    let extensions = ["binary_tensor_data", "parameters"];
    let server = json!({"name": "palladium", "version": version, "extensions": extensions});
    assert_eq!(service.get("/v2"), (200, server));
    assert_eq!(service.get("/v2/health/live"), (200, json!({"live": true})));
    assert_eq!(service.get("/v2/health/ready"), (200, json!({"ready": true})));
    let not = Service { is_ready: false, ..self::service() };
    let answer = json!({"ready": false, "error": "it is about to stop"});
    assert_eq!(not.get("/v2/health/ready"), (503, answer));
    let inputs = json!([
        {"name": "a", "datatype": "FP64", "shape": [-1]},
        {"name": "b", "datatype": "INT64", "shape": [-1]},
    ]);
    let one = json!({
        "name": "one",
        "versions": ["1", "2", "3"],
        "platform": "palladium_More",
        "inputs": inputs,
        "outputs": [{"name": "predict", "datatype": "BYTES", "shape": [-1]}],
    });
    assert_eq!(service.get("/v2/models/one"), (200, one.clone()));
    assert_eq!(service.get("/v2/models/one/versions/3"), (200, one));
    let outputs = json!([{"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]}]);
    assert_eq!(service.get("/v2/models/two/versions/1").1["outputs"], outputs);
}

/// Only the active version is looked at.
#[test]
fn a_model_that_takes_other_columns_is_not_ready() {
    let service = Service { misfits: vec![4], ..service() };
    let not = json!({"name": "one", "ready": false, "error": "it was trained on others"});
    assert_eq!(service.get("/v2/models/one/ready"), (503, not));
    assert_eq!(service.get("/v2/models/one/versions/3/ready").0, 200);
    let (status, listed) = service.infer("/v2/repository/index", &json!({}));
    assert_eq!((status, &listed[0]["name"], &listed[0]["state"]), (200, &json!("one"), &json!("UNAVAILABLE")));
    assert_eq!(listed[0]["reason"], "the active version cannot predict for the service");
}

#[test]
fn tells_which_models_are_ready() {
    let service = service();
    let ready = |name: &str| json!({"name": name, "ready": true});
    assert_eq!(service.get("/v2/models/one/ready"), (200, ready("one")));
    assert_eq!(service.get("/v2/models/one/versions/3/ready"), (200, ready("one")));
    assert_eq!(service.get("/v2/models/two/versions/1/ready"), (200, ready("two")));
    let (status, not) = service.get("/v2/models/two/ready");
    assert_eq!((status, &not["ready"], &not["error"]), (503, &json!(false), &json!("no version of `two` is active")));
    let entry = |name: &str, version: &str, state: &str, reason: &str| json!({"name": name, "version": version, "state": state, "reason": reason});
    let all = json!([
        entry("one", "1", "READY", ""),
        entry("one", "2", "READY", ""),
        entry("one", "3", "READY", ""),
        entry("two", "1", "UNAVAILABLE", "no version is active"),
        entry("broken", "", "UNAVAILABLE", "the store cannot be read"),
    ]);
    let index = |json: &Json| service.infer("/v2/repository/index", json);
    assert_eq!(index(&json!({})), (200, all.clone()));
    assert_eq!(index(&json!({"ready": false})), (200, all));
    assert_eq!(index(&json!({"ready": true})).1.as_array().unwrap().len(), 3);
    assert_eq!(index(&json!({"ready": 7})).0, 400);
    let empty = ViewRequest { method: "POST".into(), path: "/v2/repository/index".into(), ..ViewRequest::default() };
    assert_eq!(service.send(empty.clone()).status, 200);
    let (status, answer) = index(&json!([true]));
    assert_eq!(status, 400, "{answer}");
    let said = answer["error"].as_str().unwrap();
    assert!(said.starts_with("the body is no filter of models: invalid type: sequence, expected an object"), "{said}");
    let packed =
        ViewRequest { headers: Pairs::from_iter([("content-encoding", "gzip")]), body: b"x".to_vec(), ..empty };
    assert_eq!(service.send(packed).status, 415);
}

#[test]
fn what_is_not_there_is_said() {
    let service = service();
    for (path, status, message) in [
        ("/v2/models/other", 404, "there is no model \"other\""),
        ("/v2/models/predict_service", 404, "there is no model \"predict_service\""),
        ("/v2/models/mute", 404, "there is no model \"mute\""),
        ("/v2/models/other/ready", 404, "there is no model \"other\""),
        ("/v2/models/one/versions/4", 404, "the model `one` has no version \"4\""),
        ("/v2/models/one/versions/x/ready", 404, "the model `one` has no version \"x\""),
        ("/v2/models/one/versions/4/ready", 404, "the model `one` has no version \"4\""),
        ("/v2/models/one/versions/0", 404, "the model `one` has no version \"0\""),
        ("/v2/models/two", 503, "no model is active"),
        ("/v2/models/broken", 503, "the model cannot be read, request id "),
        ("/v2/models/broken/ready", 503, "the model cannot be read, request id "),
        ("/v2/models/broken/versions/1", 503, "the model cannot be read, request id "),
    ] {
        assert_eq!(service.get(path), (status, json!({"error": message})), "{path}");
    }
    for (path, status) in [
        ("/v2/models/other/infer", 404),
        ("/v2/models/one/versions/4/infer", 404),
        ("/v2/models/two/infer", 503),
        ("/v2/models/broken/infer", 503),
    ] {
        assert_eq!(service.infer(path, &two_samples()).0, status, "{path}");
    }
    assert!(service.predicted.lock().unwrap().is_empty());
}

#[test]
fn predictions_are_those_of_the_predict_service() {
    let service = service();
    let expected = |version: &str| {
        let output = json!({"name": "predict", "datatype": "BYTES", "shape": [2], "data": ["no", "yes"]});
        json!({"model_name": "one", "model_version": version, "id": "7", "outputs": [output]})
    };
    assert_eq!(service.infer("/v2/models/one/infer", &two_samples()), (200, expected("2")));
    assert_eq!(service.infer("/v2/models/one/versions/3/infer", &two_samples()), (200, expected("3")));
    assert_eq!(*service.decorated.lock().unwrap(), ["guards", "guards"]);
    let predicted = service.predicted.lock().unwrap().clone();
    let counted: Vec<_> =
        predicted.iter().map(|one| (one.route, one.version.unwrap().number(), one.n_samples)).collect();
    assert_eq!(counted, [(4, 2, 2), (4, 3, 2)]);

    for body in [two_samples(), json!({"inputs": []})] {
        let headers = service.post("/v2/models/one/versions/3/infer", &body).headers;
        assert!(headers.get("x-model-version") == Some("3"), "{headers:?}");
    }

    let matrix = json!({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.9, 1]}]});
    let output = json!({"name": "predict", "datatype": "BYTES", "shape": [1], "data": ["yes"]});
    let answer = json!({"model_name": "one", "model_version": "2", "outputs": [output]});
    assert_eq!(service.infer("/v2/models/one/infer", &matrix), (200, answer));
    let output = json!({"name": "predict_proba", "datatype": "FP64", "shape": [1, 2], "data": [0.5, 0.5]});
    assert_eq!(service.infer("/v2/models/two/versions/1/infer", &matrix).1["outputs"], json!([output]));

    let none = json!({"inputs": [{"name": "x", "shape": [0, 2], "datatype": "FP32", "data": []}]});
    let output = json!({"name": "predict", "datatype": "BYTES", "shape": [0], "data": []});
    assert_eq!(service.infer("/v2/models/one/infer", &none).1["outputs"], json!([output]));
    let output = json!({"name": "predict_proba", "datatype": "FP64", "shape": [0, 2], "data": []});
    assert_eq!(service.infer("/v2/models/two/versions/1/infer", &none).1["outputs"], json!([output]));
}

#[test]
fn parameters_stand_in_the_body_or_in_the_query_string() {
    let service = service();
    let labels = |parameters: &Json, query: &[(&str, &str)]| {
        let mut json = two_samples();
        json["parameters"] = parameters.clone();
        let query = query.iter().copied().collect();
        let (method, path, body) = ("POST".into(), "/v2/models/one/infer".into(), json.to_string().into_bytes());
        let answer = self::body(&service.send(ViewRequest { method, path, query, body, ..ViewRequest::default() }));
        answer.get("error").cloned().unwrap_or_else(|| answer["outputs"][0]["data"].clone())
    };
    for (parameters, query, expected) in [
        (json!({}), vec![], json!(["no", "yes"])),
        (json!({"threshold": 0.1}), vec![], json!(["yes", "yes"])),
        (json!({"threshold": 1}), vec![], json!(["no", "no"])),
        (json!({"threshold": "0.1"}), vec![], json!(["yes", "yes"])),
        (json!({}), vec![("threshold", "0.9")], json!(["no", "no"])),
        (json!({"threshold": 0.1}), vec![("threshold", "0.9")], json!(["yes", "yes"])),
        (json!({"timeout": 5, "sequence_start": true, "headers": {"a": []}}), vec![], json!(["no", "yes"])),
        (json!({"threshold": true}), vec![], json!("no threshold")),
        (json!({"threshold": [1]}), vec![], json!("the parameter `threshold` has to be a text, a number or a flag")),
    ] {
        assert_eq!(labels(&parameters, &query), expected, "{parameters} {query:?}");
    }
}

#[test]
fn outputs_are_chosen_and_may_be_bytes() {
    let service = service();
    let ask = |changes: Json| {
        let mut json = two_samples();
        changes.as_object().unwrap().iter().for_each(|(key, value)| json[key] = value.clone());
        service.post("/v2/models/one/infer", &json)
    };
    let texts = b"\x02\x00\x00\x00no\x03\x00\x00\x00yes";
    for changes in [
        json!({"outputs": [{"name": "predict", "parameters": {"binary_data": true}}]}),
        json!({"parameters": {"binary_data_output": true}}),
        json!({"parameters": {"binary_data_output": true}, "outputs": [{"name": "predict"}]}),
    ] {
        let response = ask(changes.clone());
        let header = |name: &str| response.header(name).unwrap();
        assert_eq!((response.status, header("content-type")), (200, "application/octet-stream"), "{changes}");
        let (json, bytes) = response.body.split_at(header(JSON_LENGTH).parse().unwrap());
        let json: Json = serde_json::from_slice(json).unwrap();
        let parameters = json!({"binary_data_size": 13});
        let output = json!({"name": "predict", "datatype": "BYTES", "shape": [2], "parameters": parameters});
        assert_eq!((&json["outputs"], bytes), (&json!([output]), &texts[..]), "{changes}");
    }
    for changes in [
        json!({"outputs": [{"name": "predict", "parameters": {"binary_data": false}}]}),
        json!({"outputs": [], "parameters": {"binary_data_output": false}}),
        json!({"outputs": [{"name": "predict", "parameters": {"binary_data": false}}],
            "parameters": {"binary_data_output": true}}),
    ] {
        assert_eq!(body(&ask(changes))["outputs"][0]["data"], json!(["no", "yes"]));
    }
    for (changes, message) in [
        (json!({"outputs": [{"name": "other"}]}), "there is no output \"other\", there is `predict`"),
        (json!({"outputs": [{"name": "predict"}, {"name": "predict"}]}), "the output `predict` is asked for twice"),
        (
            json!({"outputs": [{"name": "predict", "parameters": {"classification": 3}}]}),
            "`classification` of the tensor `predict` is not supported",
        ),
        (
            json!({"parameters": {"binary_data_output": 1}}),
            "the parameter `binary_data_output` has to be true or false",
        ),
    ] {
        let response = ask(changes);
        assert_eq!((response.status, body(&response)), (400, json!({"error": message})));
    }
}

#[test]
fn failures_are_the_status_and_the_text_that_they_should_be() {
    let service = service();
    let of = |n: usize| {
        let input = json!({"name": "x", "shape": [n, 2], "datatype": "FP64", "data": vec![1.0; 2 * n]});
        service.infer("/v2/models/one/infer", &json!({"inputs": [input]}))
    };
    assert_eq!(of(13), (500, json!({"error": "not thirteen"})));
    assert_eq!(of(14), (500, json!({"error": "an internal error occurred, request id "})));
    let options =
        ViewRequest { method: "OPTIONS".into(), path: "/v2/models/one/infer".into(), ..ViewRequest::default() };
    let answer = service.send(options);
    assert_eq!((answer.status, answer.headers), (200, Pairs::from_iter([("allow", "OPTIONS, POST")])));
    assert_eq!(service.decorated.lock().unwrap().len(), 3, "decorators see OPTIONS too");
}

#[test]
fn words_alone_are_said_where_the_predict_service_says_codes() {
    let mut service = service();
    service.predictions.iter_mut().for_each(|served| served.detail = ErrorDetail::Codes);
    let input = |data: &Json| json!({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": data}]});
    let thirteen = json!({"inputs": [{"name": "x", "shape": [13, 2], "datatype": "FP64", "data": vec![1.0; 26]}]});
    for (path, json, status, word) in [
        ("/v2/models/one/infer", json!({"inputs": []}), 400, "bad_request"),
        ("/v2/models/one/infer", input(&json!([1, "canary"])), 400, "bad_request"),
        ("/v2/models/one/infer", thirteen, 500, "refused"),
        ("/v2/models/two/infer", input(&json!([1, 1])), 503, "no_model"),
    ] {
        assert_eq!(service.infer(path, &json), (status, json!({"error": word})), "{path} {json}");
    }
    assert_eq!(service.get("/v2/models/two"), (503, json!({"error": "no_model"})));
    let other = service.infer("/v2/models/other/infer", &two_samples());
    assert_eq!(other, (404, json!({"error": "there is no model \"other\""})));
}

#[test]
fn refusals_below_the_prefix_have_the_shape_of_the_protocol() {
    let view = view(&[]);
    for (path, is_own) in [
        ("/v2", true),
        ("/v2/nowhere", true),
        ("/v2/models/<name>/infer", true),
        ("/v20", false),
        ("/predict", false),
        ("/", false),
    ] {
        let said = view.refusal(path, 405, "not so");
        assert_eq!(said.is_some(), is_own, "{path}");
        if let Some(said) = said {
            assert_eq!((said.status, body(&said)), (405, json!({"error": "not so"})));
        }
    }
}

#[test]
fn names_are_checked_against_the_predict_services() {
    let services = service().predictions;
    for (names, expected) in [
        (vec![], None),
        (vec![("one", "predict_service"), ("uno", "predict_service")], None),
        (
            vec![("one", "predict_servic")],
            Some("the model `one` is the predict service `predict_servic`, which there is not"),
        ),
        (vec![("one", "mute")], Some("the predict service `mute` does not say which fields its requests have")),
        (
            vec![("two", "predict_service")],
            Some("the model `two` would be two predict services: one has this key, `names` has another"),
        ),
        (vec![("two", "predict_service"), ("three", "two")], None),
    ] {
        let found = view(&names).unmet(&services).map(|failure| failure.to_string());
        assert_eq!(found.as_deref(), expected, "{names:?}");
    }
    let both = OpenInference { names: view(&[("one", "two"), ("uno", "two")]).names, ..view(&[]) };
    let names: Vec<String> = both.offered(services).into_iter().map(|offered| offered.name).collect();
    assert_eq!(names, ["predict_service", "one", "uno", "broken"]);
}

#[test]
fn arguments_are_checked_while_planning() {
    let checked =
        |prefix: &str| OpenInference { prefix: prefix.into(), ..view(&[]) }.check().map_err(|error| error.message);
    for prefix in ["/v2", "/serving/v2", "/a.b~c"] {
        assert_eq!(checked(prefix), Ok(()), "{prefix}");
    }
    for prefix in ["", "/", "v2", "/v2/", "//v2"] {
        let message = format!("`prefix` has to begin with `/` and to end with a name, this is `{prefix}`");
        assert_eq!(checked(prefix), Err(message));
    }
    let message = "`prefix` holds '<'; it is made of letters, digits and `/-._~`".to_owned();
    assert_eq!(checked("/<name>"), Err(message));
    assert!(view(&[("", "predict_service")]).check().is_err());
}

#[test]
fn routes_say_what_they_take_and_answer() {
    let service = service();
    let cases: [(&str, &[&str], &[u16]); 10] = [
        ("", &[""], &[200]),
        ("/health/live", &[""], &[200]),
        ("/health/ready", &[""], &[200, 503]),
        ("/repository/index", &[""], &[200, 400, 415]),
        ("/models/<name>", &[""], &[200, 404, 503]),
        ("/models/<name>/ready", &[""], &[200, 404, 503]),
        ("/models/<name>/infer", &["one", "two", "broken"], &[200, 400, 408, 413, 415, 500, 503]),
        ("/models/<name>/versions/<version>", &[""], &[200, 404, 503]),
        ("/models/<name>/versions/<version>/ready", &[""], &[200, 404, 503]),
        (
            "/models/<name>/versions/<version>/infer",
            &["one", "two", "broken"],
            &[200, 400, 408, 413, 415, 500, 503, 404],
        ),
    ];
    let rules = service.view.rules();
    assert_eq!(rules.iter().map(|rule| &rule.path[3..]).collect::<Vec<_>>(), cases.map(|(path, _, _)| path));
    for (rule, (path, names, statuses)) in rules.iter().zip(cases) {
        let operations = service.view.operations(rule, &service);
        let found = operations.iter().map(|operation| operation.parts.first().map_or("", |(_, name)| name.as_str()));
        assert_eq!(found.collect::<Vec<_>>(), names, "{path}");
        for operation in &operations {
            let found: Vec<u16> = operation.responses.iter().filter_map(|response| response.status).collect();
            assert_eq!((&operation.method, found.as_slice()), (&rule.methods[0], statuses), "{path}");
            let listed = operation.parameters.iter().find(|parameter| parameter.name == "name");
            let is_listed = path.contains("<name>") && !rule.predicts;
            assert_eq!(listed.is_some(), is_listed, "{path}");
            if let Some(listed) = listed {
                assert_eq!(listed.schema["enum"], json!(["one", "two", "broken"]), "{path}");
            }
            let version = operation.parameters.iter().any(|parameter| parameter.name == "version");
            assert_eq!(version, path.contains("<version>"), "{path}");
            let decorators: Vec<_> = operation.decorators.iter().flatten().collect();
            assert_eq!(decorators.len(), usize::from(rule.predicts), "{path}");
            assert!(decorators.iter().all(|docs| docs.responses[0].description == "From guards."));
        }
    }
}
