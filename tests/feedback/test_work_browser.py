"""The work page in a real browser: judged by keys and by mouse."""

from browser import LAPTOP, PHONE, accessible, page_of, picture, session_of
from playwright.sync_api import expect


def judged(project=None):
    from assent.feedback.schema.models import Judgement

    return list(Judgement.objects.order_by("id"))


def at_work(world, browser, address, person, path="/p/pairs/", **context):
    page = page_of(browser, address, session_of(world, person), **context)
    page.goto(path)
    page.wait_for_selector("article.item")
    return page


def test_a_key_is_a_judgement(world, chromium_browser):
    project = world.project()
    world.items(project, 3)
    ann = world.person("ann", "annotator", project)
    with world.served() as address:
        page = at_work(world, chromium_browser, address, ann)
        first = page.get_attribute("article.item", "data-shown")
        picture(page, "pairwise")
        accessible(page)
        page.keyboard.press("1")
        page.wait_for_selector(f"article.item:not([data-shown='{first}'])")
        assert page.evaluate("document.activeElement.tagName") == "ARTICLE"
        page.click("text=Both bad")
        expect(page.locator('#progress')).to_contain_text('2 done')
        page.keyboard.press("x")
        page.wait_for_selector("text=Nothing is left for you here")
        assert page.faults == []
        page.context.close()
    [one, two, three] = judged()
    assert one.answer == {"choice": one.shown.order[0]}
    assert (two.answer, three.answer) == ({"choice": "both_bad"}, {"choice": "cannot_judge"})
