"""Which words two texts do not share: diff.js in a browser, against a table of subsequences in Python."""

import itertools
import random
import re
import shutil

import pytest
from browser import page_of
from feedback_world import World, services

CJK = "\u3041-\u309f\u30a0-\u30ff\u4e00-\u9fff々〆"
TOKEN = re.compile(rf"[{CJK}]|(?:(?![{CJK}])\w)+(?:['’](?:(?![{CJK}])\w)+)*|\s+|.", re.DOTALL)


@pytest.fixture(scope="module")
def page(chromium_browser, migrated, tmp_path_factory):
    """A page of the app that can import diff.js; the tests of this module read no database."""
    from assent.feedback.settings import Place, configure

    database = shutil.copytree(migrated, tmp_path_factory.mktemp("difference") / "app") / "feedback.sqlite3"
    configure(database, services(), Place(hosts=("127.0.0.1",)))
    with World(database).served() as address:
        page = page_of(chromium_browser, address)
        page.goto("/nowhere")
        page.evaluate("async () => { window.diff = await import('/static/feedback/diff.js'); }")
        yield page
        page.context.close()


def longest_common(a, b):
    """How many tokens the longest common subsequence has: the table of Wagner and Fischer 1974."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = row
        row = [0]
        for number, other in enumerate(b):
            row.append(before[number] + 1 if one == other else max(before[number + 1], row[number]))
    return row[-1]


def words(page, a, b):
    return page.evaluate("([a, b]) => diff.words(a, b)", [a, b])


def joined(pieces, *kinds):
    return "".join(piece["text"] for piece in pieces if piece["kind"] in kinds)


def test_words_by_hand(page):
    found = words(page, "The cat sat on a mat.", "The dog sat on the mat!")
    assert [(piece["kind"], piece["text"]) for piece in found] == [
        ("same", "The "),
        ("gone", "cat"),
        ("new", "dog"),
        ("same", " sat on "),
        ("gone", "a"),
        ("new", "the"),
        ("same", " mat"),
        ("gone", "."),
        ("new", "!"),
    ]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("", "", []),
        ("same", "same", [("same", "same")]),
        ("", "new words", [("new", "new words")]),
        ("old words", "", [("gone", "old words")]),
        # a lone space between two changed words belongs to the change
        ("red hot", "ice cold", [("gone", "red hot"), ("new", "ice cold")]),
        # Chinese by character; Latin beside it by word
        ("我喜欢猫 a lot", "我喜欢狗 a bit", [
            ("same", "我喜欢"), ("gone", "猫"), ("new", "狗"),
            ("same", " a "), ("gone", "lot"), ("new", "bit"),
        ]),
        ("これはペンだ", "これは本だ", [("same", "これは"), ("gone", "ペン"), ("new", "本"), ("same", "だ")]),
        # Korean has spaces: by word
        ("나는 고양이", "나는 강아지", [("same", "나는 "), ("gone", "고양이"), ("new", "강아지")]),
        # an apostrophe is part of its word; combining marks and emoji are not cut in two
        ("don't", "do", [("gone", "don't"), ("new", "do")]),
        ("caf\u0065\u0301 👍", "caf\u0065 👍", [("gone", "cafe\u0301"), ("new", "cafe"), ("same", " 👍")]),
        ("a\nb", "a\n\nb", [("same", "a"), ("gone", "\n"), ("new", "\n\n"), ("same", "b")]),
    ],
)  # fmt: skip
def test_the_difference_of(page, a, b, expected):
    assert [(piece["kind"], piece["text"]) for piece in words(page, a, b)] == expected


def made_up(generator):
    """Two texts of a few words, one mostly like the other."""
    vocabulary = ["a", "b", "c", "dd", "e-f", ".", ",", "\n", "猫", "狗", "x's", "1"]
    first = [generator.choice(vocabulary) for _ in range(generator.randrange(40))]
    second = [one for one in first if generator.random() > 0.2]
    for _ in range(generator.randrange(8)):
        second.insert(generator.randrange(len(second) + 1), generator.choice(vocabulary))
    return " ".join(first), " ".join(second)


def test_it_is_the_shortest_difference_there_is(page):
    generator = random.Random(7)
    pairs = [made_up(generator) for _ in range(300)]
    found = page.evaluate("pairs => pairs.map(([a, b]) => diff.pieces(a, b))", [list(pair) for pair in pairs])
    for (a, b), pieces in zip(pairs, found, strict=True):
        assert joined(pieces, "same", "gone") == a
        assert joined(pieces, "same", "new") == b
        same = sum(piece["kind"] == "same" for piece in pieces)
        assert same == longest_common(TOKEN.findall(a), TOKEN.findall(b))


def test_what_is_joined_for_people_is_still_both_texts(page):
    generator = random.Random(8)
    for a, b in (made_up(generator) for _ in range(50)):
        pieces = words(page, a, b)
        assert joined(pieces, "same", "gone") == a
        assert joined(pieces, "same", "new") == b
        for one, other in itertools.pairwise(pieces):
            assert one["kind"] != other["kind"]


@pytest.mark.parametrize("sort", ["words", "characters", "nothing shared", "one long run"])
def test_texts_too_far_apart_for_the_shortest_are_told_apart_all_the_same(page, sort):
    # 20,000 characters each: beyond the bound, so that it may mark too much, but both texts are still there
    generator = random.Random(9)
    made = {
        "words": lambda: " ".join(f"w{generator.randrange(900)}" for _ in range(4000)),
        "characters": lambda: "".join(chr(0x4E00 + generator.randrange(300)) for _ in range(20_000)),
        "nothing shared": lambda: "".join(chr(0x4E00 + generator.randrange(9000)) for _ in range(20_000)),
        "one long run": lambda: "的" * generator.randrange(15_000, 20_000),
    }[sort]
    a, b = made(), made()
    pieces = words(page, a, b)
    assert joined(pieces, "same", "gone") == a
    assert joined(pieces, "same", "new") == b


ITEM = """<article id="item">
<section class="answer"><div class="text" data-raw="{a}"><p>one</p></div></section>
<section class="answer"><div class="text" data-raw="{b}"><p id="kept">two</p></div></section>
{more}</article>"""
THIRD = """<section class="answer" tabindex="-1" id="third">
<div class="text" data-raw="a green house"></div></section>"""


def shown_item(page, a, b, more=""):
    page.evaluate(
        "html => { document.getElementById('main').innerHTML = html; }", ITEM.format(a=a, b=b, more=more)
    )


def toggled(page):
    return page.evaluate("() => diff.toggleDifference(document.getElementById('item'))")


def test_two_answers_are_marked_and_put_back(page):
    shown_item(page, "a red house", "a blue house")
    page.evaluate("() => { window.kept = document.getElementById('kept'); }")
    assert toggled(page) is True
    texts = page.locator(".answer .text")
    marks = [texts.nth(number).locator("mark") for number in range(2)]
    assert [mark.get_attribute("class") for mark in marks] == ["gone", "new"]
    # colours are not alone: what stands there is said as well
    assert [mark.text_content() for mark in marks] == ["only here: red (end)", "only here: blue (end)"]
    assert [texts.nth(number).locator("mark ~ mark").count() for number in range(2)] == [0, 0]
    assert page.evaluate("() => diff.differs(document.getElementById('item'))") is True
    assert toggled(page) is False
    assert [texts.nth(number).inner_html() for number in range(2)] == [
        "<p>one</p>",
        '<p id="kept">two</p>',
    ]
    assert page.evaluate(
        "() => window.kept === document.getElementById('kept')"
    )  # the same nodes, not a copy
    assert page.locator("mark").count() == 0


def test_more_answers_are_compared_with_the_one_that_has_the_focus(page):
    shown_item(page, "a red house", "a blue house", THIRD)
    toggled(page)
    assert page.locator("mark").all_text_contents() == ["only here: blue (end)", "only here: green (end)"]
    toggled(page)
    page.evaluate("() => document.getElementById('third').focus()")
    toggled(page)
    assert page.locator("mark").all_text_contents() == ["only here: red (end)", "only here: blue (end)"]


def test_what_looks_like_html_is_marked_as_text(page):
    shown_item(page, "x &lt;img src=y onerror=alert(1)&gt;", "x &lt;script&gt;alert(1)&lt;/script&gt;")
    toggled(page)
    assert page.locator("#item img, #item script").count() == 0
    assert "img src=y onerror=" in page.locator(".answer .text").first.text_content()
    assert page.faults == []


def test_one_answer_alone_differs_from_nothing(page):
    page.evaluate(
        "() => { document.getElementById('main').innerHTML = "
        "'<article id=item><section class=answer><div class=text data-raw=x>x</div></section></article>'; }"
    )
    assert toggled(page) is False
