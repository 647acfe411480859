//! From maps to components: what is read, and what is said about what cannot be read.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::{Arc, OnceLock};

use palladium_component::prelude::*;
use palladium_component::value::Source;

/// Has a parameter of each sort.
#[component(
    Object,
    name = "example.Everything",
    alias = "other.place.Whole",
    gone(number = "write `C`", paths = "give one `path`"),
    check
)]
struct Everything {
    /// A number.
    #[param(name = "C", default = 1.0, above = 0.0, max = 10.0)]
    c: f64,
    /// A count.
    #[param(alias = "n_rows", default = 5)]
    count: usize,
    /// A count that is never 0.
    #[param(default = 1, min = 1, max = 9)]
    chunk: usize,
    /// A text.
    path: String,
    /// Pairs.
    #[param(default = [])]
    mapping: Vec<(String, i64)>,
    /// Maybe a flag.
    flag: Option<bool>,
    /// What to keep.
    keep: Option<Keep>,
    /// Ports.
    #[param(default = [])]
    ports: Vec<u16>,
    /// Another component.
    inner: Option<Arc<dyn DatasetLoader>>,
    #[state]
    seen: OnceLock<u8>,
}

/// One of three words.
struct Keep;

impl FromArgument for Keep {
    const TYPE: ParamType = ParamType::Choice(&["train", "test", "all"]);

    fn from_argument(value: &Value) -> Result<Keep, Mismatch> {
        let known = value.as_text().is_some_and(|text| ["train", "test", "all"].contains(&text));
        if known { Ok(Keep) } else { Err(Mismatch::wrong(Self::TYPE, value)) }
    }
}

impl Everything {
    fn check(&self) -> Result<(), ArgumentError> {
        match self.path.as_str() {
            "forbidden" => Err(ArgumentError::new("path", "`path` must not be forbidden").help("take another")),
            _ => Ok(()),
        }
    }
}

impl Object for Everything {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Loads nothing.
#[component(DatasetLoader, name = "example.Nothing")]
struct Nothing;

impl DatasetLoader for Nothing {
    fn load(&self) -> Result<Dataset, Failure> {
        Ok(Dataset { features: Table::new(Vec::new())?, target: None })
    }
}

/// Ends like another.
#[component(DatasetLoader, name = "elsewhere.Nothing")]
struct NothingElse;

impl DatasetLoader for NothingElse {
    fn load(&self) -> Result<Dataset, Failure> {
        Nothing.load()
    }
}

/// Reads `key=value` lines; a value is a whole number, a text, or `[a, 1]` for a list of a pair.
fn map(text: &str) -> Map {
    let source = Source::new("test", text);
    let mut offset = 0;
    let mut map = Map::new();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap();
        let value_at = offset + key.len() + 1;
        let span = Span::new(&source, value_at..value_at + value.len());
        let data = match value.parse::<i64>() {
            Ok(number) => Data::Int(number),
            Err(_) => match value {
                "null" => Data::Null,
                "1.5" => Data::Float(1.5),
                "[x,1,-1]" => {
                    let items = [Data::Text("x".into()), Data::Int(1), Data::Int(-1)];
                    Data::List(items.map(|data| Value::new(data, span.clone())).to_vec())
                }
                "[[a,1]]" => {
                    let pair = [Data::Text("a".into()), Data::Int(1)].map(|data| Value::new(data, span.clone()));
                    Data::List(vec![Value::new(Data::List(pair.to_vec()), span.clone())])
                }
                _ => Data::Text(value.to_owned()),
            },
        };
        let key_span = Span::new(&source, offset..offset + key.len());
        map.insert(key.to_owned(), Entry { key_span, value: Value::new(data, span) });
        offset += line.len() + 1;
    }
    map
}

fn construct(text: &str) -> (Value, Diagnostics) {
    let registry = Registry::linked().unwrap();
    let mut findings = Diagnostics::default();
    let span = Span::nowhere("test");
    let value = registry.construct(map(text), &KeyPath::parse("a.b"), &span, &mut findings);
    (value, findings)
}

#[test]
fn reads_arguments_and_defaults() {
    let (value, findings) = construct("!=example.Everything\npath=x\nn_rows=7\nmapping=[[a,1]]\nflag=null");
    assert!(findings.is_empty(), "{findings}");
    let Data::Component(erased) = &value.data else { panic!("no component") };
    let Some(Component::Object(object)) = erased.downcast_ref::<Component>() else { panic!("no object") };
    let read = object.as_any().downcast_ref::<Everything>().unwrap();
    assert_eq!((read.c, read.count, read.chunk, read.path.as_str(), read.flag), (1.0, 7, 1, "x", None));
    assert_eq!(read.mapping, [("a".to_owned(), 1)]);
    assert!(read.inner.is_none() && read.keep.is_none() && read.ports.is_empty() && read.seen.get().is_none());
}

#[test]
fn says_what_is_wrong() {
    let cases = [
        ("!=example.Everything", &["`example.Everything` needs `path`", "`path`, text, is missing"][..]),
        ("!=example.Everything\npaht=x", &["has no parameter `paht`", "did you mean `path`?", "needs `path`"]),
        (
            "!=example.Everything\npath=x\nzzz=1",
            &[
                "has no parameter `zzz`",
                "expected one of `C`, `count`, `chunk`, `path`, `mapping`, `flag`, `keep`, `ports`, `inner`",
            ],
        ),
        (
            "!=example.Everything\npath=x\nnumber=1\npaths=y",
            &[
                "has no parameter `number`",
                "it is gone",
                "help: write `C`",
                "has no parameter `paths`",
                "help: give one `path`",
            ],
        ),
        ("!=example.Everything\npath=3", &["`path` of `example.Everything` has to be text", "this is a whole number"]),
        ("!=example.Everything\npath=x\nC=0", &["`C` of `example.Everything` has to be greater than 0 and at most 10"]),
        (
            "!=example.Everything\npath=x\ncount=-1",
            &["`count` of `example.Everything` has to be at least 0", "^^ out of range"],
        ),
        (
            "!=example.Everything\npath=x\nchunk=-1",
            &["`chunk` of `example.Everything` has to be at least 1 and at most 9", "^^ out of range"],
        ),
        ("!=example.Everything\npath=x\ncount=1.5", &["has to be a whole number", "this is a number"]),
        ("!=example.Everything\npath=x\nmapping=y", &["has to be a list of pairs of text and a whole number"]),
        ("!=example.Everything\npath=x\ninner=y", &["has to be a dataset loader", "this is text"]),
        ("!=example.Everything\npath=x\ncount=1\nn_rows=2", &["`n_rows` is another name of `count`"]),
        (
            "!=example.Everything\npath=x\nkeep=trian",
            &["has to be `train` or `test` or `all`", "`trian` is none of them; did you mean `train`?"],
        ),
        (
            "!=example.Everything\npath=x\nports=[x,1,-1]",
            &["`ports` of `example.Everything` has to be a whole number\n", "has to be a whole number from 0 to 65535"],
        ),
        ("!=example.Everything\npath=x\nkeep=loud", &["`loud` is none of them"]),
        ("!=example.Everything\npath=x\nkeep=1", &["this is a whole number"]),
        ("!=example.Everything\npath=forbidden", &["`path` must not be forbidden", "help: take another"]),
        ("!=exampel.Everything", &["no component is named", "did you mean `example.Everything`?"]),
        ("!=Nothing", &["last part of several names", "`elsewhere.Nothing` or `example.Nothing`"]),
    ];
    for (text, expected) in cases {
        let rendered = construct(text).1.render(false);
        for part in expected {
            assert!(rendered.contains(part), "{text}\n{rendered}\nlacks {part}");
        }
    }
}

#[test]
fn finds_by_name_alias_and_unique_last_segment() {
    let registry = Registry::linked().unwrap();
    for name in ["example.Everything", "other.place.Whole", "Everything", "Whole"] {
        assert_eq!(registry.find(name).unwrap().name, "example.Everything", "{name}");
    }
    assert!(registry.find("Nothing").is_err() && registry.find("place.Whole").is_err());
}

#[test]
fn a_parent_does_not_report_what_its_child_has_reported() {
    let registry = Registry::linked().unwrap();
    let mut findings = Diagnostics::default();
    let span = Span::nowhere("test");
    let child = registry.construct(map("!=example.Nothing\nx=1"), &KeyPath::root(), &span, &mut findings);
    assert_eq!(findings.0.len(), 1);
    let mut parent = map("!=example.Everything\npath=x");
    parent.insert("inner".into(), Entry { key_span: span.clone(), value: child });
    registry.construct(parent, &KeyPath::root(), &span, &mut findings);
    assert_eq!(findings.0.len(), 1, "{findings}");
}
