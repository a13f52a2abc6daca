"""Held-out prompts must be held out: none may stand in a file that another stage trains on."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from assent.config import DataFile, Recipe, Settings, sources
from assent.data.files.hub import HubSet
from assent.data.files.streams import HUB
from assent.data.formats.reading import records
from assent.errors import UserError
from assent.pipeline.outline import Outlined, Stages, dotted
from assent.pipeline.sources import located
from assent.records import Prompt

Look = Literal["everywhere", "here", "nowhere"]  # "here": not into sets on the hub, which would be fetched


@dataclass(frozen=True)
class _HeldOut:
    """The prompts of one source that nothing may be trained on."""

    where: str  # the stage and its key
    texts: frozenset[str]


def check_held_out(
    recipe: Recipe, stages: Stages, outlined: tuple[Outlined, ...], look: Look = "everywhere"
) -> tuple[str, ...]:
    """Compare the sources that stages name in `HELD_OUT` with those they name in `TRAINS_ON`.

    In memory are the held-out prompts alone; what is trained on is read as a stream, each source once.

    Returns:
        The sources that were not looked into, since they lie on the hub.

    Raises:
        UserError: naming both sources, how many prompts they share, and the first of them; and where one of
            them cannot be read.
    """
    unseen = dict(_sources(recipe, stages, outlined, "HELD_OUT"))
    trained_on = dict(_sources(recipe, stages, outlined, "TRAINS_ON"))
    if not unseen or not trained_on or look == "nowhere":
        return ()
    away = [source for source in unseen | trained_on if look == "here" and _must_be_fetched(source)]
    held_out = [
        _HeldOut(where, frozenset(prompt.text for prompt in records(source, Prompt)))
        for source, where in unseen.items()
        if source not in away
    ]
    if held_out:
        for source, where in trained_on.items():
            if source not in away:
                _check(held_out, source, where)
    return tuple(away)


def _check(held_out: Sequence[_HeldOut], source: str, where: str) -> None:
    texts = frozenset().union(*(each.texts for each in held_out))
    shared = dict.fromkeys(prompt.text for prompt in records(source, Prompt) if prompt.text in texts)
    for each in held_out:
        both = [text for text in shared if text in each.texts]
        if both:
            raise UserError(
                f"{each.where}: {len(both)} of {len(each.texts)} held-out prompts are trained on: they "
                f"stand in {source} ({where}) too. The first: {both[0][:80]!r}. "
                "Remove them from one of the two"
            )


def _sources(
    recipe: Recipe, stages: Stages, outlined: tuple[Outlined, ...], declared: str
) -> Iterator[tuple[str, str]]:
    """(source, stage and key) of what is there, not of what another stage makes."""
    for stage in outlined:
        keys = getattr(stages[stage.kind], declared, ())
        if declared == "TRAINS_ON":
            keys = getattr(stage.settings, "trains_on", keys)  # one kind of a stage may differ
        for key, source in _data_files(stage.settings, keys):
            if not source.startswith("$"):
                path = located(source, recipe.folder)
                if path.startswith(HUB) or any(mark in path for mark in "*?[") or os.path.exists(path):
                    yield path, f"{stage.where}: {key}"


def _data_files(settings: Settings, keys: Sequence[str]) -> Iterator[tuple[str, DataFile]]:
    """What settings have at some keys; `suites.prompts` names that of each member of a list."""
    for path, source in sources(settings):
        key = ".".join(part for part in path if isinstance(part, str))
        if key in keys and isinstance(source, DataFile):
            yield dotted(path), source


def _must_be_fetched(source: str) -> bool:
    return source.startswith(HUB) and HubSet.of(source).folder is None
