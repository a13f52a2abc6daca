"""Records of other rooms -> items and judgements of a project, as a stream.

What was stored is never stored again: items go by their names, judgements by their UUIDs, which are made of
what they say where a file has none. Imported annotators cannot log in until an admin lets them.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from sqlite3 import OperationalError

from django.db import connection

from assent.errors import UserError
from assent.feedback.exchange.ahead import entries_of
from assent.feedback.exchange.answers_in import Wanted
from assent.feedback.exchange.batches import Imported, Importer
from assent.feedback.exchange.entries import Entry, written
from assent.feedback.exchange.met import Met
from assent.feedback.exchange.standing import Standing
from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Part, Project
from assent.feedback.services import Record
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

__all__ = ["HELD", "Imported", "import_records"]

HELD = 2000  # records in memory
# Records in a transaction: UUIDs fall all over their index, nearly each of whose pages is written again.
TOGETHER = 40_000
# Of the connection, while it imports: pages in the log of writes before they are also put in their places (a
# commit is on disk as ever); and no row is checked for JSON: that is how this package has written it.
ROOM = {"wal_autocheckpoint": 32768, "ignore_check_constraints": 1}


def import_records(
    project: Project,
    records: Iterable[Record],
    part: str = Part.REAL,
    together: int = TOGETHER,
    listed: bool = False,
    who: str = "",
) -> Imported:
    """Add items and, where records are judged, what was said of them; what is there is not added again.

    Of gold, practice and test, judged records give the right answer (`expected`), and `meta.explanation` why.
    Every `together` records are on disk before the next are read; others wait for a second or two.

    Args:
        listed: these are all the items of this part that a file lists: when all are read, those that were
            listed before and are not among them are retired.
        who: for the audit log.

    Raises:
        UserError: a record that does not fit the project, with its place. Some of those before it may be
            stored: with that one mended, the same import adds the rest.
            So it is where the task or the criteria change meanwhile.
        Busy: another process held the database.
    """
    if part not in Part.values:
        raise UserError(f"part {part!r}: expected one of {', '.join(Part.values)}")
    settings = _settings_now(project)
    standing = Standing(project, part, listed)
    importer = Importer(project, settings, part, standing, listed=listed or None, who=who)
    wanted = _wanted(settings)
    found = entries_of(wanted, records, known=part != Part.REAL)
    # Every number that a row refers to is made here, in the same transaction: checking each would take as
    # long as storing it.
    with connection.constraint_checks_disabled(), _no_collector(), _roomy(), closing(found):
        while _stored(importer, islice(found, together)) == together:
            importer.met = importer.met or Met()
        with writing():
            importer.done.retired = standing.settle(_settings_now(project), who)
    return importer.done


def _settings_now(project: Project) -> ProjectSettings:
    """Of the database: whoever asks may have read the project before somebody changed it."""
    return settings_of(Project.objects.get(pk=project.pk))


def _wanted(settings: ProjectSettings) -> Wanted:
    return Wanted(settings.task, settings.scales)


def _stored(importer: Importer, found: Iterator[Entry]) -> int:
    """Store these together; how many there were."""
    count = 0
    with writing():
        before, importer.settings = importer.settings, _settings_now(importer.project)
        if _wanted(importer.settings) != _wanted(before):  # by which answers were read
            raise UserError(
                f"project {importer.project.name}: its task or its criteria have changed meanwhile: import "
                "again"
            )
        while batch := list(islice(found, HELD)):
            try:
                importer.store(batch)
            except UnicodeEncodeError:
                place = next(entry.place for entry in batch if _half(entry))
                raise UserError(f"{place}: a text holds half a character (a lone surrogate)") from None
            count += len(batch)
    return count


@contextmanager
def _roomy() -> Iterator[None]:
    ask = connection.connection.execute
    before = {name: ask(f"PRAGMA {name}").fetchone()[0] for name in ROOM}
    try:
        for name, value in ROOM.items():
            ask(f"PRAGMA {name}={value}")
        yield
    finally:
        for name, value in before.items():
            ask(f"PRAGMA {name}={value}")
        if not connection.in_atomic_block:  # as part of an upload there is nothing to put back yet
            with suppress(OperationalError):  # a full disk: what is in the log stays there, and counts
                ask("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # the next to write need not wait for it


@contextmanager
def _no_collector() -> Iterator[None]:
    """To look for circles among objects, of which none is in one, would be a sixth of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _half(entry: Entry) -> bool:
    """Whether no file can hold what it says."""
    texts = (entry.name, entry.prompt, entry.candidates, entry.hidden, entry.explanation)
    try:
        "".join((*texts, entry.annotator, entry.said, written(entry.own))).encode()
    except UnicodeEncodeError:
        return True
    return False
