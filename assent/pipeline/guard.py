"""One process a run folder, and an end in good order when a signal asks for one."""

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from assent.errors import Interrupted, UserError

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
    path = out / "lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise UserError(f"{path}: cannot be locked: {error.strerror}") from None
    try:
        _take(handle, out)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _take(handle: int, out: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 32).decode(errors="replace") or "unknown"
        raise UserError(
            f"{out}: process {holder} works in this folder; wait until it ends, or give another --out"
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())


def working_process(out: Path) -> int | None:
    """The process that works in a run folder, for people to read; the lock itself decides."""
    try:
        holder = int((out / "lock").read_text())
    except (OSError, ValueError):
        return None
    return holder if psutil.pid_exists(holder) else None


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
