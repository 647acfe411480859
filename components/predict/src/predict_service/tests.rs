//! Requests and what they are answered with; with functions of a configuration in [`functions`].

mod functions;

use std::borrow::Cow;
use std::sync::Mutex;

use palladium_component::data::arrow_array::cast::AsArray;
use palladium_component::data::arrow_array::types::Float64Type;
use serde_json::{Value as Json, json};

use self::functions::does;
use super::*;
use crate::field::{Field, FieldType};

/// Answers with the first column, and remembers what it was asked.
struct Echo {
    seen: Arc<Mutex<Vec<(Table, Parameters)>>>,
    lose: bool,
    takes: &'static [&'static str],
    no_probabilities: bool,
}

impl Default for Echo {
    fn default() -> Echo {
        let takes = &["threshold", "size", "threshold2"];
        Echo { seen: Arc::default(), lose: false, takes, no_probabilities: false }
    }
}

impl Encode for Echo {
    fn format(&self) -> FormatId {
        FormatId { name: "test.Echo", version: 1 }
    }

    fn encode(&self, _: &mut dyn std::io::Write) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Model for Echo {
    fn predict(&self, samples: &Samples, parameters: &Parameters) -> Result<Predictions, PredictError> {
        self.seen.lock().unwrap().push((samples.table().clone(), parameters.clone()));
        if self.lose {
            return Ok(Predictions::Numbers(Vec::new()));
        }
        Ok(match samples.table().column_type(0) {
            ColumnType::Text => {
                let column = samples.table().columns()[0].as_string::<i32>().clone();
                let texts: Vec<String> = column.iter().flatten().map(str::to_owned).collect();
                let codes = (0..).take(texts.len()).collect();
                Predictions::Classes { labels: Arc::new(ClassLabels::Text(texts)), codes }
            }
            _ => Predictions::Numbers(samples.numeric()?.column(0).to_vec()),
        })
    }

    fn has_probabilities(&self) -> bool {
        !self.no_probabilities
    }

    fn predict_proba(&self, samples: &Samples, _: &Parameters) -> Result<Probabilities, PredictError> {
        let labels = Arc::new(ClassLabels::Bool(vec![false, true]));
        let cells = samples.table().columns()[0].as_primitive::<Float64Type>().values();
        let values =
            ndarray::Array2::from_shape_fn(
                (cells.len(), 2),
                |(row, column)| {
                    if column == 0 { 1.0 - cells[row] } else { cells[row] }
                },
            );
        Ok(Probabilities { labels, values })
    }

    fn parameters(&self) -> &[&str] {
        self.takes
    }

    fn attribute(&self, name: &str) -> Option<Parameter> {
        match name {
            "threshold" => Some(Parameter::Float(0.3)),
            "size" => Some(Parameter::Int(10)),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn fields(list: &[(&str, FieldType)]) -> Vec<Field> {
    list.iter().map(|(name, kind)| Field { name: (*name).to_owned(), kind: *kind }).collect()
}

fn service(list: &[(&str, FieldType)]) -> MappingPredictService {
    MappingPredictService {
        mapping: Mapping::new(fields(list)).unwrap(),
        params: Params::default(),
        entry_point: "/predict".into(),
        decorator_list_name: "predict_decorators".into(),
        predict_proba: false,
        unwrap_sample: false,
        sample: None,
        model_persister: None,
        errors: None,
        sample_from_data: None,
        params_from_data: None,
        predict: None,
        response_from_prediction: None,
        response_from_exception: None,
    }
}

#[test]
fn tells_which_models_cannot_predict_for_it() {
    use ColumnType::{Category, Date, Float, Int, Text};
    type Columns<'a> = &'a [(&'a str, ColumnType)];
    let model = |columns: Columns<'_>| {
        let columns = columns.iter().map(|(name, kind)| ColumnSpec { name: (*name).to_owned(), kind: *kind });
        TrainedModel { columns: columns.collect(), model: Box::new(Echo::default()), metadata: Metadata::default() }
    };
    let service = || service(&[("a", FieldType::Float), ("b", FieldType::Str)]);
    // Without one common name columns are matched by position.
    let fitting: [Columns<'_>; 4] =
        [&[("a", Int), ("b", Text)], &[("b", Category), ("a", Float)], &[("b", Date)], &[("x", Int), ("y", Text)]];
    for columns in fitting {
        assert_eq!(service().misfit(&model(columns)), None, "{columns:?}");
    }
    let others: [(Columns<'_>, &str, &str); 4] = [
        (&[("aa", Int), ("b", Text)], "missing here: `aa`; given are `a`, `b`", "rename `a` if it is the column `aa`"),
        (&[("a", Int), ("b", Text), ("aa", Int)], "missing here: `aa`; given are `a`, `b`", "name the columns"),
        (&[("x", Float)], "trained on 1 columns (`x`), 2 were given", "name the columns of the training data"),
        (&[("b", Float), ("a", Int)], "column `b` holds text, a number is needed", "each with a type like theirs"),
    ];
    for (columns, message, help) in others {
        let misfit = service().misfit(&model(columns)).unwrap();
        assert!(misfit.message.contains(message) && misfit.help.contains(help), "{misfit:?}");
        // Functions may give the model other columns.
        let own_samples = MappingPredictService { sample_from_data: does(2, |_| Ok(value(Data::Null))), ..service() };
        let own_predictions = MappingPredictService { predict: does(3, |_| Ok(value(Data::Null))), ..service() };
        assert_eq!([own_samples, own_predictions].map(|own| own.misfit(&model(columns))), [None, None]);
    }
}

#[test]
fn tells_which_models_do_not_take_its_parameters() {
    let service = |names: &[&str]| {
        let params: Vec<_> = names.iter().map(|name| (*name, FieldType::Float)).collect();
        MappingPredictService { params: Params::of(fields(&params)), ..service(&AB) }
    };
    let told = |service: &MappingPredictService, echo: Echo| {
        let misfit = service.misfit(&trained(service, echo))?;
        Some((misfit.message, misfit.help))
    };
    let bare = || Echo { takes: &[], ..Echo::default() };
    assert_eq!(told(&service(&["size", "threshold"]), Echo::default()), None);
    let some =
        "the model does not take `C`, `D` of `params`: its predictions take `threshold`, `size`, `threshold2` alone";
    let help = "leave out `C`, `D`, or give the service a function `predict` that has a use for it";
    assert_eq!(told(&service(&["C", "size", "D"]), Echo::default()), Some((some.to_owned(), help.to_owned())));
    let none = "the model does not take `size` of `params`: its predictions take no parameters";
    let help = "leave out `size`, or give the service a function `predict` that has a use for it";
    assert_eq!(told(&service(&["size"]), bare()), Some((none.to_owned(), help.to_owned())));
    // Functions may use them, or return others.
    let own_parameters =
        MappingPredictService { params_from_data: does(2, |_| Ok(value(Data::Null))), ..service(&["size"]) };
    let own_predictions = MappingPredictService { predict: does(3, |_| Ok(value(Data::Null))), ..service(&["size"]) };
    assert_eq!([own_parameters, own_predictions].map(|own| told(&own, bare())), [None, None]);
    // It is no fault of a request, which has not named it.
    let asked = service(&["size"]).predict(&trained(&service(&["size"]), bare()), &get(&[("a", "1"), ("b", "1")]));
    assert!(matches!(asked, Err(PredictError::NoParameter { name }) if name == "size"));
}

#[test]
fn tells_which_models_have_no_probabilities() {
    let service = MappingPredictService { predict_proba: true, ..service(&AB) };
    let without = || trained(&service, Echo { no_probabilities: true, ..Echo::default() });
    assert_eq!(service.misfit(&trained(&service, Echo::default())), None);
    assert_eq!(service.misfit(&without()).unwrap().message, "the model has no class probabilities");
    let asked = service.predict(&without(), &get(&[("a", "1"), ("b", "1")]));
    assert!(matches!(asked, Err(PredictError::NoProbabilities)));
    let own = MappingPredictService {
        predict: does(3, |_| Ok(value(Data::Null))),
        predict_proba: true,
        ..self::service(&AB)
    };
    assert_eq!(own.misfit(&without()), None);
}

fn columns(mapping: &Mapping) -> Vec<ColumnSpec> {
    mapping.table(mapping.builders()).unwrap().specs()
}

fn trained(service: &MappingPredictService, model: Echo) -> Arc<TrainedModel> {
    let columns = columns(&service.mapping);
    Arc::new(TrainedModel { columns, model: Box::new(model), metadata: Metadata::default() })
}

fn get(query: &[(&str, &str)]) -> PredictRequest<'static> {
    let query = Cow::Owned(query.iter().copied().collect());
    PredictRequest { query, ..PredictRequest::default() }
}

fn post(body: impl Into<Vec<u8>>) -> PredictRequest<'static> {
    PredictRequest { body: Some(Cow::Owned(body.into())), ..PredictRequest::default() }
}

fn answer(service: &MappingPredictService, request: &PredictRequest) -> Result<Json, String> {
    let response = service.predict(&trained(service, Echo::default()), request).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(response).unwrap())
}

const AB: [(&str, FieldType); 2] = [("a", FieldType::Float), ("b", FieldType::Int)];

#[test]
fn tells_which_fields_it_needs() {
    let signature = service(&AB).signature().unwrap();
    let fields: Vec<(&str, ColumnType)> =
        signature.fields.iter().map(|field| (field.name.as_str(), field.kind)).collect();
    assert_eq!(fields, [("a", ColumnType::Float), ("b", ColumnType::Int)]);
    assert!(signature.parameters.is_empty() && !signature.probabilities);
}

#[test]
fn answers_one_sample_of_a_query() {
    let cases = [
        (&[("a", "1.5"), ("b", "2")][..], Ok(json!(1.5))),
        (&[("b", "2"), ("x", "?"), ("a", " 2 ")], Ok(json!(2.0))),
        (&[("a", "1"), ("a", "x"), ("b", "2")], Ok(json!(1.0))),
        (&[("a", "1")], Err("BadRequest: the query parameter `b` is missing")),
        (&[], Err("BadRequest: the query parameter `a` is missing (and 1 more error)")),
        (&[("a", "x"), ("b", "2")], Err("BadRequest: `a` has to be a number, got text \"x\"")),
        (&[("a", "1"), ("b", "2.5")], Err("BadRequest: `b` has to be a whole number, got text \"2.5\"")),
        (&[("A", "1"), ("b", "2")], Err("BadRequest: the query parameter `a` is missing; `A` was given instead")),
        (&[("a", "nan"), ("b", "2")], Err("BadRequest: `a` has to be a finite number, got an infinite number or NaN")),
    ];
    for (query, expected) in cases {
        assert_eq!(answer(&service(&AB), &get(query)), expected.map_err(str::to_owned), "{query:?}");
    }
}

#[test]
fn answers_the_samples_of_a_body() {
    let cases = [
        (r#"[{"a": 1, "b": 2}, {"b": 3, "a": "4.5"}]"#, Ok(json!([1.0, 4.5]))),
        (r#" [{"x": [{"a": 9}], "a": true, "y": {}, "b": 2.0}] "#, Ok(json!([1.0]))),
        (r#"[{"\u0061": 1, "b": 2}]"#, Ok(json!([1.0]))),
        ("[]", Ok(json!([]))),
        (r#"[{"a": 1, "b": 2}, {"a": 1}]"#, Err("sample 2: the field `b` is missing")),
        (r#"[{"a": 1, "B": 2}]"#, Err("sample 1: the field `b` is missing; `B` was given instead")),
        (r#"[{"a": 1, "b": 2, "a": 1}]"#, Err("sample 1: the field `a` is given twice")),
        (r#"[{"a": null, "b": 2}]"#, Err("sample 1: `a` has to be a number, got null")),
        (r#"[{"a": [1], "b": 2}]"#, Err("sample 1: `a` has to be a number, got a list")),
        (r#"[{"a": {}, "b": 2}]"#, Err("sample 1: `a` has to be a number, got an object")),
        (r#"[{"a": 1, "b": 1.5}]"#, Err("sample 1: `b` has to be a whole number, got the number 1.5")),
        (
            r#"[{"a": 1, "b": 9223372036854775808}]"#,
            Err("sample 1: `b` has to be a whole number of at most 64 bits, got the number 9223372036854775808"),
        ),
        (
            r#"[{"a": 1, "b": 99999999999999999999999}]"#,
            Err("sample 1: `b` has to be a whole number of at most 64 bits, got the number 1e23"),
        ),
        (r#"{"a": 1, "b": 2}"#, Err("the body has to be a list of objects, got an object")),
        (r#"{"a": 1, "b": 2"#, Err("the body is not JSON: EOF while parsing an object at line 1 column 15")),
        ("null", Err("the body has to be a list of objects, got null")),
        (r#""a""#, Err("the body has to be a list of objects, got text \"a\"")),
        ("[[1, 2]]", Err("sample 1: a sample has to be an object, got a list")),
        (r#"[{"a": 1, "b": 2}, 7]"#, Err("sample 2: a sample has to be an object, got the number 7")),
        ("", Err("the body is empty, it has to be a JSON list of objects")),
        ("[{\"a\": 1,\n\"b\": }]", Err("sample 1: the field `b` is not JSON: expected value at line 2 column 6")),
        (r#"[{"a": 1, "b": 2}"#, Err("the body is not JSON: EOF while parsing a list at line 1 column 17")),
        (r#"[{"a": 1, "b": 2}] x"#, Err("the body is not JSON: trailing characters at line 1 column 20")),
    ];
    for (body, expected) in cases {
        let expected = expected.map_err(|text| format!("BadRequest: {text}"));
        assert_eq!(answer(&service(&AB), &post(body)), expected, "{body}");
    }
}

#[test]
fn stands_depth_and_refuses_broken_text() {
    let deep = |name: &str| {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        answer(&service(&AB), &post(format!(r#"[{{"{name}": {open}{close}, "a": 1, "b": 2}}]"#)))
    };
    assert_eq!(deep("x"), Ok(json!([1.0])), "what is ignored is skipped without recursion");
    let twice = "BadRequest: sample 1: `a` has to be a number, got a list (and 1 more error)";
    assert_eq!(deep("a"), Err(twice.to_owned()));
    let broken = answer(&service(&AB), &post(*b"[{\"a\xff\": 1}]")).unwrap_err();
    assert!(broken.starts_with("BadRequest: the body is not JSON: invalid unicode code point"), "{broken}");
}

#[test]
fn converts_to_every_type() {
    let list = [("f", FieldType::Float), ("i", FieldType::Int), ("s", FieldType::Str), ("b", FieldType::Bool)];
    let service = service(&list);
    let body = r#"[{"f": "-inf", "i": "7", "s": 1.5, "b": "Yes"}, {"f": 1e3, "i": -1, "s": "ü", "b": false}]"#;
    let table = rows::read(&service.mapping, body.as_bytes(), None).unwrap();
    let row = [("f", "nan"), ("i", "-3"), ("s", ""), ("b", "T")];
    let single = query::read(&service.mapping, &get(&row)).unwrap();
    assert_eq!(table.columns()[0].as_primitive::<Float64Type>().values(), &[f64::NEG_INFINITY, 1000.0]);
    assert_eq!(table.column("i").unwrap().as_ref(), &Int64Array::from(vec![7, -1]) as &dyn Array);
    assert_eq!(table.column("s").unwrap().as_ref(), &StringArray::from(vec!["1.5", "ü"]) as &dyn Array);
    assert_eq!(table.column("b").unwrap().as_ref(), &BooleanArray::from(vec![true, false]) as &dyn Array);
    assert_eq!(single.column("b").unwrap().as_ref(), &BooleanArray::from(vec![true]) as &dyn Array);
    assert_eq!(single.column("s").unwrap().as_ref(), &StringArray::from(vec![""]) as &dyn Array);
}

#[test]
fn numbers_keep_their_digits_as_text() {
    let service = service(&[("s", FieldType::Str)]);
    let cases = [
        ("123456789012345678901234567890", Ok("123456789012345678901234567890")),
        ("-9223372036854775809", Ok("-9223372036854775809")),
        ("1.50", Ok("1.50")),
        (" 1.10e2 ", Ok("1.10e2")),
        ("1E5", Ok("1E5")),
        ("true", Ok("true")),
        (r#""""#, Ok("")),
        (r#""1.50 ü""#, Ok("1.50 ü")),
        (r#""\u00fc \"\\""#, Ok("ü \"\\")),
        ("null", Err("sample 1: `s` has to be text, got null")),
        ("[1]", Err("sample 1: `s` has to be text, got a list")),
        ("{}", Err("sample 1: `s` has to be text, got an object")),
        ("1e999", Ok("1e999")),
        (" -1E400 ", Ok("-1E400")),
        ("01", Err("sample 1: the field `s` is not JSON: invalid number at line 1 column 9")),
        (
            r#""\ud800""#,
            Err("sample 1: the text of the field `s` is not JSON: unexpected end of hex escape at line 1 column 8"),
        ),
    ];
    for (value, expected) in cases {
        let expected = expected.map(|text| json!([text])).map_err(|text| format!("BadRequest: {text}"));
        assert_eq!(answer(&service, &post(format!(r#"[{{"s": {value}}}]"#))), expected, "{value}");
    }
}

/// What no float holds is JSON, and what else is wrong is told beside it.
#[test]
fn numbers_that_are_too_large_are_told_as_such() {
    let list = [("f", FieldType::Float), ("i", FieldType::Int), ("b", FieldType::Bool), ("s", FieldType::Str)];
    let service = service(&list);
    let body =
        r#"[{"f": 1e400, "i": -1e400, "b": 1e400, "s": 1e400, "x": 1e400}, {"f": "x", "i": 1, "b": 1, "s": ""}]"#;
    let expected = [
        "wrong_type 1 f: a number between -1.8e308 and 1.8e308, the number 1e400",
        "wrong_type 1 i: a whole number of at most 64 bits, the number -1e400",
        "wrong_type 1 b: a flag such as true or false, the number 1e400",
        "wrong_type 2 f: a number, text \"x\"",
    ];
    assert_eq!(errors(&service, &post(body)), expected);
    let digits = errors(&service, &post(format!(r#"[{{"f": {}, "i": 1, "b": 1, "s": 1}}]"#, "9".repeat(1000))));
    let cut = format!("{}…", "9".repeat(40));
    assert_eq!(digits, [format!("wrong_type 1 f: a number between -1.8e308 and 1.8e308, the number {cut}")]);
    let broken = r#"[{"f": 1, "i": 1, "b": 1, "s": "\ud800"}, {"f": 1e400, "i": 1, "b": 1, "s": "\ud800"}]"#;
    let half = "unexpected end of hex escape at line 1 column 8";
    let expected = [
        format!("not_json 1 s: text, {half}"),
        "wrong_type 2 f: a number between -1.8e308 and 1.8e308, the number 1e400".to_owned(),
        format!("not_json 2 s: text, {half}"),
    ];
    assert_eq!(errors(&service, &post(broken)), expected);
    for body in ["1e400", "[1e400]"] {
        let told = answer(&service, &post(body)).unwrap_err();
        assert!(told.starts_with("BadRequest: the body has to be a list of objects: number out of range"), "{told}");
    }
    let own =
        MappingPredictService { sample_from_data: does(2, |mut given| Ok(given.remove(1))), ..self::service(&AB) };
    let told = errors(&own, &post(r#"[{"a": 1, "b": 1}, {"a": 1, "c": [1e400]}]"#));
    assert_eq!(told, ["wrong_type 2 c: a number between -1.8e308 and 1.8e308, a larger one"]);
}

#[test]
fn finds_names_in_long_mappings() {
    let names: Vec<String> = (0..40).map(|index| format!("f{index}")).collect();
    let list: Vec<_> = names.iter().map(|name| (name.as_str(), FieldType::Int)).collect();
    let service = service(&list);
    let object: serde_json::Map<String, Json> =
        names.iter().rev().enumerate().map(|(value, name)| (name.clone(), json!(value))).collect();
    let body = serde_json::to_vec(&json!([object])).unwrap();
    assert_eq!(answer(&service, &post(body)), Ok(json!([39.0])));
}

#[test]
fn single_values_are_one_column() {
    let service = MappingPredictService { unwrap_sample: true, ..service(&[("text", FieldType::Str)]) };
    assert!(service.check().is_ok());
    assert_eq!(answer(&service, &get(&[("text", "Hi 5")])), Ok(json!("Hi 5")));
    assert_eq!(answer(&service, &post(r#"[{"text": "a"}, {"text": 5}]"#)), Ok(json!(["a", "5"])));
}

#[test]
fn answers_with_probabilities() {
    let service = MappingPredictService { predict_proba: true, ..service(&[("p", FieldType::Float)]) };
    assert_eq!(answer(&service, &get(&[("p", "0.25")])), Ok(json!([0.75, 0.25])));
    assert_eq!(answer(&service, &post(r#"[{"p": 1}]"#)), Ok(json!([[0.0, 1.0]])));
    assert_eq!(answer(&service, &post("[]")), Ok(json!([])));
}

#[test]
fn parameters_come_from_the_query_and_else_from_the_model() {
    let params = [
        ("threshold", FieldType::Float),
        ("size", FieldType::Int),
        ("threshold2", FieldType::Float),
        ("size2", FieldType::Int),
    ];
    let service = MappingPredictService { params: Params::of(fields(&params)), ..service(&AB) };
    let query = [("a", "1"), ("b", "1"), ("threshold", "0.7"), ("threshold2", "0.8")];
    let expected = Parameters::from([
        ("threshold".to_owned(), Parameter::Float(0.7)),
        ("size".to_owned(), Parameter::Int(10)),
        ("threshold2".to_owned(), Parameter::Float(0.8)),
    ]);
    for body in [None, Some(Cow::from(br#"[{"a": 1, "b": 1, "threshold": 9}]"#))] {
        let echo = Echo::default();
        let seen = Arc::clone(&echo.seen);
        service.predict(&trained(&service, echo), &PredictRequest { body, ..get(&query) }).unwrap();
        assert_eq!(seen.lock().unwrap()[0].1, expected);
    }
    let wrong = answer(&service, &get(&[("a", "1"), ("b", "1"), ("size", "x")]));
    assert_eq!(wrong, Err("BadRequest: the parameter `size` has to be a whole number, got text \"x\"".to_owned()));
}

/// Returns everything that a service says is wrong with a request: code, row, field, expected and got.
fn errors(service: &MappingPredictService, request: &PredictRequest) -> Vec<String> {
    match service.predict(&trained(service, Echo::default()), request) {
        Err(PredictError::Invalid(errors)) => {
            assert_eq!(errors.count(), errors.kept().len());
            let shown = |error: &InputError| {
                let (row, field) = (error.row.unwrap_or(0), error.field.as_deref().unwrap_or("-"));
                format!("{} {row} {field}: {}, {}", error.code.as_str(), error.expected, error.got)
            };
            errors.kept().iter().map(shown).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let params = [("size", FieldType::Int), ("threshold", FieldType::Float)];
    let service = MappingPredictService { params: Params::of(fields(&params)), ..service(&AB) };
    let body = r#"[{"a": "x", "b": 1.5, "c": [{}]}, {"a": 1, "a": 2, "B": 3}, [], {"b": {"x": [1]}}]"#;
    let query = Cow::Owned(Pairs::from_iter([("size", "many"), ("threshold", "low")]));
    let request = PredictRequest { query, ..post(body) };
    let expected = [
        "wrong_type 1 a: a number, text \"x\"",
        "wrong_type 1 b: a whole number, the number 1.5",
        "duplicate_field 2 a: the field once, the field twice",
        "missing_field 2 b: a whole number, nothing; `B` was given instead",
        "not_an_object 3 -: an object, a list",
        "wrong_type 4 b: a whole number, an object",
        "missing_field 4 a: a number, nothing",
        "wrong_type 0 size: a whole number, text \"many\"",
        "wrong_type 0 threshold: a number, text \"low\"",
    ];
    assert_eq!(errors(&service, &request), expected);
    let broken = r#"[{"a": "x", "b": 1}, {"a": 1, "b": tru}]"#;
    let found = errors(&service, &post(broken));
    assert_eq!(found[0], expected[0]);
    assert_eq!(found[1], "not_json 2 b: a whole number, expected ident at line 1 column 39");
    let single = get(&[("a", "x"), ("size", "?")]);
    let expected = [
        "wrong_type 0 a: a number, text \"x\"",
        "missing_field 0 b: a whole number, nothing",
        "wrong_type 0 size: a whole number, text \"?\"",
    ];
    assert_eq!(errors(&service, &single), expected);
}

#[test]
fn every_number_that_is_not_finite_is_told() {
    let service = service(&[("a", FieldType::Float), ("c", FieldType::Float), ("b", FieldType::Int)]);
    let body = r#"[{"a": "nan", "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"a": "inf", "b": 1, "c": "-inf"}]"#;
    let expected =
        ["1 a", "3 a", "3 c"].map(|place| format!("not_finite {place}: a finite number, an infinite number or NaN"));
    assert_eq!(errors(&service, &post(body)), expected);
    let single = get(&[("a", "nan"), ("b", "1"), ("c", "inf")]);
    let expected =
        ["0 a", "0 c"].map(|place| format!("not_finite {place}: a finite number, an infinite number or NaN"));
    assert_eq!(errors(&service, &single), expected);
}

#[test]
fn errors_are_counted_past_those_that_are_kept() {
    let service = service(&AB);
    let body = format!("[{}]", vec!["{}"; 1000].join(","));
    let error = service.predict(&trained(&service, Echo::default()), &post(body)).unwrap_err();
    let PredictError::Invalid(errors) = error else { panic!("{error}") };
    assert_eq!((errors.count(), errors.kept().len()), (2000, InputErrors::KEPT));
}

#[test]
fn bodies_have_so_many_rows_at_most() {
    let row = r#"{"a": 1, "b": 2}"#;
    let rows = |count: usize| PredictRequest { max_rows: Some(2), ..post(format!("[{}]", vec![row; count].join(","))) };
    assert_eq!(answer(&service(&AB), &rows(2)), Ok(json!([1.0, 1.0])));
    let too_many = "the request has more than the 2 samples that are allowed";
    assert_eq!(answer(&service(&AB), &rows(3)), Err(too_many.to_owned()));
    let wrong = PredictRequest { max_rows: Some(2), ..post("[{}, {}, {}]") };
    assert_eq!(answer(&service(&AB), &wrong), Err(too_many.to_owned()), "also where all of them are wrong");
    let own = MappingPredictService { sample_from_data: does(2, |mut given| Ok(given.remove(1))), ..service(&AB) };
    assert_eq!(answer(&own, &rows(2)), Ok(json!([1.0, 1.0])));
    assert_eq!(answer(&own, &rows(3)), Err(too_many.to_owned()));
}

#[test]
fn the_model_is_not_asked_about_nothing_and_has_to_answer_everything() {
    let service = service(&AB);
    let echo = Echo::default();
    let seen = Arc::clone(&echo.seen);
    assert_eq!(service.predict(&trained(&service, echo), &post("[]")).unwrap(), PredictResponse::Empty);
    assert!(seen.lock().unwrap().is_empty());
    let forgetful = trained(&service, Echo { lose: true, ..Echo::default() });
    let error = service.predict(&forgetful, &get(&[("a", "1"), ("b", "1")])).unwrap_err();
    assert_eq!(error.to_string(), "the model gave 0 predictions for 1 samples");
}

/// Returns what planning says about arguments written as JSON.
fn findings(arguments: &Json) -> Vec<String> {
    let span = Span::nowhere("test");
    let mut map = Value::of_json(arguments, &span).as_map().unwrap().clone();
    let factory = Value::of_json(&json!("palladium.server.PredictService"), &span);
    map.insert("!".to_owned(), Entry { key_span: span.clone(), value: factory });
    let mut findings = Diagnostics::default();
    let key = KeyPath::parse("predict_service");
    Registry::linked().unwrap().construct(map, &key, &Span::nowhere("test"), &mut findings);
    findings.iter().map(|finding| finding.message.clone()).collect()
}

#[test]
fn arguments_are_checked_while_planning() {
    let name = "palladium.server.PredictService";
    let cases = [
        (json!({"mapping": [["a", "float"]]}), None),
        (json!({"mapping": [["a", "str"]], "unwrap_sample": true, "params": {"t": "bool"}}), None),
        (json!({"mapping": [["a", "float"]], "params": [["t", "int"]], "entry_point": "/v1/a.b~c"}), None),
        (
            json!({"mapping": [["a", "float"]], "params": [["t", "int"], ["a", "float"]]}),
            Some(format!(
                "`{name}`: `params` has `a`, which is a field of the `mapping` too: in the query string of a GET it would \
                 be both"
            )),
        ),
        (json!({}), Some(format!("`{name}` needs `mapping`"))),
        (json!({"mapping": []}), Some(format!("`mapping` of `{name}` has to be a list of at least one feature"))),
        (
            json!({"mapping": [["a", "double"]]}),
            Some(format!("`mapping` of `{name}`: the type of `a` has to be `float` or `int` or `str` or `bool`")),
        ),
        (
            json!({"mapping": [["a", "int"], ["a", "int"]]}),
            Some(format!("`mapping` of `{name}` has to be a list in which each name stands once, `a` stands twice")),
        ),
        (
            json!({"mapping": [["a", "int"], ["b", "int"]], "unwrap_sample": true}),
            Some(format!("`{name}`: `unwrap_sample` needs a `mapping` of exactly one entry, this one has 2")),
        ),
        (
            json!({"mapping": [["a", "int"]], "entry_point": "predict"}),
            Some(format!("`{name}`: `entry_point` has to begin with `/`, this is `predict`")),
        ),
        (
            json!({"mapping": [["a", "int"]], "entry_point": "/a?b=1"}),
            Some(format!("`{name}`: `entry_point` is a path without query and fragment, this one holds `?`")),
        ),
        (
            json!({"mapping": [["a", "int"]], "entry_point": "/{a}"}),
            Some(format!("`{name}`: `entry_point` holds '{{', which cannot stand in a path")),
        ),
        (json!({"mapping": [["a", "int"]], "errors": "codes"}), None),
        (
            json!({"mapping": [["a", "int"]], "errors": "few"}),
            Some(format!("`errors` of `{name}` has to be `full` or `codes`")),
        ),
        (json!({"mapping": [["a", "int"]], "predict": 1}), Some(format!("`predict` of `{name}` has to be a function"))),
        (json!({"mapping": [["a", "int"]], "entrypoint": 1}), Some(format!("`{name}` has no parameter `entrypoint`"))),
        (
            json!({"mapping": [["a", "int"]], "model_persister": "x"}),
            Some(format!("`model_persister` of `{name}` has to be a model persister")),
        ),
    ];
    for (arguments, expected) in cases {
        let found = findings(&arguments);
        let expected: Vec<String> = expected.into_iter().collect();
        assert_eq!(found, expected, "{arguments}");
    }
}
