"""From a recipe to ordered steps, each with the key of what it makes and whether that is there already."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assent import config
from assent.config import ModelSource, Recipe, Settings, Source
from assent.errors import UserError
from assent.models.hub import hub_size
from assent.pipeline.artifacts import ArtifactStore, key_of
from assent.pipeline.hashes import Hashes
from assent.pipeline.leaks import Look, check_held_out
from assent.pipeline.outline import Outlined, Stages, nearest, outline, reference, result_of
from assent.pipeline.sources import InputFiles, identities, located, resolved, without_sources
from assent.pipeline.state import read_exports
from assent.stages.workspace import Forecast

State = Literal["done", "begun", "to do", "pending"]


@dataclass(frozen=True)
class Step:
    """One stage, ready to be run or skipped."""

    name: str
    kind: str
    settings: Settings  # as the recipe gives them, with `$name`
    inputs: tuple[str, ...]  # names of stages
    key: str | None  # None while it hangs on judgements that are not exported yet
    request: str | None  # the key, or what stands for it until the bytes of an export are known
    state: State
    forecast: Forecast
    unsized: tuple[str, ...]  # models that it rests on, and whose size is not known before they are loaded
    where: str  # the recipe and the stage, as messages name them


@dataclass(frozen=True)
class Plan:
    """The steps of a recipe, each after what it needs."""

    recipe: Recipe
    stages: Stages
    store: ArtifactStore
    steps: tuple[Step, ...]
    unchecked: tuple[str, ...] = ()  # sources that nobody has searched for held-out prompts yet

    def step(self, name: str) -> Step:
        """The step of that name.

        Raises:
            UserError: when the recipe has no such stage.
        """
        for step in self.steps:
            if step.name == name:
                return step
        known = nearest(name, (step.name for step in self.steps))
        raise UserError(f"{self.recipe.name}: no stage has the name {name}{known}")

    def needed_for(self, name: str) -> frozenset[str]:
        """The stage and all stages that it rests on."""
        needed: set[str] = set()
        waiting = [self.step(name)]
        while waiting:
            step = waiting.pop()
            needed.add(step.name)
            waiting += [self.step(source) for source in step.inputs if source not in needed]
        return frozenset(needed)

    def place(self, source: Source) -> str:
        """Where an input lies: `$name` in that stage's artifact once its key is known, else as it is."""
        target = reference(source)
        if target is None:
            return located(source, self.recipe.folder)
        step = self.step(target)
        if step.key is None or step.state != "done":
            return str(source)
        return str(self.store.path(step.key) / result_of(self.stages[step.kind], step.settings))

    def stage_names(self, step: Step) -> dict[str, str]:
        """The stage that each of a step's inputs comes from, by where the input lies."""
        named = [source for _, source in config.sources(step.settings) if reference(source)]
        return {self.place(source): source.removeprefix("$") for source in named}


def plan(
    recipe: Recipe, stages: Stages, out: Path, hashes: Hashes | None = None, look: Look = "here"
) -> Plan:
    """Order a recipe's stages and find out, without running or writing anything, what is there already.

    Args:
        recipe: As loaded.
        stages: The modules by kind: `assent.stages.STAGES`.
        out: The run's folder; it need not exist yet.
        hashes: Hashes of input files to go by; pass the same ones to see the same inputs again.
        look: Where to look for held-out prompts that are trained on.

    Raises:
        UserError: for anything that would keep the recipe from running: a wrong setting, a missing file,
            an unknown `$name`, a circle.
    """
    out = out.absolute()
    hashes = hashes or Hashes(out / "hashes.json")
    pointers = read_exports(out)
    drawn = Plan(recipe, stages, ArtifactStore(out / "artifacts"), ())
    outlined = outline(recipe, stages)
    for stage in outlined:
        drawn = _with_step(drawn, stage, hashes, pointers)
    return replace(drawn, unchecked=check_held_out(recipe, stages, outlined, look))


def request_key(drawn: Plan, stage: Outlined | Step, hashes: Hashes) -> str | None:
    """The key of what a stage makes, as far as its settings and inputs tell; None if they do not yet.

    A stage that exports is asked for without reading its files: the bytes that it exports make its key.
    """
    module = drawn.stages[stage.kind]
    keys = {step.name: step.key for step in drawn.steps}
    files = InputFiles(drawn.recipe.folder, hashes, read=not exports(module))
    inputs = identities(stage.settings, stage.where, keys, files)
    if inputs is None:
        return None
    return key_of(stage.kind, module.VERSION, without_sources(stage.settings), inputs)


def _with_step(drawn: Plan, stage: Outlined, hashes: Hashes, pointers: Mapping[str, str]) -> Plan:
    request = request_key(drawn, stage, hashes)
    key = request
    if request is not None and exports(drawn.stages[stage.kind]):
        key = pointers.get(request)
    step = Step(
        name=stage.name,
        kind=stage.kind,
        settings=stage.settings,
        inputs=stage.inputs,
        key=key,
        request=request,
        state=_state(drawn.store, key, request),
        forecast=_forecast(drawn, stage),
        unsized=_unsized(drawn, stage),
        where=stage.where,
    )
    return Plan(drawn.recipe, drawn.stages, drawn.store, (*drawn.steps, step))


def _state(store: ArtifactStore, key: str | None, request: str | None) -> State:
    if request is None:
        return "pending"
    if key is not None and store.finished(key):
        return "done"
    return "begun" if store.partial(request).exists() else "to do"


def _forecast(drawn: Plan, stage: Outlined) -> Forecast:
    settings = resolved(stage.settings, drawn.place)
    inputs: dict[str, Forecast] = {}
    for _, source in config.sources(stage.settings):
        target = reference(source)
        if target is not None:
            inputs[drawn.place(source)] = drawn.step(target).forecast
    forecast: Forecast = drawn.stages[stage.kind].forecast(settings, inputs)
    return forecast


def _unsized(drawn: Plan, stage: Outlined) -> tuple[str, ...]:
    """Hub models that are not on this machine, of this stage or of the models that it begins with."""
    found: list[str] = []
    for _, source in config.sources(stage.settings):
        target = reference(source)
        if not isinstance(source, ModelSource):
            continue
        if target is not None:
            found += drawn.step(target).unsized
        elif not os.path.isabs(drawn.place(source)) and hub_size(source) is None:
            found.append(str(source))
    return tuple(dict.fromkeys(found))


def exports(module: Any) -> bool:
    """Whether the stage freezes something that goes on changing, so that its key is the hash of the bytes."""
    return bool(getattr(module, "EXPORTS", False))
