"""The command by which people judge for a run, as its messages give it."""

import pytest

from assent.config import Recipe
from assent.pipeline.people import annotate_command, default_folder


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tea.yaml"
    path.write_text("feedback: {stage: annotate, candidates: c.jsonl}\n")
    return Recipe.load(path)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("", "assent annotate tea.yaml"),  # from Python: nothing was typed
        ("assent run tea.yaml", "assent annotate tea.yaml"),
        ("assent run ./tea.yaml --quiet", "assent annotate ./tea.yaml"),
        ("assent run tea.yaml --set a.b=1 --set=c.d=2", "assent annotate tea.yaml --set a.b=1 --set=c.d=2"),
        ("assent run tea.yaml --set 'a.b=two words'", "assent annotate tea.yaml --set 'a.b=two words'"),
    ],
)
def test_the_recipe_and_its_overrides_are_named_again(recipe, typed, command):
    assert annotate_command(recipe, default_folder(recipe), typed) == command


def test_a_folder_that_is_not_the_usual_one_is_named(recipe, tmp_path):
    assert annotate_command(recipe, tmp_path / "mine") == "assent annotate tea.yaml --out mine"
    assert annotate_command(recipe, tmp_path.parent / "its") == (
        f"assent annotate tea.yaml --out {tmp_path.parent / 'its'}"
    )
