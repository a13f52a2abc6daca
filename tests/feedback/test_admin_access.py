"""Every address x every role: who comes in, that reading writes nothing, that no form can be forged."""

import hashlib
import sqlite3
from dataclasses import dataclass

import pytest
from feedback_world import new_uuid

ROLES = (
    "nobody",
    "stranger",
    "annotator",
    "reviewer",
    "admin",
)  # a stranger is an annotator of another project
# Behind what each address stands. A new address must be put into one of these.
GUARDS = {
    "anybody": "login logout language invite lost-password static",
    "logged in": "home password",
    "member": "work next judgements heartbeat skip flag last mine chat chat_say chat_regenerate chat_consent "
    "chat_implicit guideline qualification",
    "its judge": "one-of-mine",
    "reviewer": "projects project export item-list item",
    "admin": "new-project project-settings project-close project-open items people person invite-withdraw "
    "guideline-admin guideline-preview qualification-admin qualification-allow",
}
REFUSED = {  # what a role gets that may not come in; the others come in
    "anybody": {},
    "logged in": {"nobody": "login"},
    "member": {"nobody": "login", "stranger": 404},
    "its judge": {"nobody": "login", "stranger": 404, "reviewer": 404, "admin": 404},
    "reviewer": {"nobody": "login", "stranger": 403, "annotator": 403},
    "admin": {"nobody": "login", "stranger": 403, "annotator": 403, "reviewer": 403},
}
ONLY_POST = {
    *("logout", "language", "next", "judgements", "heartbeat", "skip", "flag", "chat_say", "chat_regenerate"),
    *("chat_consent", "chat_implicit", "project-close", "project-open", "invite-withdraw"),
    *("guideline-preview", "qualification-allow"),
}


@dataclass
class Met:
    """What a request was answered with."""

    status: int
    to_login: bool

    @property
    def refusal(self):
        return "login" if self.to_login else self.status if self.status in (401, 403, 404) else None


def routes():
    """(name, pattern) of every address."""
    from assent.feedback.urls import urlpatterns

    return [(one.name, str(one.pattern)) for one in urlpatterns]


@pytest.fixture
def people(world):
    """Somebody of each role, with something of their own to see; and the arguments of all addresses."""
    from django.contrib.auth.tokens import default_token_generator

    from assent.feedback.people import invites
    from assent.feedback.schema.models import Invite, Judgement, Shown

    pairs, talks = world.project(), world.project("talks", task="chat", policies=["house"])
    other = world.project("other")
    ann = world.person("ann", "annotator", pairs, talks)
    someone = {
        "nobody": None,
        "stranger": world.person("stranger", "annotator", other),
        "annotator": ann,
        "reviewer": world.person("reva", "reviewer"),
        "admin": world.person("root", "admin"),
    }
    (item,) = world.items(pairs, 1, slots=2)
    shown = Shown.objects.create(project=pairs, item=item, person=ann, order=[0, 1])
    answer = {"choice": 0, "comment": "a word of ann alone"}
    Judgement.objects.create(uuid=new_uuid(), shown=shown, item=item, person=ann, answer=answer)
    token = invites.make(invites.Offer(project=pairs), someone["admin"])
    clients = {role: world.client(person) for role, person in someone.items()}
    ann.refresh_from_db()  # the login is in the token of a lost password
    values = {
        "<slug:project>": "pairs",
        "<int:person>": str(ann.pk),
        "<int:shown>": str(shown.pk),
        "<int:item>": str(item.pk),
        "<int:invite>": str(Invite.objects.get().pk),
        "<path:name>": "feedback/app.css",
        "<kind>": "judgements",
        "<slug:kind>": "judgements",
        "<str:kind>": "judgements",
    }
    lost = default_token_generator.make_token(ann)

    def address(name, pattern):
        here = {**values, "<str:token>": lost if name == "lost-password" else token}
        if name.startswith("chat"):
            here["<slug:project>"] = "talks"
        for key, value in here.items():
            pattern = pattern.replace(key, value)
        assert "<" not in pattern, f"{pattern}: no argument known for it"
        return f"/{pattern}"

    return clients, address


def asked(client, method, address):
    response = (
        client.post(address, {"person": "1"})
        if method == "POST"
        else getattr(client, method.lower())(address)
    )
    return Met(
        response.status_code, response.status_code == 302 and response["Location"].startswith("/login?")
    )


def guard_of(name):
    found = [guard for guard, names in GUARDS.items() if name in names.split()]
    assert len(found) == 1, f"{name}: put it into one of GUARDS"
    return found[0]


@pytest.mark.parametrize("role", ROLES)
def test_every_address_lets_in_whom_it_should(people, role):
    clients, address = people
    for name, pattern in sorted(routes(), key=lambda route: route[0] == "logout"):  # the last thing to do
        method = "POST" if name in ONLY_POST else "GET"
        met = asked(clients[role], method, address(name, pattern))
        assert met.status < 500, name
        assert met.refusal == REFUSED[guard_of(name)].get(role), (name, met)


@pytest.mark.parametrize("role", ["nobody", "stranger", "annotator", "reviewer"])
def test_what_one_may_not_see_one_may_not_send(people, role, world):
    """Whoever is kept out by one method is kept out by the other, and nothing changes."""
    clients, address = people
    before = content(world.database)
    for name, pattern in routes():
        if REFUSED[guard_of(name)].get(role):
            for method in ("GET", "POST"):
                met = asked(clients[role], method, address(name, pattern))
                assert met.refusal == REFUSED[guard_of(name)][role] or met.status == 405, (name, method, met)
    assert content(world.database) == before


@pytest.mark.parametrize("role", ROLES)
def test_reading_writes_nothing(people, role, world):
    clients, address = people
    before = content(world.database)
    for name, pattern in routes():
        for method in ("GET", "HEAD"):
            met = asked(clients[role], method, address(name, pattern))
            assert met.status == 405 or name not in ONLY_POST or met.refusal, name
            assert content(world.database) == before, (name, method)


def test_no_form_can_be_forged(people, world):
    """OWASP ASVS 5.0, 3.5.1: another site makes an admin's browser post: a session, and no token."""
    from django.test import Client

    clients, address = people
    before = content(world.database)
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = clients["admin"].cookies
    for name, pattern in routes():
        if name != "static":
            response = forged.post(address(name, pattern))
            assert response.status_code == 403, name
            assert b"This page is too old" in response.content, name
    assert content(world.database) == before


@pytest.mark.parametrize("role", ["nobody", "annotator", "admin"])
def test_every_answer_has_strict_headers(people, role):
    clients, address = people
    paths = [(name, address(name, pattern)) for name, pattern in routes() if name != "logout"]
    for name, path in [*paths, ("nowhere", "/nowhere"), ("nowhere", "/admin/p/none/")]:
        for method in ("get", "post", "delete"):
            response = getattr(clients[role], method)(path)
            assert "default-src 'none'" in response["Content-Security-Policy"], (name, method)
            assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
            assert "unsafe" not in response["Content-Security-Policy"]
            assert response["X-Frame-Options"] == "DENY"
            assert response["X-Content-Type-Options"] == "nosniff"
            assert response["Referrer-Policy"] == "same-origin"
            if name != "static":
                assert response["Cache-Control"] == "no-store", (name, method)


def test_annotators_never_read_of_each_other(people, world):
    from assent.feedback.schema.models import Membership, Person, Project

    _clients, address = people
    bao = world.person("bao")
    for project in Project.objects.filter(name__in=["pairs", "talks"]):
        Membership.objects.create(person=bao, project=project)
    client = world.client(Person.objects.get(name="bao"))
    for name, pattern in routes():
        if name not in ONLY_POST and name != "static":
            response = client.get(address(name, pattern), follow=True)
            text = b"".join(response) if response.streaming else response.content
            assert b"a word of ann alone" not in text, name
            assert b">ann<" not in text, name


def content(database):
    """A hash of all rows of all tables."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    ]
    rows = {table: connection.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall() for table in tables}
    connection.close()
    return hashlib.sha256(repr(rows).encode()).hexdigest()
