"""What a rollout looked like before anything was learned from it: the numbers that the curves show."""

import torch
from torch import Tensor

from assent.batch import Answered, Experience, Rollout
from assent.functional.masked import masked_mean, masked_variance
from assent.training import parallel
from assent.training.learner import Stats
from assent.training.policy_settings import PPOConfig
from assent.training.rollouts import Players


def nats(answered: Answered, config: PPOConfig) -> Tensor:
    """KL a token, to be read by people: exact if that is what is charged, k1 otherwise.

    Of the estimates only k1 has the KL of a whole answer as its mean, so only k1 compares between runs.
    """
    exact = config.kl.estimator == "full"
    kl = answered.kl if exact else answered.logprobs - answered.ref_logprobs
    return kl.where(answered.responses.mask, 0.0)


def kl_per_answer(answered: Answered, config: PPOConfig) -> float:
    """Nats between policy and reference, summed over an answer: the mean over answers and ranks."""
    return _mean(nats(answered, config).sum(dim=1))


def summary(experience: Experience, players: Players, config: PPOConfig) -> Stats:
    """Means over the answers, or the tokens, of all ranks."""
    rollout, mask = experience.rollout, experience.rollout.responses.mask
    stats = {
        "score": _mean(rollout.scores),
        "score_std": _deviation(rollout.scores),
        "length": _mean(rollout.responses.lengths.float()),
        "end_rate": _mean(rollout.ended.float()),
        "top_token": top_token(rollout, players),
    }
    if players.reference is not None:
        stats["kl"] = kl_per_answer(rollout, config)
        stats["kl_per_token"] = masked_mean(nats(rollout, config), mask, parallel.summed).item()
    if players.critic is not None:
        unexplained = masked_variance(experience.returns - rollout.values, mask, parallel.summed)
        spread = masked_variance(experience.returns, mask, parallel.summed).clamp(min=1e-8)
        stats["explained_variance"] = (1 - unexplained / spread).item()
    return stats


def top_token(rollout: Rollout, players: Players) -> float:
    """The share that the commonest token has of all tokens, end tokens aside; 1 when there are no others."""
    ids = rollout.responses.ids[rollout.responses.mask]
    counts = torch.bincount(ids[ids != players.end_id], minlength=players.policy.vocabulary)
    counts = parallel.summed(counts)
    total = counts.sum().item()
    return counts.max().item() / total if total else 1.0


def _mean(x: Tensor) -> float:
    return masked_mean(x, torch.ones_like(x, dtype=torch.bool), parallel.summed).item()


def _deviation(x: Tensor) -> float:
    return masked_variance(x, torch.ones_like(x, dtype=torch.bool), parallel.summed).sqrt().item()
