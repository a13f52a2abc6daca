"""What a model of a run rests on: the stages before it, their settings, and the data they read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent.config import DataFile, Recipe, read_yaml, sources
from assent.data.files.containers import count_rows
from assent.data.formats.reading import records
from assent.errors import UserError
from assent.pipeline.artifacts import ArtifactStore, key_of
from assent.pipeline.files import read_json
from assent.pipeline.hashes import Hashes, files_of
from assent.pipeline.outline import Outlined, outline, reference
from assent.pipeline.plan import exports
from assent.pipeline.sources import InputFiles, identities, located, without_sources
from assent.pipeline.stage_folder import STAGE
from assent.pipeline.state import RunHead, StageState, read_run
from assent.records import Demonstration
from assent.stages import STAGES

ROWS = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz")


@dataclass(frozen=True)
class DataUsed:
    """A file that a stage read, as the recipe names it."""

    name: str
    sha256: str | None  # None: it is not, or cannot be shown to be, what the stage read
    rows: int | None


@dataclass(frozen=True)
class Ancestor:
    """A finished stage that a model rests on, or the model's own."""

    name: str
    kind: str
    folder: Path  # its artifact
    settings: Mapping[str, Any]  # defaults filled in, inputs as the recipe names them
    data: tuple[DataUsed, ...]


def ancestors(run: Path, stage: str) -> tuple[Ancestor, ...]:
    """The stage and all that it rests on, in the order in which they were made.

    Raises:
        UserError: there is no run in the folder.
    """
    head, states = read_run(run)
    needed = _needed(stage, states)
    used = _data_of(run, head, states)
    return tuple(_ancestor(run, name, states[name], used.get(name, ())) for name in states if name in needed)


def taught_chats(run: Path, stage: str) -> bool:
    """Whether the last demonstrations that a model was shown begin with a conversation; False if none are."""
    head, states = read_run(run)
    needed = _needed(stage, states)
    lessons = [name for name in states if name in needed and states[name].kind == "finetune"]
    if not lessons:
        return False
    data = DataFile(settings_of(_folder(run, states[lessons[-1]])).get("data", "$"))
    if reference(data) is not None:
        return False
    try:
        first = next(records(located(data, Path(head.folder)), Demonstration))
    except UserError:
        return False  # the file is gone; --chat says what it would have said
    return bool(first.prompt.messages)


def _needed(stage: str, states: Mapping[str, StageState]) -> set[str]:
    needed, waiting = set[str](), [stage]
    while waiting:
        name = waiting.pop()
        if name in states and name not in needed:
            needed.add(name)
            waiting += states[name].inputs
    return needed


def _ancestor(run: Path, name: str, state: StageState, data: tuple[DataUsed, ...]) -> Ancestor:
    folder = _folder(run, state)
    return Ancestor(name, state.kind, folder, settings_of(folder), data)


def _folder(run: Path, state: StageState) -> Path:
    assert state.key is not None  # what a finished model rests on is finished
    return ArtifactStore(run.absolute() / "artifacts").path(state.key)


def settings_of(folder: Path) -> dict[str, Any]:
    """The settings of the stage that made an artifact, defaults filled in; {} where it does not tell."""
    return (read_json(folder / STAGE) or {}).get("settings", {})


def _data_of(run: Path, head: RunHead, states: Mapping[str, StageState]) -> dict[str, tuple[DataUsed, ...]]:
    """The files of each stage. A recipe that this version does not know any more tells of none."""
    stages = read_yaml(run / "recipe.yaml")
    seed = stages.pop("seed", None)
    recipe = Recipe(name=head.name, folder=Path(head.folder), seed=seed, stages=stages)
    try:
        outlined = outline(recipe, STAGES)
    except UserError:
        return {}
    files = InputFiles(recipe.folder, Hashes(run / "hashes.json"))
    return {one.name: tuple(_used(one, states, files)) for one in outlined if one.name in states}


def _used(stage: Outlined, states: Mapping[str, StageState], files: InputFiles) -> Iterator[DataUsed]:
    same = _same_as_then(stage, states, files)
    for _, source in sources(stage.settings):
        if isinstance(source, DataFile) and reference(source) is None:
            place = located(source, files.folder)
            known = same and bool(files_of(place))
            rows = _rows(place) if known else None
            yield DataUsed(str(source), files.hashes.content(place) if known else None, rows)


def _rows(place: str) -> int | None:
    """None for plain text, which has none."""
    try:
        return count_rows(place) if place.endswith(ROWS) else None
    except UserError:
        return None  # a text that is compressed


def _same_as_then(stage: Outlined, states: Mapping[str, StageState], files: InputFiles) -> bool:
    """Whether the input files as they are now give the key that the stage had when it ran."""
    module = STAGES[stage.kind]
    keys = {name: state.key for name, state in states.items()}
    if exports(module):
        return False  # its key is that of its result
    try:
        inputs = identities(stage.settings, stage.where, keys, files)
    except UserError:
        return False
    if inputs is None:
        return False
    return keys[stage.name] == key_of(stage.kind, module.VERSION, without_sources(stage.settings), inputs)
