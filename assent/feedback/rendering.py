"""Markdown -> HTML that is safe to put into a page, at render only: what is stored stays as it came.

Two walls, either of which would do: markdown-it without raw HTML, then nh3 with a short list of tags. The
page's Content-Security-Policy is a third. Nothing is loaded from elsewhere: a picture becomes a link to it.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

LINKS = ("https://", "http://", "mailto:")  # to other places, never to pages of this app
TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
TOP = 3  # a text's own headings begin below those of the page around it
CACHED, CACHED_CHARACTERS = 512, 20_000  # at most some 60 MB a process

_SURROGATES = re.compile("[\ud800-\udfff]")  # half characters, which no encoding can write


def rendered(text: str) -> SafeString:
    """Never raises, whatever the text; an empty one stays empty."""
    html = _cached(text) if len(text) <= CACHED_CHARACTERS else _rendered(text)
    return mark_safe(html)  # noqa: S308 - cleaned by nh3


def _rendered(text: str) -> str:
    html = _markdown.render(_SURROGATES.sub("\ufffd", text))
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


_cached = lru_cache(maxsize=CACHED)(_rendered)


def _is_link(address: str) -> bool:
    return address.lower().startswith(LINKS)


def _headings(state: StateCore) -> None:
    """Headings nest below `TOP` without a gap, whatever their own numbers: an outline people can walk."""
    levels: list[int] = []
    for token in state.tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            levels = [*(one for one in levels if one < level), level]
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(TOP + len(levels) - 1, 6)}"


def _pictures(state: StateCore) -> None:
    """A picture is a link that names itself; inside a link it is its name alone."""
    for token in state.tokens:
        if token.children:
            token.children = list(_without_pictures(token.children))


def _without_pictures(tokens: Sequence[Token]) -> Iterator[Token]:
    inside = 0
    for token in tokens:
        inside += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "image":
            yield token
            continue
        address = str(token.attrs.get("src", ""))
        name = Token("text", "", 0, content=f"[{token.content or address}]")
        if inside:
            yield name
        else:
            yield Token("link_open", "a", 1, attrs={"href": address})
            yield name
            yield Token("link_close", "a", -1)


def _made() -> MarkdownIt:
    # A line's end stays one: answers are written as people write in a chat, not as Markdown is set.
    made: Any = MarkdownIt("commonmark", {"html": False, "breaks": True, "xhtmlOut": False})
    made.enable(["table", "strikethrough"])
    made.validateLink = _is_link
    made.core.ruler.push("headings", _headings)
    made.core.ruler.push("pictures", _pictures)
    return made


_markdown = _made()
