"""The first page after the login."""

from feedback_world import new_uuid


def text_of(response):
    return response.content.decode()


def test_one_project_is_where_the_work_is(world):
    client = world.client(world.person("ann", "annotator", world.project()))
    assert client.get("/")["Location"] == "/p/pairs/"


def test_several_projects_are_told_with_ones_own_progress(world):
    from assent.feedback.schema.models import Judgement, Shown, Slot

    one, two = world.project("one", title="The first"), world.project("two")
    unseen = world.project("unseen")
    ann, bao = world.person("ann", "annotator", one, two), world.person("bao", "annotator", one, unseen)
    items = world.items(one, 5)
    for person, item in ((ann, items[0]), (ann, items[1]), (bao, items[2])):
        shown = Shown.objects.create(project=one, item=item, person=person, order=[0, 1])
        slot = Slot.objects.get(item=item)
        Judgement.objects.create(
            uuid=new_uuid(), shown=shown, item=item, person=person, slot=slot, answer={"choice": 0}
        )
        Slot.objects.filter(pk=slot.pk).update(judged=True)
    page = text_of(world.client(ann).get("/"))
    assert "The first" in page
    assert "You have judged <strong>2</strong> items." in page
    assert "2 are left." in page  # of five, three are judged
    assert "All done" in page  # two has no items
    assert "unseen" not in page
    assert "bao" not in page


def test_a_closed_project_is_no_work(world):
    from assent.feedback.schema.models import Project

    one, two = world.project("one"), world.project("two")
    client = world.client(world.person("ann", "annotator", one, two))
    Project.objects.filter(name="two").update(closed=1.0)
    assert client.get("/")["Location"] == "/p/one/"
    Project.objects.filter(name="one").update(closed=1.0)
    page = text_of(client.get("/"))
    assert page.count("Closed") == 2
    assert "/p/one/mine" in page


def test_without_a_project_the_page_says_what_to_do(world):
    assert "Ask whoever invited you" in text_of(world.client(world.person("ann")).get("/"))


def test_admins_and_reviewers_begin_with_the_projects(world):
    for role in ("admin", "reviewer"):
        assert world.client(world.person(role, role)).get("/")["Location"] == "/admin/"


def test_a_page_that_broke_says_so_without_a_trace(world, monkeypatch):
    """It is drawn without the database, which may be what broke."""
    from assent.feedback.views import home

    client = world.client(world.person("ann"))
    monkeypatch.setattr(home, "person_of", lambda request: 1 / 0)
    response = client.get("/")
    assert response.status_code == 500
    assert "Something broke on our side" in text_of(response)
    assert "ZeroDivision" not in text_of(response)
    assert "Traceback" not in text_of(response)
    assert "default-src 'none'" in response["Content-Security-Policy"]
    told = client.get("/", headers={"Accept": "application/json"})
    assert told.json() == {"error": "Something broke on our side. Reload the page; what was stored is kept."}
