//! Loss and gradient of softmax and binary logistic regression in one pass over the data.
//!
//! The objective is the mean of the negative log-likelihoods plus half the strength times the sum of the squared
//! coefficients. Two classes have one output, the score of the second class; more have one output each.

use multiversion::multiversion;
use ndarray::ArrayView2;

use crate::blocks::{self, LANES, Layout};
use crate::exponential::exp_of_negative;

/// The training data, packed into blocks.
pub(crate) struct SoftmaxLoss {
    layout: Layout,
    cells: Vec<f64>,
    codes: Vec<u32>,
    sample_weights: Option<Vec<f64>>,
    total_weight: f64,
    n_outputs: usize,
    l2_strength: f64,
}

impl SoftmaxLoss {
    /// Packs the data. `codes` are below `n_classes`; the penalty is 1 / (`c` · number of rows).
    pub(crate) fn new(
        matrix: ArrayView2<'_, f64>,
        codes: Vec<u32>,
        n_classes: usize,
        sample_weights: Option<Vec<f64>>,
        c: f64,
    ) -> Self {
        let layout = Layout::new(matrix.nrows(), matrix.ncols());
        let mut cells = vec![0.0; layout.n_blocks() * layout.block_cells()];
        for block in 0..layout.n_blocks() {
            layout.pack(&matrix, block, &mut cells[block * layout.block_cells()..][..layout.block_cells()]);
        }
        let total_weight = sample_weights.as_ref().map_or(layout.n_rows as f64, |weights| weights.iter().sum());
        let l2_strength = 1.0 / (c * total_weight);
        Self { layout, cells, codes, sample_weights, total_weight, n_outputs: n_outputs(n_classes), l2_strength }
    }

    /// Returns the loss at these weights and writes its gradient; intercepts, if there are any, stand last.
    pub(crate) fn evaluate(&self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let loss = sum_over_blocks(self, weights, gradient) / self.total_weight;
        let n_coefficients = self.layout.n_columns * self.n_outputs;
        let mut squares = 0.0;
        for (index, target) in gradient.iter_mut().enumerate() {
            *target /= self.total_weight;
            if index < n_coefficients {
                squares += weights[index] * weights[index];
                *target += self.l2_strength * weights[index];
            }
        }
        loss + 0.5 * self.l2_strength * squares
    }
}

/// Returns the number of scores for a number of classes.
pub(crate) fn n_outputs(n_classes: usize) -> usize {
    if n_classes == 2 { 1 } else { n_classes }
}

/// Adds up loss and gradient of all rows.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn sum_over_blocks(data: &SoftmaxLoss, weights: &[f64], gradient: &mut [f64]) -> f64 {
    let (rows, n_outputs) = (data.layout.block_rows, data.n_outputs);
    let mut scores = vec![0.0; n_outputs * rows];
    let mut peaks = vec![0.0; rows];
    let mut sums = vec![0.0; rows];
    let mut loss = 0.0;
    for (index, block) in data.cells.chunks_exact(data.layout.block_cells().max(1)).enumerate() {
        let (first, n_rows) = data.layout.rows(index);
        let codes = &data.codes[first..first + n_rows];
        blocks::scores(block, rows, weights, n_outputs, &mut scores);
        let sample_weights = data.sample_weights.as_ref().map(|weights| &weights[first..first + n_rows]);
        loss += if n_outputs == 1 {
            binary_residuals(&mut scores, codes, sample_weights)
        } else {
            softmax_residuals(&mut scores, rows, codes, sample_weights, &mut peaks, &mut sums)
        };
        blocks::add_gradient(block, rows, &scores, n_outputs, gradient);
    }
    loss
}

/// Replaces the scores of the second class by probability less truth, zero in the padding; returns the loss.
#[inline(always)]
fn binary_residuals(scores: &mut [f64], codes: &[u32], sample_weights: Option<&[f64]>) -> f64 {
    let mut loss = 0.0;
    for (row, score) in scores.iter_mut().enumerate() {
        let Some(code) = codes.get(row) else {
            *score = 0.0;
            continue;
        };
        let truth = f64::from(*code);
        let power = exp_of_negative(-score.abs());
        let sample_weight = sample_weights.map_or(1.0, |weights| weights[row]);
        loss += sample_weight * (score.max(0.0) - truth * *score + power.ln_1p());
        let probability = if *score >= 0.0 { 1.0 } else { power } / (1.0 + power);
        *score = sample_weight * (probability - truth);
    }
    loss
}

/// Replaces scores by probabilities less truth, zero in the padding; returns the loss.
#[inline(always)]
fn softmax_residuals(
    scores: &mut [f64],
    rows: usize,
    codes: &[u32],
    sample_weights: Option<&[f64]>,
    peaks: &mut [f64],
    sums: &mut [f64],
) -> f64 {
    let mut loss = 0.0;
    for (row, code) in codes.iter().enumerate() {
        loss -= sample_weights.map_or(1.0, |weights| weights[row]) * scores[*code as usize * rows + row];
    }
    softmax(scores, rows, peaks, sums);
    for row in 0..codes.len() {
        loss += sample_weights.map_or(1.0, |weights| weights[row]) * (peaks[row] + sums[row].ln());
    }
    for (row, code) in codes.iter().enumerate() {
        scores[*code as usize * rows + row] -= 1.0;
    }
    for output in scores.chunks_exact_mut(rows) {
        output[codes.len()..].fill(0.0);
        if let Some(weights) = sample_weights {
            output.iter_mut().zip(weights).for_each(|(residual, weight)| *residual *= weight);
        }
    }
    loss
}

/// Replaces scores, outputs × rows, by probabilities; leaves the largest score of each row and the sum of the
/// exponentials below it.
#[inline(always)]
pub(crate) fn softmax(scores: &mut [f64], rows: usize, peaks: &mut [f64], sums: &mut [f64]) {
    for row in (0..rows).step_by(LANES) {
        let mut peak = [f64::NEG_INFINITY; LANES];
        for output in scores.chunks_exact(rows) {
            let scores = blocks::lanes(output, row);
            for lane in 0..LANES {
                peak[lane] = if scores[lane] > peak[lane] { scores[lane] } else { peak[lane] };
            }
        }
        let mut sum = [0.0; LANES];
        for output in scores.chunks_exact_mut(rows) {
            let scores = &mut output[row..row + LANES];
            for lane in 0..LANES {
                scores[lane] = exp_of_negative(scores[lane] - peak[lane]);
                sum[lane] += scores[lane];
            }
        }
        let mut factor = [0.0; LANES];
        for lane in 0..LANES {
            factor[lane] = 1.0 / sum[lane];
        }
        for output in scores.chunks_exact_mut(rows) {
            let scores = &mut output[row..row + LANES];
            for lane in 0..LANES {
                scores[lane] *= factor[lane];
            }
        }
        peaks[row..row + LANES].copy_from_slice(&peak);
        sums[row..row + LANES].copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Finite differences, for two and for more classes, with and without sample weights and intercepts.
    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let matrix = Array2::from_shape_fn((21, 3), |(row, column)| ((row * 7 + column * 5) % 11) as f64 / 4.0 - 1.0);
        for (n_classes, weighted, intercept) in
            [(2, false, 1), (2, true, 0), (3, false, 0), (3, true, 1), (11, false, 1)]
        {
            let codes = (0..21).map(|row| row % n_classes).collect();
            let sample_weights = weighted.then(|| (0..21).map(|row| f64::from(row % 4)).collect());
            let loss = SoftmaxLoss::new(matrix.view(), codes, n_classes as usize, sample_weights, 0.7);
            let size = (3 + intercept) * n_outputs(n_classes as usize);
            let point: Vec<f64> = (0..size).map(|index| ((index * 3) % 7) as f64 / 3.0 - 1.0).collect();
            let mut gradient = vec![0.0; size];
            loss.evaluate(&point, &mut gradient);
            let mut scratch = vec![0.0; size];
            for index in 0..size {
                let mut shifted = |by: f64| {
                    let mut point = point.clone();
                    point[index] += by;
                    loss.evaluate(&point, &mut scratch)
                };
                let slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                assert!((slope - gradient[index]).abs() < 1e-8, "{n_classes} classes, weight {index}: {slope}");
            }
        }
    }

    #[test]
    fn large_scores_do_not_overflow() {
        for n_classes in [2, 3] {
            let matrix = Array2::from_elem((2, 1), 1e6);
            let loss = SoftmaxLoss::new(matrix.view(), vec![0, 1], n_classes, None, 1.0);
            let mut gradient = vec![0.0; n_outputs(n_classes)];
            let point: Vec<f64> = (0..gradient.len()).map(|index| index as f64 - 3.0).collect();
            assert!(loss.evaluate(&point, &mut gradient).is_finite());
            assert!(gradient.iter().all(|value| value.is_finite()));
        }
    }
}
