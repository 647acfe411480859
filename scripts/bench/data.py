"""What it takes to load tables in Python: wall clock and CPU time in seconds, how many bytes memory grows by at its peak,
and the number of rows.

Usage: data.py make PATH ROWS
       data.py load READER PATH
"""

import os
import pathlib
import sys
import time

import numpy
import pandas


def make(path, n_rows):
    path = pathlib.Path(path)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(0)
    columns = {f"x{column}": random.standard_normal(n_rows) for column in range(10)}
    words = numpy.array([f"word-{random.integers(10**9)}" for _ in range(500)])
    columns["word"] = words[random.integers(len(words), size=n_rows)]
    unfinished = path.with_suffix(".part")
    frame = pandas.DataFrame(columns)
    if path.suffix == ".parquet":
        frame.to_parquet(unfinished, index=False)
    else:
        frame.to_csv(unfinished, index=False)
    unfinished.rename(path)


def original(path):
    """As Palladium for Python loads a table: the features, texts among them, as one array of objects."""
    frame = pandas.read_csv(path)
    target = frame.pop("x9")
    return frame.values, target.values


def pandas_pyarrow(path):
    read = pandas.read_parquet if path.endswith(".parquet") else pandas.read_csv
    return read(path, engine="pyarrow")


def polars(path):
    import polars

    return lambda: polars.read_parquet(path) if path.endswith(".parquet") else polars.read_csv(path)


READERS = {
    "pandas-c": lambda path: lambda: pandas.read_csv(path),
    "pandas-pyarrow": lambda path: lambda: pandas_pyarrow(path),
    "polars": polars,
    "original": lambda path: lambda: original(path),
}


def memory(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))


def load(reader, path):
    if reader == "pandas-pyarrow":
        # The import is no part of what is measured.
        import pyarrow.csv  # noqa: F401
        import pyarrow.parquet  # noqa: F401
    read = READERS[reader](path)
    before, cpu, start = memory("VmRSS"), time.process_time(), time.perf_counter()
    table = read()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    rows = len(table[0] if isinstance(table, tuple) else table)
    print(f"{wall:.3f} {cpu:.2f} {memory('VmHWM') - before} {rows}", flush=True)
    # What was loaded is not taken apart, which may take longer than loading it.
    os._exit(0)


def main():
    match sys.argv[1:]:
        case ["make", path, n_rows]:
            make(path, int(n_rows))
        case ["load", reader, path]:
            load(reader, path)
        case _:
            sys.exit(__doc__)


main()
