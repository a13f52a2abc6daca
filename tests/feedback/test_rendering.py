"""What people and models wrote, as a page shows it: readable, and harmless whatever it is.

The output is read with Python's own HTML parser, which knows nothing of ours.
"""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payloads import PAYLOADS

from assent.feedback.rendering import rendered

ALLOWED = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td"),
}


class Elements(HTMLParser):
    """All elements of a piece of HTML with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.found.append(("comment", {}))

    def handle_decl(self, decl):
        self.found.append(("declaration", {}))


def assert_harmless(html):
    for tag, attributes in Elements(html).found:
        assert tag in ALLOWED
        if tag == "a":
            assert set(attributes) <= {"href", "title", "target", "rel"}
            assert attributes["href"].startswith(("https://", "http://", "mailto:"))
            assert (attributes["target"], attributes["rel"]) == ("_blank", "noopener noreferrer nofollow")
        else:
            assert set(attributes) <= ({"start"} if tag == "ol" else set())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_comes_out_harmless(payload):
    assert_harmless(rendered(payload))


def test_there_are_payloads_enough_and_each_once():
    assert len(PAYLOADS) == len(set(PAYLOADS)) >= 100


def test_html_is_shown_as_it_was_typed():
    html = rendered("<b>not bold</b> &amp; 1 < 2")
    assert Elements(html).found == [("p", {})]
    assert Elements(html).text == "<b>not bold</b> & 1 < 2"


# Pieces of Markdown and HTML, put together at random: more than letters alone would reach.
SIGNS = tuple("<>&\"'[]()!`*_~|# \n\t\x00")
PIECES = st.sampled_from(
    [
        *SIGNS,
        *("javascript:", "https://", "<script>", "</", "onload=", "x"),
        *("- ", "1. ", "```", "---", "[a]: ", "&#58;"),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=300)
def test_whatever_is_put_together_comes_out_harmless(text):
    assert_harmless(rendered(text))


@given(st.text(st.characters(), max_size=200))  # lone surrogates as well
@settings(max_examples=200)
def test_no_text_is_too_odd(text):
    assert_harmless(rendered(text))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t"])
def test_an_empty_text_stays_empty(text):
    assert rendered(text) == ""


def test_markdown_is_read():
    html = rendered("**a** _b_ `c` ~~d~~\n\n- e\n\n3. f\n\n> g\n\n---\n\n| h |\n|---|\n| i |")
    tags = [tag for tag, _ in Elements(html).found]
    assert tags == [
        *("p", "strong", "em", "code", "s", "ul", "li", "ol", "li", "blockquote", "p", "hr"),
        *("table", "thead", "tr", "th", "tbody", "tr", "td"),
    ]
    assert ("ol", {"start": "3"}) in Elements(html).found


def test_code_keeps_its_spaces_and_signs():
    assert rendered("```python\nif a < b:\n    print('x')\n```") == (
        "<pre><code>if a &lt; b:\n    print('x')\n</code></pre>"
    )


def test_the_end_of_a_line_stays_one():
    assert rendered("roses\nviolets") == "<p>roses<br>\nviolets</p>"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("# a\n## b\n### c", ["h3", "h4", "h5"]),
        ("### a\n# b", ["h3", "h3"]),  # the first is the highest so far, whatever it calls itself
        ("# a\n###### b\n### c", ["h3", "h4", "h4"]),  # no level is jumped over
        ("# a\n## b\n### c\n#### d\n##### e", ["h3", "h4", "h5", "h6", "h6"]),
    ],
)
def test_headings_nest_below_those_of_the_page(text, tags):
    assert [tag for tag, _ in Elements(rendered(text)).found] == tags


def test_a_picture_is_a_link_that_loads_nothing():
    html = rendered("![a cat](https://x.example/cat.png)")
    [_, (tag, attributes)] = Elements(html).found
    assert (tag, attributes["href"]) == ("a", "https://x.example/cat.png")
    assert Elements(html).text == "[a cat]"


def test_a_picture_in_a_link_is_its_name():
    html = rendered("[![a cat](https://x.example/cat.png)](https://y.example)")
    assert [attributes.get("href") for _, attributes in Elements(html).found] == [None, "https://y.example"]
    assert Elements(html).text == "[a cat]"


@pytest.mark.parametrize("address", ["https://x.example/?a=1&b=2", "http://x.example", "mailto:a@x.example"])
def test_links_go_elsewhere_and_tell_nobody_from_where(address):
    [_, (tag, attributes)] = Elements(rendered(f"[x]({address})")).found
    assert (tag, attributes["href"]) == ("a", address)


def test_half_a_character_is_shown_as_a_gap():
    assert rendered("a\ud800b") == "<p>a\ufffdb</p>"


@pytest.mark.parametrize(
    "piece", ["[", "![", "](", "*a", "**a ", "`", "<", ">", "- ", "[a](", "|a", "&a;", "\\"]
)
def test_a_long_text_of_nothing_but_signs_is_rendered_all_the_same(piece):
    assert_harmless(rendered(piece * (30_000 // len(piece))))


def test_rendered_again_it_is_the_same_and_the_cache_has_an_end():
    from assent.feedback import rendering

    assert rendered("x *y*") == rendered("x *y*")
    assert rendering._cached.cache_info().maxsize == 512
    before = rendering._cached.cache_info().currsize
    rendered("z" * 20_001)
    assert rendering._cached.cache_info().currsize == before
