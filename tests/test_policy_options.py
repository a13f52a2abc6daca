"""The options of policy optimisation: what each changes, by hand, and in the loop."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from checklist_models import VARIANTS, folder_with_dropout, party_of
from policy_loop import Loop, config_of, players_of, questions_of
from test_learner import Numbers

from assent.batch import Rollout, Tokens
from assent.functional import language
from assent.training.checkpoint import generator_of
from assent.training.group import CREDITS
from assent.training.learner import Learner, Mix, Optimiser
from assent.training.policy_memory import PolicyMemory
from assent.training.policy_settings import Credit, Leash, PPOConfig, Shaping
from assent.training.ppo import learn, ppo_credit, ppo_terms, within
from assent.training.rollouts import Players, collect
from assent.training.shaping import RunningScale, shaped

FULL = [variant for variant in VARIANTS if variant.estimator == "full"]


@pytest.fixture(params=FULL, ids=str)
def exact(request, tmp_path):
    """A causal and an encoder-decoder policy that pay for the exact KL."""
    return party_of(request.param, folder_with_dropout(request.param.family, tmp_path / "it"))


def test_the_exact_kl_is_the_same_in_chunks(exact, monkeypatch):
    whole = exact.rollout().kl
    assert whole.max() > 1e-3
    assert whole.min() > -1e-6  # an exact KL is never negative, as an estimate may be
    monkeypatch.setattr(language, "CHUNK_ELEMENTS", 3 * exact.players.policy.vocabulary)
    assert torch.allclose(exact.rollout().kl, whole, atol=1e-6)


def test_the_kl_that_is_shown_is_exact_only_where_it_is_charged(exact):
    rollout = exact.rollout()
    sampled = exact.config.model_copy(update={"kl": Leash(estimator="k3")})
    told = {}
    for config in (exact.config, sampled):
        learner = Learner({"policy": exact.players.policy}, 1e-9, Optimiser(), 9, 8)
        memory = PolicyMemory(learner, config)
        told[config.kl.estimator] = learn(exact.players, rollout, memory, config, generator_of(0), ppo_credit)
    mask = rollout.responses.mask
    k1 = (rollout.logprobs - rollout.ref_logprobs).where(mask, 0.0)
    assert told["full"]["kl"] == pytest.approx(rollout.kl.where(mask, 0.0).sum().item() / 8, abs=1e-5)
    assert told["k3"]["kl"] == pytest.approx(k1.sum().item() / 8, abs=1e-5)
    assert told["k3"]["kl_per_token"] == pytest.approx(k1[mask].mean().item(), abs=1e-5)


def test_updates_end_with_the_one_that_moved_too_far():
    updates = [{"approx_kl": kl} for kl in (0.0, 0.1, 0.5, 0.2)]
    assert list(within(0.3, iter(updates))) == updates[:3]
    assert list(within(0.1, iter(updates))) == updates[:3]  # at the limit is not beyond it
    assert list(within(None, iter(updates))) == updates


def test_an_update_limit_spares_updates_and_is_in_time(gpt2, tmp_path):
    config = config_of(epochs=6, learning_rate=1e-2)
    made = {}
    for limit in (None, 0.002):
        model, tokenizer = copy.deepcopy(gpt2[0]), gpt2[1]
        changed = config.model_copy(update={"kl": Leash(update_limit=limit)})
        loop = Loop(model, tokenizer, changed, tmp_path / str(limit)).run()
        made[limit] = loop.learner.moments
        assert loop.learner.updates == 3 * 6 * 2
        assert loop.stats[-1]["schedule"] == 1.0
    assert 3 < made[0.002] < made[None] == 36


def test_the_price_moves_as_published(gpt2, tmp_path):
    leash = Leash(target=0.3, horizon=100)
    stats = Loop(*gpt2, config_of(steps=5, kl=leash, learning_rate=1e-2), tmp_path).run().stats
    expected, errors = 0.05, []
    for told in stats:
        assert told["kl_coef"] == pytest.approx(expected)
        errors.append(min(max(told["kl"] / 0.3 - 1, -0.2), 0.2))
        expected *= 1 + errors[-1] * 16 / 100
    assert errors[0] == -0.2  # 0 nats at first
    assert errors[-1] > 0


def answered(lengths, ended, scores):
    """Answers of some lengths, whose tokens say nothing."""
    longest = max(lengths)
    mask = torch.arange(longest)[None] < torch.tensor(lengths)[:, None]
    flat = torch.zeros(mask.shape)
    given = torch.tensor(scores)
    return Rollout(
        prompts=Tokens.of([[3]] * len(lengths), 0, side="left"),
        responses=Tokens(torch.full(mask.shape, 5), mask),
        logprobs=flat,
        ref_logprobs=flat,
        kl=flat,
        values=flat,
        ended=torch.tensor(ended),
        scores=given,
        parts=given[:, None],
    )


FIVE = answered([1, 2, 3, 4, 4], [True, True, True, True, False], [1.0, -2.0, 0.5, 3.0, 4.0])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1.0, -2.0, 0.5, 3.0, 4.0]),
        ({"clip": 1.5}, [1.0, -1.5, 0.5, 1.5, 1.5]),
        ({"no_end_penalty": 2.0}, [1.0, -2.0, 0.5, 3.0, 2.0]),
        ({"no_end_score": -1.0}, [1.0, -2.0, 0.5, 3.0, -1.0]),
        ({"no_end_score": 0.0}, [1.0, -2.0, 0.5, 3.0, 0.0]),
        ({"no_end_score": -1.0, "min_tokens": 2}, [-1.0, -2.0, 0.5, 3.0, -1.0]),
        ({"no_end_penalty": 0.5, "max_tokens": 3}, [1.0, -2.0, 0.5, 2.5, 3.5]),
        ({"no_end_penalty": 5.0, "clip": 1.0}, [1.0, -1.0, 0.5, 1.0, -4.0]),  # clipped first
    ],
)
def test_shaping_by_hand(settings, expected):
    assert shaped(FIVE, Shaping(**settings), RunningScale())[0].tolist() == expected


def test_how_many_scores_were_clipped_is_told():
    assert shaped(FIVE, Shaping(clip=1.5), RunningScale())[1] == {"score_clipped": pytest.approx(3 / 5)}
    assert shaped(FIVE, Shaping(), RunningScale())[1] == {}
    # in deviations: mean 1.3, deviation 2.0396: -.147, -1.618, -.392, .833, 1.324
    assert shaped(FIVE, Shaping(running=True, clip=1.5), RunningScale())[1] == {
        "score_clipped": pytest.approx(1 / 5)
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"no_end_penalty": 1, "no_end_score": -1}, "no_end_penalty or no_end_score, not both"),
        ({"min_tokens": 2}, "need a no_end_penalty or a no_end_score to act by"),
        ({"max_tokens": 2}, "need a no_end_penalty or a no_end_score to act by"),
        ({"min_tokens": 3, "max_tokens": 2, "no_end_score": 0}, "max_tokens 2 is less than min_tokens 3"),
    ],
)
def test_shaping_that_would_do_nothing_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Shaping(**settings)


def test_running_scores_are_in_deviations_of_all_that_was_seen():
    generator, scale, seen = torch.Generator().manual_seed(0), RunningScale(), []
    for size in (1, 4, 7, 32):
        scores = 3 + 50 * torch.randn(size, generator=generator)
        seen += scores.tolist()
        found = scale.standardised(scores)
        deviation = np.std(seen) or 1.0  # one score alone has none
        assert found.numpy() == pytest.approx((scores.numpy() - np.mean(seen)) / deviation, abs=1e-4)
    assert shaped(FIVE, Shaping(running=True, clip=0.1), scale)[0].abs().max() <= 0.1 + 1e-6


def test_scores_that_are_all_equal_keep_their_scale():
    assert RunningScale().standardised(torch.full((4,), 7.0)).tolist() == [0.0] * 4


def test_running_scores_go_on_after_a_resume(gpt2):
    learner = Learner({"policy": gpt2[0]}, 0.1, Optimiser(), 1, 1)
    whole, killed, resumed = (PolicyMemory(learner, PPOConfig()) for _ in range(3))
    first, second = torch.tensor([1.0, 5.0]), torch.tensor([2.0, -4.0])
    for memory in (whole, killed):
        memory.scale.standardised(first)
    resumed.restore(*killed.state())
    assert torch.equal(resumed.scale.standardised(second), whole.scale.standardised(second))


def test_whitened_token_rewards():
    # rewards 1; 0, -2: mean -1/3, variance 14/9; (x + 1/3) / 1.2472 - 1/3 = .7357; -.0661, -1.6696
    rollout = answered([1, 2], [True, True], [1.0, -2.0])
    credit = Credit(gamma=1.0, lam=1.0)
    config = config_of(shaping=Shaping(whiten=True), credit=credit)
    returns = ppo_credit(rollout, rollout.scores, config, 0.0).returns
    assert torch.allclose(returns, torch.tensor([[0.7357, 0.0], [-1.7357, -1.6696]]), atol=1e-4)


def test_every_token_of_an_answer_takes_its_groups_advantage():
    rollout = answered([1, 2, 2, 1], [True] * 4, [1.0, 3.0, -1.0, -1.0])
    kl = torch.tensor([[0.1, 9.0], [0.2, 0.3], [0.0, 0.4], [0.0, 9.0]])
    rollout = replace(rollout, kl=kl)
    experience = CREDITS["grpo"](rollout, rollout.scores, config_of(credit=Credit(group=2)), kl_coef=1.0)
    # returns .9, 2.5; -1.4, -1: two answers are a deviation of .7071 from their mean
    sides = torch.tensor([-0.7071, 0.7071, -0.7071, 0.7071])[:, None]
    assert torch.allclose(experience.advantages, sides * rollout.responses.mask, atol=1e-3)
    against = CREDITS["rloo"](rollout, rollout.scores, config_of(credit=Credit(group=2)), kl_coef=1.0)
    sides = torch.tensor([-1.6, 1.6, -0.4, 0.4])[:, None]
    assert torch.allclose(against.advantages, sides * rollout.responses.mask, atol=1e-5)
    best = CREDITS["best_of_n"](rollout, rollout.scores, config_of(credit=Credit(group=2)), kl_coef=1.0)
    assert torch.equal(best.advantages, torch.tensor([0.0, 1.0, 0.0, 1.0])[:, None] * rollout.responses.mask)


def test_an_entropy_bonus_is_a_loss_and_raises_the_entropy(gpt2, tmp_path):
    model, tokenizer = gpt2
    entropies = {}
    for coef in (0.0, 1.0):
        credit = Credit(entropy_coef=coef)
        config = config_of(steps=6, credit=credit, learning_rate=1e-2, kl_coef=0.0)
        policy = copy.deepcopy(model)
        players = Players(policy, None, None, nothing, tokenizer.end_id)
        stats = Loop(policy, tokenizer, config, tmp_path / str(coef), players).run().stats
        entropies[coef] = [told["entropy"] for told in stats]
    assert entropies[0.0][-1] == pytest.approx(
        entropies[0.0][0], abs=0.1
    )  # of equal answers nothing is learned
    assert entropies[1.0][-1] > entropies[0.0][-1] + 0.1
    rollout = collect(players_of(model, 0), questions_of(tokenizer, 8)(0), config_of(), generator_of(0))
    experience = ppo_credit(rollout, rollout.scores, config_of(), 0.0)
    losses = []
    for coef in (0.0, 0.5):
        loss, report = ppo_terms(
            players_of(model, 0), experience, config_of(credit=Credit(entropy_coef=coef))
        )
        losses.append(loss)
    mask = rollout.responses.mask
    assert torch.allclose((losses[0] - losses[1])[mask], 0.5 * report["entropy"][mask], atol=1e-5)


def nothing(asked, responses):
    """A reward that likes all answers the same."""
    return torch.zeros(len(responses)), torch.zeros(len(responses), 1)


@pytest.fixture
def plane():
    layer = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    return layer


@pytest.mark.parametrize(("normalised", "second"), [(False, 2.0), (True, 2.0 * 5 / 10)])
def test_a_mixed_gradient_is_the_first_and_a_share_of_the_second(plane, normalised, second):
    learner = Learner({"plane": plane}, 0.0, Optimiser(clip_norm=1e9), 4, 1)
    caught = []
    learner.optimiser.register_step_pre_hook(lambda *_: caught.append(plane.weight.grad.clone()))

    def along(x, y):
        return lambda batch: (batch.x * (plane.weight[0] @ torch.tensor([x, y])), {})

    # the gradient of mean(x) w.(3, 4) for x = .5, 1.5 is (3, 4), of norm 5; of mean(x) w.(6, -8) for 1: 10
    mix = Mix(Numbers(torch.ones(3)), along(6.0, -8.0), coef=2.0, normalised=normalised)
    stats = learner.step(Numbers(torch.tensor([0.5, 1.5])), along(3.0, 4.0), mix)
    assert caught[0][0].tolist() == pytest.approx([3 + second * 6, 4 - second * 8])
    assert (stats["policy_grad_norm"], stats["mix_grad_norm"]) == pytest.approx((5.0, 10.0))
    assert stats["grad_norm"] == pytest.approx(math.hypot(3 + second * 6, 4 - second * 8))
    assert stats["loss"] == pytest.approx(7.0)
    assert stats["mix_loss"] == pytest.approx(-2.0)  # 6 - 8


def test_a_mix_may_reach_other_weights_than_the_reward(plane):
    other = torch.nn.Linear(2, 1, bias=False)
    learner = Learner({"plane": plane, "other": other}, 0.0, Optimiser(clip_norm=1e9), 4, 1)
    caught = {}
    learner.optimiser.register_step_pre_hook(
        lambda *_: caught.update({n: p.grad.clone() for n, p in learner.parameters.items()})
    )
    one = torch.tensor([3.0, 4.0])
    mix = Mix(Numbers(torch.ones(1)), lambda b: (b.x * (other.weight[0] @ one), {}), 0.5, normalised=False)
    learner.step(Numbers(torch.ones(1)), lambda b: (b.x * (plane.weight[0] @ one), {}), mix)
    assert caught["plane.weight"][0].tolist() == pytest.approx([3.0, 4.0])
    assert caught["other.weight"][0].tolist() == pytest.approx([1.5, 2.0])


def test_in_bfloat16_the_first_ratio_is_1_and_weights_stay_float32(gpt2, tmp_path):
    model, tokenizer = gpt2
    config = config_of(optimiser=Optimiser(precision="bfloat16"), learning_rate=1e-4)
    rollouts = [
        collect(players_of(model, 0), questions_of(tokenizer, 8)(0), each, generator_of(0))
        for each in (config, config_of())
    ]
    found, expected = (rollout.logprobs for rollout in rollouts)
    assert not torch.equal(found, expected)  # it is read in the precision that it is learned from in
    stats = Loop(model, tokenizer, config, tmp_path).run().stats
    assert all(
        told["first_ratio_off"] < 1e-2 for told in stats
    )  # measured: 0, for micro-batches of like shape
    assert stats[0]["ratio_off"] > 1e-4
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
