"""Encoders as rewards: our reading of a prompt and its answer is transformers' own of the two as a pair."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from stage_world import made
from tiny_encoders import CONTEXT, ENCODERS, tiny_encoder
from tiny_folders import SENTENCES, WIDTH

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.encoder import TextEncoder
from assent.models.heads import RewardModel
from assent.models.load import LoRA, load, load_reward, load_trunk, save_reward, saved_size, weights_hash
from assent.models.tokenizer import Template
from assent.records import Prompt
from assent.rewards.saved import saved_reward

ANSWERS = ["she", "the red ball, it was", "", "one day"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoders")
    return {family: str(tiny_encoder(family, root / family)) for family in ENCODERS}


@pytest.fixture(params=ENCODERS)
def folder(request, encoders):
    return encoders[request.param]


def read(folder, template=None):
    model, tokenizer = load_trunk(folder, template=template)
    return model.eval(), tokenizer


def tokens_of(tokenizer, texts=SENTENCES, answers=ANSWERS):
    prompts, _ = tokenizer.prompts([Prompt(text) for text in texts])
    return prompts, tokenizer.responses(answers)[0]


def row(tokens, at):
    return Tokens(tokens.ids[at : at + 1], tokens.mask[at : at + 1])


@torch.no_grad()
def own_state(folder, prompt, answer):
    """What transformers alone makes of two texts: the pair's first state."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    takes_segments = network.config.model_type in ("bert", "electra")
    # in lists, since it takes an empty second text for none
    pair = tokenizer([prompt], [answer], return_tensors="pt", return_token_type_ids=takes_segments)
    return network(**pair).last_hidden_state[0, 0]


def test_the_state_is_transformers_own(folder):
    model, tokenizer = read(folder)
    with torch.no_grad():
        ours = model.final_state(*tokens_of(tokenizer))
    for at, (prompt, answer) in enumerate(zip(SENTENCES, ANSWERS, strict=True)):
        assert torch.allclose(ours[at], own_state(folder, prompt, answer), atol=1e-4)
    assert ours.shape == (4, WIDTH)
    assert (ours[0] - ours[1]).abs().max() > 0.1


def test_the_pair_is_written_as_the_tokenizer_writes_it(folder):
    _, tokenizer = read(folder, Template(prefix="say: ", answer_prefix="so "))
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    prompts, responses = tokens_of(tokenizer)
    for at in (0, 1, 3):
        ours = [*prompts.ids[at][prompts.mask[at]].tolist(), *responses.ids[at][responses.mask[at]].tolist()]
        assert ours == theirs("say: " + SENTENCES[at], "so " + ANSWERS[at])["input_ids"]
    assert tokenizer.end_id == theirs.sep_token_id


def test_padding_changes_nothing_whatever_stands_there(folder):
    model, tokenizer = read(folder)
    prompts, responses = tokens_of(tokenizer)
    with torch.no_grad():
        padded = model.final_state(prompts, responses)
        noise = [
            Tokens(torch.where(t.mask, t.ids, torch.randint(5, 100, t.ids.shape)), t.mask)
            for t in (prompts, responses)
        ]
        assert torch.allclose(model.final_state(*noise), padded, atol=1e-5)
        for at in range(4):
            alone = model.final_state(row(prompts, at).left_trimmed(), row(responses, at).right_trimmed())
            assert torch.allclose(alone[0], padded[at], atol=1e-4)


def test_a_token_that_pads_elsewhere_counts_where_it_is_real(encoders):
    """RoBERTa by itself would give it, and all after it, another position."""
    model, tokenizer = read(encoders["roberta"])
    pad = tokenizer.pad_id
    prompts = Tokens.of([[0, 9, pad, 10, 2, 2]], pad, side="left")
    responses = Tokens.of([[11, 12, 2]], pad)
    ids = torch.tensor([[0, 9, pad, 10, 2, 2, 11, 12, 2]])
    network = transformers.AutoModel.from_pretrained(encoders["roberta"]).eval()
    with torch.no_grad():
        places = torch.arange(9)[None] + pad + 1  # Liu et al. count from the padding's id on
        theirs = network(ids, torch.ones_like(ids), position_ids=places).last_hidden_state[0, 0]
        assert torch.allclose(model.final_state(prompts, responses)[0], theirs, atol=1e-5)


def test_what_it_can_read(encoders):
    # 64 positions; RoBERTa's config says two more, which come before the first
    assert {family: read(folder)[0].context for family, folder in encoders.items()} == dict.fromkeys(
        ENCODERS, CONTEXT
    )


@pytest.mark.parametrize("limit", [6, 12])
def test_a_prompt_that_is_cut_keeps_its_first_token(folder, limit):
    _, tokenizer = read(folder, Template(max_prompt_tokens=limit))
    whole, _ = read(folder)[1].prompt_ids(Prompt(SENTENCES[3]))
    ids, was_cut = tokenizer.prompt_ids(Prompt(SENTENCES[3]))
    assert was_cut
    assert len(ids) <= limit
    assert ids[0] == whole[0] == tokenizer.inner.cls_token_id
    assert ids[-2:] == whole[-2:]


def test_all_weights_learn_and_nothing_is_left_over(folder):
    """The pooler and the head that fills gaps are gone: a weight without a gradient would stop DDP."""
    model = RewardModel(read(folder)[0])
    scores = model.scores(*tokens_of(read(folder)[1]))
    gradients = torch.autograd.grad(scores.sum(), list(model.parameters()), allow_unused=True)
    unused = [
        name
        for (name, _), gradient in zip(model.named_parameters(), gradients, strict=True)
        if gradient is None
    ]
    assert unused == []


def test_an_encoder_is_no_policy(folder):
    with pytest.raises(UserError, match=r"is an encoder: an encoder has a score head only.*not a policy"):
        load(folder)


def test_only_adapters_learn_and_they_are_merged_when_saved(folder, tmp_path):
    torch.manual_seed(1)
    body, tokenizer = load_trunk(folder, LoRA(rank=2))
    assert isinstance(body, TextEncoder)
    named = [name for name, parameter in body.named_parameters() if parameter.requires_grad]
    assert named
    assert all("lora_" in name for name in named)
    model = RewardModel(body).eval()
    pairs = tokens_of(tokenizer)
    with torch.no_grad():
        before = model.scores(*pairs)
        for parameter in body.learning():
            parameter.add_(0.2 * torch.randn_like(parameter))
        expected = model.scores(*pairs)
        assert (expected - before).abs().max() > 1e-2
        save_reward(model, tokenizer, tmp_path)
        assert torch.equal(model.scores(*pairs), expected)  # the model in memory is untouched
        back, its_tokenizer = load_reward(str(tmp_path))
        assert torch.allclose(back.scores(*tokens_of(its_tokenizer)), expected, atol=1e-4)
    assert not [name for name in back.body.network.state_dict() if "lora" in name]


def test_a_reward_model_comes_back(folder, tmp_path):
    body, tokenizer = read(folder, Template(prefix="say: "))
    model = RewardModel(body)
    save_reward(model, tokenizer, tmp_path)
    back, its_tokenizer = load_reward(str(tmp_path))
    pairs = tokens_of(tokenizer)
    with torch.no_grad():
        assert torch.equal(back.scores(*pairs), model.scores(*pairs))
    assert its_tokenizer.template == tokenizer.template
    assert weights_hash(back.body) == weights_hash(body)
    parameters, layers = saved_size(str(tmp_path))
    assert layers == 2
    assert parameters == pytest.approx(sum(p.numel() for p in body.parameters()), rel=0.25)
    transformers.AutoModel.from_pretrained(tmp_path)  # and transformers reads what was written


@pytest.mark.parametrize("lora", [None, {"rank": 2}])
def test_a_reward_stage_on_an_encoder(encoders, tmp_path, lora):
    """After a few updates the answer that is always right has the higher score on a new prompt."""
    rows = [
        {"input_text": text, "candidate_0": "she loved", "candidate_1": "the ball", "choice": 0}
        for text in [*SENTENCES, *(f"{text} One day." for text in SENTENCES)]
    ]
    judgements = tmp_path / "comparisons.jsonl"
    judgements.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"steps": 32, "batch": 4, "learning_rate": 0.02, "held_out": 0.25, "lora": lora}
    folder, log = made(
        "reward", tmp_path / "it", model=encoders["bert"], preferences=str(judgements), **settings
    )
    assert log[-1]["loss"] < 0.5 < log[0]["loss"]
    good, bad = saved_reward(str(folder / "model"))(["she"] * 2, ["she loved", "the ball"])
    assert good > bad


def test_recomputation_gives_the_same_gradient(encoders):
    model, tokenizer = read(encoders["bert"])
    pairs = tokens_of(tokenizer)
    parameters = model.learning()
    plain = torch.autograd.grad(model.final_state(*pairs).square().sum(), parameters)
    model.recompute()
    again = torch.autograd.grad(model.final_state(*pairs).square().sum(), parameters)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(plain, again, strict=True))


def test_weights_that_are_missing_are_not_made_up(encoders, tmp_path):
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((type(tmp_path)(encoders["bert"]) / name).read_bytes())
    weights = load_file(f"{encoders['bert']}/model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"cannot be loaded: its weights lack encoder.layer.1.output.dense"):
        load_trunk(str(tmp_path))


def altered(encoders, tmp_path, change):
    """A copy of the BERT folder whose tokenizer.json is another."""
    for path in type(tmp_path)(encoders["bert"]).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    change(tokenizer)
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    return str(tmp_path)


def test_a_tokenizer_that_closes_no_pairs(encoders, tmp_path):
    def change(tokenizer):
        del tokenizer["post_processor"]["pair"][-1]

    with pytest.raises(UserError, match="does not close a pair of texts with its sep_token"):
        load_trunk(altered(encoders, tmp_path, change))


def test_a_network_that_is_read_otherwise_is_refused(encoders, tmp_path):
    def change(tokenizer):  # the answer is of the first segment too, says this tokenizer, and we would not
        for piece in tokenizer["post_processor"]["pair"]:
            next(iter(piece.values()))["type_id"] = 0

    with pytest.raises(UserError, match=r"the family bert reads a pair of texts in a way that is not known"):
        load_trunk(altered(encoders, tmp_path, change))
