"""A project's own YAML, for people who have no recipe; and chats with models of a run."""

import json
import time
import uuid

import pytest
from annotating import annotating
from stage_world import rows
from test_command import pairs, typed

from assent.errors import UserError
from assent.tools.annotate import Wishes
from assent.tools.annotate_files import beside, project_job
from assent.tools.annotate_jobs import job_of

PROJECT = """
items: candidates.jsonl
out: judged/tea.jsonl
name: tea
title: Which tea?
guideline: how.md
shared: {share: 0}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab" / "judged").mkdir(parents=True)
    pairs(tmp_path / "lab")
    (tmp_path / "lab" / "how.md").write_text("Choose the better one.")
    return tmp_path


def project(folder, text=PROJECT, **wishes):
    path = folder / "lab" / "project.yaml"
    path.write_text(text)
    return project_job(path, Wishes(**wishes))


def test_paths_start_at_the_file_and_the_database_lies_beside_it(folder):
    job = project(folder)
    [wanted] = job.wanted
    assert job.database == folder / "lab" / "project.sqlite3"
    assert job.out == folder / "lab" / "judged" / "tea.jsonl"
    assert (wanted.name, wanted.items) == ("tea", str(folder / "lab" / "candidates.jsonl"))
    assert wanted.settings.guideline == str(folder / "lab" / "how.md")
    assert (wanted.settings.title, wanted.settings.shared.share) == ("Which tea?", 0)


def test_without_a_name_it_is_called_as_its_file(folder):
    assert project(folder, "items: candidates.jsonl\n").wanted[0].name == "project"


def test_the_command_lines_word_is_the_last(folder):
    (folder / "other.md").write_text("Other.")
    job = project(folder, task="ranking", guideline=folder / "other.md", out=folder / "x.jsonl")
    [wanted] = job.wanted
    assert wanted.settings.task == "ranking"
    assert wanted.settings.guideline == str(folder / "other.md")
    assert job.out == folder / "x.jsonl"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("items: none.jsonl\n", r"project\.yaml: items: .*none\.jsonl: no such file"),
        ("items: candidates.jsonl\nguidline: how.md\n", "unknown key guidline; did you mean guideline"),
        ("items: candidates.jsonl\ntask: rating\n", "criteria: expected one of summary"),
        (
            "items: candidates.jsonl\ncriteria: summary\n",
            "criteria belong to task: rating, and this is pairwise",
        ),
        ("items: candidates.jsonl\npolicies: [m]\n", "policies belong to task: chat, and this is pairwise"),
        (
            "items: a.jsonl\ntask: rating\ncriteria: [{name: a, lowest: 2, highest: 2}]\n",
            "expected lowest < highest, and eleven steps at most",
        ),
        (
            "task: chat\nimplicit: {enabled: true, consent: ' '}\n",
            "expected the text that people agree to before anything is kept",
        ),
        ("task: pairwise\n", "items is missing: the file of what is judged"),
        ("items: candidates.jsonl\nout: judged.txt\n", "the suffix says what to write"),
    ],
)
def test_mistakes_name_the_file_and_the_key(folder, text, message):
    with pytest.raises(UserError, match=message):
        project(folder, text)


def test_options_of_recipes_are_not_for_projects(folder):
    with pytest.raises(UserError, match=r"project\.yaml: --set is for recipes: write it into the file"):
        project(folder, overrides=("task=ranking",))


def test_files_of_the_hub_are_looked_for_when_they_are_read(folder):
    """Nothing is fetched to learn whether it is there, nor whether it has changed."""
    [wanted] = project(folder, "items: hub:some/pairs\n").wanted
    assert (wanted.items, wanted.version) == ("hub:some/pairs:train", "")


def test_judgements_of_a_recipe_are_not_exported(folder):
    recipe = "feedback: {stage: annotate, candidates: lab/candidates.jsonl}\n"
    (folder / "recipe.yaml").write_text(recipe)
    shown = typed("recipe.yaml", "--export")
    assert shown.exit_code == 2
    assert "a run reads the judgements itself: assent run recipe.yaml" in shown.stderr


def test_a_recipe_is_told_from_a_project(folder):
    """A stage may be called `items`."""
    recipe = "items: {stage: annotate, candidates: candidates.jsonl}\n"
    (folder / "lab" / "recipe.yaml").write_text(recipe)
    [wanted] = job_of(str(folder / "lab" / "recipe.yaml"), Wishes()).wanted
    assert wanted.stage == "items"
    (folder / "lab" / "project.yaml").write_text(PROJECT)
    assert job_of(str(folder / "lab" / "project.yaml"), Wishes()).wanted[0].stage == ""


def test_without_out_there_is_nothing_to_export(folder):
    (folder / "lab" / "project.yaml").write_text("items: candidates.jsonl\n")
    shown = typed("lab/project.yaml", "--export")
    assert shown.exit_code == 2
    assert "say where the judgements go: --out judgements.jsonl" in shown.stderr


@pytest.mark.parametrize(
    ("out", "name"),
    [("j.jsonl", "j.ties.jsonl"), ("a/j.csv", "a/j.ties.csv"), ("j.v2.jsonl.gz", "j.v2.ties.jsonl.gz")],
)
def test_files_beside_are_named_after_the_first(tmp_path, out, name):
    assert beside(tmp_path / out, "ties") == tmp_path / name


def test_without_out_it_is_said_where_judgements_stay(folder):
    made = project(folder, PROJECT.replace("out: judged/tea.jsonl\n", ""))
    assert any(str(made.database) in note and "--out" in note for note in made.notes)
    assert not any("--out" in note for note in project(folder).notes)


def test_a_project_is_judged_and_exported(folder):
    (folder / "lab" / "project.yaml").write_text(PROJECT.replace("tea.jsonl", "tea.csv"))
    with annotating(folder, "lab/project.yaml") as app:
        admin = app.visitor("ann")
        assert "Which tea?" in admin.get("/p/tea/")
        admin.judge("tea", {"choice": "tie"})
        admin.judge("tea", {"choice": "left"})
        assert app.end() == 0
    assert (
        (folder / "lab" / "judged" / "tea.csv").read_text().startswith("input_text,candidate_0,candidate_1")
    )
    assert (folder / "lab" / "judged" / "tea.ties.csv").exists()


def test_people_talk_to_models_by_their_names(folder, gpt2):
    """The model is loaded when somebody first speaks. Its own words are whatever a random model says."""
    from assent.models.load import save

    model, tokenizer = gpt2
    save(model, tokenizer, folder / "parrot")
    (folder / "chat.yaml").write_text("task: chat\npolicies: [parrot]\nout: thumbs.jsonl\n")
    with annotating(folder, "chat.yaml") as app:
        assert not any("loading" in line for line in app.said)
        admin = app.visitor("ann")
        assert "parrot" not in admin.get("/p/chat/chat/")
        said = {"conversation": str(uuid.uuid4()), "uuid": str(uuid.uuid4()), "text": "Once"}
        told = admin.post("/p/chat/chat/say", said)
        app.until("loading parrot")
        end = time.monotonic() + 120
        while told["state"] == "thinking" and time.monotonic() < end:
            time.sleep(0.2)
            told = admin.post("/p/chat/chat/say", said)
        assert told["state"] == "answered"
        assert app.end() == 0


def test_a_model_that_is_not_there_is_told_of_at_once(folder):
    (folder / "chat.yaml").write_text("task: chat\npolicies: [./no/such/model]\n")
    shown = typed("chat.yaml", "--port", "0")
    assert shown.exit_code == 2
    assert "no such folder or run" in shown.stderr


def test_rows_of_the_export_are_read_back(folder):
    """What comes out goes in again: the same judgements, of the same people."""
    words = ("lab/candidates.jsonl", "--out", "judgements.jsonl")
    with annotating(folder, *words) as app:
        admin = app.visitor("ann")
        admin.judge("candidates", {"choice": "left", "comment": "clear"})
        assert app.end() == 0
    first = rows(folder / "judgements.jsonl")
    with annotating(folder, "judgements.jsonl", "--out", "again.jsonl") as app:
        assert app.end() == 0
    assert rows(folder / "again.jsonl") == first
    assert json.dumps(first).count("clear") == 1
