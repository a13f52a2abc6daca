"""Run what is missing of a recipe; go on from where it was; say what waits for people."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from assent.config import Recipe
from assent.errors import Interrupted, Stopped, UserError, Waiting
from assent.pipeline.files import write_text
from assent.pipeline.guard import check_ours, exclusive, stop_on_signal, writable
from assent.pipeline.hashes import Hashes
from assent.pipeline.machine import keep_few_shapes, machine, versions
from assent.pipeline.outline import Stages
from assent.pipeline.plan import Step, exports, plan, request_key
from assent.pipeline.progress import Progress, output
from assent.pipeline.session import Surroundings, work_on
from assent.pipeline.stage_folder import Effort, effort_so_far
from assent.pipeline.state import RunHead, RunState, StageState, Status, save_export
from assent.pipeline.summary import write_reports
from assent.pipeline.tracking import check_trackers
from assent.pipeline.units import human_bytes, human_seconds

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

_EXIT_CODES: dict[Status, int] = {
    "interrupted": Interrupted.exit_code,
    "failed": Stopped.exit_code,
    "waiting": Waiting.exit_code,
}


@dataclass(frozen=True)
class Options:
    """How a run is made; nothing of it changes what the run makes."""

    only: str | None = None  # this stage and what it rests on
    refresh_feedback: bool = False  # export judgements anew
    trackers: tuple[str, ...] = ()
    quiet: bool = False
    command: str = ""  # as typed, for the report


def run(recipe: Recipe, out: Path, stages: Stages, options: Options | None = None) -> int:
    """Make every artifact of a recipe that is not there yet, and the report; give the exit code.

    Args:
        recipe: As loaded.
        out: The run's folder.
        stages: The modules by kind: `assent.stages.STAGES`.
        options: How to run; by default everything, without trackers.

    Raises:
        UserError: for a mistake that is found before the first stage; later ones are reported and become
            the exit code 2.
    """
    options = options or Options()
    keep_few_shapes()
    check_trackers(options.trackers)
    hashes = Hashes(out.absolute() / "hashes.json")
    drawn = plan(recipe, stages, out, hashes, look="nowhere")  # a mistake leaves no folder behind
    if any(step.state != "done" for step in drawn.steps):
        plan(recipe, stages, out, hashes, look="everywhere")  # what is done was looked at; a set may be gone
    check_ours(out)
    out = writable(out)
    with exclusive(out), stop_on_signal() as stop:
        progress = Progress(options.quiet)
        around = Surroundings(out, options.trackers, progress, stop, options.command)
        session = _Run(recipe, stages, options, around, hashes)
        code = session.all_steps()
        if code != Interrupted.exit_code:
            write_reports(out)
        session.say_outcome()
    return code


class _Run:
    """One run of a recipe in one process."""

    def __init__(
        self, recipe: Recipe, stages: Stages, options: Options, around: Surroundings, hashes: Hashes
    ) -> None:
        self._recipe = recipe
        self._stages = stages
        self._around = around
        self._hashes = hashes
        self._plan = plan(recipe, stages, around.out, hashes, look="nowhere")
        self._chosen = self._plan.needed_for(options.only) if options.only else None
        self._to_refresh = {
            step.name for step in self._plan.steps if options.refresh_feedback and exports(stages[step.kind])
        }
        self._told: set[str] = set()  # stages whose end was explained on stderr, which nothing silences
        self._check_disk()
        found = {step.name: self._found(step) for step in self._plan.steps}
        self._state = RunState(around.out / "run.json", _head(recipe, options), found)
        write_text(around.out / "recipe.yaml", _effective(recipe))
        self._hashes.save()

    def all_steps(self) -> int:
        """Work on each chosen stage that is not done; give the exit code."""
        for name in [step.name for step in self._plan.steps if self._is_chosen(step.name)]:
            if self._around.stop() and not self._is_done(name):
                self._state.change(name, status="interrupted", message="stopped before it began")
                return Interrupted.exit_code
            code = self._one_step(self._plan.step(name))
            if code in (UserError.exit_code, Interrupted.exit_code):
                return code
        ends = {stage.status for name, stage in self._state.stages.items() if self._is_chosen(name)}
        return next((code for status, code in _EXIT_CODES.items() if status in ends), 0)

    def say_outcome(self) -> None:
        """What was done, what was not and why, and where the report is."""
        console = output()
        for name, stage in self._state.stages.items():
            if stage.status == "done" or not self._is_chosen(name):
                continue
            why = f": {stage.message}" if stage.message and name not in self._told else ""
            console.print(f"{name}: {stage.status}{why}", markup=False, soft_wrap=True)
        done = sum(stage.status == "done" for stage in self._state.stages.values())
        console.print(f"{done} of {len(self._state.stages)} stages done", markup=False)
        report = self._around.out / "report.html"
        if report.exists():
            console.print(f"report: {report}", markup=False, soft_wrap=True)

    def _one_step(self, step: Step) -> int:
        if self._is_done(step.name):
            self._around.progress.say(f"{step.name}: done already ({step.key})")
            self._state.put(step.name, self._found(step))
            return 0
        held_up = [name for name in step.inputs if self._state.stages[name].status != "done"]
        if held_up:
            self._state.change(step.name, message=f"waits for {', '.join(held_up)}")
            return 0
        with self._ending(step) as end:
            self._check_inputs(step)
            self._set_aside_damage(step)
            self._around.progress.say(f"{step.name}: {step.kind}, {step.request}")
            key, taken = work_on(self._plan, step, self._around)
            self._settle(step, key)
            self._around.progress.say(f"{step.name}: done in {human_seconds(taken.seconds)}")
            end.status, end.message, end.code = "done", "", 0
        return end.code

    @contextmanager
    def _ending(self, step: Step) -> Iterator["_End"]:
        """Write down how a stage ends, whatever ends it."""
        end = _End()
        self._state.change(step.name, status="running", message="")
        try:
            yield end
        except Waiting as error:
            end.status, end.message, end.code = "waiting", str(error), error.exit_code
        except Interrupted as error:
            end.status, end.message, end.code = "interrupted", str(error), error.exit_code
        except (Stopped, UserError) as error:
            end.status, end.message, end.code = "failed", str(error), error.exit_code
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            end.status, end.code = "interrupted", Interrupted.exit_code
            end.message = f"the disk is full: {error.filename or self._around.out}; free some and run again"
        finally:
            end.message = end.message.removeprefix(f"{step.name}: ")  # said by whoever shows the message
            self._note_end(step, end)
        if end.code:
            waits = end.status == "waiting"
            tell = self._around.progress.say if waits else self._around.progress.warn
            tell(f"{step.name}: {end.message}")
            if not waits:
                self._told.add(step.name)

    def _note_end(self, step: Step, end: "_End") -> None:
        found = self._found(self._plan.step(step.name))
        try:
            self._state.put(step.name, replace(found, status=end.status, message=end.message))
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            self._around.progress.warn(f"{step.name}: {end.status}; no room to write that down")

    def _settle(self, step: Step, key: str) -> None:
        """After an export, name what follows from its bytes."""
        self._to_refresh.discard(step.name)
        if step.request is not None and exports(self._stages[step.kind]):
            save_export(self._around.out, step.request, key)
        self._plan = plan(self._recipe, self._stages, self._around.out, self._hashes, look="nowhere")
        for other in self._plan.steps:
            if self._state.stages[other.name].key != other.key:
                self._state.put(other.name, self._found(other))

    def _check_inputs(self, step: Step) -> None:
        """A key names the content that was planned with; training on another would make it a lie."""
        if request_key(self._plan, step, Hashes(self._around.out / "hashes.json")) != step.request:
            raise UserError(f"{step.where}: its input files have changed since this run began; run it again")

    def _set_aside_damage(self, step: Step) -> None:
        if step.key is None:
            return
        aside = self._plan.store.set_aside(step.key)
        if aside:
            self._around.progress.warn(
                f"{step.name}: its artifact was damaged, now {aside.name}; making it anew"
            )

    def _check_disk(self) -> None:
        to_do = [
            step for step in self._plan.steps if self._is_chosen(step.name) and not self._is_done(step.name)
        ]
        needed = sum(step.forecast.disk_bytes for step in to_do)
        free = shutil.disk_usage(self._around.out).free
        if needed > free:
            raise UserError(
                f"{self._around.out}: the run needs about {human_bytes(needed)} of disk, "
                f"{human_bytes(free)} are free; free some, or give another --out"
            )

    def _is_chosen(self, name: str) -> bool:
        return self._chosen is None or name in self._chosen

    def _is_done(self, name: str) -> bool:
        return self._plan.step(name).state == "done" and name not in self._to_refresh

    def _found(self, step: Step) -> StageState:
        """The state of a stage by what lies in the run folder."""
        store = self._plan.store
        done = self._is_done(step.name)
        folder = store.path(step.key) if done and step.key else step.request and store.partial(step.request)
        taken = effort_so_far(folder) if folder else Effort()
        return StageState(
            kind=step.kind,
            key=step.key,
            request=step.request,
            inputs=step.inputs,
            status="done" if done else "pending",
            seconds=taken.seconds,
            peak_rss_mb=taken.peak_rss_mb,
        )


@dataclass
class _End:
    """How a stage ended; what stands here at first is what a fault of the program leaves behind."""

    status: Status = "failed"
    message: str = "a fault in the program: see its traceback"
    code: int = 1


def _head(recipe: Recipe, options: Options) -> RunHead:
    return RunHead(
        name=recipe.name,
        folder=str(recipe.folder),
        command=options.command or f"assent run {recipe.name}.yaml",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=recipe.seed,
        versions=versions(),
        machine=machine(),
    )


def _effective(recipe: Recipe) -> str:
    """The recipe as it was run, overrides applied."""
    seed = {} if recipe.seed is None else {"seed": recipe.seed}
    return yaml.safe_dump({**seed, **recipe.stages}, sort_keys=False, allow_unicode=True)
