//! Where the rows of a table come from, in a form that can be stored.

use std::collections::BTreeMap;

use palladium_component::prelude::*;
use serde::{Deserialize, Serialize};

/// How many runs are kept at most.
const MOST_RUNS: usize = 16_384;

/// The places of rows, those that follow one another in one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Places {
    runs: Vec<Run>,
    /// By column of text, place and text of a cell that makes it text.
    text_cells: BTreeMap<String, String>,
}

/// Rows whose places differ in one number, which counts up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Run {
    /// The first row.
    row: usize,
    /// What stands before the number.
    before: String,
    /// The number of the first row; nothing where the place has none, and the run has one row.
    number: Option<u64>,
    /// What stands behind the number.
    after: String,
}

impl Places {
    /// Returns the places of the rows of a table; nothing where they are not known, or follow one another too rarely.
    pub(crate) fn of(data: &Dataset) -> Option<Places> {
        let table = &data.features;
        let mut runs: Vec<Run> = Vec::new();
        for row in 0..table.n_rows() {
            let place = table.place(row)?;
            if runs.last().is_some_and(|run| run.place(row) == place) {
                continue;
            }
            if runs.len() == MOST_RUNS {
                return None;
            }
            runs.push(Run::starting(row, &place));
        }
        let target = data.target.as_ref().map(|target| target.name.as_str());
        let cells = table.names().chain(target).filter_map(|name| Some((name.to_owned(), table.text_cell(name)?)));
        let places = Places { text_cells: cells.collect(), runs };
        (places != Places::default()).then_some(places)
    }
}

impl Run {
    /// Returns the run that begins with a row at a place: its last number is what counts.
    fn starting(row: usize, place: &str) -> Run {
        let digits = place.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let before = digits.trim_end_matches(|letter: char| letter.is_ascii_digit());
        match digits[before.len()..].parse::<u64>() {
            // A zero in front would be lost.
            Ok(number) if digits[before.len()..] == number.to_string() => {
                let (before, after) = (before.to_owned(), place[digits.len()..].to_owned());
                Run { row, before, number: Some(number), after }
            }
            _ => Run { row, before: place.to_owned(), number: None, after: String::new() },
        }
    }

    /// Returns the place of a row of the run.
    fn place(&self, row: usize) -> String {
        let Run { before, after, .. } = self;
        match self.number {
            Some(number) => format!("{before}{}{after}", number.saturating_add((row - self.row) as u64)),
            None => before.clone(),
        }
    }
}

impl Provenance for Places {
    fn place(&self, row: usize) -> String {
        let behind = self.runs.partition_point(|run| run.row <= row);
        let run = behind.checked_sub(1).and_then(|index| self.runs.get(index));
        run.map_or_else(|| format!("row {}", row + 1), |run| run.place(row))
    }

    fn text_cell(&self, column: &str) -> Option<String> {
        self.text_cells.get(column).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::numbered;

    #[derive(Debug)]
    struct Fixed(Vec<String>);

    impl Provenance for Fixed {
        fn place(&self, row: usize) -> String {
            self.0[row].clone()
        }

        fn text_cell(&self, column: &str) -> Option<String> {
            (column == "label").then(|| "a cell".to_owned())
        }
    }

    fn at(places: Vec<String>) -> Dataset {
        let data = numbered(places.len(), |_| "a");
        Dataset { features: data.features.with_provenance(Arc::new(Fixed(places))), ..data }
    }

    #[test]
    fn places_come_back_as_they_were_and_those_in_a_row_are_one() {
        let cases: [(&[&str], usize); 5] = [
            (&["`a`, line 2", "`a`, line 3", "`a`, line 4", "`a`, line 9", "`b2`, line 10"], 3),
            (&["x", "x", "y"], 2),
            (&["row 007", "row 008"], 2),
            (&["page 9 of b", "page 10 of b"], 1),
            (&["99999999999999999999999", "18446744073709551615", "18446744073709551615"], 2),
        ];
        for (expected, n_runs) in cases {
            let data = at(expected.iter().map(|place| (*place).to_owned()).collect());
            let places = Places::of(&data).unwrap();
            let stored: Places = serde_json::from_str(&serde_json::to_string(&places).unwrap()).unwrap();
            let found: Vec<String> = (0..expected.len()).map(|row| stored.place(row)).collect();
            assert_eq!(
                (found, stored.runs.len()),
                (expected.iter().map(|place| (*place).to_owned()).collect(), n_runs)
            );
            assert_eq!(stored.text_cell("label").as_deref(), Some("a cell"));
            assert_eq!(stored.text_cell("row"), None);
        }
    }

    #[test]
    fn unknown_places_and_too_many_jumps_are_not_kept() {
        assert_eq!(Places::of(&numbered(3, |_| "a")), None);
        let jumps = |count: usize| (0..count).map(|row| format!("line {}", 2 * row)).collect();
        assert!(Places::of(&at(jumps(MOST_RUNS))).is_some());
        assert_eq!(Places::of(&at(jumps(MOST_RUNS + 1))), None);
    }
}
