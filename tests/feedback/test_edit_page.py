"""Mending an answer in a real browser, with its changes beside."""

import pytest
from browser import LAPTOP, PHONE, accessible, page_of, picture, session_of
from playwright.sync_api import expect
from working import at_work


def editor(world, *candidates):
    project = world.project("mends", task="edit", title="Mend an answer")
    world.items(project, count=2, candidates=candidates)
    return world.person("ann", "annotator", project)


def stored():
    from assent.feedback.schema.models import Judgement

    rows = Judgement.objects.order_by("id").select_related("shown")
    return [(row.answer, row.shown.order) for row in rows]


@pytest.mark.parametrize(("size", "theme"), [(LAPTOP, "dark"), (PHONE, "light")], ids=["laptop", "phone"])
def test_one_answer_is_mended_and_its_changes_are_shown(world, chromium_browser, size, theme):
    person = editor(world, "The bridge were closed untill autumn")
    with world.served() as address:
        session = session_of(world, person)
        page = page_of(chromium_browser, address, session, viewport=size, color_scheme=theme)
        page.goto("/p/mends/")
        field = page.get_by_role("textbox", name="Your version")
        assert field.input_value() == "The bridge were closed untill autumn of real 0"
        field.press("Control+Enter")
        page.locator("#said", has_text="If there is nothing to mend, skip the item").wait_for()
        field.fill("The bridge was closed until autumn of real 0")
        page.locator("mark.new", has_text="was").wait_for()
        assert [mark.text_content() for mark in page.locator(".changes mark.gone").all()] == [
            "taken out: were (end)",
            "taken out: untill (end)",
        ]
        picture(page, f"edit-{size['width']}-{theme}")
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        accessible(page)
        field.press("Control+Enter")
        page.get_by_text("Prompt 1").wait_for()
        assert page.faults == []
        page.context.close()
    assert stored() == [({"candidate": 0, "text": "The bridge was closed until autumn of real 0"}, [0])]


def test_one_of_two_answers_is_chosen(world, chromium_browser):
    person = editor(world, "First draft", "Second draft")
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, person))
        page.goto("/p/mends/")
        page.get_by_role("button", name="Mend this answer").first.wait_for()
        page.keyboard.press("Enter")
        page.locator("#said", has_text="Choose the answer to mend first.").wait_for()
        page.keyboard.press("2")
        field = page.get_by_role("textbox", name="Your version")
        field.press("End")
        page.keyboard.type(" mended")
        mended = field.input_value()
        page.keyboard.press("Escape")
        page.keyboard.press("1")  # a look at the other one loses nothing
        page.reload()
        page.locator(".changes", has_text="Nothing is changed yet.").wait_for()
        expect(field).to_be_focused()  # it comes a moment later; a key before that would be typed into it
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        page.locator("mark.new", has_text="mended").wait_for()
        assert field.input_value() == mended
        picture(page, "edit-two")
        accessible(page)
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        page.get_by_text("Prompt 1").wait_for()
        assert page.faults == []
        page.context.close()
    [(answer, order)] = stored()
    assert answer == {"candidate": order[1], "text": mended}


def test_words_are_counted_once_an_answer_is_chosen(world, chromium_browser):
    with at_work(world, chromium_browser, editor(world, "one", "two"), "/p/mends/") as page:
        expect(page.locator(".counts")).to_be_hidden()
        page.keyboard.press("1")
        expect(page.locator(".counts")).to_be_visible()


def test_the_original_comes_back_when_asked_twice(world, chromium_browser):
    person = editor(world, "The text")
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, person))
        page.goto("/p/mends/")
        field = page.get_by_role("textbox", name="Your version")
        field.fill("Spoilt")
        page.keyboard.press("Escape")
        page.keyboard.press("z")
        page.get_by_role("button", name="Put it back").click()
        page.locator(".changes", has_text="Nothing is changed yet.").wait_for()
        assert field.input_value() == "The text of real 0"
        page.context.close()
