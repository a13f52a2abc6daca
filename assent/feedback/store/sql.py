"""Queries as SQL, where many people wait for them.

A query through Django's objects takes 0.2 to 0.6 ms to put together, and one as text 0.02. A claim asks
eight. Values are always given apart from the text.
"""

from typing import Any

from django.db import connection

Value = int | float | str | None
Row = tuple[Any, ...]


def rows(query: str, *values: Value) -> list[Row]:
    """All that it finds."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def first(query: str, *values: Value) -> Row | None:
    """The first row that it finds."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()


def changed(query: str, *values: Value) -> int:
    """How many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.rowcount
