"""Moments, as pages tell them."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.timesince import timesince
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class When:
    """A moment: exact in the mark-up, roughly in words."""

    at: datetime
    ago: str


def when(seconds: float | None) -> When | None:
    """Of seconds since 1970."""
    if seconds is None:
        return None
    at = datetime.fromtimestamp(seconds, UTC)
    if time.time() - seconds < 60:
        return When(at, _("just now"))
    rough = timesince(at, depth=1)  # pyright: ignore[reportCallIssue] - the stubs lack it
    return When(at, _("%(time)s ago") % {"time": rough})
