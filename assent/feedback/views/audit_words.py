"""What was done to projects and people, in words for whoever looks."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from assent.feedback.schema.models import Audit

_HASH = re.compile("[0-9a-f]{32,}")
_DIGITS = 8  # of a hash, to tell one from the next

WORDS = {
    "project created": gettext_lazy("Project made"),
    "project changed": gettext_lazy("Settings changed"),
    "project closed": gettext_lazy("Project closed"),
    "project opened": gettext_lazy("Project opened again"),
    "guideline changed": gettext_lazy("Guideline changed"),
    "items imported": gettext_lazy("Items brought in"),
    "items read": gettext_lazy("Items read from a file"),
    "items retired": gettext_lazy("Items asked no more: their file holds them no longer"),
    "items asked again": gettext_lazy("Items asked again"),
    "right answer changed": gettext_lazy("Right answer changed"),
    "judgements written": gettext_lazy("Judgements written to a file"),
    "settings asked for": gettext_lazy("Settings given with the command"),
    "invite made": gettext_lazy("Invite made"),
    "invite accepted": gettext_lazy("Came in by an invite"),
    "invite joined": gettext_lazy("Joined by an invite"),
    "invite withdrawn": gettext_lazy("Invite withdrawn"),
    "role changed": gettext_lazy("Role changed"),
    "person deactivated": gettext_lazy("Deactivated"),
    "person reactivated": gettext_lazy("Reactivated"),
    "projects of a person changed": gettext_lazy("Projects changed"),
    "password link made": gettext_lazy("Link for a new password made"),
    "password set by link": gettext_lazy("New password set by link"),
    "qualification allowed again": gettext_lazy("May try the test again"),
}


def words_of(audit: Audit) -> str:
    """In the reader's language; what has no words stands as it is stored."""
    return str(WORDS.get(audit.what, audit.what))


def details_of(audit: Audit, apart: str) -> SafeString:
    """What belongs to it, in one line, but for `apart`, which the page is about."""
    changed = audit.detail.get("changed", {})
    if changed:
        told = ((key, _short(one["from"]), _short(one["to"])) for key, one in changed.items())
        return format_html_join("; ", "{}: {} → {}", told)
    told = (
        (key, format_html_join(", ", "{}", ((_short(one),) for one in _each(value))))
        for key, value in audit.detail.items()
        if key not in (apart, "invite") and value
    )
    return format_html_join(", ", "{}: {}", told)


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | dict) else [value]


def _short(value: Any) -> str:
    """A path by its name, a hash by its beginning; whole for whoever points at it."""
    if isinstance(value, dict):
        return format_html_join(", ", "{} {}", ((key, _short(one)) for key, one in value.items()))
    text = str(value)
    if _HASH.fullmatch(text):
        short = text[:_DIGITS]
    elif PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute():
        short = PureWindowsPath(text).name or text  # it knows both ways to divide one
    else:
        return text
    return format_html('<span title="{}">{}</span>', text, short)
