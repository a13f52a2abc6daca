"""Records through every format and every kind of file.

That a file can be read back is checked with the readers of this package, what stands in it with json, csv,
pyarrow and datasets.
"""

import csv
import gzip
import json
import os
import subprocess
import sys

import datasets
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from record_strategies import filled, held_by, texts

from assent.data.files.written import faults_of_disk, written
from assent.data.formats.dialects import DIALECTS
from assent.data.formats.reading import NOUNS, records
from assent.data.formats.writers import WRITERS
from assent.errors import Interrupted, UserError

KINDS = {noun: kind for kind, noun in NOUNS.items()}
TABLES = [".csv", ".tsv", ".csv.gz", ".tsv.gz"]
WHOLE = [".jsonl", ".json", ".parquet", ".jsonl.gz", ".json.gz"]

# Each example writes many files: a failure is shown as it was found, not made small.
QUICK = {
    "max_examples": 3,
    "deadline": None,
    "database": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def through(found, name, path):
    with written(path) as add:
        add([WRITERS[name](record).row for record in found])
    kind = KINDS[next(one.noun for one in DIALECTS if one.name == name)]
    return list(records(str(path), kind, name))


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_records_come_back_equal_from_every_kind_of_file(name, tmp_path):
    @settings(**QUICK)
    @given(st.data())
    def back(data):
        chats = data.draw(st.booleans())
        found = data.draw(st.lists(held_by(name, texts, chats), min_size=1, max_size=3))
        for suffix in WHOLE:
            assert through(found, name, tmp_path / f"rows{suffix}") == found, suffix
        found = data.draw(st.lists(held_by(name, filled, chats), min_size=1, max_size=3))
        for suffix in TABLES:
            assert through(found, name, tmp_path / f"rows{suffix}") == found, suffix

    back()


ROWS = [
    {
        "prompt": '你好 \u2028 "so", it\r\nis\tthis',
        "votes": [[0, 1, None], [1, 2, 2]],
        "meta": {"n": 1, "who": "eva"},
    },
    {"prompt": "a\rb", "meta": {"n": 2, "more": {"x": [0.5]}}, "id": "007"},
]


def put(path, rows=ROWS):
    with written(path) as add:
        for row in rows:
            add([row])
    return path


def test_json_lines(tmp_path):
    lines = put(tmp_path / "a.jsonl").read_text("utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == ROWS
    assert lines[-1] == ""
    assert gzip.decompress(put(tmp_path / "a.jsonl.gz").read_bytes()).decode().split("\n") == lines


def test_json(tmp_path):
    assert json.loads(put(tmp_path / "a.json").read_text("utf-8")) == ROWS
    with gzip.open(put(tmp_path / "a.JSON.GZ"), "rt", encoding="utf-8") as file:
        assert json.load(file) == ROWS


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_csv(tmp_path, suffix, delimiter):
    with put(tmp_path / f"a{suffix}").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file, delimiter=delimiter)
    assert list(first) == ["prompt", "votes", "meta", "id"]
    assert (first["prompt"], first["id"]) == (ROWS[0]["prompt"], "")
    assert json.loads(first["votes"]) == [[0, 1, None], [1, 2, 2]]
    assert (second["prompt"], second["votes"], second["id"]) == ("a\rb", "", "007")
    assert json.loads(second["meta"]) == ROWS[1]["meta"]


def test_parquet(tmp_path):
    table = pq.read_table(put(tmp_path / "a.parquet"))
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("prompt", "string"),
        ("votes", "list<element: list<element: int64>>"),
        ("meta", "struct<n: int64, who: string, more: struct<x: list<element: double>>>"),
        ("id", "string"),
    ]
    assert table.to_pylist() == [
        ROWS[0] | {"meta": {"n": 1, "who": "eva", "more": None}, "id": None},
        ROWS[1] | {"meta": {"n": 2, "who": None, "more": {"x": [0.5]}}, "votes": None},
    ]


def test_every_group_of_rows_has_one_schema(tmp_path):
    """The only row with a ranking stands in the last group."""
    rows = [{"prompt": str(k)} for k in range(2500)] + [{"prompt": "q", "ranking": [1, 0]}]
    file = pq.ParquetFile(put(tmp_path / "a.parquet", rows))
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [1000, 1000, 501]
    assert file.read_row_group(0).to_pylist()[0] == {"prompt": "0", "ranking": None}
    assert file.read_row_group(2).to_pylist()[-1] == rows[-1]


def test_the_library_datasets_reads_them(tmp_path):
    rows = [{"prompt": "你好\nq", "chosen": "a, b", "rejected": "c"}]
    for suffix, builder in [(".jsonl", "json"), (".json", "json"), (".csv", "csv"), (".parquet", "parquet")]:
        path = put(tmp_path / f"a{suffix}", rows)
        found = datasets.load_dataset(builder, data_files=str(path), cache_dir=str(tmp_path / "cache"))
        assert list(found["train"]) == rows, suffix


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet", ".jsonl.gz"])
@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_end_in_the_middle_leaves_what_was_there(tmp_path, suffix, end):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"before")
    with pytest.raises(end), written(path) as add:  # noqa: PT012
        add([{"prompt": "q" * 100_000}])
        assert len(os.listdir(tmp_path)) == 2  # the new file stands beside the old one
        raise end
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes() == b"before"


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    left = tmp_path / f".a.csv.{process.pid}.tmp"
    left.write_bytes(b"half")
    (tmp_path / ".b.csv.1.tmp").write_bytes(b"of another file")
    put(tmp_path / "a.csv")
    assert sorted(os.listdir(tmp_path)) == [".b.csv.1.tmp", "a.csv"]


def test_a_full_disk_is_told_with_what_to_do(tmp_path):
    """/dev/full answers each write as a full disk does."""
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    told = pytest.raises(Interrupted, match=r"rows\.jsonl: the disk is full")
    with told, full, faults_of_disk(tmp_path / "rows.jsonl"):
        full.write(b"a")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with (
        pytest.raises(UserError, match=r"rows\.csv: cannot be written: No such file"),
        written(tmp_path / "no" / "rows.csv"),
    ):
        pass


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.gz", "rows.parquet.gz", "rows.jsonl.zip"])
def test_a_suffix_that_says_nothing_is_told(tmp_path, name):
    with (
        pytest.raises(UserError, match=r"expected \.jsonl, \.json, \.csv, \.tsv, \.parquet"),
        written(tmp_path / name),
    ):
        pass


@pytest.mark.parametrize(
    ("suffix", "rows", "problem"),
    [
        (".csv", [{"prompt": " "}], "prompt is an empty text, which CSV cannot tell from a missing one"),
        (".csv", [{"other": {"a": 1}}], "other is nested"),
        (".csv", [{"prompt": "q", "choice": None}], "choice stands in some rows and not in others"),
        (".parquet", [{"prompt": "q", "choice": None}], "choice stands in some rows and not in others"),
        (".tsv", [{"prompt": '[{"role": "user", "content": "q"}]'}], "looks like a chat"),
        (".parquet", [{"meta": {"a": 1}}, {"meta": {"a": "x"}}], "meta: a text here and a number before"),
        (".parquet", [{"n": 2**60}], "n: 1152921504606846976 here"),
        (".jsonl", [{"prompt": "\ud83d"}], "half of a character"),
    ],
)
def test_a_row_that_a_kind_of_file_cannot_hold_is_an_error_and_the_others_stay(
    tmp_path, suffix, rows, problem
):
    path = tmp_path / f"a{suffix}"
    with written(path) as add:
        add([{"prompt": "good"}])
        with pytest.raises(UserError, match=problem):
            add(rows)
    kept = list(records(str(path), KINDS["prompts"]))
    assert [prompt.text for prompt in kept] == ["good"]
