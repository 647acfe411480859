"""Loads a table of SQLite with a library of Python and prints the number of rows, the seconds that took, the seconds of
CPU of the whole process and its peak memory in MiB; or makes the table.

Usage: sql.py make|connectorx|pandas|polars FILE
"""

import random
import resource
import sqlite3
import sys
import time

N_ROWS = 500_000
QUERY = "select * from data"


def make(file):
    numbers = random.Random(1)
    columns = ", ".join(f"x{index} real" for index in range(10))
    rows = (
        [numbers.gauss(0, 1) for _ in range(10)] + [numbers.choice(["setosa", "versicolor", "virginica"])]
        for _ in range(N_ROWS))
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(f"create table data ({columns}, label text)")
        connection.executemany(f"insert into data values ({', '.join('?' * 11)})", rows)
    connection.close()


def connectorx(file):
    import connectorx
    return lambda: connectorx.read_sql(f"sqlite://{file}", QUERY, return_type="arrow")


def pandas(file):
    import pandas
    connection = sqlite3.connect(file)
    return lambda: pandas.read_sql(QUERY, connection)


def polars(file):
    import polars
    connection = sqlite3.connect(file)
    return lambda: polars.read_database(QUERY, connection)


def main():
    what, file = sys.argv[1:]
    if what == "make":
        return make(file)
    load = {"connectorx": connectorx, "pandas": pandas, "polars": polars}[what](file)
    start = time.perf_counter()
    table = load()
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(len(table), f"{seconds:.3f} {usage.ru_utime + usage.ru_stime:.3f} {usage.ru_maxrss / 1024:.0f}")


main()
