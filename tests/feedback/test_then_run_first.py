"""`--then-run` of a recipe whose candidates are not made yet: a run makes them before the app is opened."""

import json

import pytest
from annotating import annotating
from click.testing import CliRunner
from stage_world import states, written
from test_then_run import DRAWN

from assent.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_not_made_yet_is_made_by_a_run_that_goes_on(folder, gpt2):
    model, tokenizer = gpt2
    from assent.models.load import save

    save(model, tokenizer, folder / "base")
    asked = [{"input_text": "Once upon"}, {"input_text": "She loved"}]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    written(folder, DRAWN)
    with annotating(folder, "recipe.yaml", "--then-run") as app:
        assert "so there is nothing to judge: first assent run recipe.yaml: that begins now\n" in app.said[0]
        assert "feedback: 0 of 2 comparisons answered\n" in app.said
        admin = app.visitor("ann")
        admin.judge("feedback", {"choice": "left"})
        admin.judge("feedback", {"choice": "right"})
        app.until("the run is done")
        assert app.end() == 0
    assert states(folder / "runs" / "recipe")["feedback"]["status"] == "done"


def test_a_first_run_that_fails_ends_the_command(folder):
    written(folder, DRAWN)
    shown = CliRunner().invoke(main, ["annotate", "recipe.yaml", "--then-run"])
    assert shown.exit_code == 2
    assert "that begins now" in shown.stdout
    assert not (folder / "runs" / "recipe" / "feedback.sqlite3").exists()
