"""What a run tells of its judgements: who, how many, when. Figures are counted by hand."""

import json

import pytest
from pipeline_fakes import ran, with_inputs
from report_samples import Page, made_up_record, one_line, stage

from assent.errors import UserError
from assent.evaluation.feedback_view import views
from assent.evaluation.report import render
from assent.pipeline.judgements import counted
from assent.pipeline.summary import collect

PAYLOAD = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"
NOTHING = {"ties": None, "median_seconds": None, "first": None, "last": None}


def pair(item, choice, annotator, seconds, at, **more):
    """As the app exports it."""
    meta = {"annotator": annotator, "item": item, "seconds": seconds, "judgement": f"{item}-{annotator}"}
    return {"input_text": item, "candidate_0": "a", "candidate_1": "b", "choice": choice,
            "meta": {**meta, "at": at, "revision": 1, **more}}  # fmt: skip


def written(folder, rows):
    path = folder / "judgements.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_judgements_of_the_app_are_counted(tmp_path):
    rows = [
        pair("one", 0, "Bo", 4.0, "2026-11-21T19:06:46.205Z"),
        pair("one", None, "Ann", 9.0, "2026-11-20T08:00:00.000Z"),
        pair("two", 1, "Ann", 2.0, "2026-11-22T01:00:00.000+02:00"),  # before midnight where UTC is
    ]
    assert counted(written(tmp_path, rows)) == {
        "judgements": 3, "items": 2, "annotators": {"Ann": 2, "Bo": 1}, "ties": 1, "median_seconds": 4.0,
        "first": "2026-11-20T08:00:00+00:00", "last": "2026-11-22T01:00:00+02:00",
    }  # fmt: skip


def test_what_rows_do_not_tell_is_left_out(tmp_path):
    rows = [
        {"input_text": "p", "candidate_0": a, "candidate_1": b, "choice": 0} for a, b in ("ab", "ba", "ac")
    ]
    found = counted(written(tmp_path, rows))  # the first two are one item, shown in both orders
    assert found == {"judgements": 3, "items": 2, "annotators": {}, **NOTHING, "ties": 0}
    odd = {"input_text": "p", "output_text": "o", "author": "Ann", "meta": {"at": "noon", "seconds": "long"}}
    assert counted(written(tmp_path, [odd])) == {
        "judgements": 1, "items": 1, "annotators": {"Ann": 1}, **NOTHING,
    }  # fmt: skip
    assert counted(written(tmp_path, [])) == {"judgements": 0, "items": 0, "annotators": {}, **NOTHING}


def test_a_rating_by_criteria_is_one_judgement_and_a_ranking_of_equals_no_tie(tmp_path):
    rated = [
        {"input_text": "p", "output_text": text, "rating": 3, "scale": [1, 5], "criterion": criterion,
         "meta": {"annotator": "Ann", "item": "one", "seconds": 8.0, "judgement": judgement}}
        for judgement in ("u", "v") for text in "ab" for criterion in ("clear", "kind")
    ]  # fmt: skip
    found = counted(written(tmp_path, rated))
    assert (found["judgements"], found["items"], found["ties"]) == (2, 1, None)
    ranked = {"input_text": "p", "candidate_0": "a", "candidate_1": "b", "choice": None, "ranking": [[0, 1]]}
    assert counted(written(tmp_path, [ranked]))["ties"] == 0


def test_a_line_that_is_no_row_is_named(tmp_path):
    path = tmp_path / "judgements.jsonl"
    path.write_text('{"choice": 0}\nnonsense\n')
    with pytest.raises(UserError, match=r"judgements.jsonl:2: damaged"):
        counted(path)


def test_the_summary_and_the_record_hold_the_counts_of_stages_that_are_done(tmp_path):
    recipe = """
    answers: {stage: rows}
    first: {stage: annotate, candidates: $answers, judgements: judged.jsonl}
    second: {stage: annotate, candidates: $answers, judgements: judged.jsonl, want: 3}
    """
    ran(with_inputs(tmp_path), recipe)  # two lines are judged: the second stage waits
    found = json.loads((tmp_path / "run" / "summary.json").read_text())["feedback"]
    assert found == {"first": {"judgements": 2, "items": 2, "annotators": {}, **NOTHING, "ties": 0}}
    assert collect(tmp_path / "run").feedback == found


FACTS = {
    "judgements": 1200, "items": 1000, "annotators": {"Ann": 900, "": 300}, "ties": 1,
    "median_seconds": 12.4, "first": "2026-11-20T08:00:00+00:00", "last": "2026-11-22T01:00:00+02:00",
}  # fmt: skip


def reported(facts, **settings):
    record = made_up_record(feedback={"feedback": facts})
    stages = [stage("feedback", "annotate", settings=settings)]
    return made_up_record(stages=stages, feedback=record.feedback)


def test_the_section_says_who_judged_how_much_and_when():
    page = Page(render(reported(FACTS)))
    assert "feedback" in page.ids
    assert "#feedback" in page.loads
    text = one_line(page.text)
    for told in ("Judgements 1,200", "Items 1,000", "Annotators 1", "Ties 1", "12 s (median)",
                 "2026-11-20 08:00 to 2026-11-21 23:00 UTC", "people, in the app",
                 "Ann 900 75%", "not named 300 25%"):  # fmt: skip
        assert told.replace(" ", "") in text.replace(" ", "")
    nothing = Page(render(made_up_record()))
    assert "feedback" not in nothing.ids
    assert "#feedback" not in nothing.loads


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ({"panel": "my.panel:judge"}, "simulated people (my.panel:judge)"),
        ({"judge": {"model": "m"}}, "a model"),
        ({"judgements": "judged.jsonl", "panel": None}, "whoever judged in judged.jsonl"),
    ],
)
def test_where_judgements_come_from(settings, source):
    (view,) = views(reported(FACTS | {"first": None, "ties": None}, **settings))
    assert view.figures[0] == ("Judged by", source)
    assert [label for label, _ in view.figures] == [
        "Judged by", "Judgements", "Items", "Annotators", "Time a judgement",
    ]  # fmt: skip


def test_ten_annotators_have_a_row_and_the_others_are_counted():
    many = {f"a{place}": 100 - place for place in range(12)}
    (view,) = views(reported(FACTS | {"annotators": many}))
    assert [name for name, _, _ in view.annotators] == [f"a{place}" for place in range(10)]
    assert "and 2 others" in one_line(Page(render(reported(FACTS | {"annotators": many}))).text)
    (few,) = views(reported(FACTS | {"annotators": dict(list(many.items())[:10])}))
    assert few.others == 0


def test_names_of_annotators_are_shown_and_never_run():
    page = Page(render(reported(FACTS | {"annotators": {PAYLOAD: 1200}}, panel=PAYLOAD)))
    assert "img" not in page.tags
    assert page.handlers == []
    assert page.text.count(PAYLOAD) >= 2
