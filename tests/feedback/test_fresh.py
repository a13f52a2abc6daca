"""What has just come on the page takes no answer: it may be a press too much, meant for the item before.

No clock decides here: an item stays fresh for ten minutes, or until a clock of the test's own moves on.
"""

import pytest
from browser import accessible
from playwright.sync_api import expect
from working import at_work, judgements, next_item, said

TEN_MINUTES = 600_000


def stays_fresh(monkeypatch, milliseconds):
    monkeypatch.setattr("assent.feedback.views.work.FRESH_MILLISECONDS", milliseconds)


def test_a_press_that_is_too_fast_answers_nothing_and_says_nothing(world, chromium_browser, monkeypatch):
    stays_fresh(monkeypatch, TEN_MINUTES)
    project = world.project()
    world.items(project, 2)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        for key in ("1", "x", "ArrowLeft", "Enter"):
            page.keyboard.press(key)
        page.click("[data-choice=right]")
        expect(page.locator("[data-choice][aria-pressed=true]")).to_have_count(0)
        said(page).to_have_text("")
        accessible(page)
        for key in ("s", "f", "?"):  # what is no answer
            page.keyboard.press(key)
            page.wait_for_selector("dialog[open]")
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
        page.keyboard.press("u")
        said(page).to_have_text("There is nothing to undo yet.")
    assert judgements() == []


@pytest.mark.parametrize("task", ["ranking", "rating", "demonstration", "edit"])
def test_no_task_is_answered_by_it(world, chromium_browser, monkeypatch, task):
    stays_fresh(monkeypatch, TEN_MINUTES)
    project = world.project(task=task, **({"criteria": "summary"} if task == "rating" else {}))
    world.items(project, 2)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        before = page.locator("article.item").inner_html()
        for key in ("Escape", "1", "2", "Enter"):
            page.keyboard.press(key)
        page.locator("article.item .bar .primary").click()
        said(page).to_have_text("")
        assert page.locator("dialog[open]").count() == 0
        if task in ("ranking", "rating"):
            assert page.locator("article.item").inner_html() == before


def test_a_moment_later_it_is_answered(world, chromium_browser, monkeypatch):
    """The second of two presses, right after the first, is none; then the item is judged, and once."""
    stays_fresh(monkeypatch, 300)
    project = world.project()
    world.items(project, 2)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        page.wait_for_selector("#stage:not([data-fresh]) article.item")
        page.clock.install()
        page.clock.pause_at("2040-01-01")
        with next_item(page):
            page.keyboard.press("1")
        page.clock.run_for(299)
        page.keyboard.press("1")
        expect(page.locator("[data-choice][aria-pressed=true]")).to_have_count(0)
        page.clock.run_for(1)
        page.keyboard.press("2")
        page.wait_for_selector("text=Nothing is left for you here")
    assert len(judgements()) == 2
