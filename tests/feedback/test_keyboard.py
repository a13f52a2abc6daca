"""Everything the page can do, it can do by keys; its windows take the keys while they are open."""

from browser import LAPTOP, accessible
from playwright.sync_api import expect
from working import at_work, judgements, next_item, said, shown


def test_windows_open_by_keys_and_take_them(world, chromium_browser):
    project = world.project()
    world.items(project, 3, candidates=("one `x`", "two **y**"))
    from assent.feedback.store.projects import add_guideline

    add_guideline(project, "Be **kind**.", "ann")
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("?")
        listed = page.locator("#help-dialog dt").all_inner_texts()
        assert [one.strip() for one in listed][:5] == ["1", "2", "0", "B", "X"]
        accessible(page)
        page.keyboard.press("1")  # goes to the window
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        expect(page.locator("#guideline-dialog strong")).to_have_text("kind")
        accessible(page)
        page.keyboard.press("g")
        expect(page.locator("dialog[open]")).to_have_count(0)
        page.keyboard.press("r")
        assert page.locator(".answer .text >> nth=0").inner_text() in (
            "one `x` of real 0",
            "two **y** of real 0",
        )
        page.keyboard.press("r")
        page.keyboard.press("d")
        assert page.locator(".answer mark").count() > 0
        accessible(page)
        page.keyboard.press("d")
        assert page.locator(".answer mark").count() == 0
        assert page.locator(".answer strong, .answer code").count() == 2  # formatted as before
        for key in ("f", "s"):
            page.keyboard.press(key)
            accessible(page)
            page.keyboard.press("Escape")
    assert judgements() == []


def test_skip_asks_why_and_flag_keeps_what_was_typed(world, chromium_browser):
    project = world.project()
    world.items(project, 3)
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("f")
        page.keyboard.type("the prompt is cut ")
        page.keyboard.press("Escape")  # not sent, and not lost
        page.keyboard.press("f")
        page.keyboard.press("End")
        page.keyboard.type("off")
        page.keyboard.press("Control+Enter")
        said(page).to_contain_text("your note was sent")
        page.keyboard.press("s")
        with next_item(page):
            page.keyboard.press("2")
        page.keyboard.press("s")
        page.locator("#skip-reason").fill("too sad")
        before = shown(page)
        page.click("dialog[open] button[value=send]")
        page.wait_for_selector(f"article.item:not([data-shown='{before}'])")
    from assent.feedback.schema.models import Flag, Skip

    assert [one.text for one in Flag.objects.all()] == ["the prompt is cut off"]
    reasons = [one.reason for one in Skip.objects.order_by("id")]
    assert judgements() == []  # the digit chose a reason, and no answer
    assert reasons == ["I do not understand the language", "too sad"]


def test_the_page_stands_still_from_item_to_item(world, chromium_browser):
    project = world.project()
    world.items(project, 3)
    ann = world.person("ann", "annotator", project)
    with at_work(world, chromium_browser, ann, viewport=LAPTOP) as page:
        places = (
            "['.tools', '.prompt', '.answers', '.bar']"
            ".map((one) => document.querySelector(one).getBoundingClientRect().y)"
        )
        before = page.evaluate(places)
        with next_item(page):
            page.keyboard.press("1")
        assert page.evaluate(places) == before
