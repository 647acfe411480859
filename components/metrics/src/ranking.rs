//! How well numbers put positive rows before negative ones.

/// Positive and negative rows by descending score; rows of one score are one step.
struct Steps {
    /// Positive and negative rows of each step.
    steps: Vec<(f64, f64)>,
    n_positive: f64,
    n_negative: f64,
}

impl Steps {
    fn of(rows: impl Iterator<Item = (f64, bool)>) -> Steps {
        // Both zeros are one score.
        let mut rows: Vec<(f64, bool)> = rows.map(|(score, positive)| (score + 0.0, positive)).collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let count = |step: &[(f64, bool)]| {
            let n_positive = step.iter().filter(|(_, positive)| *positive).count();
            (n_positive as f64, (step.len() - n_positive) as f64)
        };
        let steps: Vec<(f64, f64)> = rows.chunk_by(|a, b| a.0 == b.0).map(count).collect();
        let n_positive = steps.iter().map(|step| step.0).sum();
        let n_negative = steps.iter().map(|step| step.1).sum();
        Steps { steps, n_positive, n_negative }
    }
}

/// Returns the area under the ROC curve; NaN where there are no positive or no negative rows.
pub fn area_under_roc(rows: impl Iterator<Item = (f64, bool)>) -> f64 {
    let Steps { steps, n_positive, n_negative } = Steps::of(rows);
    let (mut area, mut positive_before) = (0.0, 0.0);
    for (positive, negative) in steps {
        area += negative * (positive_before + positive / 2.0);
        positive_before += positive;
    }
    area / (n_positive * n_negative)
}

/// Returns the mean precision over the steps of recall; 0 where there are no positive rows.
pub fn average_precision(rows: impl Iterator<Item = (f64, bool)>) -> f64 {
    let Steps { steps, n_positive, .. } = Steps::of(rows);
    if n_positive == 0.0 {
        tracing::warn!("a class has no rows in the target, its average precision counts as 0");
        return 0.0;
    }
    let (mut precision, mut hits, mut n_rows) = (0.0, 0.0, 0.0);
    for (positive, negative) in steps {
        hits += positive;
        n_rows += positive + negative;
        precision += positive / n_positive * (hits / n_rows);
    }
    precision
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_order(rows in proptest::collection::vec((0..6u8, any::<bool>()), 2..30)) {
            let rows: Vec<(f64, bool)> = rows.into_iter().map(|(score, is_true)| (f64::from(score), is_true)).collect();
            let (mut ordered, mut n_pairs) = (0.0, 0.0);
            for (positive, _) in rows.iter().filter(|row| row.1) {
                for (negative, _) in rows.iter().filter(|row| !row.1) {
                    n_pairs += 1.0;
                    ordered += if positive > negative { 1.0 } else if positive == negative { 0.5 } else { 0.0 };
                }
            }
            let area = area_under_roc(rows.iter().copied());
            if n_pairs == 0.0 {
                prop_assert!(area.is_nan());
            } else {
                prop_assert!((area - ordered / n_pairs).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_are_one_score() {
        assert_eq!(area_under_roc([(0.0, true), (-0.0, false)].into_iter()), 0.5);
    }
}
