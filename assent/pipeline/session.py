"""One stage, worked on until it is finished, waits, or ends otherwise."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assent.errors import UserError
from assent.pipeline.artifacts import key_of_bytes
from assent.pipeline.files import write_json
from assent.pipeline.machine import versions
from assent.pipeline.memory import PeakMemory
from assent.pipeline.outline import result_of
from assent.pipeline.people import annotate_command
from assent.pipeline.plan import Plan, Step, exports
from assent.pipeline.progress import Advance, Progress
from assent.pipeline.sources import as_written, resolved
from assent.pipeline.stage_folder import STAGE, Effort, effort_so_far
from assent.pipeline.tracking import Log, Sinks, TrackedStage
from assent.stages.workspace import Workspace


@dataclass(frozen=True)
class Surroundings:
    """What a stage runs in beside its settings; nothing of it is part of a key."""

    out: Path
    trackers: tuple[str, ...]
    progress: Progress
    stop: Callable[[], bool]
    command: str = ""  # as typed


def work_on(drawn: Plan, step: Step, around: Surroundings) -> tuple[str, Effort]:
    """Run one stage in its partial folder, finish its artifact, and give its key and what it took.

    Raises:
        Waiting, Stopped, Interrupted, UserError: as the stage ends; its partial folder stays.
    """
    assert step.request is not None
    partial = drawn.store.partial(step.request)
    partial.mkdir(parents=True, exist_ok=True)
    module = drawn.stages[step.kind]
    settings = resolved(step.settings, drawn.place)
    spent = effort_so_far(partial)
    started = time.monotonic()

    def seconds() -> float:
        return spent.seconds + time.monotonic() - started

    def effort(memory: PeakMemory) -> Effort:
        return Effort(seconds(), max(spent.peak_rss_mb, memory.peak_mb))

    sinks = Sinks(around.trackers, _tracked(drawn, step, around))
    with PeakMemory() as memory, around.progress.stage(step.name) as advance:
        try:
            with Log(partial, seconds, memory.rss_mb, sinks) as log:
                module.run(settings, _workspace(drawn, step, (partial, log, advance), around))
        finally:
            _describe(partial, step, step.request, effort(memory))
    shutil.rmtree(partial / "checkpoints", ignore_errors=True)  # the result is there, nothing to go on from
    key = key_of_bytes(step.kind, partial / module.RESULT) if exports(module) else step.request
    _check_result(partial / result_of(module, settings))
    taken = effort(memory)
    _describe(partial, step, key, taken)
    drawn.store.finish(step.request, key)
    return key, taken


def _workspace(drawn: Plan, step: Step, made: tuple[Path, Log, Advance], around: Surroundings) -> Workspace:
    return Workspace(
        step.name,
        *made,
        stop=around.stop,
        names=drawn.stage_names(step),
        warn=around.progress.warn,
        run=around.out,
        annotate=annotate_command(drawn.recipe, around.out, around.command),
    )


def _describe(folder: Path, step: Step, key: str, taken: Effort) -> None:
    write_json(
        folder / STAGE,
        {
            "kind": step.kind,
            "name": step.name,
            "key": key,
            "settings": as_written(step.settings),
            "seconds": round(taken.seconds, 3),
            "peak_rss_mb": round(taken.peak_rss_mb, 1),
            "versions": versions(),
        },
    )


def _tracked(drawn: Plan, step: Step, around: Surroundings) -> TrackedStage:
    return TrackedStage(drawn.recipe.name, step.name, around.out, as_written(step.settings))


def _check_result(result: Path) -> None:
    if not result.exists():
        raise UserError(f"{result}: the stage ended without making it")
