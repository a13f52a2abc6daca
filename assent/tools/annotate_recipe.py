"""What a recipe's `annotate` stages ask of people, on the candidates that its last run has made.

Read from the run's folder: a plan would import every stage, and with them torch, before a page is served.
"""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from assent.config import Recipe, check, sources
from assent.errors import UserError
from assent.feedback.asked import DATABASE, Asked, Wanted, check_not_lost, project_name
from assent.feedback.projects import ProjectSettings
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.outline import dotted, nearest, reference
from assent.pipeline.people import default_folder
from assent.pipeline.sources import located, resolved
from assent.pipeline.state import StageState, last_stages
from assent.tools.annotate import Job, Wishes, check_files, version_of

ANSWERED_ELSEWHERE = ("panel", "judge", "judgements")
ROWS_OF = {"sample": "candidates.jsonl", "annotate": "judgements.jsonl"}  # a stage's RESULT, by kind


class NotMade(UserError):
    """There are no candidates yet, or none of this recipe: a run makes them."""


def recipe_job(path: Path, wishes: Wishes) -> Job:
    """The projects of a recipe, as far as their candidates are made.

    Raises:
        NotMade: no candidates are made yet, with the command that makes them.
        UserError: no stage asks people; a setting is wrong.
    """
    if wishes.task or wishes.guideline:
        given = "--task" if wishes.task else "--guideline"
        raise UserError(f"{path}: {given} is for files: of a recipe, the stage's project: says it")
    recipe = Recipe.load(path, wishes.overrides)
    out = (wishes.out or default_folder(recipe)).absolute()
    check_not_lost(out / DATABASE)
    asked = asked_stages(recipe)
    if not asked:
        raise UserError(
            f"{path}: no stage asks people: an annotate stage does that has none of "
            f"{', '.join(ANSWERED_ELSEWHERE)}"
        )
    made = shlex.join(["assent", *run_words(path, wishes)])
    ready = {name: found for name, one in asked.items() if (found := _candidates(recipe, out, name, one))}
    late = [name for name in asked if name not in ready]
    if not ready:
        raise NotMade(
            f"{path}: {asked[late[0]].candidates} is not made yet, so there is nothing to judge: first {made}"
        )
    notes = tuple(f"{name}: {asked[name].candidates} is not made yet; it comes when it is" for name in late)
    wanted = tuple(_wanted(recipe, name, asked[name], found) for name, found in ready.items())
    return Job(out / DATABASE, wanted, None, made, notes)


def asked_stages(recipe: Recipe) -> dict[str, Asked]:
    """The stages that people answer in the app, by name.

    Raises:
        UserError: a setting is wrong, named.
    """
    return {
        name: check(Asked, _without(values, "stage", "judge"), f"{recipe.name}: {name}")
        for name, values in recipe.stages.items()
        if values["stage"] == "annotate" and not any(values.get(key) for key in ANSWERED_ELSEWHERE)
    }


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def last_recipe(out: Path) -> Mapping[str, Any]:
    """The recipe that was last run in a folder: its stages, and `seed` where it has one; {} if none was."""
    path = out / "recipe.yaml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def run_words(path: Path, wishes: Wishes) -> list[str]:
    """The command that goes on with the run, after `assent`."""
    sets = [word for one in wishes.overrides for word in ("--set", one)]
    out = ["--out", str(wishes.out)] if wishes.out else []
    return ["run", str(path), *sets, *out]


def _wanted(recipe: Recipe, name: str, asked: Asked, items: str) -> Wanted:
    where = f"{recipe.name}: {name}"
    settings = asked.settings
    placed = resolved(settings, lambda source: located(source, recipe.folder))
    assert isinstance(placed, ProjectSettings)
    check_files({f"project.{dotted(at)}": source for at, source in sources(placed)}, where)
    return Wanted(project_name(name), placed, where, items, version_of(items), asked.want, name)


def _candidates(recipe: Recipe, out: Path, name: str, asked: Asked) -> str | None:
    """Where the rows to judge lie; None if they are not made yet."""
    target = reference(asked.candidates)
    if target is None:
        place = located(asked.candidates, recipe.folder)
        check_files({"candidates": type(asked.candidates)(place)}, f"{recipe.name}: {name}")
        return place
    if target not in recipe.stages:
        raise UserError(
            f"{recipe.name}: {name}: candidates: no stage has the name {asked.candidates}"
            f"{nearest(target, recipe.stages)}"
        )
    state = last_stages(out).get(target)
    if state is None or state.status != "done" or state.key is None:
        return None
    _check_same(recipe, out, target)
    return _made(out, state)


def _made(out: Path, state: StageState) -> str | None:
    store = ArtifactStore(out / "artifacts")
    if state.kind not in ROWS_OF or state.key is None or not store.finished(state.key):
        return None
    return str(store.path(state.key) / ROWS_OF[state.kind])


def _check_same(recipe: Recipe, out: Path, target: str) -> None:
    """See that the run has made the candidates of this recipe, and not of what it was before a change."""
    ran = last_recipe(out)
    changed = [name for name in _rests_on(recipe, target) if ran.get(name) != recipe.stages[name]]
    if changed or ran.get("seed") != recipe.seed:
        raise NotMade(
            f"{recipe.name}: {' and '.join(changed) or 'seed'} is not as the run in {out} had it when "
            f"${target} was made: run the recipe again, or give the --set that it was run with"
        )


def _rests_on(recipe: Recipe, target: str) -> list[str]:
    """The stage and all that it names, each once."""
    found, waiting = [], [target]
    while waiting:
        name = waiting.pop()
        if name in recipe.stages and name not in found:
            found.append(name)
            waiting += [text[1:] for text in _texts(recipe.stages[name]) if text.startswith("$")]
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _texts(one)
