"""Practice, a failed test and the admins' table in a browser, by keys alone."""

import pytest
from browser import LAPTOP, PHONE, accessible, page_of, picture, session_of
from qualifying import choose, standing_of


@pytest.fixture
def project(world):
    made = world.project(
        qualification={"pass_mark": 0.5}, gold={"items": "gold.jsonl", "every": 3}, title="Answers"
    )
    why = "The other one says what was **not** asked:\n\n- it is long\n- it is rude"
    world.items(made, 1, part="practice", expected={"choice": 0}, explanation=why)
    world.items(made, 2, part="test", expected={"choice": 0}, explanation="It answers the question.")
    world.items(made, 2, part="gold", expected={"choice": 0})
    world.items(made, 8, slots=3)
    return made


def press_for(page, person, candidate):
    """The key for a candidate of the item on the page, pressed."""
    from assent.feedback.schema.models import Shown

    page.locator("article.item").wait_for()
    shown = Shown.objects.get(pk=page.locator("article.item").get_attribute("data-shown"))
    page.keyboard.press(str(shown.order.index(candidate) + 1))


@pytest.mark.parametrize(("size", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")])
def test_practice_tells_at_once_and_the_test_at_its_end(world, project, chromium_browser, size, scheme):
    ann = world.person("ann", "annotator", project)
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, ann), viewport=size, color_scheme=scheme)
        page.goto("/p/pairs/")
        press_for(page, ann, 1)
        page.get_by_role("heading", name="Not what was expected").wait_for()
        assert page.get_by_text("Now the test: 2 items").count() == 1
        accessible(page)
        picture(page, f"practice-{scheme}-{size['width']}")
        page.keyboard.press("Enter")
        press_for(page, ann, 1)
        page.locator("article.item").wait_for()  # without a word in between
        assert page.get_by_role("heading", name="expected").count() == 0
        page.wait_for_function("() => document.querySelector('article.item')?.innerText.includes('test 1')")
        press_for(page, ann, 1)
        page.get_by_role("heading", name="Not passed this time").wait_for()
        assert page.get_by_text("0 of 2 as expected: 0%").count() == 1
        accessible(page)
        picture(page, f"failed-{scheme}-{size['width']}")
        page.keyboard.press("Enter")  # the way on leads to why
        page.wait_for_url("**/p/pairs/qualification")
        assert page.get_by_text("Where something else was expected").count() == 1
        page.locator("summary").first.click()
        accessible(page)
        picture(page, f"own-{scheme}-{size['width']}")
        page.goto("/p/pairs/")  # nothing is left for somebody who gets nothing
        page.wait_for_function("() => document.getElementById('progress').innerText === '0 done'")
        page.get_by_role("heading", name="Not passed this time").wait_for()
        assert page.locator(".way-on").get_attribute("href") == "/p/pairs/qualification"  # the same way on
        assert page.faults == []
        page.context.close()
    assert standing_of(ann, project).state == "failed"


@pytest.mark.parametrize(("size", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")])
def test_an_admin_sees_who_is_where_and_allows_again(world, project, chromium_browser, size, scheme):
    people = {name: world.person(name, "annotator", project) for name in ("ann", "bob", "cat", "dan")}
    for name, answers in {"ann": [1, 1, 1], "bob": [0, 0, 0, 0, 1, 0, 1, 0], "cat": [0, 0]}.items():
        for candidate in answers:
            choose(people[name], project, candidate)
    root = world.person("root", "admin")
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, root), viewport=size, color_scheme=scheme)
        page.goto("/admin/p/pairs/qualification")
        accessible(page)
        picture(page, f"qualification-{scheme}-{size['width']}")
        page.get_by_role("button", name="Allow ann to try again").click()
        page.get_by_text("allowed by root").wait_for()
        assert page.get_by_role("button", name="Allow").count() == 0
        page.context.close()
    assert standing_of(people["ann"], project).attempt == 2


def test_difference_and_what_changed_of_the_guideline_by_keys(world, project, chromium_browser):
    from assent.feedback.schema.models import Item
    from assent.feedback.store.projects import add_guideline

    Item.objects.exclude(part="real").delete()
    add_guideline(project, "Prefer the **short** one.", "root")
    ann = world.person("ann", "annotator", project)
    choose(ann, project, 0)
    add_guideline(project, "Prefer the **true** one.", "root")
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, ann))
        page.goto("/p/pairs/")
        page.locator("article.item").wait_for()
        page.keyboard.press("d")
        assert page.locator(".answer mark.gone").count() == page.locator(".answer mark.new").count() == 1
        accessible(page)
        picture(page, "difference")
        page.keyboard.press("d")
        assert page.locator("mark").count() == 0
        page.keyboard.press("g")
        page.get_by_text("this is version 2").wait_for()
        page.get_by_text("What changed").click()
        marks = page.locator("word-difference mark")
        assert marks.all_text_contents() == ["removed: short (end)", "added: true (end)"]
        accessible(page)
        picture(page, "guideline-news")
        assert page.faults == []
        page.context.close()
