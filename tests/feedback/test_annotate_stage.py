"""`stage: annotate` without panel, judge and judgements: it waits for people, then freezes what they said."""

import json

import pytest
from people_world import BOTH_BAD, CANNOT, TIE, answers, prefers
from stage_world import Lines, artifact, ran, rows, states

from assent.config import check
from assent.data.sources import comparisons
from assent.errors import UserError, Waiting
from assent.feedback.asked import project_name
from assent.pipeline.runner import Options
from assent.stages import annotate
from assent.stages.workspace import Workspace

RECIPE = "feedback: {stage: annotate, candidates: candidates.jsonl, want: WANT}\n"


def candidates_at(folder, count=4):
    path = folder / "candidates.jsonl"
    asked = [
        {"input_text": f"Prompt {n}", "candidate_0": f"one of real {n}", "candidate_1": f"two of real {n}"}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in asked))
    return str(path)


def stage(folder, name="feedback", **settings):
    """Run the stage in the run's folder `folder`; where it wrote."""
    place = folder / "work"
    place.mkdir(exist_ok=True)
    told = []
    work = Workspace(
        name,
        place,
        Lines(),
        lambda *one: told.append(one),
        lambda: False,
        run=folder,
        annotate="assent annotate tea.yaml",
    )
    given = {"candidates": candidates_at(folder), **settings}
    annotate.run(check(annotate.Config, given, name), work)
    return place


def test_without_an_app_nobody_has_answered(tmp_path):
    with pytest.raises(Waiting) as waiting:
        stage(tmp_path, want=3)
    assert str(waiting.value) == "0 of 3 comparisons answered; judge them with: assent annotate tea.yaml"


def test_without_a_run_there_is_nobody_to_wait_for(tmp_path):
    work = Workspace("feedback", tmp_path, Lines(), lambda *_: None, lambda: False)
    config = check(annotate.Config, {"candidates": candidates_at(tmp_path)}, "feedback")
    with pytest.raises(UserError, match="feedback: no run's folder, so there are no people to wait for"):
        annotate.run(config, work)


def test_more_than_there_are_cannot_be_answered(tmp_path):
    with pytest.raises(Waiting, match="0 of 5 comparisons answered; there are only 4 to answer in"):
        stage(tmp_path, want=5)


def test_people_are_waited_for_and_then_frozen(world, tmp_path):
    project = world.project("feedback")
    world.items(project, 4)
    ann = world.person("ann", "annotator", project)
    first, _ = answers(ann, project, prefers("two"), prefers("one"))
    with pytest.raises(Waiting, match="2 of 4 comparisons answered; judge them with: assent annotate tea"):
        stage(tmp_path, want=4)
    answers(ann, project, TIE, BOTH_BAD)
    place = stage(tmp_path, want=4)
    frozen = rows(place / "judgements.jsonl")
    assert [(row["input_text"], row["choice"]) for row in frozen] == [
        ("Prompt 0", 1),
        ("Prompt 1", 0),
        ("Prompt 2", None),
    ]
    assert frozen[0]["candidate_1"] == "two of real 0"
    assert frozen[0]["meta"]["annotator"] == "ann"
    assert frozen[0]["meta"]["item"] == "real-0"
    assert frozen[0]["meta"]["judgement"] == str(first.uuid)
    assert sorted(path.name for path in place.iterdir()) == ["judgements.jsonl"]
    assert [one.choice for one in comparisons(str(place / "judgements.jsonl"))] == [1, 0, None]


def test_the_last_word_counts(world, tmp_path):
    from uuid import UUID

    from feedback_world import new_uuid

    from assent.feedback.store.judging import Submission, submit

    project = world.project("feedback")
    world.items(project, 1)
    ann = world.person("ann", "annotator", project)
    [said] = answers(ann, project, prefers("one"))
    changed = {"choice": "left" if said.shown.order[0] == 1 else "right"}
    submit(ann, Submission(UUID(new_uuid()), said.shown.pk, changed, revision=2))
    assert [row["choice"] for row in rows(stage(tmp_path, want=1) / "judgements.jsonl")] == [1]


def test_each_item_needs_its_judgements(world, tmp_path):
    project = world.project("feedback", overlap=2)
    world.items(project, 2, slots=2)
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    answers(ann, project, prefers("one"), prefers("one"))
    answers(bob, project, prefers("two"))
    with pytest.raises(Waiting, match="1 of 2 comparisons answered"):
        stage(tmp_path, want=2, overlap=2)
    answers(bob, project, prefers("two"))
    assert len(rows(stage(tmp_path, want=2, overlap=2) / "judgements.jsonl")) == 4


def test_the_stages_overlap_wins_over_the_projects():
    given = {"candidates": "c.jsonl", "project": {"overlap": 3}}
    assert check(annotate.Config, given, "s").settings.overlap == 3
    assert check(annotate.Config, {**given, "overlap": 2}, "s").settings.overlap == 2
    assert check(annotate.Config, {"candidates": "c.jsonl"}, "s").settings.overlap == 1


def test_whoever_judges_alone_does_not_wait_for_the_shared_pool(world, tmp_path):
    project = world.project("feedback")
    world.items(project, 1, slots=3)  # of the shared pool: three people are asked
    answers(world.person("ann", "annotator", project), project, prefers("one"))
    assert len(rows(stage(tmp_path, want=1) / "judgements.jsonl")) == 1


def test_answers_without_any_choice_teach_nothing(world, tmp_path):
    project = world.project("feedback")
    world.items(project, 2)
    answers(world.person("ann", "annotator", project), project, CANNOT, BOTH_BAD)
    with pytest.raises(UserError, match="2 comparisons are answered, none of them with a choice"):
        stage(tmp_path, want=2)


@pytest.mark.parametrize(
    ("task", "more", "candidates", "answer", "frozen"),
    [
        ("ranking", {}, ("a", "b", "c"), {"ranking": [[2], [0], [1]]}, {"choice", "ranking", "candidate_2"}),
        ("rating", {"criteria": [{"name": "tone"}]}, ("a",), {"ratings": [{"tone": 4}]}, {"rating", "scale"}),
        ("demonstration", {}, (), {"text": "Gladly."}, {"output_text", "author"}),
        ("edit", {}, ("a",), {"position": 0, "text": "Mended."}, {"output_text", "author"}),
    ],
)
def test_other_tasks_are_frozen_as_what_they_are(world, tmp_path, task, more, candidates, answer, frozen):
    project = world.project("feedback", task=task, **more)
    world.items(project, 1, candidates=candidates)
    answers(world.person("ann", "annotator", project), project, answer)
    place = stage(tmp_path, want=1, project={"task": task, **more})
    [row] = rows(place / "judgements.jsonl")
    assert frozen <= row.keys()
    if task == "edit":
        [mend] = rows(place / "edits.jsonl")
        assert (mend["candidate_0"], mend["candidate_1"], mend["choice"]) == ("Mended.", "a of real 0", 0)


def test_a_damaged_database_is_told_of(tmp_path):
    (tmp_path / "feedback.sqlite3").write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    with pytest.raises(UserError, match=r"feedback\.sqlite3: not a feedback database that can be read"):
        stage(tmp_path, want=1)


def test_a_database_that_is_gone_is_told_of(world, tmp_path):
    for path in tmp_path.glob("feedback.sqlite3*"):
        if path.suffix != ".secret":
            path.unlink()
    with pytest.raises(UserError, match="is not there any more"):
        stage(tmp_path, want=1)


@pytest.mark.parametrize("elsewhere", [{"panel": "assent.demo.panel:judge"}, {"judgements": "people.jsonl"}])
def test_how_people_are_asked_is_nothing_for_a_panel(tmp_path, elsewhere):
    with pytest.raises(UserError, match="project says how people are asked"):
        stage(tmp_path, project={"title": "Tea"}, **elsewhere)


def test_a_chat_is_nothing_to_wait_for(tmp_path):
    with pytest.raises(UserError, match="a chat has no items to wait for"):
        stage(tmp_path, project={"task": "chat"})


@pytest.mark.parametrize(
    ("name", "address"), [("feedback", "feedback"), ("round_2", "round_2"), ("a.b", "a-b-"), ("反馈", "")]
)
def test_names_of_stages_become_names_in_addresses(name, address):
    made = project_name(name)
    assert made.startswith(address)
    assert made.replace("-", "").replace("_", "").isascii()
    assert made.replace("-", "").replace("_", "").isalnum()
    assert made == project_name(name)
    assert len(project_name(name * 100)) <= 80


def test_a_run_waits_goes_on_and_takes_later_judgements_when_asked(world, tmp_path, capfd):
    candidates_at(tmp_path)
    recipe = RECIPE.replace("WANT", "2")
    out = tmp_path  # where the world has its database
    typed = Options(command=f"assent run {tmp_path}/asked.yaml --set feedback.want=2 --quiet", quiet=True)
    project = world.project("feedback")
    world.items(project, 4)
    ann = world.person("ann", "annotator", project)
    answers(ann, project, prefers("one"))
    assert ran(tmp_path, recipe, out, typed) == Waiting.exit_code
    waiting = f"assent annotate {tmp_path}/asked.yaml --set feedback.want=2 --out {out}"
    assert f"1 of 2 comparisons answered; judge them with: {waiting}" in capfd.readouterr().out
    answers(ann, project, prefers("two"))
    assert ran(tmp_path, recipe, out, typed) == 0
    before = artifact(out, "feedback")
    assert [row["choice"] for row in rows(before / "judgements.jsonl")] == [0, 1]
    answers(ann, project, prefers("two"))
    assert ran(tmp_path, recipe, out, typed) == 0
    assert artifact(out, "feedback") == before
    assert ran(tmp_path, recipe, out, Options(quiet=True, refresh_feedback=True)) == 0
    assert artifact(out, "feedback") != before
    assert [row["choice"] for row in rows(artifact(out, "feedback") / "judgements.jsonl")] == [0, 1, 1]


def test_a_refresh_that_finds_the_same_judgements_has_nothing_of_before(world, tmp_path):
    """What is no vote came since: the result is the same, and so is every file of the artifact."""
    candidates_at(tmp_path)
    project = world.project("feedback")
    world.items(project, 4)
    ann = world.person("ann", "annotator", project)
    answers(ann, project, prefers("one"), BOTH_BAD)
    recipe = RECIPE.replace("WANT", "2")
    assert ran(tmp_path, recipe, tmp_path) == 0
    before = artifact(tmp_path, "feedback")
    answers(ann, project, BOTH_BAD)
    assert ran(tmp_path, recipe, tmp_path, Options(quiet=True, refresh_feedback=True)) == 0
    assert artifact(tmp_path, "feedback") == before
    logs = {"metrics.jsonl", "timing.jsonl"}
    assert {path.name for path in before.glob("*.jsonl")} - logs == {"judgements.jsonl"}


def test_how_people_are_asked_changes_no_export(world, tmp_path):
    candidates_at(tmp_path)
    project = world.project("feedback")
    world.items(project, 2)
    answers(world.person("ann", "annotator", project), project, prefers("one"), prefers("two"))
    recipe = RECIPE.replace("WANT", "2")
    assert ran(tmp_path, recipe, tmp_path) == 0
    before = states(tmp_path)["feedback"]["key"]
    assert ran(tmp_path, recipe, tmp_path, overrides=("feedback.project={title: Tea}",)) == 0
    assert states(tmp_path)["feedback"]["key"] == before
