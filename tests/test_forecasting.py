"""How many rows a source has and how long they are, before anything is read whole."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assent.stages import forecasting

ROWS = [{"prompt": "p" * 100, "completion": "c" * 300}] * 50  # as JSON: 430 characters


@pytest.fixture
def sources(tmp_path):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    return tmp_path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
def test_length_does_not_hang_on_how_a_file_is_packed(sources, name):
    source = str(sources / name)
    assert forecasting.rows(source, {}) == 50
    assert forecasting.tokens_a_row(source) == pytest.approx(430 / 4, rel=0.02)


def test_a_folder_adds_up(sources):
    assert forecasting.rows(str(sources), {}) == 150


def test_packed_text_counts_as_about_what_it_unpacks_to(tmp_path):
    text = " ".join(f"{word} {word**3}" for word in range(9999)).encode()
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text))
    assert forecasting.text_bytes(str(tmp_path / "a.txt")) == len(text)
    assert len(text) / 2 < forecasting.text_bytes(str(tmp_path / "b.txt.gz")) < len(text) * 2


def test_what_is_not_there_yet():
    assert forecasting.rows("hub:org/name", {}) == 0
    assert forecasting.rows("$answers", {}) == 0
    assert forecasting.tokens_a_row("hub:org/name") == forecasting.tokens_a_row("$answers")
