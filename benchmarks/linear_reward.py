"""Linear rewards on real preferences: accuracy on prompts that were not learned from.

    python benchmarks/linear_reward.py ../shared/data/hh_harmless/preferences.jsonl --out runs/linear.jsonl

Nested cross-validation by prompt: five folds are tested on in turn, and the penalty is chosen by five folds
inside the other four. Each row of the table is one choice of features and estimator, over several ways to
deal the prompts into folds. A row that stands in --out already is not measured again.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from sklearn.model_selection import GroupKFold

from assent.config import check
from assent.data.sources import comparisons
from assent.evaluation.trust import baselines
from assent.functional.shares import wilson_interval
from assent.records import Comparison
from assent.rewards.features import Features
from assent.rewards.linear import Asked, fit_linear
from assent.rewards.regression import of_comparisons
from assent.stages.linear_reward import accuracy_of

FOLDS = 5
NONE: dict[str, Any] = {"length": False, "words": None}
FEATURES: dict[str, dict[str, Any]] = {
    "length": {"words": None},
    "readability": {**NONE, "readability": True},
    "overlap": {**NONE, "overlap": True},
    "length, readability, overlap": {"words": None, "readability": True, "overlap": True},
    "single words": {"length": False, "words": {"ngrams": [1, 1]}},
    "words": {"length": False},
    "length, words": {},
    "length, words, overlap": {"overlap": True},
    "length, words, readability": {"readability": True},
    "characters": {**NONE, "characters": {}},
    "length, characters": {"words": None, "characters": {}},
    "length, words, characters": {"characters": {}},
}
ESTIMATORS = ("logistic", "ridge", "svm", "least_squares")
OTHERS_ON = ("length", "length, words")  # the features that the other estimators are measured on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("preferences")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    judged = comparisons(asked.preferences)
    print(f"{len(judged)} comparisons, {len({c.prompt.text for c in judged})} prompts")
    for rule, share in baselines(judged).items():
        print(f"{rule}: {share:.4f} ({interval(share or 0.0, len(judged))})")
    wanted = [(features, "logistic") for features in FEATURES]
    wanted += [(features, estimator) for features in OTHERS_ON for estimator in ESTIMATORS[1:]]
    slow_last = sorted(wanted, key=lambda row: "characters" in row[0])
    for seed, (features, estimator) in product(range(asked.seeds), slow_last):
        measure(judged, features, estimator, seed, asked.out)
    print(table(rows_of(asked.out), wanted, len(judged)))


def measure(judged: Sequence[Comparison], features: str, estimator: Any, seed: int, out: Path) -> None:
    """Add the row of one choice and one seed to `out`, unless it is there."""
    key = {"features": features, "estimator": estimator, "seed": seed}
    if any(key.items() <= row.items() for row in rows_of(out)):
        return
    start, accuracies, penalties = time.process_time(), [], []
    splits = GroupKFold(FOLDS, shuffle=True, random_state=seed).split(
        judged, groups=[comparison.prompt.text for comparison in judged]
    )
    asked = Asked(check(Features, FEATURES[features], features), estimator, seed=seed)
    for seen, unseen in splits:
        fitted = fit_linear(asked, *of_comparisons([judged[index] for index in seen]))
        tested = [judged[index] for index in unseen]
        accuracies.append(accuracy_of(fitted.reward, tested) * len(tested) / len(judged))
        penalties.append(fitted.penalty)
    seconds = (time.process_time() - start) / FOLDS
    row = {**key, "accuracy": sum(accuracies), "penalties": penalties, "seconds_a_fit": seconds}
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(row, flush=True)


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def table(rows: Sequence[dict[str, Any]], wanted: Sequence[tuple[str, str]], count: int) -> str:
    lines = [
        "| features | estimator | accuracy | 95% interval | seeds | penalties | seconds a fit |",
        "|---|---|---|---|---|---|---|",
    ]
    for features, estimator in wanted:
        found = [row for row in rows if (row["features"], row["estimator"]) == (features, estimator)]
        if not found:
            continue
        each = [row["accuracy"] for row in found]
        mean = statistics.fmean(each)
        penalties = [penalty for row in found for penalty in row["penalties"] if penalty is not None]
        chosen = " ".join(f"{penalty:g}" for penalty in sorted(set(penalties))) or "-"
        seconds = statistics.fmean(row["seconds_a_fit"] for row in found)
        lines.append(
            f"| {features} | {estimator} | {mean:.4f} | {interval(mean, count)} | {len(found)} "
            f"({min(each):.4f} to {max(each):.4f}) | {chosen} | {seconds:.1f} |"
        )
    return "\n".join(lines)


def interval(share: float, count: int) -> str:
    low, high = wilson_interval(share * count, count)
    return f"{low:.3f} to {high:.3f}"


if __name__ == "__main__":
    main()
