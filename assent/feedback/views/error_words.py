"""Messages of rooms that know no Django, in the reader's language.

They are written in English where the mistake is found: settings in `config` and `projects`, rows in `data`
and `exchange`, values by pydantic. Each text here is such a message with its changing parts named, so it is
what to look for and what to translate in one. A message that is not here stays English; so does what a parser
says of broken JSON or YAML.
"""

import re
from collections.abc import Iterator

from django.utils.translation import gettext, gettext_noop

_SETTINGS = (
    gettext_noop("unknown key %(key)s; did you mean %(near)s?"),
    gettext_noop("unknown key %(key)s; known keys: %(known)s"),
    gettext_noop("not valid YAML: %(reason)s"),
    gettext_noop("expected `key: value`, one a line, found %(found)s"),
    gettext_noop("expected settings `key: value`, found %(found)s"),
    gettext_noop("consent: expected the text that people agree to before anything is kept"),
    gettext_noop("expected lowest < highest, and eleven steps at most"),
    gettext_noop("expected one of %(known)s, or a list of criteria"),
    gettext_noop("a criterion is given twice: %(names)s"),
    gettext_noop("criteria belong to task: rating, and this is %(task)s"),
    gettext_noop("policies belong to task: chat, and this is %(task)s"),
    gettext_noop(
        "gold and qualification.test have a right answer, which %(task)s has not: they belong to "
        "task: %(tasks)s. Use qualification.practice, which shows what was expected"
    ),
    gettext_noop("there is one of this name already: choose another"),
    gettext_noop("input should be a valid integer, unable to parse string as an integer, found %(found)s"),
    gettext_noop("input should be a valid integer, found %(found)s"),
    gettext_noop("input should be a valid number, unable to parse string as a number, found %(found)s"),
    gettext_noop("input should be a valid number, found %(found)s"),
    gettext_noop("input should be a valid boolean, unable to interpret input, found %(found)s"),
    gettext_noop("input should be a valid boolean, found %(found)s"),
    gettext_noop("input should be a valid string, found %(found)s"),
    gettext_noop("input should be a valid tuple, found %(found)s"),
    gettext_noop("string should have at most %(most)s characters, found %(found)s"),
    gettext_noop("string should match pattern %(pattern)s, found %(found)s"),
    gettext_noop("input should be greater than or equal to %(least)s, found %(found)s"),
    gettext_noop("input should be greater than %(least)s, found %(found)s"),
    gettext_noop("input should be less than or equal to %(most)s, found %(found)s"),
    gettext_noop("input should be %(known)s, found %(found)s"),
)
_FILES = (
    gettext_noop("no rows there"),
    gettext_noop("not valid JSON: expected an object {...}, found %(found)s"),
    gettext_noop("not valid JSON: %(reason)s"),
    gettext_noop("not valid JSON, behind row %(number)s: %(reason)s"),
    gettext_noop("expected an object {...}, found %(found)s"),
    gettext_noop("not UTF-8: %(reason)s: save it as UTF-8"),
    gettext_noop("not Parquet, or damaged: %(reason)s"),
    gettext_noop("the column %(name)s stands twice in the heading: rename or remove one of them"),
    gettext_noop("expected candidate_0 and candidate_1, found the keys %(keys)s"),
    gettext_noop("meta: expected an object, found %(found)s"),
    gettext_noop("messages: expected a list of {role, content}, found %(found)s"),
    gettext_noop("choice %(choice)s is not one of the %(count)s candidates (%(numbers)s)"),
    gettext_noop("choice: %(expected)s, found %(found)s"),
    gettext_noop("choice %(choice)s contradicts ranking %(ranking)s"),
    gettext_noop("ranking %(ranking)s does not name each of the %(count)s candidates once"),
    gettext_noop("strength: expected 0 to 1, found %(found)s"),
    gettext_noop("no known format of %(noun)s has these keys: %(keys)s. Known, in docs/formats.md:"),
)
_ITEMS = (
    gettext_noop("expected %(count)s answers for a %(task)s project, found %(found)s"),
    gettext_noop("a %(task)s project needs %(needed)s, and this is a %(found)s"),
    gettext_noop(
        "a %(part)s item needs its right answer, as choice, ranking, rating or output_text, and there is none"
    ),
    gettext_noop(
        "item %(name)s: it is there as %(there)s, and here as %(here)s: give it another name, as id"
    ),
    gettext_noop(
        "item %(name)s: its right answer is %(there)s there, by which people were graded, and %(here)s here: "
        "give it another name, as id; of a file that is read at each start, the old one is asked no more"
    ),
    gettext_noop(
        "item %(name)s: its right answer is %(there)s there, and %(here)s here: give it another name, as id"
    ),
    gettext_noop(
        "item %(name)s: an item of this name is there with another %(what)s: give it another name, as id or "
        "as meta.item"
    ),
    gettext_noop("the item's name is longer than %(most)s characters: %(name)s..."),
    gettext_noop("meta.comment: expected a text of at most %(most)s characters"),
    gettext_noop("annotator: expected at most %(most)s characters: %(name)s"),
    gettext_noop("shown_order: expected each of the %(count)s candidates once, found %(found)s"),
    gettext_noop("seconds: expected a number from 0 on, found %(found)s"),
    gettext_noop("meta.judgement: expected a UUID, found %(found)s"),
    gettext_noop("meta.at: expected a time such as 2026-11-21T09:30:00.000Z, found %(found)s"),
    gettext_noop("meta.%(key)s: expected a whole number from %(least)s to %(most)s, found %(found)s"),
    gettext_noop("ratings by %(found)s, and this project rates by %(names)s: by all of them"),
    gettext_noop(
        "%(name)s is rated from %(lowest)s to %(highest)s here, and from %(least)s to %(most)s in the project"
    ),
    gettext_noop("expected a whole number, found %(found)s"),
    gettext_noop("a ranking project needs the order of all answers, and this tells only a part of it"),
    gettext_noop("judgement %(name)s: it is there, and says something else: %(said)s"),
    gettext_noop("a text holds half a character (a lone surrogate)"),
    gettext_noop("project %(name)s: its task or its criteria have changed meanwhile: import again"),
    gettext_noop("%(person)s has not failed the test of %(project)s: there is nothing to allow again"),
)
_ANYWHERE = (  # the last, since they fit much
    gettext_noop("%(key)s is missing; found the keys %(keys)s"),
    gettext_noop("%(key)s is missing"),
    gettext_noop("expected text, found %(found)s"),
    gettext_noop("expected a number, found %(found)s"),
)
MESSAGES = (*_SETTINGS, *_FILES, *_ITEMS, *_ANYWHERE)
_NEEDED = (  # parts of a message that are words
    gettext_noop("two answers to a prompt"),
    gettext_noop("two to nine answers to a prompt"),
    gettext_noop("one answer to a prompt or several"),
    gettext_noop("prompts"),
    gettext_noop("no items, since people begin the chats"),
)
LONGEST = 1000  # characters: a longer one quotes somebody's text, and each pattern would try all of it
_PART = re.compile(r"%\((\w+)\)s")


def _pattern(message: str) -> re.Pattern[str]:
    """What the message looks like with its parts filled in; before it perhaps `file:line: ` or `key: `."""
    texts = _PART.split(message)
    parts = (f"(?P<{one}>.+)" if index % 2 else re.escape(one) for index, one in enumerate(texts))
    return re.compile(r"(?P<_where>(?:.+?: )??)" + "".join(parts), re.DOTALL)


_PATTERNS = tuple((_pattern(message), message) for message in MESSAGES)


def in_words(error: str) -> str:
    """One line of an error as people read it: translated where it is known, and as it is where it is not."""
    for pattern, message in _PATTERNS if len(error) <= LONGEST else ():
        if found := pattern.fullmatch(error):
            parts = {
                key: gettext(part) if part in _NEEDED else part for key, part in found.groupdict().items()
            }
            return parts.pop("_where") + gettext(message) % parts
    return error


def lines_in_words(error: object) -> Iterator[str]:
    """Each line of an error, which may name several mistakes."""
    yield from map(in_words, str(error).splitlines())
