"""Which items stand in a file that is read at each start; those that do not any more are retired."""

import time

from django.db import connection
from django.db.models.expressions import RawSQL

from assent.feedback.exchange.tables import ItemThere
from assent.feedback.projects import LONGEST_LEASE_SECONDS, ProjectSettings
from assent.feedback.schema.models import Audit, Item, Part, Project
from assent.feedback.store import slots, sql

_LAST = "SELECT max(id) FROM feedback_item WHERE project_id = %s AND part = %s"
_RETIRE = """
UPDATE feedback_item SET listed = FALSE
WHERE project_id = %s AND part = %s AND id <= %s AND listed AND id NOT IN (SELECT id FROM standing)
"""
# What somebody has open stays theirs to answer.
_CLOSE = """
DELETE FROM feedback_slot
WHERE project_id = %s AND NOT judged AND (holder_id IS NULL OR lease_until < %s OR lease_until > %s)
AND item_id IN (SELECT id FROM feedback_item WHERE project_id = %s AND part = 'real' AND NOT listed)
"""
_BACK = """
DELETE FROM standing
WHERE id NOT IN (SELECT id FROM feedback_item WHERE project_id = %s AND part = %s AND NOT listed)
"""
_LIST = "UPDATE feedback_item SET listed = %s WHERE id IN (SELECT id FROM standing)"


class Standing:
    """Items that were there before an import, and that it has met again."""

    def __init__(self, project: Project, part: str, listed: bool):
        self._project, self._part, self._listed = project, part, listed
        self._met: list[tuple[int]] = []
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE IF NOT EXISTS standing (id INTEGER PRIMARY KEY)")
            cursor.execute("DELETE FROM standing")
        self.last = sql.rows(_LAST, project.pk, part)[0][0] or 0  # of those that it has not made itself

    def meet(self, item: ItemThere, judged: bool) -> None:
        """The import names an item that was there before it: one up to `last`.

        Uploaded items are never retired. What is uploaded again is asked again; a judgement alone asks
        nobody, so that an export can come back.
        """
        if item.listed is not None if self._listed else item.listed == 0 and not judged:
            self._met.append((item.id,))

    def keep(self) -> None:
        """What was met since the last time; inside `writing()`."""
        if self._met:
            with connection.cursor() as cursor:
                cursor.executemany("INSERT OR IGNORE INTO standing VALUES (%s)", self._met)
            self._met.clear()

    def settle(self, settings: ProjectSettings, who: str) -> int:
        """All was read: retire what was not met, ask again what was retired and met; inside `writing()`.

        How many are retired now.
        """
        if not self.last:
            return 0
        place = (self._project.pk, self._part)
        gone = sql.changed(_RETIRE, *place, self.last) if self._listed else 0
        if self._listed and self._part == Part.REAL:
            now = time.time()
            sql.changed(_CLOSE, self._project.pk, now, now + LONGEST_LEASE_SECONDS, self._project.pk)
        sql.changed(_BACK, *place)
        back = sql.changed(_LIST, True if self._listed else None)
        if back:
            met = Item.objects.filter(pk__in=RawSQL("SELECT id FROM standing", ()))
            slots.add_missing(self._project, settings, met)
        for what, count in (("items retired", gone), ("items asked again", back)):
            if count:
                detail = {"project": self._project.name, "part": self._part, "items": count}
                Audit.objects.create(who=who, what=what, detail=detail)
        return gone
