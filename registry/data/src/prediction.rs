//! What models answer.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1};
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use crate::ClassLabels;

/// One prediction for each sample. It serializes as a list of bare labels or numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Classes, as positions in the labels.
    Classes {
        /// The labels of the model.
        labels: Arc<ClassLabels>,
        /// For each sample the position of its label.
        codes: Vec<u32>,
    },
    /// Numbers.
    Numbers(Vec<f64>),
}

impl Predictions {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        match self {
            Predictions::Classes { codes, .. } => codes.len(),
            Predictions::Numbers(numbers) => numbers.len(),
        }
    }

    /// Tells whether there was no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the prediction for one sample, as something to serialize.
    pub fn get(&self, row: usize) -> Option<impl Serialize + '_> {
        match self {
            Predictions::Classes { labels, codes } => labels.get(*codes.get(row)? as usize),
            Predictions::Numbers(numbers) => numbers.get(row).map(|number| crate::LabelRef::Float(*number)),
        }
    }
}

impl Serialize for Predictions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.len()))?;
        for row in 0..self.len() {
            sequence.serialize_element(&self.get(row))?;
        }
        sequence.end()
    }
}

/// Class probabilities for each sample. It serializes as a list of lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    /// The labels of the model, in the order of the columns.
    pub labels: Arc<ClassLabels>,
    /// Samples × classes.
    pub values: Array2<f64>,
}

struct Row<'a>(ArrayView1<'a, f64>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl Probabilities {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Tells whether there was no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the probabilities of one sample, as something to serialize.
    pub fn get(&self, row: usize) -> Option<impl Serialize + '_> {
        (row < self.len()).then(|| Row(self.values.row(row)))
    }
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values.rows().into_iter().map(Row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serializes_bare_values() {
        let labels = Arc::new(ClassLabels::Text(vec!["no".into(), "yes".into()]));
        let predictions = Predictions::Classes { labels: Arc::clone(&labels), codes: vec![1, 0] };
        assert_eq!(serde_json::to_string(&predictions).unwrap(), r#"["yes","no"]"#);
        let numbers = Predictions::Numbers(vec![0.5, f64::NAN]);
        assert_eq!(serde_json::to_string(&numbers).unwrap(), "[0.5,null]");
        let values = ndarray::array![[0.25, 0.75]];
        assert_eq!(serde_json::to_string(&Probabilities { labels, values }).unwrap(), "[[0.25,0.75]]");
    }
}
