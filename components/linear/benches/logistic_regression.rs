//! Fitting and predicting; compare with `scripts/vectors/logistic_regression.py --time`.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::{Array2, ShapeBuilder};
use palladium_linear::LogisticParameters;

/// Returns column-major rows and codes: classes are stretches of a noisy sum of the columns.
fn data(n_rows: usize, n_columns: usize, n_classes: u32) -> (Array2<f64>, Vec<u32>) {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let matrix = Array2::from_shape_simple_fn((n_rows, n_columns).f(), || 2.0 * random() - 1.0);
    let half_range = (n_columns as f64).sqrt();
    let place = |sum: f64| ((sum / half_range + 1.0) / 2.0).clamp(0.0, 0.999) * f64::from(n_classes);
    let codes = matrix.rows().into_iter().map(|row| place(row.sum() + 2.0 * random() - 1.0) as u32).collect();
    (matrix, codes)
}

fn benchmarks(criterion: &mut Criterion) {
    let parameters = LogisticParameters::default();
    for (name, n_rows, n_columns, n_classes) in
        [("fit 100x4x3", 100, 4, 3), ("fit 20000x20x5", 20_000, 20, 5), ("fit 100000x20x5", 100_000, 20, 5)]
    {
        let (matrix, codes) = data(n_rows, n_columns, n_classes);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| parameters.fit_codes(matrix.view(), codes.clone(), n_classes as usize, None));
        });
    }
    let (matrix, codes) = data(10_000, 10, 3);
    let weights = parameters.fit_codes(matrix.view(), codes, 3, None).unwrap().weights;
    for (name, n_rows) in [("1 row", 1), ("10000 rows", 10_000)] {
        let rows = matrix.slice(ndarray::s![..n_rows, ..]);
        criterion
            .bench_function(&format!("predict {name}"), |bencher| bencher.iter(|| weights.predict(black_box(rows))));
        criterion.bench_function(&format!("predict_proba {name}"), |bencher| {
            bencher.iter(|| weights.probabilities(black_box(rows)));
        });
    }
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
