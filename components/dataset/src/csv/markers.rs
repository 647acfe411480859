//! Which fields mean a missing value.

use std::rc::Rc;

use super::cell;
use super::options::{Marker, MissingValues};

/// The markers of pandas beside the empty field.
const DEFAULTS: &[&str] = &[
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "n/a", "nan", "null",
];

/// The markers of one column.
pub(crate) struct Markers {
    /// By first byte, so that an ordinary field is compared with few of them.
    texts: Vec<Vec<Box<str>>>,
    numbers: Vec<f64>,
}

impl Markers {
    /// Returns the default markers and these.
    fn with(further: &[Marker]) -> Markers {
        let mut markers = Markers { texts: vec![Vec::new(); 256], numbers: Vec::new() };
        for default in DEFAULTS {
            markers.insert(default);
        }
        for marker in further {
            let (text, number) = match marker {
                Marker::Text(text) => (text.clone(), cell::number(text)),
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
        let Some(first) = text.as_bytes().first() else { return };
        let texts = &mut self.texts[usize::from(*first)];
        if !texts.iter().any(|present| **present == *text) {
            texts.push(text.into());
        }
    }

    /// Tells whether a field means a missing value in every sort of column.
    pub(crate) fn has_text(&self, cell: &str) -> bool {
        match cell.as_bytes().first() {
            None => true,
            Some(first) => self.texts[usize::from(*first)].iter().any(|text| **text == *cell),
        }
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
pub(crate) fn for_columns<'a>(names: impl Iterator<Item = &'a str>, given: Option<&MissingValues>) -> Vec<Rc<Markers>> {
    match given {
        None => shared(names, &[]),
        Some(MissingValues::Everywhere(markers)) => shared(names, markers),
        Some(MissingValues::PerColumn(map)) => {
            let defaults = Rc::new(Markers::with(&[]));
            let of = |name| map.get(name).map_or_else(|| Rc::clone(&defaults), |list| Rc::new(Markers::with(list)));
            names.map(of).collect()
        }
    }
}

fn shared<'a>(names: impl Iterator<Item = &'a str>, further: &[Marker]) -> Vec<Rc<Markers>> {
    let markers = Rc::new(Markers::with(further));
    names.map(|_| Rc::clone(&markers)).collect()
}
