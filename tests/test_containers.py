"""Rows of every kind of file, written by other hands: json, csv, gzip and pyarrow."""

import codecs
import gzip
import json
from datetime import date
from decimal import Decimal

import pytest
from container_files import ROWS, as_csv, as_lines, as_parquet, places_of, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assent.data.files.containers import count_rows
from assent.data.sources import comparisons
from assent.errors import UserError

WRITTEN = {
    "rows.jsonl": as_lines(ROWS),
    "rows.ndjson": as_lines(ROWS),
    "rows.unknown": as_lines(ROWS),
    "list.json": json.dumps(ROWS, indent=2).encode(),
    "one_line.json": json.dumps(ROWS, ensure_ascii=False).encode(),
    "lines.json": as_lines(ROWS),
    "holder.json": json.dumps({"version": 1, "nested": {"data": [1]}, "data": ROWS}).encode(),
    "holder_of_lines.json": json.dumps({"name": "x", "rows": ROWS}, indent=1).encode(),
    "rows.csv": as_csv(ROWS),
    "rows.TSV": as_csv(ROWS, "\t"),
    "rows.parquet": as_parquet(ROWS),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_each_format(tmp_path, name, packed):
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(WRITTEN[name]) if packed else WRITTEN[name])
    assert rows_of(path) == ROWS
    assert count_rows(str(path)) == 2


@pytest.mark.parametrize("name", [name for name in WRITTEN if not name.endswith("parquet")])
def test_a_byte_order_mark_and_windows_line_ends(tmp_path, name):
    content = WRITTEN[name] if "sv" in name.lower() else WRITTEN[name].replace(b"\n", b"\r\n")
    (tmp_path / name).write_bytes(codecs.BOM_UTF8 + content)
    assert rows_of(tmp_path / name) == ROWS


def test_a_spreadsheet_of_a_country_with_a_decimal_comma(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(codecs.BOM_UTF8 + 'prompt;chosen\r\n"a; b, c";什么，\r\n'.encode())
    assert rows_of(path) == [{"prompt": "a; b, c", "chosen": "什么，"}]
    assert count_rows(str(path)) == 1


def test_columns_without_a_name(tmp_path):
    path = tmp_path / "a.csv"  # an index in front, and what a spreadsheet leaves at the end
    path.write_bytes(b",prompt,chosen,,\n0,a,b,,\n1,c,d,,see\n")
    both = [{"prompt": "a", "chosen": "b"}, {"prompt": "c", "chosen": "d"}]
    assert rows_of(path) == [both[0] | {"column 1": "0"}, both[1] | {"column 1": "1", "column 5": "see"}]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({"prompt": TEXTS, "text": TEXTS}), min_size=1, max_size=4))
def test_whatever_the_text(tmp_path, rows):
    for name, content in {"a.jsonl": as_lines(rows), "a.json": json.dumps(rows).encode()}.items():
        (tmp_path / name).write_bytes(content)
        assert rows_of(tmp_path / name) == rows
    for delimiter, name in {",": "a.csv", "\t": "a.tsv"}.items():
        (tmp_path / name).write_bytes(as_csv(rows, delimiter))
        assert rows_of(tmp_path / name) == rows
    (tmp_path / "a.parquet").write_bytes(as_parquet(rows))
    assert rows_of(tmp_path / "a.parquet") == rows


def test_places(tmp_path):
    (tmp_path / "a.csv").write_text('\na,b\n1,"x\n\ny"\n\n2,z\n')
    assert places_of(tmp_path / "a.csv") == [f"{tmp_path}/a.csv:3", f"{tmp_path}/a.csv:7"]
    (tmp_path / "a.json").write_text("[{},\n\n{}]")
    assert places_of(tmp_path / "a.json") == [f"{tmp_path}/a.json: row 1", f"{tmp_path}/a.json: row 2"]
    (tmp_path / "a.jsonl").write_text("{}\n\n{}")
    assert places_of(tmp_path / "a.jsonl") == [f"{tmp_path}/a.jsonl:1", f"{tmp_path}/a.jsonl:3"]
    (tmp_path / "a.parquet").write_bytes(as_parquet([{"a": 1}, {"a": 2}]))
    assert places_of(tmp_path / "a.parquet") == [
        f"{tmp_path}/a.parquet: row 1",
        f"{tmp_path}/a.parquet: row 2",
    ]


def test_cells_that_are_not_text(tmp_path):
    """Written as a person would in a spreadsheet; what is expected is in docs/formats.md."""
    (tmp_path / "a.csv").write_text(
        "prompt,choice,ranking,scale,score,labels,meta,number\n"
        'p,1,"[2, [0, 1]]","[1, 5]",4.5,"joy, fear","{""annotator"": ""a""}",7\n'
        'p,,,,,"[""joy""]",,\n'
        '"[{""role"": ""user"", ""content"": ""hi""}]",null,,,,,,\n'
        '"[{""role"": 1}]",0,,,,,,\n'
        '"[{never closed",0,,,,,,\n'
    )
    first, second, chat, other, begun = rows_of(tmp_path / "a.csv")
    assert first == {
        "prompt": "p",
        "choice": 1,
        "ranking": [2, [0, 1]],
        "scale": [1, 5],
        "score": 4.5,
        "labels": ["joy", "fear"],
        "meta": {"annotator": "a"},
        "number": "7",
    }
    assert second == {"prompt": "p", "choice": None, "labels": ["joy"]}
    assert chat == {"prompt": [{"role": "user", "content": "hi"}], "choice": None}
    assert other["prompt"] == '[{"role": 1}]'
    assert begun["prompt"] == "[{never closed"


def test_a_cell_that_is_no_json_is_text(tmp_path):
    """Whoever needs more of it names the row and what was expected."""
    (tmp_path / "a.csv").write_text(
        'prompt,chosen,choice,score,labels,feedback\np,a,first,NaN,[joy],"so, so"\n'
    )
    assert rows_of(tmp_path / "a.csv") == [
        {
            "prompt": "p",
            "chosen": "a",
            "choice": "first",
            "score": "NaN",
            "labels": "[joy]",
            "feedback": "so, so",
        }
    ]
    (tmp_path / "a.csv").write_text("input_text,candidate_0,candidate_1,choice\np,a,b,first\n")
    with pytest.raises(
        UserError, match=r"a\.csv:2: choice: expected 0 to 1, or null for a tie, found 'first'"
    ):
        comparisons(str(tmp_path / "a.csv"))


def test_typed_columns(tmp_path):
    rows = [
        {"choice": None, "n": 1, "f": 0.5, "yes": True, "when": date(2026, 11, 21), "price": Decimal("1.50")},
        {"choice": 1, "n": None, "f": None, "yes": None, "when": None, "price": None},
    ]
    inner = [
        {"pairs": [[0, 1, None]], "meta": {"annotator": "a", "seconds": None}, "bytes": "né".encode()},
        {"pairs": None, "meta": {"annotator": None, "seconds": 2.0}, "bytes": None},
    ]
    (tmp_path / "a.parquet").write_bytes(as_parquet([a | b for a, b in zip(rows, inner, strict=True)]))
    first, second = rows_of(tmp_path / "a.parquet")
    assert first == {
        **{"choice": None, "n": 1, "f": 0.5, "yes": True, "when": "2026-11-21", "price": 1.5},
        **{"pairs": [[0, 1, None]], "meta": {"annotator": "a"}, "bytes": "né"},
    }
    assert second == {"choice": 1, "meta": {"seconds": 2.0}}


def test_more_rows_than_are_in_memory_at_once(tmp_path):
    rows = [{"n": n, "prompt": str(n)} for n in range(2500)]
    (tmp_path / "a.parquet").write_bytes(as_parquet(rows))
    assert rows_of(tmp_path / "a.parquet") == rows
    assert places_of(tmp_path / "a.parquet")[-1].endswith("row 2500")


def test_counting_lines_across_chunks(tmp_path):
    """Lines of spaces do not count, wherever a chunk of a mebibyte ends."""
    lines = ["x" * 700_000, " " * 700_000, "", "y", " " * 1_500_000 + "z", "\r", "end"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert count_rows(str(tmp_path / "a.jsonl")) == sum(bool(line.strip()) for line in lines)
