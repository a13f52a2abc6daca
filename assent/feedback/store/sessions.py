"""Django's sessions in the database, written through the one writer."""

from typing import Any

from django.contrib.sessions.backends import db

from assent.feedback.store.writer import writing


class SessionStore(db.SessionStore):
    """Sessions end on the server when somebody logs out, so they are rows and no signed cookies."""

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
