"""What the last run of a folder did (`run.json`), and which exports it holds (`exports.json`)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assent.errors import UserError
from assent.pipeline.files import read_json, write_json

# A stage is `running` only while its process lives; after a kill it is read back as `interrupted`.
Status = Literal["done", "waiting", "failed", "pending", "interrupted", "running"]


@dataclass(frozen=True)
class StageState:
    """One stage in the last run."""

    kind: str
    key: str | None
    request: str | None  # names the folder of work that is not finished
    inputs: tuple[str, ...]
    status: Status
    message: str = ""
    seconds: float = 0.0  # over all sessions that worked on it
    peak_rss_mb: float = 0.0


@dataclass(frozen=True)
class RunHead:
    """What is known of a run before its first stage."""

    name: str
    folder: str  # of the recipe
    command: str
    created: str
    seed: int | None
    versions: dict[str, str]
    machine: str


class RunState:
    """`run.json`, replaced in one step after every change."""

    def __init__(self, path: Path, head: RunHead, stages: Mapping[str, StageState]) -> None:
        self._path = path
        self._head = head
        self.stages = dict(stages)
        self._write()

    def change(self, name: str, **changes: Any) -> None:
        """Replace fields of one stage's state."""
        self.stages[name] = replace(self.stages[name], **changes)
        self._write()

    def put(self, name: str, stage: StageState) -> None:
        """Set one stage's state."""
        self.stages[name] = stage
        self._write()

    def _write(self) -> None:
        stages = {name: asdict(stage) for name, stage in self.stages.items()}
        write_json(self._path, {**asdict(self._head), "stages": stages})


def read_run(out: Path) -> tuple[RunHead, dict[str, StageState]]:
    """The last run of a folder.

    Raises:
        UserError: when there is no run in the folder, or `run.json` is damaged.
    """
    path = out / "run.json"
    content = read_json(path)
    if content is None:
        raise UserError(f"{out}: no run in this folder; `assent run RECIPE --out {out}` makes one")
    try:
        stages = {name: _stage(values) for name, values in content.pop("stages").items()}
        return RunHead(**content), stages
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: damaged: {error}; run the recipe again to mend it") from None


def last_stages(out: Path) -> dict[str, StageState]:
    """The stages of the last run of a folder; {} when there was none."""
    return read_run(out)[1] if (out / "run.json").exists() else {}


def read_exports(out: Path) -> dict[str, str]:
    """The keys of exported judgements by the key of the request for them."""
    path = out / "exports.json"
    pointers = read_json(path) or {}
    if not isinstance(pointers, dict):
        raise UserError(f"{path}: damaged: expected keys by request; delete it and run again")
    return pointers


def save_export(out: Path, request: str, key: str) -> None:
    """Have `request` answered by the artifact `key` from now on."""
    write_json(out / "exports.json", {**read_exports(out), request: key})


def _stage(values: dict[str, Any]) -> StageState:
    if values["status"] == "running":
        values = {**values, "status": "interrupted"}
    return StageState(**{**values, "inputs": tuple(values["inputs"])})
