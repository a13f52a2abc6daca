"""Which files of judgements the app has written: noted in its database, so that it writes over no others.

No Django: an export needs no app. A path is noted as it is seen from the database's folder, where it lies
below that, so that a folder may be moved as a whole.
"""

import json
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from assent.errors import UserError

WRITTEN = "judgements written"  # in the audit log
_WHO = "assent annotate"
_WAIT_SECONDS = 30.0  # while others write
_LAST = """
SELECT json_extract(detail, '$.project') FROM feedback_audit
WHERE what = ? AND json_extract(detail, '$.file') = ? ORDER BY id DESC LIMIT 1
"""


def projects_in(database: Path) -> set[str]:
    """The names of a database's projects; none as long as it is not there, or has no tables.

    Raises:
        UserError: it is no database, or cannot be read.
    """
    return {name for [name] in _asked(database, "SELECT name FROM feedback_project")}


def written_by(database: Path, path: Path) -> str | None:
    """The project of this database that was the last to write this file; None if it has written none such."""
    found = _asked(database, _LAST, WRITTEN, _seen_from(database, path))
    return found[0][0] if found else None


def note_written(database: Path, project: str, paths: Iterable[Path]) -> None:
    """Note that these files are written by this project.

    Raises:
        UserError: the database cannot be written.
    """
    new = [path for path in paths if written_by(database, path) != project]
    if not new:
        return
    details = [{"project": project, "file": _seen_from(database, path)} for path in new]
    rows = [(_WHO, WRITTEN, json.dumps(detail), time.time()) for detail in details]
    try:
        with closing(_opened(database, "rw")) as connection, connection:
            connection.executemany(
                "INSERT INTO feedback_audit (who, what, detail, created) VALUES (?, ?, ?, ?)", rows
            )
    except sqlite3.DatabaseError as error:
        raise UserError(f"{database}: cannot note that {new[0]} is written from it: {error}") from None


def _asked(database: Path, query: str, *values: str) -> list[Any]:
    """Rows of a query; none as long as the database is not there, or has no tables."""
    if not database.exists():
        return []
    try:
        with closing(_opened(database, "ro")) as connection:
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'feedback_project'")
            return connection.execute(query, values).fetchall() if tables.fetchone() else []
    except sqlite3.DatabaseError as error:
        raise UserError(f"{database}: not a feedback database that can be read: {error}") from None


def _opened(database: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode={mode}", uri=True, timeout=_WAIT_SECONDS)


def _seen_from(database: Path, path: Path) -> str:
    """A link is a file of its own: it is what would be replaced."""
    place, folder = path.parent.resolve() / path.name, database.resolve().parent
    return place.relative_to(folder).as_posix() if place.is_relative_to(folder) else str(place)
