"""What is typed stays in the browser until it is stored, apart for each person and each item."""

from playwright.sync_api import expect
from working import at_work, next_item, shown


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
        assert f"{first}/1" not in drafts(page)
        second = shown(page)
        page.keyboard.press("c")
        page.keyboard.type("unfinished")
        page.keyboard.press("Escape")
        assert f"{second}/1" in drafts(page)
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
