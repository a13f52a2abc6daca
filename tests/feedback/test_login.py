"""Coming in and going: sessions, languages, passwords, and addresses that lead elsewhere."""

import pytest
from django.conf import settings as configured

PASSWORD = "four words in a row"


@pytest.fixture
def ann(world):
    person = world.person("ann", "annotator", world.project())
    person.set_password(PASSWORD)
    person.save()
    return person


def enter(client, name="ann", password=PASSWORD, **more):
    return client.post("/login", {"name": name, "password": password, **more})


def test_login_leads_to_where_one_wanted_to_go(world, ann):
    client = world.client()
    asked = client.get("/p/pairs/")
    assert asked["Location"] == "/login?next=/p/pairs/"
    assert 'value="/p/pairs/"' in client.get(asked["Location"]).content.decode()
    assert enter(client, next="/p/pairs/")["Location"] == "/p/pairs/"
    assert client.get("/p/pairs/").status_code == 200


def test_one_message_for_whatever_is_wrong(world, ann):
    from assent.feedback.schema.models import Person

    gone = world.person("gone")
    gone.set_password(PASSWORD)
    gone.is_active = False
    gone.save()
    pages = [
        enter(world.client(), name, password)
        for name, password in (("ann", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD))
    ]
    assert [page.status_code for page in pages] == [422, 422, 422]
    told = {page.content.decode().partition('role="alert">')[2].partition("<")[0] for page in pages}
    assert told == {"This name and this password do not belong together."}
    assert Person.objects.filter(last_login__isnull=False).count() == 0


@pytest.mark.parametrize("typed", ["小王２", "ａｎｎ ｌ", "ann   l", " Jose\u0301 "])
def test_a_name_is_known_as_it_was_typed_at_the_invite(world, typed):
    from assent.feedback.people import invites

    world.project()
    token = invites.make(invites.Offer(), by=None)
    assert world.client().post(f"/invite/{token}", {"name": typed, "password": PASSWORD}).status_code == 302
    assert enter(world.client(), typed).status_code == 302
    assert enter(world.client(), typed, "wrong").status_code == 422


def with_password(world, name, password):
    person = world.person(name)
    person.set_password(password)
    person.save()
    return person


@pytest.mark.parametrize("typed", ["ann  ２", "ann 2", "Ann 2", "ANN ２"])
def test_a_name_is_known_in_capitals_too_and_as_an_import_brought_it(world, typed):
    with_password(world, "ann  ２", PASSWORD)
    assert enter(world.client(), typed).status_code == 302
    assert enter(world.client(), typed, "wrong").status_code == 422


def test_of_names_that_differ_in_capitals_the_one_that_was_typed_comes_first(world):
    """Only imports make such names. Whoever came by a file alone has no password."""
    small, capital = with_password(world, "zoë", PASSWORD), with_password(world, "Zoë", PASSWORD)
    world.person("ZOË")
    for typed, who in (("zoë", small), ("Zoë", capital)):
        client = world.client()
        assert enter(client, typed).status_code == 302
        assert client.session["_auth_user_id"] == str(who.pk)
    assert enter(world.client(), "ZOË").status_code == 302


def test_two_apps_of_one_host_know_their_own_cookies(world, ann, tmp_path):
    """A browser sends them to every port."""
    from feedback_world import services

    from assent.feedback.settings import Place, configure

    def names():
        return {configured.SESSION_COOKIE_NAME, configured.CSRF_COOKIE_NAME}

    first = names()
    configure(tmp_path / "other" / "feedback.sqlite3", services(), Place())
    other = names()
    configure(world.database, services(), Place())
    assert len(first | other) == 4
    assert names() == first


def test_a_name_stays_typed_and_a_password_does_not(world, ann):
    text = enter(world.client(), "ann", "my secret").content.decode()
    assert 'value="ann"' in text
    assert "my secret" not in text


def test_the_session_has_another_key_after_login(world, ann):
    """OWASP ASVS 5.0, 7.2.4: whoever planted a session's key knows nothing afterwards."""
    client = world.client()
    client.session.save()
    planted = client.session.session_key
    client.cookies[configured.SESSION_COOKIE_NAME] = planted
    enter(client)
    assert client.cookies[configured.SESSION_COOKIE_NAME].value != planted
    thief = world.client()
    thief.cookies[configured.SESSION_COOKIE_NAME] = planted
    assert thief.get("/password").status_code == 302


def test_the_session_is_dead_after_logout(world, ann):
    from django.contrib.sessions.models import Session

    client = world.client()
    enter(client)
    key = client.cookies[configured.SESSION_COOKIE_NAME].value
    assert client.post("/logout")["Location"] == "/login"
    thief = world.client()
    thief.cookies[configured.SESSION_COOKIE_NAME] = key
    assert thief.get("/password").status_code == 302
    assert not Session.objects.filter(session_key=key).exists()


def test_nobody_is_logged_out_by_a_link(world, ann):
    client = world.client(ann)
    assert client.get("/logout").status_code == 405
    assert client.get("/password").status_code == 200


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    " //evil.example",
    "/%0a/evil.example\n",
    "evil",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_address_leads_elsewhere(world, ann, address):
    for response in (
        enter(world.client(), next=address),
        world.client().post("/language", {"language": "en", "next": address}),
        world.client(ann).get("/login", {"next": address}),
    ):
        assert response.status_code == 302
        to = response["Location"]
        assert to == "/" or (to.startswith("/%0a/") and "\n" not in to)  # that one is a path of this app


def test_the_language_is_kept_in_a_cookie_and_for_the_person(world, ann):
    client = world.client(ann)
    response = client.post("/language", {"language": "zh-hans", "next": "/password"})
    assert response["Location"] == "/password"
    assert response.cookies["language"].value == "zh-hans"
    assert response.cookies["language"]["httponly"]
    ann.refresh_from_db()
    assert ann.language == "zh-hans"
    assert '<html lang="zh-hans">' in world.client(ann).get("/password").content.decode()  # another browser
    stranger = world.client()
    stranger.cookies["language"] = "zh-hans"
    assert '<html lang="zh-hans">' in stranger.get("/login").content.decode()


def test_a_language_that_there_is_not(world):
    assert world.client().post("/language", {"language": "<b>"}).status_code == 400


def test_cookies_are_kept_from_scripts_and_other_sites(world, ann):
    client = world.client()
    client.get("/login")
    enter(client)
    session, token = (
        client.cookies[configured.SESSION_COOKIE_NAME],
        client.cookies[configured.CSRF_COOKIE_NAME],
    )
    assert (session["httponly"], session["samesite"]) == (True, "Lax")
    assert (token["httponly"], token["samesite"]) == (True, "Strict")


def test_behind_https_cookies_are_sent_nowhere_else(world, ann, settings_of_https):
    client = world.client()
    client.get("/login", secure=True)
    client.post("/login", {"name": "ann", "password": PASSWORD}, secure=True)
    assert client.cookies[configured.SESSION_COOKIE_NAME]["secure"]
    assert client.cookies[configured.CSRF_COOKIE_NAME]["secure"]


@pytest.fixture
def settings_of_https(world):
    from feedback_world import services

    from assent.feedback.settings import Place, configure

    configure(world.database, services(), Place(hosts=("testserver",), https=True))


def test_a_new_password_ends_the_other_sessions(world, ann):
    here, there = world.client(), world.client()
    enter(here)
    enter(there)
    given = {"old_password": PASSWORD, "new_password1": "other words in a row"}
    response = here.post("/password", {**given, "new_password2": "other words in a row"})
    assert "Your password is changed" in response.content.decode()
    assert here.get("/password").status_code == 200
    assert there.get("/password").status_code == 302
    assert enter(world.client()).status_code == 422
    assert enter(world.client(), password="other words in a row").status_code == 302


def test_whoever_changes_a_password_knows_the_old_one(world, ann):
    given = {"old_password": "wrong", "new_password1": "other words in a row"}
    response = world.client(ann).post("/password", {**given, "new_password2": "other words in a row"})
    assert response.status_code == 422
    assert enter(world.client()).status_code == 302


def test_a_lost_password_is_replaced_by_a_link_of_an_admin_once(world, ann):
    root = world.client(world.person("root", "admin"))
    page = root.post(f"/admin/people/{ann.pk}", {"do": "password"}).content.decode()
    path = page.partition('value="http://testserver')[2].partition('"')[0]
    given = {"new_password1": "other words in a row", "new_password2": "other words in a row"}
    assert world.client().get(path).status_code == 200
    assert world.client().post(path, given)["Location"] == "/login"
    assert enter(world.client(), password="other words in a row").status_code == 302
    assert world.client().post(path, given).status_code == 404


def test_a_deactivated_person_is_out_at_once(world, ann):
    from assent.feedback.people import changes

    client = world.client()
    enter(client)
    changes.set_active(ann, False, world.person("root", "admin"))
    assert client.get("/p/pairs/").status_code == 302
    changes.set_active(ann, True, world.person("root2", "admin"))
    assert enter(world.client()).status_code == 302
