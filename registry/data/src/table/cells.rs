//! What tables hold.

use std::sync::{Arc, OnceLock};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions};
use arrow_buffer::ScalarBuffer;
use arrow_schema::SchemaRef;

/// The cells of a table.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    Batch(RecordBatch),
    Floats(Floats),
}

impl Cells {
    pub(super) fn schema(&self) -> &SchemaRef {
        match self {
            Cells::Batch(batch) => batch.schema_ref(),
            Cells::Floats(floats) => &floats.schema,
        }
    }

    pub(super) fn n_rows(&self) -> usize {
        match self {
            Cells::Batch(batch) => batch.num_rows(),
            Cells::Floats(floats) => floats.n_rows,
        }
    }

    pub(super) fn batch(&self) -> &RecordBatch {
        match self {
            Cells::Batch(batch) => batch,
            Cells::Floats(floats) => floats.batch.get_or_init(|| floats.to_batch()),
        }
    }

    /// Returns the cells column after column, if that is how they lie.
    pub(super) fn floats(&self) -> Option<&[f64]> {
        match self {
            Cells::Batch(_) => None,
            Cells::Floats(floats) => Some(&floats.cells),
        }
    }
}

/// Columns of floating-point numbers of which none is missing. Arrow's arrays, which cost more than the few numbers of
/// most requests, are made of them only where somebody asks for these.
#[derive(Clone, Debug)]
pub(super) struct Floats {
    schema: SchemaRef,
    cells: ScalarBuffer<f64>,
    n_rows: usize,
    batch: OnceLock<RecordBatch>,
}

impl Floats {
    /// Returns columns of this many rows, given one after the other; the schema has them all as floating-point numbers.
    pub(super) fn new(schema: SchemaRef, cells: Vec<f64>, n_rows: usize) -> Floats {
        Floats { schema, cells: cells.into(), n_rows, batch: OnceLock::new() }
    }

    fn to_batch(&self) -> RecordBatch {
        let column = |index| {
            let cells = ScalarBuffer::new(self.cells.inner().clone(), index * self.n_rows, self.n_rows);
            Arc::new(Float64Array::new(cells, None)) as ArrayRef
        };
        let columns = (0..self.schema.fields().len()).map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows));
        #[expect(clippy::expect_used, reason = "the columns have one length and the types of the schema")]
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).expect("columns of the schema")
    }
}
