"""How a project gets on, in counts that read indexes alone; three steps at the start."""

import pytest
from feedback_world import new_uuid


@pytest.fixture
def root(world):
    return world.client(world.person("root", "admin"))


def text_of(response):
    return response.content.decode()


def test_the_overview_counts(world, root):
    from assent.feedback.schema.models import Flag, Skip

    project = world.project("news", title="News of today")
    shown = world.judged_one(project)
    world.items(project, 3, part="gold", expected={"choice": 0})
    from assent.feedback.store import overview

    items = overview.items_of(project)
    assert (items.real, items.complete, items.open, items.gold, items.percent) == (1, 1, 0, 3, 100)
    Skip.objects.create(shown=shown, reason="too long")
    Flag.objects.create(uuid=new_uuid(), shown=shown, text="cut off")
    page = text_of(root.get("/admin/p/news/"))
    for told in (
        "News of today",
        "<strong>1</strong> of 1 item is complete",
        "too long",
        "cut off",
        "real-0",
    ):
        assert told in page


def test_items_with_one_judgement_of_two_are_open(world):
    from assent.feedback.schema.models import Project, Slot
    from assent.feedback.store import overview

    project, other = world.project(), world.project("other")
    Project.objects.filter(pk=project.pk).update(settings={**project.settings, "overlap": 2})
    project.refresh_from_db()
    items = world.items(project, 5, slots=2)
    world.items(other, 7)
    Slot.objects.filter(item=items[0]).update(judged=True)
    Slot.objects.filter(item=items[1], number=0).update(judged=True)
    found = overview.items_of(project)
    assert (found.real, found.complete, found.open, found.percent) == (5, 1, 4, 20)


def test_items_of_the_pool_are_complete_as_soon_as_others(world, root):
    """The same count as `want` and the terminal have; nobody waits for second opinions."""
    from people_world import answers, prefers

    from assent.feedback.store import overview

    project = world.project("news")
    world.items(project, 3, slots=3)
    ann = world.person("ann", "annotator", project)
    answers(ann, project, prefers("one"), prefers("one"))
    found = overview.items_of(project)
    assert (found.real, found.complete, found.open, found.seconded) == (3, 2, 1, 2)
    page = text_of(root.get("/admin/p/news/"))
    assert "<strong>2</strong> of 3 items are complete" in page
    assert "<dt>Complete, and wait for second opinions</dt><dd>2</dd>" in page


def test_people_of_a_project_are_counted_once_an_item(world):
    import time

    from assent.feedback.schema.models import Judgement, Shown, Skip, Slot
    from assent.feedback.store import overview

    project = world.project()
    ann, bao = world.person("ann", "annotator", project), world.person("bao", "annotator", project)
    world.person("idle", "annotator", project)
    items = world.items(project, 4)
    shown = [Shown.objects.create(project=project, item=item, person=ann, order=[0, 1]) for item in items[:3]]
    for revision in (1, 2):  # a changed mind
        Judgement.objects.create(
            uuid=new_uuid(),
            shown=shown[0],
            item=items[0],
            person=ann,
            revision=revision,
            answer={"choice": 0},
        )
    Skip.objects.create(shown=shown[1], reason="")
    Shown.objects.create(project=project, item=items[3], person=bao, order=[0, 1])
    Slot.objects.filter(item=items[3]).update(holder=bao, lease_until=time.time() + 60)
    Slot.objects.filter(item=items[2]).update(holder=ann, lease_until=time.time() - 60)  # ran out
    rows = [(one.name, one.judged, one.skipped, one.holds) for one in overview.people_of(project)]
    assert rows == [("ann", 1, 1, False), ("bao", 0, 0, True), ("idle", 0, 0, False)]


def test_practice_and_tests_are_told_apart_from_work(world, root):
    """The number of the admin is the one that annotators read themselves; gold is work like any other."""
    from qualifying import choose

    from assent.feedback.store import history, judging, overview
    from assent.feedback.store.claims import claim

    project = world.project("news", qualification={"pass_mark": 0.5})
    world.items(project, 2, part="practice", expected={"choice": 0})
    world.items(project, 2, part="test", expected={"choice": 0})
    world.items(project, 3, slots=2)
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    for candidate in (1, 1, 0, 0, 0, 0):
        choose(ann, project, candidate)
    judging.skip(bob, claim(bob, project).pk, "")  # of practice, and no skip of work
    for _ in range(3):
        choose(bob, project, 1)
    rows = {one.name: one for one in overview.people_of(project)}
    assert [(one.judged, one.tried, one.skipped, one.failed) for one in (rows["ann"], rows["bob"])] == [
        (2, 4, 0, False),
        (0, 3, 0, True),
    ]
    assert rows["ann"].judged == history.progress(ann, project).mine
    page = text_of(root.get("/admin/p/news/"))
    assert "Practice and test</th>" in page
    assert page.count("Test not passed") == 1


def test_the_overview_asks_as_often_for_many_items_as_for_one(world, root):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    asked = []
    for number, name in ((1, "one"), (300, "many")):
        project = world.project(name)
        world.items(project, number)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            root.get(f"/admin/p/{name}/")
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert asked[0] < 25


def test_no_count_reads_the_items_themselves(world):
    """A million rows are counted in indexes: SQLite's own word for what it reads."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from assent.feedback.store import overview

    project = world.project()
    world.judged_one(project)
    with CaptureQueriesContext(connection) as queries:
        overview.items_of(project)
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[3] for row in cursor.fetchall() if "feedback_" in row[3]]
        allowed = ["USING INDEX open_slots", "COVERING INDEX"]
        if any("USING INDEX held_slots" in step for step in plan):  # an item for each person
            allowed += ["held_slots", "PRIMARY KEY"]
        assert all(any(one in step for one in allowed) for step in plan), plan


def test_three_steps_lead_to_the_first_judgement(world, root):
    from assent.feedback.store.projects import create

    assert "Three steps" in text_of(root.get("/admin/"))
    create("news", {"task": "pairwise"}, "root")
    assert 'href="/admin/p/news/items"' in text_of(root.get("/admin/"))
    from assent.feedback.schema.models import Project

    project = Project.objects.get()
    world.items(project, 1)
    assert "Three steps" in text_of(root.get("/admin/p/news/"))
    world.person("ann", "annotator", project)
    assert "Three steps" not in text_of(root.get("/admin/p/news/"))


def test_the_steps_go_with_the_first_judgement(world, root):
    """Also of an admin who judges alone, and never invites anybody."""
    from people_world import TIE, answers

    from assent.feedback.schema.models import Person

    project = world.project("news")
    world.items(project, 2)
    page = text_of(root.get("/admin/p/news/"))
    assert "Three steps" in page
    assert page.count("#invite") == 1  # the step is the only way there
    answers(Person.objects.get(), project, TIE)
    page = text_of(root.get("/admin/p/news/"))
    assert "Three steps" not in page + text_of(root.get("/admin/"))
    assert page.count("#invite") == 1
    assert '<a class="button primary" href="/p/news/">Judge</a>' in page


def test_the_steps_of_a_chat_are_those_of_a_chat(world, root):
    """It has no items, and cannot be talked in before the app is started with its models."""
    from chat_world import chat_of

    from assent.feedback.schema.models import Person

    world.project("talks", task="chat")
    page = text_of(root.get("/admin/p/talks/"))
    assert "Bring in items" not in page
    assert '<a class="button" href="/admin/p/talks/settings#models">Start the app with its models</a>' in page
    chat = chat_of(world)
    Person.objects.filter(pk=chat.person.pk).update(role="admin")  # nobody is invited yet
    assert "Start the app with its models <span" in text_of(root.get("/admin/p/talk/"))  # done
    chat.said()
    assert "Three steps" not in text_of(root.get("/admin/p/talk/"))


def test_what_was_done_is_told_in_short(world, root):
    """Hashes and paths are whole only for whoever points at them; times say their zone."""
    from assent.feedback.schema.models import Audit

    project = world.project("news")
    digits = "0123456789abcdef" * 4
    read = {"project": "news", "source": "/home/ann/my data/pairs.jsonl", "version": digits}
    Audit.objects.create(who="ann", what="items read", detail=read, created=1795287905.0)
    gold = {"from": None, "to": {"items": "/home/ann/gold.jsonl", "every": 10}}
    changed = {"project": "news", "changed": {"gold": gold}}
    Audit.objects.create(who="ann", what="project changed", detail=changed)
    page = text_of(root.get(f"/admin/p/{project.name}/"))
    assert 'source: <span title="/home/ann/my data/pairs.jsonl">pairs.jsonl</span>' in page
    assert f'version: <span title="{digits}">01234567</span>' in page
    assert 'items <span title="/home/ann/gold.jsonl">gold.jsonl</span>, every 10' in page
    assert ">2026-11-21 19:05 UTC</time>" in page


def test_reviewers_look_and_change_nothing(world):
    world.judged_one(world.project("news"))
    reviewer = world.client(world.person("reva", "reviewer"))
    page = text_of(reviewer.get("/admin/p/news/"))
    assert "export/judgements" in page
    assert 'href="/admin/p/news/items/all"' in page
    for way in ("/settings", '/items"', "/close", "/admin/people", "/admin/new"):
        assert way not in page + text_of(reviewer.get("/admin/"))


def test_settings_of_a_recipe_are_told_by_their_names(world, root):
    from assent.feedback.schema.models import Audit

    project = world.project("news")
    detail = {"project": "news", "settings": {"task": "pairwise", "strength": True}}
    Audit.objects.create(who="assent annotate", what="settings asked for", detail=detail)
    page = text_of(root.get(f"/admin/p/{project.name}/"))
    assert "Settings given with the command" in page
    assert "settings: task, strength" in page
