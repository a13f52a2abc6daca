"""JSON that nests without end, or whose values have none: refused by name, in little memory and time."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assent.data.files.containers import raw_rows
from assent.data.files.nesting import DEEPEST, Bounded, too_deep
from assent.errors import UserError

MIB = 2**20
# Told beside the peak before anything was read: pyarrow and all else that is loaded has its own share.
READ = """
import resource, sys
from assent.data.files.containers import raw_rows
from assent.errors import UserError
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
try:
    print(sum(1 for _ in raw_rows(sys.argv[1])), "rows")
except UserError as error:
    print(error)
print(peak() - before)
"""


def nested(depth, inner=b"1"):
    return b"[" * depth + inner + b"]" * depth


def read_apart(path):
    """(what was said, MiB it took), in a process of its own."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], check=True, capture_output=True, text=True)
    said, took = done.stdout.splitlines()
    return said, int(took)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("open.json", b"[" * 100_000, "open.json: lists and objects nested more than 200 deep"),
        ("row.json", b'[{"a": 1},' + b'{"a":' * 100_000, "row.json: lists and objects nested"),
        ("held.json", b'{"data": [{"a": ' + b"[" * 100_000, "held.json: lists and objects nested"),
        ("line.jsonl", b'{"a": ' + nested(100_000) + b"}", "line.jsonl:1: lists and objects nested more"),
        ("cell.csv", b"prompt,meta\nx," + nested(100_000) + b"\n", "1 rows"),  # a cell that is a text
    ],
    ids=lambda value: value if isinstance(value, str) and value.count(".") == 1 else "",
)
def test_what_nests_without_end_takes_no_memory(tmp_path, name, content, message):
    """20,000 brackets took 1 GB, and twice as many four times that: the parser keeps its way at each."""
    (tmp_path / name).write_bytes(content)
    said, took = read_apart(tmp_path / name)
    assert message in said
    assert took < 60


@pytest.mark.parametrize("value", [b'"%s"', b"%s", b"1.%s"], ids=["text", "number", "fraction"])
def test_a_value_without_end_is_refused_before_it_is_whole(tmp_path, value):
    path = tmp_path / "long.json"
    path.write_bytes(b'[{"a": 1}, {"b": ' + value % (b"1" * (66 * MIB)) + b"}]")
    said, took = read_apart(path)
    assert "long.json: a row of more than 64 MiB, behind row 1" in said
    assert took < 500


def test_a_key_without_end(tmp_path):
    path = tmp_path / "key.json"
    path.write_bytes(b'{"' + b"k" * (66 * MIB) + b'": [{"a": 1}]}')
    said, took = read_apart(path)
    assert "key.json: a row of more than 64 MiB" in said
    assert took < 500


def test_many_rows_are_longer_than_one_may_be(tmp_path):
    path = tmp_path / "many.json"
    row = b'{"a": "' + b'word \\"]}{[\\\\' * 1000 + b'"},'
    count = 70 * MIB // len(row)
    path.write_bytes(b'{"data": [' + row * count + row[:-1] + b"]}")
    assert sum(1 for _ in raw_rows(str(path))) == count + 1


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_as_deep_as_may_be(tmp_path, name):
    """The object is one level; in a JSON file the list of rows is another."""
    levels = DEEPEST - (2 if name == "a.json" else 1)
    row = b'{"a": "[[[\\"[[", "b": ' + nested(levels) + b"}\n"
    path = tmp_path / name
    path.write_bytes(b"[\n" + row + b"]" if name == "a.json" else row)
    [(_, found)] = raw_rows(str(path))
    assert json.dumps(found["b"]).count("[") == levels
    path.write_bytes(path.read_bytes().replace(nested(levels), nested(levels + 1)))
    with pytest.raises(UserError, match="nested more than 200 deep"):
        list(raw_rows(str(path)))


def depth_of(value) -> int:
    """By walking what a parser made of it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + max(map(depth_of, inner), default=0)


TEXTS = st.text(alphabet='a"\\[]{},\n文', max_size=8)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=40,
)


class Pieces:
    """A file that gives what it has in pieces of any length."""

    def __init__(self, text, cuts):
        ends = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
        self._pieces = [text[start:end] for start, end in pairwise(ends)]

    def read(self, size):
        return self._pieces.pop(0) if self._pieces else b""


@given(value=VALUES, cuts=st.lists(st.integers(0, 10_000), max_size=8), plain=st.booleans())
def test_the_depth_is_that_of_what_it_says_however_it_is_cut(value, cuts, plain):
    text = json.dumps(value, ensure_ascii=plain).encode()
    seen = Bounded(Pieces(text, cuts).read, Path("a.json"), 1)
    deepest = 0
    for _ in range(len(cuts) + 2):
        seen.read(1)
        deepest = max(deepest, seen._depth)
    assert seen._depth == 0
    assert seen._open == b""
    assert deepest <= depth_of(value)
    assert not too_deep(text)
    more = DEEPEST - depth_of(value)
    assert not too_deep(nested(more, text))
    assert too_deep(nested(more + 1, text))
