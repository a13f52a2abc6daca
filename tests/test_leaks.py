"""A prompt that is evaluated on must not be trained on."""

import json
from pathlib import Path

import pytest

from assent.config import Recipe
from assent.errors import UserError
from assent.pipeline.plan import plan
from assent.stages import STAGES


def rows(path: Path, texts: list[str], **more: str) -> None:
    path.write_text("".join(json.dumps({"input_text": text, **more}) + "\n" for text in texts))


def recipe(folder: Path, held_out: list[str]) -> Recipe:
    rows(folder / "demonstrations.jsonl", ["first", "second"], output_text="an answer")
    rows(folder / "held_out.jsonl", held_out)
    (folder / "recipe.yaml").write_text(
        "sft: {stage: finetune, model: some/model, data: demonstrations.jsonl}\n"
        "report: {stage: evaluate, policies: [$sft], prompts: held_out.jsonl}\n"
    )
    return Recipe.load(folder / "recipe.yaml")


def test_a_held_out_prompt_that_is_trained_on_is_refused(tmp_path):
    with pytest.raises(UserError) as error:
        plan(recipe(tmp_path, ["third", "second"]), STAGES, tmp_path / "run")
    message = str(error.value)
    assert "1 of 2 held-out prompts" in message
    assert "demonstrations.jsonl (recipe: sft: data)" in message
    assert "'second'" in message


def test_prompts_of_its_own_are_accepted(tmp_path):
    steps = plan(recipe(tmp_path, ["third", "fourth"]), STAGES, tmp_path / "run").steps
    assert [step.name for step in steps] == ["sft", "report"]
