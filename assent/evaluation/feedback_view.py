"""Who judged, how much and when, as the report shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assent.evaluation.numbers import duration, finite, number, percent
from assent.evaluation.run_record import RunRecord

Facts = Mapping[str, Any]
MOST_NAMES = 10  # annotators with a row of their own


@dataclass(frozen=True)
class View:
    """What one annotate stage froze."""

    name: str
    figures: list[tuple[str, str]]  # (what, how much)
    annotators: list[tuple[str, str, str]]  # (name, judgements, share of all)
    others: int  # annotators that have no row


def views(record: RunRecord) -> list[View]:
    """Each stage whose judgements are frozen, in the recipe's order."""
    settings = {stage.name: stage.settings for stage in record.stages}
    return [
        View(
            name,
            _figures(facts, settings.get(name, {})),
            [
                (person or "not named", number(count), percent(count / facts["judgements"]))
                for person, count in list(facts["annotators"].items())[:MOST_NAMES]
            ],
            max(0, len(facts["annotators"]) - MOST_NAMES),
        )
        for name, facts in record.feedback.items()
    ]


def _figures(facts: Facts, settings: Facts) -> list[tuple[str, str]]:
    found = [("Judged by", _source(settings)), ("Judgements", number(facts["judgements"]))]
    found.append(("Items", number(facts["items"])))
    if facts["annotators"]:
        found.append(("Annotators", number(len([name for name in facts["annotators"] if name]))))
    if facts["ties"] is not None:
        found.append(("Ties", number(facts["ties"])))
    if finite(facts["median_seconds"]) is not None:
        found.append(("Time a judgement", f"{duration(facts['median_seconds'])} (median)"))
    if facts["first"] and facts["last"]:
        found.append(("When", _period(facts["first"], facts["last"])))
    return found


def _source(settings: Facts) -> str:
    """Where an annotate stage has its judgements from."""
    if settings.get("panel"):
        return f"simulated people ({settings['panel']})"
    if settings.get("judge"):
        return "a model"
    if settings.get("judgements"):
        return f"whoever judged in {settings['judgements']}"
    return "people, in the app"


def _period(first: str, last: str) -> str:
    start, end = (datetime.fromisoformat(text).astimezone(UTC) for text in (first, last))
    day, minute = "%Y-%m-%d", "%H:%M"
    begun = f"{start:{day} {minute}}"
    if f"{end:{day} {minute}}" == begun:
        return f"{begun} UTC"
    ended = f"{end:{minute}}" if end.date() == start.date() else f"{end:{day} {minute}}"
    return f"{begun} to {ended} UTC"
