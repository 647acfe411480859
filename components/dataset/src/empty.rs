//! No data.

use palladium_component::prelude::*;

/// Loads no data: a table without columns and rows, and no target.
///
/// It stands where a configuration has to name a loader and the data come from elsewhere or are not needed. An
/// estimator that learns from data says that there is none.
///
/// ```ron
/// {
///     "dataset_loader_test": {
///         "!": "palladium.dataset.EmptyDatasetLoader",
///     },
/// }
/// ```
#[component(DatasetLoader, name = "palladium.dataset.EmptyDatasetLoader")]
#[derive(Clone, Copy, Debug)]
pub struct EmptyDatasetLoader;

impl DatasetLoader for EmptyDatasetLoader {
    fn load(&self) -> Result<Dataset, Failure> {
        Ok(Dataset { features: Table::default(), target: None })
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        Ok(Some(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_and_whoever_needs_data_says_so() {
        let data = EmptyDatasetLoader.load().unwrap();
        assert_eq!((data.n_rows(), data.features.n_columns(), data.target.is_none()), (0, 0, true));
        let failure = Failure::from(data.classes().unwrap_err());
        assert_eq!(failure.to_string(), "there is no data to learn from or to score with");
        assert!(failure.help().is_some());
        assert_eq!(data.numeric().unwrap_err(), data.numbers().unwrap_err());
    }
}
