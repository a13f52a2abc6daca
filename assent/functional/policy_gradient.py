"""The maths of policy optimisation. Every function is per token or per row; `Learner` does the reducing."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Estimator = Literal["k1", "k2", "k3"]


def kl_estimate(
    logprobs: Float[Tensor, "*shape"], ref_logprobs: Float[Tensor, "*shape"], estimator: Estimator = "k1"
) -> Float[Tensor, "*shape"]:
    """Estimates of KL(pi || pi_ref) from one token sampled from pi, in nats.

    With the log-ratio d = log pi - log pi_ref: k1 = d (unbiased), k2 = d^2 / 2 (biased, low variance),
    k3 = exp(-d) - 1 + d (unbiased, never negative). Schulman 2020, http://joschu.net/blog/kl-approx.html.
    As a *loss*, k2 has the gradient of the KL and k3 has not.
    """
    log_ratio = logprobs - ref_logprobs
    if estimator == "k1":
        return log_ratio
    if estimator == "k2":
        return 0.5 * log_ratio**2
    if estimator == "k3":
        return torch.expm1(-log_ratio) + log_ratio
    raise ValueError(f"unknown KL estimator {estimator!r}: expected k1, k2 or k3")


def kl_full(
    logits: Float[Tensor, "*shape vocab"], ref_logits: Float[Tensor, "*shape vocab"]
) -> Float[Tensor, "*shape"]:
    """KL(pi || pi_ref) in nats, the exact sum over the vocabulary."""
    logp = torch.log_softmax(logits.float(), dim=-1)
    ref_logp = torch.log_softmax(ref_logits.float(), dim=-1)
    return (logp.exp() * (logp - ref_logp)).sum(dim=-1)


def token_rewards(
    scores: Float[Tensor, " batch"],
    kl: Float[Tensor, "batch response"],
    mask: Bool[Tensor, "batch response"],
    kl_coef: float,
) -> Float[Tensor, "batch response"]:
    """-kl_coef * kl on every real token, and the score on the last: arXiv:1909.08593, eq. 2.

    An answer without one real token has nowhere to put its score; such a row is an error of the caller.
    """
    rewards = (-kl_coef * kl).where(mask, 0.0)
    last = mask.sum(dim=1) - 1
    return rewards.scatter_add(1, last[:, None], scores[:, None])


def gae(
    rewards: Float[Tensor, "batch response"],
    values: Float[Tensor, "batch response"],
    mask: Bool[Tensor, "batch response"],
    gamma: float,
    lam: float,
) -> tuple[Float[Tensor, "batch response"], Float[Tensor, "batch response"]]:
    """(advantages, returns) of arXiv:1506.02438, eq. 16. The value after the last real token is 0.

    A_t = delta_t + gamma * lam * A_{t+1},   delta_t = r_t + gamma * V_{t+1} - V_t
    """
    values = values.where(mask, 0.0)
    next_advantage = next_value = torch.zeros_like(values[:, 0])
    advantages = torch.zeros_like(values)
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        next_advantage = (delta + gamma * lam * next_advantage).where(mask[:, t], 0.0)
        next_value = values[:, t]
        advantages[:, t] = next_advantage
    return advantages, (advantages + values).where(mask, 0.0)


def clipped_policy_loss(
    logprobs: Float[Tensor, "batch response"],
    old_logprobs: Float[Tensor, "batch response"],
    advantages: Float[Tensor, "batch response"],
    clip: float,
) -> Float[Tensor, "batch response"]:
    """-min(ratio * A, clip(ratio, 1 - clip, 1 + clip) * A): arXiv:1707.06347, eq. 7."""
    ratio = torch.exp(logprobs - old_logprobs)
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages)


def clipped_value_loss(
    values: Float[Tensor, "batch response"],
    old_values: Float[Tensor, "batch response"],
    returns: Float[Tensor, "batch response"],
    clip: float,
) -> Float[Tensor, "batch response"]:
    """Half the squared error, and no credit for moving V further than `clip` from its old value."""
    clipped = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns) ** 2, (clipped - returns) ** 2)


class AdaptiveKL:
    """The price of a nat, moved so that the KL settles at `target`: arXiv:1909.08593, section 2.2.

    err = clip(kl / target - 1, -0.2, 0.2);   kl_coef *= 1 + err * episodes / horizon
    """

    def __init__(self, kl_coef: float, target: float, horizon: float):
        self.kl_coef = kl_coef
        self.target = target  # nats a sequence
        self.horizon = horizon  # episodes

    def update(self, kl: float, episodes: int) -> None:
        """`kl` is the mean of nats a sequence over `episodes` answers."""
        error = min(max(kl / self.target - 1, -0.2), 0.2)
        self.kl_coef *= 1 + error * episodes / self.horizon
