"""The demo's evidence: run it for several seeds, and print what RESULTS.md shows.

    python benchmarks/demo_evidence.py --seeds 5 --out runs/evidence
    python benchmarks/demo_evidence.py --family t5 --seeds 3 --out runs/evidence-t5

A run that is there already is read, not made again.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from assent.data.sources import comparisons
from assent.demo.panel import ceiling

STAGES = ("base", "sft", "answers", "feedback", "judge", "tuned", "report")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--family", default="gpt2")
    parser.add_argument("--out", type=Path, default=Path("runs/evidence"))
    options = parser.parse_args()
    folders = [options.out / f"seed-{seed}" for seed in range(options.seeds)]
    for seed, folder in enumerate(folders):
        command = [sys.executable, "-m", "assent", "demo", "--quiet", "--family", options.family]
        command += ["--out", folder, "--seed", seed]
        subprocess.run([str(part) for part in command], check=True)
    print(evidence(folders))


def evidence(folders: list[Path]) -> str:
    """Two tables: what was learned, and what it cost."""
    runs = [
        (json.loads((f / "summary.json").read_text()), json.loads((f / "run.json").read_text()))
        for f in folders
    ]
    learned = [learned_row(seed, summary, folders[seed], run) for seed, (summary, run) in enumerate(runs)]
    head = (
        "| seed | gold sft | gold tuned | gold best of 4 | facts sft | facts tuned | tuned beats sft | "
        "reward model | ceiling | nats an answer |\n|---|---|---|---|---|---|---|---|---|---|\n"
    )
    cost = "| stage | seconds: median (min to max) | peak memory, MB: median |\n|---|---|---|\n"
    return head + "\n".join(learned) + "\n\n" + cost + "\n".join(cost_rows([run for _, run in runs])) + "\n"


def learned_row(seed: int, summary: dict, folder: Path, run: dict) -> str:
    sft, tuned, best = (summary["policies"][name] for name in ("sft", "tuned", "best_of_4"))
    [gold] = [c for c in summary["comparisons"] if (c["a"], c["b"], c["judge"]) == ("tuned", "sft", "gold")]
    judge, key = summary["reward_model"], run["stages"]["judge"]["key"]
    most = ceiling(comparisons(str(folder / "artifacts" / key / "held_out.jsonl")))
    return (
        f"| {seed} | {sft['gold_mean']:.3f} | {tuned['gold_mean']:.3f} | {best['gold_mean']:.3f} "
        f"| {sft['facts_mean']:.3f} | {tuned['facts_mean']:.3f} "
        f"| {gold['win_rate']:.3f} ({gold['ci_low']:.3f} to {gold['ci_high']:.3f}) "
        f"| {judge['accuracy']:.3f} ({judge['ci_low']:.3f} to {judge['ci_high']:.3f}, n = {judge['n']}) "
        f"| {most:.3f} | {tuned['kl_per_answer']:.2f} |"
    )


def cost_rows(runs: list[dict]) -> list[str]:
    rows = []
    for stage in STAGES:
        seconds = [run["stages"][stage]["seconds"] for run in runs]
        memory = [run["stages"][stage]["peak_rss_mb"] for run in runs]
        rows.append(
            f"| {stage} | {statistics.median(seconds):.0f} ({min(seconds):.0f} to {max(seconds):.0f}) "
            f"| {statistics.median(memory):.0f} |"
        )
    totals = [sum(stage["seconds"] for stage in run["stages"].values()) for run in runs]
    return [*rows, f"| all | {statistics.median(totals):.0f} ({min(totals):.0f} to {max(totals):.0f}) | |"]


if __name__ == "__main__":
    main()
