"""Several trainings in one stage: each has checkpoints of its own, and one follows the other in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assent.stages.workspace import Log, Workspace


def part_of(work: Workspace, member: int, members: int, steps: int) -> Workspace:
    """The place of one member: its checkpoints, and its part of the log and of the progress."""
    done = member * steps

    def progress(step: int, _: int, note: str) -> None:
        work.progress(done + step, members * steps, f"{member + 1} of {members}  {note}")

    folder = work.folder / "checkpoints" / f"member-{member}"
    return replace(work, folder=folder, log=PartOfLog(work.log, member, done, steps), progress=progress)


@dataclass(frozen=True)
class PartOfLog:
    """The rows of one member, which follow those of the members before."""

    log: Log
    member: int
    done: int
    steps: int

    def __call__(self, step: int, stats: Mapping[str, float]) -> None:
        self.log(self.done + step, {"member": float(self.member), **stats})

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        self.log.table(self.done + step, name, rows)

    def rewind(self, step: int) -> None:
        if step < self.steps:  # a member that is finished has nothing to write again, and others follow it
            self.log.rewind(self.done + step)


class Unlogged:
    """The log of a training that is only there to be measured."""

    def __call__(self, step: int, stats: Mapping[str, float]) -> None: ...

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None: ...

    def rewind(self, step: int) -> None: ...


def unseen_part(work: Workspace, name: str) -> Workspace:
    """The place of a training that is only there to be measured: it leaves nothing in log and progress."""
    folder = work.folder / "checkpoints" / name
    return replace(work, folder=folder, log=Unlogged(), progress=_no_progress)


def _no_progress(done: int, total: int, note: str) -> None: ...
