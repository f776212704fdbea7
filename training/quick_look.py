"""Study and fit the quick look: which family's full-size model may have drawn an image, by four tiny autoencoders.

    python -m training.quick_look --generated FOLDER --photos FOLDER

`--generated` is a folder of generators' pictures with its table SOURCES.csv (file, autoencoder_family, model,
repository), `--photos` one with cc-by/, cc0/ and highres/ inside. The autoencoders come from the Hub. What was measured
is kept in `--cache`, so that a run goes on where it was; the regression with its error rates goes to
`tracer/assets/quick_look.json`, and the tables to standard output.

Pictures of one collection share subjects and style, which a regression learns gladly: on random folds it looks far
better than on a collection that it never saw. So every source is left out in turn, and the random folds stand beside it
to show the leak. With so few sources, choosing among sets of features is a lottery (the winner without one source is
not the winner with it), so nothing is chosen: a regression is fitted to each set, and their logits are averaged, which
is one regression again.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.artifacts import screenshot
from benchmarks.core import table
from tracer.evidence.inversion import quick_look
from tracer.evidence.inversion.quick_look import PHOTOGRAPH, Measured
from tracer.image import intake
from tracer.models import cache as weights
from tracer.models import registry
from training import data

CLASSES = ("sd", "sdxl", "sd3", "flux1", PHOTOGRAPH)
# How many photographs, spread evenly over each split and kind; highres counts more than its few would.
FITTED = {("calibrate", "cc-by"): 20, ("calibrate", "cc0"): 35, ("calibrate", "highres"): 9, ("train", "highres"): 12}
TESTED = {("test", "cc-by"): 10, ("test", "cc0"): 10, ("test", "highres"): 10}
SETS = (
    ("raw",),
    ("relative",),
    ("between",),
    ("again",),
    ("relative", "again"),
    ("between", "again"),
    ("between", "again", "latents"),
    ("raw", "relative", "again", "latents"),
)
KINDS = ("raw", "relative", "between", "again", "latents")  # all that are in `SETS`
PENALTY = 0.01  # inverse strength of the squared penalty, as scikit-learn's C; ten times more or less changes little
LEAST = 0.4  # probability below which there is no answer: twice that of chance
FOLDS = 7


@dataclass(frozen=True)
class Pictures:
    """Measured pictures: what they are, where they come from, and whether each is a screenshot of a node editor."""

    measured: list[Measured]
    truth: np.ndarray
    source: np.ndarray
    shot: np.ndarray

    def without_screenshots(self) -> Pictures:
        """The pictures that a decoder drew."""
        kept = [each for each, shot in zip(self.measured, self.shot, strict=True) if not shot]
        return Pictures(kept, self.truth[~self.shot], self.source[~self.shot], self.shot[~self.shot])

    def matrix(self, names: tuple[str, ...]) -> np.ndarray:
        """Features, (pictures, features)."""
        return np.array([quick_look.features(each, names) for each in self.measured])


@dataclass(frozen=True)
class Regression:
    """A multinomial logistic regression over features that are centred on the photographs."""

    classes: list[str]
    mean: np.ndarray
    deviation: np.ndarray
    coefficients: np.ndarray
    intercept: np.ndarray

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """(pictures, `CLASSES`); a class that it never saw gets no chance."""
        found = np.full((len(rows), len(CLASSES)), -50.0)
        places = [CLASSES.index(name) for name in self.classes]
        found[:, places] = (rows - self.mean) / self.deviation @ self.coefficients + self.intercept
        return found


def fit(rows: np.ndarray, truth: np.ndarray, source: np.ndarray, penalty: float) -> Regression:
    """Fit with equal weight for every class and, within it, for a source by the square root of its size."""
    classes = [name for name in CLASSES if (truth == name).any()]
    mean, deviation = centre(rows, truth)
    centred, wanted = (rows - mean) / deviation, (truth[:, None] == np.array(classes)).astype(float)
    weight = np.zeros(len(rows))
    for name in classes:
        for place in np.unique(source[truth == name]):
            chosen = (truth == name) & (source == place)
            weight[chosen] = chosen.sum() ** -0.5
        weight[truth == name] /= weight[truth == name].sum()
    weight = (weight * len(rows) / len(classes))[:, None]
    shape = (rows.shape[1], len(classes))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients, intercept = flat[: -len(classes)].reshape(shape), flat[-len(classes) :]
        chances = log_softmax(centred @ coefficients + intercept)
        slope = (np.exp(chances) - wanted) * weight
        value = -(weight * wanted * chances).sum() + np.square(coefficients).sum() / (2 * penalty)
        return value, np.concatenate([(centred.T @ slope + coefficients / penalty).ravel(), slope.sum(axis=0)])

    start = np.zeros((shape[0] + 1) * len(classes))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    coefficients, intercept = found[: -len(classes)].reshape(shape), found[-len(classes) :]
    return Regression(classes, mean, deviation, coefficients, intercept)


def centre(rows: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photographs' mean, which is the baseline, and the deviation of all rows."""
    photographs = truth == PHOTOGRAPH
    return rows[photographs if photographs.any() else slice(None)].mean(axis=0), rows.std(axis=0) + 1e-6


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, row by row."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def balanced(truth: np.ndarray, logits: np.ndarray) -> float:
    """Mean over the classes of the share that was put into the right one."""
    right = np.array(CLASSES)[logits.argmax(axis=1)] == truth
    return float(np.mean([right[truth == name].mean() for name in np.unique(truth)]))


def pooled(rows: np.ndarray, truth: np.ndarray, source: np.ndarray, sets: tuple = SETS) -> Regression:
    """The mean of the regressions over each set of features, as one regression over all of `KINDS`."""
    sizes = np.cumsum([0, *(quick_look.SIZES[kind] for kind in KINDS)])
    places = {kind: np.arange(*sizes[index : index + 2]) for index, kind in enumerate(KINDS)}
    total, every, each = None, 0.0, None
    for names in sets:
        columns = np.concatenate([places[name] for name in names])
        each = fit(rows[:, columns], truth, source, PENALTY)
        total = np.zeros((rows.shape[1], len(each.classes))) if total is None else total
        total[columns] += each.coefficients / len(sets)
        every = every + each.intercept / len(sets)
    return Regression(each.classes, *centre(rows, truth), total, every)


def left_out(
    rows: np.ndarray, truth: np.ndarray, groups: np.ndarray, source: np.ndarray, sets: tuple = SETS
) -> np.ndarray:
    """Logits of every picture by a regression that never saw its group."""
    found = np.zeros((len(rows), len(CLASSES)))
    for group in np.unique(groups):
        inside = groups == group
        found[inside] = pooled(rows[~inside], truth[~inside], source[~inside], sets).logits(rows[inside])
    return found


def folds(truth: np.ndarray) -> np.ndarray:
    """A random fold for every picture, each class spread evenly over them."""
    found, rng = np.zeros(len(truth), int), np.random.default_rng(0)
    for name in CLASSES:
        places = rng.permutation(np.flatnonzero(truth == name))
        found[places] = np.arange(len(places)) % FOLDS
    return found


def study(pictures: Pictures) -> tuple[dict, float]:
    """Rates with every source left out and on random folds, and the divisor that calibrates the former's logits."""
    rows, truth, source = pictures.matrix(KINDS), pictures.truth, pictures.source
    logits = left_out(rows, truth, source, source)
    divisor = temperature(truth, logits)
    random = left_out(rows, truth, folds(truth), source)
    told = {
        "left_out": figures(truth, source, logits, divisor),
        "random_folds": figures(truth, source, random, divisor),
    }
    return told, divisor


def alone(pictures: Pictures) -> dict[str, list[float]]:
    """Balanced accuracy of each set of features alone: with every source left out, and on random folds."""
    rows, truth, source = pictures.matrix(KINDS), pictures.truth, pictures.source
    return {
        " + ".join(each): [
            balanced(truth, left_out(rows, truth, groups, source, (each,))) for groups in (source, folds(truth))
        ]
        for each in SETS
    }


def temperature(truth: np.ndarray, logits: np.ndarray) -> float:
    """The divisor of held-out logits that makes their probabilities most likely, every class counting alike."""
    place = np.array([CLASSES.index(name) for name in truth])
    weight = 1 / np.array([Counter(truth.tolist())[name] for name in truth])
    options = np.geomspace(0.5, 20, 60)
    chances = [(weight * log_softmax(logits / each)[np.arange(len(place)), place]).sum() for each in options]
    return float(options[int(np.argmax(chances))])


def figures(truth: np.ndarray, source: np.ndarray, logits: np.ndarray, divisor: float) -> dict:
    """Error rates, confusion matrix and rates by source."""
    chances = np.exp(log_softmax(logits / divisor))
    named, sure = np.array(CLASSES)[chances.argmax(axis=1)], chances.max(axis=1) >= LEAST
    right = named == truth
    each = {name: 1 / (truth == name).sum() / len(np.unique(truth)) for name in np.unique(truth)}
    weight = np.array([each[name] for name in truth])
    return {
        "balanced_accuracy": float((weight * right).sum()),
        "answered": float((weight * sure).sum()),
        "right_of_answered": float((weight * (right & sure)).sum() / max((weight * sure).sum(), 1e-9)),
        "confusion": {name: dict(Counter(named[truth == name].tolist())) for name in CLASSES},
        "answers": {name: dict(Counter(np.where(sure, named, "")[truth == name].tolist())) for name in CLASSES},
        "by_source": {
            str(place): [int(right[source == place].sum()), int((source == place).sum())] for place in np.unique(source)
        },
    }


def found_images(generated: Path, photos: Path, wanted: dict) -> Iterator[tuple[Path, str, str]]:
    """(file, class, source) of the generated pictures, and of the photographs evenly spread over their splits."""
    if wanted is FITTED:
        for row in csv.DictReader((generated / "SOURCES.csv").open(newline="")):
            if row["autoencoder_family"] in CLASSES:
                yield generated / row["file"], row["autoencoder_family"], row["repository"]
    for (split, kind), count in wanted.items():
        files = sorted(data.photograph_files(photos, split, (kind,)))
        count = min(count, len(files))
        yield from ((files[index * len(files) // count], PHOTOGRAPH, kind) for index in range(count))


def measured(images: Iterator[tuple[Path, str, str]], cache: Path) -> Pictures:
    """Measure every image once."""
    cache.mkdir(parents=True, exist_ok=True)
    models, kept = [], []
    for file, truth, source in images:
        pixels, stored = intake.read(file).pixels, cache / f"{file.name}.npz"
        shot = truth != PHOTOGRAPH and screenshot(pixels)
        if not stored.exists():
            models = models or [weights.load(row) for row in registry.families("tiny")]
            np.savez(stored, **vars(quick_look.measure(pixels, models)))
        with np.load(stored) as arrays:
            kept.append((Measured(*(arrays[name] for name in Measured.__dataclass_fields__)), truth, source, shot))
    return Pictures([row[0] for row in kept], *(np.array([row[place] for row in kept]) for place in (1, 2, 3)))


def report(document: dict) -> list[str]:
    """The tables, as Markdown."""
    by_source, random = document["left_out"], document["random_folds"]
    share = "{:.2f}".format
    shots = document["with_screenshots"]
    rows = [
        [name, *(share(found[key]) for key in ("balanced_accuracy", "answered", "right_of_answered"))]
        for name, found in (
            ("every source left out in turn", by_source),
            ("random folds", random),
            (f"every source left out in turn, with {shots['count']} screenshots", shots["left_out"]),
            (f"random folds, with {shots['count']} screenshots", shots["random_folds"]),
        )
    ]
    lines = table(["", "balanced accuracy", "answered", "right of those"], rows)
    rows = [[name, *(by_source["confusion"][name].get(other, 0) for other in CLASSES)] for name in CLASSES]
    lines += table(["truth, source left out", *CLASSES], rows)
    rows = [[name, f"{right} of {count}"] for name, (right, count) in by_source["by_source"].items()]
    lines += table(["source left out", "right"], rows)
    rows = [[name, *map(share, found)] for name, found in document["feature_sets"].items()]
    lines += table(["features", "sources left out", "random folds"], rows)
    return [*lines, "", f"test photographs: {document['test_photographs']}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=data.CACHE / "quick_look")
    arguments = parser.parse_args()
    every = measured(found_images(arguments.generated, arguments.photos, FITTED), arguments.cache)
    pictures = every.without_screenshots()
    truth, source = pictures.truth, pictures.source
    rates, divisor = study(pictures)
    final = pooled(pictures.matrix(KINDS), truth, source)
    test = measured(found_images(arguments.generated, arguments.photos, TESTED), arguments.cache)
    answers = figures(test.truth, test.source, final.logits(test.matrix(KINDS)), divisor)["answers"][PHOTOGRAPH]
    digits = lambda values: np.round(values, 5).tolist()  # noqa: E731
    document = {
        "classes": list(CLASSES),
        "features": list(KINDS),
        "temperature": round(divisor, 4),
        "least": LEAST,
        "weights": {row.id: weights.load(row).digest for row in registry.families("tiny")},
        "date": datetime.date.today().isoformat(),
        "images": len(truth),
        "counts": dict(Counter(truth.tolist())),
        "sources": dict(Counter(source.tolist())),
        **rates,
        "with_screenshots": {"count": int(every.shot.sum()), **study(every)[0]},
        "feature_sets": alone(pictures),
        "test_photographs": {name or "cannot tell": count for name, count in answers.items()},
        **{key: digits(getattr(final, key)) for key in ("mean", "deviation", "intercept", "coefficients")},
    }
    quick_look.FILE.write_text(json.dumps(document) + "\n")
    print("\n".join(report(document)))


if __name__ == "__main__":
    main()
