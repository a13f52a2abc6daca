"""Django's sessions in the database, written through the one writer."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from assent.feedback.store import sql
from assent.feedback.store.writer import writing


class SessionStore(db.SessionStore):
    """Sessions end on the server when somebody logs out, so they are rows and no signed cookies."""

    def _get_session_from_db(self) -> Any:
        """Each request asks for one: as text (see `sql`)."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        found = sql.one(Session, "session_key = %s AND expire_date > %s", self.session_key, now)
        if found is None:
            self._session_key = None
        return found

    def save(self, must_create: bool = False) -> Any:
        with writing():
            return super().save(must_create)

    @classmethod
    def clear_expired(cls) -> None:
        with writing():
            super().clear_expired()

    def delete(self, session_key: str | None = None) -> Any:
        with writing():
            return super().delete(session_key)
