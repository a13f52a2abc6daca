"""What admins change of people: their role, whether they may come in, which projects are theirs."""

from collections.abc import Iterable

from django.contrib.auth.tokens import default_token_generator
from django.utils.translation import gettext as _

from assent.errors import UserError
from assent.feedback.people.invites import end_links_of_the_app
from assent.feedback.schema.models import Audit, Invite, Membership, Person, Project, Role
from assent.feedback.store.writer import writing


class LastAdmin(UserError):
    """Without them nobody could change anything any more."""


def set_role(person: Person, role: Role, by: Person) -> None:
    """Another role.

    Raises:
        LastAdmin: there would be no active admin left.
    """
    with writing():
        before = Person.objects.get(pk=person.pk).role
        if before == role:
            return
        _keep_an_admin(person)
        Person.objects.filter(pk=person.pk).update(role=role)
        _end_links_of(person)
        if role == Role.ADMIN:
            end_links_of_the_app()
        detail = {"person": person.name, "from": before, "to": str(role)}
        Audit.objects.create(who=by.name, what="role changed", detail=detail)


def set_active(person: Person, active: bool, by: Person) -> None:
    """Whether they may come in. What they did stays; their sessions and the links they made end at once.

    Raises:
        LastAdmin: there would be no active admin left.
    """
    with writing():
        if Person.objects.get(pk=person.pk).is_active == active:
            return
        if not active:
            _keep_an_admin(person)
            _end_links_of(person)
        Person.objects.filter(pk=person.pk).update(is_active=active)
        what = "person reactivated" if active else "person deactivated"
        Audit.objects.create(who=by.name, what=what, detail={"person": person.name})


def set_projects(person: Person, added: Iterable[Project], removed: Iterable[Project], by: Person) -> None:
    """Projects that somebody may annotate from now on, and some that they may not any more; others stay."""
    with writing():
        there = {one.project.pk: one for one in _memberships(person)}
        gone = [there[project.pk] for project in removed if project.pk in there]
        new = [project for project in added if project.pk not in there]
        for one in gone:
            one.delete()
        Membership.objects.bulk_create(Membership(person=person, project=project) for project in new)
        if gone or new:
            detail = {
                "person": person.name,
                "added": sorted(project.name for project in new),
                "removed": sorted(one.project.name for one in gone),
            }
            Audit.objects.create(who=by.name, what="projects of a person changed", detail=detail)


def password_token(person: Person, by: Person) -> str:
    """For a link to choose a new password: used once, for a day. Nothing is stored: it is signed.

    It ends by itself as soon as the person logs in or has another password.
    """
    with writing():
        Audit.objects.create(who=by.name, what="password link made", detail={"person": person.name})
    return default_token_generator.make_token(person)


def _memberships(person: Person) -> Iterable[Membership]:
    return Membership.objects.filter(person=person).select_related("project")


def _keep_an_admin(person: Person) -> None:
    admins = Person.objects.filter(role=Role.ADMIN, is_active=True)
    if admins.filter(pk=person.pk).exists() and admins.count() == 1:
        raise LastAdmin(
            _("%(name)s is the only admin: make somebody else an admin first.") % {"name": person.name}
        )


def _end_links_of(person: Person) -> None:
    """Whoever loses power must not come back by a link of their own."""
    Invite.objects.filter(created_by=person, uses_left__gt=0).update(uses_left=0)
