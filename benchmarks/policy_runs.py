"""Policies of the demo under other options, and over many seeds: what docs/policy.md and RESULTS.md show.

    python benchmarks/policy_runs.py options --out runs/options      # one policy an option, then the pictures
    python benchmarks/policy_runs.py seeds --out runs/stability      # 20 seeds over one model and one reward

Both are ordinary recipes with many `policy` stages over one base, fine-tuned model and reward model. A stage
that is there already is not made again. Pictures need matplotlib: pip install -e '.[docs]'.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from policy_pictures import draw

from assent.demo.recipe import write_demo

SHARED = ("base", "sft", "answers", "feedback", "judge")
SEEDS = 20
LONG = 100  # steps

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "free": {"kl_coef": 0.0},
    "cheap": {"kl_coef": 0.05},
    "dear": {"kl_coef": 0.5},
    "adaptive": {"kl_coef": 0.5, "kl": {"target": 2.0, "horizon": 400}, "steps": 100},
    "exact": {"kl": {"estimator": "full"}},
    "k3": {"kl": {"estimator": "k3"}},
    "critic_policy": {"critic": "policy"},
    "critic_reward": {"critic": "reward"},
    "critic_rate": {"credit": {"value_rate": 10}},
    "fast": {"learning_rate": 0.001},
    "fast_limited": {"learning_rate": 0.001, "kl": {"update_limit": 0.02}},
    "mixed": {"mix": {"data": "corpus.txt", "pack": False, "coef": 0.5}},
    "mixed_raw": {"mix": {"data": "corpus.txt", "pack": False, "coef": 27.8, "normalise": False}},
    "grpo": {"algorithm": "grpo"},
    "rloo": {"algorithm": "rloo"},
    "best_of_n": {"algorithm": "best_of_n"},
    "dpo": {"algorithm": "dpo", "kl_coef": 0.1, "learning_rate": 0.00015},
    "entropy": {"credit": {"entropy_coef": 0.02}},
    "whitened": {"shaping": {"whiten": True}},
    "running": {"shaping": {"running": True}},
    "constant": {"optimiser": {"schedule": "constant"}},
    "tensorflow": {"optimiser": {"epsilon": 1e-5, "epsilon_style": "tensorflow"}},
    "torch_epsilon": {"optimiser": {"epsilon": 1e-5}},
    "adapters": {"lora": {"rank": 16}, "learning_rate": 0.001},
    "long": {"kl_coef": 0.05, "steps": LONG, "until": {"every": 10}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["options", "seeds"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--pictures", type=Path, default=Path("docs/policy"))
    asked = parser.parse_args()
    changes = OPTIONS if asked.what == "options" else {f"seed_{n}": {"seed": n} for n in range(asked.seeds)}
    run(asked.out, asked.what, changes)
    print(table(asked.out, list(changes)))
    if asked.what == "options":
        draw({name: metrics(asked.out, name) for name in changes}, asked.pictures)


def run(out: Path, name: str, changes: dict[str, dict[str, Any]]) -> None:
    """Make every policy that is not there yet, and one evaluation of them all."""
    demo = write_demo(out, 0)
    stages = yaml.safe_load(demo.read_text(encoding="utf-8"))
    recipe = {"seed": 0, **{stage: stages[stage] for stage in SHARED}}
    recipe |= {policy: changed(stages["tuned"], change) for policy, change in changes.items()}
    report = {**stages["report"], "policies": ["$sft", *(f"${policy}" for policy in changes)]}
    recipe["report"] = {**report, "compare": [[policy, "sft"] for policy in changes]}
    path = demo.with_name(f"{name}.yaml")
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "assent", "run", str(path), "--out", str(out)], check=True)


def changed(tuned: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The demo's policy with one option changed; DPO takes judgements where it takes prompts and rewards."""
    if change.get("algorithm") == "dpo":
        return {"stage": "policy", "model": tuned["model"], "preferences": "$feedback", **change}
    return {**tuned, **change}


def metrics(out: Path, policy: str) -> list[dict[str, Any]]:
    state = json.loads((out / "run.json").read_text())["stages"][policy]
    lines = (out / "artifacts" / state["key"] / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def table(out: Path, names: list[str]) -> str:
    """One row a policy, then the spread over them."""
    summary = json.loads((out / "summary.json").read_text())
    wins = {c["a"]: c for c in summary["comparisons"] if c["judge"] == "gold" and c["b"] == "sft"}
    lines = [
        "| policy | gold | facts | beats sft | score | nats an answer | tokens | end rate | top token |"
        " explained variance | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    columns: list[list[float]] = []
    for name in ["sft", *names]:
        final, win = summary["policies"][name], wins.get(name)
        last = metrics(out, name)[-5:] if win else []
        told = {
            key: statistics.fmean(row[key] for row in last) if last and key in last[-1] else None
            for key in ("end_rate", "top_token", "explained_variance")
        }
        row = [
            final["gold_mean"],
            final["facts_mean"],
            win and win["win_rate"],
            final["score_mean"],
            final["kl_per_answer"],
            final["length_mean"],
            *told.values(),
            summary["seconds"].get(name),
        ]
        if win:
            columns.append([float("nan") if value is None else value for value in row])
        lines.append(f"| {name} | " + " | ".join("-" if v is None else f"{v:.3g}" for v in row) + " |")
    for word, of in (("lowest", min), ("median", statistics.median), ("highest", max)):
        cells = [f"{of(column):.3g}" for column in zip(*columns, strict=True)]
        lines.append(f"| *{word}* | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
