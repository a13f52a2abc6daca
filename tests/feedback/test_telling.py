"""What the terminal says while people judge, and when their judgements are written."""

from dataclasses import replace

import pytest
from annotating import annotating
from people_world import answers, prefers
from test_command import pairs

from assent.tools import annotate_serving
from assent.tools.annotate import Wishes, app_services
from assent.tools.annotate_files import project_job
from assent.tools.annotate_recipe import recipe_job
from assent.tools.annotate_serving import Saying, _calling, _exporting, _telling


@pytest.fixture
def recipe_at_work(world, tmp_path):
    """The job of a recipe that wants two of three answered, and what makes ann answer the next."""
    from assent.feedback.opening import open_project
    from assent.feedback.schema.models import Project

    pairs(tmp_path, count=3)
    (tmp_path / "tea.yaml").write_text("feedback: {stage: annotate, candidates: candidates.jsonl, want: 2}")
    job = recipe_job(tmp_path / "tea.yaml", Wishes(tmp_path))
    open_project(job.wanted[0], app_services().read)
    project = Project.objects.get()
    ann = world.person("ann", "annotator", project)
    return job, lambda: answers(ann, project, prefers("one"))


def test_how_far_people_are_is_said_when_they_are_further(recipe_at_work, monkeypatch):
    job, answer = recipe_at_work
    said = []
    look = _telling(job, Saying(said.append))
    answer()
    look()
    assert said == []  # not yet: a minute has not passed
    monkeypatch.setattr(annotate_serving, "TOLD_SECONDS", 0.0)
    look()
    look()
    answer()
    answer()
    look()
    assert said == [
        "feedback: 1 of 2 comparisons answered",
        "feedback: 3 comparisons answered; 2 were wanted",
    ]


def test_that_a_run_can_go_on_is_said_once(recipe_at_work):
    job, answer = recipe_at_work
    said = []
    look = _calling(job, Saying(said.append))
    answer()
    look()
    assert said == []
    answer()
    look()
    look()
    assert said == [f"enough is answered: {job.go_on}"]
    assert job.go_on.startswith("assent run ")


def test_judgements_that_come_with_a_file_are_told_of(tmp_path):
    (tmp_path / "judged.jsonl").write_text(
        '{"input_text": "Tea?", "candidate_0": "Yes.", "candidate_1": "No.", "choice": 0}\n'
    )
    with annotating(tmp_path, "judged.jsonl", "--out", "more.jsonl") as app:
        assert "judged: 1 new items\n" in app.said
        [told] = [line for line in app.said if "came with them" in line]
        assert told.startswith("judged: 1 judgements came with them and count")
        app.until("all is judged")
        assert app.end() == 0


def test_a_pool_for_second_opinions_holds_no_file_up(world, tmp_path):
    """Whoever judges alone has judged all, though some items are asked of two more people."""
    from assent.feedback.opening import open_project
    from assent.feedback.schema.models import Project, Slot

    (tmp_path / "pool.yaml").write_text("items: candidates.jsonl\nshared: {share: 1, overlap: 3}\n")
    pairs(tmp_path)
    job = project_job(tmp_path / "pool.yaml", Wishes(tmp_path / "feedback.jsonl"))
    job = replace(job, database=world.database)
    open_project(job.wanted[0], app_services().read)
    project, said = Project.objects.get(), []
    assert Slot.objects.count() == 6
    ann = world.person("ann", "annotator", project)
    answers(ann, project, prefers("one"), prefers("one"))
    _exporting(job, Saying(said.append))()
    assert said[0] == "all is judged"
