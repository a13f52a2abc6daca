"""Links by which people come in: once, in time, and nobody finds one in the database."""

import re
import threading

import pytest

PASSWORD = "four words in a row"


def token_of(url):
    return url.rpartition("/")[2]


def follow(world, token, name="ann", password=PASSWORD, client=None):
    client = client or world.client()
    return client, client.post(f"/invite/{token}", {"name": name, "password": password})


def test_the_first_admin_comes_in_by_the_link_that_the_start_prints(world):
    from assent.feedback.people import admin_link
    from assent.feedback.schema.models import Audit, Person

    url = admin_link.make("http://localhost:8000/")
    assert re.fullmatch(r"http://localhost:8000/invite/[\w-]{43}", url)  # 32 bytes in base64
    client, response = follow(world, token_of(url), "root")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/", follow=True).redirect_chain == [("/admin/", 302)]
    root = Person.objects.get()
    assert (root.name, root.role) == ("root", "admin")
    assert root.password.startswith("argon2$argon2id$")
    assert Audit.objects.filter(who="root", what="invite accepted").exists()
    assert admin_link.make("http://localhost:8000") is None


def test_a_link_is_used_once(world):
    from assent.feedback.people import admin_link
    from assent.feedback.schema.models import Person

    token = token_of(admin_link.make("http://localhost"))
    follow(world, token, "root")
    _, second = follow(world, token, "evil")
    assert second.status_code == 404
    assert "holds no longer" in second.content.decode()
    assert Person.objects.count() == 1


def test_a_later_start_ends_the_link_of_an_earlier_one(world):
    from assent.feedback.people import admin_link, invites

    first, second = (token_of(admin_link.make("http://localhost")) for _ in range(2))
    assert invites.find(first) is None
    assert invites.find(second) is not None


def test_the_printed_link_is_void_once_there_is_an_admin(world):
    from assent.feedback.people import admin_link, invites
    from assent.feedback.schema.models import Person

    token = token_of(admin_link.make("http://localhost"))
    invited = invites.make(invites.Offer("admin"), by=world.person("gone"))
    invites.accept(invited, "root", PASSWORD)
    assert world.client().get(f"/invite/{token}").status_code == 404
    again = token_of(admin_link.make("http://localhost", again=True))
    invites.join(invites.make(invites.Offer("admin"), Person.objects.get(name="root")), world.person("ann"))
    assert world.client().get(f"/invite/{again}").status_code == 404


def test_an_admin_who_came_while_the_clock_was_ahead_ends_no_later_link(world):
    from assent.feedback.people import admin_link
    from assent.feedback.schema.models import Person

    world.person("root", "admin")
    Person.objects.update(created=4e9)  # in 2096
    token = token_of(admin_link.make("http://localhost", again=True))
    assert follow(world, token, "root again")[1].status_code == 302


def test_who_starts_the_app_gets_another_link_beside_an_admin(world):
    """For the only admin, who has lost the password."""
    from assent.feedback.people import admin_link
    from assent.feedback.schema.models import Person

    world.person("root", "admin")
    first, second = (token_of(admin_link.make("http://localhost", again=True)) for _ in range(2))
    assert world.client().get(f"/invite/{first}").status_code == 404  # the later one counts
    client, response = follow(world, second, "root again")
    assert (response.status_code, Person.objects.get(name="root again").role) == (302, "admin")
    assert client.get("/admin/people").status_code == 200
    assert follow(world, second, "evil")[1].status_code == 404


def test_a_deactivated_admin_counts_for_none(world):
    from assent.feedback.people import admin_link
    from assent.feedback.schema.models import Person

    world.person("root", "admin")
    Person.objects.update(is_active=False)
    assert admin_link.make("http://localhost") is not None


def test_a_day_later_the_link_is_dead(world, monkeypatch):
    from assent.feedback.people import admin_link, invites

    token = token_of(admin_link.make("http://localhost"))
    now = invites.time.time()
    monkeypatch.setattr(invites.time, "time", lambda: now + 24 * 3600 - 1)
    assert invites.find(token) is not None
    monkeypatch.setattr(invites.time, "time", lambda: now + 24 * 3600 + 1)
    assert invites.find(token) is None


def test_the_database_holds_no_token_and_no_password(world):
    from assent.feedback.people import admin_link, invites
    from assent.feedback.schema.models import Person

    printed = token_of(admin_link.make("http://localhost"))
    follow(world, printed, "root")
    made = invites.make(invites.Offer(), Person.objects.get())
    client, _ = follow(world, made, "ann")
    client.get(f"/invite/{made}")
    kept = b"".join(path.read_bytes() for path in world.database.parent.glob("feedback.sqlite3*"))
    for secret in (printed, made, PASSWORD):
        assert secret.encode() not in kept


def test_an_annotator_gets_the_project_of_the_link_alone(world):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Membership, Person

    root, pairs = world.person("root", "admin"), world.project()
    world.project("other")
    follow(world, invites.make(invites.Offer(project=pairs), root))
    ann = Person.objects.get(name="ann")
    assert ann.role == "annotator"
    assert [one.project.name for one in Membership.objects.filter(person=ann)] == ["pairs"]


def test_a_link_for_all_projects_gives_those_that_are_there(world):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Membership

    root = world.person("root", "admin")
    token = invites.make(invites.Offer(), root)
    for name in ("one", "two"):
        world.project(name)
    follow(world, token)
    assert sorted(one.project.name for one in Membership.objects.all()) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [
        ("", PASSWORD, "This field is required"),
        ("=cmd()", PASSWORD, "begin with a letter"),
        ("@ann", PASSWORD, "begin with a letter"),
        ("ann\u202e", PASSWORD, "begin with a letter"),  # turns the direction of what follows
        ("ai:judge", PASSWORD, "Names that begin with ai: are those of models"),
        ("AI:judge", PASSWORD, "Names that begin with ai: are those of models"),
        ("unnamed-1", PASSWORD, "people whom a file does not name"),  # what imports call them
        ("Ｕnnamed-12", PASSWORD, "people whom a file does not name"),
        ("ROOT", PASSWORD, "Somebody is called so already"),
        ("a" * 81, PASSWORD, "at most 80 characters"),
        ("\ufdfa" * 5, PASSWORD, "at most 80 characters"),  # a sign that stands for eighteen
        ("ann", "", "This field is required"),
        ("ann", "short", "too short"),
        ("ann", "password1", "too common"),
        ("annabella", "annabella1", "too similar"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_link_still_holds(world, name, password, told):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Invite, Person

    token = invites.make(invites.Offer(), world.person("root", "admin"))
    _, response = follow(world, token, name, password)
    assert response.status_code == 422
    assert told in response.content.decode()
    assert Person.objects.count() == 1
    assert Invite.objects.get().uses_left == 1


@pytest.mark.parametrize(
    ("there", "name"),
    [("Жанна", "жанна"), ("ÅSA", "åsa"), ("Straße", "STRASSE"), ("ann  Ｌ", "Ann L"), ("Σίσυφος", "ΣΊΣΥΦΟΣ")],
)
def test_a_name_is_taken_in_capitals_too_of_any_script(world, there, name):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Person

    token = invites.make(invites.Offer(), world.person(there, "admin"))
    assert follow(world, token, name)[1].status_code == 422
    with pytest.raises(invites.NameTaken):
        invites.accept(token, name, PASSWORD)
    assert Person.objects.count() == 1


def test_names_that_only_begin_as_those_of_nobody_are_free(world):
    from assent.feedback.people.invites import name_of

    assert [name_of(name) for name in ("unnamed-1a", "unnamed-", "unnamed")] == [
        "unnamed-1a",
        "unnamed-",
        "unnamed",
    ]


def test_names_are_kept_in_one_form(world):
    from assent.feedback.people.invites import name_of

    # Unicode TR 15: full-width letters are the plain ones; a letter and its accent are one sign.
    assert name_of("  Ａｎｎ   Lee ") == "Ann Lee"
    assert name_of("Jose\u0301") == "Jos\u00e9"
    assert name_of("王小明") == "王小明"


def test_looking_at_a_link_uses_nothing(world):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Invite

    token = invites.make(invites.Offer(uses=2), world.person("root", "admin"))
    assert world.client().get(f"/invite/{token}").status_code == 200
    assert Invite.objects.get().uses_left == 2


def test_somebody_who_is_here_joins(world):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Membership, Person

    root, pairs = world.person("root", "admin"), world.project()
    client = world.client(world.person("ann"))
    token = invites.make(invites.Offer("reviewer", pairs, uses=2), root)
    assert "Join as ann" in client.get(f"/invite/{token}").content.decode()
    assert client.post(f"/invite/{token}")["Location"] == "/"
    assert Person.objects.get(name="ann").role == "reviewer"
    assert Membership.objects.filter(person__name="ann", project=pairs).exists()
    world.client(root).post(f"/invite/{token}")
    assert Person.objects.get(name="root").role == "admin"  # a link never takes a role away


def test_a_link_for_two_lets_two_in_however_they_race(world):
    from django.db import connections

    from assent.feedback.people import invites
    from assent.feedback.schema.models import Invite, Person

    token = invites.make(invites.Offer(uses=2), world.person("root", "admin"))
    gone = []

    def come(number):
        try:
            invites.accept(token, f"p{number}", PASSWORD)
        except invites.InviteGone:
            gone.append(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=come, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Person.objects.exclude(name="root").count() == 2
    assert len(gone) == 3
    assert Invite.objects.get().uses_left == 0


def test_a_withdrawn_link_is_dead(world):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Invite

    root = world.person("root", "admin")
    token = invites.make(invites.Offer(), root)
    response = world.client(root).post(f"/admin/invites/{Invite.objects.get().pk}/withdraw")
    assert response["Location"] == "/admin/people#invites"
    assert world.client().get(f"/invite/{token}").status_code == 404
