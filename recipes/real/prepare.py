"""Cut real data into what the recipes beside this file read: what is learned from, and what is held out.

    python recipes/real/prepare.py path/to/shared

writes `recipes/real/data/`. Nothing is changed in the rows; they are only dealt out. The folder given
has data/ with the public sets that docs/recipes.md names.
"""

import argparse
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FOLDS = 5
OPENING_WORDS = 8
END = "\n<|endoftext|>\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data")
    given = parser.parse_args()
    for write in (stories, harmless, tldr):
        write(given.shared / "data", given.out / write.__name__)
    print(given.out)


def stories(data: Path, out: Path) -> None:
    """The first words of each story; 200 are held out."""
    text = (data / "text" / "tinystories_sample.txt").read_text(encoding="utf-8")
    told = [story.split() for story in text.split("<|endoftext|>")]
    starts = dict.fromkeys(" ".join(words[:OPENING_WORDS]) for words in told if len(words) > 40)
    openings = shuffled([{"input_text": start} for start in starts])
    write_rows(out / "openings.jsonl", openings[200:])
    write_rows(out / "held_out.jsonl", openings[:200])


def harmless(data: Path, out: Path) -> None:
    """Five folds by prompt, and text to read before, none of it from these rows."""
    rows = rows_of(data / "hh_harmless" / "preferences.jsonl")
    prompts = shuffled(sorted({row["input_text"] for row in rows}))
    fold_of = {prompt: place % FOLDS for place, prompt in enumerate(prompts)}
    for fold in range(FOLDS):
        seen = [row for row in rows if fold_of[row["input_text"]] != fold]
        write_rows(out / f"fold_{fold}" / "train.jsonl", seen)
        unseen = [row for row in rows if fold_of[row["input_text"]] == fold]
        write_rows(out / f"fold_{fold}" / "test.jsonl", unseen)
    for path in sorted((data / "text").glob("*.txt")):
        write_text(out / "reading" / path.name, path.read_text(encoding="utf-8"))
    posts = [row["instruction"] for row in rows_of(data / "tldr" / "posts_500.jsonl")]
    remarks = (data / "goemotions" / "train.tsv").read_text(encoding="utf-8").split("\n")
    write_text(out / "reading" / "posts.txt", END.join(posts))
    write_text(out / "reading" / "remarks.txt", END.join(line.split("\t")[0] for line in remarks if line))


def tldr(data: Path, out: Path) -> None:
    """A fifth of the posts is held out, with their summaries; the others are read, and then learned from."""
    rows = shuffled(rows_of(data / "tldr" / "posts_500.jsonl"))
    write_rows(out / "held_out.jsonl", rows[:100])
    write_rows(out / "train.jsonl", rows[100:])
    write_text(out / "posts.txt", END.join(row["instruction"] for row in rows[100:]))


def shuffled(rows: Sequence[Any]) -> list[Any]:
    return random.Random(0).sample(rows, len(rows))


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
