//! Some rows of a data set.

use std::sync::Arc;

use fastrand::Rng;
use palladium_component::prelude::*;

/// Loads rows of another loader that are drawn at random, to try something on less data.
///
/// The parameters are those of pandas' `DataFrame.sample` and mean what they mean there. Exactly one of `n` and `frac` is
/// to be given. The rows come in the order in which they are drawn, with a generator of our own: the same `random_state`
/// gives the same rows each time, but not those that pandas would draw.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.Sample",
///         "impl": {
///             "!": "palladium.dataset.CSV",
///             "path": "${here}/iris.data",
///         },
///         "frac": 0.1,
///         "random_state": 1,
///     },
/// }
/// ```
#[component(DatasetLoader, name = "palladium.dataset.Sample", check)]
pub struct Sample {
    /// The loader of all rows.
    #[param(name = "impl")]
    source: Arc<dyn DatasetLoader>,
    /// How many rows to draw.
    #[param(min = 1)]
    n: Option<usize>,
    /// Which share of the rows to draw, rounded to whole rows; more than 1 with `replace` alone.
    #[param(above = 0.0)]
    frac: Option<f64>,
    /// Whether a row may be drawn several times.
    #[param(default = false)]
    replace: bool,
    /// The seed of the random draw.
    #[param(default = 0)]
    random_state: u32,
}

impl DatasetLoader for Sample {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let data = self.source.load_with_progress(progress)?;
        let n_rows = data.n_rows();
        let n_drawn = self.n_drawn(n_rows);
        if n_drawn > 0 && n_rows == 0 {
            return Err(Failure::message(format!("{n_drawn} rows are to be drawn, and there is none")));
        }
        if n_drawn > n_rows && !self.replace {
            let message = format!("{n_drawn} rows are to be drawn, and there are only {n_rows}");
            return Err(Failure::with_help(
                message,
                "make `n` smaller, or allow rows to be drawn again with `replace`",
            ));
        }
        Ok(data.take(&self.drawn(n_rows, n_drawn))?)
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        self.source.inputs()
    }
}

impl Sample {
    fn check(&self) -> Result<(), ArgumentError> {
        let wrong = |message: &str| Err(ArgumentError { parameter: None, message: message.to_owned(), help: None });
        match self.frac {
            None if self.n.is_none() => wrong("one of `n` and `frac` is needed, to say how many rows to draw"),
            Some(_) if self.n.is_some() => wrong("`n` and `frac` are both given, and one of them is needed"),
            Some(frac) if frac > 1.0 && !self.replace => {
                let message = format!("`frac` is {frac}: more than all rows cannot be drawn");
                Err(ArgumentError::new("frac", message).help("allow rows to be drawn again with `replace: true`"))
            }
            _ => Ok(()),
        }
    }

    fn n_drawn(&self, n_rows: usize) -> usize {
        // Python's `round`, which pandas calls, takes the even one of two numbers that are as near.
        let share = |frac: f64| (frac * n_rows as f64).round_ties_even() as usize;
        self.n.or_else(|| self.frac.map(share)).unwrap_or_default()
    }

    fn drawn(&self, n_rows: usize, n_drawn: usize) -> Vec<usize> {
        let mut random = Rng::with_seed(u64::from(self.random_state));
        if self.replace {
            return (0..n_drawn).map(|_| random.usize(..n_rows)).collect();
        }
        let mut rows: Vec<usize> = (0..n_rows).collect();
        random.shuffle(&mut rows);
        rows.truncate(n_drawn);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, findings, numbered, rows};

    fn sample(n_rows: usize, n: Option<usize>, frac: Option<f64>) -> Sample {
        let source = Fake::of(numbered(n_rows, |row| if row % 2 == 0 { "even" } else { "odd" }));
        Sample { source, n, frac, replace: false, random_state: 0 }
    }

    #[test]
    fn draws_so_many_different_rows_with_their_target() {
        for (n, frac, expected) in
            [(Some(4), None, 4), (None, Some(0.25), 2), (None, Some(0.35), 4), (Some(10), None, 10)]
        {
            let data = sample(10, n, frac).load().unwrap();
            let mut drawn = rows(&data);
            let labels = data.target.as_ref().unwrap().values.as_any().downcast_ref::<StringArray>().unwrap();
            for (row, label) in drawn.iter().zip(labels) {
                assert_eq!(label, Some(if row % 2 == 0 { "even" } else { "odd" }));
            }
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), expected, "{n:?} {frac:?}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let drawn = |random_state| rows(&Sample { random_state, ..sample(50, Some(20), None) }.load().unwrap());
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn with_replacement_there_may_be_more_rows_than_there_are() {
        let replaced = |n, frac| Sample { replace: true, ..sample(3, n, frac) }.load().unwrap().n_rows();
        assert_eq!((replaced(Some(20), None), replaced(None, Some(2.0))), (20, 6));
        let error = sample(3, Some(4), None).load().unwrap_err().to_string();
        assert_eq!(error, "4 rows are to be drawn, and there are only 3");
        let error = Sample { replace: true, ..sample(0, Some(1), None) }.load().unwrap_err().to_string();
        assert_eq!(error, "1 rows are to be drawn, and there is none");
        assert_eq!(sample(0, None, Some(0.5)).load().unwrap().n_rows(), 0);
    }

    #[test]
    fn arguments_are_checked() {
        let name = "palladium.dataset.Sample";
        let (n, frac) = (("n", Data::Int(2)), ("frac", Data::Float(0.5)));
        let cases = [
            (vec![], "one of `n` and `frac` is needed, to say how many rows to draw"),
            (vec![n.clone(), frac], "`n` and `frac` are both given, and one of them is needed"),
            (vec![("n", Data::Int(0))], "`n` of `palladium.dataset.Sample` has to be"),
            (vec![("frac", Data::Float(0.0))], "`frac` of `palladium.dataset.Sample` has to be"),
            (vec![("frac", Data::Float(1.5))], "`frac` is 1.5: more than all rows cannot be drawn"),
            (vec![n, ("replace", Data::Int(1))], "`replace` of `palladium.dataset.Sample` has to be"),
        ];
        for (arguments, expected) in cases {
            let found = findings(name, &arguments);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
        assert!(findings(name, &[("frac", Data::Float(1.5)), ("replace", Data::Bool(true))]).is_empty());
    }
}
