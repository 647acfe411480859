//! Functions of a configuration in the place of building blocks.

use super::*;

type Body = fn(Vec<Value>) -> Result<Value, Box<Diagnostic>>;

/// A function of a configuration.
struct Native {
    n_parameters: usize,
    body: Body,
}

impl Callable for Native {
    fn name(&self) -> &str {
        "native"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        Some(vec!["x".to_owned(); self.n_parameters])
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        assert_eq!(arguments.len(), self.n_parameters);
        (self.body)(arguments)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

pub(super) fn does(n_parameters: usize, body: Body) -> Option<Callback> {
    Some(Callback(Arc::new(Native { n_parameters, body })))
}

fn plain(json: &Json) -> Value {
    crate::plain::of_json(json)
}

#[test]
fn functions_stand_in_for_building_blocks() {
    let body = r#"[{"x": {"y": 2}}, {"x": {"y": 3}}]"#;
    let own = MappingPredictService {
        sample_from_data: does(2, |given| {
            assert!(matches!(given[0].data, Data::Component(_)), "the first is the model");
            let number = given[1].at(&KeyPath::parse("x.y")).or(given[1].get("a")).unwrap();
            Ok(plain(&json!([number.to_json(), 7])))
        }),
        params_from_data: does(2, |given| Ok(plain(&json!({"size": given[1].get("size").unwrap().to_json()})))),
        ..service(&AB)
    };
    assert_eq!(own.signature(), None, "only the function knows what requests hold");
    let echo = Echo::default();
    let seen = Arc::clone(&echo.seen);
    let query = Cow::Owned(Pairs::from_iter([("size", "few")]));
    let response = own.predict(&trained(&own, echo), &PredictRequest { query, ..post(body) }).unwrap();
    assert_eq!(serde_json::to_value(&response).unwrap(), json!([2.0, 3.0]));
    assert_eq!(seen.lock().unwrap()[0].1, Parameters::from([("size".to_owned(), Parameter::Text("few".into()))]));
    let mut single = MappingPredictService { params_from_data: None, ..own };
    assert_eq!(answer(&single, &get(&[("a", "5")])), Ok(json!(5.0)));

    // What is answered may be anything, what is predicted is of one type.
    single.sample_from_data = None;
    let answers = [
        (json!([1, 2]), Ok(json!([1, 2]))),
        (json!([1, 2.5]), Ok(json!([1.0, 2.5]))),
        (json!(["b", "a"]), Ok(json!(["b", "a"]))),
        (json!([true, true]), Ok(json!([true, true]))),
        (json!([1, "a"]), Err("returned a list, not a list of predictions of one type")),
        (json!(1), Err("returned a whole number, not a list of predictions")),
        (json!([1]), Err("the model gave 1 predictions for 2 samples")),
    ];
    static ANSWER: Mutex<Json> = Mutex::new(Json::Null);
    single.predict = does(3, |_| Ok(plain(&ANSWER.lock().unwrap())));
    let two = post(r#"[{"a": 1, "b": 1}, {"a": 1, "b": 1}]"#);
    for (given, expected) in answers {
        *ANSWER.lock().unwrap() = given.clone();
        match (answer(&single, &two), expected) {
            (found, Ok(expected)) => assert_eq!(found, Ok(expected), "{given}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{given}: {found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }
}

/// Requests stay objects where functions are shown single values.
#[test]
fn functions_are_shown_single_values() {
    fn shown(given: &Value) -> Vec<String> {
        let Data::Component(held) = &given.data else { panic!("{given:?}") };
        let column = held.downcast_ref::<Column>().unwrap();
        assert_eq!(column.name, "text");
        column.values.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }
    let own = MappingPredictService {
        unwrap_sample: true,
        sample_from_data: does(2, |given| Ok(given[1].get("said").cloned().unwrap_or(value(Data::Null)))),
        predict: does(3, |given| Ok(plain(&json!(shown(&given[1]))))),
        ..service(&[("text", FieldType::Str)])
    };
    assert_eq!(answer(&own, &post(r#"[{"said": "a"}, {"said": 5}]"#)), Ok(json!(["a", "5"])));
    assert_eq!(answer(&own, &get(&[("said", "b")])), Ok(json!("b")));
    assert_eq!(errors(&own, &post(r#"[{"said": "a"}, {}]"#)), ["wrong_type 2 text: text, null"]);
    let rows = MappingPredictService { unwrap_sample: false, ..own };
    let told = answer(&rows, &post(r#"[{"said": "a"}]"#)).unwrap_err();
    assert!(told.contains("returned text, not a map or a list of the fields of the mapping"), "{told}");
}

#[test]
fn a_function_is_given_objects_without_doubt() {
    let own = MappingPredictService { sample_from_data: does(2, |mut given| Ok(given.remove(1))), ..service(&AB) };
    let body = r#"[{"a": 1, "b": 2}, {"c": 1, "a": "x", "c": 2, "b": 1}, [1], "x", {"a": 1.5, "c": {}}]"#;
    let expected = [
        "duplicate_field 2 c: the field once, the field twice",
        "not_an_object 3 -: an object, a list",
        "not_an_object 4 -: an object, text \"x\"",
        "missing_field 5 b: a whole number, nothing",
    ];
    assert_eq!(errors(&own, &post(body)), expected);
    let deep = |depth: usize| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        answer(&own, &post(format!(r#"[{{"a": 1, "b": 2, "c": {nested}}}]"#)))
    };
    assert_eq!(deep(125), Ok(json!([1.0])));
    assert!(deep(126).unwrap_err().contains("recursion limit exceeded"));
    for (body, expected) in [
        ("[{\"a\": 1,}]", "not_json 0 -: a JSON list of objects, trailing comma at line 1"),
        (" ", "not_json 0 -: a JSON list of objects, nothing"),
        ("{}", "not_a_list 0 -: a JSON list of objects, invalid type: map, expected a list of objects"),
    ] {
        let found = errors(&own, &post(body));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{body}: {found:?}");
    }
}

#[test]
fn names_that_a_request_does_not_hold_are_known() {
    /// Returns the fields of the errors of a request as those read them who learn codes alone.
    fn told(service: &MappingPredictService, request: &PredictRequest) -> Vec<Json> {
        let error = service.predict(&trained(service, Echo::default()), request).unwrap_err();
        let PredictError::Invalid(errors) = error else { panic!("{error}") };
        errors.kept().iter().map(|error| error.to_bare_json()["field"].take()).collect()
    }
    let three = service(&[("a", FieldType::Float), ("b", FieldType::Float), ("c", FieldType::Float)]);
    assert_eq!(told(&three, &post(r#"[{"a": "x", "b": 1, "b": 2}]"#)), [json!("a"), json!("b"), Json::Null]);
    let infinite = post(r#"[{"a": "inf", "b": 1, "c": 1}]"#);
    assert_eq!(told(&three, &infinite), [json!("a")]);
    let own = |sample_from_data| MappingPredictService { sample_from_data, ..service(&AB) };
    let makes_text = own(does(2, |_| Ok(plain(&json!(["x"])))));
    assert_eq!(told(&makes_text, &post(r#"[{}]"#)), [Json::Null, Json::Null]);
    let makes_infinity = own(does(2, |_| Ok(plain(&json!(["inf", 1])))));
    assert_eq!(told(&makes_infinity, &post(r#"[{}]"#)), [Json::Null]);
}

#[test]
fn functions_say_what_is_answered() {
    let own = MappingPredictService {
        response_from_prediction: does(2, |given| {
            let result = json!({"is": given[0].to_json(), "single": given[1].to_json()});
            Ok(plain(&json!({"result": result, "metadata": {"more": 1}, "status": 202})))
        }),
        response_from_exception: does(1, |given| {
            let mut error = given[0].to_json();
            error["status"] = json!(418);
            error["error_code"] = json!(error["errors"].as_array().unwrap().len());
            Ok(plain(&error))
        }),
        ..service(&AB)
    };
    let model = trained(&own, Echo::default());
    for (request, is) in [(get(&[("a", "1"), ("b", "1")]), json!(1.0)), (post(r#"[{"a": 1, "b": 1}]"#), json!([1.0]))] {
        let single = request.body.is_none();
        let PredictResponse::Own(response) = own.predict(&model, &request).unwrap() else { panic!("not its own") };
        assert_eq!((response.status, response.n_samples), (Some(202), 1));
        assert_eq!(response.result, json!({"is": is, "single": single}));
        assert_eq!(response.metadata.get("more"), Some(&json!(1)));
    }
    assert!(own.changes_error_responses() && !service(&AB).changes_error_responses());
    let metadata = serde_json::Map::from_iter([("errors".to_owned(), json!([1, 2]))]);
    let error = ErrorResponse { status: 400, error_code: -1, error_message: "wrong".to_owned(), metadata };
    let expected = ErrorResponse { status: 418, error_code: 2, ..error.clone() };
    assert_eq!(own.error_response(error).unwrap(), expected);
}

#[test]
fn a_function_refuses_by_throwing_a_map() {
    fn thrown(json: &Json) -> Box<Diagnostic> {
        let mut finding = Diagnostic::new(Code::ScriptFailed, "wisteria");
        finding.thrown = Some(Box::new(plain(json)));
        Box::new(finding)
    }
    static THROWN: Mutex<Json> = Mutex::new(Json::Null);
    let own = MappingPredictService { predict: does(3, |_| Err(thrown(&THROWN.lock().unwrap()))), ..service(&AB) };
    let cases = [
        (json!({"error_message": "closed"}), "closed (-1) None"),
        (json!({"error_message": "closed", "error_code": 7, "status": 422}), "closed (7) Some(422)"),
        (json!({"error_message": "closed", "status": 200}), "threw a `status` that is none of an error"),
        (json!({"error_message": "closed", "error_code": "x"}), "threw an `error_code` that is no whole number"),
        (json!({"error_code": 7}), "threw a map without an `error_message`, a text"),
        (json!({"message": "closed"}), "threw a map with the entry `message`"),
    ];
    for (given, expected) in cases {
        *THROWN.lock().unwrap() = given.clone();
        let error = own.predict(&trained(&own, Echo::default()), &get(&[("a", "1"), ("b", "1")])).unwrap_err();
        match &error {
            PredictError::Refused { status, .. } => assert_eq!(format!("{error} {status:?}"), expected),
            PredictError::Internal(_) => assert!(error.to_string().contains(expected), "{given}: {error}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_a_model_says_to_a_function_is_said_to_clients() {
    fn failed(cause: PredictError) -> Box<Diagnostic> {
        let mut finding = Diagnostic::new(Code::ScriptFailed, "wisteria");
        finding.cause = Some(Arc::new(cause));
        Box::new(finding)
    }
    let bodies: [(Body, PredictError); 3] = [
        (
            |_| Err(failed(PredictError::BadRequest("the parameter".into()))),
            PredictError::BadRequest("the parameter".into()),
        ),
        (|_| Err(failed(PredictError::refused("closed", 7))), PredictError::refused("closed", 7)),
        (|_| Err(failed(PredictError::NoProbabilities)), PredictError::NoProbabilities),
    ];
    for (body, expected) in bodies {
        let own = MappingPredictService { predict: does(3, body), ..service(&AB) };
        let error = own.predict(&trained(&own, Echo::default()), &post(r#"[{"a": 1, "b": 1}]"#)).unwrap_err();
        assert_eq!(format!("{error:?}"), format!("{expected:?}"));
    }
    // Everything that is wrong with the samples of the request is told, not what a model found first; a row that is not
    // the request's is not.
    let own = MappingPredictService {
        predict: does(3, |_| Err(failed(PredictError::Invalid(InputError::not_finite("a", Some(1)).into())))),
        ..service(&AB)
    };
    let model = trained(&own, Echo::default());
    let rows = |error: PredictError| match error {
        PredictError::Invalid(errors) => errors.kept().iter().map(|error| error.row).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    for (body, expected) in [
        (r#"[{"a": "inf", "b": 1}, {"a": "nan", "b": 1}]"#, vec![Some(1), Some(2)]),
        (r#"[{"a": 1, "b": 1}, {"a": "nan", "b": 1}]"#, vec![Some(2)]),
        (r#"[{"a": 1, "b": 1}, {"a": 2, "b": 1}]"#, vec![None]),
    ] {
        assert_eq!(rows(own.predict(&model, &post(body)).unwrap_err()), expected, "{body}");
    }
    for (first, expected) in [(f64::NAN, Some(1)), (1.0, None)] {
        let samples = Table::new(vec![
            ("a".to_owned(), Arc::new(Float64Array::from(vec![first, 1.0])) as ArrayRef),
            ("b".to_owned(), Arc::new(Int64Array::from(vec![1, 1])) as ArrayRef),
        ]);
        let error = own.predict_table(&model, samples.unwrap(), &Pairs::default()).unwrap_err();
        assert_eq!(rows(error), [expected], "{first}");
    }
    let internal = MappingPredictService {
        predict: does(3, |_| Err(failed(PredictError::Internal(Failure::message("the disk"))))),
        ..service(&AB)
    };
    let error = internal.predict(&trained(&internal, Echo::default()), &get(&[("a", "1"), ("b", "1")])).unwrap_err();
    assert!(matches!(&error, PredictError::Internal(_)) && error.to_string().contains("wisteria"), "{error}");
}

#[test]
fn functions_take_what_they_are_given() {
    type Set = fn(&mut MappingPredictService, Option<Callback>);
    let blocks: [(&str, usize, &str, Set); 5] = [
        ("sample_from_data", 2, "|model, data|", |service, function| service.sample_from_data = function),
        ("params_from_data", 2, "|model, data|", |service, function| service.params_from_data = function),
        ("predict", 3, "|model, samples, params|", |service, function| service.predict = function),
        ("response_from_prediction", 2, "|predictions, single|", |service, function| {
            service.response_from_prediction = function;
        }),
        ("response_from_exception", 1, "|error|", |service, function| service.response_from_exception = function),
    ];
    for (name, count, signature, set) in blocks {
        let mut service = service(&AB);
        set(&mut service, does(count, |_| Ok(plain(&Json::Null))));
        assert!(service.check().is_ok(), "{name}");
        set(&mut service, does(count + 1, |_| Ok(plain(&Json::Null))));
        let error = service.check().unwrap_err();
        let noun = if count == 1 { "parameter" } else { "parameters" };
        let expected = format!("`{name}` is a function of {count} {noun}, `{signature}`; this one has {}", count + 1);
        assert_eq!((error.parameter, error.message), (Some(name), expected));
    }
}
