//! Which fields mean a missing value.

use std::sync::Arc;

use super::cell::NumberFormat;
use super::options::{Marker, MissingValues, Options};

/// The markers of pandas beside the empty field.
const DEFAULTS: &[&str] = &[
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "n/a", "nan", "null",
];

/// The markers of one column.
#[derive(Debug)]
pub(crate) struct Markers {
    /// By first byte, so that an ordinary field is compared with few of them.
    texts: Vec<Vec<Box<[u8]>>>,
    has_empty: bool,
    numbers: Vec<f64>,
}

impl Markers {
    /// Returns no markers.
    fn none() -> Markers {
        Markers { texts: vec![Vec::new(); 256], has_empty: false, numbers: Vec::new() }
    }

    /// Returns these markers and, if they are wanted, the default ones.
    fn with(further: &[Marker], has_defaults: bool) -> Markers {
        let mut markers = Markers { has_empty: has_defaults, ..Markers::none() };
        for default in DEFAULTS.iter().filter(|_| has_defaults) {
            markers.insert(default);
        }
        for marker in further {
            let (text, number) = match marker {
                Marker::Text(text) => (text.clone(), NumberFormat::ORDINARY.number(text.as_bytes())),
                Marker::Int(number) => (number.to_string(), Some(*number as f64)),
                Marker::Float(number) => (number.to_string(), Some(*number)),
            };
            markers.insert(&text);
            if let Some(number) = number {
                markers.numbers.push(number);
                if number.fract() == 0.0 {
                    markers.insert(&format!("{number:.0}"));
                    markers.insert(&format!("{number:.1}"));
                }
            }
        }
        markers
    }

    fn insert(&mut self, text: &str) {
        let Some(first) = text.as_bytes().first() else {
            self.has_empty = true;
            return;
        };
        let texts = &mut self.texts[usize::from(*first)];
        if !texts.iter().any(|present| **present == *text.as_bytes()) {
            texts.push(text.as_bytes().into());
        }
    }

    /// Tells whether a field means a missing value in every sort of column.
    pub(crate) fn has_text(&self, cell: &[u8]) -> bool {
        match cell.first() {
            None => self.has_empty,
            Some(first) => self.texts[usize::from(*first)].iter().any(|text| **text == *cell),
        }
    }

    /// Tells whether a field that is a number may mean a missing value.
    pub(crate) fn has_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// Tells whether a number means a missing value in a column of numbers.
    pub(crate) fn has_number(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }

    /// Tells whether a whole number means a missing value in a column of numbers.
    pub(crate) fn has_whole_number(&self, number: i64) -> bool {
        self.numbers.iter().any(|marker| *marker == number as f64 && *marker as i64 == number)
    }
}

/// Returns the markers of each of these columns.
pub(crate) fn for_columns<'a>(names: impl Iterator<Item = &'a str>, options: &Options<'_>) -> Vec<Arc<Markers>> {
    let with = |further: &[Marker]| Arc::new(Markers::with(further, options.keep_default_na));
    let shared = match options.na_values {
        _ if !options.na_filter => Arc::new(Markers::none()),
        Some(MissingValues::Everywhere(markers)) => with(markers),
        _ => with(&[]),
    };
    let of = |name| match options.na_values {
        Some(MissingValues::PerColumn(map)) if options.na_filter => map.get(name).map(|markers| with(markers)),
        _ => None,
    };
    names.map(|name| of(name).unwrap_or_else(|| Arc::clone(&shared))).collect()
}
