//! Logistic regression against scikit-learn's numbers, and what holds for every data set.
#![expect(clippy::unwrap_used, reason = "a failed test is what it is for")]

use ndarray::{Array1, Array2, Axis};
use palladium_linear::{LogisticFit, LogisticParameters};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    datasets: BTreeMap<String, Rows>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Rows {
    matrix: Vec<Vec<f64>>,
    codes: Vec<u32>,
}

#[derive(Deserialize)]
struct Case {
    dataset: String,
    parameters: Given,
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    rows: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    accuracy: f64,
    n_iter: usize,
    converged: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(rename = "C", default = "one")]
    c: f64,
    #[serde(default = "yes")]
    fit_intercept: bool,
    #[serde(default = "hundred")]
    max_iter: usize,
    #[serde(default = "small")]
    tol: f64,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn hundred() -> usize {
    100
}

fn small() -> f64 {
    1e-4
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn largest_difference<'a>(left: impl IntoIterator<Item = &'a f64>, right: impl IntoIterator<Item = &'a f64>) -> f64 {
    left.into_iter().zip(right).fold(0.0, |largest, (left, right)| largest.max((left - right).abs()))
}

fn fit(data: &Rows, case: &Case) -> LogisticFit {
    let Given { c, fit_intercept, max_iter, tol } = case.parameters;
    let n_classes = *data.codes.iter().max().unwrap() as usize + 1;
    let parameters = LogisticParameters { c, fit_intercept, max_iter, tol };
    parameters.fit_codes(matrix(&data.matrix).view(), data.codes.clone(), n_classes, None).unwrap()
}

#[test]
fn agrees_with_scikit_learn() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/logistic_regression.json")).unwrap();
    assert_eq!(vectors.cases.len(), 22);
    let mut wrong = Vec::new();
    for case in &vectors.cases {
        let data = &vectors.datasets[&case.dataset];
        let fit = fit(data, case);
        let rows = matrix(&data.matrix);
        let probabilities = fit.weights.probabilities(rows.select(Axis(0), &case.rows).view());
        let coefficients = largest_difference(&fit.weights.coefficients(), &matrix(&case.coefficients));
        let intercepts = largest_difference(&fit.weights.intercepts(), &Array1::from(case.intercepts.clone()));
        let probabilities = largest_difference(&probabilities, &matrix(&case.probabilities));
        let codes = fit.weights.predict(rows.view());
        let hits = codes.iter().zip(&data.codes).filter(|(code, truth)| code == truth).count();
        let accuracy = hits as f64 / codes.len() as f64;
        let close = coefficients < 1e-3 && intercepts < 1e-3 && probabilities < 1e-3 && accuracy == case.accuracy;
        let like_iterations = fit.n_iter.abs_diff(case.n_iter) <= 2 + case.n_iter / 3;
        if !(close && like_iterations && fit.converged == case.converged) {
            wrong.push(format!(
                "{} {:?}: coefficients differ by {coefficients:.1e}, intercepts by {intercepts:.1e}, probabilities by \
                 {probabilities:.1e}, accuracy {accuracy} for {}, {} iterations for {}",
                case.dataset, case.parameters, case.accuracy, fit.n_iter, case.n_iter
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rows of small numbers with a class for each; every class occurs.
fn labelled_rows() -> impl Strategy<Value = (Array2<f64>, Vec<u32>, usize)> {
    (2_usize..5, 1_usize..6, 5_usize..40).prop_flat_map(|(n_classes, n_columns, n_rows)| {
        let cells = prop::collection::vec(-3.0..3.0, n_rows * n_columns);
        let codes = prop::collection::vec(0..n_classes as u32, n_rows);
        (cells, codes).prop_map(move |(cells, mut codes)| {
            codes.iter_mut().zip(0..n_classes as u32).for_each(|(code, class)| *code = class);
            (Array2::from_shape_vec((n_rows, n_columns), cells).unwrap(), codes, n_classes)
        })
    })
}

const EXACT: LogisticParameters = LogisticParameters { c: 1.0, fit_intercept: true, max_iter: 1000, tol: 1e-8 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn probabilities_sum_to_one_and_rank_the_prediction_first((rows, codes, n_classes) in labelled_rows()) {
        let weights = EXACT.fit_codes(rows.view(), codes, n_classes, None).unwrap().weights;
        let predictions = weights.predict(rows.view());
        for (row, code) in weights.probabilities(rows.view()).rows().into_iter().zip(predictions) {
            prop_assert!((row.sum() - 1.0).abs() < 1e-12);
            prop_assert!(row.iter().all(|probability| (0.0..=1.0).contains(probability)));
            prop_assert!(row.iter().all(|probability| *probability <= row[code as usize] + 1e-12));
        }
    }

    #[test]
    fn the_order_of_rows_and_the_memory_layout_do_not_matter((rows, codes, n_classes) in labelled_rows()) {
        let fit = EXACT.fit_codes(rows.view(), codes.clone(), n_classes, None).unwrap();
        let reversed: Vec<usize> = (0..rows.nrows()).rev().collect();
        let other_rows = rows.select(Axis(0), &reversed);
        let other_codes = reversed.iter().map(|row| codes[*row]).collect();
        let other = EXACT.fit_codes(other_rows.view(), other_codes, n_classes, None).unwrap();
        prop_assert!(largest_difference(&fit.weights.coefficients(), &other.weights.coefficients()) < 1e-4);

        let column_major = rows.t().as_standard_layout().into_owned().reversed_axes();
        let same = EXACT.fit_codes(column_major.view(), codes, n_classes, None).unwrap();
        prop_assert_eq!(same, fit);
    }
}
