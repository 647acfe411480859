//! What is told about the data of a loader.

use palladium_component::data::{Cell, ColumnSummary, SummaryOptions, Table};
use palladium_runtime::data::LoadedData;
use serde_json::{Map, Value as Json, json};

/// So many classes of a target are counted.
const CLASSES: usize = 100;

/// What is told about the data of a loader.
pub struct Report {
    /// Where the loader stands.
    pub loader: String,
    /// The name of its component.
    pub component: &'static str,
    /// The rows.
    pub n_rows: usize,
    /// The features, more than are summarized if there are very many.
    pub n_features: usize,
    /// What is in the features.
    pub features: Vec<ColumnSummary>,
    /// What is in the target.
    pub target: Option<ColumnSummary>,
    /// The first rows, if they are wanted.
    pub head: Option<Table>,
}

impl Report {
    /// Looks at the data: at the first features up to a number, if one is given.
    pub fn of(loaded: &LoadedData, n_shown: Option<usize>, head: Option<usize>) -> Report {
        let data = &loaded.data;
        let n_features = data.features.n_columns();
        let shown: Vec<usize> = (0..n_shown.unwrap_or(n_features).min(n_features)).collect();
        let options = SummaryOptions::default();
        let of_target = SummaryOptions { n_top: CLASSES, ..options };
        // A target of the name of a feature is shown with the features alone.
        let rows = || data.to_table().unwrap_or_else(|_| data.features.clone());
        Report {
            loader: loaded.key.clone(),
            component: loaded.component,
            n_rows: data.n_rows(),
            n_features,
            features: data.features.project(&shown).summary(&options),
            target: data.target.as_ref().map(|target| target.summary(&of_target)),
            head: head.map(|n_rows| rows().slice(0, n_rows.min(data.n_rows()))),
        }
    }

    /// Returns the report as JSON.
    pub fn json(&self) -> Json {
        let mut report = json!({
            "loader": self.loader,
            "component": self.component,
            "rows": self.n_rows,
            "features": self.features,
            "target": self.target,
        });
        if let Some(head) = &self.head {
            report["head"] = (0..head.n_rows()).map(|row| row_json(head, row)).collect();
        }
        report
    }
}

fn row_json(table: &Table, row: usize) -> Json {
    let cells = table.names().zip(table.columns());
    Json::Object(cells.map(|(name, values)| (name.to_owned(), json!(Cell::of(values, row)))).collect::<Map<_, _>>())
}
