"""Whatever stands in a row, it is read, or refused with its place: nothing else happens."""

import copy
import json
import re
from pathlib import Path

from assent.data.formats.dialects import dialect_of
from assent.data.formats.reading import NOUNS, Reader
from assent.errors import UserError
from assent.records import Prompt

FORMATS = Path(__file__).parents[1] / "docs" / "formats.md"
KINDS = {noun: kind for kind, noun in NOUNS.items()}
BESIDE = {
    "meta": {"annotator": "a", "seconds": 1, "shown_order": [1, 0]},
    "scale": "0-1",
    "margin": 0.5,
    "system": "s",
}
ODD = (None, 3, [], {"a": 1}, [{}], ...)


def places(value, path=()):
    """The path to everything inside a row."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield from places(each, (*path, step))


def broken(row):
    """The row with each thing in it left out or replaced by something odd."""
    for *path, last in places(row):
        for odd in ODD:
            changed = copy.deepcopy(row)
            at = changed
            for step in path:
                at = at[step]
            if odd is ...:
                del at[last]
            else:
                at[last] = odd
            yield changed


def message_of(kind, row):
    """What is wrong with a row; "" where nothing is."""
    try:
        Reader.of(kind).read(row, "here")
    except UserError as error:
        return str(error)
    return ""


def test_broken_rows_of_every_format():
    examples = re.findall(r"^(\{.*\})$", FORMATS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    told = []
    for example in map(json.loads, examples):
        kind = KINDS[dialect_of(example, "here").noun]
        rows = list(broken(example | BESIDE))
        told += [message_of(kind, row) for row in rows] + [message_of(Prompt, row) for row in rows]
    assert sum(message.startswith("here: ") for message in told) > 1000
    assert [message for message in told if message and not message.startswith("here")] == []
