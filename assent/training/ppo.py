"""PPO against a reward, leashed to a reference model. The whole algorithm is on this page."""

from collections.abc import Callable, Iterator, Mapping

import torch
from pydantic import Field
from torch import Tensor

from assent.batch import Experience, Rollout
from assent.config import Settings
from assent.functional.masked import masked_mean, standardise
from assent.functional.policy_gradient import (
    AdaptiveKL,
    Estimator,
    clipped_policy_loss,
    clipped_value_loss,
    gae,
    kl_estimate,
    token_rewards,
)
from assent.models.sampler import Sampling
from assent.training import parallel
from assent.training.checkpoint import Checkpoint, generator_of
from assent.training.learner import Learner, Optimiser, Stats, Terms, average
from assent.training.rollouts import Players, Questions, collect


class Leash(Settings):
    """How drift from the reference is measured, and whether its price adapts."""

    estimator: Estimator = "k1"
    target: float | None = Field(default=None, gt=0)  # nats an answer; None: the price is fixed
    horizon: float = Field(default=10_000, gt=0)  # episodes over which the price can move by its own size


class Credit(Settings):
    """How a score becomes advantages, and how far an update may go on them."""

    gamma: float = Field(default=1.0, gt=0, le=1)
    lam: float = Field(default=0.95, ge=0, le=1)
    clip: float = Field(default=0.2, gt=0)
    value_clip: float = Field(default=0.2, gt=0)
    value_coef: float = Field(default=0.1, ge=0)


class PPOConfig(Settings):
    """Settings of the loop; the `policy` stage has the same names."""

    steps: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    kl_coef: float = Field(default=0.05, ge=0)  # price of one nat of drift from the reference
    epochs: int = Field(default=4, ge=1)  # passes over each rollout
    batch: int = Field(default=64, ge=1)  # answers a rollout, over all ranks
    minibatch: int = Field(default=64, ge=1)  # answers an update, over all ranks
    micro_batch: int = Field(default=64, ge=1)  # answers in memory at once; changes no result
    kl: Leash = Leash()
    credit: Credit = Credit()
    sampling: Sampling = Sampling()
    optimiser: Optimiser = Optimiser()


class PolicyMemory:
    """What a checkpoint of policy optimisation holds: the learner, and the price of a nat."""

    def __init__(self, learner: Learner, leash: AdaptiveKL):
        self.learner, self.leash = learner, leash

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        tensors, counters = self.learner.state()
        return tensors, {**counters, "kl_coef": self.leash.kl_coef}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        self.learner.restore(tensors, counters)
        self.leash.kl_coef = counters["kl_coef"]


def train_policy(  # noqa: PLR0913 - the loop's parts, each used once
    players: Players,
    questions: Callable[[int], Questions],
    learner: Learner,
    leash: AdaptiveKL,
    checkpoint: Checkpoint,
    config: PPOConfig,
    log: Callable[[int, Stats, Rollout, Questions], None],
    *,
    seed: int,
) -> None:
    """Make `config.steps` rollouts, and learn from each; step t answers `questions(t)`."""

    def terms(batch: Experience) -> Terms:
        return ppo_terms(players, batch, config)

    for step in checkpoint.remaining(config.steps):
        generator, asked = generator_of(seed, step, parallel.rank()), questions(step)
        rollout = collect(players, asked, config.sampling, generator)
        experience = credit(rollout, config, leash.kl_coef)
        minibatches = shuffled(experience, config.epochs, config.minibatch, generator)
        stats = [learner.step(minibatch, terms) for minibatch in minibatches]
        log(step, summary(experience, leash.kl_coef) | average(stats), rollout, asked)
        if config.kl.target is not None:
            leash.update(kl_per_answer(rollout), len(rollout) * parallel.ranks())


def credit(rollout: Rollout, config: PPOConfig, kl_coef: float) -> Experience:
    """Share the score of each answer out among its tokens."""
    mask, settings = rollout.responses.mask, config.credit
    kl = kl_estimate(rollout.logprobs, rollout.ref_logprobs, config.kl.estimator)
    rewards = token_rewards(rollout.scores, kl, mask, kl_coef)
    advantages, returns = gae(rewards, rollout.values, mask, settings.gamma, settings.lam)
    return Experience(rollout, standardise(advantages, mask, centre=True), returns)


def ppo_terms(players: Players, batch: Experience, config: PPOConfig) -> Terms:
    """The loss of every token, and what to report of it. Policy and critic read the answer once."""
    old, settings = batch.rollout, config.credit
    states = players.policy.states(old.prompts, old.responses)
    logprobs, entropy = players.policy.token_logprobs(states, old.responses, config.sampling.temperature)
    values = players.critic.values(states)

    policy_loss = clipped_policy_loss(logprobs, old.logprobs, batch.advantages, settings.clip)
    value_loss = clipped_value_loss(values, old.values, batch.returns, settings.value_clip)
    ratio = torch.exp(logprobs - old.logprobs).detach()
    return policy_loss + settings.value_coef * value_loss, {
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "entropy": entropy,
        "clip_fraction": ((ratio - 1).abs() > settings.clip).float(),
        "approx_kl": kl_estimate(old.logprobs, logprobs, "k3"),
    }


def shuffled(
    experience: Experience, epochs: int, rows: int, generator: torch.Generator
) -> Iterator[Experience]:
    """Minibatches of `rows` answers, in a fresh order every epoch."""
    for _ in range(epochs):
        order = torch.randperm(len(experience), generator=generator)
        yield from experience.rows(order.to(experience.advantages.device)).split(rows)


def kl_per_answer(rollout: Rollout) -> float:
    """Nats between policy and reference, summed over an answer: the mean over answers and ranks."""
    kl = (rollout.logprobs - rollout.ref_logprobs).where(rollout.responses.mask, 0.0)
    count = torch.tensor(float(len(rollout)), device=kl.device)
    return (parallel.summed(kl.sum()) / parallel.summed(count)).item()


def summary(experience: Experience, kl_coef: float) -> Stats:
    """What a rollout looked like before anything was learned from it."""
    rollout = experience.rollout
    mask = rollout.responses.mask
    returns, errors = experience.returns[mask], (experience.returns - rollout.values)[mask]
    return {
        "score": rollout.scores.mean().item(),
        "kl": kl_per_answer(rollout),
        "kl_per_token": masked_mean(rollout.logprobs - rollout.ref_logprobs, mask).item(),
        "kl_coef": kl_coef,
        "length": rollout.responses.lengths.float().mean().item(),
        "end_rate": rollout.ended.float().mean().item(),
        "explained_variance": (1 - errors.var() / returns.var().clamp(min=1e-8)).item(),
    }
