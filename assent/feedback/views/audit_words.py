"""What was done to projects and people, in words for whoever looks."""

from django.utils.translation import gettext_lazy

from assent.feedback.schema.models import Audit

WORDS = {
    "project created": gettext_lazy("Project made"),
    "project changed": gettext_lazy("Settings changed"),
    "project closed": gettext_lazy("Project closed"),
    "project opened": gettext_lazy("Project opened again"),
    "guideline changed": gettext_lazy("Guideline changed"),
    "items imported": gettext_lazy("Items brought in"),
    "items read": gettext_lazy("Items read from a file"),
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


def details_of(audit: Audit, apart: str) -> str:
    """What belongs to it, in one line, but for `apart`, which the page is about."""
    changed = audit.detail.get("changed", {})
    if changed:
        return "; ".join(f"{key}: {one['from']} → {one['to']}" for key, one in changed.items())
    return ", ".join(
        f"{key}: {', '.join(map(str, value)) if isinstance(value, list | dict) else value}"
        for key, value in audit.detail.items()
        if key not in (apart, "invite") and value
    )
