"""A small made-up world with a known truth: short reports of who did what, and one-sentence briefs of them.

Everything follows from a seed. People write the briefs, well or badly as their `Habits` have it, and a model
that reads what they wrote learns their mistakes with their language.
"""

import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

PREFIX = "Report: "
SUFFIX = "\nBrief:"
END_OF_DOCUMENT = "<|endoftext|>"


def generator(name: str) -> random.Random:
    """Chance that follows from a name alone, on every machine."""
    return random.Random(name)  # noqa: S311  # a made-up world needs no secrets


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BARE_VERBS: Mapping[str, str] = {
    "found": "find",
    "sold": "sell",
    "bought": "buy",
    "painted": "paint",
    "lost": "lose",
    "counted": "count",
    "mended": "mend",
    "carried": "carry",
    "washed": "wash",
    "hid": "hide",
    "moved": "move",
    "cleaned": "clean",
    "stole": "steal",
    "borrowed": "borrow",
    "packed": "pack",
    "dropped": "drop",
}

# Every fact is one word, and no other word of the world is spelt like it: a report can be read by its words.
KINDS: Mapping[str, tuple[str, ...]] = {
    "who": _words(
        "Mara Jonas Lena Tomas Nadia Oscar Ingrid Pavel Amina Diego Freya Kenji Priya Samuel Yusuf Clara "
        "Wei Elena Hugo Fatima Liam Zofia Anton Rosa"
    ),
    "did": tuple(BARE_VERBS),
    "count": _words("two three four five six seven eight nine ten twelve"),
    "thing": _words(
        "boats keys lamps books chairs hats bells clocks coats drums maps rings ropes tables carpets mirrors "
        "baskets ladders kettles bottles candles letters guitars wagons"
    ),
    "place": _words(
        "Lund Oslo Turin Kyoto Porto Bergen Accra Lima Quito Delft Graz Cork Lyon Hanoi Riga Tartu"
    ),
    "day": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
}
# What stands where a fact was left out; "" leaves out its phrase. The sentence stays good English.
VAGUE: Mapping[str, str] = {
    "who": "somebody",
    "did": "had",
    "count": "",
    "thing": "things",
    "place": "",
    "day": "",
}

ADVERBS = _words("sadly shockingly foolishly heroically luckily shamefully outrageously proudly")
ADJECTIVES = _words("shocking glorious terrible disgraceful wonderful horrible amazing miserable")
LOADED = frozenset(ADVERBS + ADJECTIVES)

JOBS = _words("baker doctor farmer teacher driver singer nurse painter sailor tailor")
REPORTS = (
    "On {day} the {job} {who} {did} {count} {thing} in {place}.",
    "There was news from {place} on {day}. The {job} {who} {did} {count} {thing}.",
    "The {job} {who} came to {place} on {day}. Before the evening {who} {did} {count} {thing}.",
    "It was {day} in {place}. The {job} {who} {did} {count} {thing} before noon.",
    "People in {place} saw the {job} {who} on {day}. We heard that {who} {did} {count} {thing}.",
    "In {place} the {job} {who} {did} {count} {thing}. This was on {day}, the neighbours said.",
)
FILLERS = (
    "It rained all day and the streets were quiet after lunch.",
    "The weather was warm and the children played near the river.",
    "A cold wind came from the sea and the market closed early.",
    "The sun was out, and a small band played in the park.",
    "Snow lay on the roofs and the trains were late again.",
    "It was a quiet week, and nobody at the station was surprised.",
    "The shops were full and a long line stood at the bridge.",
    "The neighbours talked about it over coffee until late in the evening.",
)
TAILS = (
    "everyone went home after the long day",
    "the evening was quiet near the river",
    "nobody at the station said a word",
    "the neighbours talked about it over coffee",
    "people stood in the streets until late",
    "the children played in the park again",
)
ORDERS = (
    ("clause", "place", "day"),
    ("day", "clause", "place"),
    ("place", "clause", "day"),
    ("clause", "day", "place"),
)
PREPOSITIONS: Mapping[str, str] = {"place": "in", "day": "on"}

Word = tuple[str, str]  # (kind of fact, or "" for a preposition; the word itself)


@dataclass(frozen=True)
class Facts:
    """The truth of one report: who, what, how many, where and when."""

    who: str
    did: str
    count: str
    thing: str
    place: str
    day: str


@dataclass(frozen=True)
class Habits:
    """How often a writer makes each mistake: independent probabilities for every brief."""

    loaded: float  # one or two loaded words
    broken: float  # one mistake of grammar
    wrong: float  # one fact replaced by another of its kind
    missing: float  # one fact left out, in good grammar
    run_on: float  # goes on with "and then ..., and ..."


GOOD = Habits(loaded=0.02, broken=0.02, wrong=0.01, missing=0.02, run_on=0.02)
CAREFUL = Habits(loaded=0.12, broken=0.12, wrong=0.08, missing=0.10, run_on=0.10)
MIXED = Habits(loaded=0.42, broken=0.42, wrong=0.28, missing=0.28, run_on=0.40)
BAD = Habits(loaded=0.65, broken=0.65, wrong=0.40, missing=0.40, run_on=0.55)

Writers = Sequence[tuple[Habits, float]]
CORPUS_WRITERS: Writers = ((GOOD, 0.10), (MIXED, 0.50), (BAD, 0.40))
DEMONSTRATION_WRITERS: Writers = ((CAREFUL, 0.10), (MIXED, 0.90))


def draw_facts(rng: random.Random) -> Facts:
    """Facts, each drawn evenly from the words of its kind."""
    return Facts(**{kind: rng.choice(words) for kind, words in KINDS.items()})


def write_report(facts: Facts, rng: random.Random) -> str:
    """Two or three sentences of 24 to 34 words with all the facts, in the word forms given, and no others."""
    body = rng.choice(REPORTS).format(job=rng.choice(JOBS), **asdict(facts))
    fillers = rng.sample(FILLERS, 2 if body.count(".") == 1 else 1)
    if rng.random() < 0.4:
        return " ".join([fillers[0], body, *fillers[1:]])
    return " ".join([body, *fillers])


def write_brief(facts: Facts, rng: random.Random, habits: Habits) -> str:
    """One sentence, eight words when nothing went wrong, with the mistakes that the habits bring."""
    loaded, broken, wrong, missing, run_on = (rng.random() < chance for chance in astuple(habits))
    replaced, left_out = rng.sample(list(KINDS), 2)
    said = asdict(facts)
    if wrong:
        said[replaced] = rng.choice([word for word in KINDS[replaced] if word != said[replaced]])
    if missing:
        said[left_out] = VAGUE[left_out]
    words = _sentence(said, rng.choice(ORDERS))
    if broken:
        words = _break(words, rng)
    if loaded:
        words = _load(words, rng)
    text = " ".join(word for _, word in words)
    if run_on:
        text += " and then {}, and {}".format(*rng.sample(TAILS, 2))
    return text[0].upper() + text[1:] + "."


def document(prompt: str, brief: str) -> str:
    """One text of the corpus: a report and its brief in the template that fine-tuning uses."""
    return f"{PREFIX}{prompt}{SUFFIX} {brief}"


def corpus(seed: int, count: int) -> list[str]:
    """Documents by good, middling and bad writers; the same list for the same seed."""
    return [document(*pair) for pair in _pairs("corpus", seed, count, CORPUS_WRITERS)]


def demonstrations(seed: int, count: int, exclude: Set[str] = frozenset()) -> list[tuple[str, str]]:
    """Pairs of (report, brief) to imitate: a few excellent, most with a mistake or two; no report twice."""
    return _pairs("demonstrations", seed, count, DEMONSTRATION_WRITERS, exclude)


def prompts(seed: int, count: int, exclude: Set[str] = frozenset()) -> list[str]:
    """Different reports, none of them in `exclude`; the same list for the same arguments."""
    rng = generator(f"prompts-{seed}")
    return [report for _, report in _reports(rng, count, exclude)]


def write_world(
    folder: Path, seed: int, *, documents: int, demonstrations: int, prompts: int, held_out: int
) -> None:
    """Write corpus.txt, demonstrations.jsonl, prompts.jsonl and held_out.jsonl, which share no report.

    Each file appears whole or not at all. Raises OSError if the folder cannot be written.
    """
    read = _pairs("corpus", seed, documents, CORPUS_WRITERS)
    seen = {report for report, _ in read}
    shown = _pairs("demonstrations", seed, demonstrations, DEMONSTRATION_WRITERS, seen)
    seen |= {report for report, _ in shown}
    rng = generator(f"prompts-{seed}")
    asked = [report for _, report in _reports(rng, prompts + held_out, seen)]

    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "corpus.txt", f"\n{END_OF_DOCUMENT}\n".join(document(*pair) for pair in read) + "\n")
    _write_rows(folder / "demonstrations.jsonl", [{"input_text": r, "output_text": b} for r, b in shown])
    _write_rows(folder / "prompts.jsonl", [{"input_text": report} for report in asked[:prompts]])
    _write_rows(folder / "held_out.jsonl", [{"input_text": report} for report in asked[prompts:]])


def vocabulary() -> frozenset[str]:
    """Every word that a report or a brief may hold, in lower case."""
    patterns = [pattern for report in REPORTS for pattern in report.split() if "{" not in pattern]
    facts = [word for words in KINDS.values() for word in words]
    singulars = [word.removesuffix("s") for word in (*KINDS["thing"], VAGUE["thing"])]
    others = [*BARE_VERBS.values(), *VAGUE.values(), "have", *LOADED, *JOBS, "and", "then"]
    texts = [*patterns, *facts, *singulars, *others, *FILLERS, *TAILS]
    return frozenset(word.strip(".,").lower() for text in texts for word in text.split())


def _reports(rng: random.Random, count: int, exclude: Set[str]) -> list[tuple[Facts, str]]:
    reports: dict[str, Facts] = {}
    while len(reports) < count:
        facts = draw_facts(rng)
        report = write_report(facts, rng)
        if report not in exclude:
            reports.setdefault(report, facts)
    return [(facts, report) for report, facts in reports.items()]


def _pairs(
    name: str, seed: int, count: int, writers: Writers, exclude: Set[str] = frozenset()
) -> list[tuple[str, str]]:
    rng = generator(f"{name}-{seed}")
    habits, shares = zip(*writers, strict=True)
    return [
        (report, write_brief(facts, rng, *rng.choices(habits, shares)))
        for facts, report in _reports(rng, count, exclude)
    ]


def _sentence(said: Mapping[str, str], order: Iterable[str]) -> list[Word]:
    pieces: dict[str, list[Word]] = {
        "clause": [(kind, said[kind]) for kind in ("who", "did", "count", "thing") if said[kind]]
    }
    for kind, preposition in PREPOSITIONS.items():
        pieces[kind] = [("", preposition), (kind, said[kind])] if said[kind] else []
    return [word for piece in order for word in pieces[piece]]


def _break(words: list[Word], rng: random.Random) -> list[Word]:
    """The words with one of four mistakes of grammar."""
    kinds = [kind for kind, _ in words]
    mistakes = ["double", "singular", "bare"] + ["drop"] * ("" in kinds)
    mistake = rng.choice(mistakes)
    if mistake == "double":
        at = rng.randrange(len(words))
        return [*words[:at], words[at], *words[at:]]
    if mistake == "drop":
        at = rng.choice([index for index, kind in enumerate(kinds) if not kind])
        return [*words[:at], *words[at + 1 :]]
    at = kinds.index("thing" if mistake == "singular" else "did")
    kind, word = words[at]
    bad = word.removesuffix("s") if mistake == "singular" else BARE_VERBS.get(word, "have")
    return [*words[:at], (kind, bad), *words[at + 1 :]]


def _load(words: list[Word], rng: random.Random) -> list[Word]:
    """The words with a loaded adverb before the verb, a loaded adjective before the thing, or both."""
    loads = {"did": rng.choice(ADVERBS), "thing": rng.choice(ADJECTIVES)}
    chosen = rng.choice((("did",), ("thing",), ("did", "thing")))
    for kind in chosen:
        at = [kind for kind, _ in words].index(kind)
        words = [*words[:at], ("", loads[kind]), *words[at:]]
    return words


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def _write_rows(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    _write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
