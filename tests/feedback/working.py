"""What tests of the work page share: a person at work in a browser, and what the app stored."""

from contextlib import contextmanager

from browser import page_of, session_of
from playwright.sync_api import expect


@contextmanager
def at_work(world, browser, person, path="/p/pairs/", **context):
    """A page on which somebody works, on a served app; nothing may go wrong in its scripts."""
    with world.served() as address:
        page = page_of(browser, address, session_of(world, person), **context)
        page.goto(path)
        page.wait_for_selector("article.item")
        yield page
        assert page.faults == []
        page.context.close()


def shown(page) -> str:
    return page.get_attribute("article.item", "data-shown")


@contextmanager
def next_item(page):
    """What is done inside brings another item."""
    before = shown(page)
    yield
    page.wait_for_selector(f"article.item:not([data-shown='{before}'])")


def said(page):
    return expect(page.locator("#said"))


def judgements():
    """All that were stored, in the order in which they came."""
    from assent.feedback.schema.models import Judgement

    return list(Judgement.objects.select_related("shown").order_by("id"))


def body(shown_id, choice="left", uuid=None, **more):
    """A judgement as the page sends it."""
    from feedback_world import new_uuid

    return {"uuid": uuid or new_uuid(), "shown": shown_id, "answer": {"choice": choice}, **more}
