//! What tables cost: `cargo bench -p palladium-data`. Matrices of 1,000,000 rows and ten columns, class codes of 1,000,000
//! labels, and rows taken, filtered and stacked.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use palladium_data::arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray};
use palladium_data::{Classes, Column, ColumnType, SummaryOptions, Table};

const ROWS: usize = 1_000_000;

/// Returns ten columns of numbers; in the second half of them every seventh cell is missing.
fn numbers() -> Table {
    let column = |index: usize| -> ArrayRef {
        let number = move |row: usize| ((row * 31 + index) % 1009) as f64;
        match index < 5 {
            true => Arc::new((0..ROWS).map(|row| Some(number(row))).collect::<Float64Array>()),
            false => Arc::new((0..ROWS).map(|row| (row % 7 != 0).then(|| number(row))).collect::<Float64Array>()),
        }
    };
    Table::new((0..10).map(|index| (format!("c{index}"), column(index))).collect()).unwrap()
}

fn labels() -> Column {
    let label = |row: usize| format!("class {}", row * 7919 % 100);
    Column { name: "y".into(), values: Arc::new((0..ROWS).map(|row| Some(label(row))).collect::<StringArray>()) }
}

fn benchmark(criterion: &mut Criterion) {
    let table = numbers();
    let text = labels();
    let category = text.cast(ColumnType::Category).unwrap();
    let mut group = criterion.benchmark_group("table");
    group.sample_size(10);
    group.bench_function("column_major_matrix", |bencher| bencher.iter(|| black_box(&table).to_matrix().unwrap()));
    group.bench_function("row_major_matrix", |bencher| {
        bencher.iter(|| black_box(&table).to_row_major_matrix().unwrap());
    });
    group.bench_function("column_view", |bencher| bencher.iter(|| black_box(&table).numbers("c0").unwrap().len()));
    group.bench_function("classes_of_text", |bencher| bencher.iter(|| Classes::of(black_box(&text)).unwrap()));
    group
        .bench_function("classes_of_categories", |bencher| bencher.iter(|| Classes::of(black_box(&category)).unwrap()));

    let mixed = table.with_column("text", &text.values).unwrap().with_column("category", &category.values).unwrap();
    let rows: Vec<usize> = (0..ROWS).map(|row| row * 7919 % ROWS).collect();
    let mask: BooleanArray = (0..ROWS).map(|row| Some(row % 3 != 0)).collect();
    let halves = [mixed.slice(0, ROWS / 2), mixed.slice(ROWS / 2, ROWS / 2)];
    group.bench_function("take", |bencher| bencher.iter(|| mixed.take(black_box(&rows)).unwrap()));
    group.bench_function("filter", |bencher| bencher.iter(|| mixed.filter(black_box(&mask)).unwrap()));
    group.bench_function("concat", |bencher| bencher.iter(|| Table::concat(black_box(&halves)).unwrap()));
    group.bench_function("summary", |bencher| {
        bencher.iter(|| black_box(&mixed).summary(&SummaryOptions::default()));
    });
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
