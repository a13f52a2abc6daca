"""Expected values come from hand calculation, published code and papers: see the comments."""

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from assent.functional import language
from assent.functional.masked import masked_mean, standardise
from assent.functional.policy_gradient import (
    AdaptiveKL,
    clipped_policy_loss,
    clipped_value_loss,
    gae,
    kl_estimate,
    kl_full,
    token_rewards,
)
from assent.functional.preference import (
    credit_of_prediction,
    expected_calibration_error,
    preference_loss,
    ranking_loss,
    winner_probability,
)
from assent.functional.shares import wilson_interval
from assent.functional.statistics import bootstrap_interval, win_rate

TRUE = torch.tensor([[True, True, True]])


@pytest.mark.parametrize(("updates", "expected"), [(1, 0.151536), (10, 0.166087), (50, 0.249643)])
def test_adaptive_kl(updates, expected):
    # 12 nats are twice the target, err = clip(1, -.2, .2) = .2; .15 * (1 + .2 * 512 / 10000)^n
    leash = AdaptiveKL(0.15, target=6, horizon=10_000)
    for _ in range(updates):
        leash.update(12.0, 512)
    assert leash.kl_coef == pytest.approx(expected, abs=5e-7)


def test_adaptive_kl_falls_below_its_target():
    leash = AdaptiveKL(1.0, target=10, horizon=100)
    leash.update(9.0, 50)  # err = -.1
    assert leash.kl_coef == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("log_ratio", "k2", "k3"),
    [(0.1, 0.005, 0.0048374), (-0.1, 0.005, 0.0051709), (0.5, 0.125, 0.106531), (-0.5, 0.125, 0.148721)],
)
def test_kl_estimates(log_ratio, k2, k3):
    logprobs, ref_logprobs = torch.tensor([log_ratio - 1]), torch.tensor([-1.0])
    for estimator, expected in {"k1": log_ratio, "k2": k2, "k3": k3}.items():
        assert kl_estimate(logprobs, ref_logprobs, estimator).item() == pytest.approx(expected, abs=1e-6)


def test_kl_full_is_the_sum_over_the_vocabulary():
    p, q = [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]
    # .5 log 2 + 0 - .25 log 2
    found = kl_full(torch.tensor([p]).log() + 3.0, torch.tensor([q]).log() - 1.0)
    assert found.item() == pytest.approx(0.25 * math.log(2), abs=1e-6)


def test_kl_estimates_agree_with_kl_full_on_average():
    logits, ref_logits = torch.randn(2, 5)
    logp, ref_logp = logits.log_softmax(0), ref_logits.log_softmax(0)
    exact = kl_full(logits, ref_logits)
    for estimator in ("k1", "k3"):  # the unbiased ones
        assert (logp.exp() * kl_estimate(logp, ref_logp, estimator)).sum().item() == pytest.approx(
            exact.item(), abs=1e-6
        )


def test_standardise_without_centring():
    # the whitening test of lm-human-preferences
    x = torch.tensor([[1.2, 1.3, 1.4], [1.5, 1.6, 1.7], [1.8, 1.9, 2.0]])
    found = standardise(x, torch.ones_like(x, dtype=torch.bool), centre=False)
    assert found[0].tolist() == pytest.approx([0.0508, 0.4381, 0.8254], abs=1e-4)
    assert found[2].tolist() == pytest.approx([2.3746, 2.7619, 3.1492], abs=1e-4)


def test_standardise_sees_only_real_elements():
    x, mask = torch.tensor([[1.0, 3.0, 1e6]]), torch.tensor([[True, True, False]])
    assert standardise(x, mask, centre=True).tolist()[0] == pytest.approx([-1, 1, 0], abs=1e-6)


def test_masked_mean():
    x, mask = torch.tensor([[1.0, 2.0, math.inf]]), torch.tensor([[True, True, False]])
    assert masked_mean(x, mask).item() == 1.5
    assert math.isnan(masked_mean(x, torch.zeros_like(mask)).item())


def test_gae_by_hand():
    # V = .5, .5, .5; r = 0, 0, 1; gamma = 1: delta = 0, 0, .5; lam = .5: A = .125, .25, .5
    values = torch.full((1, 3), 0.5)
    advantages, returns = gae(torch.tensor([[0.0, 0.0, 1.0]]), values, TRUE, gamma=1.0, lam=0.5)
    assert advantages.tolist() == [[0.125, 0.25, 0.5]]
    assert returns.tolist() == [[0.625, 0.75, 1.0]]


def test_gae_discounts():
    # gamma .5, lam 1, V = 0: the discounted sum of rewards, 1 + .5 * 2 + .25 * 4
    advantages, _ = gae(torch.tensor([[1.0, 2.0, 4.0]]), torch.zeros(1, 3), TRUE, gamma=0.5, lam=1.0)
    assert advantages.tolist() == [[3.0, 4.0, 4.0]]


def test_gae_ends_at_the_last_real_token():
    # what stands in the padding, values included, reaches nothing
    mask = torch.tensor([[True, True, False]])
    advantages, returns = gae(
        torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[0.5, 0.5, 9.0]]), mask, gamma=1.0, lam=0.5
    )
    assert advantages.tolist() == [[0.25, 0.5, 0.0]]
    assert returns.tolist() == [[0.75, 1.0, 0.0]]


def test_token_rewards_by_hand():
    mask = torch.tensor([[True, True, False], [True, False, False]])
    kl = torch.tensor([[0.5, -1.0, 7.0], [2.0, 7.0, 7.0]])
    found = token_rewards(torch.tensor([3.0, -1.0]), kl, mask, kl_coef=0.1)
    assert torch.allclose(found, torch.tensor([[-0.05, 3.1, 0.0], [-1.2, 0.0, 0.0]]))


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.5, 1.0, -1.2),  # no credit beyond 1 + clip
        (1.5, -1.0, 1.5),  # but the whole blame
        (0.5, 1.0, -0.5),
        (0.5, -1.0, 0.8),  # no relief below 1 - clip
        (1.1, 2.0, -2.2),
    ],
)
def test_clipped_policy_loss(ratio, advantage, expected):
    old = torch.tensor([[-1.0]])
    found = clipped_policy_loss(old + math.log(ratio), old, torch.tensor([[advantage]]), 0.2)
    assert found.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0, 0.32), (0.1, 0.405), (-0.5, 1.125)],  # .5 (.2 - 1)^2: V may claim only .2; .5 .9^2; .5 1.5^2
)
def test_clipped_value_loss(value, expected):
    found = clipped_value_loss(torch.tensor([[value]]), torch.zeros(1, 1), torch.ones(1, 1), 0.2)
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_preference_loss_is_bradley_terry():
    scores = torch.tensor([[1.0, -0.5], [0.2, 2.0]])
    found = preference_loss(scores, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    expected = -F.logsigmoid(torch.tensor([1.5, -1.8]))
    assert torch.allclose(found, expected)


def test_preference_loss_of_a_tie():
    # half of each: log(1 + e^d) - d / 2; for d = 2 that is 1.126928
    found = preference_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
    assert found.item() == pytest.approx(1.126928, abs=1e-6)


def test_ranking_loss_of_two_is_bradley_terry():
    scores, ranking = torch.tensor([[1.0, -0.5]]), torch.tensor([[1, 0]])
    assert torch.allclose(ranking_loss(scores, ranking), -F.logsigmoid(torch.tensor([-1.5])))


def test_ranking_loss_of_three():
    # weights 1, 2, 3, ranked 2, 0, 1: P = 3/6 * 1/3 * 1
    scores = torch.tensor([[1.0, 2.0, 3.0]]).log()
    assert ranking_loss(scores, torch.tensor([[2, 0, 1]])).item() == pytest.approx(math.log(6), abs=1e-6)


def test_calibration_error_by_hand():
    # [.5,.6): two at .55, one right -> |.55 - .5| * 2/4; [.9, 1]: .95 and 1.0, both right -> .025 * 2/4
    error, curve = expected_calibration_error(
        torch.tensor([0.55, 0.55, 0.95, 1.0]), torch.tensor([1.0, 0.0, 1.0, 1.0])
    )
    assert error == pytest.approx(0.0375, abs=1e-6)
    assert [b["count"] for b in curve] == [2, 2]
    assert curve[0]["accuracy"] == 0.5
    assert curve[1]["confidence"] == pytest.approx(0.975)


def test_credit_of_prediction():
    scores = torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0], [0.0, 3.0]])
    votes = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    assert credit_of_prediction(scores, votes).tolist() == [1.0, 0.0, 0.5, 0.5]


def test_winner_probability():
    found = winner_probability(torch.tensor([[math.log(3.0), 0.0]]))
    assert found.item() == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_of_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_win_rate():
    found = win_rate([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 5.0, 1.0])
    assert (found.wins, found.losses, found.ties, found.win_rate) == (2, 1, 1, 0.625)
    assert found.ci_low < 0.625 < found.ci_high
    with pytest.raises(ValueError, match="at least one pair"):
        win_rate([], [])


def test_bootstrap_interval_is_near_the_normal_one():
    values = [0.0, 1.0] * 200  # mean .5, standard error .025: .5 +- .049
    assert bootstrap_interval(values) == pytest.approx((0.451, 0.549), abs=0.01)
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_of_no_values_there_is_no_interval():
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval([])


@pytest.fixture
def reading():
    """(states, ids, weight of a head): 2 rows, 5 tokens, 7 words."""
    return torch.randn(2, 5, 4), torch.randint(7, (2, 5)), torch.randn(7, 4)


def test_token_logprobs_by_definition(reading):
    states, ids, weight = reading
    logprobs, entropy = language.token_logprobs(states, ids, lambda x: x @ weight.T, 7, temperature=0.7)
    tempered = torch.distributions.Categorical(logits=states @ weight.T / 0.7)
    assert torch.allclose(logprobs, tempered.log_prob(ids), atol=1e-6)
    assert torch.allclose(entropy, tempered.entropy(), atol=1e-6)


@pytest.mark.parametrize("elements", [1, 7 * 3, 7 * 9])  # chunks of 1, 3 and 9 of the 10 tokens
def test_chunks_change_neither_value_nor_gradient(reading, monkeypatch, elements):
    states, ids, weight = reading

    def run() -> list[torch.Tensor]:
        x, w = states.clone().requires_grad_(), weight.clone().requires_grad_()
        logprobs, entropy = language.token_logprobs(x, ids, lambda s: s @ w.T, 7)
        (logprobs.sum() + 0.5 * entropy.sum()).backward()
        return [logprobs.detach(), entropy.detach(), x.grad, w.grad]

    whole = run()
    monkeypatch.setattr(language, "CHUNK_ELEMENTS", elements)
    for a, b in zip(whole, run(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
