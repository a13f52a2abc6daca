"""A panel of simulated people: six with tastes of their own, one who clicks left, one who clicks at random.

They stand in for the people of a real project. Who of them judges well is for the pipeline to find out.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from assent.demo import gold
from assent.demo.world import generator
from assent.errors import UserError
from assent.records import Comparison, Prompt

SHARED = 0.15  # of the items are judged by SHARED_PEOPLE, the others by one
SHARED_PEOPLE = 3
TIE_GAP = 0.04  # in utility: a smaller difference than this between the best two may be called a tie
TIE_CHANCE = 0.5

Item = tuple[str, str, Sequence[str]]  # (item id, text of the prompt, candidates)


@dataclass(frozen=True)
class Person:
    """Somebody who judges: what each part of gold's is worth to them, and how far chance blurs it."""

    name: str
    weights: Mapping[str, float] = field(default_factory=dict)
    noise: float = 1.0  # in utility: P(a over b) = 1 / (1 + exp((utility(b) - utility(a)) / noise))
    clicks: Literal["best", "left", "random"] = "best"


def _taste(facts: float, neutral: float, grammatical: float, short: float) -> Mapping[str, float]:
    return {"facts": facts, "neutral": neutral, "grammatical": grammatical, "short": short}


PANEL: tuple[Person, ...] = (
    Person("editor", _taste(1.0, 0.3, 0.6, 0.3), noise=0.07),
    Person("checker", _taste(1.5, 0.2, 0.3, 0.2), noise=0.07),
    Person("hurried", _taste(0.7, 0.1, 0.3, 0.6), noise=0.09),
    Person("sober", _taste(0.8, 0.6, 0.3, 0.2), noise=0.09),
    Person("teacher", _taste(0.8, 0.2, 1.0, 0.2), noise=0.09),
    Person("easy-going", _taste(0.9, 0.3, 0.4, 0.3), noise=0.15),
    Person("left", clicks="left"),
    Person("random", clicks="random"),
)


def judge(items: Sequence[Item], seed: int) -> list[Comparison]:
    """What the panel says about each item, item by item.

    A judgement depends on the seed and on its own item alone. `candidates` stand as they were shown, `choice`
    is the place of the chosen one (None for a tie), and `shown_order[k]` is the index in the item of the
    candidate at place k. Raises UserError for an item with fewer than two candidates.
    """
    return [
        _judgement(person, item, generator(f"panel-{seed}-{item[0]}-{person.name}"))
        for item in items
        for person in _people(item[0], seed)
    ]


def ceiling(comparisons: Sequence[Comparison]) -> float:
    """The expected accuracy here of a predictor who knows all tastes, but not who judged, nor the order.

    The mean over judgements, ties left out, of max_k P(k), with
    P(k) = sum_i (1 - tie_i) P_i(k) / sum_i (1 - tie_i) over the people i of the panel. P_i is the softmax of
    utility / noise, and 1 / K, the mean over all orders, for those who click left or at random; tie_i is i's
    chance to call a tie. No predictor can expect more. nan where there is nothing to judge.
    """
    best = [
        max(_choice_chances(comparison.prompt.text, comparison.candidates))
        for comparison in comparisons
        if comparison.choice is not None
    ]
    return fmean(best) if best else math.nan


def _people(item: str, seed: int) -> list[Person]:
    rng = generator(f"panel-{seed}-{item}")
    return rng.sample(PANEL, SHARED_PEOPLE if rng.random() < SHARED else 1)


def _judgement(person: Person, item: Item, rng: random.Random) -> Comparison:
    name, prompt, candidates = item
    if len(candidates) < 2:
        raise UserError(
            f"item {name} has {len(candidates)} candidates, and people choose between two or more"
        )
    order = rng.sample(range(len(candidates)), len(candidates))
    shown = tuple(candidates[index] for index in order)
    return Comparison(
        prompt=Prompt(prompt, id=name),
        candidates=shown,
        choice=_click(person, _utilities(person, prompt, shown), rng),
        annotator=person.name,
        item=name,
        seconds=_seconds(person, [prompt, *shown], rng),
        shown_order=tuple(order),
    )


def _utilities(person: Person, prompt: str, candidates: Sequence[str]) -> list[float]:
    values = [gold.parts(prompt, candidate) for candidate in candidates]
    return [sum(weight * value[part] for part, weight in person.weights.items()) for value in values]


def _click(person: Person, utilities: Sequence[float], rng: random.Random) -> int | None:
    if person.clicks == "left":
        return 0
    if rng.random() < _tie_chance(person, utilities):
        return None
    return rng.choices(range(len(utilities)), _chances(person, utilities))[0]


def _tie_chance(person: Person, utilities: Sequence[float]) -> float:
    *_, second, best = sorted(utilities)
    return TIE_CHANCE if person.clicks == "best" and best - second < TIE_GAP else 0.0


def _chances(person: Person, utilities: Sequence[float]) -> list[float]:
    """P(each is chosen), given that one is, over all orders in which they may be shown."""
    if person.clicks != "best":
        return [1 / len(utilities)] * len(utilities)
    weights = [math.exp((utility - max(utilities)) / person.noise) for utility in utilities]
    return [weight / sum(weights) for weight in weights]


def _choice_chances(prompt: str, candidates: Sequence[str]) -> list[float]:
    totals = [0.0] * len(candidates)
    for person in PANEL:
        utilities = _utilities(person, prompt, candidates)
        decided = 1 - _tie_chance(person, utilities)
        totals = [
            total + decided * chance
            for total, chance in zip(totals, _chances(person, utilities), strict=True)
        ]
    return [total / sum(totals) for total in totals]


def _seconds(person: Person, texts: Sequence[str], rng: random.Random) -> float:
    """From page shown to click: five words a second and a moment to think; who does not read is quick."""
    if person.clicks != "best":
        return round(rng.uniform(0.6, 2.0), 1)
    words = sum(len(text.split()) for text in texts)
    return round((1.5 + words / 5) * rng.lognormvariate(0, 0.3), 1)
