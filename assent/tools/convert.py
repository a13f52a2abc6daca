"""Data from one format and file into another, row by row: all of it, or nothing and a reason."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from assent.data.files.containers import count_rows, raw_rows
from assent.data.files.quarantine import Quarantine, quarantine
from assent.data.files.streams import HUB, ROWS, OnBad, Row, files, format_of
from assent.data.files.written import kind_of, written
from assent.data.formats.conversions import target
from assent.data.formats.parsing_labelled import labelled_rows
from assent.errors import Interrupted, UserError
from assent.pipeline.progress import Progress
from assent.tools.translator import Refused, Translator

STEP_ROWS = 500  # between two looks at the progress
_LINE_SECONDS = 10.0


@dataclass(frozen=True)
class Order:
    """What is to be converted, and how."""

    source: str
    out: Path
    to: str
    given: str | None = None  # the format of the source, where its rows do not tell
    columns: Mapping[str, str] = field(default_factory=dict)  # our name -> what it is called there
    scale: list[float] | None = None  # of ratings that do not say theirs: lowest, highest
    threshold: float | None = None  # from which on a rating is good
    aside: Path | None = None  # where bad rows go; without it the first ends the work
    force: bool = False  # replace files that are there


@dataclass
class Outcome:
    """What came of it."""

    read: int = 0
    written: int = 0
    aside: int = 0
    barren: int = 0  # rows that hold none of what was wanted, as a judgement that was cancelled
    first: list[str] = field(default_factory=list)  # what was wrong with the first rows set aside
    left_out: Counter[str] = field(
        default_factory=Counter
    )  # rows by the name of what they could not take along


def convert(order: Order, progress: Progress) -> Outcome:
    """Read every row, and write it in the format and the file that were asked for.

    Raises:
        UserError: a bad row, naming file and line, and no file for them was given; a conversion that there is
            not; a file that is there already. Nothing is written then.
        Interrupted: by a signal or a full disk; nothing is written either.
    """
    _check(order)
    outcome = Outcome()
    aside = nullcontext() if order.aside is None else quarantine(order.aside)
    try:
        with _end_by_signal(), aside as bad:
            try:
                with written(order.out) as add:
                    _rows(order, outcome, add, bad, progress)
                    if not outcome.written:
                        raise _Nothing
            except _Nothing:
                pass  # the rows set aside are kept all the same
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {order.out} is not written: the same command begins anew") from None
    if not outcome.written:
        aside = f": all are set aside in {order.aside}" if order.aside else f" in {order.source}"
        raise UserError(f"nothing to write to {order.out}{aside}")
    return outcome


class _Nothing(Exception):
    """No row is left."""


def _rows(
    order: Order,
    outcome: Outcome,
    add: Callable[[list[Row]], None],
    bad: Quarantine | None,
    progress: Progress,
) -> None:
    translator = Translator(
        order.to, order.given, order.columns, {"scale": order.scale} if order.scale else {}, order.threshold
    )
    told = _counting(bad, outcome)
    with _followed(order, progress) as advance:
        for where, raw in _raw(order, told):
            try:
                rows, left_out = translator.rows(raw, where)
                add(rows)
            except UserError as error:
                if isinstance(error, Refused) or told is None:
                    raise _placed(error, where) from None
                told(where, raw, _placed(error, where))
                continue
            outcome.read += 1
            outcome.written += len(rows)
            outcome.barren += not rows
            outcome.left_out.update(left_out)
            if outcome.read % STEP_ROWS == 0:
                advance(outcome.read)
    if bad is not None:
        outcome.first = bad.lines()


def _counting(bad: Quarantine | None, outcome: Outcome) -> OnBad | None:
    if bad is None:
        return None

    def told(where: str, raw: object, problem: UserError) -> None:
        assert bad is not None
        outcome.read += 1
        outcome.aside += 1
        bad(where, raw, problem)

    return told


def _raw(order: Order, bad: OnBad | None) -> Iterator[tuple[str, Row]]:
    if target(order.to).noun == "labelled":
        return labelled_rows(order.source, bad)
    return raw_rows(order.source, bad)


def _placed(error: UserError, where: str) -> UserError:
    """With the file and line in front, where they are not there yet."""
    told = str(error)
    if isinstance(error, Refused) or told.startswith(where):
        return error
    return UserError(f"{where}: {told}")


def _check(order: Order) -> None:
    """What can be known before a row is read."""
    to = target(order.to)
    kind_of(order.out)
    if order.threshold is not None and to.name != "good-bad":
        raise UserError(f"--threshold says which ratings are good, for --to good-bad; it is --to {to.name}")
    if order.scale is not None and to.noun != "ratings":
        raise UserError(f"--scale says from where to where ratings go, and {to.name} holds {to.noun}")
    if order.scale is not None and order.scale[0] >= order.scale[1]:
        raise UserError(f"--scale: expected the lowest rating and then the highest, found {order.scale}")
    sources = (
        set() if order.source.startswith(HUB) else {path.resolve() for path in files(order.source, ROWS)}
    )
    for path in [order.out] if order.aside is None else [order.out, order.aside]:
        if path.resolve() in sources:
            raise UserError(f"{path}: is read as well; write to another file")
        if path.is_dir():
            raise UserError(f"{path}: is a folder; name a file in it")
        if path.exists() and not order.force:
            raise UserError(f"{path}: is there already; --force replaces it")
    if order.aside is not None and order.aside.resolve() == order.out.resolve():
        raise UserError(f"{order.out}: cannot hold the rows and those set aside as well")


@contextmanager
def _end_by_signal() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that no half file stays."""

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


@contextmanager
def _followed(order: Order, progress: Progress) -> Iterator[Callable[[int], None]]:
    """Give what is told the rows read so far."""
    total = _known_total(order.source)
    if total is None:
        yield _counted(progress)
        return
    with progress.stage("convert") as advance:
        yield lambda rows: advance(rows, total, "rows")


def _known_total(source: str) -> int | None:
    """The number of rows, where it costs little to know."""
    if source.startswith(HUB) or any(
        format_of(path) not in ("jsonl", "parquet") for path in files(source, ROWS)
    ):
        return None
    return count_rows(source)


def _counted(progress: Progress) -> Callable[[int], None]:
    said_at = time.monotonic()

    def advance(rows: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _LINE_SECONDS:
            progress.say(f"convert: {rows:,} rows")
            said_at = time.monotonic()

    return advance
