"""What a stage is given beside its settings, and what it foretells of itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Log(Protocol):
    """Where a stage's numbers go. Each call is one line of `metrics.jsonl`."""

    def __call__(self, step: int, stats: Mapping[str, float]) -> None: ...

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Examples for people to read (prompts, answers, rewards); not part of `metrics.jsonl`."""
        ...

    def rewind(self, step: int) -> None:
        """Forget the rows of `step` and later: a resumed stage writes them again."""
        ...


@dataclass(frozen=True)
class Workspace:
    """One stage's place to work in. All that it writes goes below `folder`."""

    name: str  # of the stage, as the recipe names it
    folder: Path  # survives a kill; renamed when the stage is complete
    log: Log
    progress: Callable[[int, int, str], None]  # (done, total, note): the progress bar
    stop: Callable[[], bool]  # True after SIGTERM or Ctrl-C: save, then raise Interrupted
    names: Mapping[str, str] = field(default_factory=dict)  # path of an input's file or model -> its stage
    warn: Callable[[str], None] = print  # something that people should see now, quiet or not
    run: Path | None = None  # the run's folder; None: the stage is run by itself
    annotate: str = "assent annotate RECIPE"  # the command by which people judge for this run


@dataclass(frozen=True)
class Forecast:
    """What a stage will take, told before it runs. Sums of rough terms: right within a factor of two.

    `flops` counts multiply and add as two; `calls` counts forward or backward passes, whose fixed cost
    outweighs the arithmetic of small models.
    """

    flops: float = 0.0
    calls: float = 0.0
    memory_bytes: float = 0.0  # beyond the interpreter and its libraries
    disk_bytes: float = 0.0
    steps: int | None = None
    epochs: float | None = None
    rows: int | None = None  # of the file that it makes
    parameters: float | None = None  # of the model that it makes
    layers: int | None = None
