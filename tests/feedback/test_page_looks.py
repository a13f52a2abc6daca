"""Every page: accessible, in one language, and no wider than the narrowest telephone."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import LAPTOP, PHONE, page_of, session_of
from feedback_world import services
from made_up import TALKER, TEXTS, a_morning, office, talk
from pages import STOPS
from working import at_work

# What a person reads on a page, but for what other people wrote and what is code.
SAID = """() => {
  const code = 'script, style, noscript, code, pre, kbd, textarea, option';
  const others = `${code}, .text, .guideline, .rendered, [lang]:not(html)`;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const inside = node.parentElement;
    if (!inside.closest(others) && inside.getClientRects().length) found.add(node.data.trim());
  }
  for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
    for (const one of document.querySelectorAll(`[${name}]`)) found.add(one.getAttribute(name).trim());
  return [...found].filter(text => text);
}"""
LATIN, HAN = re.compile(r"[A-Za-z]{3,}"), re.compile("[\u4e00-\u9fff]")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
# What people wrote stands in these files; a comma may join several.
WRITTEN = (
    "assent English trl kto"
    + json.dumps(TEXTS, ensure_ascii=False)
    + "".join((Path(__file__).parent / name).read_text("utf-8") for name in ("made_up.py", "pages.py"))
)
EXAMPLES = {  # in empty fields of forms, of what is in English for everybody
    "summaries-1",
    "accuracy: Does it say only what the text says? [1-5]",
    "task: rating\ntitle: Summaries\ncriteria: summary\noverlap: 2",
    "version: 1",  # of the log of what was done, as it is kept
}


@pytest.fixture
def visited(world):
    """The made-up office, served; `visited(...)` opens a page of it as somebody meets it."""
    from django.conf import settings

    settings.SERVICES = services(talk={TALKER: talk})
    made = office(world)
    a_morning(world, made)
    return made


def visits(world, made, browser, **context):
    """(stop, page) of every page, one context a person."""
    with world.served() as address:
        pages = {}
        for stop in STOPS:
            if stop.who not in pages:
                session = session_of(world, getattr(made, stop.who)) if stop.who else ""
                pages[stop.who] = page_of(browser, address, session, **context)
            page = pages[stop.who]
            page.goto(stop.path)
            stop.then(page)
            yield stop, page
            assert page.faults == [], stop.name
        for page in pages.values():
            page.context.close()


def faults(page):
    """What axe-core finds, in words."""
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:3]}"
        for one in Axe().run(page).response["violations"]
    ]


@pytest.mark.slow
def test_chinese_pages_are_accessible_and_chinese(world, visited, chromium_browser):
    """On a laptop by day."""
    told = {}
    for stop, page in visits(world, visited, chromium_browser, locale="zh-CN"):
        told[stop.name] = faults(page) + not_chinese(page, visited)
        told[stop.name] += [] if page.locator("html").get_attribute("lang") == "zh-hans" else ["lang"]
    assert {name: wrong for name, wrong in told.items() if wrong} == {}


def not_chinese(page, made):
    """English that the app says, and nobody else."""
    written = WRITTEN + json.dumps([project.settings for project in made.projects.values()])
    return [
        text
        for text in page.evaluate(SAID)
        if LATIN.search(MOMENT.sub("", text)) and not HAN.search(text) and text not in EXAMPLES
        if not all(part in written for part in text.split(", "))
    ]


@pytest.mark.slow
def test_english_pages_are_accessible_and_no_wider_than_a_telephone(world, visited, chromium_browser):
    """On a telephone by night."""
    told = {}
    context = {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "is_mobile": True}
    for stop, page in visits(world, visited, chromium_browser, **context):
        width = page.evaluate("document.scrollingElement.scrollWidth")
        told[stop.name] = faults(page) + ([f"{width} px wide"] if width > PHONE["width"] else [])
    assert {name: wrong for name, wrong in told.items() if wrong} == {}


def test_the_bar_of_keys_is_always_in_sight(world, visited, chromium_browser):
    """However long the answers are: on a laptop and on a telephone the buttons stand in the window."""
    with world.served() as address:
        for size in (LAPTOP, PHONE):
            page = page_of(chromium_browser, address, session_of(world, visited.ann), viewport=size)
            page.goto("/p/everyday/")
            page.wait_for_selector("article.item")
            box = page.locator("[data-choice=left]").bounding_box()
            assert box["y"] + box["height"] <= size["height"]
            page.context.close()


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_a_comment_is_written_above_the_bar(world, chromium_browser, size):
    """However high the answers: the field that a key opens is not under the buttons."""
    project = world.project()
    world.items(project, 1, candidates=("one line\n\n" * 6, "two\n\n" * 9))
    with at_work(world, chromium_browser, world.person("ann", "annotator", project), viewport=size) as page:
        page.keyboard.press("c")
        page.wait_for_function("document.activeElement.name === 'comment'")
        field, bar = (page.locator(one).bounding_box() for one in ("[name=comment]", "article.item .bar"))
        assert field["y"] + field["height"] <= bar["y"]


def test_nothing_but_texts_is_cut_by_the_bar(world, chromium_browser):
    """The way to a comment stands among the tools, whatever the length of the answers."""
    project = world.project()
    world.items(project, 1, candidates=("one line\n\n" * 20, "two"))
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        assert not page.locator(".comment").is_visible()
        page.click(".tools >> text=Comment")
        page.keyboard.type("hm")
        assert page.input_value("[name=comment]") == "hm"


def test_one_answer_has_no_number(world, chromium_browser):
    project = world.project(task="rating", criteria="summary")
    world.items(project, 1, candidates=("one",))
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        assert page.locator(".answer h2").all_inner_texts() == ["Answer"]


def test_a_prompt_that_scrolls_says_so_at_its_foot(world, chromium_browser):
    """Whether it ends between two lines or not: a shadow, and none once its end is reached."""
    project = world.project()
    [item] = world.items(project, 1)
    item.prompt = "One of its paragraphs.\n\n" * 60
    item.save(update_fields=["prompt"])
    foot = "document.querySelector('.prompt').getBoundingClientRect()"
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        box = page.evaluate(f"(({{x, bottom}}) => ({{x, y: bottom - 2, width: 2, height: 2}}))({foot})")
        begun = page.screenshot(clip=box)
        page.evaluate("document.querySelector('.prompt').scrollTo(0, 1e6)")
        assert page.screenshot(clip=box) != begun


def test_ratings_of_answers_side_by_side_stand_in_one_line(world, visited, chromium_browser):
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, visited.ann))
        page.goto("/p/summaries/")
        page.wait_for_selector("article.item .answer .ratings")
        tops = {round(one.bounding_box()["y"]) for one in page.locator(".ratings").all()}
        heights = [one.bounding_box()["height"] for one in page.locator(".answer .text > p").all()]
        assert len(set(heights)) == 2  # the answers are of different length
        assert len(tops) == 1
        page.context.close()


def test_marked_differences_of_code_keep_its_columns(world, chromium_browser):
    fenced = "Use this:\n\n```python\nfor row in rows:\n    write(row)\n```"
    project = world.project()
    world.items(project, 1, candidates=(fenced, "no code"))
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        page.keyboard.press("d")
        fonts = page.locator(".difference").evaluate_all(
            """(all) => all.map((one) =>
              [one.dataset.raw.includes('```'), getComputedStyle(one).fontFamily.includes('mono')])"""
        )
        assert sorted(fonts) == [[False, False], [True, True]]
        page.keyboard.press("d")
        assert page.locator(".with-code").count() == 0


def test_a_text_is_read_in_its_own_direction(world, chromium_browser):
    """Arabic from the right, and the code in it from the left; the other answer as ever."""
    arabic = "السبب هو أن الهواء يشتت الضوء.\n\n1. أولاً\n\n```\nx = 1\n```"
    project = world.project()
    world.items(project, 1, candidates=(arabic, "Because."))
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        for key in ("", "r", "d"):  # formatted, as typed, with its differences marked
            if key:
                page.keyboard.press(key)
            directions = page.locator(".answer .text").evaluate_all(
                """(all) => all.map((one) =>
                  [one.dataset.raw.includes('x = 1'), getComputedStyle(one).direction])"""
            )
            assert sorted(directions) == [[False, "ltr"], [True, "rtl"]]
        page.keyboard.press("d")
        assert page.locator(".answer pre").evaluate("(one) => getComputedStyle(one).direction") == "ltr"


def test_ratings_do_not_lie_over_a_short_answer(world, chromium_browser):
    """Below a long conversation they stay in sight as far as they leave its first lines free."""
    talk = [
        {"role": "user", "content": "Tell me. " * 20},
        {"role": "assistant", "content": "a\n\nb\n\nc\n\nd"},
    ]
    project = world.project(task="rating", criteria="dialogue")
    [item] = world.items(project, 1, candidates=("Twelve eggs",))
    item.prompt = [*talk, {"role": "user", "content": "And?"}]
    item.save(update_fields=["prompt"])
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        text, ratings = (page.locator(f".answer .{one}").bounding_box() for one in ("text", "ratings"))
        assert text["y"] + text["height"] <= ratings["y"]


def test_tables_scroll_sooner_than_they_break_words(world, chromium_browser):
    row = "| one long cell | two long cells | three longer cells | four | fives |"
    table = f"| a | b | c | d | e |\n|---|---|---|---|---|\n{row}"
    project = world.project()
    world.items(project, 1, candidates=(table, "no table"))
    with at_work(world, chromium_browser, world.person("ann", "annotator", project), viewport=PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        lines = page.locator(".answer td").evaluate_all(
            """(all) => all.filter((one) => one.innerText === 'four').map((one) => {
              const words = document.createRange();
              words.selectNodeContents(one);
              return words.getClientRects().length;
            })"""
        )
        assert lines == [1]
