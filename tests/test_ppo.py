"""PPO's own checks, on a tiny policy and a reward that is the share of wanted tokens."""

import copy
import math

import pytest
import torch
from policy_loop import Loop, config_of, players_of, questions_of

from assent.batch import Rollout, Tokens
from assent.models.sampler import Sampling
from assent.training.checkpoint import generator_of
from assent.training.policy_settings import Credit, Leash
from assent.training.ppo import ppo_credit
from assent.training.rollout_summary import summary
from assent.training.rollouts import collect


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


def rollout_of(logprobs, ref_logprobs, kl):
    """Answers without a critic, all scored 0; the shapes are [batch response]."""
    ids = torch.zeros(logprobs.shape, dtype=torch.long)
    rows = len(logprobs)
    return Rollout(
        prompts=Tokens.of([[3]] * rows, 0, side="left"),
        responses=Tokens(ids, torch.ones_like(ids, dtype=torch.bool)),
        logprobs=logprobs,
        ref_logprobs=ref_logprobs,
        kl=kl,
        values=torch.zeros_like(logprobs),
        ended=torch.ones(rows, dtype=torch.bool),
        scores=torch.zeros(rows),
        parts=torch.zeros(rows, 1),
    )


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3", "full"])
def test_whatever_the_estimator_the_price_pulls_along_the_kls_own_gradient(estimator):
    """One token, the vocabulary enumerated: sum_a pi(a) A(a) grad log pi(a) is parallel to -grad KL."""
    torch.manual_seed(4)
    logits = torch.randn(7, dtype=torch.float64, requires_grad=True)
    ref_logp = torch.log_softmax(torch.randn(7, dtype=torch.float64), 0)
    logp = torch.log_softmax(logits, 0)
    exact = (logp.exp() * (logp - ref_logp)).sum()
    [gradient] = torch.autograd.grad(exact, logits, retain_graph=True)

    found, ref = logp.detach()[:, None], ref_logp[:, None]
    estimates = {
        "k1": found - ref,
        "k2": 0.5 * (found - ref) ** 2,
        "k3": (ref - found).exp() - 1 + found - ref,
    }
    charged = estimates.get(estimator, exact.detach().expand_as(found))
    rollout = rollout_of(found.float(), ref.float(), charged.float())
    advantages = ppo_credit(rollout, rollout.scores, config_of(kl=Leash(estimator=estimator)), 0.3).advantages
    pull = (logp.exp().detach() * advantages[:, 0].double() * logp).sum()
    [along] = torch.autograd.grad(pull, logits)
    assert torch.cosine_similarity(along, -gradient, dim=0) > 1 - 1e-6


def test_later_tokens_are_charged_by_the_estimator():
    # lam 1, no values: before its standardising the first token's advantage is -.1 * (k1 of its own + the
    # other's charge) = -.1 * (.5 + .3), the second's -.1 * k1 = -.1 * -.2
    rollout = rollout_of(
        torch.tensor([[-1.0, -1.0]]), torch.tensor([[-1.5, -0.8]]), torch.tensor([[9.0, 0.3]])
    )
    config = config_of(kl=Leash(estimator="full"), credit=Credit(lam=1.0))
    experience = ppo_credit(rollout, rollout.scores, config, 0.1)
    first, second = -0.08, 0.02
    mean, deviation = (first + second) / 2, abs(first - second) / 2
    expected = torch.tensor([[(first - mean) / deviation, (second - mean) / deviation]])
    assert torch.allclose(experience.advantages, expected, atol=1e-4)
    assert torch.allclose(experience.returns, torch.tensor([[-0.93, -0.03]]))  # the critic learns the charge
