"""The same answer was changed in two windows: what the slower one is told, and can do about it."""

from collections.abc import Mapping
from typing import Any

from django.http import JsonResponse
from django.utils.translation import gettext as _

from assent.feedback.faces import face_of, said
from assent.feedback.schema.models import Part, Shown
from assent.feedback.store import judging
from assent.feedback.store.answers import in_positions
from assent.feedback.store.projects import settings_of


def told_both(shown: Shown, sent: Mapping[str, Any], conflict: judging.Conflict) -> JsonResponse:
    """409, with the item, both answers in words, and the revision that would follow what is stored.

    Two windows may have one draft, and with it one number, for two answers.

    Raises:
        Conflict: where it is another one, or the answer cannot be changed any more.
    """
    before = judging.answer_of(shown)
    if conflict.code not in ("revision", "number") or before is None:
        raise conflict
    if shown.item.part in (Part.PRACTICE, Part.TEST):
        raise judging.Conflict("once", "practice and tests are answered once")
    settings = settings_of(shown.project)
    meanwhile = {
        "excerpt": face_of(shown, settings).excerpt,
        "stored": _whole(in_positions(settings.task, shown.order, before.answer)),
        "yours": _whole(sent),
        "revision": before.revision + 1,
    }
    error = _("This was answered in another window meanwhile, so yours was not stored. It is kept here.")
    return JsonResponse({"error": error, "code": "meanwhile", "meanwhile": meanwhile}, status=409)


def _whole(answer: Mapping[str, Any]) -> str:
    """In words, a text and a comment in full: people compare them."""
    words = str(answer["text"]) if "text" in answer else said(answer)
    comment = answer.get("comment")
    return f"{words}\n{_('Comment')}: {comment}" if comment else words
