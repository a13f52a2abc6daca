"""Folders, patterns and compressed texts."""

import codecs
import gzip

import pytest
from container_files import rows_of

from assent.data.files import streams
from assent.data.files.containers import count_rows
from assent.data.files.streams import files
from assent.data.sources import documents
from assent.errors import UserError


def test_a_folder_is_read_to_its_depth_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "b" / "2.csv").write_text("n\n2\n")
    (tmp_path / "a.jsonl").write_text('{"n": "1"}\n')
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(b'[{"n": "3"}]'))
    for name in (".hidden/a.jsonl", ".b.jsonl", "README.md", "picture.png"):
        (tmp_path / name).write_text("no rows")
    assert [row["n"] for row in rows_of(tmp_path)] == ["1", "2", "3"]
    assert count_rows(str(tmp_path)) == 3


def test_a_folder_without_rows_says_what_it_holds(tmp_path):
    with pytest.raises(UserError, match=r"no file there that ends in \.jsonl.*; it is empty"):
        rows_of(tmp_path)
    for name in ("a.bin", "b.bin", "c.bin", "d.bin", "e.bin", "f.bin"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"; it holds a\.bin, b\.bin, c\.bin, d\.bin, e\.bin and 1 more$"):
        rows_of(tmp_path)


def test_a_pattern(tmp_path):
    for name in ("b.csv", "a.csv", "c[1].csv"):
        (tmp_path / name).write_text(f"n\n{name}\n")
    assert [row["n"] for row in rows_of(tmp_path / "*.csv")] == ["a.csv", "b.csv", "c[1].csv"]
    assert rows_of(tmp_path / "c[1].csv") == [{"n": "c[1].csv"}]
    for missing in ("*.tsv", "none.csv"):
        with pytest.raises(UserError, match=r"no such file"):
            rows_of(tmp_path / missing)


def test_texts_of_a_folder(tmp_path):
    (tmp_path / "a.txt").write_bytes(codecs.BOM_UTF8 + "一个\n".encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"two\n<|endoftext|>\nthree"))
    (tmp_path / "rows.jsonl").write_text("{}\n")
    assert list(documents(str(tmp_path))) == ["一个", "two", "three"]
    assert list(documents(str(tmp_path / "b.txt.gz"))) == ["two", "three"]
    assert files(str(tmp_path), streams.ROWS) == [tmp_path / "rows.jsonl"]
    with pytest.raises(UserError, match="hub:a/b: expected files, and this is a set on the hub"):
        list(documents("hub:a/b"))
