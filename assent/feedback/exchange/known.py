"""Items whose right answer is known: a mistake in it is mended for as long as nobody was graded by it."""

import json

from django.db.models import Q

from assent.errors import UserError
from assent.feedback.exchange.tables import ItemThere
from assent.feedback.schema.models import Audit, Item, Project, Shown


def mend(project: Project, there: ItemThere, expected: str, explanation: str, who: str) -> None:
    """Take another right answer of an item that is there; inside `writing()`.

    Raises:
        UserError: somebody was graded by the one that is there.
    """
    ended = Q(judgement__isnull=False) | Q(skip__isnull=False)
    if Shown.objects.filter(ended, item=there.id).exists():
        raise UserError(
            f"item {there.name}: its right answer is {there.expected} there, by which people were graded, "
            f"and {expected} here: give it another name, as id; of a file that is read at each start, the "
            "old one is asked no more"
        )
    Item.objects.filter(pk=there.id).update(expected=json.loads(expected), explanation=explanation)
    changed = {there.name: {"from": there.expected, "to": expected}}
    Audit.objects.create(
        who=who, what="right answer changed", detail={"project": project.name, "changed": changed}
    )
    there.expected = expected
