"""The settings `weights` and `template` of every stage that begins with a model, and `passes` of a policy."""

import json
from pathlib import Path

import pytest
import torch
from known_recipes import pickled_classifier, prompts_file, sentence, written
from safetensors.torch import load_file
from stage_world import Lines, facts, made, rows
from tiny_folders import tiny_folder

from assent.config import check
from assent.errors import UserError
from assent.models import hub, torch_weights
from assent.models.hub import hub_size
from assent.stages import classes_reward, policy
from assent.stages.policy_config import Config
from assent.stages.workspace import Workspace

TRAINING = {"steps": 1, "batch": 4}
TEMPLATE = {"prefix": "Q: ", "suffix": "\nA:"}


@pytest.fixture(scope="module")
def pickled(tmp_path_factory) -> Path:
    """A language model as pytorch_model.bin alone."""
    path = tiny_folder("gpt2", tmp_path_factory.mktemp("models") / "gpt2")
    torch.save(load_file(path / "model.safetensors"), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    return path


@pytest.fixture
def files(tmp_path):
    written(tmp_path / "d.jsonl", [{"input_text": sentence(n), "output_text": "a b"} for n in range(8)])
    candidates = {"candidate_0": "a", "candidate_1": "b", "choice": 0}
    written(tmp_path / "c.jsonl", [{"input_text": sentence(n)} | candidates for n in range(8)])
    written(tmp_path / "l.jsonl", [{"text": sentence(n), "label": "ab"[n % 2]} for n in range(20)])
    prompts_file(tmp_path / "p.jsonl", range(6))
    (tmp_path / "t.txt").write_text("\n".join(sentence(n, 30) for n in range(20)))
    (tmp_path / "r.py").write_text(
        "def short(prompts, responses):\n    return [-len(r) for r in responses]\n"
    )
    return tmp_path


def stage(kind, files):
    """The settings of a stage, with little to do."""
    sampling = {"max_new_tokens": 3}
    return {
        "finetune": {"data": f"{files}/d.jsonl", **TRAINING},
        "pretrain": {"data": f"{files}/t.txt", "held_out": 0, "context": 16, **TRAINING},
        "sample": {"prompts": f"{files}/p.jsonl", "sampling": sampling},
        "reward": {"preferences": f"{files}/c.jsonl", **TRAINING},
        "policy": {
            "prompts": f"{files}/p.jsonl",
            "rewards": [{"function": f"{files}/r.py:short"}],
            "critic": "policy",
            "steps": 1,
            "batch": 4,
            "minibatch": 4,
            "sampling": sampling,
        },
    }[kind]


@pytest.mark.parametrize("kind", ["finetune", "pretrain", "sample", "reward", "policy"])
def test_each_stage_reads_a_pickle_when_it_may(files, pickled, kind):
    settings = stage(kind, files)
    with pytest.raises(UserError, match="weights: torch"):
        made(kind, files / "refused", model=str(pickled), **settings)
    folder, _ = made(kind, files / kind, model=str(pickled), weights="torch", **settings)
    assert list(folder.glob("model/*.safetensors" if kind != "sample" else "candidates.jsonl"))


def test_so_does_dpo(files, pickled):
    settings = {"preferences": f"{files}/c.jsonl", "algorithm": "dpo", **TRAINING}
    folder, _ = made("policy", files / "dpo", model=str(pickled), weights="torch", **settings)
    assert (folder / "model" / "model.safetensors").exists()


def test_so_does_a_classifiers_trunk(files):
    trunk = pickled_classifier(files / "trunk", 2, seed=1)
    settings = {"data": f"{files}/l.jsonl", "model": str(trunk), **TRAINING}
    work = Workspace("tone", files, Lines(), lambda done, total, note: None, lambda: False)
    with pytest.raises(UserError, match="weights: torch"):
        classes_reward.run(check(classes_reward.Config, settings, "tone"), work)
    classes_reward.run(check(classes_reward.Config, settings | {"weights": "torch"}, "tone"), work)
    assert (files / "model" / "model.safetensors").exists()


def test_evaluate_reads_a_pickle_with_a_template(files, pickled):
    entry = {"model": str(pickled), "weights": "torch", "template": TEMPLATE, "name": "old"}
    settings = {"prompts": f"{files}/p.jsonl", "sampling": {"max_new_tokens": 3}}
    folder, _ = made("evaluate", files / "evaluate", policies=[entry], **settings)
    assert set(facts(folder / "evaluation.json")["policies"]) == {"old"}


@pytest.mark.parametrize("kind", ["finetune", "reward", "policy"])
def test_a_template_is_kept_with_what_is_made(files, kind):
    model = tiny_folder("gpt2", files / "gpt2")
    folder, _ = made(kind, files / kind, model=str(model), template=TEMPLATE, **stage(kind, files))
    kept = facts(folder / "model" / "assent.json")["template"]
    assert {key: kept[key] for key in TEMPLATE} == TEMPLATE


def test_a_template_changes_what_is_answered(files):
    """With the likeliest token each time, answers differ only by what was read."""
    model = str(tiny_folder("gpt2", files / "gpt2"))
    settings = {"model": model, "prompts": f"{files}/p.jsonl", "per_prompt": 1}
    settings["sampling"] = {"max_new_tokens": 6, "temperature": 0}
    plain, _ = made("sample", files / "plain", **settings)
    framed, _ = made("sample", files / "framed", template=TEMPLATE, **settings)
    asked = [{"input_text": f"Q: {row['input_text']}\nA:"} for row in rows(files / "p.jsonl")]
    by_hand, _ = made(
        "sample", files / "hand", **settings | {"prompts": str(written(files / "h.jsonl", asked))}
    )
    answers = [
        [row["candidate_0"] for row in rows(at / "candidates.jsonl")] for at in (plain, framed, by_hand)
    ]
    assert answers[1] == answers[2] != answers[0]


def config(**given):
    return check(
        Config, {"model": "m", "prompts": "p.jsonl", "rewards": [{"function": "a:b"}], **given}, "tuned"
    )


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({"batch": 64}, 16),  # 1000 / 64 = 15.6
        ({"batch": 64, "passes": 2}, 32),  # 31.25
        ({"batch": 64, "passes": 0.5}, 8),  # 7.8
        ({"batch": 64, "steps": 5}, 5),
        ({"batch": 64, "passes": 2, "algorithm": "rloo"}, 125),  # four answers a prompt: 16 prompts a step
    ],
)
def test_passes_over_a_thousand_prompts(given, steps):
    assert config(**given).updates_of(1000) == steps


def test_steps_and_passes_are_one_thing(files):
    with pytest.raises(UserError, match="give steps or passes, not both"):
        config(steps=1, passes=1)
    with pytest.raises(UserError, match=r"passes: .*greater than 0"):
        config(passes=0)


def test_a_policys_passes_are_run_and_forecast(files):
    model = tiny_folder("gpt2", files / "gpt2")
    settings = stage("policy", files) | {"critic": "shared", "model": str(model), "passes": 3}
    del settings["steps"]
    _, log = made("policy", files / "policy", **settings)
    assert len(log) == 5  # ceil(6 x 3 / 4)
    forecast = policy.forecast(check(Config, settings, "tuned"), {})
    assert (forecast.steps, forecast.epochs) == (5, pytest.approx(20 / 6))


@pytest.mark.parametrize(
    ("name", "parameters", "layers"),  # of the published models
    [
        ("EleutherAI/pythia-1.4b", 1.41e9, 24),
        ("meta-llama/Llama-2-7b-hf", 6.74e9, 32),
        ("meta-llama/Llama-2-70b-chat-hf", 69e9, 80),
        ("facebook/opt-125m", 125e6, 12),
        ("Qwen/Qwen2.5-0.5B-Instruct", 494e6, 24),
        ("EleutherAI/gpt-neox-20b", 20.6e9, 44),
    ],
)
def test_the_size_that_a_hub_name_tells(name, parameters, layers):
    found = hub_size(name)
    assert found is not None
    assert found[0] == pytest.approx(parameters, rel=0.1)
    assert 0.5 < found[1] / layers < 2


@pytest.mark.parametrize("name", ["gpt2", "google/flan-t5-small", "somebody/model-v2", "a/b-10", "x/8b4-mix"])
def test_names_that_tell_no_size(name):
    assert hub_size(name) is None


def test_the_size_of_a_hub_model_that_is_here(files, monkeypatch):
    model = tiny_folder("gpt2", files / "gpt2")
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda _name, file: str(model / file))
    weights = sum(tensor.numel() for tensor in load_file(model / "model.safetensors").values())
    found = hub_size("somebody/model-7b")
    assert found is not None
    assert found[0] == pytest.approx(weights, rel=0.2)  # the file's bytes hold a header as well
    assert found[1] == json.loads((model / "config.json").read_text())["n_layer"]


def test_of_two_at_once_the_first_counts(tmp_path):
    with torch_weights._made_whole(tmp_path, "key") as slow:
        (slow / "who").write_text("slow")
        with torch_weights._made_whole(tmp_path, "key") as quick:
            (quick / "who").write_text("quick")
    assert [(path.name, (path / "who").read_text()) for path in tmp_path.iterdir()] == [("key", "quick")]


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"weights: torch: .*file.*: cannot be written: Not a directory"),
        torch_weights._made_whole(tmp_path / "file", "key"),
    ):
        pass
