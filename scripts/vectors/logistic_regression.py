"""Writes the reference numbers of logistic regression, or times scikit-learn for comparison with the benches.

Made with Python 3.11, scikit-learn 1.9.1, numpy 2.4.6 and scipy 1.17.1; the versions used are written to the output.

    pip install scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
    python scripts/vectors/logistic_regression.py > components/linear/tests/vectors/logistic_regression.json
    python scripts/vectors/logistic_regression.py --time

Every data set stands in the output, so that the tests need nothing else. Where columns are of very different size or
the penalty is weak, the default `tol` stops somewhere on a long flat slope and rounding decides where; those cases are
fitted with `tol` 1e-10, here and in the tests, so that coefficients can be compared within 1e-3.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import json
import pathlib
import platform
import sys
import time
import warnings

import numpy as np
import scipy
import sklearn
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

IRIS = pathlib.Path(__file__).parents[2] / "configs/iris/iris.data"


def datasets():
    lines = [line.split(",") for line in IRIS.read_text().split()]
    iris = np.array([[float(cell) for cell in line[:4]] for line in lines])
    species = np.unique([line[4] for line in lines], return_inverse=True)[1]
    wine, cultivar = load_wine(return_X_y=True)
    digits, digit = load_digits(return_X_y=True)
    binary = species[:100] != 0
    constant = np.column_stack([iris[:100], np.full(100, 7.5)])
    line = np.arange(12.0).reshape(-1, 1)
    return {
        "iris": (iris[:100], species[:100]),
        "iris, two classes": (iris[:100], binary.astype(int)),
        "iris, constant column": (constant, species[:100]),
        "wine": (wine, cultivar),
        "wine, scaled": (StandardScaler().fit_transform(wine).round(6), cultivar),
        "digits": (digits[:250], digit[:250]),
        "digits, two classes": (digits[:250], (digit[:250] > 4).astype(int)),
        "separable": (line, np.repeat([0, 1], 6)),
        "separable, three classes": (line, np.repeat([0, 1, 2], 4)),
    }


CASES = [
    ("iris", {"C": 0.3}),
    ("iris", {}),
    ("iris", {"C": 0.001}),
    ("iris", {"C": 100.0, "max_iter": 1000, "tol": 1e-10}),
    ("iris", {"fit_intercept": False}),
    ("iris", {"tol": 1e-10, "max_iter": 1000}),
    ("iris", {"max_iter": 1}),
    ("iris", {"max_iter": 5}),
    ("iris, two classes", {"C": 0.3}),
    ("iris, two classes", {"fit_intercept": False, "tol": 1e-8}),
    ("iris, constant column", {"C": 0.3}),
    ("iris, constant column", {"fit_intercept": False}),
    ("wine", {}),
    ("wine", {"C": 0.01, "max_iter": 100000, "tol": 1e-10}),
    ("wine, scaled", {}),
    ("wine, scaled", {"C": 10.0}),
    ("digits", {}),
    ("digits", {"C": 0.01, "fit_intercept": False}),
    ("digits, two classes", {"C": 0.1, "max_iter": 1000, "tol": 1e-10}),
    ("separable", {}),
    ("separable", {"C": 1e6, "tol": 1e-10, "max_iter": 1000}),
    ("separable, three classes", {"C": 100.0, "tol": 1e-10, "max_iter": 1000}),
]


def rounded(array):
    return [[float(f"{cell:.9g}") for cell in row] for row in np.atleast_2d(array)]


def vectors():
    data = datasets()
    cases = []
    for name, parameters in CASES:
        matrix, codes = data[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(**parameters).fit(matrix, codes)
        rows = list(range(0, len(matrix), max(1, len(matrix) // 12)))
        n_iter = int(model.n_iter_[0])
        cases.append({
            "dataset": name,
            "parameters": parameters,
            "coefficients": rounded(model.coef_),
            "intercepts": rounded(model.intercept_)[0],
            "rows": rows,
            "probabilities": rounded(model.predict_proba(matrix[rows])),
            "accuracy": model.score(matrix, codes),
            "n_iter": n_iter,
            "converged": n_iter < parameters.get("max_iter", 100),
        })
    versions = {"python": platform.python_version(), "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    versions["scipy"] = scipy.__version__
    sets = {
        name: {"matrix": [[int(cell) if cell == int(cell) else float(cell) for cell in row] for row in matrix],
               "codes": codes.tolist()}
        for name, (matrix, codes) in data.items()
    }
    return {"versions": versions, "datasets": sets, "cases": cases}


def bench_data(n_rows, n_columns, n_classes):
    """Makes the same rows as `benches/logistic_regression.rs`."""
    state, cells = 1, np.empty(n_rows * (n_columns + 1))
    for index in range(len(cells)):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        cells[index] = 2 * (state >> 11) / 2**53 - 1
    matrix = np.ascontiguousarray(cells[: n_rows * n_columns].reshape(n_columns, n_rows).T)
    sums = matrix.sum(axis=1) + cells[n_rows * n_columns :]
    places = np.clip((sums / np.sqrt(n_columns) + 1) / 2, 0, 0.999)
    return matrix, (places * n_classes).astype(int)


def best_time(work, repetitions):
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return f"{min(times) * 1e6:12.1f} us"


def timings():
    for n_rows, n_columns, n_classes in [(100, 4, 3), (20_000, 20, 5), (100_000, 20, 5)]:
        matrix, codes = bench_data(n_rows, n_columns, n_classes)
        model = LogisticRegression()
        seconds = best_time(lambda: model.fit(matrix, codes), 7)
        print(f"fit {n_rows}x{n_columns}x{n_classes}".ljust(26), seconds, f"{model.n_iter_[0]} iterations")
    matrix, codes = bench_data(10_000, 10, 3)
    model = LogisticRegression().fit(matrix, codes)
    for n_rows in [1, 10_000]:
        rows = matrix[:n_rows]
        print(f"predict {n_rows} rows".ljust(26), best_time(lambda: model.predict(rows), 200))
        print(f"predict_proba {n_rows} rows".ljust(26), best_time(lambda: model.predict_proba(rows), 200))


def write(document):
    """Prints JSON with one row of numbers a line."""
    text = json.dumps(document, indent=1)
    lines, depth = [], 0
    for line in text.split("\n"):
        stripped = line.strip()
        innermost = depth > 0
        depth = 1 if stripped.endswith("[") else 0 if stripped.startswith("]") else depth
        lines.append(stripped if innermost and lines and not stripped.endswith("[") else "\n" + line)
    print("".join(lines).strip())


if __name__ == "__main__":
    timings() if "--time" in sys.argv else write(vectors())
