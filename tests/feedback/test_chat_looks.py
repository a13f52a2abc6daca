"""What is seen of a chat: the thumbs of a new answer, and what somebody agrees to."""

from contextlib import contextmanager

import pytest
from browser import PHONE, page_of, session_of
from chat_world import chat_of, eventually


@contextmanager
def opened(world, browser, chat, **context):
    """The page of a chat, on a served app."""
    with world.served() as address:
        page = page_of(browser, address, session_of(world, chat.person), **context)
        page.goto("/p/talk/chat/")
        yield page
        assert page.faults == []
        page.context.close()


@pytest.mark.parametrize("lines", [2, 12, 60])
def test_the_thumbs_of_a_new_answer_are_above_the_message(world, chromium_browser, lines):
    """However long it is; one that is longer than the screen is read from its beginning."""
    chat = chat_of(world, lambda messages, seed: "A line of it.\n\n" * lines)
    with opened(world, chromium_browser, chat, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        page.get_by_label("Your message", exact=True).fill("Make me a plan for learning geometry. " * 8)
        page.get_by_role("button", name="Send").tap()
        thumb = page.get_by_role("button", name="Good answer")
        thumb.wait_for()
        top = page.locator(".reply").bounding_box()["y"]
        box, below = thumb.bounding_box(), page.locator(".composer-row").bounding_box()["y"]
        assert 0 <= top < box["y"]
        assert box["y"] + box["height"] <= below


def test_what_is_agreed_to_is_formatted_as_a_guideline_is(world, chromium_browser):
    """And stored as it was written."""
    from assent.feedback.schema.models import Consent

    wording = "We keep **what you copy**.\n\n- to learn\n- <b>not</b> to sell"
    chat = chat_of(world, implicit={"enabled": True, "consent": wording})
    with opened(world, chromium_browser, chat) as page:
        assert page.locator(".consent-text strong").inner_text() == "what you copy"
        assert page.locator(".consent-text li").all_inner_texts() == ["to learn", "<b>not</b> to sell"]
        page.get_by_role("button", name="I agree").click()
        eventually(lambda: [one.text for one in Consent.objects.all()], [wording])
