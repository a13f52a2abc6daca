"""A model as people name it: a folder, a hub id, a run, or one stage of a run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assent.errors import UserError
from assent.models.load import saved_settings
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.outline import MODEL, nearest
from assent.pipeline.state import StageState, read_run

RUN_FILE = "run.json"
_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")


@dataclass(frozen=True)
class FoundModel:
    """Where a model lies, and what made it, as far as that is known."""

    source: str  # its folder, or a hub id
    run: Path | None = None
    stage: str = ""  # of the run; "" where the run is not known


def model_at(text: str, say: Callable[[str], None] | None = None) -> str:
    """The folder or hub id of the model that `text` names, for `load`.

    Args:
        text: a folder, a hub id, `RUN:STAGE`, or a run's folder: its last finished stage that made a policy.
        say: told which stage that is.

    Raises:
        UserError: nothing is there; for a run with the stages that have a model.
    """
    return found_model(text, say).source


def found_model(text: str, say: Callable[[str], None] | None = None) -> FoundModel:
    """As `model_at`, with the run and the stage that made the model."""
    path = Path(text)
    if (path / RUN_FILE).is_file():
        found = _last_policy(path)
        if say is not None:
            say(f"{text}: the model of {found.stage}, its last finished policy")
        return found
    if path.is_dir():
        return _in_folder(path)
    run, colon, stage = text.rpartition(":")
    if colon and Path(run).is_dir():
        return _of_stage(Path(run), stage)
    if path.exists() or not _HUB_ID.fullmatch(text):
        raise UserError(f"model {text}: no such folder or run; expected a folder, a hub id or RUN:STAGE")
    return FoundModel(text)


def stage_models(run: Path) -> dict[str, Path]:
    """The folder of each model that a run has finished, by its stage, in the order in which they are made.

    Raises:
        UserError: there is no run in the folder.
    """
    return _models(run, read_run(run)[1])


def _models(run: Path, stages: Mapping[str, StageState]) -> dict[str, Path]:
    store = ArtifactStore(run.absolute() / "artifacts")
    keys = {name: state.key for name, state in stages.items() if state.key and store.finished(state.key)}
    folders = {name: store.path(key) / MODEL for name, key in keys.items()}
    return {name: folder for name, folder in folders.items() if folder.is_dir()}


def _last_policy(run: Path) -> FoundModel:
    models = stage_models(run)
    policies = [name for name, folder in models.items() if _is_policy(folder)]
    if not policies:
        has = f"it has those of {', '.join(models)}" if models else "it has no model at all"
        raise UserError(
            f"{run}: no finished stage made a model that answers; {has}; `assent status {run}` tells more"
        )
    return FoundModel(str(models[policies[-1]]), run, policies[-1])


def _is_policy(folder: Path) -> bool:
    return saved_settings(str(folder)).get("kind", "policy") == "policy"


def _of_stage(run: Path, name: str) -> FoundModel:
    stages = read_run(run)[1]
    models = _models(run, stages)
    if name in models:
        return FoundModel(str(models[name]), run, name)
    if name not in stages:
        raise UserError(f"{run}: no stage has the name {name}{nearest(name, models or stages)}")
    status = stages[name].status
    why = "it makes no model" if status == "done" else f"it is {status}"
    known = f"stages with a model: {', '.join(models)}" if models else "no stage has one yet"
    raise UserError(f"{run}: {name} has no model: {why}; {known}")


def _in_folder(folder: Path) -> FoundModel:
    """A model's folder; one inside a run's artifacts, or the artifact itself, knows its run."""
    if not (folder / "config.json").is_file() and (folder / MODEL).is_dir():
        folder = folder / MODEL
    absolute = folder.resolve()
    run = absolute.parents[2] if len(absolute.parents) > 2 else absolute
    if absolute.name != MODEL or not (run / RUN_FILE).is_file():
        return FoundModel(str(folder))
    keys = {state.key: name for name, state in read_run(run)[1].items()}
    name = keys.get(absolute.parent.name, "")
    return FoundModel(str(folder), run if name else None, name)
