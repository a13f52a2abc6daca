"""The first admin's way in: no default password, no registration, but a link that the start prints once.

Whoever can start the app on its database owns all that is in it: so an admin who has lost the password gets
another such link there, and nowhere else.
"""

from assent.feedback.people import invites
from assent.feedback.schema.models import Person, Role
from assent.feedback.store.writer import writing


def make(address: str, again: bool = False) -> str | None:
    """A link, for one use within a day, to become the admin of the app at `address`, as `http://localhost:8000`.

    None where there is an active admin, unless it is wanted `again`. Links of earlier starts end with the new
    one.
    """
    with writing():
        if not again and Person.objects.filter(role=Role.ADMIN, is_active=True).exists():
            return None
        invites.end_links_of_the_app()
        token = invites.make(invites.Offer(Role.ADMIN, seconds=invites.DAY_SECONDS), by=None)
    return f"{address.rstrip('/')}/invite/{token}"
