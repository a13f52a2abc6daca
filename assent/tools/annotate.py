"""`assent annotate`: the app, given the formats of data/ and the models of models/."""

from collections.abc import Iterator
from typing import Any

from assent.data.sources import candidates
from assent.feedback.services import Record, Services


def read(path: str) -> Iterator[Record]:
    """Items or judgements, whatever the file holds."""
    yield from candidates(path)


def app_services(**changed: Any) -> Services:
    """The app's functions of other rooms."""
    return Services(**{"read": read, **changed})
