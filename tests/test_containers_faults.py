"""Files and rows that cannot be read: each error names the file and the place, and says what to do."""

import gzip
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from container_files import ROWS, as_csv, as_lines, as_parquet, read_with_bad, rows_of

from assent.data.files import streams
from assent.data.files.containers import count_rows, raw_rows
from assent.errors import UserError

BAD_FILES = {
    "empty.jsonl": (b"", "empty.jsonl: no rows there"),
    "empty.json": (b"", r"empty.json: not valid JSON: parse error: premature EOF"),
    "none.json": (b"[]", "none.json: no rows there"),
    "none.csv": (b"a,b\n", "none.csv: no rows there"),
    "empty.csv": (b"", "empty.csv:1: expected a heading with the columns' names, .* found nothing"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "twice.csv:1: the column 'a' stands twice.*: rename"),
    "text.csv": (b"x" * 101 + b",b\n1,2\n", "text.csv:1: expected a heading .* found 'xxx"),
    "tabs.csv": (b"a\tb\n1\t2\n", r"tabs.csv:1: expected columns with ',' between, found 'a\\tb': save"),
    "semicolons.csv": (b"a;b\n1;2;3\n", "semicolons.csv:2: expected 2 cells.*';' in quotation marks"),
    "commas.tsv": (b"a,b\n1,2\n", r"commas.tsv:1: expected columns with '\\t' between.*by what it has"),
    "utf16.csv": ("a,b\n1,2\n".encode("utf-16"), "utf16.csv:1: not UTF-8: .*: save it as UTF-8"),
    "utf16.jsonl": ('{"a": 1}'.encode("utf-16"), "utf16.jsonl:1: not UTF-8: .*: save it as UTF-8"),
    "utf16.json": ('[{"a": 1}]'.encode("utf-16"), "utf16.json:1: not UTF-8: .*: save it as UTF-8"),
    "words.txt": (b"What is a fen?\n", "words.txt:1: .*expected an object .*, found 'What is a fen"),
    "open.jsonl": (b'{"a": 1\n', "open.jsonl:1: not valid JSON: Expecting ',' delimiter at character 9"),
    "short.csv": (b"a,b\n1,2\n3\n", "short.csv:3: expected 2 cells, as the heading has, found 1: put a cell"),
    "long.tsv": (b"a\tb\n1\t2\t3\n", r"long.tsv:2: expected 2 cells.*'\\t' in quotation marks"),
    "open.csv": (b'a,b\n1,"2\n3,4\n', "open.csv:2: not valid CSV: .*is a quotation mark not closed"),
    "quote.csv": (b'a,b\n1,"2"3\n', "quote.csv:2: not valid CSV: .*or not doubled"),
    "latin.csv": (b"a,b\n1,2\n\xe9,2\n", "latin.csv:3: not UTF-8: .* at byte 0 of line 3"),
    "text.json": (b'"text"', "text.json: expected a list of objects.* found none of them"),
    "object.json": (b'{"a": 1,\n "b": [1]}', "object.json: expected a list of objects.* found the keys a, b"),
    "numbers.json": (b'[{"a": 1}, 2]', "numbers.json: row 2: expected an object .* found int"),
    "twice.json": (b'[{"a": [{"b": 1, "b": 2}]}]', "twice.json: row 1: the key 'b' is given twice"),
    "nan.json": (b'[{"a": 1}, {"a": NaN}]', "nan.json: not valid JSON, behind row 1: lexical error"),
    "cut.json": (b'[{"a": 1}, {"a":', "cut.json: not valid JSON, behind row 1: parse error: premature EOF"),
    "latin.json": (b'[{"a": "\xe9"}]', "latin.json: not valid JSON, behind row 0: .* invalid bytes in UTF8"),
    "half.json": (b'[{"a": 1}, {"a": "\\udf0d"}]', "half.json: not valid JSON, behind row 1: 'utf-8' codec"),
    "huge.json": (
        b"[{" + b'"a": ' + b"9" * 30 + b"}]",
        "huge.json: not valid JSON, behind row 0: .*overflow",
    ),
    "text.parquet": (b"PAR1 no", "text.parquet: not Parquet, or damaged: "),
    "text.gz": (b"no gzip", r"text.gz: not gzip, or damaged \(.*\): copy or fetch it again"),
    "cut.csv.gz": (
        gzip.compress(b"a\n" + os.urandom(999).hex().encode())[:-99],
        "cut.csv.gz: the compressed",
    ),
    "bits.jsonl.gz": (gzip.compress(b"{}\n")[:10] + b"\xff" * 30, "bits.jsonl.gz: not gzip, or damaged"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_cannot_be_read_is_named(tmp_path, name):
    content, message = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"^{tmp_path}/{message}"):
        rows_of(tmp_path / name)


def test_a_damaged_page_of_parquet(tmp_path):
    whole = bytearray(as_parquet([{"a": "text " * 50}]))
    whole[4:60] = b"\xff" * 56
    (tmp_path / "a.parquet").write_bytes(bytes(whole))
    with pytest.raises(UserError, match=r"a\.parquet: "):
        rows_of(tmp_path / "a.parquet")


def test_an_image_is_no_text(tmp_path):
    (tmp_path / "a.parquet").write_bytes(as_parquet([{"a": "x", "image": b"\x89PNG"}]))
    with pytest.raises(UserError, match=r"row 1: image: expected text, .*leave this column out"):
        rows_of(tmp_path / "a.parquet")


def test_a_column_twice_in_parquet(tmp_path):
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: the column 'a' stands twice"):
        rows_of(tmp_path / "a.parquet")


SOME_BAD = {
    "a.jsonl": (b'{"a": 1}\n{"a":\n\xff\n[]\n{"a": 2}\n', [2, 3, 4], ['{"a":', "\ufffd", "[]"]),
    "a.csv": (
        b'a,b\n1,\n1,2,3\n\xff,1\n1,"x"y\n2,\n',
        [3, 4, 5],
        [["1", "2", "3"], ["\ufffd", "1"], '1,"x"y\n'],
    ),
}


@pytest.mark.parametrize("name", SOME_BAD)
def test_bad_rows_are_told_and_reading_goes_on(tmp_path, name):
    content, lines, raw = SOME_BAD[name]
    (tmp_path / name).write_bytes(content)
    rows, bad = read_with_bad(tmp_path / name)
    assert [int(row["a"]) for row in rows] == [1, 2]
    assert [where for where, _, _ in bad] == [f"{tmp_path / name}:{line}" for line in lines]
    assert [given for _, given, _ in bad] == raw
    assert all(str(error).startswith(where) for where, _, error in bad)
    assert count_rows(str(tmp_path / name)) == 5


def test_bad_rows_of_json(tmp_path):
    (tmp_path / "a.json").write_text('[{"a": 1}, 7, {"a": 1, "a": 2}, {"a": 2}]')
    rows, bad = read_with_bad(tmp_path / "a.json")
    assert rows == [{"a": 1}, {"a": 2}]
    assert [(where[-5:], raw) for where, raw, _ in bad] == [("row 2", 7), ("row 3", {"a": 2})]


@pytest.mark.parametrize("heading", [b"a,\xff\n", b'a,"b"c\n'])
def test_a_bad_heading_is_an_error_with_bad_too(tmp_path, heading):
    (tmp_path / "a.csv").write_bytes(heading + b"1,2\n")
    with pytest.raises(UserError, match=r"a\.csv:1: not "):
        read_with_bad(tmp_path / "a.csv")


def test_a_file_of_bad_rows_alone_is_not_empty(tmp_path):
    (tmp_path / "a.jsonl").write_text("x\n")
    rows, bad = read_with_bad(tmp_path / "a.jsonl")
    assert rows == []
    assert len(bad) == 1


def test_a_file_that_is_cut_off_is_an_error_with_bad_too(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(as_lines(ROWS))[:-9])
    with pytest.raises(UserError, match="the compressed file ends too early"):
        read_with_bad(tmp_path / "a.jsonl.gz")


def test_a_line_that_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "LONGEST_LINE_BYTES", 100)
    long = b'{"a": "' + b"x" * 350 + b'"}\n'
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n' + long + b'{"a": 2}\n')
    with pytest.raises(UserError, match=r"a\.jsonl:2: a line of more than"):
        rows_of(tmp_path / "a.jsonl")
    rows, bad = read_with_bad(tmp_path / "a.jsonl")
    assert rows == [{"a": 1}, {"a": 2}]
    assert [where for where, _, _ in bad] == [f"{tmp_path}/a.jsonl:2"]


def test_a_long_cell(tmp_path):
    """The csv module's own limit is 131,072 characters."""
    (tmp_path / "a.csv").write_bytes(as_csv([{"a": "x" * 300_000}]))
    assert rows_of(tmp_path / "a.csv") == [{"a": "x" * 300_000}]


WHOLE = {"a.jsonl": as_lines(ROWS), "a.json": json.dumps({"data": ROWS}).encode(), "a.csv": as_csv(ROWS)}
WHOLE |= {"a.parquet": as_parquet(ROWS)} | {f"{name}.gz": gzip.compress(was) for name, was in WHOLE.items()}


@pytest.mark.parametrize("name", WHOLE)
def test_whatever_happened_to_a_file_the_error_names_it(tmp_path, name):
    """A hundred copies, each with a few bytes changed, taken out or put in."""
    rng, path, said = np.random.default_rng(0), tmp_path / name, []
    for _ in range(100):
        content = bytearray(WHOLE[name])
        for place, length in zip(rng.integers(len(content), size=3), rng.integers(4, size=3), strict=True):
            content[place : place + length] = rng.bytes(int(rng.integers(3)))
        path.write_bytes(bytes(content))
        for bad in (None, lambda *told: None):
            try:
                list(raw_rows(str(path), bad))
            except UserError as error:
                said.append(str(error))
    assert said
    assert [one for one in said if not one.startswith(str(path))] == []
