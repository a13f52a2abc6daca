"""The pages of admins in a real browser: nothing wider than a phone, nothing that axe-core finds."""

import time

import pytest
from browser import LAPTOP, PHONE, accessible, page_of, picture, session_of
from feedback_world import new_uuid

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def filled(world):
    """A project at work: members, judgements, a skip, a flag, gold, history."""
    from assent.feedback.people import changes, invites
    from assent.feedback.schema.models import Flag, Judgement, Person, Shown, Skip, Slot
    from assent.feedback.store.projects import create

    project = create("summaries", {"title": "Summaries of news", "overlap": 2}, "root")
    empty = create("talks", {"task": "chat", "title": "Talks"}, "root")
    root, ann = world.person("root", "admin"), world.person("ann", "annotator", project, empty)
    world.person("reva", "reviewer")
    bao = world.person("bǎo.zhèng@example.org", "annotator", project)
    changes.set_active(world.person("left", "annotator", project), False, root)
    items = world.items(project, 12)
    world.items(project, 2, part="gold", expected={"choice": 0})
    for number, (item, person) in enumerate(zip(items[:7], [ann, bao] * 4, strict=False)):
        shown = Shown.objects.create(project=project, item=item, person=person, order=[0, 1])
        slot = Slot.objects.get(item=item, number=0)
        if number < 5:
            Judgement.objects.create(
                uuid=new_uuid(), shown=shown, item=item, person=person, slot=slot, answer={"choice": 0}
            )
            Slot.objects.filter(pk=slot.pk).update(judged=True, holder=person)
        elif number == 5:
            Skip.objects.create(
                shown=shown,
                reason="I know neither of these films, and cannot say which of the two sums up better.",
            )
            Flag.objects.create(uuid=new_uuid(), shown=shown, text="The prompt ends in the middle of a word")
        else:
            Slot.objects.filter(pk=slot.pk).update(holder=person, lease_until=time.time() + 600)
    invites.make(invites.Offer("annotator", project, 5), root)
    return {
        "root": root,
        "ann": ann,
        "item": items[5].pk,
        "pk": Person.objects.get(name="left").pk,
        "token": invites.make(invites.Offer(), root),
    }


PAGES = {
    "projects": "/admin/",
    "new": "/admin/new",
    "project": "/admin/p/summaries/",
    "settings": "/admin/p/summaries/settings",
    "items": "/admin/p/summaries/items",
    "all-items": "/admin/p/summaries/items/all",
    "flagged": "/admin/p/summaries/items/all?only=flagged",
    "item": "/admin/p/summaries/items/{item}",
    "chat": "/admin/p/talks/",
    "chat-settings": "/admin/p/talks/settings",
    "people": "/admin/people",
    "person": "/admin/people/{pk}",
    "password": "/password",
    "nothing": "/admin/p/none/",
}


def test_how_many_are_complete_stands_in_one_line(world, filled, chromium_browser):
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, filled["root"]))
        page.goto("/admin/")
        for told in page.locator(".meter-cell .numbers").all():
            assert told.bounding_box()["height"] < 30  # of a line
        page.context.close()


def test_a_task_is_asked_only_for_what_it_has(world, filled, chromium_browser):
    """Nothing that people write can be graded, and a talk has no items at all."""
    asked = {"pairwise": (True, True), "rating": (True, True), "edit": (True, False), "chat": (False, False)}
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, filled["root"]))
        page.goto("/admin/new")
        page.locator("details.more summary").click()
        for task, (overlap, gold) in asked.items():
            page.locator(f"[name=task][value={task}]").check(force=True)
            assert page.locator("[name=overlap]").is_visible() == overlap
            for name in ("gold_every", "pass_percent"):
                assert page.locator(f"[name={name}]").is_visible() == gold
        page.context.close()


def test_a_chat_counts_no_items(world, filled):
    """In a talk nothing is judged or skipped: a column of noughts would say that nobody has been there."""
    admin = world.client(filled["root"])
    of_chat, of_items = (admin.get(f"/admin/p/{name}/").content.decode() for name in ("talks", "summaries"))
    assert 'href="/p/talks/">Talk</a>' in of_chat
    assert "<p>ann</p>" in of_chat
    assert 'href="/p/summaries/">Judge</a>' in of_items
    for told in ("Skipped</th>", "Last given an item</th>", "/items"):
        assert (told in of_chat, told in of_items) == (False, True)


@pytest.mark.parametrize(("size", "scheme"), [("laptop", "light"), ("phone", "dark")])
def test_pages_of_admins(world, filled, chromium_browser, size, scheme):
    look = {"viewport": LAPTOP if size == "laptop" else PHONE, "color_scheme": scheme}
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, filled["root"]), **look)
        for name, path in PAGES.items():
            page.goto(path.format(**filled))
            picture(page, f"{name}-{size}-{scheme}")
            assert page.evaluate(WIDER) == 0, name
            accessible(page)
        page.context.close()


@pytest.mark.parametrize(("size", "scheme"), [("laptop", "light"), ("phone", "dark")])
def test_settings_that_somebody_else_has_saved(world, filled, chromium_browser, size, scheme):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.changes import change_settings

    look = {"viewport": LAPTOP if size == "laptop" else PHONE, "color_scheme": scheme}
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, filled["root"]), **look)
        page.goto("/admin/p/summaries/settings")
        page.fill("[name=title]", "Mine")
        project = Project.objects.get(name="summaries")
        change_settings(project, {**project.settings, "title": "Theirs", "overlap": 3}, "eve")
        page.click("form.settings button.primary")
        page.wait_for_selector(".meanwhile")
        picture(page, f"meanwhile-{size}-{scheme}")
        assert page.evaluate(WIDER) == 0
        accessible(page)
        page.click("form.settings button.primary")
        page.wait_for_url("**/admin/p/summaries/")
        page.context.close()
    found = Project.objects.get(name="summaries").settings
    assert (found["title"], found["overlap"]) == ("Mine", 3)
