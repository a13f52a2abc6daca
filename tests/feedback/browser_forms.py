"""What a browser would send of a form as it came: the HTML Standard, "form submission"."""

import re
from html.parser import HTMLParser

Sent = dict[str, list[str]]


class _Forms(HTMLParser):
    """The fields of each form of a page, in their order."""

    def __init__(self):
        super().__init__()
        self.forms: list[Sent] = []
        self._text: str | None = None  # the name of the textarea that is being read
        self._select: str | None = None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name = given.get("name") if "disabled" not in given else None
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and name:
            self._input(name, given)
        elif tag == "textarea":
            self._text = name
            self._words = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self._add(self._select, given["value"])

    def handle_data(self, data):
        if self._text:
            self._words += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._text:
            self._add(self._text, _lines(self._words.removeprefix("\n")))
            self._text = None
        elif tag == "select":
            self._select = None

    def _input(self, name, given):
        kind = given.get("type", "text")
        if kind in ("submit", "file") or (kind in ("radio", "checkbox") and "checked" not in given):
            return
        value = given.get("value", "on" if kind == "checkbox" else "")
        self._add(name, re.sub(r"[\r\n]", "", value) if kind == "text" else value)

    def _add(self, name, value):
        self.forms[-1].setdefault(name, []).append(value)


def sent_by(response, field) -> Sent:
    """The form with this field, as somebody sends it who has changed nothing."""
    found = _Forms()
    found.feed(response.content.decode())
    (form,) = (one for one in found.forms if field in one)
    return form


def _lines(text):
    """A browser sends the end of a line as two characters."""
    return re.sub(r"\r\n?|\n", "\r\n", text)
