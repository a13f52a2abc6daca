"""The recipes of recipes/real/ on real input, and the figures that RESULTS.md shows of them.

    python recipes/real/prepare.py ../shared
    python benchmarks/real_recipes.py stories     --out runs/real
    python benchmarks/real_recipes.py harmless    --out runs/real
    python benchmarks/real_recipes.py qa_feedback --out runs/real
    python benchmarks/real_recipes.py tldr        --out runs/real

Each runs its recipe with `assent run` (harmless once a fold, qa_feedback once a seed) and prints its table.
What is there already is not made again.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assent.functional.statistics import bootstrap_interval, wilson_interval

RECIPES = Path(__file__).parents[1] / "recipes" / "real"
FOLDS = 5
SEEDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=sorted(TABLES))
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for line in TABLES[given.what](given.out.absolute()):
        print(line)


def run(recipe: str, out: Path, *overrides: str) -> Path:
    """The run's folder, complete."""
    chosen = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "assent", "run", str(RECIPES / f"{recipe}.yaml"), "--out", str(out)]
    subprocess.run([*command, *chosen, "--quiet"], check=True)
    return out


def stories(out: Path) -> list[str]:
    folder = run("stories", out / "stories")
    summary = facts(folder / "summary.json")
    feeling = facts(stage_folder(folder, "reward") / "reward.json")
    before, after = summary["policies"]["before"], summary["policies"]["happier"]
    answers = rows_of(stage_folder(folder, "evaluate") / "answers.jsonl")
    rises = {name: rise(answers, name) for name in ("score", "positive", "negative")}
    names = {"score": "positive minus negative", "positive": "positive", "negative": "negative"}
    lines = ["| logit, mean of 200 | before | after | difference |", "|---|---|---|---|"]
    for name, title in names.items():
        key = f"{name}_mean"
        lines.append(f"| {title} | {before[key]:.2f} | {after[key]:.2f} | {rises[name]} |")
    told = [f"{after['kl_per_answer']:.1f} nats an answer", seconds(summary)]
    told.append(
        f"macro F1 on dev {feeling['macro_f1']:.4f} "
        f"({feeling['macro_f1_low']:.4f} to {feeling['macro_f1_high']:.4f})"
    )
    told.append(f"distinct pairs of words {before['distinct_2']:.2f} to {after['distinct_2']:.2f}")
    return [*lines, "", "; ".join(told)]


def rise(answers: Sequence[dict[str, Any]], score: str) -> str:
    """Mean of the differences, prompt by prompt, with its interval."""
    differences = [
        row["answers"]["happier"]["scores"][score] - row["answers"]["before"]["scores"][score]
        for row in answers
    ]
    low, high = bootstrap_interval(differences)
    return f"{np.mean(differences):+.2f} ({low:+.2f} to {high:+.2f})"


def harmless(out: Path) -> list[str]:
    """Both rewards and their sum on the same five folds of prompts."""
    found: dict[str, list[tuple[float, int]]] = {}
    taken = []
    for fold in range(FOLDS):
        data = f"data/harmless/fold_{fold}"
        learners = [f"{name}.preferences={data}/train.jsonl" for name in ("judge", "words")]
        measures = ("judge_alone", "words_alone", "together")
        tested = [f"{name}.preferences={data}/test.jsonl" for name in measures]
        folder = run("harmless", out / "harmless", *learners, *tested)  # one base for all folds
        told = stages(folder)
        taken.append(sum(one["seconds"] for one in told.values()))
        for name in measures:
            measured = facts(folder / "artifacts" / told[name]["key"] / "reward.json")
            found.setdefault(name, []).append((measured["accuracy"], measured["n"]))
    lines = ["| reward | accuracy | 95% interval | each fold |", "|---|---|---|---|"]
    for name, each in found.items():
        count = sum(n for _, n in each)
        right = sum(accuracy * n for accuracy, n in each)
        low, high = wilson_interval(right, count)
        folds = ", ".join(f"{accuracy:.3f}" for accuracy, _ in each)
        lines.append(f"| {name} | {right / count:.4f} | {low:.3f} to {high:.3f} | {folds} |")
    return [*lines, "", f"seconds a fold: {', '.join(f'{one:.0f}' for one in taken)}"]


def qa_feedback(out: Path) -> list[str]:
    """Three ways to hold out a quarter of the questions."""
    lines = ["| seed | loss on corrected answers | K-way | bag of words | pairs |", "|---|---|---|---|---|"]
    for seed in range(SEEDS):
        folder = run("qa_feedback", out / f"qa_feedback_{seed}", f"seed={seed}")
        told = stages(folder)
        losses = [
            row["held_out_loss"]
            for row in rows_of(folder / "artifacts" / told["sft"]["key"] / "metrics.jsonl")
            if "held_out_loss" in row
        ]
        judged = [
            facts(folder / "artifacts" / told[name]["key"] / "reward.json") for name in ("judge", "words")
        ]
        right = " | ".join(
            f"{one['accuracy']:.3f} ({one['ci_low']:.3f} to {one['ci_high']:.3f})" for one in judged
        )
        lines.append(f"| {seed} | {losses[0]:.3f} to {losses[-1]:.3f} | {right} | {judged[0]['n']} |")
    return lines


def tldr(out: Path) -> list[str]:
    folder = run("tldr", out / "tldr")
    summary = facts(folder / "summary.json")
    evaluation = facts(stage_folder(folder, "evaluate") / "evaluation.json")
    return [json.dumps(evaluation["references"], indent=1), seconds(summary)]


def stages(folder: Path) -> dict[str, dict[str, Any]]:
    return facts(folder / "run.json")["stages"]


def stage_folder(folder: Path, kind: str) -> Path:
    """Of the run's one stage of a kind."""
    (key,) = [stage["key"] for stage in stages(folder).values() if stage["kind"] == kind]
    return folder / "artifacts" / key


def seconds(summary: dict[str, Any]) -> str:
    each = ", ".join(f"{name} {taken:.0f}" for name, taken in summary["seconds"].items() if taken)
    return f"seconds: {each}; peak {summary['peak_rss_mb']:.0f} MB"


def facts(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


TABLES = {"stories": stories, "harmless": harmless, "qa_feedback": qa_feedback, "tldr": tldr}

if __name__ == "__main__":
    main()
