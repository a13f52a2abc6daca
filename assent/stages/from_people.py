"""What people answered in the app: waited for, then frozen. The app may go on writing meanwhile."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from assent.data.files.jsonl import write_jsonl
from assent.data.formats.reading import records
from assent.errors import UserError, Waiting
from assent.feedback.asked import (
    ANSWERED,
    DATABASE,
    Asked,
    answered_items,
    check_not_lost,
    content_of,
    project_name,
)
from assent.feedback.exchange.export import exported, reading
from assent.records import Candidates, Prompt
from assent.stages.workspace import Workspace

# A tie is half a vote for each, so ties train. Other answers are no votes.
_TRAINED_ON = {"pairwise": ("judgements", "ties")}
# The artifact is named by the bytes of its result, so all that lies beside must follow from those: of what is
# no vote, an earlier export with the same result would be kept. It stays in the app, under Exports.
_BESIDE = {"edit": ("edits",)}


@dataclass
class _Counted:
    """What is there of the candidates as they are now, which the app may not have read yet."""

    there: int = 0  # candidates
    complete: int = 0  # of those, and of items that were uploaded: with all their judgements
    before: set[str] = field(default_factory=set)  # judged items that are none of them any more
    judgements: set[str] = field(default_factory=set)  # that were given of those

    def noting(self, rows: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The rows, while those of items from before are counted: a judgement may have several."""
        for row in rows:
            if row["meta"]["item"] in self.before:
                self.judgements.add(row["meta"]["judgement"])
            yield row


def freeze(asked: Asked, work: Workspace, result: str) -> None:
    """Write what people answered to `result` in the stage's folder, and what follows from it beside.

    Raises:
        Waiting: fewer than `want` items have their judgements; with the command by which people give more.
        UserError: the database is damaged or gone; nobody chose anything.
    """
    task, project = asked.settings.task, project_name(work.name)
    if work.run is None:
        raise UserError(f"{work.name}: no run's folder, so there are no people to wait for")
    database = work.run / DATABASE
    check_not_lost(database)
    if not database.exists():
        raise Waiting(_missing(asked, work, _counted(asked, None, project)))
    with reading(database) as connection:
        counted = _counted(asked, connection, project)
        work.progress(min(counted.complete, asked.want), asked.want, ANSWERED[task])
        if counted.complete < asked.want:
            raise Waiting(_missing(asked, work, counted))
        kinds = _TRAINED_ON.get(task, ("judgements",))
        rows = chain.from_iterable(exported(connection, project, kind) for kind in kinds)
        write_jsonl(work.folder / result, counted.noting(rows))
        for kind in _BESIDE.get(task, ()):
            write_jsonl(work.folder / f"{kind}.jsonl", exported(connection, project, kind))
    if not (work.folder / result).stat().st_size:
        raise UserError(
            f"{work.name}: {counted.complete} {ANSWERED[task]} are answered, none of them with a choice, so "
            "there is nothing to learn from: raise want, and let people go on"
        )
    if counted.judgements:
        work.warn(
            f"{work.name}: {len(counted.judgements)} of the judgements are of prompts or answers that "
            f"{asked.candidates} holds no more; they are trained on like the others"
        )


def _counted(asked: Asked, connection: sqlite3.Connection | None, project: str) -> _Counted:
    contents, counted = set[bytes](), _Counted()
    prompts = asked.settings.task == "demonstration"
    for record in records(asked.candidates, Prompt) if prompts else records(asked.candidates, Candidates):
        counted.there += 1
        contents.add(content_of(record))
    for item in answered_items(connection, project) if connection else ():
        if not item.uploaded and item.content not in contents:
            counted.before.add(item.name)
        elif item.judgements >= asked.wanted_overlap:
            counted.complete += 1
    return counted


def _missing(asked: Asked, work: Workspace, counted: _Counted) -> str:
    answered = f"{counted.complete} of {asked.want} {ANSWERED[asked.settings.task]} answered"
    if counted.before:
        answered += f"; {len(counted.before)} that people judged are no candidates any more"
    if counted.there < asked.want:
        answered += f"; there are only {counted.there} to answer in {asked.candidates}"
    return f"{answered}; judge them with: {work.annotate}"
