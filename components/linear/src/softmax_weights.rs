//! The weights of a linear classifier, and predicting with them.

use multiversion::multiversion;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::blocks::{self, Layout};
use crate::exponential::exp_of_negative;
use crate::softmax_loss::softmax;

/// Rows from which on predicting in blocks pays.
const MANY_ROWS: usize = 16;

/// Coefficients and intercepts of a linear classifier.
///
/// Two classes share one output, the score of the second; more classes have one output each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoftmaxWeights {
    n_columns: usize,
    /// For each column the coefficients of all outputs, then the intercepts of all outputs.
    weights: Vec<f64>,
}

impl SoftmaxWeights {
    /// Puts weights together whose number is a multiple of the number of columns and one.
    pub(crate) fn from_parts(n_columns: usize, weights: Vec<f64>) -> Self {
        Self { n_columns, weights }
    }

    /// Checks weights that were read: numbers fit each other and are finite.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let per_output = self.n_columns.checked_add(1).filter(|_| self.n_columns > 0);
        if self.weights.is_empty() || per_output.is_none_or(|size| !self.weights.len().is_multiple_of(size)) {
            return Err(format!("{} weights do not fit {} columns", self.weights.len(), self.n_columns));
        }
        match self.weights.iter().position(|weight| !weight.is_finite()) {
            Some(index) => Err(format!("weight {index} is {}, it has to be finite", self.weights[index])),
            None => Ok(()),
        }
    }

    /// Returns the number of feature columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Returns the number of outputs: one for two classes, else one for each class.
    pub fn n_outputs(&self) -> usize {
        self.weights.len() / (self.n_columns + 1)
    }

    /// Returns the number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_outputs().max(2)
    }

    /// Returns the coefficients, outputs × columns, as scikit-learn's `coef_`.
    pub fn coefficients(&self) -> Array2<f64> {
        let n_outputs = self.n_outputs();
        Array2::from_shape_fn((n_outputs, self.n_columns), |(output, column)| self.weights[column * n_outputs + output])
    }

    /// Returns the intercepts of the outputs, as scikit-learn's `intercept_`.
    pub fn intercepts(&self) -> Array1<f64> {
        Array1::from_iter(self.weights[self.n_columns * self.n_outputs()..].iter().copied())
    }

    /// Returns for each row the code of the most probable class; the first of equals.
    ///
    /// # Panics
    /// If the matrix has another number of columns.
    pub fn predict(&self, matrix: ArrayView2<'_, f64>) -> Vec<u32> {
        assert_eq!(matrix.ncols(), self.n_columns, "columns as in training");
        if matrix.nrows() < MANY_ROWS {
            return matrix.rows().into_iter().map(|row| self.predict_row(row)).collect();
        }
        let mut codes = vec![0; matrix.nrows()];
        predict_blocks(self, matrix, &mut codes);
        codes
    }

    /// Returns the class probabilities, rows × classes.
    ///
    /// # Panics
    /// If the matrix has another number of columns.
    pub fn probabilities(&self, matrix: ArrayView2<'_, f64>) -> Array2<f64> {
        assert_eq!(matrix.ncols(), self.n_columns, "columns as in training");
        let mut probabilities = Array2::zeros((matrix.nrows(), self.n_classes()));
        let Some(target) = probabilities.as_slice_mut() else {
            return probabilities;
        };
        if matrix.nrows() < MANY_ROWS {
            for (row, target) in matrix.rows().into_iter().zip(target.chunks_exact_mut(self.n_classes())) {
                self.row_probabilities(row, target);
            }
        } else {
            probability_blocks(self, matrix, target);
        }
        probabilities
    }

    fn score(&self, row: ArrayView1<'_, f64>, output: usize) -> f64 {
        let n_outputs = self.n_outputs();
        let intercept = self.weights[self.n_columns * n_outputs + output];
        let coefficients = self.weights.iter().skip(output).step_by(n_outputs);
        row.iter().zip(coefficients).fold(intercept, |sum, (cell, coefficient)| sum + coefficient * cell)
    }

    fn predict_row(&self, row: ArrayView1<'_, f64>) -> u32 {
        if self.n_outputs() == 1 {
            return u32::from(self.score(row, 0) > 0.0);
        }
        let mut best = (0, f64::NEG_INFINITY);
        for (output, code) in (0..self.n_outputs()).zip(0..) {
            let score = self.score(row, output);
            if score > best.1 {
                best = (code, score);
            }
        }
        best.0
    }

    fn row_probabilities(&self, row: ArrayView1<'_, f64>, target: &mut [f64]) {
        if let [first, second] = target {
            (*first, *second) = binary_probabilities(self.score(row, 0));
            return;
        }
        for (output, target) in target.iter_mut().enumerate() {
            *target = self.score(row, output);
        }
        let peak = target.iter().fold(f64::NEG_INFINITY, |peak, score| peak.max(*score));
        target.iter_mut().for_each(|score| *score = exp_of_negative(*score - peak));
        let factor = 1.0 / target.iter().sum::<f64>();
        target.iter_mut().for_each(|power| *power *= factor);
    }
}

/// Returns the probabilities of both classes for the score of the second.
#[inline(always)]
fn binary_probabilities(score: f64) -> (f64, f64) {
    let power = exp_of_negative(-score.abs());
    let (likely, unlikely) = (1.0 / (1.0 + power), power / (1.0 + power));
    if score >= 0.0 { (unlikely, likely) } else { (likely, unlikely) }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn predict_blocks(model: &SoftmaxWeights, matrix: ArrayView2<'_, f64>, codes: &mut [u32]) {
    let layout = Layout::new(matrix.nrows(), matrix.ncols());
    let (rows, n_outputs) = (layout.block_rows, model.n_outputs());
    let mut block = vec![0.0; layout.block_cells()];
    let mut scores = vec![0.0; n_outputs * rows];
    let mut best = vec![0.0; rows];
    for (index, codes) in codes.chunks_mut(rows).enumerate() {
        layout.pack(&matrix, index, &mut block);
        blocks::scores(&block, rows, &model.weights, n_outputs, &mut scores);
        if n_outputs == 1 {
            codes.iter_mut().zip(&scores).for_each(|(code, score)| *code = u32::from(*score > 0.0));
            continue;
        }
        best.fill(f64::NEG_INFINITY);
        for (scores, candidate) in scores.chunks_exact(rows).zip(0..) {
            for ((code, best), score) in codes.iter_mut().zip(&mut best).zip(scores) {
                let better = *score > *best;
                *code = if better { candidate } else { *code };
                *best = if better { *score } else { *best };
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn probability_blocks(model: &SoftmaxWeights, matrix: ArrayView2<'_, f64>, target: &mut [f64]) {
    let layout = Layout::new(matrix.nrows(), matrix.ncols());
    let (rows, n_outputs, n_classes) = (layout.block_rows, model.n_outputs(), model.n_classes());
    let mut block = vec![0.0; layout.block_cells()];
    let mut scores = vec![0.0; n_outputs * rows];
    let (mut peaks, mut sums) = (vec![0.0; rows], vec![0.0; rows]);
    for (index, target) in target.chunks_mut(rows * n_classes).enumerate() {
        layout.pack(&matrix, index, &mut block);
        blocks::scores(&block, rows, &model.weights, n_outputs, &mut scores);
        if n_outputs == 1 {
            for (pair, score) in target.chunks_exact_mut(2).zip(&scores) {
                (pair[0], pair[1]) = binary_probabilities(*score);
            }
            continue;
        }
        softmax(&mut scores, rows, &mut peaks, &mut sums);
        for (class, scores) in scores.chunks_exact(rows).enumerate() {
            for (row, probability) in target.chunks_exact_mut(n_classes).zip(scores) {
                row[class] = *probability;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::s;

    fn weights(n_columns: usize, n_outputs: usize) -> SoftmaxWeights {
        let weights = (0..(n_columns + 1) * n_outputs).map(|index| ((index * 7) % 13) as f64 / 5.0 - 1.2).collect();
        SoftmaxWeights::from_parts(n_columns, weights)
    }

    /// One row alone and the same row among many are answered alike, for every width of tiles.
    #[test]
    fn rows_and_blocks_agree() {
        for n_outputs in [1, 3, 4, 5, 6, 7, 12] {
            let model = weights(3, n_outputs);
            let matrix = Array2::from_shape_fn((301, 3), |(row, column)| ((row * 11 + column * 17) % 29) as f64 - 14.0);
            let (codes, probabilities) = (model.predict(matrix.view()), model.probabilities(matrix.view()));
            for row in 0..matrix.nrows() {
                let one = matrix.slice(s![row..row + 1, ..]);
                assert_eq!(model.predict(one), [codes[row]]);
                let alone = model.probabilities(one);
                let among = probabilities.row(row);
                assert!((alone.sum() - 1.0).abs() < 1e-14);
                assert!(alone.iter().zip(among).all(|(alone, among)| (alone - among).abs() < 1e-15));
                let best = among.iter().fold(0.0, |best: f64, probability| best.max(*probability));
                assert!((among[codes[row] as usize] - best).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn checks_what_was_read() {
        assert_eq!(weights(3, 2).check(), Ok(()));
        let cases = [
            (3, vec![], "0 weights do not fit 3 columns"),
            (3, vec![0.0; 7], "7 weights do not fit 3 columns"),
            (0, vec![0.0; 7], "7 weights do not fit 0 columns"),
            (usize::MAX, vec![0.0; 7], "7 weights do not fit 18446744073709551615 columns"),
            (1, vec![0.0, f64::NAN], "weight 1 is NaN, it has to be finite"),
        ];
        for (n_columns, weights, expected) in cases {
            assert_eq!(SoftmaxWeights::from_parts(n_columns, weights).check().unwrap_err(), expected);
        }
    }
}
