"""Each task and each kind of export: a file, or a refusal that says what to take; and what is no import."""

import itertools
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from exchanging import given, pair, rows_of, written
from feedback_world import services
from made_up import TALKER, a_morning, office, talk

from assent.cli import main
from assent.errors import UserError
from assent.feedback.exchange.export import STYLES, exported, kinds_of, reading, styled
from assent.feedback.projects import Task
from assent.tools.annotate_formats import Reading, rows

TEXT = (Path(__file__).parents[2] / "docs" / "feedback.md").read_text("utf-8")
FORMS = ("trl", "hh", "kto", "k-way", "messages")
THUMB_PAIR = {
    "messages": [{"role": "user", "content": "Hello"}],
    "candidate_0": "Hi",
    "candidate_1": "Go away",
    "choice": 0,
    "meta": {"annotator": "ann", "policy": "x", "conversation": "c", "item": "a:b", "from": "thumbs"},
}
KINDS = sorted({kind for task in Task.__args__ for kind in kinds_of(task)})


@pytest.fixture
def morning(world):
    """A project of each task, judged; by its task."""
    from django.conf import settings

    settings.SERVICES = services(talk={TALKER: talk})
    made = office(world)
    a_morning(world, made)
    return made.projects


def all_rows(world, project, kind):
    with reading(world.database) as connection:
        style = STYLES.get(project.task, {}).get(kind)
        if style or kind in FORMS:
            return list(styled(connection, project.name, kind, rows()[style or "hh"]))
        return list(exported(connection, project.name, kind))


def told_forms():
    """{(task, form): whether the guide says that there is one}."""
    table = TEXT.split("| as other programs read it |", 1)[1].split("\n\n", 1)[0]
    heading, _, *lines = (f"| |{table}").splitlines()
    forms = re.findall(r"`([\w-]+)`", heading)
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return {
        (row[0].strip("`"), form): not cell.startswith("no:")
        for row in cells
        for form, cell in zip(forms, row[1:], strict=True)
    }


def test_the_guide_says_which_forms_there_are():
    told = told_forms()
    assert set(told) == set(itertools.product(Task.__args__, FORMS))
    assert {key for key, there in told.items() if there} == {
        (task, form) for task, forms in STYLES.items() for form in forms
    }


@pytest.mark.parametrize("task", Task.__args__)
def test_every_task_has_each_file_or_says_why_not(world, morning, task):
    project = morning[task]
    has = {*kinds_of(task), *STYLES.get(task, {})}
    for kind in (*KINDS, *FORMS):
        if kind in has:
            found = all_rows(world, project, kind)
            assert json.loads(json.dumps(found)) == found
            continue
        with pytest.raises(UserError) as refused:
            all_rows(world, project, kind)
        assert f"project {project.name}: no export {kind!r}" in str(refused.value)
        assert all(one in str(refused.value) for one in has)


@pytest.mark.parametrize(
    ("task", "form", "says"),
    [
        ("ranking", "trl", "take k-way"),
        ("rating", "kto", "assent convert FILE OUT --to good-bad --threshold 4"),
        ("rating", "hh", "nobody compared answers"),
        ("demonstration", "kto", "there is one answer"),
        ("edit", "hh", "edits"),
        ("chat", "trl", "thumb_pairs"),
    ],
)
def test_a_refusal_says_what_to_take(world, morning, task, form, says):
    with pytest.raises(UserError, match=says):
        all_rows(world, morning[task], form)


@pytest.mark.parametrize(
    ("task", "kind", "to"),
    [
        ("rating", "judgements", ["good-bad", "--threshold", "4"]),
        ("edit", "edits", ["prompt-chosen-rejected"]),
        ("edit", "edits", ["hh"]),
        ("chat", "thumb_pairs", ["prompt-chosen-rejected"]),
        ("chat", "thumb_pairs", ["hh"]),
    ],
    ids=str,
)
def test_what_a_refusal_says_to_convert_converts(world, morning, tmp_path, task, kind, to):
    found = all_rows(world, morning[task], kind) if task != "chat" else [THUMB_PAIR]
    path = written(tmp_path / "from.jsonl", found)
    out = tmp_path / "to.jsonl"
    done = CliRunner().invoke(main, ["convert", str(path), str(out), "--to", *to])
    assert done.exit_code == 0, done.output
    assert len(out.read_text().splitlines()) == len(found) > 0


def test_chats_come_in_again_as_answers_to_mend(world, tmp_path):
    talk = [*THUMB_PAIR["messages"], {"role": "assistant", "content": "Hi"}]
    row = {
        "messages": talk,
        "meta": {"annotator": "ann", "conversation": "c", "thumbs": ["up"], "again": [0]},
    }
    done = given(world.project("again", task="edit"), tmp_path, row)
    assert (done.items, done.judgements) == (1, 0)


# Not for import


def gold_and_all(world, tmp_path):
    """A project with gold, tests, surplus, a skip and a flag, as rows by kind."""
    from test_exports import judge

    from assent.feedback.schema.models import Flag, Shown, Skip
    from assent.feedback.store.projects import add_guideline

    project, ann = world.project(), world.person("ann")
    for part in ("gold", "practice", "test"):
        [item] = world.items(project, 1, part=part, expected={"choice": 0})
        judge(item, ann, {"choice": 1}, attempt=int(part != "gold"))
    real = world.items(project, 4)
    judge(real[0], ann, {"choice": 1})
    judge(real[1], ann, {"choice": 0}, surplus=True)
    shown = [Shown.objects.create(project=project, item=one, person=ann, order=[0, 1]) for one in real[2:]]
    Skip.objects.create(shown=shown[0], reason="not mine")
    Flag.objects.create(uuid="5e" * 16, shown=shown[1], text="cut off")
    add_guideline(project, "Be fair.", "eve")
    return {kind: rows_of(world, project, kind) for kind in kinds_of("pairwise")}


WHAT = {
    "gold": "gold or qualification",
    "qualification": "gold or qualification",
    "surplus": "surplus",
    "votes": "votes",
    "skips": "skips",
    "flags": "flags",
    "guidelines": "guidelines",
}


def test_exports_that_are_not_for_import_say_what_they_are(world, tmp_path):
    found = gold_and_all(world, tmp_path)
    for kind, what in WHAT.items():
        path = written(tmp_path / "judgements.jsonl", found[kind])
        with pytest.raises(UserError, match=rf"judgements\.jsonl:1: this is an export of {what}.*: ") as told:
            list(Reading(str(path)))
        assert "give the export `judgements`" in str(told.value) or kind == "guidelines"


@pytest.mark.parametrize("kind", ["gold", "qualification", "surplus", "votes"])
@pytest.mark.parametrize("part", ["real", "gold"])
def test_the_fast_way_refuses_them_as_well(world, tmp_path, kind, part):
    rows = gold_and_all(world, tmp_path)[kind]
    other = world.project("other")
    with pytest.raises(UserError, match=f"this is an export of {WHAT[kind]}"):
        given(other, tmp_path, *rows, part=part)


@pytest.mark.parametrize(
    "meta",
    [{"part": "gold"}, {"surplus": False}, {"votes": [1, 0]}, {"from": "thumbs"}, {"expected": 3}],
    ids=str,
)
def test_what_somebody_calls_so_is_an_item_like_any_other(world, tmp_path, meta):
    project = world.project()
    assert given(project, tmp_path, pair(**meta)).judgements == 1
    [row] = rows_of(world, project)
    assert meta.items() <= row["meta"].items()
