"""Items as admins look for them: pages of a list, what became of each, and one as people see it."""

import re

import pytest
from feedback_world import new_uuid
from people_world import TIE, answers


@pytest.fixture
def reviewer(world):
    return world.client(world.person("reva", "reviewer"))


def text_of(response):
    return response.content.decode()


def listed(page):
    """The numbers of the items on a page of the list."""
    return [int(one) for one in re.findall(r'href="/admin/p/pairs/items/(\d+)"', page)]


def flagged(item, person, text="cut off"):
    from assent.feedback.schema.models import Flag, Shown

    shown, _ = Shown.objects.get_or_create(
        item=item, person=person, attempt=0, defaults={"project": item.project, "order": [0, 1]}
    )
    return Flag.objects.create(uuid=new_uuid(), shown=shown, text=text)


def test_a_flag_leads_to_its_item(world, reviewer):
    project = world.project()
    (item,) = world.items(project, 1)
    flagged(item, world.person("ann", "annotator", project))
    page = text_of(reviewer.get("/admin/p/pairs/"))
    assert f'<a href="/admin/p/pairs/items/{item.pk}" dir="auto">Prompt 0</a>' in page
    assert 'href="/admin/p/pairs/items/all?only=flagged"' in page


def test_an_item_is_shown_as_people_see_it_with_what_became_of_it(world, reviewer):
    """What anybody answered, who wrote the answers and what is expected stand there for nobody."""
    from assent.feedback.schema.models import Item, Skip

    project = world.project()
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    (item,) = world.items(project, 1, slots=2, hidden={"policies": ["secret-7b", "secret-8b"]})
    answers(ann, project, {"choice": "tie", "comment": "a word of ann alone"})
    flag = flagged(item, bob, "The end is <b>missing</b>")
    Skip.objects.create(shown=flag.shown, reason="I do not know")
    Item.objects.filter(pk=item.pk).update(listed=False)
    page = text_of(reviewer.get(f"/admin/p/pairs/items/{item.pk}"))
    for told in (
        *("real-0", "Prompt 0", "one of real 0", "two of real 0", "I do not know", "Retired"),
        *("The end is &lt;b&gt;missing&lt;/b&gt;", "bob", "<dt>Judged</dt><dd>1</dd>"),
        *("<dt>Skipped</dt><dd>1</dd>", "<dt>Flagged</dt><dd>1</dd>", "<dt>Part</dt><dd>Real</dd>"),
    ):
        assert told in page
    for secret in ("a word of ann alone", "secret-7b", "Equally good", ">ann<"):
        assert secret not in page


def test_an_item_of_another_project_is_not_there(world, reviewer):
    world.project()
    (item,) = world.items(world.project("other"), 1)
    assert reviewer.get(f"/admin/p/pairs/items/{item.pk}").status_code == 404
    assert reviewer.get(f"/admin/p/other/items/{item.pk}").status_code == 200


def test_each_page_begins_after_the_one_before(world, reviewer, monkeypatch):
    from assent.feedback.store import item_list

    monkeypatch.setattr(item_list, "A_PAGE", 2)
    project = world.project()
    world.items(world.project("other"), 3)
    items = [one.pk for one in world.items(project, 5)]
    gold = [one.pk for one in world.items(project, 1, part="gold", expected={"choice": 0})]
    address, seen = "?only=real", []
    while address:
        page = text_of(reviewer.get(f"/admin/p/pairs/items/all{address}"))
        seen.append(listed(page))
        further = re.findall(r'href="(\?only=real&amp;after=\d+)"', page)
        address = further[0].replace("&amp;", "&") if further else ""
    assert seen == [items[:2], items[2:4], items[4:]]
    assert listed(text_of(reviewer.get("/admin/p/pairs/items/all?only=gold"))) == gold
    assert "There are none" in text_of(reviewer.get("/admin/p/pairs/items/all?only=test"))


def test_what_is_flagged_or_skipped_stands_once_whatever_it_is_for(world, reviewer, monkeypatch):
    from assent.feedback.schema.models import Skip
    from assent.feedback.store import item_list

    monkeypatch.setattr(item_list, "A_PAGE", 2)
    project, other = world.project(), world.project("other")
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    items = world.items(project, 4)
    [practice] = world.items(project, 1, part="practice", expected={"choice": 0})
    flagged(world.items(other, 1)[0], ann)
    for item in (items[3], practice, items[1]):
        flag = flagged(item, ann)
        flagged(item, ann, "and so on")
    flagged(items[3], bob)
    Skip.objects.create(shown=flag.shown, reason="")
    page = text_of(reviewer.get("/admin/p/pairs/items/all?only=flagged"))
    assert listed(page) == [items[1].pk, items[3].pk]
    assert f"after={items[3].pk}" in page
    assert page.count('<span class="badge warn">1</span>') == 1  # people who flagged it
    assert page.count('<span class="badge warn">2</span>') == 1
    page = text_of(reviewer.get(f"/admin/p/pairs/items/all?only=flagged&after={items[3].pk}"))
    assert (listed(page), "Practice</span>" in page) == ([practice.pk], True)
    assert listed(text_of(reviewer.get("/admin/p/pairs/items/all?only=skipped"))) == [items[1].pk]


@pytest.mark.parametrize("asked", ["only=all", "only=real&after=x", "after=-1", "after=" + "9" * 30])
def test_a_list_that_no_page_asks_for_is_not_there(world, reviewer, asked):
    world.project()
    assert reviewer.get(f"/admin/p/pairs/items/all?{asked}").status_code == 404


@pytest.mark.parametrize("which", ["real", "flagged", "skipped"])
def test_a_page_of_a_million_items_reads_a_page_of_them(world, which):
    """SQLite's own word for what it reads: no table from its start to its end but that of the few flags."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from assent.feedback.store import item_list

    project = world.project()
    items = world.items(project, 3)
    answers(world.person("ann", "annotator", project), project, TIE)
    flagged(items[2], world.person("bob"))
    with CaptureQueriesContext(connection) as queries:
        item_list.page_of(project, which, 0)
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not [step for step in plan if step.startswith("SCAN") and "few" not in step], plan
