"""Two answers, judged in a real browser: by keys, by mouse, with and without how much."""

import pytest
from browser import PHONE, accessible, picture
from playwright.sync_api import expect
from working import at_work, judgements, next_item, said, shown


def test_a_key_is_a_judgement(world, chromium_browser):
    project = world.project()
    world.items(project, 4)
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann) as page:
        accessible(page)
        picture(page, "pairwise")
        with next_item(page):
            page.keyboard.press("1")
        assert page.evaluate("document.activeElement.tagName") == "ARTICLE"  # where readers go on
        said(page).to_have_text("Stored. Next item.")
        with next_item(page):
            page.click("text=Both bad")
        expect(page.locator("#progress")).to_have_text("2 done · 2 left")
        with next_item(page):
            page.keyboard.down("x")  # held down: one judgement, and no more
        page.keyboard.down("x")
        page.keyboard.down("x")
        page.keyboard.up("x")
        for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft"):
            page.keyboard.press(key)
        said(page).to_contain_text("Equally good")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Nothing is left for you here")
        accessible(page)
    first, *others = judgements()
    assert first.answer == {"choice": first.shown.order[0]}
    assert [one.answer["choice"] for one in others] == ["both_bad", "cannot_judge", "tie"]
    assert all(one.seconds > 0 for one in judgements())


def test_on_a_phone_everything_is_in_reach(world, chromium_browser):
    project = world.project()
    long = "A long answer. " * 300
    world.items(project, 2, candidates=(long, "short"))
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for button in page.locator(".choices button").all():  # at the foot of the screen, over a long text
            box = button.bounding_box()
            assert box["height"] >= 44
            assert 0 <= box["y"] <= PHONE["height"] - box["height"]
        accessible(page)
        with next_item(page):
            page.tap("text=Answer 2 is better")
    [one] = judgements()
    assert one.answer == {"choice": one.shown.order[1]}


def test_how_much_better_is_a_second_key(world, chromium_browser):
    project = world.project(strength=True)
    world.items(project, 4)
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("2")
        accessible(page)
        page.keyboard.press("Escape")  # a slip: back to the five
        page.keyboard.press("1")
        page.reload()  # in the middle of it
        page.wait_for_selector("[data-choice=left][aria-pressed=true]")
        page.keyboard.press("1")
        with next_item(page):
            page.keyboard.press("3")
        page.keyboard.press("2")
        with next_item(page):
            page.keyboard.press("Enter")  # rather not say
        with next_item(page):
            page.keyboard.press("0")  # nothing to ask
    one, two, three = judgements()
    assert one.answer == {"choice": one.shown.order[0], "strength": 3}
    assert two.answer == {"choice": two.shown.order[1]}
    assert three.answer == {"choice": "tie"}


def test_undo_is_a_new_revision(world, chromium_browser):
    project = world.project()
    world.items(project, 2)
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("u")
        said(page).to_contain_text("nothing to undo")
        first = shown(page)
        page.keyboard.press("c")
        page.keyboard.type("1 is kinder")  # digits are letters where one types
        page.keyboard.press("Escape")
        with next_item(page):
            page.keyboard.press("1")
        with next_item(page):
            page.keyboard.press("u")
        assert shown(page) == first
        assert page.get_attribute("[data-choice=left]", "aria-pressed") == "true"
        assert page.input_value("[name=comment]") == "1 is kinder"
        accessible(page)
        with next_item(page):
            page.keyboard.press("Escape")  # left as it was
        with next_item(page):
            page.click("text=Undo")
        with next_item(page):
            page.keyboard.press("2")
        page.click("text=My answers")
        expect(page.locator(".done-list li")).to_have_count(1)
        accessible(page)
        page.click(".done-list a")
        page.wait_for_selector("[data-choice=right][aria-pressed=true]")
    one, two = judgements()
    assert (one.revision, two.revision, one.shown) == (1, 2, two.shown)
    assert two.answer == {"choice": one.shown.order[1], "comment": "1 is kinder"}


SAME = {"en": "The answers are the same, word for word.", "zh-hans": "这些回答一字不差，完全相同。"}


@pytest.mark.parametrize("language", SAME)
@pytest.mark.parametrize(
    ("task", "answers", "told"),
    [
        ("pairwise", ["Yes.", "Yes."], True),
        ("pairwise", ["Yes.", "\nYes. "], True),  # nobody sees space around a text
        ("pairwise", ["Yes.", "Yes!"], False),
        ("pairwise", ["if x:\n  y", "if x:\ny"], False),  # space within may be what matters
        ("ranking", ["Yes."] * 4, True),
        ("ranking", ["Yes.", "Yes.", "No."], False),
        ("edit", ["Yes."], False),  # the same as nothing
    ],
)
def test_answers_that_are_the_same_are_said_to_be(world, language, task, answers, told):
    """On the server, above the answers, and of this item alone."""
    project = world.project(task=task)
    [item] = world.items(project, 1)
    item.candidates = answers
    item.save(update_fields=["candidates"])
    client = world.client(world.person("ann", "annotator", project))
    client.cookies["language"] = language
    html = client.post("/p/pairs/next", {}, content_type="application/json").json()["html"]
    assert (SAME[language] in html) == told


def test_an_empty_answer_is_said_to_be_empty(world):
    """Else nobody knows whether the page is broken."""
    project = world.project()
    [item] = world.items(project, 1)
    item.candidates = ["", "Something."]
    item.save(update_fields=["candidates"])
    client = world.client(world.person("ann", "annotator", project))
    html = client.post("/p/pairs/next", {}, content_type="application/json").json()["html"]
    assert html.count("(This answer is empty.)") == 1
