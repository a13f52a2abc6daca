"""Pictures of a reward: changes between groups, the learning curve, and words in colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log2
from typing import Any

from assent.evaluation.numbers import finite, signed

Facts = Mapping[str, Any]
SHADES = 4  # of a word's colour, either way
TOLD_WORDS = 3  # named in words under a coloured answer
STEPS = 20  # the frame of a learning curve ends on a twentieth
HALF_WIDTH = 46  # of a hundred, which leaves room for a dot at either end


@dataclass(frozen=True)
class Change:
    """How a score changes from one group's words to another's, and where to draw it in a hundred."""

    label: str
    value: float
    low: float | None
    high: float | None
    count: int
    spot: float  # 0..100, 50 is no change
    ends: tuple[float, float] | None

    @property
    def clear(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Word:
    space: str  # before it, which has no colour
    text: str
    style: str  # a class of the page: up-1 .. up-4, down-1 .. down-4, or none
    title: str


def axes(facts: Facts) -> list[dict[str, Any]]:
    """Each axis of groups with its changes, all drawn to one scale, and the clearest of them in words."""
    found = facts.get("groups") or []
    changes = [
        row for axis in found for source in ("held_out", "templates") for row in _changes(axis, source)
    ]
    known = [finite(row.get(key)) for row in changes for key in ("ci_low", "ci_high", "change")]
    ends = [abs(end) for end in known if end is not None]
    scale = max([*ends, 0.1])
    return [
        {
            "name": axis["axis"],
            "says": axis.get("says", ""),
            "fewest": axis.get("fewest"),
            "scale": scale,
            "texts": (axis.get("held_out") or {}).get("texts", 0),
            "held_out": [_change(row, scale) for row in _changes(axis, "held_out")],
            "templates": [_change(row, scale) for row in _changes(axis, "templates")],
            "sentences": (axis.get("templates") or {}).get("texts", 0),
        }
        for axis in found
    ]


def _changes(axis: Facts, source: str) -> list[dict[str, Any]]:
    return [
        row for row in (axis.get(source) or {}).get("changes") or [] if finite(row.get("change")) is not None
    ]


def _change(row: Facts, scale: float) -> Change:
    low, high = finite(row.get("ci_low")), finite(row.get("ci_high"))

    def place(value: float) -> float:
        return 50 + HALF_WIDTH * value / scale

    return Change(
        label=f"{row['left']} → {row['right']}",
        value=row["change"],
        low=low,
        high=high,
        count=int(row.get("n") or 0),
        spot=place(row["change"]),
        ends=None if low is None or high is None else (place(low), place(high)),
    )


def learning_curve(facts: Facts) -> dict[str, Any] | None:
    """Points in a frame of 100 x 100, shares on a logarithmic scale up to twice the labels."""
    rows = [row for row in facts.get("learning_curve") or [] if finite(row.get("accuracy")) is not None]
    if len(rows) < 2:
        return None
    forecast = facts.get("forecast")
    every = [*rows, *([forecast] if forecast else [])]
    bottom = floor(STEPS * min(row["ci_low"] for row in every)) / STEPS
    top = ceil(STEPS * max(row["ci_high"] for row in every)) / STEPS
    first = log2(rows[0]["share"])

    def drawn(row: Facts) -> dict[str, Any]:
        heights = [
            100 - 100 * (row[key] - bottom) / (top - bottom) for key in ("accuracy", "ci_low", "ci_high")
        ]
        x = 100 * (log2(row["share"]) - first) / (1 - first)
        return {"x": x, "y": heights[0], "low": heights[1], "high": heights[2], "row": row}

    return {
        "points": [drawn(row) for row in rows],
        "forecast": drawn(forecast) if forecast else None,
        "ticks": _ticks(bottom, top),
    }


def _ticks(bottom: float, top: float) -> list[tuple[float, float]]:
    """(height from the top in a hundred, share): every tenth, or every twentieth of a low frame."""
    steps = round(STEPS * (top - bottom))
    every = 1 if steps <= 5 else 2
    return [(100 - 100 * step / steps, bottom + step / STEPS) for step in range(0, steps + 1, every)]


def heat(facts: Facts) -> list[dict[str, Any]]:
    """Answers whose words are coloured by what the score loses without them."""
    return [
        {
            "prompt": row["prompt"],
            "right": row.get("right"),
            "sides": [_heated(side, row[side]) for side in ("chosen", "rejected")],
        }
        for row in facts.get("attribution") or []
    ]


def _heated(side: str, answer: Facts) -> dict[str, Any]:
    known = [(text, effect) for text, effect in answer["words"] if finite(effect) is not None]
    most = max((abs(effect) for _, effect in known), default=0.0)
    ranked = sorted(known, key=lambda word: word[1])
    top = [word for word in ranked[::-1][:TOLD_WORDS] if word[1] > 0]
    low = [word for word in ranked[:TOLD_WORDS] if word[1] < 0]
    return {
        "side": side,
        "score": answer.get("score"),
        "words": [_word(text, finite(effect), most) for text, effect in answer["words"]],
        "unweighed": sum(1 for text, effect in answer["words"] if effect is None and text.strip()),
        "raise": [f"{text.strip()} {signed(effect)}" for text, effect in top],
        "lower": [f"{text.strip()} {signed(effect)}" for text, effect in low],
    }


def _word(piece: str, effect: float | None, most: float) -> Word:
    text = piece.lstrip()
    space = piece[: len(piece) - len(text)]
    if effect is None:
        return Word(space, text, "", "not weighed" if text else "")
    shade = round(SHADES * abs(effect) / most) if most else 0
    style = f"{'up' if effect > 0 else 'down'}-{shade}" if shade else ""
    return Word(space, text, style, f"{text}: {signed(effect)}")
