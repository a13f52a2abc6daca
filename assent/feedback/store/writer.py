"""One writer at a time, in the order of asking, and a commit is on disk when `writing` ends.

SQLite has one writer. Threads that all ask it sleep and ask again, whoever is lucky: some wait for seconds.
A queue in front of it costs nothing and is fair. Other processes are kept apart by BEGIN IMMEDIATE and a
timeout.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

from assent.errors import AssentError

RETRY_SECONDS = 2  # what a browser is asked to wait
# What SQLite says, and what people are told. Nothing was written, and trying again later is right.
_LATER = {
    "locked": "the database is busy: try again",
    "busy": "the database is busy: try again",
    "disk is full": "the disk of the server is full: make room, then try again",
    "readonly database": "the database may not be written: see to its file and its disk, then try again",
    "disk I/O error": "the disk of the server fails: see to it, then try again",
}


class Busy(AssentError):
    """The database could not be written for longer than a browser should wait: nothing was written."""


class Queue:
    """A lock that is handed on in the order of asking. Whoever has it may take it again."""

    def __init__(self):
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False
        self._mine = threading.local()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[bool]:
        """Whether this is the outermost of this thread's turns.

        Raises:
            Busy: it was not this thread's turn within `seconds`.
        """
        depth = getattr(self._mine, "depth", 0)
        if depth == 0:
            self._take(seconds)
        self._mine.depth = depth + 1
        try:
            yield depth == 0
        finally:
            self._mine.depth = depth
            if depth == 0:
                self._hand_on()

    def _take(self, seconds: float) -> None:
        turn = threading.Event()
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(turn)
        came = False
        try:
            came = turn.wait(seconds)
        finally:
            if not came:  # too late, or Ctrl-C
                self._leave(turn)
        if not came:
            raise Busy(_LATER["busy"])

    def _leave(self, turn: threading.Event) -> None:
        with self._guard:
            if not turn.is_set():
                self._waiting.remove(turn)
                return
        self._hand_on()  # it came in the very moment of leaving

    def _hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()  # still taken: by the next
            else:
                self._taken = False


_queue = Queue()


@contextmanager
def writing() -> Iterator[None]:
    """All that is written inside is on disk afterwards, or none of it. Inside another one it is part of that.

    Raises:
        Busy: others wrote, or another process held the database, for longer than BUSY_SECONDS; the disk is
            full, fails, or may not be written.
        RuntimeError: it stands inside a transaction of another kind, which may still take it back.
    """
    with _queue.turn(connection.settings_dict["OPTIONS"]["timeout"]) as outermost:
        try:
            with transaction.atomic(durable=outermost):
                yield
        except (OperationalError, sqlite3.OperationalError) as error:  # imports ask past Django
            said = [told for sign, told in _LATER.items() if sign in str(error)]
            if said:
                raise Busy(said[0]) from error
            raise
