"""The page of people: who is here, and links that are shown once."""

import re


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


def test_last_seen_is_the_last_work_or_the_last_login(world):
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
