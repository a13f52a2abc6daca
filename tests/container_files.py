"""Rows as files of every format, written by other hands than ours: json, csv and pyarrow."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from assent.data.files.containers import raw_rows

ROWS = [
    {
        "prompt": "你好，世界 🌍",
        "chosen": 'a "quoted" answer,\nwith a line end',
        "rejected": "\u2028 and \u2029",
    },
    {"prompt": "Zweite", "chosen": "\ttab; 'quotes'", "rejected": "null"},
]


def as_lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows, delimiter=","):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows):
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def rows_of(source):
    return [row for _, row in raw_rows(str(source))]


def places_of(source):
    return [where for where, _ in raw_rows(str(source))]


def read_with_bad(source):
    bad = []
    rows = [row for _, row in raw_rows(str(source), lambda *told: bad.append(told))]
    return rows, bad
