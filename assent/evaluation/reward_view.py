"""A reward's numbers as the report shows them: bars, changes, curves and words, ready to draw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assent.evaluation import reward_drawings as drawings
from assent.evaluation.numbers import finite, number, percent, points, signed, span
from assent.evaluation.run_record import RunRecord
from assent.evaluation.verdict import reward_model
from assent.evaluation.wording import missing_title

Facts = Mapping[str, Any]
EFFECTS = 12  # of a linear reward, shown either way
SHARES = {"unanimous": "all agreed", "split": "they disagreed", "people": "by people", "models": "by models"}
HALVES = {
    "spread": "by the members' agreement",
    "ratio": "by difference over spread",
    "margin": "by the difference alone",
}


@dataclass(frozen=True)
class Bar:
    """A share of one with its interval."""

    label: str
    share: float | None
    low: float | None
    high: float | None
    count: int
    style: str = ""


@dataclass(frozen=True)
class Bars:
    title: str
    hint: str
    unit: str  # of the bars' counts
    rows: list[Bar]


@dataclass(frozen=True)
class View:
    """All that the report shows of one reward."""

    name: str
    kind: str  # of the stage
    facts: Facts
    judges: str
    temperature: str
    reliability: list[dict[str, Any]]
    accuracy: list[Bars]
    bias: list[Bars]
    axes: list[dict[str, Any]]
    curve: dict[str, Any] | None
    heat: list[dict[str, Any]]
    effects: list[tuple[str, list[dict[str, Any]]]]
    labels: list[dict[str, Any]]
    missing: list[tuple[str, str]]


def views(record: RunRecord) -> list[View]:
    """Each reward that the run measured, in the recipe's order; else what the summary knows of one."""
    rewards: Mapping[str, Facts] = record.rewards
    if not rewards:
        known = reward_model(record)
        rewards = {"reward": known} if finite(known.get("accuracy")) is not None else {}
    settings = {stage.name: stage.settings for stage in record.stages}
    return [
        View(
            name=name,
            kind=str(facts.get("kind") or settings.get(name, {}).get("kind", "")),
            facts=facts,
            judges=judges(facts),
            temperature=temperature(facts),
            reliability=reliability(facts),
            accuracy=accuracy_bars(facts),
            bias=bias_bars(facts),
            axes=drawings.axes(facts),
            curve=drawings.learning_curve(facts),
            heat=drawings.heat(facts),
            effects=effects(facts),
            labels=labels(facts),
            missing=[(missing_title(key), why) for key, why in (facts.get("missing") or {}).items()],
        )
        for name, facts in rewards.items()
    ]


def reliability(facts: Facts) -> list[dict[str, Any]]:
    """The bins of the reliability diagram with the radius of their dots: the area goes with the count."""
    bins = [
        row
        for row in facts.get("reliability") or []
        if finite(row.get("confidence")) is not None and finite(row.get("accuracy")) is not None
    ]
    most = max((finite(row.get("count")) or 0 for row in bins), default=0)
    return [
        {**row, "radius": 3 + 7 * ((finite(row.get("count")) or 0) / most) ** 0.5 if most else 4}
        for row in bins
    ]


def accuracy_bars(facts: Facts) -> list[Bars]:
    """Where the reward is right, and where less so."""
    matched = facts.get("length_matched") or {}
    lengths = [
        _bar(f"{_between(row['low'], row['high'])} words apart", row) for row in _rows(facts, "by_length")
    ]
    if matched.get("n"):
        lengths.append(_bar("lengths within a tenth", matched))
    found = [
        Bars("By agreement", "Items that several people judged, against their majority.", "items",
             _named(facts, "agreement", "level")),
        Bars("By who judged", "", "judgements", _named(facts, "by_judge", "name")),
        Bars("By criterion", "", "judgements", _named(facts, "by_criterion", "name")),
        Bars("By annotator", "", "judgements", _named(facts, "by_annotator", "name")),
        Bars("By length", "By the difference of their lengths.", "pairs", lengths),
        *_certainty(facts),
    ]  # fmt: skip
    return [bars for bars in found if bars.rows]


def _certainty(facts: Facts) -> Iterable[Bars]:
    spread = facts.get("spread") or {}
    for row in spread.get("halves") or []:
        gain = f"{points(row.get('gain'))} points"
        low, high = finite(row.get("gain_low")), finite(row.get("gain_high"))
        if low is not None and high is not None:
            gain += f", 95% {points(low)} to {points(high)}"
        title = f"Certain and uncertain pairs, {HALVES.get(row['by'], row['by'])}"
        rows = [_bar("the most certain half", row["certain"]), _bar("the other half", row["other"])]
        yield Bars(title, f"{spread.get('members')} members. The certain half gains {gain}.", "pairs", rows)


def bias_bars(facts: Facts) -> list[Bars]:
    """What people and the reward make of length and of position."""
    found = []
    length = facts.get("length_bias")
    if length:
        rows = [_share("people", length["people"], length["n"], "rule")]
        rows.append(_share("the reward", length["model"], length["n"]))
        found.append(Bars("How often the longer answer is preferred", _of_length(length), "pairs", rows))
    position = facts.get("position_bias")
    if position:
        rows = [
            _share("people chose the first", position["first"], position["n"], "rule"),
            _bar("reward right, first chosen", position["when_first"]),
            _bar("reward right, another chosen", position["when_later"]),
        ]
        found.append(Bars("The answer shown first", _of_position(position), "judgements", rows))
    return found


def _of_length(facts: Facts) -> str:
    low, high = finite(facts.get("excess_low")), finite(facts.get("excess_high"))
    limits = "" if low is None or high is None else f" (95% {points(low)} to {points(high)})"
    between = span(facts.get("correlation_low"), facts.get("correlation_high"))
    follows = f"{signed(facts.get('correlation'))}{f' (95% {between})' if between else ''}"
    return (
        f"The reward's share, less people's: {points(facts.get('excess'))} points{limits}. Rank correlation "
        f"of score difference with length difference: {follows}."
    )


def _of_position(facts: Facts) -> str:
    first, expected = facts["first"], finite(facts.get("expected"))
    if finite(first.get("share")) in (0.0, 1.0):
        return "The chosen answer always stands in one place: that is the file's order, not people's bias."
    said = f"Chance would be {percent(expected)}"
    low, high = finite(first.get("ci_low")), finite(first.get("ci_high"))
    if expected is None or low is None or high is None:
        return f"{said}."
    if low <= expected <= high:
        return f"{said}, which the interval includes: no bias shows."
    return f"{said}: people lean to the {'first' if low > expected else 'later'} place."


def temperature(facts: Facts) -> str:
    """The fitted temperature in words; empty where there is none."""
    found = facts.get("calibration")
    value = finite((found or {}).get("temperature"))
    if not found or value is None:
        return ""
    before, after = finite(found.get("ece_before")), finite(found.get("ece_after"))
    helps = before is None or after is None or after < before
    meaning = "surer of itself than it should be" if value > 1 else "less sure of itself than it could be"
    return (
        f"Fitted temperature {number(value)}{f': it is {meaning}' if helps else ''}. Dividing its scores by "
        f"one number, the temperature, {'takes' if helps else 'does not help: it takes'} the ECE from "
        f"{number(before, 2)} to {number(after, 2)} and the loss from {number(found.get('loss_before'))} to "
        f"{number(found.get('loss_after'))} nats, each half of the held-out prompts measured at the "
        "temperature that fits the other half."
    )


def effects(facts: Facts) -> list[tuple[str, list[dict[str, Any]]]]:
    """What raises a linear reward and what lowers it, with the width of each bar in a hundred."""
    rows = [row for row in _rows(facts, "effects") if finite(row.get("effect"))]  # neither unknown nor 0
    if not rows:
        return []
    ranked = sorted(rows, key=lambda row: -abs(row["effect"]))
    most = abs(ranked[0]["effect"])
    drawn = [{**row, "width": 100 * abs(row["effect"]) / most} for row in ranked]
    return [
        ("Raises the score", [row for row in drawn if row["effect"] > 0][:EFFECTS]),
        ("Lowers the score", [row for row in drawn if row["effect"] < 0][:EFFECTS]),
    ]


def labels(facts: Facts) -> list[dict[str, Any]]:
    """A text classifier's labels with their precision, recall, F1 and support, the commonest first."""
    found = facts.get("per_label") or {}
    rows = [{"label": label, **numbers} for label, numbers in found.items()]
    return sorted(rows, key=lambda row: -(finite(row.get("support")) or 0))


def judges(facts: Facts) -> str:
    """Who judged, where the stage counted it; and what is odd about it."""
    counted = facts.get("judgements")
    if not isinstance(counted, Mapping):
        return ""
    said = []
    if counted.get("models"):
        said.append(
            f"{number(counted.get('people'))} judgements by people, {number(counted['models'])} by models"
        )
    for key, words in (
        ("contradictions", "items of which one annotator said the opposite at another time"),
        ("duplicates", "rows that repeat another"),
        ("identical_candidates", "items whose answers are all the same text"),
    ):
        if counted.get(key):
            said.append(f"{number(counted[key])} {words}")
    return "; ".join(said)


def _rows(facts: Facts, key: str) -> Sequence[dict[str, Any]]:
    return facts.get(key) or []


def _named(facts: Facts, key: str, name: str) -> list[Bar]:
    return [_bar(SHARES.get(row[name], row[name]) or "not named", row) for row in _rows(facts, key)]


def _bar(label: str, row: Facts) -> Bar:
    low, high = finite(row.get("ci_low")), finite(row.get("ci_high"))
    return Bar(label, finite(row.get("accuracy")), low, high, int(row.get("n") or 0))


def _share(label: str, row: Facts, count: int, style: str = "") -> Bar:
    low, high = finite(row.get("ci_low")), finite(row.get("ci_high"))
    return Bar(label, finite(row.get("share")), low, high, count, style)


def _between(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"
