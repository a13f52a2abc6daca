"""The first page after the login."""

from feedback_world import new_uuid
from qualifying import choose


def text_of(response):
    return response.content.decode()


def test_one_project_is_where_the_work_is(world):
    client = world.client(world.person("ann", "annotator", world.project()))
    assert client.get("/")["Location"] == "/p/pairs/"


def test_whoever_comes_from_the_only_project_sees_the_start_page(world):
    """The way there would lead back otherwise; password, language and the way out are on the start page."""
    client = world.client(world.person("ann", "annotator", world.project()))
    done = client.post("/p/pairs/next", {}, content_type="application/json").json()["html"]
    assert 'href="/?projects"' in done
    for page in ("/p/pairs/", "/p/pairs/mine"):
        assert 'class="brand" href="/?projects"' in text_of(client.get(page))
    assert "There are no items for you yet." in text_of(client.get("/?projects"))


def test_a_project_says_what_comes_before_its_items(world):
    talks = world.project("talks", task="chat", policies=["model"])
    exam = world.project("exam", qualification={"pass_mark": 1.0})
    world.items(exam, 2, part="practice", expected={"choice": 0})
    world.items(exam, 1, part="test", expected={"choice": 0})
    world.items(exam, 5)
    ann = world.person("ann", "annotator", talks, exam)
    client = world.client(ann)

    def card(name):
        return next(one for one in text_of(client.get("/")).split("<li") if f"/p/{name}/" in one)

    assert "You have judged" not in card("talks")  # there is nothing to judge in a talk
    choose(ann, exam, 0)
    assert "Practice comes first: 1 of 2 done." in card("exam")
    choose(ann, exam, 0)
    assert "The test comes first: 0 of 1 done." in card("exam")
    choose(ann, exam, 1)
    assert "Test not passed" in card("exam")
    assert "are left" not in card("exam")
    assert 'href="/p/exam/qualification"' in card("exam")


def test_several_projects_are_told_with_ones_own_progress(world):
    from assent.feedback.schema.models import Judgement, Shown, Slot

    one, two = world.project("one", title="The first"), world.project("two")
    unseen, over = world.project("unseen"), world.project("over")
    ann, bao = world.person("ann", "annotator", one, two, over), world.person("bao", "annotator", one, unseen)
    items = world.items(one, 5)
    for person, item in ((ann, items[0]), (ann, items[1]), (bao, items[2])):
        shown = Shown.objects.create(project=one, item=item, person=person, order=[0, 1])
        slot = Slot.objects.get(item=item)
        Judgement.objects.create(
            uuid=new_uuid(), shown=shown, item=item, person=person, slot=slot, answer={"choice": 0}
        )
        Slot.objects.filter(pk=slot.pk).update(judged=True)
    world.items(over, 1)
    choose(ann, over, 0)
    page = text_of(world.client(ann).get("/"))
    assert "The first" in page
    assert "You have judged <strong>2</strong> items." in page
    assert "2 are left." in page  # of five, three are judged
    assert page.count("There are no items for you yet.") == 1  # two has no items
    assert page.count("All done") == 1  # over
    assert page.count('class="button primary"') == 1  # where something is left
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
    assert '/p/one/"' not in page


def test_what_somebody_holds_of_a_closed_project_they_may_finish(world):
    from assent.feedback.schema.models import Project
    from assent.feedback.store import claims

    project = world.project("one")
    world.items(project, 1)
    ann = world.person("ann", "annotator", project)
    claims.claim(ann, project)
    Project.objects.update(closed=1.0)
    client = world.client(ann)
    assert 'href="/p/one/">Go on</a>' in text_of(client.get("/"))
    choose(ann, project, 0)
    page = text_of(client.get("/"))
    assert 'href="/p/one/"' not in page
    assert 'href="/p/one/mine">What I said</a>' in page


def test_no_work_is_offered_where_a_project_is_closed(world):
    """What was said is there to be read: answers on a page of their own, talks where they were held."""
    from assent.feedback.schema.models import Project

    one, talk = world.project("one"), world.project("talk", task="chat", policies=["model"])
    pages = {"/admin/": world.person("root", "admin"), "/": world.person("ann", "annotator", one, talk)}
    Project.objects.update(closed=1.0)
    for path, person in pages.items():
        client = world.client(person)
        page = text_of(client.get(path))
        page += "".join(text_of(client.get(f"/admin/p/{name}/")) for name in ("one", "talk") if path != "/")
        assert 'href="/p/one/"' not in page
        for link in ("/p/one/mine", "/p/talk/"):
            assert f'href="{link}"' in page
            assert client.get(link, follow=True).status_code == 200
        for offer in (">Judge<", '/">Talk<', ">Begin<", ">Go on<"):
            assert offer not in page


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


def test_a_chat_is_another_page(world):
    project = world.project("talk", task="chat", policies=["$sft"])
    answer = world.client(world.person("ann", "annotator", project)).get("/p/talk/")
    assert (answer.status_code, answer["Location"]) == (302, "/p/talk/chat/")


def test_an_invite_names_the_project_as_people_read_it(world):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Role

    root = world.person("root", "admin")
    for name, settings, told in (
        ("q-7", {"title": "Everyday questions"}, "Everyday questions"),
        ("q-8", {}, "q-8"),
    ):
        token = invites.make(invites.Offer(Role.ANNOTATOR, world.project(name, **settings), 1, 60), root)
        assert f"help with the project {told}:" in text_of(world.client().get(f"/invite/{token}"))
