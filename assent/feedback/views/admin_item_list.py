"""Items as they came in: which there are, what became of each, and one as those see it who judge it.

What anybody said of an item stands on none of these pages: whoever reads them may be given it as well.
"""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from assent.feedback.faces import excerpt_of, face_of
from assent.feedback.people.access import may, needs, person_of
from assent.feedback.schema.models import Item, Part, Role, Shown
from assent.feedback.store import item_list
from assent.feedback.store.projects import settings_of
from assent.feedback.views.admin_projects import found
from assent.feedback.views.times import when

PARTS = {
    Part.REAL: gettext_lazy("Real"),
    Part.GOLD: gettext_lazy("Gold"),
    Part.PRACTICE: gettext_lazy("Practice"),
    Part.TEST: gettext_lazy("Test"),
}
FILTERS = {
    **PARTS,
    item_list.FLAGGED: gettext_lazy("Flagged"),
    item_list.SKIPPED: gettext_lazy("Skipped"),
}
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


@needs(Role.REVIEWER)
@require_safe
def items(request: HttpRequest, project: str) -> HttpResponse:
    """`?only=` one of `FILTERS`, `?after=` the item that the page before ended with."""
    shown, which, after = found(project), request.GET.get("only", Part.REAL), request.GET.get("after")
    if which not in FILTERS or (after is not None and not _NUMBER.fullmatch(after)):
        raise Http404
    page = item_list.page_of(shown, which, None if after is None else int(after))
    context = {
        "project": shown,
        "filters": FILTERS,
        "which": which,
        "rows": [(one, excerpt_of(one.item.prompt), _part(one.item, which)) for one in page.rows],
        "first": after is None,
        "after": page.after,
    }
    return _page(request, "item_list", context)


@needs(Role.REVIEWER)
@require_safe
def item(request: HttpRequest, project: str, item: int) -> HttpResponse:
    """Its answers stand as they came in: those who judge it see them in orders of their own."""
    shown = found(project)
    one = get_object_or_404(Item, pk=item, project=shown)
    unseen = Shown(pk=0, project=shown, item=one, order=list(range(len(one.candidates))))
    [counts] = item_list.with_counts([one])
    context = {
        "project": shown,
        "item": one,
        "part": PARTS[Part(one.part)],
        "counts": counts,
        "face": face_of(unseen, settings_of(shown)),
        "flags": [(flag, when(flag.created)) for flag in item_list.flags_of(one)],
        "skips": [(skip, when(skip.created)) for skip in item_list.skips_of(one)],
    }
    return _page(request, "item", context)


def _part(item: Item, which: str) -> Any:
    """What tells it from the others of the list."""
    return PARTS[Part(item.part)] if item.part not in (which, Part.REAL) else ""


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    rights = {"may_change": may(person_of(request), Role.ADMIN)}
    return render(request, f"feedback/admin/{name}.html", context | rights)


ROUTES = (
    ("admin/p/<slug:project>/items/all", items, "item-list"),
    ("admin/p/<slug:project>/items/<int:item>", item, "item"),
)
