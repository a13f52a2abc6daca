"""Large files are read in a process of its own, while what was read before is stored. No Django.

Each takes about as long. A thread would not do: both are Python for the most part.
"""

import gc
import marshal
import multiprocessing
import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import fields
from itertools import islice
from multiprocessing.connection import Connection
from operator import attrgetter
from queue import Queue
from threading import Thread
from typing import Any

from assent.errors import AssentError, UserError
from assent.feedback.exchange.answers_in import Wanted
from assent.feedback.exchange.entries import Entry, entries
from assent.feedback.exchange.plain import plain_pair
from assent.feedback.services import Record

WORTH_BYTES = 32 * 2**20  # of a file: a process takes a second to start
TOGETHER = 500  # entries in a message: about half a megabyte
AHEAD = 12  # messages that may wait to be stored

Again = Callable[[], Iterable[Record]]  # the same records anew, in another process
_columns = attrgetter(*(one.name for one in fields(Entry)))


def entries_of(wanted: Wanted, records: Iterable[Record], known: bool) -> Generator[Entry, None, None]:
    """`entries`, in a process of its own where the records say that they are many and how to read them there.

    Raises:
        UserError: a record that does not fit, with its place.
    """
    again, size = getattr(records, "again", None), getattr(records, "bytes", 0)
    if again is None or size < WORTH_BYTES or len(os.sched_getaffinity(0)) < 2:
        return entries_here(wanted, records, known)
    return _received(again, wanted, known)


def entries_here(wanted: Wanted, records: Iterable[Record], known: bool) -> Generator[Entry, None, None]:
    """In this process. Pairs that are plainly so become entries at once, where the records can do that."""
    taking = getattr(records, "taking", None)
    if taking is not None and wanted.task == "pairwise" and not known:
        records = taking(plain_pair)
    return entries(wanted, records, known)


def _received(again: Again, wanted: Wanted, known: bool) -> Generator[Entry, None, None]:
    context = multiprocessing.get_context("spawn")  # a copy of a process that has threads may stand still
    pipe, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(again, wanted, known, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        while (some := _message(pipe)) is not None:
            for columns in some:
                yield Entry(*columns)
    finally:
        pipe.close()
        process.terminate()
        process.join()
        process.close()


def _message(pipe: Connection) -> list[tuple[Any, ...]] | None:
    """None after the last."""
    try:
        found = marshal.loads(pipe.recv_bytes())  # noqa: S302 - of a process that this one has started
    except EOFError:
        raise AssentError("the process that reads the file has ended too early: import again") from None
    if isinstance(found, str):
        raise UserError(found)
    return found


def _send(again: Again, wanted: Wanted, known: bool, pipe: Connection) -> None:
    gc.disable()  # nothing here goes round in a circle
    waiting: Queue[bytes] = Queue(AHEAD)
    Thread(target=_sent, args=(waiting, pipe)).start()
    try:
        found = entries_here(wanted, again(), known)
        while some := list(islice(found, TOGETHER)):
            waiting.put(marshal.dumps([_columns(one) for one in some]))
        waiting.put(marshal.dumps(None))
    except UserError as error:
        waiting.put(marshal.dumps(str(error)))
    finally:
        waiting.put(b"")


def _sent(waiting: Queue[bytes], pipe: Connection) -> None:
    """A pipe holds little: without this, reading would stand still while a transaction is written."""
    try:
        while message := waiting.get():
            pipe.send_bytes(message)
    except BrokenPipeError:
        os._exit(0)  # whoever asked has stopped: nothing of this process is needed any more
