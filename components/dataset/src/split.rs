//! A part of a data set, to learn from or to test with.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use fastrand::Rng;
use palladium_component::prelude::*;

use crate::keys::rows_of;
use crate::size::Size;

/// Splits the data of another loader at random into a part to learn from and a part to test with, and loads one of them.
///
/// The parameters are those of scikit-learn's `train_test_split` and mean what they mean there. Two loaders with the same
/// `impl` and the same parameters but for `part` share out the rows between them: no row is in both.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.Split",
///         "impl": {
///             "!": "palladium.dataset.CSV",
///             "path": "${here}/iris.data",
///             "names": ["sepal length", "sepal width", "petal length", "petal width", "species"],
///             "target_column": "species",
///         },
///         "test_size": 0.2,
///         "stratify": true,
///         "part": "train",
///     },
///     "dataset_loader_test": {
///         "__copy__": "dataset_loader_train",
///         "part": "test",
///     },
/// }
/// ```
///
/// The rows are drawn with a generator of our own: the same `random_state` gives the same rows each time, but not those
/// that scikit-learn would draw. Each loader loads all rows and keeps its part; data that change between the two loads are
/// split differently in each.
#[component(DatasetLoader, name = "palladium.dataset.Split", check)]
pub struct Split {
    /// The loader of all rows.
    #[param(name = "impl")]
    source: Arc<dyn DatasetLoader>,
    /// Which part is loaded: `train` or `test`.
    part: Part,
    /// The size of the part to test with: a share between 0 and 1, rounded up to whole rows, or a number of rows. Null:
    /// what `train_size` leaves, or a quarter if that is null too.
    test_size: Option<Size>,
    /// The size of the part to learn from: a share between 0 and 1, rounded down to whole rows, or a number of rows. Null:
    /// what `test_size` leaves.
    train_size: Option<Size>,
    /// The seed of the random draw. There is always one: without it the two parts would be drawn differently and share rows.
    #[param(default = 0)]
    random_state: u32,
    /// Whether the rows are drawn at random. Otherwise the first ones are to learn from, and those that follow to test with.
    #[param(default = true)]
    shuffle: bool,
    /// Whether each class of the target has the same share in both parts as in the whole: `true`, or the name of another
    /// column whose values are to have the same share. Missing values count as a value of their own.
    stratify: Option<Stratify>,
}

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Test,
}

impl FromArgument for Part {
    const TYPE: ParamType = ParamType::Choice(&["train", "test"]);

    fn from_argument(value: &Value) -> Result<Part, Mismatch> {
        match value.as_text() {
            Some("train") => Ok(Part::Train),
            Some("test") => Ok(Part::Test),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

/// What has the same shares in both parts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stratify {
    Nothing,
    Target,
    Column(String),
}

impl FromArgument for Stratify {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Bool, ParamType::Text]);

    fn from_argument(value: &Value) -> Result<Stratify, Mismatch> {
        match &value.data {
            Data::Bool(false) => Ok(Stratify::Nothing),
            Data::Bool(true) => Ok(Stratify::Target),
            Data::Text(column) => Ok(Stratify::Column(column.clone())),
            _ => Err(Mismatch::wrong("`true` for the target, `false`, or the name of a column", value)),
        }
    }
}

/// Why data cannot be split.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum SplitError {
    #[error("{n_train} rows to learn from and {n_test} to test with are asked for, and there are only {n_rows}")]
    TooFewRows { n_train: usize, n_test: usize, n_rows: usize },
    #[error("of {n_rows} rows none would be left to {purpose}")]
    NoneLeft { n_rows: usize, purpose: &'static str },
    #[error("column `{column}` has a value that only one row has, {place}, which cannot be in both parts")]
    SingleRow { column: String, place: String },
    #[error("column `{column}` has {n_values} different values, and there would be only {found} rows to {purpose}")]
    FewerRowsThanValues { column: String, n_values: usize, found: usize, purpose: &'static str },
}

impl Explain for SplitError {
    fn help(&self) -> Option<String> {
        Some(match self {
            SplitError::TooFewRows { .. } | SplitError::NoneLeft { .. } => {
                "change `test_size` and `train_size`".to_owned()
            }
            SplitError::SingleRow { .. } => "leave the row out, or leave out `stratify`".to_owned(),
            SplitError::FewerRowsThanValues { .. } => {
                "make that part larger, or leave out `stratify`: it is for columns of few values".to_owned()
            }
        })
    }
}

const LEARN: &str = "learn from";
const TEST: &str = "test with";

/// The positions of the rows of both parts.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    train: Vec<usize>,
    test: Vec<usize>,
}

impl DatasetLoader for Split {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let data = self.source.load_with_progress(progress)?;
        let (n_train, n_test) = self.sizes(data.n_rows())?;
        let parts = match self.stratify.as_ref() {
            _ if !self.shuffle => in_order(n_train, n_test),
            None | Some(Stratify::Nothing) => self.drawn(data.n_rows(), n_train, n_test),
            Some(Stratify::Target) => {
                let target = data.target()?;
                self.stratified(&data, &target.name, &target.values, n_train, n_test)?
            }
            Some(Stratify::Column(name)) => {
                let table = data.to_table()?;
                self.stratified(&data, name, table.column(name)?, n_train, n_test)?
            }
        };
        let rows = match self.part {
            Part::Train => parts.train,
            Part::Test => parts.test,
        };
        Ok(data.take(&rows)?)
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        self.source.inputs()
    }
}

impl Split {
    fn check(&self) -> Result<(), ArgumentError> {
        if let (Some(Size::Share(test)), Some(Size::Share(train))) = (self.test_size, self.train_size)
            && test + train > 1.0
        {
            let message = format!("`test_size` and `train_size` are {} together, more than all rows", test + train);
            return Err(ArgumentError::new("train_size", message).help("leave one of them out"));
        }
        let is_stratified = matches!(self.stratify, Some(Stratify::Target | Stratify::Column(_)));
        if is_stratified && !self.shuffle {
            let message = "`stratify` needs rows that are drawn at random";
            return Err(ArgumentError::new("stratify", message).help("remove `shuffle: false`"));
        }
        Ok(())
    }

    /// Returns how many rows the parts have, as `train_test_split` counts them.
    fn sizes(&self, n_rows: usize) -> Result<(usize, usize), SplitError> {
        const QUARTER: Size = Size::Share(0.25);
        let (n_train, n_test) = match (self.train_size, self.test_size) {
            (Some(train), Some(test)) => (train.rounded_down(n_rows), test.rounded_up(n_rows)),
            (Some(train), None) => {
                let n_train = train.rounded_down(n_rows);
                (n_train, n_rows.saturating_sub(n_train))
            }
            (None, test) => {
                let n_test = test.unwrap_or(QUARTER).rounded_up(n_rows);
                (n_rows.saturating_sub(n_test), n_test)
            }
        };
        if n_train.saturating_add(n_test) > n_rows {
            return Err(SplitError::TooFewRows { n_train, n_test, n_rows });
        }
        for (size, purpose) in [(n_train, LEARN), (n_test, TEST)] {
            if size == 0 {
                return Err(SplitError::NoneLeft { n_rows, purpose });
            }
        }
        Ok((n_train, n_test))
    }

    fn drawn(&self, n_rows: usize, n_train: usize, n_test: usize) -> Parts {
        let mut rows: Vec<usize> = (0..n_rows).collect();
        self.random().shuffle(&mut rows);
        Parts { test: rows[..n_test].to_vec(), train: rows[n_test..n_test + n_train].to_vec() }
    }

    /// Draws rows so that each value of a column has its share of both parts.
    fn stratified(
        &self,
        data: &Dataset,
        name: &str,
        column: &ArrayRef,
        n_train: usize,
        n_test: usize,
    ) -> Result<Parts, Failure> {
        let mut strata = strata(column)?;
        let column = name.to_owned();
        if let Some(stratum) = strata.iter().find(|stratum| stratum.len() < 2) {
            let place = || format!("row {}", stratum[0] + 1);
            let place = data.features.place(stratum[0]).unwrap_or_else(place);
            return Err(SplitError::SingleRow { column, place }.into());
        }
        let n_values = strata.len();
        for (found, purpose) in [(n_train, LEARN), (n_test, TEST)] {
            if found < n_values {
                return Err(SplitError::FewerRowsThanValues { column, n_values, found, purpose }.into());
            }
        }
        let mut random = self.random();
        let counts: Vec<usize> = strata.iter().map(Vec::len).collect();
        let train = shares(&counts, n_train, &mut random);
        let left: Vec<usize> = counts.iter().zip(&train).map(|(count, train)| count - train).collect();
        let test = shares(&left, n_test, &mut random);
        let mut parts = Parts { train: Vec::with_capacity(n_train), test: Vec::with_capacity(n_test) };
        for (stratum, (train, test)) in strata.iter_mut().zip(train.into_iter().zip(test)) {
            random.shuffle(stratum);
            parts.train.extend_from_slice(&stratum[..train]);
            parts.test.extend_from_slice(&stratum[train..train + test]);
        }
        random.shuffle(&mut parts.train);
        random.shuffle(&mut parts.test);
        Ok(parts)
    }

    fn random(&self) -> Rng {
        Rng::with_seed(u64::from(self.random_state))
    }
}

fn in_order(n_train: usize, n_test: usize) -> Parts {
    Parts { train: (0..n_train).collect(), test: (n_train..n_train + n_test).collect() }
}

/// Returns the rows of each value of a column, in the order in which the values come first.
fn strata(column: &ArrayRef) -> Result<Vec<Vec<usize>>, DataError> {
    let keys = rows_of(std::slice::from_ref(column))?;
    let mut strata: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    for (row, key) in keys.iter().enumerate() {
        match known.entry(key.data()) {
            Slot::Occupied(stratum) => strata[*stratum.get()].push(row),
            Slot::Vacant(slot) => {
                slot.insert(strata.len());
                strata.push(vec![row]);
            }
        }
    }
    Ok(strata)
}

/// Shares out so many draws in proportion to counts, which have at least as many together. What is left after rounding
/// down goes to those that lost most by it; chance decides between equals. This is scikit-learn's `_approximate_mode`.
fn shares(counts: &[usize], n_draws: usize, random: &mut Rng) -> Vec<usize> {
    let total = counts.iter().sum::<usize>().max(1) as u128;
    let exact: Vec<u128> = counts.iter().map(|count| *count as u128 * n_draws as u128).collect();
    let mut shares: Vec<usize> = exact.iter().map(|exact| (exact / total) as usize).collect();
    let left = n_draws - shares.iter().sum::<usize>();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    random.shuffle(&mut order);
    order.sort_by_key(|index| std::cmp::Reverse(exact[*index] % total));
    order.into_iter().take(left).for_each(|index| shares[index] += 1);
    shares
}

#[cfg(test)]
mod tests;
