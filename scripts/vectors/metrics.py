"""Writes components/metrics/tests/vectors/metrics.json: what scikit-learn's scorers say.

    python -m venv /tmp/vectors
    /tmp/vectors/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
    /tmp/vectors/bin/python scripts/vectors/metrics.py

Each case is what a model answers, the truth, and for each scorer a number, null for NaN, or "refused" where the scorer
raises an error. Where a scorer refuses only because a class of the model does not occur in the truth, the number is
that of the function behind it when it is given the model's classes.
"""

import json
import math
import pathlib
import platform
import warnings

import numpy
import scipy
import sklearn
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import label_binarize

VERSIONS = {"scikit-learn": "1.9.1", "numpy": "2.4.6", "scipy": "1.17.1"}
OUTPUT = pathlib.Path(__file__).parents[2] / "components/metrics/tests/vectors/metrics.json"

SHARES = [f"{share}{average}" for share in ("f1", "precision", "recall", "jaccard")
          for average in ("", "_micro", "_macro", "_weighted")]
OF_CLASSES = ["accuracy", "balanced_accuracy", "matthews_corrcoef", *SHARES]
OF_PROBABILITIES = ["roc_auc", "roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_ovo_weighted",
                    "average_precision", "neg_log_loss", "neg_brier_score", "top_k_accuracy",
                    "top_k_accuracy k=1", "top_k_accuracy k=3"]
OF_NUMBERS = ["r2", "explained_variance", "neg_max_error", "neg_mean_squared_error", "neg_root_mean_squared_error",
              "neg_mean_absolute_error", "neg_median_absolute_error", "neg_mean_squared_log_error",
              "neg_mean_absolute_percentage_error"]


class FixedClassifier(ClassifierMixin, BaseEstimator):
    """Answers what it is given."""

    def __init__(self, classes, predicted=None, probabilities=None):
        self.classes_ = numpy.array(classes)
        self.predicted = predicted
        self.probabilities = probabilities

    def predict(self, X):
        return numpy.array(self.predicted)

    def predict_proba(self, X):
        return numpy.array(self.probabilities)


class FixedRegressor(RegressorMixin, BaseEstimator):
    """Answers what it is given."""

    def __init__(self, predicted):
        self.predicted = predicted

    def predict(self, X):
        return numpy.array(self.predicted)


def with_classes(name, classes, truth, probabilities):
    """Returns what the function behind a scorer says when it knows the model's classes."""
    classes, truth, probabilities = map(numpy.array, (classes, truth, probabilities))
    binary = len(classes) == 2
    score = probabilities[:, 1] if binary else probabilities
    if name.startswith("top_k_accuracy"):
        k = int(name.partition("k=")[2] or 2)
        return metrics.top_k_accuracy_score(truth, score, k=k, labels=classes)
    if name == "neg_log_loss":
        return -metrics.log_loss(truth, score, labels=classes)
    if name == "neg_brier_score":
        truth = (truth == classes[1]).astype(int) if binary else truth
        return -metrics.brier_score_loss(truth, score, labels=None if binary else classes)
    if name == "average_precision" and not binary:
        return metrics.average_precision_score(label_binarize(truth, classes=classes), score)
    if name.startswith("roc_auc_") and not binary:
        average = "weighted" if name.endswith("weighted") else "macro"
        return metrics.roc_auc_score(truth, score, labels=classes, multi_class=name[8:11], average=average)
    raise ValueError("refused")


def number(score):
    """Returns a score as it is written."""
    return None if math.isnan(score) else float(score)


def scored(names, model, truth, fallback=None):
    """Returns the scores by name."""
    scores = {}
    for name in names:
        try:
            if " " in name or (name == "neg_brier_score" and len(model.classes_) == 2):
                # No scorer has another k, and of two classes other than 0 and 1 the scorer of the Brier score
                # confuses which is positive when only the lesser occurs.
                raise ValueError
            scores[name] = number(metrics.get_scorer(name)(model, numpy.zeros((len(truth), 1)), numpy.array(truth)))
        except ValueError:
            try:
                scores[name] = number(fallback(name)) if fallback else "refused"
            except ZeroDivisionError:
                # The weighted mean over the pairs of one class, of which there is none.
                scores[name] = None
            except ValueError:
                scores[name] = "refused"
    return scores


def plain(values):
    return numpy.array(values).tolist()


def class_case(name, classes, truth, predicted):
    scores = scored(OF_CLASSES, FixedClassifier(classes, predicted), truth)
    return {"name": name, "classes": classes, "truth": plain(truth), "predicted": plain(predicted), "scores": scores}


def probability_case(name, classes, truth, probabilities):
    model = FixedClassifier(classes, probabilities=probabilities)
    scores = scored(OF_PROBABILITIES, model, truth, lambda name: with_classes(name, classes, truth, probabilities))
    return {"name": name, "classes": classes, "truth": plain(truth), "probabilities": plain(probabilities),
            "scores": scores}


def number_case(name, truth, predicted):
    scores = scored(OF_NUMBERS, FixedRegressor(predicted), truth)
    return {"name": name, "truth": plain(truth), "predicted": plain(predicted), "scores": scores}


def class_cases(random):
    choose = lambda labels, n: random.choice(labels, n).tolist()
    text = ["ant", "bee", "cat"]
    return [
        class_case("random, 0 and 1", [0, 1], choose([0, 1], 40), choose([0, 1], 40)),
        class_case("random, -1 and 1", [-1, 1], choose([-1, 1], 30), choose([-1, 1], 30)),
        class_case("random, 1 and 2: 1 is positive", [1, 2], choose([1, 2], 30), choose([1, 2], 30)),
        class_case("random, 3 and 4: none is positive", [3, 4], choose([3, 4], 20), choose([3, 4], 20)),
        class_case("random, flags", [False, True], choose([False, True], 30), choose([False, True], 30)),
        class_case("random, two texts", ["no", "yes"], choose(["no", "yes"], 30), choose(["no", "yes"], 30)),
        class_case("random, three texts", text, choose(text, 50), choose(text, 50)),
        class_case("random, seven classes", list(range(7)), choose(range(7), 90), choose(range(7), 90)),
        class_case("random, floats", [0.0, 1.0, 2.0], choose([0.0, 1.0, 2.0], 30), choose([0.0, 1.0, 2.0], 30)),
        class_case("a class is never predicted", [0, 1, 2], choose([0, 1, 2], 30), choose([0, 2], 30)),
        class_case("a class is not in the truth", [0, 1, 2], choose([0, 2], 30), choose([0, 1, 2], 30)),
        class_case("two of three classes occur", [0, 1, 2], choose([0, 1], 30), choose([0, 1], 30)),
        class_case("two of three classes occur, not 1", [0, 1, 2], choose([0, 2], 30), choose([0, 2], 30)),
        class_case("unknown labels", [0, 1], choose([0, 1, 5, 9], 30), choose([0, 1], 30)),
        class_case("unknown text", ["ant", "bee"], choose(text, 30), choose(["ant", "bee"], 30)),
        class_case("constant prediction", [0, 1], choose([0, 1], 20), [0] * 20),
        class_case("constant prediction, positive", [0, 1], choose([0, 1], 20), [1] * 20),
        class_case("constant truth", [0, 1], [1] * 12, choose([0, 1], 12)),
        class_case("only the negative class", [0, 1], [0] * 5, [0] * 5),
        class_case("perfect", [0, 1, 2], [0, 1, 2, 2, 1], [0, 1, 2, 2, 1]),
        class_case("perfect of two", [0, 1], [0, 1, 1], [0, 1, 1]),
        class_case("all wrong", [0, 1], [0, 1, 1, 0], [1, 0, 0, 1]),
        class_case("one row, right", [0, 1], [1], [1]),
        class_case("one row, wrong", [0, 1], [1], [0]),
        class_case("one row of text", text, ["bee"], ["cat"]),
    ]


def probability_cases(random):
    choose = lambda labels, n: random.choice(labels, n).tolist()
    rows = lambda n, k: random.dirichlet(numpy.ones(k), n)
    text = ["ant", "bee", "cat", "dog"]

    def two(positive):
        return numpy.column_stack([1 - numpy.array(positive), positive])

    quarters = random.choice([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]], 30)
    return [
        probability_case("random, 0 and 1", [0, 1], choose([0, 1], 40), rows(40, 2)),
        probability_case("random, 1 and 2", [1, 2], choose([1, 2], 30), rows(30, 2)),
        probability_case("random, 3 and 4", [3, 4], choose([3, 4], 30), rows(30, 2)),
        probability_case("random, flags", [False, True], choose([False, True], 30), rows(30, 2)),
        probability_case("random, two texts", ["no", "yes"], choose(["no", "yes"], 30), rows(30, 2)),
        probability_case("random, four texts", text, choose(text, 60), rows(60, 4)),
        probability_case("random, six classes", list(range(6)), choose(range(6), 90), rows(90, 6)),
        probability_case("ties", [0, 1], choose([0, 1], 40), two(random.integers(0, 5, 40) / 4)),
        probability_case("ties of three", [0, 1, 2], choose([0, 1, 2], 30), quarters),
        probability_case("constant", [0, 1], choose([0, 1], 20), two([0.5] * 20)),
        probability_case("constant of three", [0, 1, 2], choose([0, 1, 2], 20), [[0.25, 0.5, 0.25]] * 20),
        probability_case("perfect", [0, 1], [0, 1, 1, 0], two([0.0, 1.0, 1.0, 0.0])),
        probability_case("sure and wrong", [0, 1], [0, 1, 1, 0], two([1.0, 0.0, 0.0, 1.0])),
        probability_case("perfect of three", [0, 1, 2], [0, 1, 2, 1], numpy.eye(3)[[0, 1, 2, 1]]),
        probability_case("sure and wrong of three", [0, 1, 2], [0, 1, 2, 1], numpy.eye(3)[[1, 2, 0, 0]]),
        probability_case("only the negative class", [0, 1], [0] * 6, rows(6, 2)),
        probability_case("only the positive class", [0, 1], [1] * 6, rows(6, 2)),
        probability_case("only the lesser of 1 and 2", [1, 2], [1] * 6, rows(6, 2)),
        probability_case("a class is absent", [0, 1, 2], choose([0, 2], 30), rows(30, 3)),
        probability_case("a text is absent", text, choose(text[1:], 30), rows(30, 4)),
        probability_case("one of three classes", [0, 1, 2], [1] * 8, rows(8, 3)),
        probability_case("one row", [0, 1], [1], rows(1, 2)),
        probability_case("one row of three classes", [0, 1, 2], [2], rows(1, 3)),
    ]


def number_cases(random):
    normal, positive = random.normal(3, 2, 41), random.gamma(2, 3, 40)
    return [
        number_case("random, odd", normal, normal + random.normal(0, 1, 41)),
        number_case("random, even", positive, positive * random.uniform(0.5, 1.5, 40)),
        number_case("far off", positive, -positive * 0.01),
        number_case("large numbers", positive + 1e6, positive + 1e6 + random.normal(0, 1, 40)),
        number_case("whole numbers", [3, 0, 7, 7], [2.5, 0.0, 8.0, 7.0]),
        number_case("a constant error", positive, positive + 2),
        number_case("perfect", positive, positive),
        number_case("constant truth", [2.0] * 5, [2.0, 2.5, 2.0, 1.0, 3.0]),
        number_case("constant truth, met", [2.0] * 5, [2.0] * 5),
        number_case("constant prediction", [1.0, 2.0, 4.0], [2.0] * 3),
        number_case("zeros in the truth", [0.0, 1.0, 0.0], [0.5, 1.0, 0.0]),
        number_case("minus one has no logarithm", [-1.0, 2.0], [0.0, 1.0]),
        number_case("between minus one and zero", [-0.5, 2.0], [-0.25, 1.0]),
        number_case("one row", [2.0], [2.5]),
        number_case("one row, met", [2.0], [2.0]),
        number_case("two rows", [2.0, 3.0], [2.5, 2.0]),
    ]


def main():
    found = {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__}
    if found != VERSIONS:
        raise SystemExit(f"this needs {VERSIONS}, found {found}")
    warnings.simplefilter("ignore")
    random = numpy.random.default_rng(20)
    cases = {"classes": class_cases(random), "probabilities": probability_cases(random),
             "numbers": number_cases(random)}
    lines = [f'  "versions": {json.dumps({**found, "python": platform.python_version()})}']
    for kind, listed in cases.items():
        rows = ",\n".join("    " + json.dumps(case) for case in listed)
        lines.append(f'  "{kind}": [\n{rows}\n  ]')
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
