"""The doctor's diagnoses over the metrics of a run folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent.errors import Stopped, UserError
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.files import read_rows
from assent.pipeline.state import read_run
from assent.pipeline.summary import stage_folder
from assent.pipeline.tracking import METRICS
from assent.training.doctor import Diagnosis, diagnose

TRAINING = ("pretrain", "finetune", "reward", "policy")  # kinds of stage that log a row a step


@dataclass(frozen=True)
class Examined:
    """A stage whose training was looked at; it may still be going on."""

    stage: str
    kind: str
    steps: int
    found: Sequence[Diagnosis]


def examine(out: Path) -> list[Examined]:
    """The diagnoses of every stage of a run that trains.

    Raises:
        UserError: when there is no run in the folder, or none of its stages trains.
    """
    out = out.absolute()
    store = ArtifactStore(out / "artifacts")
    trained = {name: state for name, state in read_run(out)[1].items() if state.kind in TRAINING}
    if not trained:
        raise UserError(
            f"{out}: nothing to examine: none of its stages is one of {', '.join(TRAINING)}; "
            "`assent status` shows what it has"
        )
    folders = {name: stage_folder(store, state) for name, state in trained.items()}
    return [_examined(name, state.kind, folders[name]) for name, state in trained.items()]


def told(examined: Sequence[Examined]) -> Iterator[str]:
    """What was found, in lines."""
    for stage in examined:
        steps = f"{stage.steps} step{'' if stage.steps == 1 else 's'}"
        looked_at = f"{stage.stage} ({stage.kind}): "
        if not stage.found:
            yield looked_at + (f"nothing found in {steps}" if stage.steps else "no steps yet")
            continue
        yield looked_at + f"{len(stage.found)} found in {steps}"
        yield from (line for diagnosis in stage.found for line in _lines(diagnosis))


def exit_code(examined: Sequence[Examined]) -> int:
    """4 when something was found after which going on can give nothing good, else 0."""
    return Stopped.exit_code if any(found.severe for stage in examined for found in stage.found) else 0


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    severe = ", and going on cannot give anything good" if diagnosis.severe else ""
    yield f"  {diagnosis.name}, since step {diagnosis.step}{severe}"
    yield f"    seen: {diagnosis.seen}"
    yield f"    likely cause: {diagnosis.cause}"
    yield f"    what to do: {diagnosis.remedy}"


def _examined(name: str, kind: str, folder: Path | None) -> Examined:
    rows = _metrics(folder / METRICS) if folder else []
    return Examined(name, kind, len(rows), diagnose(rows))


def _metrics(path: Path) -> list[dict[str, Any]]:
    try:
        return read_rows(path)
    except ValueError as error:
        raise UserError(f"{path}: damaged: {error}; delete the folder and run again") from None
