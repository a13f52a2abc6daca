"""What was skipped can be judged after all; nothing is skipped for a reason that nobody gave."""

import json

import pytest
from browser import accessible, picture
from playwright.sync_api import expect
from working import at_work, body, judgements, next_item, said, shown


def post(client, path, sent=None):
    return client.post(f"/p/pairs/{path}", json.dumps(sent or {}), content_type="application/json").json()


@pytest.fixture
def ann(world):
    """Somebody with three pairs to judge."""
    project = world.project()
    world.items(project, 3)
    return world.person("ann", "annotator", project)


def skips():
    from assent.feedback.schema.models import Skip

    return [one.reason for one in Skip.objects.order_by("id")]


def counted(person):
    """What the project's page says of somebody: (judged, skipped)."""
    from assent.feedback.schema.models import Project
    from assent.feedback.store import overview

    [one] = [one for one in overview.people_of(Project.objects.get()) if one.name == person.name]
    return one.judged, one.skipped


def test_undo_after_a_skip_opens_what_was_skipped(world, ann):
    client = world.client(ann)
    first = post(client, "next")["shown"]
    post(client, "judgements", body(first))
    second = post(client, "next")["shown"]
    post(client, "skip", {"shown": second, "reason": "too sad"})
    last = client.get("/p/pairs/last").json()
    assert (last["shown"], last["revision"], last["answer"]) == (second, 1, None)
    assert "You have skipped this." in last["html"]
    assert counted(ann) == (1, 1)
    assert post(client, "judgements", body(second, "tie"))["surplus"] is False
    stored = judgements()[-1]
    assert (stored.revision, stored.answer, stored.slot.judged) == (1, {"choice": "tie"}, True)
    assert skips() == ["too sad"]  # what was said stays said
    assert counted(ann) == (2, 0)
    assert client.get("/p/pairs/last").json()["revision"] == 2


def test_judged_after_all_it_is_an_extra_one_where_somebody_else_was_faster(world, ann):
    client = world.client(ann)
    skipped = post(client, "next")["shown"]
    post(client, "skip", {"shown": skipped, "reason": ""})
    from assent.feedback.schema.models import Shown

    other = world.client(world.person("ben", "annotator", Shown.objects.get(pk=skipped).project))
    post(other, "judgements", body(post(other, "next")["shown"]))
    assert post(client, "judgements", body(skipped))["surplus"] is True


def test_skips_stand_under_my_answers_in_their_place(world, ann):
    client = world.client(ann)
    given = []
    for number in range(3):
        given.append(post(client, "next")["shown"])
        if number == 1:
            post(client, "skip", {"shown": given[1], "reason": "It is too long to judge now"})
        else:
            post(client, "judgements", body(given[number]))
    client.cookies["language"] = "zh-hans"
    page = client.get("/p/pairs/mine").content.decode()
    at = [page.index(f"#judged-{one}") for one in given]
    assert at == sorted(at, reverse=True)  # the last first
    assert page.count("重新判断") == 1
    assert "It is too long" not in page  # one of our own reasons, in the reader's language
    only = client.get("/p/pairs/mine?only=skipped").content.decode()
    assert [f"#judged-{one}" in only for one in given] == [False, True, False]
    post(client, "judgements", body(given[1]))
    assert "重新判断" not in client.get("/p/pairs/mine").content.decode()


def test_what_is_skipped_of_a_practice_is_over(world):
    project = world.project()
    world.items(project, 1, part="practice", expected={"choice": 0})
    client = world.client(world.person("ann", "annotator", project))
    skipped = post(client, "next")["shown"]
    post(client, "skip", {"shown": skipped, "reason": ""})
    assert client.get("/p/pairs/last").json() == {"state": "none"}
    assert client.get(f"/p/pairs/mine/{skipped}").status_code == 404
    assert f"#judged-{skipped}" not in client.get("/p/pairs/mine").content.decode()


def skip_by_keys(page, reason):
    """Skip the item for the reason of this number; the item's."""
    skipped = shown(page)
    page.keyboard.press("s")
    with next_item(page):
        page.keyboard.press(reason)
    return skipped


def test_a_skip_is_taken_back_by_one_key(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        skipped = skip_by_keys(page, "4")
        said(page).to_have_text("Skipped. Next item.")
        page.keyboard.press("u")
        page.wait_for_selector(f"article.item[data-shown='{skipped}'] >> text=You have skipped this.")
        accessible(page)
        picture(page, "skipped-again")
        page.keyboard.press("Escape")  # left as it was
        page.wait_for_selector(f"article.item:not([data-shown='{skipped}'])")
        page.keyboard.press("u")
        page.wait_for_selector(f"article.item[data-shown='{skipped}']")
        with next_item(page):
            page.keyboard.press("1")
    assert [one.shown.pk for one in judgements()] == [int(skipped)]
    assert skips() == ["I would rather not read this"]


def test_no_reason_is_taken_that_nobody_chose(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("s")
        page.wait_for_selector("#skip-dialog[open]")
        page.keyboard.press("Enter")
        page.wait_for_function("document.activeElement.id === 'skip-reason'")  # it asks for one
        page.keyboard.type("no time")
        with next_item(page):
            page.keyboard.press("Control+Enter")
        page.keyboard.press("s")
        page.keyboard.press("Tab")
        with next_item(page):
            page.keyboard.press("Enter")  # on the first reason, which somebody went to
    assert skips() == ["no time", "I do not know enough about this"]


def test_the_end_says_what_was_skipped_and_promises_nothing(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        skipped = skip_by_keys(page, "1")
        with next_item(page):
            page.keyboard.press("1")
        page.keyboard.press("1")
        page.wait_for_selector("text=Nothing is left for you here")
        said(page).to_have_text("Stored.")
        expect(page.locator(".ending")).to_contain_text("2 done · 1 skipped")
        expect(page.locator(".ending a")).to_have_count(3)  # none to the pages of admins
        accessible(page)
        picture(page, "done-skipped")
        page.keyboard.press("u")
        page.wait_for_selector("article.item >> text=You have judged this already")
        page.keyboard.press("Escape")
        page.click("text=1 skipped")
        picture(page, "mine-skipped")
        accessible(page)
        page.click("text=Judge it after all")
        page.wait_for_selector(f"article.item[data-shown='{skipped}']")
        page.keyboard.press("2")
        page.wait_for_selector("text=3 done")
        expect(page.locator(".ending")).not_to_contain_text("skipped")


def test_after_the_last_skip_undo_leads_back(world, chromium_browser):
    project = world.project()
    world.items(project, 1)
    admin = world.person("ada", "admin")
    with at_work(world, chromium_browser, admin) as page:
        page.keyboard.press("s")
        page.keyboard.press("2")
        page.wait_for_selector("text=Nothing is left for you here")
        said(page).to_have_text("Skipped.")
        expect(page.locator(".ending a[href='/admin/p/pairs/']")).to_have_count(1)
        page.keyboard.press("u")
        page.wait_for_selector("text=You have skipped this.")
