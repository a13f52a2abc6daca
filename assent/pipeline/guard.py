"""One process a run folder, and an end in good order when a signal asks for one."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from assent.errors import Interrupted, UserError
from assent.locks import held, holder

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_WRITTEN = ("recipe.yaml", "summary.json", "report.html")  # in a run folder, anew by each run


def check_ours(out: Path) -> None:
    """See that a run writes over nothing but what a run has written.

    Raises:
        UserError: when the folder holds no run, and a file of a name that a run writes.
    """
    if (out / "run.json").exists():
        return
    for path in (out / name for name in _WRITTEN):
        if path.exists():
            raise UserError(
                f"{path}: is there already, and a run in {out} would write over it; "
                f"give another --out, such as {out / 'run'}"
            )


def writable(out: Path) -> Path:
    """Make the run folder, and see that it can be written before hours of work go into it.

    Raises:
        UserError: when it cannot be made or written.
    """
    out = out.absolute()
    probe = out / f".probe-{os.getpid()}"
    try:
        (out / "artifacts").mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"{out}: cannot be written: {error.strerror}; give another --out") from None
    return out


@contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Hold the run folder's lock; the system lets go of it when the process ends, however it ends.

    Raises:
        UserError: when another process holds it.
    """
    with held(
        out / "lock",
        lambda other: UserError(
            f"{out}: {other} works in this folder; wait until it ends, or give another --out"
        ),
    ):
        yield


def working_process(out: Path) -> str | None:
    """`process <its number>` of whoever works in a run folder; None: nobody does."""
    return holder(out / "lock")


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Give a function that is True after SIGTERM or Ctrl-C; a second signal ends the process at once.

    Outside the main thread, where Python takes no signals, it stays False.
    """
    asked: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if asked:
            os._exit(Interrupted.exit_code)
        asked.append(number)
        os.write(2, b"\nassent: saving, then stopping; once more to stop at once\n")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before: dict[signal.Signals, Any] = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
