"""One writer at a time, in the order of asking, and a commit is on disk when `writing` ends.

SQLite has one writer. Threads that all ask it sleep and ask again, whoever is lucky: some wait for seconds. A
queue in front of it costs nothing and is fair. Other processes are kept apart by BEGIN IMMEDIATE and a timeout.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, transaction

from assent.errors import AssentError

RETRY_SECONDS = 2  # what a browser is asked to wait


class Busy(AssentError):
    """Another process has held the database for longer than a browser should wait: nothing was written."""


class Queue:
    """A lock that is handed on in the order of asking. Whoever has it may take it again."""

    def __init__(self):
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False
        self._mine = threading.local()

    def __enter__(self) -> None:
        depth = getattr(self._mine, "depth", 0)
        if depth == 0:
            self._take()
        self._mine.depth = depth + 1

    def __exit__(self, *_: object) -> None:
        self._mine.depth -= 1
        if self._mine.depth == 0:
            self._hand_on()

    def _take(self) -> None:
        turn = threading.Event()
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(turn)
        turn.wait()

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
        Busy: the database was locked for longer than BUSY_SECONDS.
    """
    with _queue:
        try:
            with transaction.atomic():
                yield
        except OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise Busy("the database is busy: try again") from error
            raise
