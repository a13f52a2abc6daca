"""GoEmotions: our classifier from scratch against TF-IDF with logistic regression, on the same rows.

    python benchmarks/goemotions.py --data ../shared/data/goemotions --out runs/goemotions

Prints what RESULTS.md shows. A classifier that is there already is read, not trained again.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from assent.config import check
from assent.data.labelled import labelled
from assent.models.classifier_files import load_classifier
from assent.rewards.classifier import ClassifierPart, ClassifierReward
from assent.stages import classes_reward
from assent.stages.workspace import Workspace

NAMES = {"0": "ambiguous", "1": "negative", "2": "neutral", "3": "positive"}
SETTINGS = {
    "kind": "classes",
    "model": {"width": 128, "depth": 1, "heads": 2, "context": 128, "vocabulary": 8000, "dropout": 0.3},
    "names": NAMES,
    "balance": 2.2,  # 2 / F - 1 with F = 0.62, near what TF-IDF reaches: functional/classification.py
    "max_tokens": 128,  # one text of train has 525
    "epochs": 3,
    "batch": 64,
    "micro_batch": 64,
    "learning_rate": 0.001,
    "optimiser": {"precision": "bfloat16", "warmup": 0.05, "weight_decay": 0.01},
}
RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/goemotions"))
    parser.add_argument("--out", type=Path, default=Path("runs/goemotions"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    neural = ours(options.data, options.out, options.seed)
    middle = time.monotonic()
    actual, linear, chosen = tfidf(options.data)
    seconds = {"neural": round(middle - began), "linear": round(time.monotonic() - middle)}
    print(f"chosen by cross-validation: {chosen}; seconds: {seconds}\n\n{table(actual, linear, neural)}")


def rows(path: Path) -> tuple[list[str], np.ndarray]:
    """(texts, which of the four labels each has)"""
    found = labelled(str(path))
    return [row.text for row in found], np.array([[name in row.labels for name in NAMES] for row in found])


def tfidf(data: Path) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """(labels of dev, those that the baseline gives, what cross-validation on train chose)"""
    (texts, labels), (unseen, actual) = rows(data / "train.tsv"), rows(data / "dev.tsv")
    words = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"(?u)\b\w+\b|[^\w\s]")
    each = OneVsRestClassifier(LogisticRegression(solver="liblinear"))
    grid = {
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
        "onevsrestclassifier__estimator__C": [0.5, 1, 2, 4],
        "onevsrestclassifier__estimator__class_weight": [None, "balanced"],
    }
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(make_pipeline(words, each), grid, scoring="f1_macro", cv=folds)
    search.fit(texts, labels.astype(int))
    found = {name.rpartition("__")[2]: value for name, value in search.best_params_.items()}
    return actual, search.predict(unseen).astype(bool), {**found, "macro_f1": round(search.best_score_, 4)}


def ours(data: Path, out: Path, seed: int) -> np.ndarray:
    """The labels that our classifier gives dev, read from its saved folder by the reward `classifier`."""
    model = str(out / "model")
    if not (out / "model").exists():
        out.mkdir(parents=True, exist_ok=True)
        settings = {
            **SETTINGS,
            "data": str(data / "train.tsv"),
            "held_out_data": str(data / "dev.tsv"),
            "seed": seed,
        }
        work = Workspace("goemotions", out, Log(out / "metrics.jsonl"), told, lambda: False)
        classes_reward.run(check(classes_reward.Config, settings, "goemotions"), work)
    classifier, (unseen, _) = load_classifier(model), rows(data / "dev.tsv")
    judges = [
        ClassifierReward(classifier, check(ClassifierPart, {"model": model, "label": name}, "classifier"))
        for name in NAMES.values()
    ]
    return np.array([judge([""] * len(unseen), unseen) for judge in judges]).T > 0  # p > 1/2


class Log:
    """One line a step."""

    def __init__(self, path: Path):
        self.path = path

    def __call__(self, step: int, stats: object) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **dict(stats)}) + "\n")  # type: ignore[call-overload]

    def table(self, step: int, name: str, rows: object) -> None:
        pass

    def rewind(self, step: int) -> None:
        if step == 0:
            self.path.unlink(missing_ok=True)


def told(done: int, total: int, note: str) -> None:
    if done % 100 == 0 or done == total:
        print(f"{done}/{total}  {note}", flush=True)


def table(actual: np.ndarray, linear: np.ndarray, neural: np.ndarray) -> str:
    """F1 of both, with bootstrap intervals of the macro mean and of its difference on the same texts."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, len(actual), (RESAMPLES, len(actual)))

    def line(name: str, found: np.ndarray) -> tuple[str, np.ndarray]:
        each = f1_score(actual, found, average=None)
        means = np.array([macro(actual[rows], found[rows]) for rows in drawn])
        low, high = np.quantile(means, [0.025, 0.975])
        cells = " | ".join(f"{value:.3f}" for value in each)
        return f"| {name} | {macro(actual, found):.4f} ({low:.4f} to {high:.4f}) | {cells} |", means

    first, of_linear = line("TF-IDF, logistic regression", linear)
    second, of_neural = line("kind: classes, from scratch", neural)
    low, high = np.quantile(of_neural - of_linear, [0.025, 0.975])
    gain = macro(actual, neural) - macro(actual, linear)
    head = f"| | macro F1 | {' | '.join(NAMES.values())} |\n|{'---|' * 6}\n"
    return f"{head}{first}\n{second}\n\nDifference: {gain:+.4f} ({low:+.4f} to {high:+.4f}), paired\n"


def macro(actual: np.ndarray, found: np.ndarray) -> float:
    hits, said, true = ((actual & found).sum(0), found.sum(0), actual.sum(0))
    return float((2 * hits / np.maximum(1, said + true)).mean())


if __name__ == "__main__":
    main()
