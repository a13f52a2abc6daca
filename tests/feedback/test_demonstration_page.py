"""Writing an answer in a real browser: nothing typed is lost."""

import pytest
from browser import LAPTOP, PHONE, accessible, page_of, picture, session_of

TEXT = "The bridge is closed until the autumn.\n桥梁关闭至秋季。"


@pytest.fixture
def writer(world):
    project = world.project("texts", task="demonstration", title="Write an answer")
    world.items(project, count=2, candidates=())
    return world.person("ann", "annotator", project)


def stored():
    from assent.feedback.schema.models import Judgement

    return [row.answer for row in Judgement.objects.order_by("id")]


@pytest.mark.parametrize(("size", "theme"), [(LAPTOP, "light"), (PHONE, "dark")], ids=["laptop", "phone"])
def test_a_draft_survives_and_ctrl_enter_submits(world, writer, chromium_browser, size, theme):
    with world.served() as address:
        session = session_of(world, writer)
        page = page_of(chromium_browser, address, session, viewport=size, color_scheme=theme)
        page.goto("/p/texts/")
        field = page.get_by_role("textbox", name="Your answer")
        field.fill(TEXT)
        page.reload()
        page.get_by_text("characters: 47").wait_for()  # 38, a line end, and 8 in Chinese
        assert field.input_value() == TEXT
        picture(page, f"demonstration-{size['width']}-{theme}")
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        accessible(page)
        field.press("Control+Enter")
        page.get_by_text("Prompt 1").wait_for()
        assert page.faults == []
        page.context.close()
    assert stored() == [{"text": TEXT}]


def test_keys_of_a_writer(world, writer, chromium_browser):
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, writer))
        page.goto("/p/texts/")
        field = page.get_by_role("textbox", name="Your answer")
        field.wait_for()
        page.wait_for_function("document.activeElement.matches('textarea.writing')")
        page.keyboard.press("Control+Enter")
        page.locator("#said", has_text="Nothing is written yet.").wait_for()
        page.keyboard.type("One")
        page.keyboard.press("Enter")
        page.keyboard.type("two")
        composing = "{bubbles: true, cancelable: true, key: 'Enter', ctrlKey: true, isComposing: true}"
        field.evaluate(f"f => f.dispatchEvent(new KeyboardEvent('keydown', {composing}))")
        page.keyboard.press("Tab")  # leaves the field, as everywhere
        assert not field.evaluate("f => f === document.activeElement")
        page.keyboard.press("e")
        assert field.evaluate("f => f === document.activeElement")
        assert field.input_value() == "One\ntwo"
        assert stored() == []
        page.context.close()
