"""Held-out prompts must be held out: none may stand in a file that another stage trains on."""

from collections.abc import Iterator
from pathlib import Path

from assent.config import DataFile, Recipe
from assent.data.sources import prompts
from assent.errors import UserError
from assent.pipeline.outline import Outlined, Stages
from assent.pipeline.sources import located


def check_held_out(recipe: Recipe, stages: Stages, outlined: tuple[Outlined, ...]) -> None:
    """Compare the files that stages name in `HELD_OUT` with those they name in `TRAINS_ON`.

    Raises:
        UserError: naming both files, how many prompts they share, and the first of them.
    """
    unseen = list(_files(recipe, stages, outlined, "HELD_OUT"))
    if not unseen:
        return
    trained_on = list(_files(recipe, stages, outlined, "TRAINS_ON"))
    for where, file in unseen:
        held_out = {prompt.text for prompt in prompts(file)}
        for other, training_file in trained_on:
            shared = [prompt.text for prompt in prompts(training_file) if prompt.text in held_out]
            if shared:
                raise UserError(
                    f"{where}: {len(set(shared))} of {len(held_out)} held-out prompts are trained on: they "
                    f"stand in {training_file} ({other}) too. The first: {shared[0][:80]!r}. "
                    "Remove them from one of the two"
                )


def _files(
    recipe: Recipe, stages: Stages, outlined: tuple[Outlined, ...], declared: str
) -> Iterator[tuple[str, str]]:
    """(stage and key, path) of the files that are there, not of what another stage makes."""
    for stage in outlined:
        keys = getattr(stages[stage.kind], declared, ())
        if declared == "TRAINS_ON":
            keys = getattr(stage.settings, "trains_on", keys)  # one kind of a stage may differ
        for key in keys:
            source = getattr(stage.settings, key, None)
            if not isinstance(source, DataFile) or source.startswith("$"):
                continue
            path = located(source, recipe.folder)
            if any(character in path for character in "*?[") or Path(path).exists():
                yield f"{stage.where}: {key}", path
