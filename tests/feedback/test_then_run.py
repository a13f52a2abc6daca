"""`assent annotate RECIPE`: the projects of its stages, on what the run has made; and `--then-run`."""

import json
import shutil

import pytest
from annotating import annotating
from click.testing import CliRunner
from people_world import answers, prefers
from stage_world import artifact, ran, rows, states, written

from assent.cli import main
from assent.errors import UserError, Waiting
from assent.stages import STAGES
from assent.tools.annotate import Wishes, app_services
from assent.tools.annotate_recipe import ROWS_OF, recipe_job

FILE = "feedback: {stage: annotate, candidates: candidates.jsonl, want: 2}\n"
DRAWN = """
answers: {stage: sample, model: base, prompts: prompts.jsonl, sampling: {max_new_tokens: 2}}
feedback: {stage: annotate, candidates: $answers, want: 2, project: {shared: {share: 0}, title: Tea}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def candidates_at(path, *numbers, suffix=""):
    asked = [
        {
            "input_text": f"Prompt {n}",
            "candidate_0": f"one {n}{suffix}",
            "candidate_1": "two",
            "id": f"item-{n}",
        }
        for n in numbers
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in asked))


def job_of(folder, text, *overrides):
    written(folder, text, name="asked.yaml")  # beside it, as recipe.yaml, a run keeps what it ran
    return recipe_job(folder / "asked.yaml", Wishes(folder, overrides))


def opened(job):
    """As the command opens them, in the database of the fixture `world`."""
    from assent.feedback.opening import open_project

    return [open_project(one, app_services().read) for one in job.wanted]


def items():
    from assent.feedback.schema.models import Item

    return {item.name: item.candidates for item in Item.objects.order_by("position")}


def test_a_run_that_goes_on_by_itself(folder):
    candidates_at(folder / "candidates.jsonl", 0, 1, 2)
    written(folder, FILE)
    with annotating(folder, "recipe.yaml", "--then-run") as app:
        assert "feedback: 0 of 2 comparisons answered\n" in app.said
        admin = app.visitor("ann")
        admin.judge("feedback", {"choice": "left"})
        admin.judge("feedback", {"choice": "right"})
        app.until("2 comparisons of feedback are answered, so the run goes on: assent run recipe.yaml")
        app.until("the run is done")
        out = folder / "runs" / "recipe"
        assert len(rows(artifact(out, "feedback") / "judgements.jsonl")) == 2
        admin.judge("feedback", {"choice": "tie"})  # it is still served
        assert app.end() == 0
        assert "feedback: 3 comparisons answered; 2 were wanted\n" in app.said
        assert "go on with: assent run recipe.yaml\n" in app.said


def test_what_is_not_made_yet_names_the_command(folder):
    written(folder, DRAWN)
    shown = CliRunner().invoke(main, ["annotate", "recipe.yaml"])
    assert shown.exit_code == 2
    assert (
        "$answers is not made yet, so there is nothing to judge: first assent run recipe.yaml" in shown.stderr
    )


def test_a_recipe_that_asks_nobody_is_told_of(folder):
    with pytest.raises(UserError, match="no stage asks people"):
        job_of(folder, FILE.replace("want", "judgements: people.jsonl, want"))


def test_a_stage_that_is_not_there_is_told_of(folder):
    with pytest.raises(UserError, match=r"no stage has the name \$answer; did you mean answers\?"):
        job_of(folder, DRAWN.replace("$answers", "$answer"))


def test_files_of_the_project_must_be_there(folder):
    candidates_at(folder / "candidates.jsonl", 0)
    text = FILE.replace("want: 2", "project: {guideline: none.md}")
    with pytest.raises(UserError, match=r"asked: feedback: project.guideline: .*none\.md: no such file"):
        job_of(folder, text)


def test_a_wrong_setting_is_named(folder):
    candidates_at(folder / "candidates.jsonl", 0)
    with pytest.raises(UserError, match=r"unknown key project\.titel; did you mean title\?"):
        job_of(folder, FILE.replace("want: 2", "project: {titel: Tea}"))


@pytest.mark.parametrize("wish", [{"task": "ranking"}, {"guideline": "g.md"}])
def test_options_of_files_are_not_for_recipes(folder, wish):
    candidates_at(folder / "candidates.jsonl", 0)
    written(folder, FILE)
    with pytest.raises(UserError, match="is for files: of a recipe, the stage's project: says it"):
        recipe_job(folder / "recipe.yaml", Wishes(**wish))


def test_projects_are_what_the_stages_say(world, folder):
    from assent.feedback.schema.models import Guideline, Project, Slot

    candidates_at(folder / "candidates.jsonl", 0, 1)
    (folder / "how.md").write_text("Choose the better one.")
    opened(
        job_of(
            folder,
            FILE.replace("want: 2", "want: 2, overlap: 2, project: {guideline: how.md, strength: true}"),
        )
    )
    project = Project.objects.get()
    assert (project.name, project.task, project.want) == ("feedback", "pairwise", 2)
    assert project.settings["strength"] is True
    assert Slot.objects.filter(item__name="item-0").count() in (2, 3)  # 3: of the shared pool
    assert Guideline.objects.get().text == "Choose the better one."


def test_opening_again_changes_nothing(world, folder):
    from assent.feedback.schema.models import Audit, Slot

    candidates_at(folder / "candidates.jsonl", 0, 1)
    opened(job_of(folder, FILE))
    before = items(), Slot.objects.count(), Audit.objects.count()
    [again] = opened(job_of(folder, FILE))
    assert (again.items, again.judgements) == (0, 0)
    assert (items(), Slot.objects.count(), Audit.objects.count()) == before


def test_new_candidates_are_added_and_none_is_lost(world, folder):
    candidates_at(folder / "candidates.jsonl", 0, 1)
    opened(job_of(folder, FILE))
    candidates_at(folder / "candidates.jsonl", 1, 2)
    [made] = opened(job_of(folder, FILE))
    assert made.items == 1
    assert list(items()) == ["item-0", "item-1", "item-2"]


def test_other_answers_under_the_same_name_are_other_items(world, folder):
    """A model that was trained anew answers the same prompts; its item-0 is not the item-0 of before."""
    candidates_at(folder / "candidates.jsonl", 0, 1)
    opened(job_of(folder, FILE))
    candidates_at(folder / "candidates.jsonl", 0, 1, suffix=" again")
    [made] = opened(job_of(folder, FILE))
    assert made.items == 2
    assert sorted(one for one, _ in items().values()) == ["one 0", "one 0 again", "one 1", "one 1 again"]
    (folder / "candidates.jsonl").touch()
    assert opened(job_of(folder, FILE))[0].items == 0


def test_a_higher_overlap_asks_more_of_items_that_are_there(world, folder):
    from assent.feedback.schema.models import Item, Slot

    candidates_at(folder / "candidates.jsonl", 0, 1)
    none_shared = FILE.replace("want: 2", "want: 2, overlap: OVERLAP, project: {shared: {share: 0}}")
    opened(job_of(folder, none_shared.replace("OVERLAP", "1")))
    assert Slot.objects.count() == 2
    opened(job_of(folder, none_shared.replace("OVERLAP", "3")))
    assert [item.slot_set.count() for item in Item.objects.all()] == [3, 3]
    assert sorted(Slot.objects.values_list("number", flat=True)) == [0, 0, 1, 1, 2, 2]


def test_what_admins_changed_stays_until_the_recipe_changes_it(world, folder):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.changes import change_settings
    from assent.feedback.store.projects import settings_of

    candidates_at(folder / "candidates.jsonl", 0)
    text = FILE.replace("want: 2", "want: WANT, project: {title: TITLE, lease_minutes: 5}")
    opened(job_of(folder, text.replace("TITLE", "Tea").replace("WANT", "2")))
    project = Project.objects.get()
    change_settings(project, {**project.settings, "title": "Green tea", "lease_minutes": 9}, "ann")
    opened(job_of(folder, text.replace("TITLE", "Tea").replace("WANT", "1")))
    project.refresh_from_db()
    told = settings_of(project)
    assert (told.title, told.lease_minutes, project.want) == ("Green tea", 9, 1)
    opened(job_of(folder, text.replace("TITLE", "Coffee").replace("WANT", "1")))
    project.refresh_from_db()
    told = settings_of(project)
    assert (told.title, told.lease_minutes) == ("Coffee", 9)


def test_a_guideline_that_admins_changed_stays_changed(world, folder):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.projects import add_guideline, guideline_of

    candidates_at(folder / "candidates.jsonl", 0)
    (folder / "how.md").write_text("first")
    text = FILE.replace("want: 2", "project: {guideline: how.md}")
    opened(job_of(folder, text))
    project = Project.objects.get()
    add_guideline(project, "second", "ann")
    opened(job_of(folder, text))
    assert guideline_of(project).text == "second"
    (folder / "how.md").write_text("third")
    opened(job_of(folder, text))
    assert (guideline_of(project).text, guideline_of(project).version) == ("third", 3)


def test_another_task_under_the_same_name_is_refused(world, folder):
    candidates_at(folder / "candidates.jsonl", 0)
    opened(job_of(folder, FILE))
    with pytest.raises(UserError, match=r"asked: feedback: task: .* give this one another name"):
        opened(job_of(folder, FILE.replace("want: 2", "project: {task: ranking}")))


def test_gold_and_practice_are_items_of_their_own(world, folder):
    from assent.feedback.schema.models import Item

    candidates_at(folder / "candidates.jsonl", 0)
    known = {"input_text": "2 + 2?", "candidate_0": "4", "candidate_1": "5", "choice": 0}
    for name in ("gold", "practice", "test"):
        (folder / f"{name}.jsonl").write_text(json.dumps({**known, "id": name}) + "\n")
    qualification = "qualification: {practice: practice.jsonl, test: test.jsonl}"
    project = f"project: {{gold: {{items: gold.jsonl}}, {qualification}}}"
    for _ in range(2):
        opened(job_of(folder, FILE.replace("want: 2", project)))
    parts = {item.name: (item.part, item.expected) for item in Item.objects.all()}
    right = {"choice": 0}
    assert parts == {
        "item-0": ("real", None),
        "gold": ("gold", right),
        "practice": ("practice", right),
        "test": ("test", right),
    }


def test_candidates_of_a_stage_come_from_the_run(folder, gpt2):
    """The last run is believed as long as what the candidates rest on is written as it was."""
    model, tokenizer = gpt2
    from assent.models.load import save

    save(model, tokenizer, folder / "base")
    asked = [{"input_text": "Once upon"}, {"input_text": "She loved"}]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    assert ran(folder, DRAWN, folder) == Waiting.exit_code
    [wanted] = job_of(folder, DRAWN).wanted
    assert wanted.items == str(artifact(folder, "answers") / "candidates.jsonl")
    assert (wanted.name, wanted.want, wanted.settings.title) == ("feedback", 2, "Tea")
    later = DRAWN.replace("title: Tea", "title: Coffee")
    assert job_of(folder, later).wanted[0].settings.title == "Coffee"
    with pytest.raises(UserError, match=r"answers is not as the run in .* had it when \$answers was made"):
        job_of(folder, DRAWN, "answers.per_prompt=3")
    assert states(folder)["feedback"]["status"] == "waiting"
    shutil.rmtree(artifact(folder, "answers"))
    with pytest.raises(UserError, match=r"\$answers is not made yet, so there is nothing to judge"):
        job_of(folder, DRAWN)


def test_stages_make_rows_under_the_names_that_are_looked_for():
    assert {kind: STAGES[kind].RESULT for kind in ROWS_OF} == ROWS_OF


def test_a_stage_reads_what_was_judged(world, folder):
    from assent.feedback.schema.models import Project

    candidates_at(folder / "candidates.jsonl", 0, 1)
    opened(job_of(folder, FILE))
    project = Project.objects.get()
    ann = world.person("ann", "annotator", project)
    answers(ann, project, prefers("one"), prefers("two"))
    assert ran(folder, FILE, folder) == 0
    assert [row["choice"] for row in rows(artifact(folder, "feedback") / "judgements.jsonl")] == [0, 1]
