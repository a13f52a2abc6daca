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
