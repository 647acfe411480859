//! Rows in small column-major blocks, and the two products that linear classifiers spend their time on.
//!
//! A block holds as many rows as fit the first-level cache, all cells of a column side by side and padded with zeros
//! to whole lanes. Both products then run over lanes of rows, whatever the number of columns and classes. They are
//! compiled for several instruction sets by their callers; sums are taken in the same order in each.

use ndarray::ArrayView2;

/// Rows that are worked on together.
pub(crate) const LANES: usize = 8;
/// Outputs that are worked on together.
const TILE: usize = 5;
/// Cells of a block at most, unless the rows are long.
const BLOCK_CELLS: usize = 4096;
/// Rows of a block at most.
const MAX_BLOCK_ROWS: usize = 256;

/// How rows are cut into blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) n_rows: usize,
    pub(crate) n_columns: usize,
    /// Rows of a block, a multiple of [`LANES`].
    pub(crate) block_rows: usize,
}

impl Layout {
    pub(crate) fn new(n_rows: usize, n_columns: usize) -> Self {
        let fitting = (BLOCK_CELLS / n_columns.max(1)).clamp(LANES, MAX_BLOCK_ROWS);
        let block_rows = (fitting / LANES * LANES).min(n_rows.next_multiple_of(LANES)).max(LANES);
        Self { n_rows, n_columns, block_rows }
    }

    pub(crate) fn n_blocks(&self) -> usize {
        self.n_rows.div_ceil(self.block_rows)
    }

    pub(crate) fn block_cells(&self) -> usize {
        self.block_rows * self.n_columns
    }

    /// Returns first row and number of rows of a block.
    pub(crate) fn rows(&self, block: usize) -> (usize, usize) {
        let first = block * self.block_rows;
        (first, self.block_rows.min(self.n_rows - first))
    }

    /// Copies the rows of a block from a matrix of any memory layout; the padding is left as it is.
    pub(crate) fn pack(&self, matrix: &ArrayView2<'_, f64>, block: usize, cells: &mut [f64]) {
        let (first, n_rows) = self.rows(block);
        let rows = matrix.slice(ndarray::s![first..first + n_rows, ..]);
        for (source, target) in rows.columns().into_iter().zip(cells.chunks_exact_mut(self.block_rows)) {
            match source.as_slice() {
                Some(source) => target[..n_rows].copy_from_slice(source),
                None => target.iter_mut().zip(source).for_each(|(target, cell)| *target = *cell),
            }
        }
    }
}

/// Writes the scores of a block, outputs × rows.
///
/// `weights` holds for each column the coefficients of all outputs and then, if it is longer than that, their
/// intercepts.
#[inline(always)]
pub(crate) fn scores(block: &[f64], block_rows: usize, weights: &[f64], n_outputs: usize, scores: &mut [f64]) {
    let mut first = 0;
    while first < n_outputs {
        let tile = (n_outputs - first).min(TILE);
        let target = &mut scores[first * block_rows..];
        match tile {
            1 => scores_tile::<1>(block, block_rows, weights, n_outputs, first, target),
            2 => scores_tile::<2>(block, block_rows, weights, n_outputs, first, target),
            3 => scores_tile::<3>(block, block_rows, weights, n_outputs, first, target),
            4 => scores_tile::<4>(block, block_rows, weights, n_outputs, first, target),
            _ => scores_tile::<TILE>(block, block_rows, weights, n_outputs, first, target),
        }
        first += tile;
    }
}

#[inline(always)]
fn scores_tile<const N: usize>(
    block: &[f64],
    block_rows: usize,
    weights: &[f64],
    n_outputs: usize,
    first: usize,
    scores: &mut [f64],
) {
    let (coefficients, intercepts) = weights.split_at(block.len() / block_rows * n_outputs);
    let mut start = [[0.0; LANES]; N];
    for (start, intercept) in start.iter_mut().zip(intercepts.iter().skip(first)) {
        *start = [*intercept; LANES];
    }
    for row in (0..block_rows).step_by(LANES) {
        let mut sums = start;
        for (column, weights) in block.chunks_exact(block_rows).zip(coefficients.chunks_exact(n_outputs)) {
            let cells = lanes(column, row);
            let weights = &weights[first..first + N];
            for output in 0..N {
                for lane in 0..LANES {
                    sums[output][lane] += weights[output] * cells[lane];
                }
            }
        }
        for (output, sums) in sums.iter().enumerate() {
            scores[output * block_rows + row..][..LANES].copy_from_slice(sums);
        }
    }
}

/// Adds to the gradient of the weights what a block contributes; `residuals` is outputs × rows, zero in the padding.
#[inline(always)]
pub(crate) fn add_gradient(
    block: &[f64],
    block_rows: usize,
    residuals: &[f64],
    n_outputs: usize,
    gradient: &mut [f64],
) {
    let mut first = 0;
    while first < n_outputs {
        let tile = (n_outputs - first).min(TILE);
        let residuals = &residuals[first * block_rows..];
        match tile {
            1 => gradient_tile::<1>(block, block_rows, residuals, n_outputs, first, gradient),
            2 => gradient_tile::<2>(block, block_rows, residuals, n_outputs, first, gradient),
            3 => gradient_tile::<3>(block, block_rows, residuals, n_outputs, first, gradient),
            4 => gradient_tile::<4>(block, block_rows, residuals, n_outputs, first, gradient),
            _ => gradient_tile::<TILE>(block, block_rows, residuals, n_outputs, first, gradient),
        }
        first += tile;
    }
}

#[inline(always)]
fn gradient_tile<const N: usize>(
    block: &[f64],
    block_rows: usize,
    residuals: &[f64],
    n_outputs: usize,
    first: usize,
    gradient: &mut [f64],
) {
    let (coefficients, intercepts) = gradient.split_at_mut(block.len() / block_rows * n_outputs);
    for (column, target) in block.chunks_exact(block_rows).zip(coefficients.chunks_exact_mut(n_outputs)) {
        let mut sums = [[0.0; LANES]; N];
        for row in (0..block_rows).step_by(LANES) {
            let cells = lanes(column, row);
            for (output, sums) in sums.iter_mut().enumerate() {
                let residuals = lanes(residuals, output * block_rows + row);
                for lane in 0..LANES {
                    sums[lane] += residuals[lane] * cells[lane];
                }
            }
        }
        for (target, sums) in target[first..first + N].iter_mut().zip(&sums) {
            *target += total(sums);
        }
    }
    for (target, residuals) in intercepts.iter_mut().skip(first).zip(residuals.chunks_exact(block_rows)).take(N) {
        let mut sums = [0.0; LANES];
        for row in (0..block_rows).step_by(LANES) {
            let residuals = lanes(residuals, row);
            for lane in 0..LANES {
                sums[lane] += residuals[lane];
            }
        }
        *target += total(&sums);
    }
}

#[inline(always)]
fn total(sums: &[f64; LANES]) -> f64 {
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

/// Returns the lanes that begin at a position.
#[inline(always)]
pub(crate) fn lanes(values: &[f64], from: usize) -> &[f64; LANES] {
    // The slice has the length of the array, so the default is never taken; it spares a panic path.
    values[from..from + LANES].first_chunk().unwrap_or(&[0.0; LANES])
}
