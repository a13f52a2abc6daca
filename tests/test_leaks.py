"""A prompt that is evaluated on must not be trained on."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assent.config import Recipe
from assent.errors import UserError
from assent.pipeline.plan import plan
from assent.stages import STAGES


def rows(path: Path, texts: list[str], **more: str) -> None:
    path.write_text("".join(json.dumps({"input_text": text, **more}) + "\n" for text in texts))


PROMPTS = ["第一", "second"]


def as_parquet(path: Path) -> None:
    pq.write_table(pa.table({"input_text": PROMPTS, "output_text": ["a", "b"]}), path)


def as_folder(path: Path) -> None:
    path.mkdir()
    (path / "a.csv").write_text("input_text,output_text\nnothing of it,a\n")
    (path / "b.csv.gz").write_bytes(gzip.compress("input_text,output_text\n第一,a\nsecond,b\n".encode()))


TRAINED_ON = {
    "a.json": lambda path: path.write_text(json.dumps([{"prompt": p, "completion": "a"} for p in PROMPTS])),
    "a.tsv": lambda path: path.write_text("prompt\tcompletion\n第一\ta\nsecond\tb\n"),
    "a.parquet": as_parquet,
    "chats.jsonl": lambda path: path.write_text(
        "".join(
            json.dumps({"messages": [{"role": "user", "content": p}, {"role": "assistant", "content": "a"}]})
            + "\n"
            for p in PROMPTS
        )
    ),
    "folder": as_folder,
}


@pytest.mark.parametrize("name", TRAINED_ON)
@pytest.mark.parametrize("held_out", ["held_out.csv", "held_*.csv"])
def test_prompts_are_found_in_every_format(tmp_path, name, held_out):
    TRAINED_ON[name](tmp_path / name)
    (tmp_path / "held_out.csv").write_text("prompt\nthird\nsecond\n")
    (tmp_path / "recipe.yaml").write_text(
        f"sft: {{stage: finetune, model: some/model, data: {name}}}\n"
        f"report: {{stage: evaluate, policies: [$sft], prompts: '{held_out}'}}\n"
    )
    with pytest.raises(UserError, match=rf"1 of 2 held-out prompts.*{name} \(recipe: sft: data\).*'second'"):
        plan(Recipe.load(tmp_path / "recipe.yaml"), STAGES, tmp_path / "run")


def test_what_cannot_be_read_is_not_passed_over(tmp_path):
    drawn = recipe(tmp_path, ["third"])
    (tmp_path / "demonstrations.jsonl").write_text('{"input_text": "p", "output_text": "a"}\n{broken\n')
    with pytest.raises(UserError, match=r"demonstrations\.jsonl:2: not valid JSON"):
        plan(drawn, STAGES, tmp_path / "run")


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
