"""Rankings in a real browser: by digits, by arrows, dragged; ties; an order that nobody touched."""

import json

import pytest
from browser import LAPTOP, PHONE, accessible, picture
from playwright.sync_api import expect
from working import at_work, judgements, next_item, said


@pytest.fixture
def ann(world):
    project = world.project("pairs", task="ranking")
    world.items(project, 4, candidates=("one", "two", "three", "four"))
    return world.person("ann", "annotator", project)


def board(page) -> str:
    """The places as they are seen: `3 | 1 = 2 | _`, where one is empty."""
    places = page.locator(".place").all()
    return " | ".join(" = ".join(place.locator(".chip").all_inner_texts()) or "_" for place in places)


def tray(page) -> list[str]:
    """What is not placed yet."""
    return page.locator(".tray .chip").all_inner_texts()


def candidates(judgement) -> list[list[int]]:
    """A stored ranking as positions on the page, counted from 1."""
    return [
        sorted(judgement.shown.order.index(one) + 1 for one in group) for group in judgement.answer["ranking"]
    ]


def test_places_are_empty_until_somebody_fills_them(world, chromium_browser, ann):
    """No order stands there as if it were made, and one that is half made is not sent."""
    with at_work(world, chromium_browser, ann) as page:
        assert (board(page), tray(page)) == ("_ | _ | _ | _", ["1", "2", "3", "4"])
        accessible(page)
        for key in ("3", "1"):
            page.keyboard.press(key)
        assert (board(page), tray(page)) == ("3 | 1 | _ | _", ["2", "4"])
        page.keyboard.press("Enter")
        said(page).to_have_text("Not placed yet: 2, 4")
        page.keyboard.press("=")  # two in one place: one place less to fill
        assert board(page) == "1 = 3 | _ | _"
        for chip in ("4", "2"):
            page.click(f".tray .chip >> text={chip}")
        assert (board(page), tray(page)) == ("1 = 3 | 4 | 2", [])
        assert page.locator(".tray").inner_text().strip() == "All are placed."
        with next_item(page):
            page.keyboard.press("Enter")
    assert candidates(judgements()[0]) == [[1, 3], [4], [2]]


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_the_ends_and_what_buttons_do_are_said_in_words(world, chromium_browser, ann, size):
    touch = {"has_touch": True, "is_mobile": True} if size == PHONE else {}
    with at_work(world, chromium_browser, ann, viewport=size, **touch) as page:
        for words in ("Best", "Worst", "Better", "Tie", "Worse", "Press the next best:", "Submit"):
            box = page.locator(".board-row").get_by_text(words, exact=words == "Best").bounding_box()
            assert box["x"] >= 0, words
            assert box["x"] + box["width"] <= size["width"], words
            assert box["y"] + box["height"] <= size["height"], words


def test_the_chosen_answer_comes_into_view(world, chromium_browser):
    project = world.project("pairs", task="ranking")
    world.items(project, 1, candidates=("line\n\n" * 8,) * 4)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        for number in (3, 1):
            page.keyboard.press(str(number))
            page.wait_for_selector(f".answer.lit[data-position='{number - 1}']")
            answer, bar = (page.locator(one).bounding_box() for one in (".answer.lit", "article.item .bar"))
            assert answer["y"] >= 0
            assert answer["y"] + answer["height"] <= bar["y"]


def test_chips_are_pressed_by_the_space_bar_as_well(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        page.focus(".tray .chip >> nth=1")
        page.keyboard.press("Space")
        assert board(page) == "2 | _ | _ | _"
        assert page.locator(".chip[aria-pressed=true]").inner_text() == "2"
        page.keyboard.press("Space")
        assert page.locator(".chip[aria-pressed=true]").count() == 0
        assert board(page) == "2 | _ | _ | _"


def test_digits_place_and_equals_ties(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        for key in ("3", "1", "=", "4", "2"):
            page.keyboard.press(key)
        assert board(page) == "1 = 3 | 4 | 2"
        accessible(page)
        picture(page, "ranking")
        page.keyboard.press("ArrowLeft")  # the one placed last: past its neighbour
        assert board(page) == "1 = 3 | 2 | 4"
        page.keyboard.press("3")
        page.keyboard.press("=")  # no longer tied: after those it was tied with
        assert board(page) == "1 | 3 | 2 | 4"
        page.keyboard.press("=")
        with next_item(page):
            page.keyboard.press("Enter")
    assert candidates(judgements()[0]) == [[1, 3], [2], [4]]


def test_a_slip_is_taken_back(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        for key in ("2", "4", "Backspace", "3"):
            page.keyboard.press(key)
        assert (board(page), tray(page)) == ("2 | 3 | _ | _", ["1", "4"])


def test_an_order_nobody_touched_is_asked_about(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open] >> text=the best first: 1 › 2 › 3 › 4?")
        accessible(page)
        page.keyboard.press("Escape")
        assert judgements() == []
        page.keyboard.press("Enter")
        with next_item(page):
            page.click("dialog[open] >> text=Yes, this is my ranking")
    assert candidates(judgements()[0]) == [[1], [2], [3], [4]]


def test_dragging_and_buttons(world, chromium_browser, ann):
    def drag(page, chip, to, share):
        """To this share of another chip's width, or of the first empty place's (0)."""
        chips = [f".chip[data-position='{one - 1}']" if one else ".empty >> nth=0" for one in (chip, to)]
        start, end = (page.locator(one).bounding_box() for one in chips)
        page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        page.mouse.down()
        page.mouse.move(end["x"] + end["width"] * share, end["y"] + end["height"] / 2, steps=4)
        page.mouse.up()

    with at_work(world, chromium_browser, ann) as page:
        drag(page, 1, 0, 0.5)
        assert board(page) == "1 | _ | _ | _"
        drag(page, 4, 1, 0.1)
        assert board(page) == "4 | 1 | _ | _"
        drag(page, 2, 1, 0.9)
        drag(page, 3, 0, 0.5)
        assert board(page) == "4 | 1 | 2 | 3"
        drag(page, 1, 3, 0.5)
        assert board(page) == "4 | 2 | 1 = 3"
        drag(page, 1, 3, 0.9)
        assert board(page) == "4 | 2 | 3 | 1"
        page.click(".chip[data-position='2']")
        assert page.locator(".answer.lit h2").inner_text() == "Answer 3"
        page.click("[data-move='-1']")
        assert board(page) == "4 | 3 | 2 | 1"
        with next_item(page):
            page.click("text=Submit")
    assert candidates(judgements()[0]) == [[4], [3], [2], [1]]


def test_fingers_drag_as_well(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        boxes = [page.locator(one).bounding_box() for one in (".chip[data-position='3']", ".empty >> nth=0")]
        points = [
            {"x": box["x"] + share * box["width"], "y": box["y"] + 20}
            for box, share in zip(boxes, (0.5, 0.1), strict=True)
        ]
        finger = page.context.new_cdp_session(page)
        for kind, point in (("touchStart", [points[0]]), ("touchMove", [points[1]]), ("touchEnd", [])):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})
        expect(page.locator(".places .chip")).to_have_text("4")
        accessible(page)


def test_a_half_made_ranking_and_a_comment_survive_a_reload(world, chromium_browser, ann):
    with at_work(world, chromium_browser, ann) as page:
        for key in ("3", "1"):
            page.keyboard.press(key)
        page.keyboard.press("c")
        page.keyboard.type("not sure about 2")
        kept = page.evaluate("Object.entries(localStorage).filter(([key]) => key.includes('/draft/'))")
        page.reload()
        page.wait_for_selector(".chip.placed")
        assert (board(page), tray(page)) == ("3 | 1 | _ | _", ["2", "4"])
        assert page.input_value("[name=comment]") == "not sure about 2"
        for key in ("4", "2"):
            page.keyboard.press(key)
        with next_item(page):
            page.keyboard.press("Enter")
        said(page).to_have_text("Stored. Next item.")
    [stored] = judgements()
    assert candidates(stored) == [[3], [1], [4], [2]]
    assert stored.answer["comment"] == "not sure about 2"
    assert str(stored.uuid) == json.loads(kept[0][1])["uuid"]  # drawn before the reload
