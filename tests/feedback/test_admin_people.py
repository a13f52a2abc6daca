"""The page of people: who is here, and links that are shown once."""

import re

import pytest
from browser_forms import sent_by
from feedback_world import services

from assent.feedback.settings import Place, configure


def page_of(response):
    return response.content.decode()


def test_a_link_is_shown_once_and_lets_somebody_in(world):
    world.project()
    root = world.client(world.person("root", "admin"))
    given = {"role": "annotator", "project": "pairs", "uses": "2", "days": "7"}
    page = page_of(root.post("/admin/people", given))
    (path,) = re.findall(r'value="http://testserver(/invite/[\w-]{43})"', page)
    assert path not in page_of(root.get("/admin/people"))
    assert "for 2 more people" in page_of(root.get("/admin/people"))
    client = world.client()
    assert "help with the project pairs" in page_of(client.get(path))
    client.post(path, {"name": "ann", "password": "four words in a row"})
    assert client.get("/")["Location"] == "/p/pairs/"
    assert "for 1 more person" in page_of(root.get("/admin/people"))


INVITE = {"role": "annotator", "project": "", "uses": "1", "days": "7"}
ONLY_HERE = "Only this computer can open this link"


def link_in(page):
    (link,) = re.findall(r'<input readonly value="([^"]+)"', page)
    return link


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_a_link_that_only_this_computer_opens_says_so(world, host):
    """Both links: to come in, and to a new password."""
    configure(world.database, services(), Place())
    root = world.client(world.person("root", "admin"))
    ann = world.person("ann")
    for path, given in (("/admin/people", INVITE), (f"/admin/people/{ann.pk}", {"do": "password"})):
        page = page_of(root.post(path, given, HTTP_HOST=host))
        assert link_in(page).startswith(f"http://{host}/")
        assert ONLY_HERE in page
        assert "and send it" not in page


def test_a_link_is_by_an_address_that_others_reach(world):
    """Whoever sits at the server came by an address that is every machine's own; others came by their own."""
    place = Place(hosts=("192.0.2.7", "tea.lab", "127.0.0.1"), address="http://192.0.2.7:8000")
    configure(world.database, services(), place)
    root = world.client(world.person("root", "admin"))
    ann = world.person("ann")
    came = {"127.0.0.1:8000": "http://192.0.2.7:8000", "tea.lab:8000": "http://tea.lab:8000"}
    for host, told in came.items():
        for path, given in (("/admin/people", INVITE), (f"/admin/people/{ann.pk}", {"do": "password"})):
            page = page_of(root.post(path, given, HTTP_HOST=host))
            assert link_in(page).startswith(f"{told}/")
            assert ONLY_HERE not in page
            assert "and send it" in page


def test_a_wrong_invite_is_told_at_its_field_and_makes_nothing(world):
    from assent.feedback.schema.models import Invite

    root = world.client(world.person("root", "admin"))
    for wrong in ({"uses": "0"}, {"uses": "5000"}, {"days": "400"}, {"role": "owner"}, {"project": "none"}):
        given = {"role": "annotator", "project": "", "uses": "1", "days": "7", **wrong}
        response = root.post("/admin/people", given)
        assert response.status_code == 422
        assert f'id="id_{next(iter(wrong))}_error"' in page_of(response)
    assert Invite.objects.count() == 0


def test_links_used_up_or_printed_by_the_app_are_not_listed(world):
    from assent.feedback.people import admin_link, invites

    admin_link.make("http://localhost")
    root = world.person("root", "admin")
    token = invites.make(invites.Offer(), root)
    invites.accept(token, "ann", "four words in a row")
    assert "None. A link is shown once" in page_of(world.client(root).get("/admin/people"))


def test_when_somebody_was_given_an_item_or_came_in_is_told(world):
    import time

    from assent.feedback.schema.models import Shown

    project = world.project()
    ann = world.person("ann", "annotator", project)
    (item,) = world.items(project, 1)
    Shown.objects.create(
        project=project, item=item, person=ann, order=[0, 1], created=time.time() - 3 * 3600 - 9
    )
    page = page_of(world.client(world.person("root", "admin")).get("/admin/people"))
    assert "3\xa0hours ago" in page
    assert "just now" in page  # root has logged in


def test_names_are_text_and_nothing_else(world):
    from assent.feedback.schema.models import Person

    name = "<script>alert(1)</script>"  # no link takes such a name; an import might
    evil = Person.objects.create(name=name, password="!")
    root = world.client(world.person("root", "admin"))
    for path in ("/admin/people", f"/admin/people/{evil.pk}"):
        page = page_of(root.get(path))
        assert name not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_link_for_a_closed_project_is_for_that_one(world):
    """Were it not among the choices, the first of them would be sent: every project there is."""
    from assent.feedback.schema.models import Invite, Project

    world.project("open")
    closed = world.project("closed")
    Project.objects.filter(pk=closed.pk).update(closed=1.0)
    root = world.client(world.person("root", "admin"))
    assert "?project=closed#invite" not in page_of(root.get("/admin/p/closed/"))
    assert "?project=open#invite" in page_of(root.get("/admin/p/open/"))
    form = sent_by(root.get("/admin/people?project=closed"), "uses")
    assert root.post("/admin/people", form).status_code == 200
    assert Invite.objects.get().project == closed
    assert "closed</option>" not in page_of(root.get("/admin/people"))


def test_a_wrong_invite_comes_back_as_it_was_typed(world):
    world.project("news")
    root = world.client(world.person("root", "admin"))
    typed = {"role": ["reviewer"], "project": ["news"], "uses": ["many"], "days": ["30"]}
    form = sent_by(root.post("/admin/people", typed), "uses")
    assert {key: form[key] for key in typed} == typed
