"""The loop on an encoder-decoder from scratch: the same recipe, code and promises as of causal models."""

import json
import math

import pytest
import torch
from stage_world import artifact, facts, learned, made, ran, rows, tiny_world, whole_t5
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from assent.config import Recipe
from assent.data.sources import comparisons
from assent.errors import Interrupted, UserError
from assent.models.load import load, load_reward, weights_hash
from assent.pipeline.outline import outline
from assent.records import Prompt
from assent.stages import STAGES
from assent.stages.pretrain import Config, forecast

TINY = {"family": "t5", "width": 16, "depth": 1, "heads": 2, "context": 64, "vocabulary": 600}
TRAINED = ("base", "sft", "adapted", "tuned")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return tiny_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def out(request, world, tmp_path_factory):
    """The whole loop, run once a kind."""
    folder = tmp_path_factory.mktemp("run")
    assert ran(world, whole_t5(request.param), folder) == 0
    return folder, request.param


@pytest.fixture
def corpus(world):
    return str(world / "corpus.txt")


def network_of(folder):
    return AutoModelForSeq2SeqLM.from_pretrained(folder / "model", use_safetensors=True)


@pytest.mark.parametrize("name", [*TRAINED, "judge"])
def test_a_model_is_a_folder_that_transformers_loads(out, name):
    folder, tied = out
    network = network_of(artifact(folder, name))
    tokenizer = AutoTokenizer.from_pretrained(artifact(folder, name) / "model")
    shared, head = network.shared.weight, network.lm_head.weight
    assert torch.equal(shared, head) == tied
    assert network.config.scale_decoder_outputs == tied  # by T5's rule, only one matrix is rescaled
    assert network.encoder.embed_tokens.weight is network.decoder.embed_tokens.weight
    assert network.config.decoder_start_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id
    assert network.config.dropout_rate == 0
    ids = tokenizer("Report: On Monday").input_ids
    assert ids[-1] == network.config.eos_token_id == tokenizer.eos_token_id


def test_our_logits_are_transformers_own(out):
    folder = artifact(out[0], "tuned")
    model, tokenizer = load(str(folder / "model"))
    prompts, _ = tokenizer.prompts([Prompt("Mara sold two boats in Lund."), Prompt("It rained.")])
    responses, _ = tokenizer.responses(["Mara sold.", "Rain"])
    network = network_of(folder).eval()
    with torch.no_grad():
        ours = model.eval().logits(model.states(prompts, responses))
        for row in range(2):
            prompt = prompts.ids[row][prompts.mask[row]]
            response = responses.ids[row][responses.mask[row]]
            read = torch.tensor([[tokenizer.pad_id, *response.tolist()]])
            theirs = network(input_ids=prompt[None], decoder_input_ids=read).logits[0]
            assert torch.allclose(ours[row, : len(response) + 1], theirs, atol=1e-4)


def test_each_training_changed_the_weights_and_lowered_its_loss(out):
    models = [load(str(artifact(out[0], name) / "model"))[0] for name in TRAINED]
    assert len({weights_hash(model) for model in models}) == len(TRAINED)
    told = rows(artifact(out[0], "sft") / "metrics.jsonl")
    assert told[-1]["loss"] < told[0]["loss"]
    held_out = [row["held_out_loss"] for row in told if "held_out_loss" in row]
    assert held_out[-1] < held_out[0]
    assert "held_out_loss" in rows(artifact(out[0], "base") / "metrics.jsonl")[-1]


def test_the_judge_is_measured_on_what_people_said(out):
    told = facts(artifact(out[0], "judge") / "reward.json")
    judged = comparisons(str(artifact(out[0], "judge") / "held_out.jsonl"))
    assert told["n"] == sum(comparison.choice is not None for comparison in judged)
    assert 0 <= told["ci_low"] <= told["accuracy"] <= told["ci_high"] <= 1
    assert math.isfinite(told["loss"])
    model, tokenizer = load_reward(str(artifact(out[0], "judge") / "model"))
    answers, _ = tokenizer.responses(["Mara sold two boats.", "a"])
    asked, _ = tokenizer.prompts([Prompt("Mara sold two boats.")] * 2)
    scores = model.scores(asked, answers)
    assert scores[0] != scores[1]


def test_a_policy_starts_at_its_reference(out):
    told = rows(artifact(out[0], "tuned") / "metrics.jsonl")
    assert told[0]["kl"] == pytest.approx(0, abs=1e-5)
    assert any(abs(row["kl"]) > 1e-3 for row in told[1:])


def test_evaluation_is_side_by_side(out):
    told = facts(artifact(out[0], "report") / "evaluation.json")
    assert told["policies"].keys() == {"sft", "tuned", "best_of_2"}
    assert told["policies"]["sft"]["kl_per_answer"] == pytest.approx(0, abs=1e-5)
    for answers in rows(artifact(out[0], "report") / "answers.jsonl"):
        assert not any("extra_id" in answer["text"] for answer in answers["answers"].values())


def stopped_after(count):
    calls = iter(range(10**6))
    return lambda: next(calls) >= count


@pytest.mark.parametrize("objective", [None, "span_corruption", "prefix"])
@pytest.mark.parametrize("packed", [True, False])
def test_pretraining_stops_and_goes_on_as_if_it_had_not(corpus, tmp_path, objective, packed):
    settings = {"data": corpus, "model": TINY, "pack": packed, "objective": objective}
    settings |= {"steps": 5, "batch": 4, "held_out": 0.1, "evaluate_every": 2}
    whole, told = made("pretrain", tmp_path / "whole", **settings)
    with pytest.raises(Interrupted):
        made("pretrain", tmp_path / "cut", stopped_after(1), **settings)
    torch.rand(5)  # chance that other work has used up must not matter
    cut, rest = made("pretrain", tmp_path / "cut", **settings)
    assert [row["step"] for row in rest] == [2, 3, 4]
    assert rest == told[2:]
    for folder in (whole, cut):
        (folder / "metrics.jsonl").write_text("")
    assert learned(whole) == learned(cut)
    assert len({row["loss"] for row in told}) == 5


def test_the_default_objective_is_span_corruption(corpus, tmp_path):
    settings = {"data": corpus, "model": TINY, "steps": 1, "batch": 4, "pack": False}
    logs = [
        made("pretrain", tmp_path / str(objective), objective=objective, **settings)[1]
        for objective in (None, "span_corruption", "prefix")
    ]
    assert logs[0] == logs[1] != logs[2]


def test_pretraining_goes_on_from_a_folder(out, corpus, tmp_path):
    base = artifact(out[0], "base") / "model"
    folder, _ = made("pretrain", tmp_path, data=corpus, model=str(base), steps=1, batch=2, context=48)
    after, tokenizer = load(str(folder / "model"))
    assert weights_hash(after) != weights_hash(load(str(base))[0])
    assert len(tokenizer.sentinels) == 100


def test_a_causal_model_has_no_objective(corpus, tmp_path):
    causal = {**TINY, "family": "gpt2"}
    with pytest.raises(UserError, match=r"objective prefix is of encoder-decoders, and this model is causal"):
        made("pretrain", tmp_path, data=corpus, model=causal, objective="prefix", steps=1)


def test_an_unknown_objective_is_told(world):
    values = {"base": {"stage": "pretrain", "data": "corpus.txt", "objective": "denoising"}}
    with pytest.raises(UserError, match="base: objective"):
        outline(Recipe(name="r", folder=world, stages=values), STAGES)


def test_sentinels_need_room(world):
    values = {"stage": "pretrain", "data": "corpus.txt", "model": {"family": "t5", "vocabulary": 357}}
    with pytest.raises(UserError, match="vocabulary: t5 needs 358 or more: 100 are its sentinels"):
        outline(Recipe(name="r", folder=world, stages={"base": values}), STAGES)


def test_a_causal_model_with_two_matrices(corpus, tmp_path):
    for family in ("gpt2", "llama"):
        shape = {**TINY, "family": family, "tied": False}
        folder, _ = made("pretrain", tmp_path / family, data=corpus, model=shape, steps=2, batch=2)
        network = AutoModelForCausalLM.from_pretrained(folder / "model")
        head, embeddings = network.get_output_embeddings(), network.get_input_embeddings()
        assert head.weight.shape == embeddings.weight.shape
        assert not torch.equal(head.weight, embeddings.weight)
        assert json.loads((folder / "model" / "config.json").read_text())["tie_word_embeddings"] is False


@pytest.mark.parametrize("tied", [True, False])
def test_the_forecast_knows_the_size(corpus, tmp_path, tied):
    shape = {**TINY, "width": 32, "depth": 2, "tied": tied}
    folder, _ = made("pretrain", tmp_path, data=corpus, model=shape, steps=1, batch=2)
    network = network_of(folder)
    told = forecast(Config(data=corpus, model=shape, steps=1), {})
    assert told.layers == len(network.encoder.block) + len(network.decoder.block) == 4
    ratio = told.parameters / sum(parameter.numel() for parameter in network.parameters())
    assert 1 / 1.2 < ratio < 1.2
