"""What people are told where the chat cannot go on, in their language."""

from collections.abc import Mapping

from django.utils.translation import gettext as _


def words() -> Mapping[str, str]:
    """By code. What a model says of its failure is not among them: it names names, and goes to the log."""
    return {
        "unknown": _("There is no such conversation."),
        "waiting": _("The last message is still being answered. Wait for its answer."),
        "moved": _("This chat went on in another window. Reload the page."),
        "other": _("Something else was stored under this number. Reload the page."),
        "wording": _("The text has changed. Reload the page and read it again."),
        "empty": _("Write something first."),
        "long": _("This is too long: 100,000 characters at most."),
        "characters": _("There is a character in it that cannot be stored. Type it anew."),
        "closed": _("This project is closed. You can read, but not go on."),
        "unready": _("This chat is not ready. Tell an admin of the project."),
        "off": _("This project keeps nothing that needs consent."),
        "kind": _("This page is too old. Reload it."),
        "seconds": _("This page is too old. Reload it."),
        "failed": _("The model could not answer."),
    }
