import json
import os

import pytest
import yaml
from click.testing import CliRunner
from known_recipes import RECIPES, prompts_file, written

from assent.cli import main
from assent.errors import UserError
from assent.tools.vertex import import_vertex, parameters_in

# As the course "Reinforcement Learning from Human Feedback" gives them for its own run of the pipeline.
COURSE = {
    "preference_dataset": "gs://bucket/comparisons/train/*.jsonl",
    "prompt_dataset": "gs://bucket/reddit.jsonl",
    "eval_dataset": "gs://bucket/val/*.jsonl",
    "large_model_reference": "llama-2-7b",
    "reward_model_train_steps": 1410,
    "reinforcement_learning_train_steps": 320,
    "reward_model_learning_rate_multiplier": 1.0,
    "reinforcement_learning_rate_multiplier": 0.2,
    "kl_coeff": 0.1,
    "instruction": 'Summarize in "less" than 50 words: 总结',
}


def made(folder, parameters, out="recipe.yaml"):
    """(the recipe as YAML reads it, its text, what is to be fetched)"""
    (folder / "params.json").write_text(json.dumps(parameters), encoding="utf-8")
    imported = import_vertex(folder / "params.json", folder / out)
    text = (folder / out).read_text(encoding="utf-8")
    assert text == imported.text
    return yaml.safe_load(text), text, imported.to_fetch


def without(parameters, *names):
    return {name: value for name, value in parameters.items() if name not in names}


def test_the_recipe_of_the_course(tmp_path):
    values, text, to_fetch = made(tmp_path, COURSE)
    template = {"instruction": 'Summarize in "less" than 50 words: 总结\n', "max_prompt_tokens": 512}
    assert values == {
        "seed": 0,
        "judge": {
            "stage": "reward",
            "model": "meta-llama/Llama-2-7b-hf",
            "template": template,
            "preferences": "preference_dataset/*.jsonl",
            "max_response_tokens": 64,
            "steps": 1410,
            "batch": 64,
            "micro_batch": 4,
            "learning_rate": 0.0001,
            "lora": {"rank": 4},
        },
        "tuned": {
            "stage": "policy",
            "model": "meta-llama/Llama-2-7b-hf",
            "template": template,
            "prompts": "prompt_dataset.jsonl",
            "rewards": [{"model": "$judge"}],
            "steps": 320,
            "batch": 64,
            "minibatch": 64,
            "micro_batch": 4,
            "learning_rate": "2e-6",  # PyYAML reads it as text, for want of a dot; a recipe's reader does not
            "kl_coef": 0.1,
            "lora": {"rank": 1},
            "sampling": {"max_new_tokens": 64},
        },
        "report": {
            "stage": "evaluate",
            "policies": [
                {"model": "meta-llama/Llama-2-7b-hf", "name": "before", "template": template},
                "$tuned",
            ],
            "prompts": "eval_dataset/*.jsonl",
            "rewards": [{"model": "$judge"}],
            "sampling": {"max_new_tokens": 64},
        },
    }
    assert to_fetch == (
        "mkdir -p preference_dataset && gcloud storage cp 'gs://bucket/comparisons/train/*.jsonl' "
        "preference_dataset/",
        "gcloud storage cp 'gs://bucket/reddit.jsonl' prompt_dataset.jsonl",
        "mkdir -p eval_dataset && gcloud storage cp 'gs://bucket/val/*.jsonl' eval_dataset/",
    )
    assert all(f"#     {command}\n" in text for command in to_fetch)
    assert "learning_rate: 2e-6 # reinforcement_learning_rate_multiplier 0.2 x 1e-5" in text


def test_each_parameter_is_named_in_a_comment(tmp_path):
    _, text, _ = made(tmp_path, COURSE | {"prompt_sequence_length": 512, "target_sequence_length": 64})
    comments = " ".join(line.partition("#")[2] for line in text.splitlines())
    assert [name for name in COURSE if name not in comments] == []


def test_the_shipped_recipe_is_what_its_parameters_give(tmp_path):
    source = RECIPES / "pipeline-llama2.json"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    text = import_vertex(tmp_path / source.name, tmp_path / "pipeline-llama2.yaml").text
    assert text == (RECIPES / "pipeline-llama2.yaml").read_text(encoding="utf-8")


def test_defaults_are_those_of_the_pipeline(tmp_path):
    names = ("preference_dataset", "prompt_dataset", "large_model_reference")
    values, text, _ = made(tmp_path, {name: COURSE[name] for name in names})
    assert values["judge"]["steps"] == values["tuned"]["steps"] == 1000
    assert "reward_model_train_steps, by default" in text
    assert values["tuned"]["kl_coef"] == 0.1
    assert values["tuned"]["template"] == {"max_prompt_tokens": 512}
    assert "report" not in values


def test_local_data_is_counted(tmp_path):
    """3,000 comparisons and 2,000 prompts: the notebook of the pipeline computes 1410 and 320 from them."""
    row = {"input_text": "a", "candidate_0": "b", "candidate_1": "c", "choice": 0}
    written(tmp_path / "comparisons.jsonl", [row] * 3000)
    prompts_file(tmp_path / "prompts.jsonl", range(2000))
    local = {"preference_dataset": "comparisons.jsonl", "prompt_dataset": "prompts.jsonl"}
    values, text, to_fetch = made(tmp_path, without(COURSE, "eval_dataset") | local)
    assert to_fetch == ()
    assert values["judge"]["preferences"] == "comparisons.jsonl"
    assert "reward_model_train_steps, 30 passes over 3000 rows" in text
    assert "reinforcement_learning_train_steps, 10 passes over 2000 rows" in text
    steps = ("reward_model_train_steps", "reinforcement_learning_train_steps")
    epochs = {"reward_model_train_epochs": 30, "reinforcement_learning_train_epochs": 10}
    values, text, _ = made(tmp_path, without(COURSE, *steps) | local | epochs, "counted.yaml")
    assert (values["judge"]["steps"], values["tuned"]["steps"]) == (1410, 320)
    assert "steps: 1410 # reward_model_train_epochs 30 x ceil(3000 / 64)" in text
    values, _, _ = made(tmp_path, without(COURSE, *steps) | epochs, "far.yaml")
    assert (values["judge"]["epochs"], values["tuned"]["passes"]) == (30, 10)


def test_paths_are_told_from_the_recipes_folder(tmp_path):
    (tmp_path / "data").mkdir()
    prompts_file(tmp_path / "data" / "prompts.jsonl", range(3))
    (tmp_path / "model").mkdir()
    (tmp_path / "recipes").mkdir()
    local = {"prompt_dataset": "data/prompts.jsonl", "large_model_reference": "./model"}
    values, _, _ = made(tmp_path, COURSE | local, "recipes/mine.yaml")
    assert values["tuned"]["prompts"] == os.path.join("..", "data", "prompts.jsonl")
    assert values["tuned"]["model"] == os.path.join("..", "model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"large_model_reference": "text-bison@001"}, "text-bison@001: its weights were never published"),
        ({"large_model_reference": "chat-bison"}, "Give an open model: llama-2-7b, "),
        ({"large_model_reference": "lama-2-7b"}, "no model is called 'lama-2-7b'; did you mean llama-2-7b"),
        ({"large_model_reference": "gemini"}, "no model is called 'gemini'; expected llama-2-7b, "),
        ({"kl_coef": 0.1}, "unknown key kl_coef; did you mean kl_coeff?"),
        ({"reward_model_steps": 1}, "unknown key reward_model_steps; did you mean reward_model_train_steps?"),
        ({"kl_coeff": -1}, "kl_coeff: .*greater than or equal to 0"),
        ({"reward_model_train_epochs": 20}, "give reward_model_train_steps or reward_model_train_epochs"),
        ({"prompt_dataset": None}, "prompt_dataset: .*string"),
    ],
)
def test_what_is_refused(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        made(tmp_path, COURSE | change)
    assert not (tmp_path / "recipe.yaml").exists()


@pytest.mark.parametrize("length", ["steps", "epochs"])
def test_an_empty_data_set_is_told(tmp_path, length):
    (tmp_path / "none.jsonl").write_text("\n")
    given = {key: value for key, value in COURSE.items() if not key.startswith("reward_model_train")}
    changed = given | {"preference_dataset": "none.jsonl", f"reward_model_train_{length}": 3}
    with pytest.raises(UserError, match=r"none\.jsonl: no rows there"):
        made(tmp_path, changed)


def test_what_only_the_cloud_needs_is_left_out(tmp_path):
    cloud = {"project": "p", "location": "l", "deploy_model": True, "model_display_name": "secret name"}
    assert made(tmp_path, COURSE | cloud)[1] == made(tmp_path, COURSE, "plain.yaml")[1]


@pytest.mark.parametrize("key", ["parameter_values", "parameterValues"])
def test_the_parameters_of_a_job(tmp_path, key):
    (tmp_path / "job.json").write_text(json.dumps({"displayName": "mine", key: COURSE}))
    assert parameters_in(tmp_path / "job.json").kl_coeff == 0.1


@pytest.mark.parametrize(
    ("content", "message"), [("{", "cannot be read as JSON"), ("[1]", "expected .*found list")]
)
def test_a_file_that_is_none(tmp_path, content, message):
    (tmp_path / "params.json").write_text(content)
    with pytest.raises(UserError, match=message):
        parameters_in(tmp_path / "params.json")
    with pytest.raises(UserError, match="no such file"):
        parameters_in(tmp_path / "nothing.json")


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.json").write_text(json.dumps(COURSE))
    done = CliRunner().invoke(main, ["import-vertex", "params.json", "mine.yaml"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("wrote mine.yaml\nfetch the data before it runs:\n  mkdir -p preference")
    again = CliRunner().invoke(main, ["import-vertex", "params.json", "mine.yaml"])
    assert again.exit_code == 2
    assert "mine.yaml: is there already" in again.output
    assert CliRunner().invoke(main, ["import-vertex", "params.json", "mine.yaml", "--force"]).exit_code == 0
    plan = CliRunner().invoke(main, ["plan", "mine.yaml"])
    assert plan.exit_code == 2  # the data was not fetched yet
    assert "preference_dataset/*.jsonl: no such file" in plan.output
