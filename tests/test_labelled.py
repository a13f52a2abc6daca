"""Labelled texts: both formats, and what is wrong with a row."""

from pathlib import Path

import pytest

from assent.data.files.jsonl import write_jsonl
from assent.data.labelled import labelled, labelled_row
from assent.errors import UserError
from assent.records import Labelled

GOEMOTIONS = Path(__file__).parents[2] / "shared" / "data" / "goemotions"


def test_json_lines_hold_one_label_or_several(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "fine", "label": "good", "id": 3}\n\n{"text": "so so", "labels": ["good", 2]}\n'
    )
    assert labelled(str(path)) == [Labelled("fine", ("good",)), Labelled("so so", ("good", "2"))]


def test_tab_separated_text_keeps_quotes_and_odd_line_ends(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('"Fine," she said\t3\tid1\r\nha\u2028ha\t1,2\n', encoding="utf-8", newline="")
    assert labelled(str(path)) == [
        Labelled('"Fine," she said', ("3",)),
        Labelled("ha\u2028ha", ("1", "2")),
    ]


def test_rows_are_read_back_as_written(tmp_path):
    rows = [Labelled("tab\tand\nline", ("a", "b")), Labelled("é", ("c",))]
    write_jsonl(tmp_path / "rows.jsonl", map(labelled_row, rows))
    assert labelled(str(tmp_path / "rows.jsonl")) == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x"}\n', r'a.jsonl:1: expected either "label": "a" or "labels"'),
        ("a.jsonl", '{"text": "x", "label": "a", "labels": ["a"]}\n', "expected either"),
        ("a.jsonl", '{"text": "x", "labels": []}\n', "a.jsonl:1: a labelled text needs a label"),
        ("a.jsonl", '{"text": "x", "label": true}\n', "expected names, found"),
        ("a.jsonl", '{"text": "x", "labels": "ab"}\n', "expected names, found 'ab'"),
        ("a.jsonl", '{"text": 7, "label": "a"}\n', "text: expected the text to label, found 7"),
        ("a.jsonl", '{"text": "x", "labels": ["a", "a"]}\n', "a label is given twice"),
        ("a.jsonl", "\n", "a.jsonl: no rows there"),
        ("a.tsv", "fine\t1\nbad\n", r"a.tsv:2: expected text, tab, label.*found 1 columns"),
        ("a.tsv", "fine\t\n", "a.tsv:1: a labelled text needs a label"),
        ("a.tsv", " \t1\n", "a.tsv:1: the text is empty"),
        ("a.tsv", "fine\t1,,2\n", "needs a label"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        labelled(str(tmp_path / name))


@pytest.mark.shared
def test_goemotions_as_published():
    if not GOEMOTIONS.is_dir():
        pytest.skip(f"{GOEMOTIONS} is not there")
    rows = labelled(str(GOEMOTIONS / "train.tsv"))
    assert len(rows) == 43_410
    assert sum(row.labels == ("1", "2", "3") for row in rows) == 10  # as `cut -f2 | sort | uniq -c` counts
