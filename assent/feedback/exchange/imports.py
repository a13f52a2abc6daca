"""Records of other rooms -> items and judgements of a project, as a stream.

What was stored is never stored again: items go by their names, judgements by their UUIDs, which are made of
what they say where a file has none. Imported annotators cannot log in until an admin lets them.
"""

from collections.abc import Iterable
from itertools import islice

from django.db import connection

from assent.errors import UserError
from assent.feedback.exchange.answers_in import Wanted
from assent.feedback.exchange.batches import Imported, Importer
from assent.feedback.exchange.entries import entries
from assent.feedback.schema.models import Part, Project
from assent.feedback.services import Record
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

__all__ = ["HELD", "Imported", "import_records"]

HELD = 4000  # records in memory, written together


def import_records(
    project: Project, records: Iterable[Record], part: str = Part.REAL, hold: int = HELD
) -> Imported:
    """Add items and, where records are judged, what was said of them; what is there is not added again.

    Of gold, practice and test, judged records give the right answer (`expected`), and `meta.explanation` why.
    Every `hold` records are on disk before the next are read.

    Raises:
        UserError: a record that does not fit the project, with its place; those before it stay stored, and
            the same import again adds only the rest.
        Busy: another process held the database.
    """
    if part not in Part.values:
        raise UserError(f"part {part!r}: expected one of {', '.join(Part.values)}")
    settings = settings_of(project)
    importer = Importer(project, settings, part)
    wanted = Wanted(settings.task, settings.scales)
    found = entries(wanted, records, known=part != Part.REAL)
    # Every number that a row refers to is made here, in the same transaction: checking each would take as
    # long as storing it.
    with connection.constraint_checks_disabled():
        while batch := list(islice(found, hold)):
            with writing():
                importer.store(batch)
    return importer.done
