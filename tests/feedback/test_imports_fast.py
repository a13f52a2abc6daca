"""Large files: read in a process of their own, and plain pairs without a detour."""

import json
import sys

import pytest
from exchanging import AT, given, imported, pair, rows_of, written

from assent.errors import UserError
from assent.feedback.exchange.ahead import entries_here
from assent.feedback.exchange.answers_in import Wanted
from assent.feedback.exchange.entries import entries
from assent.feedback.exchange.plain import plain_pair
from assent.tools.annotate_formats import Reading


@pytest.fixture
def apart(monkeypatch):
    """Every file counts as large, on a machine that has two cores."""
    from assent.feedback.exchange import ahead

    monkeypatch.setattr(ahead, "WORTH_BYTES", 0)
    monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _: {0, 1})


def test_what_another_process_reads_is_the_same(world, tmp_path, apart):
    from assent.feedback.exchange.imports import import_records

    one, two = world.project("one"), world.project("two")
    rows = [pair(f"条目-{number}", number % 2, strength=0.4, topic=[1.5, None]) for number in range(1100)]
    done = given(one, tmp_path, *rows)
    assert (done.items, done.judgements) == (1100, 1100)
    assert [row["choice"] for row in rows_of(world, one)] == [number % 2 for number in range(1100)]
    import_records(two, list(Reading(str(tmp_path / "given.jsonl"))))  # here: a list is read by nobody else
    told = [[row["meta"][key] for key in ("item", "topic", "strength")] for row in rows_of(world, one)]
    assert told == [
        [row["meta"][key] for key in ("item", "topic", "strength")] for row in rows_of(world, two)
    ]


def test_another_process_names_file_and_line_too(world, tmp_path, apart):
    with pytest.raises(UserError, match=r"given\.jsonl:2: seconds: expected a number from 0 on"):
        given(world.project(), tmp_path, pair("x"), pair("y", seconds=-1))
    path = tmp_path / "half.jsonl"
    path.write_text(json.dumps(pair("x") | {"candidate_0": "\ud83d"}) + "\n")
    with pytest.raises(UserError, match=r"half\.jsonl:1: a text holds half a character"):
        imported(world.project("two"), path)


def test_a_process_that_dies_is_no_end_of_the_file(apart):
    from assent.errors import AssentError
    from assent.feedback.exchange.ahead import entries_of
    from assent.feedback.exchange.answers_in import Wanted

    class Dying(list):
        again, bytes = sys.exit, 1

    with pytest.raises(AssentError, match="ended too early"):
        list(entries_of(Wanted("pairwise"), Dying(), known=False))


def test_a_reader_whose_app_was_killed_ends(tmp_path):
    """Nobody reads on: the file is far longer than what may wait in between."""
    import multiprocessing
    from functools import partial

    from assent.feedback.exchange.ahead import _send

    path = written(tmp_path / "many.jsonl", (pair(f"{number}") for number in range(10_000)))
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_send, args=(partial(Reading, str(path)), Wanted("pairwise"), False, theirs)
    )
    process.start()
    theirs.close()
    pipe.recv_bytes()
    pipe.close()
    process.join(60)
    assert process.exitcode == 0


# Plain pairs

UUID = "0F0F0F0F-0000-4000-8000-000000000001"


def entries_of(path, way):
    """What is made of a file; of one that does not fit, what is said of it."""
    try:
        return list(way(Wanted("pairwise"), Reading(str(path)), known=False))
    except UserError as error:
        return str(error)


@pytest.mark.parametrize(
    "row",
    [
        pair("x", 1),
        pair('条目 \u2028"', None, "安 \U0001f600", shown_order=[1, 0], seconds=7, at=AT),
        pair("x", "both_bad", judgement=UUID, revision=3, guideline=2, shown_order=None, seconds=None),
        pair("x", "cannot_judge", policies=["sft", 1.0, True, {"a": None}], id="7", explanation="why"),
        pair("x", 0, at="2026-11-21T10:30:00+01:00"),
    ],
)
def test_plain_pairs_are_what_the_long_way_makes_of_them(tmp_path, row):
    assert plain_pair(row, "here") is not None
    path = written(tmp_path / "pairs.jsonl", [row])
    assert entries_of(path, entries_here) == entries_of(path, entries)


@pytest.mark.parametrize(
    "row",
    [
        pair("x", 0, strength=2 / 3),
        pair("x", 0, comment="klar"),
        pair("x", 0, criterion="kind"),
        pair("x", 0) | {"id": "7"},
        pair("", 0),
        pair(7, 0, 8),
        pair("x", 0, ""),
        pair("x", True),
        pair("x", 1.0),
        pair("x", 2),
        pair("x", "left"),
        pair("x", 0, shown_order=[True, False]),
        pair("x", 0, shown_order=[0.0, 1]),
        pair("x", 0, shown_order=[1, 1]),
        pair("x", 0, seconds="7"),
        pair("x", 0, seconds=-1),
        pair("x", 0, judgement=None),
        pair("x", 0, judgement="7"),
        pair("x", 0, revision=0),
        pair("x", 0, guideline=True),
        pair("x", 0, at="noon"),
        pair("x" * 201),
        pair("x", 0, "a" * 81),
        pair("x") | {"candidate_1": 7},
        pair("x") | {"input_text": None},
        pair("x") | {"meta": []},
    ],
)
def test_what_is_not_plain_takes_the_long_way(tmp_path, row):
    assert plain_pair(row, "here") is None
    path = written(tmp_path / "pairs.jsonl", [row])
    assert entries_of(path, entries_here) == entries_of(path, entries)
