//! A loader that only tests know, and tables to load.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use palladium_component::prelude::*;

use crate::format::Reading;
use crate::source::Compression;

/// What a [`Fake`] does.
type Load = Box<dyn FnMut(usize) -> Result<Dataset, Failure> + Send>;

/// A loader that does as it is told and counts its calls.
pub struct Fake {
    load: Mutex<Load>,
    pub calls: AtomicUsize,
}

impl Fake {
    /// Returns a loader that makes its data of the number of the call, from 1.
    pub fn new(load: impl FnMut(usize) -> Result<Dataset, Failure> + Send + 'static) -> Arc<Fake> {
        Arc::new(Fake { load: Mutex::new(Box::new(load)), calls: AtomicUsize::new(0) })
    }

    /// Returns a loader of the same data each time.
    pub fn of(data: Dataset) -> Arc<Fake> {
        Fake::new(move |_| Ok(data.clone()))
    }

    pub fn n_calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Lifecycle for Fake {}

impl DatasetLoader for Fake {
    fn load(&self) -> Result<Dataset, Failure> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut load = self.load.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        load(call)
    }
}

pub fn ints(name: &str, cells: &[Option<i64>]) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(Int64Array::from(cells.to_vec())))
}

pub fn floats(name: &str, cells: &[f64]) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(Float64Array::from(cells.to_vec())))
}

pub fn texts(name: &str, cells: &[&str]) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(StringArray::from(cells.to_vec())))
}

/// Returns a data set of these columns.
pub fn data(columns: Vec<(String, ArrayRef)>, target: Option<&str>) -> Dataset {
    Dataset::split(Table::new(columns).unwrap(), target).unwrap()
}

/// Returns `n_rows` rows with their number, from 0, as feature `row` and as target the text `label` makes of it.
pub fn numbered(n_rows: usize, label: impl Fn(usize) -> &'static str) -> Dataset {
    let rows: Vec<_> = (0..n_rows).map(|row| Some(row as i64)).collect();
    let labels: Vec<_> = (0..n_rows).map(label).collect();
    data(vec![ints("row", &rows), texts("label", &labels)], Some("label"))
}

/// Returns the cells of the feature `row`.
pub fn rows(data: &Dataset) -> Vec<i64> {
    let column = data.features.column("row").unwrap();
    column.as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
}

/// Returns the data as one table, target last.
pub fn table(data: &Dataset) -> Table {
    data.to_table().unwrap()
}

/// Makes a loader around a loader as a configuration does; returns what is wrong with its arguments.
pub fn findings(name: &str, arguments: &[(&str, Data)]) -> Vec<String> {
    let loader = palladium_component::interfaces::Component::DatasetLoader(Fake::of(numbered(1, |_| "a")));
    let source = ("impl", Data::Component(Arc::new(loader)));
    findings_alone(name, &[&[source], arguments].concat())
}

/// Makes a component as a configuration does; returns what is wrong with its arguments.
pub fn findings_alone(name: &str, arguments: &[(&str, Data)]) -> Vec<String> {
    let span = Span::nowhere("test");
    let entry = |data: Data| Entry { key_span: span.clone(), value: Value::new(data, span.clone()) };
    let mut map = Map::new();
    map.insert("!".into(), entry(Data::Text(name.into())));
    map.extend(arguments.iter().map(|(name, data)| ((*name).to_owned(), entry(data.clone()))));
    let mut findings = Diagnostics::default();
    let registry = Registry::linked().unwrap();
    registry.construct(map, &KeyPath::parse("here"), &span, &mut findings);
    findings.iter().map(|finding| finding.message.clone()).collect()
}

/// Returns what is read of a file if nothing else is said.
pub fn reading(path: &Path) -> Reading<'_> {
    Reading {
        path: path.to_str().unwrap(),
        storage: None,
        compression: Compression::Infer,
        target_column: None,
        columns: None,
        n_rows: None,
    }
}

/// Returns the error with all its causes, and the advice.
pub fn told(error: &impl Explain) -> (String, Option<String>) {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| (*cause).source());
    (causes.map(ToString::to_string).collect::<Vec<_>>().join(": "), error.help())
}
