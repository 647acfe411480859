//! How a scorer is declared: the doc comment, which is its manual page, its name, and the function of rows it stands
//! for.

use palladium_component::prelude::*;

use crate::{Problem, ScoreError};

/// Declares scorers that read rows in the same way and have no parameters.
macro_rules! scorers {
    ($read:path; $($(#[$($attribute:tt)*])* $scorer:ident = $name:tt $(, alias = $alias:tt)* => $score:expr;)*) => {$(
        $(#[$($attribute)*])*
        #[component(Scorer, name = $name $(, alias = $alias)*)]
        #[derive(Clone, Copy, Debug)]
        pub struct $scorer;

        impl Scorer for $scorer {
            fn score(&self, model: &TrainedModel, data: &Dataset) -> Result<f64, Failure> {
                crate::declare::scored($name, $read(model, data), $score)
            }
        }
    )*};
}

/// Applies a function to rows, and names the scorer where that fails.
pub fn scored<Rows>(
    name: &'static str,
    rows: Result<Rows, Problem>,
    score: impl FnOnce(&Rows) -> Result<f64, Problem>,
) -> Result<f64, Failure> {
    let scorer = name.rsplit('.').next().unwrap_or(name);
    Ok(rows.and_then(|rows| score(&rows)).map_err(|problem| ScoreError { scorer, problem })?)
}
