"""PPO's own checks, on a tiny policy and a reward that is the share of wanted tokens."""

import copy
import math

import pytest
import torch
from policy_loop import Loop, config_of, players_of, questions_of

from assent.batch import Rollout, Tokens
from assent.models.load import LoRA, adapted
from assent.models.sampler import Sampling
from assent.training.checkpoint import generator_of
from assent.training.learner import Optimiser
from assent.training.policy_settings import Credit, Leash
from assent.training.ppo import ppo_credit, ppo_terms, shuffled
from assent.training.rollout_summary import kl_per_answer, summary
from assent.training.rollouts import collect


@pytest.fixture(params=["gpt2", "llama", "gpt2 with adapters"])
def policy(request, gpt2, llama):
    if request.param == "gpt2 with adapters":
        return adapted(gpt2[0], LoRA(rank=4)).eval(), gpt2[1]
    return gpt2 if request.param == "gpt2" else llama


def test_the_first_update_starts_where_the_rollout_ended(policy):
    model, tokenizer = policy
    config = config_of(micro_batch=16)  # read as it was written down: in one forward
    players = players_of(model, tokenizer.end_id)
    rollout = collect(players, questions_of(tokenizer, 16)(0), config, generator_of(0))
    assert kl_per_answer(rollout, config) == 0.0
    experience = ppo_credit(rollout, rollout.scores, config, config.kl_coef)
    with torch.no_grad():
        _, report = ppo_terms(players, experience, config)
    mask = rollout.responses.mask
    assert report["clip_fraction"][mask].abs().max() == 0
    assert report["approx_kl"][mask].abs().max() == 0  # so the ratio is exactly 1
    assert abs((report["policy_loss"][mask].mean() + experience.advantages[mask].mean()).item()) < 1e-6


def test_the_first_minibatch_too_but_for_rounding(policy):
    model, tokenizer = policy
    config = config_of()
    players = players_of(model, tokenizer.end_id)
    rollout = collect(players, questions_of(tokenizer, 16)(0), config, generator_of(0))
    experience = ppo_credit(rollout, rollout.scores, config, config.kl_coef)
    minibatch = next(shuffled(experience, 1, 8, generator_of(1)))
    with torch.no_grad():
        _, report = ppo_terms(players, minibatch, config)
    mask = minibatch.loss_mask
    assert report["clip_fraction"][mask].sum() == 0
    assert abs((report["policy_loss"][mask].mean() + minibatch.advantages[mask].mean()).item()) < 1e-6


def test_a_rollouts_end_tokens_are_real(gpt2):
    model, tokenizer = gpt2
    config, questions = config_of(sampling=Sampling(max_new_tokens=6)), questions_of(tokenizer, 64)(0)
    endless = collect(players_of(model, -1), questions, config, generator_of(0))
    end_id = endless.responses.ids[:, 2].mode().values.item()
    rollout = collect(players_of(model, end_id), questions, config, generator_of(0))
    assert 0 < rollout.ended.float().mean() < 1
    last = rollout.responses.lengths - 1
    last_ids = rollout.responses.ids.gather(1, last[:, None]).squeeze(1)
    assert torch.equal(last_ids == end_id, rollout.ended)
    states = model.states(rollout.prompts, rollout.responses).detach()
    at_end = model.logits(states[torch.arange(64), last]).log_softmax(-1)[:, end_id]
    kept = rollout.logprobs.gather(1, last[:, None]).squeeze(1)
    assert torch.allclose(at_end[rollout.ended], kept[rollout.ended], atol=1e-5)


@pytest.fixture
def judged():
    """Two answers: two tokens with score 1, and one token with score -1."""
    mask = torch.tensor([[True, True], [True, False]])
    return Rollout(
        prompts=Tokens.of([[3], [4]], 0, side="left"),
        responses=Tokens(torch.tensor([[5, 1], [1, 0]]), mask),
        logprobs=torch.tensor([[-1.0, -1.0], [-1.0, -9.0]]),
        ref_logprobs=torch.tensor([[-1.5, -1.0], [-2.0, -1.0]]),
        kl=torch.tensor([[0.5, 0.0], [1.0, -8.0]]),
        values=torch.tensor([[0.5, 0.5], [0.0, 7.0]]),
        scores=torch.tensor([1.0, -1.0]),
        parts=torch.tensor([[1.0], [-1.0]]),
        ended=torch.tensor([True, True]),
    )


def test_credit_by_hand(judged):
    # rewards: -.1 * .5 = -.05, 1; -1 - .1 * 1 = -1.1. deltas: -.05 + .5 - .5, 1 - .5; -1.1
    # lam 1: advantages .45, .5, -1.1; returns .95, 1, -1.1
    experience = ppo_credit(judged, judged.scores, config_of(credit=Credit(lam=1.0)), kl_coef=0.1)
    assert torch.allclose(experience.returns, torch.tensor([[0.95, 1.0], [-1.1, 0.0]]))
    mean = (0.45 + 0.5 - 1.1) / 3
    deviation = math.sqrt(sum((x - mean) ** 2 for x in (0.45, 0.5, -1.1)) / 3)
    expected = torch.tensor([[0.45 - mean, 0.5 - mean], [-1.1 - mean, 0.0]]) / deviation
    assert torch.allclose(experience.advantages, expected, atol=1e-5)


def test_summary_by_hand(judged, gpt2):
    experience = ppo_credit(judged, judged.scores, config_of(credit=Credit(lam=1.0)), kl_coef=0.1)
    found = summary(experience, players_of(gpt2[0], end_id=1), config_of())
    assert found["score"] == 0.0
    assert found["score_std"] == 1.0
    assert found["top_token"] == 1.0  # the one token beside two ends
    assert found["kl"] == pytest.approx(0.75)  # (.5 + 1) / 2 answers
    assert found["kl_per_token"] == pytest.approx(0.5)
    assert found["length"] == 1.5
    assert found["end_rate"] == 1.0
    # errors .45, .5, -1.1; returns .95, 1, -1.1
    assert found["explained_variance"] == pytest.approx(1 - 0.8275 / 1.435833, abs=1e-5)


def test_minibatches_hold_each_answer_once_an_epoch_in_a_fresh_order(judged):
    experience = ppo_credit(judged, judged.scores, config_of(), kl_coef=0.0)
    many = experience.rows(torch.arange(2).repeat(8))
    marked = copy.deepcopy(many)
    marked.rollout.scores.copy_(torch.arange(16.0))
    orders = [batch.rollout.scores.tolist() for batch in shuffled(marked, 2, 5, generator_of(0))]
    assert [len(order) for order in orders] == [5, 5, 5, 1] * 2
    first, second = ([x for order in half for x in order] for half in (orders[:4], orders[4:]))
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != second


def test_ppo_raises_a_toy_reward(gpt2, tmp_path):
    config = config_of(steps=25, batch=32, minibatch=32, micro_batch=32, learning_rate=1e-2, kl_coef=0.0)
    stats = Loop(*gpt2, config, tmp_path).run().stats
    assert stats[0]["kl"] == 0.0
    assert sum(s["score"] for s in stats[:3]) / 3 < 0.4
    assert sum(s["score"] for s in stats[-3:]) / 3 > 0.8
    assert stats[-1]["kl"] > 1


def test_a_price_on_drift_holds_the_policy_back(gpt2, tmp_path):
    shape = {"steps": 8, "batch": 32, "minibatch": 32, "micro_batch": 32, "learning_rate": 1e-2}
    model, tokenizer = gpt2
    free, leashed = (
        Loop(copy.deepcopy(model), tokenizer, config_of(kl_coef=price, **shape), tmp_path / str(price))
        for price in (0.0, 1.0)
    )
    assert leashed.run().stats[-1]["kl"] < 0.5 * free.run().stats[-1]["kl"]


def test_micro_batches_change_nothing(gpt2, tmp_path):
    model, tokenizer = gpt2
    weights = []
    for size in (1, 8):
        config = config_of(steps=1, micro_batch=size, optimiser=Optimiser(epsilon=1e-2))
        loop = Loop(copy.deepcopy(model), tokenizer, config, tmp_path / str(size)).run()
        weights.append(loop.learner.state()[0])
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-5), name


@pytest.mark.parametrize("lora", [None, LoRA(rank=2)])
def test_a_killed_run_ends_as_if_nothing_had_happened(gpt2, tmp_path, lora):
    base, tokenizer = gpt2
    config = config_of(kl=Leash(target=0.01, horizon=100))

    def start(folder):
        torch.manual_seed(2)  # the adapters' start
        model = copy.deepcopy(base)
        return Loop(adapted(model, lora).eval() if lora else model, tokenizer, config, tmp_path / folder)

    whole = start("whole").run()
    with pytest.raises(KeyboardInterrupt):
        start("killed").run(die_at=2)
    torch.manual_seed(0)
    resumed = start("killed").run()
    assert len(resumed.stats) == 1
    assert resumed.stats[0] == whole.stats[2]
    assert resumed.leash.kl_coef == whole.leash.kl_coef != config.kl_coef
    for name, tensor in whole.learner.state()[0].items():
        assert torch.equal(tensor, resumed.learner.state()[0][name]), name


def test_the_checkpoint_holds_the_price_of_a_nat(gpt2, tmp_path):
    loop = Loop(*gpt2, config_of(), tmp_path)
    loop.leash.kl_coef = 0.123
    loop.checkpoint.save(1)
    loop.leash.kl_coef = 0.0
    assert loop.checkpoint.restore() == 1
    assert loop.leash.kl_coef == 0.123
