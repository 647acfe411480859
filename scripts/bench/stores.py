"""How long Python takes to store models as Palladium for Python does: pickled, compressed by gzip at its default level,
in SQLite in chunks of 100 MiB or in a file. Prints one line for each store, size and operation: the median in seconds.

Usage: stores.py FOLDER SIZE...
"""

import array
import contextlib
import gzip
import io
import json
import os
import pickle
import random
import sqlite3
import statistics
import sys
import time

CHUNK_SIZE = 100 << 20


class Model:
    """As `bench.Numbers`; the array is pickled as one piece, as NumPy's are."""

    def __init__(self, size):
        numbers = random.Random(1)
        self.values = array.array("d", (numbers.random() for _ in range(size // 8)))


class Database:
    """Like the original, it has a connection of its own for each use."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "models.db")
        with self.session() as connection:
            connection.executescript("""
                CREATE TABLE IF NOT EXISTS properties (id INTEGER PRIMARY KEY, name TEXT, value TEXT NOT NULL);
                CREATE TABLE IF NOT EXISTS models (version INTEGER PRIMARY KEY, metadata TEXT NOT NULL);
                CREATE TABLE IF NOT EXISTS model_chunks (
                    id INTEGER PRIMARY KEY, model_version INTEGER REFERENCES models (version), blob BLOB NOT NULL);
                """)

    @contextlib.contextmanager
    def session(self):
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def write(self, model):
        stream = io.BytesIO()
        with gzip.open(stream, "wb") as file:
            pickle.dump(model, file)
        content = stream.getvalue()
        with self.session() as connection:
            version = (connection.execute("SELECT max(version) FROM models").fetchone()[0] or 0) + 1
            connection.execute("INSERT INTO models VALUES (?, ?)", (version, json.dumps({"version": version})))
            for start in range(0, len(content), CHUNK_SIZE):
                chunk = content[start:start + CHUNK_SIZE]
                connection.execute("INSERT INTO model_chunks (model_version, blob) VALUES (?, ?)", (version, chunk))
        return version

    def activate(self, version):
        with self.session() as connection:
            connection.execute("DELETE FROM properties WHERE name = 'active-model'")
            connection.execute("INSERT INTO properties (name, value) VALUES ('active-model', ?)", (str(version),))

    def refresh(self):
        with self.session() as connection:
            return dict(connection.execute("SELECT name, value FROM properties"))

    def read(self):
        version = self.refresh()["active-model"]
        with self.session() as connection:
            chunks = connection.execute(
                "SELECT blob FROM model_chunks WHERE model_version = ? ORDER BY id", (int(version),))
            content = b"".join(chunk for chunk, in chunks)
        with gzip.open(io.BytesIO(content), "rb") as file:
            return pickle.load(file)


class File:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, "model-" + name)

    def metadata(self):
        try:
            with open(self.path("metadata.json")) as file:
                return json.load(file)
        except FileNotFoundError:
            return {"models": [], "properties": {}}

    def save(self, metadata):
        with open(self.path("metadata.json"), "w") as file:
            json.dump(metadata, file, indent=4)

    def write(self, model):
        models = self.metadata()["models"]
        version = models[-1]["version"] + 1 if models else 1
        with gzip.open(self.path(f"{version}.pkl.gz"), "wb") as file:
            pickle.dump(model, file)
        metadata = self.metadata()
        metadata["models"].append({"version": version})
        self.save(metadata)
        return version

    def activate(self, version):
        metadata = self.metadata()
        metadata["properties"]["active-model"] = str(version)
        self.save(metadata)

    def refresh(self):
        return self.metadata()["properties"]

    def read(self):
        with gzip.open(self.path(self.refresh()["active-model"] + ".pkl.gz"), "rb") as file:
            return pickle.load(file)


def timed(times, operation, *arguments):
    start = time.perf_counter()
    result = operation(*arguments)
    times.append(time.perf_counter() - start)
    return result


def measure(kind, folder, model, n_runs):
    times = {"write": [], "activate": [], "read": [], "refresh": []}
    for _ in range(n_runs):
        store = kind(folder)
        version = timed(times["write"], store.write, model)
        timed(times["activate"], store.activate, version)
        timed(times["read"], lambda: kind(folder).read())
        timed(times["refresh"], store.refresh)
    return times


def main():
    folder, *sizes = sys.argv[1:]
    for size in map(int, sizes):
        model = Model(size)
        n_runs = min(max(300_000_000 // size, 3), 31)
        for title, kind in ("SQLite", Database), ("files", File):
            place = os.path.join(folder, f"{title}-{size}")
            os.mkdir(place)
            for operation, times in measure(kind, place, model, n_runs).items():
                print(f"{title:<12} {size:>10} {operation:<10} {statistics.median(times):.6f}", flush=True)


main()
