"""Rewards on real data: grammar, K-way against pairwise, and two rewards in one policy, for RESULTS.md.

    python benchmarks/real_rewards.py blimp --shared ../shared --out runs/blimp
    python benchmarks/real_rewards.py qa    --shared ../shared --out runs/qa
    python benchmarks/real_rewards.py form  --shared ../shared --out runs/form --tone runs/goemotions/model

Each writes the data in assent's formats and an ordinary recipe below --out, runs it, and prints its table. A
stage that is there already is not made again.
"""

import argparse
import json
import random
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

FOLDS = 4
SEEDS = 3
WINNER = {1: 0, 2: 1, 0: None}  # of a pair of answers; 0 is a tie


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["blimp", "qa", "form"])
    parser.add_argument("--shared", type=Path, required=True, help="the folder with data/ and models/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tone", type=Path, help="form: the classifier that goemotions.py made")
    given = parser.parse_args()
    out, shared = given.out.absolute(), given.shared.absolute()
    out.mkdir(parents=True, exist_ok=True)
    if given.what == "form" and given.tone is None:
        parser.error("form needs --tone")
    making = {"blimp": blimp, "qa": qa, "form": lambda s, o: form(s, o, given.tone.absolute())}
    for line in making[given.what](shared, out):
        print(line)


def blimp(shared: Path, out: Path) -> list[str]:
    """Learn from nine phenomena, judge the other three; each phenomenon is judged once."""
    names = written_pairs(shared, out)
    recipe: dict[str, Any] = {"seed": 0}
    for fold in range(FOLDS):
        learned = [name for place, name in enumerate(names) if place % FOLDS != fold]
        (out / f"train_{fold}.jsonl").write_text("".join((out / f"{n}.jsonl").read_text() for n in learned))
        recipe[f"grammar_{fold}"] = grammar(shared, f"train_{fold}.jsonl")
        for name in set(names) - set(learned):
            recipe[name] = measured([{"model": f"$grammar_{fold}"}], f"{name}.jsonl")
    facts = run(recipe, out)
    rows = [
        f"| {place % FOLDS} | {name} | {right(facts[name])} | {right(facts[f'grammar_{place % FOLDS}'])} |"
        for place, name in sorted(enumerate(names), key=lambda found: (found[0] % FOLDS, found[0]))
    ]
    means = [
        sum(facts[name]["accuracy"] for name in names[fold::FOLDS]) / len(names[fold::FOLDS])
        for fold in range(FOLDS)
    ]
    told = ", ".join(f"{mean:.3f}" for mean in means)
    return [
        "| fold | phenomenon | right where nothing was learned | on what it learned |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Mean of each fold's three: {told}; of all twelve: {sum(means) / FOLDS:.3f}",
    ]


def written_pairs(shared: Path, out: Path) -> list[str]:
    """The phenomena's names; their sentences lie in `out`, the good one left or right by chance."""
    names = []
    for place, path in enumerate(sorted((shared / "data" / "blimp").glob("*.jsonl"))):
        rng, lines = random.Random(place), []
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            pair = [row["sentence_good"], row["sentence_bad"]]
            choice = rng.randrange(2)
            shown = pair if choice == 0 else pair[::-1]
            lines.append(
                {"input_text": "", "candidate_0": shown[0], "candidate_1": shown[1], "choice": choice}
            )
        write_rows(out / f"{path.stem}.jsonl", lines)
        names.append(path.stem)
    return names


def grammar(shared: Path, judgements: str) -> dict[str, Any]:
    """Few adapters and one pass: with more it learns the nine phenomena, and forgets what language is."""
    return {
        "stage": "reward",
        "model": str(shared / "models" / "stories260K"),
        "preferences": judgements,
        "lora": {"rank": 4},
        "epochs": 1,
        "batch": 32,
        "learning_rate": 0.002,
        "held_out": 0.05,
    }


def qa(shared: Path, out: Path) -> list[str]:
    """The same votes between four answers, learned four or two at a time; judged on the same questions."""
    together, alone = votes(shared)
    kinds = {"k_way": ("pairs.jsonl", 8, together), "pairwise": ("choices.jsonl", 48, alone)}
    recipe: dict[str, Any] = {}
    for seed in range(SEEDS):
        questions = sorted({row["input_text"] for row in together})
        random.Random(seed).shuffle(questions)
        unseen = set(questions[: len(questions) // 4])
        write_rows(out / f"unseen_{seed}.jsonl", [row for row in alone if row["input_text"] in unseen])
        for kind, (file, batch, rows) in kinds.items():
            write_rows(out / f"{seed}_{file}", [row for row in rows if row["input_text"] not in unseen])
            recipe |= learned(shared, kind, f"{seed}_{file}", batch, seed)
        recipe |= linear(f"{seed}_pairs.jsonl", seed)
    facts = run(recipe, out)
    seconds = json.loads((out / "run" / "summary.json").read_text())["seconds"]
    return [
        "| learned | mean accuracy | each split | certain half / other, by spread | seconds, median |",
        "|---|---|---|---|---|",
        *(qa_row(kind, facts, seconds) for kind in (*kinds, "linear")),
    ]


def votes(shared: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(a question a row, with all votes between its answers; a vote a row)"""
    together, alone = [], []
    source = shared / "data" / "qa_feedback" / "feedback_100.json"
    for number, row in enumerate(json.loads(source.read_text(encoding="utf-8"))):
        answers = [row[f"prediction {k}"] for k in (1, 2, 3, 4)]
        pairs = [
            (left, right, None if WINNER[vote] is None else (left, right)[WINNER[vote]])
            for (left, right), vote in zip(combinations(range(4), 2), row["preference"], strict=True)
        ]
        asked = {"input_text": row["question"], "id": f"qa-{number}"}
        shown = {f"candidate_{k}": text for k, text in enumerate(answers)}
        together.append({**asked, **shown, "pairs": pairs})
        for left, right, winner in pairs:
            choice = None if winner is None else int(winner == right)
            two = {"candidate_0": answers[left], "candidate_1": answers[right]}
            alone.append({**asked, **two, "choice": choice})
    return together, alone


def learned(shared: Path, kind: str, judgements: str, batch: int, seed: int) -> dict[str, Any]:
    """A neural reward, and what it is worth on the questions left out."""
    stage = {
        "stage": "reward",
        "model": str(shared / "models" / "stories260K"),
        "preferences": judgements,
        "epochs": 3,
        "batch": batch,
        "micro_batch": batch,
        "learning_rate": 0.0003,
        "max_response_tokens": 160,
        "held_out": 0,
        "ensemble": {"members": 4, "of": "heads"},
        "seed": seed,
    }
    name = f"{kind}_{seed}"
    return {
        name: stage,
        f"m_{name}": measured([{"model": f"${name}", "longer": "cut"}], f"unseen_{seed}.jsonl"),
    }


def linear(judgements: str, seed: int) -> dict[str, Any]:
    """The same of a linear one."""
    stage = {
        "stage": "reward",
        "kind": "linear",
        "preferences": judgements,
        "held_out": 0,
        "trust": {"learning_curve": []},
        "ensemble": {"members": 10},
        "seed": seed,
    }
    name = f"linear_{seed}"
    return {name: stage, f"m_{name}": measured([{"model": f"${name}"}], f"unseen_{seed}.jsonl")}


def qa_row(kind: str, facts: dict[str, dict[str, Any]], seconds: dict[str, float]) -> str:
    found = [facts[f"m_{kind}_{seed}"] for seed in range(SEEDS)]
    mean = sum(one["accuracy"] for one in found) / SEEDS
    each = ", ".join(f"{one['accuracy']:.3f}" for one in found)
    halves = "; ".join(certain_halves(one) for one in found)
    time = sorted(seconds[f"{kind}_{seed}"] for seed in range(SEEDS))[SEEDS // 2]
    return f"| {kind} | {mean:.3f} | {each} | {halves} | {time:.0f} |"


def certain_halves(facts: dict[str, Any]) -> str:
    """What the report says of the pairs that an ensemble is sure of."""
    for found in facts.get("spread", {}).get("halves", []):
        if found["by"] == "spread":
            return f"{found['certain']['accuracy']:.2f} / {found['other']['accuracy']:.2f}"
    return "-"


def form(shared: Path, out: Path, tone: Path) -> list[str]:
    """A storyteller tuned to be neutral and grammatical, by a classifier and a reward of grammar."""
    names = written_pairs(shared, out)
    (out / "sentences.jsonl").write_text("".join((out / f"{name}.jsonl").read_text() for name in names))
    stories = (shared / "data" / "text" / "tinystories_sample.txt").read_text(encoding="utf-8")
    starts = [
        " ".join(story.split()[:6]) for story in stories.split("<|endoftext|>") if len(story.split()) > 20
    ]
    openings = [{"input_text": start} for start in dict.fromkeys(starts)]
    write_rows(out / "openings.jsonl", openings[:-200])
    write_rows(out / "held_out.jsonl", openings[-200:])
    storyteller = str(shared / "models" / "stories260K")
    rewards = [
        {
            "classifier": {"model": str(tone), "label": "neutral", "output": "log_probability"},
            "name": "neutral",
            "normalise": True,
            "clip": 3,
        },
        {"model": "$grammar", "clip": 3},
    ]
    sampling = {"max_new_tokens": 32}
    recipe = {
        "seed": 0,
        "grammar": grammar(shared, "sentences.jsonl"),
        "tuned": {
            "stage": "policy",
            "model": storyteller,
            "prompts": "openings.jsonl",
            "rewards": rewards,
            "steps": 60,
            "kl_coef": 0.4,
            "learning_rate": 0.0003,
            "sampling": sampling,
        },
        "report": {
            "stage": "evaluate",
            "policies": [{"model": storyteller, "name": "before"}, "$tuned"],
            "prompts": "held_out.jsonl",
            "rewards": rewards,
            "sampling": sampling,
        },
    }
    run(recipe, out)
    summary = json.loads((out / "run" / "summary.json").read_text())
    return [json.dumps(summary["policies"], indent=1), json.dumps(summary["comparisons"], indent=1)]


def measured(rewards: list[dict[str, Any]], judgements: str) -> dict[str, Any]:
    return {
        "stage": "reward",
        "kind": "measured",
        "rewards": rewards,
        "preferences": judgements,
        "trust": {"group_texts": 0, "attributions": 0},
    }


def run(recipe: dict[str, Any], out: Path) -> dict[str, dict[str, Any]]:
    """What each reward stage of the recipe found, by its name."""
    path, folder = out / "recipe.yaml", out / "run"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "assent", "run", str(path), "--out", str(folder), "--quiet"], check=True
    )
    stages = json.loads((folder / "run.json").read_text())["stages"]
    files = {name: folder / "artifacts" / state["key"] / "reward.json" for name, state in stages.items()}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def right(facts: dict[str, Any]) -> str:
    if facts["accuracy"] is None:
        return "-"
    return f"{facts['accuracy']:.3f} ({facts['ci_low']:.3f} to {facts['ci_high']:.3f})"


if __name__ == "__main__":
    main()
