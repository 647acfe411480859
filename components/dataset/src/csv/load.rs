//! Reads a file into a data set.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use palladium_component::prelude::*;

use super::block::{Block, Rows, Shape};
use super::blocks::Blocks;
use super::column::Column;
use super::error::{CsvError, Place, are, fields};
use super::layout::{Layout, Reading};
use super::markers;
use super::mixed;
use super::options::{BadLines, Options, Quoting};
use super::part::{Format, Found, Hint, Part, Plan, read_all};
use super::provenance::{LineNumbers, ReadFrom};
use crate::source::{Compression, Held, Opened, Source, SourceFile};

/// How files are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// About how long a block is, in bytes.
    pub(crate) block_size: usize,
    /// How many fields a block of several rows has at most, those among them that rows lack.
    pub(crate) most_fields: usize,
    /// With how many cells a table is large, so that not nearly all of them may be what rows lack.
    pub(crate) many_cells: usize,
    /// How many threads work on blocks.
    pub(crate) n_threads: usize,
}

impl Effort {
    /// Returns what is best on this machine.
    pub(crate) fn ordinary() -> Effort {
        let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Effort { block_size: 1 << 18, most_fields: 1 << 20, many_cells: 100_000_000, n_threads }
    }
}

/// Of how many cells of a large table one is in the file at least.
const SPARSE: u64 = 20;

/// How many columns of blocks are read at the same time, as far as one thread does not read more of them.
const MOST_PARTS: usize = 1 << 22;

/// Loads the data set that the options describe.
pub(crate) fn load(
    source: &Source,
    compression: Compression,
    options: &Options<'_>,
    effort: Effort,
    progress: &LoadProgress,
) -> Result<Dataset, CsvError> {
    let mut name = String::new();
    // No rows at all still have columns, which the first row tells.
    let n_read = options.nrows.map(|nrows| nrows.max(1));
    let table = source.read(n_read, |file, nrows| {
        if name.is_empty() {
            file.name().clone_into(&mut name);
        }
        read_table(file, compression, &Options { nrows, ..*options }, effort, progress).map(Held::Table)
    })?;
    if table.n_rows() == 0 {
        tracing::warn!(
            "`{name}`: no row follows the one with the column names; a file without column names needs `names`, or \
             `header: None`"
        );
    }
    let target = options.target_column.map(|name| name.0.as_str());
    let is_table = |reason| CsvError::NotATable { file: name.clone(), reason };
    let data = Dataset::split(table, target).map_err(is_table)?;
    if options.nrows == Some(0) { data.take(&[]).map_err(is_table) } else { Ok(data) }
}

fn read_table(
    file: &SourceFile,
    compression: Compression,
    options: &Options<'_>,
    effort: Effort,
    progress: &LoadProgress,
) -> Result<Table, CsvError> {
    let Opened { reader, file: on_disk } = file.open(compression)?;
    let before = on_disk.as_ref().and_then(stamp);
    let reader: Box<dyn Read + Send> = match before {
        Some((length, _)) => {
            progress.expect_bytes(length);
            Box::new(progress.counting(reader))
        }
        None => reader,
    };
    let format = Format {
        file: file.name(),
        numbers: options.number_format(),
        flags: options.flags(),
        day_first: options.dayfirst,
        has_ints: options.quoting != Quoting::QuotedTexts,
        // What is not a file on disk, such as a pipe, can be read once only.
        keeps_texts: on_disk.is_none() && compression.of(file.name()).is_none(),
    };
    let located = |error| mixed::located(error, file, compression, options, effort, &format);
    let gathered = gather(reader, file, options, &format, effort, |layout| plans(layout, options)).map_err(located)?;
    gathered.report(file.name());
    progress.add_rows(gathered.rows.n_rows() as u64);
    let Gathered { plans, columns, rows, .. } = gathered;
    let text_cell = |(plan, column): (&Plan, &Column)| {
        let (place, cell) = column.tally.first_other.as_ref().filter(|_| column.is_text())?;
        Some((plan.name.clone(), format!("{place}, `{cell}`")))
    };
    let text_cells = plans.iter().zip(&columns).filter_map(text_cell).collect();
    let (mut finished, mut again) = (Vec::new(), Vec::new());
    for (plan, column) in plans.into_iter().zip(columns) {
        let cells = column.finish(&plan, file.name()).transpose().map_err(located)?;
        finished.push((plan.name.clone(), cells));
        if matches!(finished.last(), Some((_, None))) {
            again.push(Plan { hint: Hint::new(Found::Text), ..plan });
        }
    }
    let changed = || CsvError::Changed { file: file.name().to_owned() };
    if !again.is_empty() {
        let Opened { reader, file: on_disk } = file.open(compression)?;
        let options = Options { nrows: options.nrows.map(|_| rows.n_rows()), ..*options };
        let second = gather(reader, file, &options, &format, effort, |_| again)?;
        if second.rows != rows || on_disk.as_ref().and_then(stamp) != before {
            return Err(changed());
        }
        let places = finished.iter_mut().filter(|(_, cells)| cells.is_none());
        for (((_, cells), plan), column) in places.zip(&second.plans).zip(second.columns) {
            *cells = column.finish(plan, file.name()).transpose()?;
        }
    }
    let columns = finished.into_iter().map(|(name, cells)| Some((name, cells?))).collect::<Option<Vec<_>>>();
    let provenance = ReadFrom { file: file.name().to_owned(), lines: rows, text_cells };
    let table = Table::new(columns.ok_or_else(changed)?);
    let table = table.map_err(|reason| CsvError::NotATable { file: file.name().to_owned(), reason })?;
    Ok(table.with_provenance(Arc::new(provenance)))
}

/// Returns the length of a file and when it was written to.
fn stamp(file: &File) -> Option<(u64, Option<SystemTime>)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

/// Returns what is to be made of each column.
pub(super) fn plans(layout: Layout, options: &Options<'_>) -> Vec<Plan> {
    let markers = markers::for_columns(layout.names(), options);
    let columns = layout.columns.into_iter().zip(markers);
    columns
        .map(|(field, markers)| Plan {
            position: field.position,
            name: field.name,
            markers,
            reading: field.reading,
            hint: Hint::new(Found::Missing),
        })
        .collect()
}

/// The columns of a file.
pub(super) struct Gathered {
    pub(super) plans: Vec<Plan>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: LineNumbers,
    log: Log,
}

/// What the log should say about the rows of a file.
#[derive(Default)]
struct Log {
    n_fields: usize,
    tells_bad: bool,
    bad: Vec<(u64, usize)>,
    n_bad: u64,
    n_short: u64,
    n_lacking: u64,
    first_short: Option<(u64, usize)>,
    n_surplus: usize,
}

/// Columns that are being put together from blocks, which may come in any order.
struct Assembly<'a> {
    plans: &'a [Plan],
    columns: Vec<Column>,
    rows: LineNumbers,
    log: Log,
    many_cells: usize,
    next: usize,
    waiting: BTreeMap<usize, (Vec<Part>, Rows)>,
    /// The error of the earliest block that has one.
    error: Option<(usize, CsvError)>,
}

/// Reads all rows into columns.
pub(super) fn gather(
    input: Box<dyn Read + Send>,
    file: &SourceFile,
    options: &Options<'_>,
    format: &Format<'_>,
    effort: Effort,
    plans_of: impl FnOnce(Layout) -> Vec<Plan>,
) -> Result<Gathered, CsvError> {
    let mut block = Block::default();
    let (blocks, layout) = Blocks::open(input, options, file, effort, &mut block)?;
    let shape = blocks.shape();
    let log = Log {
        n_fields: shape.n_fields,
        tells_bad: options.on_bad_lines == BadLines::Warn,
        n_surplus: layout.n_surplus,
        ..Log::default()
    };
    let plans = plans_of(layout);
    let columns = plans.iter().map(|_| Column::new()).collect();
    let (rows, waiting) = (LineNumbers::default(), BTreeMap::new());
    let assembly =
        Assembly { plans: &plans, columns, rows, log, many_cells: effort.many_cells, next: 0, waiting, error: None };
    let shared = Shared {
        blocks: Mutex::new(blocks),
        assembly: Mutex::new(assembly),
        has_failed: AtomicBool::new(false),
        plans: &plans,
        shape,
        format,
    };
    shared.add(&mut block);
    std::thread::scope(|scope| {
        // A small file is read before the first thread has started.
        let n_threads = effort.n_threads.min(MOST_PARTS / shared.plans.len().max(1));
        let n_helpers = if shared.is_small() { 0 } else { n_threads.saturating_sub(1) };
        for _ in 0..n_helpers {
            scope.spawn(|| shared.work(&mut Block::default()));
        }
        shared.work(&mut block);
    });
    let Assembly { columns, rows, log, error, .. } =
        shared.assembly.into_inner().unwrap_or_else(PoisonError::into_inner);
    match error {
        Some((_, error)) => Err(error),
        None => Ok(Gathered { plans, columns, rows, log }),
    }
}

/// What the threads that read one file share.
struct Shared<'a> {
    blocks: Mutex<Blocks<'a>>,
    assembly: Mutex<Assembly<'a>>,
    has_failed: AtomicBool,
    plans: &'a [Plan],
    shape: Shape,
    format: &'a Format<'a>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared<'_> {
    fn is_small(&self) -> bool {
        lock(&self.blocks).is_small()
    }

    /// Takes and reads blocks until there are none.
    fn work(&self, block: &mut Block) {
        while !self.has_failed.load(Ordering::Relaxed) && self.take(block) {
            self.add(block);
        }
    }

    fn take(&self, block: &mut Block) -> bool {
        let mut blocks = lock(&self.blocks);
        match blocks.next(block) {
            Ok(is_there) => is_there,
            Err(error) => {
                let index = blocks.next_index();
                drop(blocks);
                self.fail(index, error);
                false
            }
        }
    }

    /// Reads a block and adds what it holds to the columns.
    fn add(&self, block: &mut Block) {
        let index = block.index;
        match self.parts(block) {
            Ok(parts) => {
                let rows = std::mem::take(&mut block.rows);
                let added = lock(&self.assembly).add(index, parts, rows, self.format.file);
                added.unwrap_or_else(|(index, error)| self.fail(index, error));
            }
            Err(error) => self.fail(index, error),
        }
    }

    fn parts(&self, block: &mut Block) -> Result<Vec<Part>, CsvError> {
        block.split(self.format.file, self.shape)?;
        block.check_text(self.format.file, self.shape)?;
        read_all(block, self.shape.n_fields, self.plans, self.format)
    }

    fn fail(&self, index: usize, error: CsvError) {
        self.has_failed.store(true, Ordering::Relaxed);
        let mut assembly = lock(&self.assembly);
        if assembly.error.as_ref().is_none_or(|(earliest, _)| index < *earliest) {
            assembly.error = Some((index, error));
        }
    }
}

impl Assembly<'_> {
    /// Adds a block, and those that waited for it.
    fn add(&mut self, index: usize, parts: Vec<Part>, rows: Rows, file: &str) -> Result<(), (usize, CsvError)> {
        self.waiting.insert(index, (parts, rows));
        while let Some((parts, rows)) = self.waiting.remove(&self.next) {
            for ((column, part), plan) in self.columns.iter_mut().zip(parts).zip(self.plans) {
                column.append(part, plan, file).map_err(|error| (self.next, error))?;
            }
            self.rows.append(&rows.lines);
            self.log.add(&rows);
            self.check_density(file).map_err(|error| (self.next, error))?;
            self.next += 1;
        }
        Ok(())
    }

    /// Checks that the table does not have many more cells than the file has fields.
    fn check_density(&self, file: &str) -> Result<(), CsvError> {
        let (n_rows, n_columns) = (self.rows.n_rows(), self.columns.len());
        let n_cells = n_rows.saturating_mul(n_columns);
        if n_cells <= self.many_cells {
            return Ok(());
        }
        let n_fields = (n_rows as u64).saturating_mul(self.log.n_fields as u64) - self.log.n_lacking;
        match n_fields < n_cells as u64 / SPARSE {
            true => Err(CsvError::Sparse { file: file.to_owned(), n_rows, n_columns, n_fields }),
            false => Ok(()),
        }
    }
}

impl Log {
    fn add(&mut self, rows: &Rows) {
        const TOLD: usize = 10;
        let room = TOLD - self.bad.len().min(TOLD);
        self.bad.extend(rows.bad.iter().take(room));
        self.n_bad += rows.bad.len() as u64;
        self.n_short += rows.n_short;
        self.n_lacking += rows.n_lacking;
        self.first_short = self.first_short.or(rows.first_short);
    }
}

impl Gathered {
    /// Tells the log what was made of odd rows and columns.
    fn report(&self, file: &str) {
        let place = |line| Place { file: file.to_owned(), line };
        let Log { n_fields, n_bad, n_short, n_surplus, .. } = self.log;
        for (line, found) in self.log.bad.iter().filter(|_| self.log.tells_bad) {
            tracing::warn!(
                "{}: the row has {found} {}, where {n_fields} {} expected; it is left out",
                place(*line),
                fields(*found),
                are(n_fields),
            );
        }
        if self.log.tells_bad && n_bad > self.log.bad.len() as u64 {
            tracing::warn!("`{file}`: {n_bad} rows have too many fields and are left out");
        }
        if let Some((line, found)) = self.log.first_short {
            tracing::warn!(
                "{}: the row has {found} {}, where {n_fields} {} expected; {n_short} such {} with empty \
                 fields",
                place(line),
                fields(found),
                are(n_fields),
                if n_short == 1 { "row is filled up" } else { "rows are filled up" },
            );
        }
        if n_surplus > 0 {
            let (fields, have) =
                (fields(n_surplus), if n_surplus == 1 { "has no name and is" } else { "have no name and are" });
            tracing::warn!("`{file}`: {n_surplus} {fields} at the end of each row {have} left out");
        }
        let warning = |(plan, column): (&Plan, &Column)| {
            let is_inferred = matches!(plan.reading, Reading::Infer);
            column.tally.warning(&plan.name).filter(|_| is_inferred && column.is_text())
        };
        let rounding =
            |(plan, column): (&Plan, &Column)| column.tally.rounding(&plan.name).filter(|_| !column.is_text());
        let columns = || self.plans.iter().zip(&self.columns);
        let warnings = columns().filter_map(warning).chain(columns().filter_map(rounding));
        warnings.for_each(|warning| tracing::warn!("{warning}"));
    }
}
