"""What the report shows of answers held against what people wrote: a table, its notes, and one alarm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assent.evaluation.numbers import MISSING, finite, number, percent, signed
from assent.evaluation.references import direction
from assent.evaluation.run_record import RunRecord
from assent.evaluation.wording import POLICY_NUMBERS, Wording

LINES = {  # figure -> its word in the glossary
    "perplexity": "perplexity",
    "bits_per_character": "perplexity",
    "rouge_1": "rouge",
    "rouge_2": "rouge",
    "rouge_l": "rouge",
    "bleu": "bleu",
    "embedding": "cosine",
}
DECIMALS = {"bits_per_character": 3, "rouge_1": 3, "rouge_2": 3, "rouge_l": 3, "bleu": 2, "embedding": 3}
LOWER_IS_BETTER = ("perplexity", "bits_per_character")
CUTS = {
    "en": "Words are cut between spaces and signs",
    "zh": "Each Chinese or Japanese character counts as a word, and what else there is as words",
}


@dataclass(frozen=True)
class Cell:
    value: str
    limits: str = ""
    change: str = ""  # to the first policy, with its interval
    outcome: str = ""  # better | worse | unclear, by the interval of the change


@dataclass(frozen=True)
class Line:
    words: Wording
    word: str  # in the glossary
    lower: bool  # lower is better
    cells: list[Cell]
    unrelated: str


@dataclass(frozen=True)
class ReferenceView:
    first: str
    policies: list[str]
    lines: list[Line]
    among: str
    notes: list[str]
    alarms: list[tuple[str, str]]  # (policy, what the numbers say)
    overlap: bool  # there is a number that counts words
    floor: bool  # it is known what an answer to another prompt scores


def view(record: RunRecord) -> ReferenceView | None:
    """None where nothing was held against what people wrote."""
    found: Mapping[str, Any] = record.summary.get("references") or {}
    policies: dict[str, Mapping[str, Any]] = found.get("policies") or {}
    if not policies:
        return None
    names = [name for name in LINES if any(name in figures for figures in policies.values())]
    unrelated = found.get("unrelated") or {}
    return ReferenceView(
        first=str(found.get("against", next(iter(policies)))),
        policies=list(policies),
        lines=[_line(name, list(policies.values()), unrelated) for name in names],
        among=_among(found),
        notes=_notes(found),
        alarms=[(str(one["policy"]), _alarm(one, policies)) for one in alarms(record)],
        overlap=any(LINES[name] in ("rouge", "bleu") for name in names),
        floor=bool(unrelated),
    )


def alarms(record: RunRecord) -> Sequence[Mapping[str, Any]]:
    """The policies whose reward rose while a ROUGE fell, as evaluation.json has them."""
    return (record.summary.get("references") or {}).get("reward_up_rouge_down") or []


def _line(name: str, policies: Sequence[Mapping[str, Any]], unrelated: Mapping[str, Any]) -> Line:
    lower = name in LOWER_IS_BETTER
    cells = [_cell(figures.get(name) or {}, name) for figures in policies]
    floor = _shown((unrelated.get(name) or {}).get("value"), name)
    return Line(POLICY_NUMBERS[name], LINES[name], lower, cells, floor)


def _cell(figure: Mapping[str, Any], name: str) -> Cell:
    value, limits = _shown(figure.get("value"), name), _limits(figure, name)
    if finite(figure.get("difference")) is None:
        return Cell(value, limits)
    outcomes = {"up": "better", "down": "worse"}
    if name in LOWER_IS_BETTER:
        outcomes = {"up": "worse", "down": "better"}
    return Cell(value, limits, _change(figure, name), outcomes.get(direction(figure), "unclear"))


def _limits(figure: Mapping[str, Any], name: str) -> str:
    ends = [figure.get("ci_low"), figure.get("ci_high")]
    return "" if None in map(finite, ends) else " to ".join(_shown(end, name) for end in ends)


def _change(figure: Mapping[str, Any], name: str) -> str:
    """`+0.025 (+0.016 to +0.034)`."""
    keys = ("difference", "difference_ci_low", "difference_ci_high")
    value, *ends = (_shown(figure.get(key), name, sign=True) for key in keys)
    return f"{value} ({' to '.join(ends)})" if MISSING not in ends else value


def _shown(value: Any, name: str, sign: bool = False) -> str:
    """With as many decimals as all numbers of its line; three digits where their size differs too much."""
    value, decimals = finite(value), DECIMALS.get(name)
    if value is None:
        return MISSING
    if decimals is None:
        return signed(value) if sign else number(value)
    rounded = round(value, decimals) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if sign and rounded else ''},.{decimals}f}".replace("-", "−")


def _among(found: Mapping[str, Any]) -> str:
    """`180 of 200 prompts, to which people wrote 185 answers`."""
    asked, without = int(found.get("prompts", 0)), int(found.get("without", 0))
    answered = f"all {asked:,}" if not without else f"{asked - without:,} of {asked:,}"
    return f"{answered} prompts, to which people wrote {int(found.get('references', 0)):,} different answers"


def _notes(found: Mapping[str, Any]) -> list[str]:
    """How it was counted, and what was left out."""
    cut = CUTS.get(str(found.get("language")), "")
    share = percent(found.get("unspaced_share"))
    decided = found.get("language_setting") == "auto"
    notes = [f"{cut}{f': {share} of the letters are Chinese or Japanese' if decided else ''}."] if cut else []
    if found.get("without"):
        notes.append(f"{found['without']:,} prompts have no answer by a person, and count nowhere here.")
    if found.get("too_long"):
        notes.append(
            f"{found['too_long']:,} of the people's answers are longer, with their prompt, than one of the "
            "policies can read: they are left out of every perplexity."
        )
    read = ["perplexity" in figures for figures in found["policies"].values()]
    if any(read) and not all(read):
        notes.append("The best of several answers has no perplexity: it is not drawn from one distribution.")
    if found.get("other_tokens"):
        names = " and ".join(map(str, found["other_tokens"]))
        notes.append(
            f"{names} cuts texts into other tokens than {found.get('against')}, so their perplexities do not "
            "compare; bits a character do."
        )
    if found.get("embedding_cut"):
        notes.append(
            f"{found['embedding_cut']:,} texts are longer than the encoder reads, and lose their end."
        )
    if found.get("bleu_signature"):
        notes.append(f"BLEU's signature: {found['bleu_signature']}.")
    return notes


def _alarm(one: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]) -> str:
    """`reward +1.44 (+1.31 to +1.57), ROUGE-L −0.031 (−0.042 to −0.020)`."""
    own = policies.get(str(one["policy"]), {})
    reward = f"reward {_change(one.get('score') or {}, 'score')}"
    fallen = [f"{POLICY_NUMBERS[name].title} {_change(own[name], name)}" for name in one.get("rouge", [])]
    return ", ".join([reward, *fallen])
