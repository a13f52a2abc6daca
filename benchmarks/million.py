"""A million comparisons: how fast they are read, planned with, merged and batched, and in how much memory.

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/million.py
    python benchmarks/million.py --comparisons 100000 --format parquet

The comparisons are made up: three annotators an item, who see the two answers in either order, words drawn by
Zipf's law. Every measurement is a process of its own. Its time is the processor's, which other work on the
machine hardly changes; its memory is the peak of the process, and beside it what comes on top of the imports.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from assent.config import Recipe, check
from assent.data.files.containers import count_rows, raw_rows
from assent.data.files.jsonl import write_jsonl
from assent.data.files.written import written
from assent.data.formats.reading import records
from assent.data.sources import comparisons
from assent.models.build import Architecture, build
from assent.models.tokenizer import Template, train_bpe
from assent.pipeline.machine import machine
from assent.pipeline.plan import plan
from assent.records import Comparison
from assent.stages import STAGES
from assent.stages.judgement_facts import facts_of_comparisons
from assent.stages.lessons import preference_lessons
from assent.stages.neural_reward import Config

ANNOTATORS = 3  # judgements an item
BATCHES = 100
BATCH = 64
WORDS = 20_000
WORD_CHARACTERS = 4.7  # English, without the space
TEXT_WORDS = (26, 53)  # 150 to 300 characters
SPOKEN = 2**22  # words, more than there are texts
STRIDE = 1_000_003  # odd, so that it meets every word of them once
SEED = 0
FORMATS = ("jsonl", "jsonl.gz", "json", "csv", "parquet")


def rows(count: int) -> Iterator[dict]:
    """Judgements, those of one item far apart, as several people leave them."""
    rng = np.random.default_rng(SEED)
    words = spoken(rng)
    items = -(-count // ANNOTATORS)
    for number in range(count):
        item = number % items
        answers = [text(words, 3 * item + k) for k in (1, 2)]
        swapped, better = int(rng.integers(2)), int(rng.random() < 0.7)
        yield {
            "input_text": text(words, 3 * item),
            "candidate_0": answers[swapped],
            "candidate_1": answers[1 - swapped],
            "choice": better ^ swapped if rng.random() < 0.95 else None,
            "meta": {"annotator": f"person-{number // items}", "item": f"item-{item}", "seconds": 12.5},
        }


def spoken(rng: np.random.Generator) -> list[str]:
    """A long row of words out of a vocabulary of made-up ones, of which all texts are pieces."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    lengths = 1 + rng.poisson(WORD_CHARACTERS - 1, WORDS)
    vocabulary = ["".join(rng.choice(letters, length)) for length in lengths]
    return [vocabulary[rank % WORDS] for rank in rng.zipf(1.3, SPOKEN)]


def text(words: list[str], number: int) -> str:
    """Text number `number`: the same whenever it is asked for, and no two begin at the same word."""
    shortest, longest = TEXT_WORDS
    start = number * STRIDE % SPOKEN
    return " ".join(words[start : start + shortest + number % (longest - shortest)])


def write(path: Path, count: int) -> None:
    with written(path) as add:
        for row in rows(count):
            add([row])


def read_raw(path: Path) -> int:
    return sum(1 for _ in raw_rows(str(path)))


def count_only(path: Path) -> int:
    return count_rows(str(path)) or 0


def read_records(path: Path) -> int:
    return sum(1 for _ in records(str(path), Comparison))


def read_list(path: Path) -> int:
    """All at once, as a stage that learns from them holds them."""
    return len(comparisons(str(path)))


def prepare(path: Path) -> int:
    """What `stage: reward` does before its first step, and its first batches."""
    judged = comparisons(str(path))
    config = check(Config, {"model": "none", "preferences": str(path), "batch": BATCH}, "million")
    lessons, _ = preference_lessons(judged, config, config.objective, config.margin_coef, "million")
    facts_of_comparisons(judged)
    sample = [judged[row].candidates[0] for row in range(min(2000, len(judged)))]
    shape = Architecture(family="gpt2", width=16, depth=1, heads=2, context=512)
    _, tokenizer = build(shape, train_bpe(sample, 1000), Template())
    batches = lessons.batches(config, tokenizer, members=1)
    assert all(len(batches(step).votes) == BATCH for step in range(BATCHES))
    return len(judged)


def plan_with(path: Path) -> int:
    """Hash it, count it, and search it for prompts that are held out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(folder / "held_out.jsonl", ({"input_text": f"held out {n}"} for n in range(1000)))
        (folder / "recipe.yaml").write_text(
            f"judge: {{stage: reward, model: none/none, preferences: '{path.absolute()}',\n"
            "        batch: 1, held_out: 0}\n"
            "report: {stage: evaluate, policies: [none/none], prompts: held_out.jsonl}\n",
            encoding="utf-8",
        )
        steps = plan(Recipe.load(folder / "recipe.yaml"), STAGES, folder / "run").steps
    return steps[0].forecast.steps or 0  # of one row each


MEASURED: dict[str, Callable[[Path], int]] = {
    "count_rows": count_only,
    "raw_rows": read_raw,
    "records": read_records,
    "list of records": read_list,
    "reward: lessons, facts, 100 batches": prepare,
    "plan": plan_with,
}


def measure(name: str, path: Path) -> None:
    before, start = peak_mb(), time.process_time()
    count = MEASURED[name](path)
    seconds = time.process_time() - start
    print(json.dumps({"rows": count, "seconds": seconds, "before": before, "peak": peak_mb()}))


def peak_mb() -> float:
    """Of this process so far. Linux counts the parent's memory in `ru_maxrss`, and says its own elsewhere."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def table(path: Path, chosen: list[str]) -> Iterator[str]:
    yield f"{path.name}, {path.stat().st_size / 2**20:.0f} MB; {machine()}\n"
    yield "| what | rows | CPU seconds | rows/s | peak MB | beyond imports, MB | bytes a row |"
    yield "|---|---|---|---|---|---|---|"
    for name in chosen:
        command = [sys.executable, __file__, "--measure", name, str(path)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        beyond = told["peak"] - told["before"]
        yield (
            f"| {name} | {told['rows']:,} | {told['seconds']:.1f} | {told['rows'] / told['seconds']:,.0f} "
            f"| {told['peak']:.0f} | {beyond:.0f} | {beyond * 2**20 / told['rows']:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=1_000_000)
    parser.add_argument("--format", choices=FORMATS, default="jsonl")
    parser.add_argument("--what", nargs="*", choices=list(MEASURED))
    parser.add_argument("--keep", type=Path, help="write them to this file; if it is there, take it as it is")
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], Path(options.measure[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder, f"comparisons.{options.format}")
        if not path.exists():
            write(path, options.comparisons)
        for line in table(path, options.what or list(MEASURED)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
