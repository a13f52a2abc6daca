"""Triggers that refuse to change or delete what people did, whoever asks."""

from django.db.backends.base.base import BaseDatabaseWrapper

from assent.errors import UserError

TABLES = (*("judgement", "shown", "skip", "flag", "implicit", "turn", "consent", "guideline", "audit"),)

_SQLITE = """CREATE TRIGGER IF NOT EXISTS keep_{table}_{verb} BEFORE {verb} ON feedback_{table}
BEGIN SELECT RAISE(ABORT, 'rows of feedback_{table} are only added'); END"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers there. A later migration that remakes one of these tables on SQLite calls it again."""
    if connection.vendor != "sqlite":
        raise UserError(f"{connection.vendor}: only SQLite is supported by this release")
    with connection.cursor() as cursor:
        for table in TABLES:
            for verb in ("UPDATE", "DELETE"):
                cursor.execute(_SQLITE.format(table=table, verb=verb))


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables that are not guarded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        there = {name for (name,) in cursor.fetchall()}
    wanted = {table: {f"keep_{table}_UPDATE", f"keep_{table}_DELETE"} for table in TABLES}
    return [table for table, names in wanted.items() if not names <= there]
