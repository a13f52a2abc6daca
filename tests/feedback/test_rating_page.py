"""Rating in a real browser: by digits, by arrows, on a phone."""

import pytest
from browser import PHONE, accessible, page_of, picture, session_of

ANSWERS = (
    "The council voted on Monday to close the bridge for repairs until the autumn",
    "A bridge. It is closed now, and people are said to be unhappy, which nobody expected",
)


@pytest.fixture
def rating(world):
    project = world.project("summaries", task="rating", criteria="summary", title="Summaries")
    world.items(project, count=2, candidates=ANSWERS)
    return world.person("ann", "annotator", project)


def stored():
    """(answer, order) of every judgement, in the order in which they came."""
    from assent.feedback.schema.models import Judgement

    rows = Judgement.objects.order_by("id").select_related("shown")
    return [(row.answer, row.shown.order) for row in rows]


def test_digits_rate_and_enter_submits(world, rating, chromium_browser):
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, rating))
        page.goto("/p/summaries/")
        page.get_by_text("0 of 6 rated").wait_for()
        page.keyboard.press("Enter")
        page.get_by_text("Not rated yet: fluency, Answer 1").wait_for()
        for digit in "543":
            page.keyboard.press(digit)
        page.get_by_text("3 of 6 rated").wait_for()
        picture(page, "rating-laptop")
        accessible(page)
        page.reload()  # what was rated is there again, and the next criterion has its turn
        page.get_by_text("3 of 6 rated").wait_for()
        for key in "12":
            page.keyboard.press(key)
        page.keyboard.press("ArrowRight")  # the lowest
        page.keyboard.press("ArrowRight")
        page.get_by_text("6 of 6 rated").wait_for()
        page.keyboard.press("Enter")
        page.get_by_text("Prompt 1").wait_for()
        assert page.faults == []
        page.context.close()
    [(answer, order)] = stored()
    by_position = [
        {"fluency": 5, "accuracy": 4, "completeness": 3},
        {"fluency": 1, "accuracy": 2, "completeness": 2},
    ]
    assert answer == {"ratings": [by_position[order.index(0)], by_position[order.index(1)]]}


def test_rating_by_touch(world, rating, chromium_browser):
    with world.served() as address:
        session = session_of(world, rating)
        page = page_of(
            chromium_browser, address, session, viewport=PHONE, color_scheme="dark", has_touch=True
        )
        page.goto("/p/summaries/")
        page.get_by_text("0 of 6 rated").wait_for()
        for group in page.get_by_role("radiogroup").all():
            group.get_by_role("radio", name="4 of 5").tap()
        page.get_by_text("6 of 6 rated").wait_for()
        picture(page, "rating-phone-dark")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        accessible(page)
        page.get_by_role("button", name="Submit").tap()
        page.get_by_text("Prompt 1").wait_for()
        page.context.close()
    assert stored()[0][0] == {"ratings": [{"fluency": 4, "accuracy": 4, "completeness": 4}] * 2}


def test_scales_from_nought_to_ten(world, chromium_browser):
    scales = [
        {"name": "helpful", "lowest": 0, "highest": 10},
        {"name": "harmless", "lowest": 1, "highest": 10},
    ]
    project = world.project("scales", task="rating", criteria=scales)
    world.items(project, count=2, candidates=("The only answer",))
    with world.served() as address:
        page = page_of(
            chromium_browser, address, session_of(world, world.person("ann", "annotator", project))
        )
        page.goto("/p/scales/")
        page.get_by_text("0 of 2 rated").wait_for()
        page.keyboard.press("0")  # there is a nought
        page.keyboard.press("0")  # there is none: ten
        picture(page, "rating-eleven-steps")
        page.keyboard.press("Enter")
        page.get_by_text("Prompt 1").wait_for()
        page.context.close()
    assert stored()[0][0] == {"ratings": [{"helpful": 0, "harmless": 10}]}
