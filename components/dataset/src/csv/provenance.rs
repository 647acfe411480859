//! Where the rows of a table stand in their file.

use std::collections::HashMap;

use palladium_component::prelude::*;

use super::error::Place;

/// The physical lines where rows begin. Rows on consecutive lines share one entry.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct LineNumbers {
    /// Rows and their lines wherever the line is not the one after that of the row before.
    starts: Vec<(usize, u64)>,
    n_rows: usize,
}

/// The file that a table was read from.
#[derive(Debug)]
pub(crate) struct ReadFrom {
    /// The file as the configuration names it.
    pub(crate) file: String,
    /// The lines of the rows.
    pub(crate) lines: LineNumbers,
    /// By column of text, place and text of its first cell that is no number.
    pub(crate) text_cells: HashMap<String, String>,
}

impl LineNumbers {
    /// Adds the line of the next row.
    pub(crate) fn push(&mut self, line: u64) {
        if self.line(self.n_rows) != Some(line) {
            self.starts.push((self.n_rows, line));
        }
        self.n_rows += 1;
    }

    /// Adds the lines of rows that follow.
    pub(crate) fn append(&mut self, after: &LineNumbers) {
        let starts = after.starts.iter().map(|(row, line)| (row + self.n_rows, *line));
        match after.starts.first().map(|(_, line)| *line) {
            Some(line) if self.line(self.n_rows) == Some(line) => self.starts.extend(starts.skip(1)),
            _ => self.starts.extend(starts),
        }
        self.n_rows += after.n_rows;
    }

    /// Returns the number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns the line of a row.
    pub(crate) fn line(&self, row: usize) -> Option<u64> {
        let after = self.starts.partition_point(|(start, _)| *start <= row);
        let (start, line) = self.starts.get(after.checked_sub(1)?)?;
        Some(line + (row - start) as u64)
    }
}

impl Provenance for ReadFrom {
    fn place(&self, row: usize) -> String {
        match self.lines.line(row) {
            Some(line) => Place { file: self.file.clone(), line }.to_string(),
            None => format!("`{}`", self.file),
        }
    }

    fn text_cell(&self, column: &str) -> Option<String> {
        self.text_cells.get(column).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_line_of_every_row() {
        let lines = [2, 3, 4, 9, 10, 12];
        let mut numbers = LineNumbers::default();
        lines.iter().for_each(|line| numbers.push(*line));
        let kept: Vec<u64> = (0..numbers.n_rows()).filter_map(|row| numbers.line(row)).collect();
        assert_eq!(kept, lines);
        assert_eq!(numbers.starts.len(), 3);
        for cut in 0..=lines.len() {
            let [mut before, mut after] = [LineNumbers::default(), LineNumbers::default()];
            lines[..cut].iter().for_each(|line| before.push(*line));
            lines[cut..].iter().for_each(|line| after.push(*line));
            before.append(&after);
            assert_eq!(before, numbers, "{cut}");
        }
    }
}
