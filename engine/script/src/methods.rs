//! The methods and properties of host values, in one list: for help, completion and advice.

use palladium_component::interfaces::Kind;

use crate::handle::Handle;

/// What a method belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A component of a kind.
    Kind(Kind),
    /// A fitted model.
    Model,
    /// A data set.
    Dataset,
    /// A table.
    Table,
    /// A column.
    Column,
    /// Nothing: it is a function.
    Session,
}

/// A method, a property or a function of scripts.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// What it belongs to.
    pub of: Of,
    /// How it is called, without what stands before the dot; properties have no brackets.
    pub signature: &'static str,
    /// What it does.
    pub docs: &'static str,
}

impl Method {
    /// Returns the name alone.
    pub fn name(&self) -> &'static str {
        self.signature.split('(').next().unwrap_or(self.signature)
    }

    /// Tells whether it is called with brackets.
    pub fn is_called(&self) -> bool {
        self.signature.contains('(')
    }
}

const LOADER: Of = Of::Kind(Kind::DatasetLoader);
const ESTIMATOR: Of = Of::Kind(Kind::Estimator);
const SCORER: Of = Of::Kind(Kind::Scorer);
const PERSISTER: Of = Of::Kind(Kind::Persister);
const SERVICE: Of = Of::Kind(Kind::PredictService);

const fn method(of: Of, signature: &'static str, docs: &'static str) -> Method {
    Method { of, signature, docs }
}

/// Every method, property and function.
pub const METHODS: &[Method] = &[
    method(Of::Session, "config", "the whole configuration as a map; a component's arguments are its entries"),
    method(Of::Session, "arguments", "what stands behind `--` on the command line, as a list of texts"),
    method(Of::Session, "components()", "the components of this binary, as a table"),
    method(Of::Session, "component(name, arguments)", "makes a component: `component(\"NAME\", #{C: 0.1})`"),
    method(Of::Session, "fit(options)", "runs the job: `fit(#{evaluate: true, persist: false, activate: false})`"),
    method(Of::Session, "test(version)", "scores the active model or a version on the test data"),
    method(Of::Session, "table(columns)", "makes a table of columns `#{x: [1, 2]}` or of rows `[#{x: 1}, #{x: 2}]`"),
    method(
        Of::Session,
        "dataset(table, target)",
        "splits a table into features and target; without a name, features only",
    ),
    method(Of::Session, "print(value)", "writes a value to standard output"),
    method(Of::Session, "debug(value)", "writes a value and its place to standard error"),
    method(LOADER, "load()", "loads a data set"),
    method(ESTIMATOR, "fit(data)", "learns from a data set and returns the fitted model"),
    method(SCORER, "score(model, data)", "says how good a fitted model is on a data set"),
    method(PERSISTER, "list()", "the metadata of all stored models"),
    method(PERSISTER, "read()", "reads the active model; `read(1)` a version"),
    method(PERSISTER, "write(model)", "stores a fitted model and returns its version"),
    method(PERSISTER, "activate(version)", "makes a version the active one"),
    method(PERSISTER, "delete(version)", "deletes a version"),
    method(PERSISTER, "properties()", "the properties of the store"),
    method(SERVICE, "predict(model, request)", "answers a request: a map is a GET, a list of maps a POST"),
    method(
        Of::Model,
        "predict(rows)",
        "predicts for a table, a column, a list of maps or one map; `predict(rows, #{…})` with parameters",
    ),
    method(Of::Model, "predict_proba(rows)", "class probabilities as a table with a column for each class"),
    method(Of::Model, "score(data)", "the model's own score on a data set, `()` if it has none"),
    method(Of::Model, "metadata", "what is known about it, as a map"),
    method(Of::Model, "columns", "the names of the columns it was trained on"),
    method(Of::Model, "types", "the types of these columns"),
    method(Of::Model, "name", "the name of the component that made it"),
    method(Of::Dataset, "features", "the table of the features"),
    method(Of::Dataset, "target", "the column of the target, `()` if there is none"),
    method(Of::Dataset, "rows", "the number of rows"),
    method(Of::Dataset, "columns", "the names of the features"),
    method(Of::Dataset, "types", "the types of the features"),
    method(Of::Dataset, "head(rows)", "the first rows, 5 if not given"),
    method(Of::Dataset, "slice(from, rows)", "some rows, from a position on that counts from 0"),
    method(Of::Dataset, "select(names)", "the target with some of the features"),
    method(Of::Dataset, "column(name)", "the cells of a column as a list"),
    method(Of::Dataset, "to_array()", "the rows as a list of maps"),
    method(Of::Dataset, "len()", "the number of rows"),
    method(Of::Table, "rows", "the number of rows"),
    method(Of::Table, "columns", "the names of the columns"),
    method(Of::Table, "types", "the types of the columns"),
    method(Of::Table, "head(rows)", "the first rows, 5 if not given"),
    method(Of::Table, "slice(from, rows)", "some rows, from a position on that counts from 0"),
    method(Of::Table, "select(names)", "some of the columns, in this order"),
    method(Of::Table, "column(name)", "the cells of a column as a list"),
    method(Of::Table, "to_array()", "the rows as a list of maps"),
    method(Of::Table, "len()", "the number of rows"),
    method(Of::Column, "name", "its name"),
    method(Of::Column, "type", "its type"),
    method(Of::Column, "rows", "the number of cells"),
    method(Of::Column, "values", "its cells as a list"),
    method(Of::Column, "head(rows)", "the first cells, 5 if not given"),
    method(Of::Column, "slice(from, rows)", "some cells, from a position on that counts from 0"),
    method(Of::Column, "to_array()", "its cells as a list"),
    method(Of::Column, "len()", "the number of cells"),
];

/// Returns the methods and properties of a host value.
pub(crate) fn of(handle: &Handle) -> impl Iterator<Item = &'static Method> {
    let of = match handle {
        Handle::Component(component) => Some(Of::Kind(component.kind())),
        Handle::Model(_) => Some(Of::Model),
        Handle::Dataset(_) => Some(Of::Dataset),
        Handle::Table(_) => Some(Of::Table),
        Handle::Column(_) => Some(Of::Column),
        Handle::Other => None,
    };
    METHODS.iter().filter(move |method| Some(method.of) == of)
}

/// Returns the functions and variables that stand for themselves.
pub(crate) fn functions() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(|method| method.of == Of::Session)
}
