//! Reads a file into a data set.

use std::fs::{File, Metadata};
use std::io::{Read, Seek};

use palladium_component::prelude::*;

use super::column::Column;
use super::error::{CsvError, Place, cannot_open};
use super::layout::Layout;
use super::markers;
use super::options::Options;
use super::provenance::{LineNumbers, ReadFrom};
use super::records::Records;

/// How many texts of a column of numbers are kept for the case that it is text after all.
const KEPT: usize = 1000;

/// Loads the data set that the options describe.
pub(crate) fn load(options: &Options<'_>) -> Result<Dataset, CsvError> {
    let (file, metadata) = open(options.path)?;
    let table = read(&file, &metadata, options)?;
    let target = options.target_column.map(|name| name.0.as_str());
    Dataset::split(table, target).map_err(|reason| CsvError::NotATable { file: options.path.to_owned(), reason })
}

/// Finds out whether a file can be read.
pub(crate) fn probe(path: &str) -> Result<(), CsvError> {
    let (mut file, _) = open(path)?;
    file.read(&mut [0]).map_err(|reason| cannot_open(path, reason))?;
    Ok(())
}

fn open(path: &str) -> Result<(File, Metadata), CsvError> {
    let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    let (file, metadata) = opened.map_err(|reason| cannot_open(path, reason))?;
    if metadata.is_dir() {
        return Err(CsvError::Folder { file: path.to_owned() });
    }
    Ok((file, metadata))
}

fn read(mut file: &File, metadata: &Metadata, options: &Options<'_>) -> Result<Table, CsvError> {
    // What is not a file on disk can be read once only.
    let n_kept = if metadata.is_file() { KEPT } else { usize::MAX };
    let (mut columns, lines) = gather(file, options, |layout| {
        let markers = markers::for_columns(layout.names(), options.na_values);
        let columns = layout.columns.iter().zip(markers);
        columns.map(|(field, markers)| Column::new(field.position, &field.name, markers, n_kept)).collect()
    })?;
    for warning in columns.iter().filter_map(Column::warning) {
        tracing::warn!("{warning}");
    }
    let text_cells = columns.iter().filter_map(|column| Some((column.name().to_owned(), column.text_cell()?)));
    let text_cells = text_cells.collect();
    let (mut finished, mut again) = (Vec::new(), Vec::new());
    for mut column in columns.drain(..) {
        finished.push((column.name().to_owned(), column.finish()));
        if matches!(finished.last(), Some((_, None))) {
            again.push(column.into_text());
        }
    }
    if !again.is_empty() {
        file.rewind().map_err(|reason| cannot_open(options.path, reason))?;
        let (columns, lines_again) = gather(file, &Options { nrows: Some(lines.n_rows()), ..*options }, |_| again)?;
        if lines_again != lines || is_changed(file, metadata) {
            return Err(CsvError::Changed { file: options.path.to_owned() });
        }
        let places = finished.iter_mut().filter(|(_, cells)| cells.is_none());
        for ((_, cells), mut column) in places.zip(columns) {
            *cells = column.finish();
        }
    }
    let columns = finished.into_iter().filter_map(|(name, cells)| Some((name, cells?))).collect();
    let provenance = ReadFrom { file: options.path.to_owned(), lines, text_cells };
    let table = Table::new(columns).map_err(|reason| CsvError::NotATable { file: options.path.to_owned(), reason })?;
    Ok(table.with_provenance(std::sync::Arc::new(provenance)))
}

fn is_changed(file: &File, before: &Metadata) -> bool {
    let Ok(after) = file.metadata() else { return true };
    after.len() != before.len() || after.modified().ok() != before.modified().ok()
}

/// Reads all rows into columns and returns these with the lines of the rows.
fn gather(
    input: impl Read,
    options: &Options<'_>,
    columns_of: impl FnOnce(&Layout) -> Vec<Column>,
) -> Result<(Vec<Column>, LineNumbers), CsvError> {
    let mut records = Records::new(input, options)?;
    let header = match options.header_row() {
        Some(row) => Some(read_header(&mut records, row, options)?),
        None => None,
    };
    let Some(mut record) = records.next()? else {
        return Err(match header {
            Some((header, _)) => CsvError::NoRows { header },
            None => CsvError::Empty { file: options.path.to_owned() },
        });
    };
    let layout = match header {
        Some((place, names)) => {
            let n_fields = names.len();
            Layout::new(options, Some(names), n_fields, &place)?
        }
        None => Layout::new(options, None, record.len(), &record.place())?,
    };
    let mut columns = columns_of(&layout);
    let mut lines = LineNumbers::default();
    loop {
        if record.len() != layout.n_fields {
            return Err(CsvError::Ragged { place: record.place(), found: record.len(), expected: layout.n_fields });
        }
        columns.iter_mut().try_for_each(|column| column.push(&record))?;
        lines.push(record.line());
        if options.nrows.is_some_and(|limit| lines.n_rows() >= limit) {
            return Ok((columns, lines));
        }
        match records.next()? {
            Some(next) => record = next,
            None => return Ok((columns, lines)),
        }
    }
}

/// Returns the names in the row that holds them, and its place.
fn read_header(
    records: &mut Records<'_, impl Read>,
    row: usize,
    options: &Options<'_>,
) -> Result<(Place, Vec<String>), CsvError> {
    let file = || options.path.to_owned();
    for found in 0..row {
        if records.next()?.is_none() {
            return Err(CsvError::NoHeader { file: file(), header: row, found });
        }
    }
    match records.next()? {
        Some(record) => Ok((record.place(), record.fields().map(str::to_owned).collect())),
        None if row == 0 => Err(CsvError::Empty { file: file() }),
        None => Err(CsvError::NoHeader { file: file(), header: row, found: row }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::options::{Header, Separator};
    use super::*;

    fn options(path: &str) -> Options<'_> {
        Options {
            path,
            target_column: None,
            names: None,
            separator: Separator(b','),
            header: Header::Absent,
            nrows: None,
            skiprows: None,
            usecols: None,
            na_values: None,
        }
    }

    /// More numbers than are kept, then a text.
    fn late_text() -> String {
        (0..=KEPT).map(|row| format!("0{row}\n")).chain(["x\n".to_owned()]).collect()
    }

    #[test]
    fn a_file_that_changes_between_two_passes_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(late_text().as_bytes()).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        assert_eq!(load(&options(&path)).unwrap().n_rows(), KEPT + 2);
        let (opened, metadata) = open(&path).unwrap();
        file.write_all(b"y\n").unwrap();
        let error = read(&opened, &metadata, &options(&path)).unwrap_err();
        assert_eq!(error.to_string(), format!("`{path}` was changed while it was read"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_is_read_once() {
        use std::os::fd::AsRawFd;

        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(late_text().as_bytes()).unwrap();
        drop(writer);
        let dataset = load(&options(&format!("/dev/fd/{}", reader.as_raw_fd()))).unwrap();
        let expected: Vec<String> = (0..=KEPT).map(|row| format!("0{row}")).chain(["x".to_owned()]).collect();
        assert_eq!(*dataset.features.columns()[0], *(std::sync::Arc::new(StringArray::from(expected)) as ArrayRef));
    }
}
