"""A file that one process holds, and says in it who it is. The system lets go of it however that one ends."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assent.errors import UserError

_LONGEST_NOTE = 200  # bytes
_TRIES, _PAUSE_SECONDS = 3, 0.05  # whoever asks `holder` has the lock for a moment


@contextmanager
def held(path: Path, refuse: Callable[[str], UserError]) -> Iterator[Callable[[str], None]]:
    """Hold a lock file, which is made where it is missing.

    Gives a function that replaces what is told of this process to others, at first `process <its number>`.

    Args:
        refuse: the error for whom comes second, of what is told of the process that holds it.

    Raises:
        UserError: another process holds it, or it cannot be locked.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise _unlockable(path, error) from None
    try:
        if not _taken(handle, path, fcntl.LOCK_EX):
            raise refuse(_note(handle))
        _write(handle, f"process {os.getpid()}")
        yield lambda text: _write(handle, text)
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder(path: Path) -> str | None:
    """What is told of the process that holds a lock file; None: nobody holds it.

    What a killed process left in the file says nothing: its number may be anybody's by now.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return None if _taken(handle, path, fcntl.LOCK_SH) else _note(handle)
    finally:
        os.close(handle)


def _taken(handle: int, path: Path, kind: int) -> bool:
    for tries_left in reversed(range(_TRIES)):
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS if tries_left else 0)
        except OSError as error:  # such as a network's file system without locks
            raise _unlockable(path, error) from None
    return False


def _unlockable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be locked: {error.strerror}")


def _note(handle: int) -> str:
    return os.pread(handle, _LONGEST_NOTE, 0).decode(errors="replace").strip() or "another process"


def _write(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{text}\n".encode(), 0)
