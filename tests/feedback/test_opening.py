"""A file of items that has changed since the app was opened on it."""

import json

import annotating_files
import pytest
from annotating_files import raw
from exchanging import pair
from test_then_run import items, opened

from assent.errors import UserError


def job_of(folder, text, *rows):
    return annotating_files.job_of(folder, f"shared: {{share: 0}}\n{text}", *rows)


def test_other_prompts_under_the_same_name_are_other_items(world, tmp_path):
    from assent.feedback.schema.models import Item

    text = "task: demonstration\n"
    opened(job_of(tmp_path, text, {"input_text": "What is tea?", "id": "q"}))
    rows = ({"input_text": "What is coffee?", "id": "q"}, {"input_text": "What is tea?", "id": "q"})
    assert opened(job_of(tmp_path, text, *rows))[0].items == 1
    assert opened(job_of(tmp_path, text, *rows, {"input_text": "And milk?", "id": "p"}))[0].items == 1
    prompts = dict(Item.objects.order_by("position").values_list("prompt", "name"))
    assert list(prompts) == ["What is tea?", "What is coffee?", "And milk?"]
    assert (prompts["What is tea?"], prompts["And milk?"]) == ("q", "p")
    assert prompts["What is coffee?"].startswith("q-")


def test_further_judgements_are_of_the_items_that_are_there(world, tmp_path):
    first = pair("x", 0, "ann")
    opened(job_of(tmp_path, "", first))
    [made] = opened(job_of(tmp_path, "", first, pair("x", 1, "bob"), pair("y", 1, "bob")))
    assert (made.items, made.judgements) == (1, 2)
    assert list(items()) == ["x", "y"]


def test_a_guideline_that_is_no_text_is_told_of(world, tmp_path):
    (tmp_path / "how.md").write_bytes(b"\xff\xfe\xff")
    job = job_of(tmp_path, "guideline: how.md\n", pair())
    with pytest.raises(UserError, match=r"tea\.yaml: guideline: .*how\.md: cannot be read as UTF-8 text"):
        opened(job)


# What was asked for before


def slots(folder, overlap, *names):
    """The slots of each item, when so many judgements are asked for."""
    from assent.feedback.schema.models import Slot

    rows = [{key: row[key] for key in row if key not in ("choice", "meta")} for row in map(pair, names)]
    opened(
        job_of(
            folder,
            f"overlap: {overlap}\n",
            *(row | {"id": name} for name, row in zip(names, rows, strict=True)),
        )
    )
    counted = Slot.objects.values_list("item__name")
    return {name: counted.filter(item__name=name).count() for name in names}


def admin_wants(overlap):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.changes import change_settings

    project = Project.objects.get()
    change_settings(project, {**project.settings, "overlap": overlap}, "root")


def test_what_was_broken_off_is_done_at_the_next_start(world, tmp_path, monkeypatch):
    from assent.feedback.store import slots as room

    assert slots(tmp_path, 1, "x", "y") == {"x": 1, "y": 1}

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(room, "add_missing", killed)
        with pytest.raises(KeyboardInterrupt):
            slots(tmp_path, 2, "x", "y")
    assert slots(tmp_path, 2, "x", "y") == {"x": 2, "y": 2}


def test_more_is_asked_for_than_before_though_an_admin_had_asked_for_more(world, tmp_path):
    slots(tmp_path, 1, "x")
    admin_wants(3)
    assert slots(tmp_path, 2, "x") == {"x": 2}


def test_an_admin_wants_fewer_than_the_run_waits_for(world, tmp_path):
    slots(tmp_path, 2, "x")
    admin_wants(1)
    assert slots(tmp_path, 2, "x", "y") == {"x": 2, "y": 2}


def test_a_guideline_that_is_put_back_is_the_next_version(world, tmp_path):
    from assent.feedback.schema.models import Guideline, Project
    from assent.feedback.store.projects import add_guideline

    for text in ("A", "B", "A"):
        (tmp_path / "how.md").write_text(text)
        opened(job_of(tmp_path, "guideline: how.md\n", pair()))
    add_guideline(Project.objects.get(), "C", "root")
    opened(job_of(tmp_path, "guideline: how.md\n", pair()))  # the file is as it was: people have gone on
    assert list(Guideline.objects.order_by("version").values_list("text", flat=True)) == ["A", "B", "A", "C"]


def test_a_long_name_has_room_for_another(world, tmp_path):
    text, name = "task: demonstration\n", "q" * 200
    opened(job_of(tmp_path, text, {"input_text": "What is tea?", "id": name}))
    rows = ({"input_text": "What is coffee?", "id": name},)
    assert opened(job_of(tmp_path, text, *rows))[0].items == 1


def test_half_a_character_in_a_name_is_told_with_its_place(world, tmp_path):
    text = "task: demonstration\n"
    opened(job_of(tmp_path, text, {"input_text": "What is tea?", "id": "q"}))
    with pytest.raises(UserError, match=r"rows\.jsonl:2: id: it holds half a character"):
        opened(job_of(tmp_path, text, {"input_text": "a", "id": "p"}, {"input_text": "b", "id": "\ud83d"}))


@pytest.mark.parametrize("before", ["shared: {share: 0}\n", "overlap: 2\nshared: {share: 0}\n"])
def test_more_people_for_a_share_hold_for_all_items(world, tmp_path, before):
    from assent.feedback.schema.models import Item

    opened(annotating_files.job_of(tmp_path, before, *raw("x")))
    opened(annotating_files.job_of(tmp_path, "shared: {share: 1, overlap: 3}\n", *raw("x", "y")))
    assert {item.name: item.slot_set.count() for item in Item.objects.all()} == {"x": 3, "y": 3}


def test_a_higher_overlap_keeps_the_number_of_those_that_more_people_judge(world, tmp_path):
    from assent.feedback.schema.models import Item, Project
    from assent.feedback.store.changes import change_settings

    opened(job_of(tmp_path, "", *raw("x")))
    project = Project.objects.get()
    change_settings(project, {**project.settings, "shared": {"share": 1, "overlap": 3}}, "root")
    opened(job_of(tmp_path, "overlap: 2\n", *raw("x")))
    assert Item.objects.get().slot_set.count() == 3


# A start that failed, and was put right


THREE = {"input_text": "Q", "candidate_0": "a", "candidate_1": "b", "candidate_2": "c", "id": "q"}


@pytest.fixture
def failed(tmp_path, world):
    """Three answers are not compared: the task was forgotten."""
    with pytest.raises(UserError, match="expected 2 answers for a pairwise"):
        opened(annotating_files.job_of(tmp_path, "task: pairwise\n", THREE))


def test_the_task_is_as_it_is_asked_for_now(world, tmp_path, failed):
    opened(annotating_files.job_of(tmp_path, "task: ranking\n", THREE))
    assert items() == {"q": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("part", "text"),
    [("gold", "gold: {items: known.jsonl}\n"), ("test", "qualification: {test: known.jsonl}\n")],
)
def test_what_is_expected_has_the_form_of_the_task_that_holds(world, tmp_path, failed, part, text):
    from assent.feedback.schema.models import Item

    known = {"input_text": "G", "candidate_0": "a", "candidate_1": "b", "choice": 1, "id": "g"}
    (tmp_path / "known.jsonl").write_text(json.dumps(known) + "\n")
    opened(annotating_files.job_of(tmp_path, f"task: ranking\n{text}", THREE))
    assert Item.objects.get(part=part).expected == {"ranking": [[1], [0]]}
