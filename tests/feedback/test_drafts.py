"""What is typed stays in the browser until it is stored, apart for each person and each item."""

import json
import sqlite3
from contextlib import closing, contextmanager

import pytest
from feedback_world import new_uuid
from playwright.sync_api import expect
from working import at_work, body, judgements, next_item, shown


def test_drafts_are_kept_for_each_item_and_go_when_it_is_stored(world, chromium_browser):
    project = world.project()
    world.items(project, 3)
    ann = world.person("ann", "annotator", project)

    def drafts(page):
        keys = page.evaluate("Object.keys(localStorage)")
        return [key.partition("/draft/")[2] for key in keys if "/draft/" in key]

    with at_work(world, chromium_browser, ann) as page:
        first = shown(page)
        with next_item(page):
            page.keyboard.press("1")
        assert not [name for name in drafts(page) if name.startswith(f"{first}/")]
        second = shown(page)
        page.keyboard.press("c")
        page.keyboard.type("unfinished")
        page.keyboard.press("Escape")
        assert [name.rpartition("/")[0] for name in drafts(page)] == [f"{second}/1"]
        with next_item(page):
            page.keyboard.press("u")  # away from it, to what was judged before
        assert page.input_value("[name=comment]") == ""
        with next_item(page):
            page.keyboard.press("Escape")
        assert shown(page) == second
        expect(page.locator("[name=comment]")).to_have_value("unfinished")


def test_a_browser_that_keeps_nothing_says_so_and_still_works(world, chromium_browser):
    project = world.project()
    world.items(project, 2)
    ann = world.person("ann", "annotator", project)
    full = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    with at_work(world, chromium_browser, ann) as page:
        page.add_init_script(full)
        page.reload()
        page.wait_for_selector("article.item")
        page.keyboard.press("c")
        page.keyboard.type("x")
        expect(page.locator("#said")).to_contain_text("This browser keeps nothing")
        page.keyboard.press("Escape")
        with next_item(page):
            page.keyboard.press("1")


def test_a_clock_that_jumps_sweeps_no_draft(world, chromium_browser):
    project = world.project()
    world.items(project, 2)
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("c")
        page.keyboard.type("half a thought")
        page.clock.set_fixed_time("2031-01-01T00:00:00Z")
        page.reload()
        expect(page.locator("[name=comment]")).to_have_value("half a thought")
        page.clock.set_fixed_time("2001-01-01T00:00:00Z")
        page.reload()
        expect(page.locator("[name=comment]")).to_have_value("half a thought")


def test_of_very_many_drafts_the_first_given_go(world, chromium_browser):
    """500 are kept, by the number of what was shown; a draft of a chat is none of them."""
    project = world.project()
    world.items(project, 1)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        kept = page.get_attribute("#work", "data-keep")
        page.evaluate(
            """(keep) => {
              for (let shown = 1001; shown <= 1503; shown++)
                localStorage.setItem(`assent/${keep}/draft/${shown}/1`, '{"at": 0}');
              localStorage.setItem(`assent/${keep}/draft/p/talk/chat/new`, '"hello"');
            }""",
            kept,
        )
        page.reload()
        page.wait_for_selector("article.item")
        names = page.evaluate(
            "Object.keys(localStorage).map((key) => key.split('/draft/')[1]).filter(Boolean)"
        )
        numbers = sorted(int(name.partition("/")[0]) for name in names if name[0].isdigit())
        assert numbers[-500:] == list(range(1004, 1504))
        assert 1003 not in numbers
        assert "p/talk/chat/new" in names


TASKS = {
    "pairwise": (("one", "two"), {}, ["1"]),
    "demonstration": ((), {}, ["words", "Control+Enter"]),
    "edit": (("one",), {}, ["words", "Control+Enter"]),
    "rating": (("one", "two"), {"criteria": [{"name": "tone"}]}, ["3", "3", "Enter"]),
    "ranking": (("one", "two"), {}, ["2", "1", "Enter"]),
}


@pytest.mark.parametrize("task", TASKS)
def test_looking_begins_no_draft(world, chromium_browser, task):
    """What nobody has touched is judged under the guideline of now; what was begun, under that of then."""
    from assent.feedback.store.projects import add_guideline

    candidates, settings, keys = TASKS[task]
    project = world.project(task=task, **settings)
    world.items(project, 2, candidates=candidates)

    def judge(page):
        if keys[0] == "words":
            page.fill("textarea.writing", "words")
        for key in keys[keys[0] == "words" :]:
            page.keyboard.press(key)

    def reloaded_under(page, version):
        add_guideline(project, f"version {version}", "root")
        page.reload()  # what leaves the page is kept
        page.wait_for_selector("article.item")

    add_guideline(project, "version 1", "root")
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        page.reload()
        page.wait_for_selector("article.item")
        reloaded_under(page, 2)
        with next_item(page):
            judge(page)
        page.locator("details.comment").evaluate("details => { details.open = true; }")
        page.fill("[name=comment]", "hm")
        reloaded_under(page, 3)
        judge(page)
        page.wait_for_selector("text=Nothing is left for you here")
    assert [(one.guideline, one.answer.get("comment", "")) for one in judgements()] == [(2, ""), (2, "hm")]


def test_a_look_at_an_answer_leaves_it_as_it_is(world, chromium_browser):
    project = world.project()
    world.items(project, 2)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        page.keyboard.press("c")
        page.keyboard.type("of the first")
        page.keyboard.press("Escape")
        with next_item(page):
            page.keyboard.press("1")
        for _ in range(2):  # a look, and another after the first was left by a reload
            page.keyboard.press("u")
            expect(page.locator("[name=comment]")).to_have_value("of the first")
            page.reload()
            page.wait_for_selector("article.item")
        page.keyboard.press("u")
        expect(page.locator("[data-choice=left]")).to_have_attribute("aria-pressed", "true")
        with next_item(page):
            page.keyboard.press("Enter")
    first, second = judgements()
    assert (second.revision, second.answer) == (2, first.answer)


# After a backup is put back, numbers of what was shown are given again, for other items.


def post(client, path, sent=None):
    return client.post(f"/p/pairs/{path}", json.dumps(sent or {}), content_type="application/json")


def copied(source, target):
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@contextmanager
def put_back(world, tmp_path, browser):
    """A page of Bo with something of the second item, after the third has come under its number."""
    project = world.project()
    world.items(project, 4, slots=2)
    ann, bo = (world.person(name, "annotator", project) for name in ("ann", "bo"))
    with at_work(world, browser, bo) as page:
        copied(world.database, tmp_path / "copy.sqlite3")
        post(world.client(ann), "next")  # the second number
        with next_item(page):
            page.keyboard.press("1")
        assert shown(page) == "3"
        expect(page.locator("article.item .prompt")).to_contain_text("Prompt 1")

        def back():
            copied(tmp_path / "copy.sqlite3", world.database)
            client = world.client(bo)
            for _ in range(2):
                post(client, "judgements", body(post(client, "next").json()["shown"]))
            assert post(client, "next").json()["shown"] == 3

        yield page, back


def test_an_answer_that_waits_is_stored_for_no_other_item(world, chromium_browser, tmp_path):
    with put_back(world, tmp_path, chromium_browser) as (page, back):
        page.context.set_offline(True)
        page.keyboard.press("c")
        page.keyboard.type("of the second item")
        page.keyboard.press("Escape")
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("Waiting: 1")
        back()
        page.context.set_offline(False)
        expect(page.locator("#refused")).to_contain_text("not one of yours")
        assert "of the second item" in page.input_value("#refused textarea")
        expect(page.locator("article.item .prompt")).to_contain_text("Prompt 2")
        expect(page.locator("[name=comment]")).to_have_value("")
    assert len(judgements()) == 2


def test_what_was_typed_is_not_put_into_another_item(world, chromium_browser, tmp_path):
    with put_back(world, tmp_path, chromium_browser) as (page, back):
        page.keyboard.press("c")
        page.keyboard.type("of the second item")
        back()
        page.reload()
        expect(page.locator("article.item .prompt")).to_contain_text("Prompt 2")
        assert shown(page) == "3"
        expect(page.locator("[name=comment]")).to_have_value("")


def test_what_is_sent_of_another_item_is_refused(world):
    from assent.feedback.schema.models import Flag, Skip

    project = world.project()
    world.items(project, 2)
    client = world.client(world.person("ann", "annotator", project))
    given = post(client, "next").json()
    other = {"shown": given["shown"], "made": "0" * 16}
    said = [
        ("judgements", body(given["shown"])),
        ("skip", {"reason": "tired"}),
        ("flag", {"text": "cut off", "uuid": new_uuid()}),
        ("heartbeat", {}),
    ]
    for path, sent in said:
        refused = post(client, path, {**sent, **other})
        assert (refused.status_code, refused.json()["code"]) == (404, "not_yours")
    assert (judgements(), Skip.objects.count(), Flag.objects.count()) == ([], 0, 0)
    same = {"shown": given["shown"], "made": given["made"]}
    for path, sent in reversed(said):  # what was skipped may be judged all the same
        assert post(client, path, {**sent, **same}).status_code == 200
    assert (len(judgements()), Skip.objects.count(), Flag.objects.count()) == (1, 1, 1)
