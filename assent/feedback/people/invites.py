"""Links by which people come in. A link is shown once; the database holds only the hash of its token."""

import hashlib
import re
import secrets
import time
import unicodedata
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assent.errors import UserError
from assent.feedback.exchange.batches import UNNAMED
from assent.feedback.people.access import may
from assent.feedback.schema.models import NAME_CHARACTERS, Audit, Invite, Membership, Person, Project, Role
from assent.feedback.store import sql
from assent.feedback.store.writer import writing
from assent.records import AI_ANNOTATOR

DAY_SECONDS = 24 * 3600.0
MOST_USES = 1000
TOKEN_BYTES = 32  # 256 bits: nobody guesses one, so its plain hash gives nothing away

# It stands in exports, which people open in spreadsheets: a name that begins with = + - @ would be a formula.
_readable = RegexValidator(
    r"^\w[\w .'@-]*$",
    gettext_lazy("Use letters, digits, spaces and . ' @ -, and begin with a letter or a digit."),
)
_NAMELESS = re.compile(rf"{UNNAMED}-\d+", re.IGNORECASE)  # imports call so whom a file does not name
_NAMES = "SELECT name FROM feedback_person"


class InviteGone(UserError):
    """A link that was used up, withdrawn, has expired, or never was."""


class NameTaken(UserError):
    """Somebody is called so already."""


@dataclass(frozen=True)
class Offer:
    """What a link gives to whoever follows it."""

    role: str = Role.ANNOTATOR
    project: Project | None = None  # None: every project there is when it is followed
    uses: int = 1
    seconds: float = 7 * DAY_SECONDS


def make(offer: Offer, by: Person | None) -> str:
    """A new link's token: the only time that anybody sees it."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with writing():
        Invite.objects.create(
            token_sha256=_hash(token),
            role=offer.role,
            project=offer.project,
            uses_left=offer.uses,
            expires=time.time() + offer.seconds,
            created_by=by,
        )
        _audit(by, "invite made", role=offer.role, uses=offer.uses, project=_name(offer.project))
    return token


def find(token: str) -> Invite | None:
    """The invite of a link, where it can be followed now."""
    found = Invite.objects.select_related("project", "created_by").filter(token_sha256=_hash(token)).first()
    return found if found is not None and _holds(found) else None


def accept(token: str, name: str, password: str, language: str = "") -> Person:
    """A new person. The name and the password have been checked by `name_of` and Django's validators.

    Raises:
        InviteGone: the link holds no longer.
        NameTaken: somebody is called so already.
    """
    person = Person(name=name, language=language)
    person.set_password(password)  # takes its time: before anybody has to wait for the writer
    with writing():
        invite = _used(token)
        if is_taken(name):
            raise NameTaken(_("Somebody is called %(name)s already: choose another name.") % {"name": name})
        person.role = invite.role
        person.save()
        if person.role == Role.ADMIN:
            end_links_of_the_app()
        _let_in(person, invite)
        _audit(person, "invite accepted", invite=invite.pk, role=invite.role, project=_name(invite.project))
    return person


def join(token: str, person: Person) -> None:
    """Somebody who is here already follows a link: they get its projects, and its role if that is more.

    Raises:
        InviteGone: the link holds no longer.
    """
    with writing():
        invite = _used(token)
        if not may(person, invite.role):
            person.role = invite.role
            person.save(update_fields=["role"])
            if person.role == Role.ADMIN:
                end_links_of_the_app()
        _let_in(person, invite)
        _audit(person, "invite joined", invite=invite.pk, role=invite.role, project=_name(invite.project))


def withdraw(invite: Invite, by: Person) -> None:
    """The link holds no longer; withdrawing it again changes nothing."""
    with writing():
        if Invite.objects.filter(pk=invite.pk, uses_left__gt=0).update(uses_left=0):
            _audit(by, "invite withdrawn", invite=invite.pk, role=invite.role, project=_name(invite.project))


def name_of(given: str) -> str:
    """A name as it is kept.

    Raises:
        ValidationError: it is empty, has signs that names have not, begins like the name of a model, or is
            what imports call somebody without a name.
    """
    name = in_one_form(given)
    if name.lower().startswith(AI_ANNOTATOR):
        raise ValidationError(
            _("Names that begin with %(start)s are those of models.") % {"start": AI_ANNOTATOR}
        )
    if _NAMELESS.fullmatch(name):
        raise ValidationError(
            _("Names like %(name)s are those of people whom a file does not name: choose another name.")
            % {"name": name}
        )
    _readable(name)
    MaxLengthValidator(NAME_CHARACTERS)(name)  # some signs become many
    return name


def end_links_of_the_app() -> None:
    """Those that a start printed: somebody has become an admin, who can make others. Inside `writing()`."""
    Invite.objects.filter(created_by=None, role=Role.ADMIN, uses_left__gt=0).update(uses_left=0)


def in_one_form(typed: str) -> str:
    """However it was typed: full-width letters are the plain ones, an accent is one sign with its letter
    (NFKC, Unicode TR 15), and several spaces are one."""
    return " ".join(unicodedata.normalize("NFKC", typed).split())


def is_taken(name: str) -> bool:
    """Whether somebody is called so, in capitals or not."""
    return bool(called(name))


def called(typed: str) -> list[str]:
    """Who is meant by a name, in capitals or not: as it was typed first. Only imports make several.

    Compared here, since SQLite knows the capitals of ASCII alone; 10,000 names take 10 ms.
    """
    wanted = _folded(typed)
    return sorted(
        (there for (there,) in sql.rows(_NAMES) if _folded(there) == wanted), key=lambda name: name != typed
    )


def _folded(name: str) -> str:
    return in_one_form(in_one_form(name).casefold())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _holds(invite: Invite) -> bool:
    return invite.uses_left > 0 and invite.expires > time.time()


def _used(token: str) -> Invite:
    """The invite, with one use less; inside `writing()`, so that two cannot take the last one."""
    invite = find(token)
    if invite is None:
        raise InviteGone(_("This link has been used up, withdrawn or has expired."))
    Invite.objects.filter(pk=invite.pk).update(uses_left=F("uses_left") - 1)
    return invite


def _let_in(person: Person, invite: Invite) -> None:
    projects = [invite.project] if invite.project else Project.objects.all()
    for project in projects:
        Membership.objects.get_or_create(person=person, project=project)


def _name(project: Project | None) -> str:
    return project.name if project else ""


def _audit(who: Person | None, what: str, **detail: object) -> None:
    Audit.objects.create(who=who.name if who else "", what=what, detail=detail)
