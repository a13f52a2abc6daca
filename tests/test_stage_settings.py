"""Stages one at a time: the settings that the whole loop does not use, and the mistakes that each refuses."""

import json

import pytest
import torch
from stage_world import PROMPTS, REWARDS, made, rows, tiny_world
from transformers import AutoModelForCausalLM

from assent.config import check
from assent.errors import Interrupted, UserError, Waiting
from assent.models.load import load, weights_hash
from assent.models.tokenizer import Template
from assent.stages import STAGES

TINY = {"family": "gpt2", "width": 16, "depth": 1, "heads": 2, "context": 112, "vocabulary": 600}
DRAWING = {"sampling": {"max_new_tokens": 6}, "batch": 5}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Files of the tiny world, and a model that has read a little of it: `world / "base"`."""
    folder = tiny_world(tmp_path_factory.mktemp("world"))
    corpus = str(folder / "corpus.txt")
    made("pretrain", folder / "made", data=corpus, model=TINY, steps=3, batch=4)
    (folder / "made" / "model").rename(folder / "base")
    return folder


@pytest.fixture
def given(world):
    """What most stages ask for."""
    return {"model": str(world / "base"), "prompts": str(world / "prompts.jsonl")}


def written(path, found):
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def asked_to_stop_after(count):
    calls = iter(range(10**6))
    return lambda: next(calls) >= count


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_one_document_a_row_in_both_families(world, tmp_path, family):
    corpus = world / "corpus.txt"
    shape = {**TINY, "family": family, "width": 32, "context": 24}
    folder, log = made("pretrain", tmp_path, data=str(corpus), model=shape, pack=False, steps=4, batch=4)
    network = AutoModelForCausalLM.from_pretrained(folder / "model")
    assert network.config.model_type == family
    assert network.config.hidden_size == 32
    assert log[-1]["documents_cut"] > 30  # 24 tokens hold no report of 24 words and its brief
    assert max(row["tokens"] for row in log) == 4 * 23  # the first token of a document is not predicted
    assert "held_out_loss" in log[-1]


def test_pretraining_goes_on_from_a_folder(world, tmp_path):
    corpus = str(world / "corpus.txt")
    folder, _ = made("pretrain", tmp_path, data=corpus, model=str(world / "base"), steps=2, batch=4)
    before, tokenizer = load(str(world / "base"))
    after, same = load(str(folder / "model"))
    assert weights_hash(after) != weights_hash(before)
    assert same.inner.get_vocab() == tokenizer.inner.get_vocab()
    assert not (folder / "tokenizer").exists()


def test_a_window_beyond_the_model_is_refused(world, tmp_path):
    with pytest.raises(UserError, match="context 113 is more than the 112 tokens"):
        made("pretrain", tmp_path, data=str(world / "corpus.txt"), model=TINY, steps=1, context=113)


@pytest.mark.parametrize("kind", ["pretrain", "finetune", "reward"])
def test_steps_or_epochs(kind):
    inputs = {"data": "a"} if kind == "pretrain" else {"data": "a", "model": "m"}
    inputs = {"preferences": "a", "model": "m"} if kind == "reward" else inputs
    with pytest.raises(UserError, match=r"^recipe: it: give steps or epochs, not both$"):
        check(STAGES[kind].Config, {**inputs, "steps": 3, "epochs": 1}, "recipe: it")
    assert check(STAGES[kind].Config, {**inputs, "epochs": 1.5, "batch": 4}, "").updates(10) == 4
    assert check(STAGES[kind].Config, {**inputs, "batch": 4}, "").updates(10) == 3


def test_chats_are_learned_from(world, tmp_path):
    chat = [{"role": "user", "content": "On Monday"}, {"role": "assistant", "content": "Mara sold"}]
    data = written(tmp_path / "chats.jsonl", [{"messages": chat}, {"messages": [*chat, *chat]}])
    template = {"user": "Report: ", "assistant": "Brief:", "answer_prefix": " "}
    settings = {"steps": 2, "batch": 2, "held_out": 0, "template": template}
    folder, log = made("finetune", tmp_path / "it", model=str(world / "base"), data=data, **settings)
    _, tokenizer = load(str(folder / "model"), template=Template(**template))
    answer = tokenizer.response_ids("Mara sold")[0]
    assert [row["tokens"] for row in log] == [2 * len(answer)] * 2  # the last answer of each chat only


def test_a_demonstration_beyond_the_model_is_refused(world, tmp_path):
    data = written(tmp_path / "long.jsonl", [{"input_text": "On Monday. " * 40, "output_text": "Mara."}])
    with pytest.raises(UserError, match=r"longest demonstration has \d+ tokens, and the model can read 112"):
        made("finetune", tmp_path, model=str(world / "base"), data=data, steps=1)


@pytest.mark.parametrize("kind", ["finetune", "policy"])
def test_adapters_begin_at_their_seed_whatever_ran_before(world, given, tmp_path, kind):
    data = {"data": str(world / "demonstrations.jsonl"), "model": given["model"], "steps": 1, "batch": 4}
    reward = [{"function": f"{world / 'rewards.py'}:brevity"}]
    drawing = {"sampling": {"max_new_tokens": 6}, "steps": 1, "batch": 4, "epochs": 1}
    settings = data if kind == "finetune" else {**given, "rewards": reward, **drawing}
    results = []
    for name in ("a", "b"):
        torch.rand(len(results) + 1)
        folder, log = made(kind, tmp_path / name, **settings, lora={"rank": 2}, learning_rate=0.01)
        results.append((weights_hash(load(str(folder / "model"))[0]), log))
    assert results[0] == results[1]
    assert results[0][0] != weights_hash(load(given["model"])[0])


def test_sampling_goes_on_after_the_last_whole_batch(given, tmp_path):
    whole, _ = made("sample", tmp_path / "whole", **given, **DRAWING)
    with pytest.raises(Interrupted, match=f"stopped after 10 of {PROMPTS} prompts"):
        made("sample", tmp_path / "cut", asked_to_stop_after(2), **given, **DRAWING)
    draft = tmp_path / "cut" / "candidates.draft.jsonl"
    lines = draft.read_text().splitlines(keepends=True)
    assert len(lines) == 10
    draft.write_text("".join(lines[:8]) + lines[8][:20])  # as a kill in the second batch leaves it
    cut, _ = made("sample", tmp_path / "cut", **given, **DRAWING)
    assert (cut / "candidates.jsonl").read_bytes() == (whole / "candidates.jsonl").read_bytes()
    assert not draft.exists()


def test_a_draft_that_is_whole_is_only_renamed(given, tmp_path):
    whole, _ = made("sample", tmp_path, **given, **DRAWING)
    before = (whole / "candidates.jsonl").read_bytes()
    (whole / "candidates.jsonl").rename(whole / "candidates.draft.jsonl")
    again, _ = made("sample", tmp_path, asked_to_stop_after(0), **given, **DRAWING)
    assert (again / "candidates.jsonl").read_bytes() == before


@pytest.mark.parametrize("kind", ["sample", "evaluate", "policy"])
def test_prompts_beyond_the_model_are_refused(world, given, tmp_path, kind):
    settings = {**given, "sampling": {"max_new_tokens": 90}}
    if kind == "evaluate":
        settings["policies"] = [settings.pop("model")]
    if kind == "policy":
        settings["rewards"] = [{"function": f"{world / 'rewards.py'}:brevity"}]
    with pytest.raises(UserError, match=r"max_new_tokens = 90 that is more than the 112"):
        made(kind, tmp_path, **settings)


@pytest.mark.parametrize(
    "sampling", [{"top_k": 5}, {"top_p": 0.9}, {"min_p": 0.1}, {"min_new_tokens": 2}, {"temperature": 0}]
)
def test_a_policy_learns_from_its_whole_distribution(world, given, tmp_path, sampling):
    reward = [{"function": f"{world / 'rewards.py'}:brevity"}]
    with pytest.raises(UserError, match="policy: sampling: top_k, top_p, min_p, min_new_tokens"):
        made("policy", tmp_path, **given, rewards=reward, sampling=sampling)


def test_a_function_alone_is_a_reward(world, given, tmp_path):
    (tmp_path / "rewards.py").write_text(REWARDS.replace("-len(response)", "float(len(response))"))
    reward = [{"function": f"{tmp_path / 'rewards.py'}:brevity", "weight": -0.5, "name": "length"}]
    settings = {"rewards": reward, "steps": 2, "batch": 4, "sampling": {"max_new_tokens": 6}, "kl_coef": 0}
    folder, log = made("policy", tmp_path / "it", **given, **settings)
    assert [row["score"] for row in log] == pytest.approx([-0.5 * row["reward/length"] for row in log])
    assert min(row["reward/length"] for row in log) > 1
    assert json.loads((folder / "rewards.json").read_text())[0]["offset"] == 0
    assert "value_head.safetensors" in learned_files(folder)


def learned_files(folder):
    return {path.name for path in (folder / "model").iterdir()}


def test_policies_with_one_name_are_refused(given, tmp_path):
    twice = {"policies": [given["model"], given["model"]], "prompts": given["prompts"]}
    with pytest.raises(UserError, match="two policies are called base: give one a `name`"):
        made("evaluate", tmp_path, **twice)


def test_best_of_needs_somebody_who_tells(given, tmp_path):
    entries = [given["model"], {"model": given["model"], "best_of": 2}]
    with pytest.raises(UserError, match="best_of_2: best_of needs `rewards`"):
        made("evaluate", tmp_path, policies=entries, prompts=given["prompts"])


def test_an_evaluation_without_judges_says_what_needs_none(given, tmp_path):
    entries = [given["model"], {"model": given["model"], "name": "same"}]
    settings = {"policies": entries, "prompts": given["prompts"], **DRAWING}
    folder, _ = made("evaluate", tmp_path, **settings)
    told = json.loads((folder / "evaluation.json").read_text())
    assert told["comparisons"] == []
    assert told["policies"]["base"]["score_mean"] is None
    assert told["policies"]["base"]["length_mean"] == told["policies"]["same"]["length_mean"]
    with pytest.raises(Interrupted):
        made("evaluate", tmp_path, asked_to_stop_after(1), **settings)


def candidates_of(path, count):
    texts = {"candidate_0": "a", "candidate_1": "b"}
    return written(path, [{"input_text": f"{n}?", **texts, "id": f"i{n}"} for n in range(count)])


def test_judgements_are_waited_for(tmp_path):
    asked = candidates_of(tmp_path / "candidates.jsonl", 3)
    people = tmp_path / "people.jsonl"
    settings = {"candidates": asked, "judgements": str(people), "want": 2, "overlap": 2}
    with pytest.raises(Waiting, match="0 of 2 comparisons answered; more belong in"):
        made("annotate", tmp_path, **settings)
    judged = [
        {**row, "choice": 0, "meta": {"annotator": who, "item": row["id"]}}
        for row in rows(tmp_path / "candidates.jsonl")
        for who in ("ann", "bob")
    ]
    written(people, judged[:3])
    with pytest.raises(Waiting, match="1 of 2 comparisons answered"):
        made("annotate", tmp_path, **settings)
    written(people, judged)
    made("annotate", tmp_path, **settings)
    assert rows(tmp_path / "judgements.jsonl") == judged


def test_more_judgements_than_candidates_cannot_be_wanted(tmp_path):
    asked = candidates_of(tmp_path / "candidates.jsonl", 3)
    with pytest.raises(Waiting, match="there are only 3 candidates to judge"):
        made("annotate", tmp_path, candidates=asked, want=4, panel="assent.demo.panel:judge")


def test_people_and_a_panel_do_not_mix(tmp_path):
    asked = candidates_of(tmp_path / "candidates.jsonl", 3)
    both = {"judgements": "people.jsonl", "panel": "assent.demo.panel:judge"}
    with pytest.raises(UserError, match="give panel or judgements, not both"):
        made("annotate", tmp_path, candidates=asked, **both)


def test_a_file_may_hold_several_numbers_of_candidates(world, tmp_path):
    row = {"input_text": "1?", "candidate_0": "a", "candidate_1": "b", "choice": 0}
    judged = [{**row, "input_text": f"{n}?"} for n in range(6)] + [{**row, "candidate_2": "c"}]
    preferences = written(tmp_path / "judged.jsonl", judged)
    settings = {"preferences": preferences, "held_out": 0, "epochs": 1, "batch": 8}
    _, log = made("reward", tmp_path, model=str(world / "base"), **settings)
    assert len(log) == 2  # a batch of two candidates, and one of three


def test_a_reward_model_of_three_candidates_with_nothing_held_out(world, tmp_path):
    row = {"candidate_0": "a", "candidate_1": "b", "candidate_2": "c", "choice": 2}
    judged = [{**row, "input_text": f"{n}?"} for n in range(4)]
    preferences = written(tmp_path / "judged.jsonl", judged)
    settings = {"preferences": preferences, "held_out": 0, "steps": 2, "lora": {"rank": 2}}
    folder, log = made("reward", tmp_path, model=str(world / "base"), **settings)
    told = json.loads((folder / "reward.json").read_text())
    assert (told["n"], told["accuracy"]) == (0, None)
    assert len(log) == 2
    assert learned_files(folder) >= {"score_head.safetensors", "model.safetensors"}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("$judge", r"x: rewards\.0: expected settings `key: value`, found .\$judge"),
        ({"rule": {"least": 3}}, "x: rewards.0.rule: kind is missing"),
        ({"rule": {"kind": "lenght"}}, "x: rewards.0.rule.kind: expected 'length', .* found 'lenght'"),
    ],
)
def test_a_part_of_the_wrong_shape_is_told_in_our_words(part, message):
    with pytest.raises(UserError, match=message):
        check(STAGES["policy"].config_class({}, "x"), {"model": "m", "prompts": "p", "rewards": [part]}, "x")


def test_a_mistake_in_a_model_is_told_in_the_words_of_the_recipe():
    wrong = {"data": "corpus.txt", "model": TINY | {"family": "gtp2"}}
    with pytest.raises(UserError) as told:
        check(STAGES["pretrain"].Config, wrong, "base")
    assert str(told.value) == "base: model.family: input should be 'gpt2', 'llama' or 't5', found 'gtp2'"
