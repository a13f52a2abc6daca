"""What a person sees while a run goes on: bars on a terminal, a few plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

Advance = Callable[[int, int, str], None]

# A plain line comes with each tenth of the work, but not more often than the one, nor less than the other.
_LINE_SECONDS_AT_LEAST = 1.0
_LINE_SECONDS = 10.0


class Progress:
    """Says how far each stage is, on stderr; the outcome of a run goes to stdout."""

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self._quiet = quiet
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

    def say(self, text: str) -> None:
        """A line of passing interest; nothing when quiet."""
        if not self._quiet:
            self._console.print(escape(text))

    def warn(self, text: str) -> None:
        """A line that people should see even when they asked for quiet."""
        self._console.print(escape(text))

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """Follow one stage: call what is given with (done, total, note)."""
        if self._quiet:
            yield _ignore
        elif self._console.is_terminal:
            with self._bar(name) as advance:
                yield advance
        else:
            yield self._lines(name)

    @contextmanager
    def _bar(self, name: str) -> Iterator[Advance]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(escape(name), total=None, note="")
            yield lambda done, total, note: bars.update(task, completed=done, total=total, note=escape(note))

    def _lines(self, name: str) -> Advance:
        said_at, said_tenth = time.monotonic(), 0

        def advance(done: int, total: int, note: str) -> None:
            nonlocal said_at, said_tenth
            tenth = 10 * done // total if total else 0
            if tenth < said_tenth:  # another pass of the same stage
                said_tenth = 0
            silent_seconds = time.monotonic() - said_at
            further = tenth > said_tenth and silent_seconds >= _LINE_SECONDS_AT_LEAST
            if further or silent_seconds >= _LINE_SECONDS:
                self.say(f"{name}: {done} of {total} ({done / max(total, 1):.0%}) {note}".rstrip())
                said_at, said_tenth = time.monotonic(), tenth

        return advance


def _ignore(done: int, total: int, note: str) -> None:
    """Follow a stage without saying so."""


def output() -> Console:
    """The console for the result of a command. Tables keep their width where no terminal sets one."""
    if sys.stdout.isatty():
        return Console(highlight=False, emoji=False)
    return Console(highlight=False, width=160, emoji=False)
