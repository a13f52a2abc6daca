"""PPO against a reward, leashed to a reference model. The whole algorithm is on this page."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from assent.batch import Experience, LanguageBatch, Rollout
from assent.functional.masked import standardise
from assent.functional.policy_gradient import (
    clipped_policy_loss,
    clipped_value_loss,
    gae,
    kl_estimate,
    token_rewards,
)
from assent.training import parallel
from assent.training.checkpoint import Checkpoint, generator_of
from assent.training.learner import Mix, Stats, Terms, average
from assent.training.policy_memory import PolicyMemory
from assent.training.policy_settings import PPOConfig
from assent.training.rollout_summary import kl_per_answer, summary
from assent.training.rollouts import Players, Questions, collect
from assent.training.shaping import shaped

Accounting = Callable[[Rollout, Tensor, PPOConfig, float], Experience]  # who gets credit for the scores
Mixing = Callable[[int], Mix[LanguageBatch] | None]  # what is learned beside, in each update
Log = Callable[[int, Stats, Rollout, Questions], None]


def train_policy(  # noqa: PLR0913 - the loop's parts, each used once
    players: Players,
    questions: Callable[[int], Questions],
    memory: PolicyMemory,
    checkpoint: Checkpoint,
    config: PPOConfig,
    log: Log,
    *,
    steps: int,
    seed: int,
    credit: Accounting | None = None,
    mixing: Mixing | None = None,
) -> None:
    """Make `steps` rollouts, and learn from each; step t answers `questions(t)`."""
    for step in checkpoint.remaining(steps):
        generator, asked = generator_of(seed, step, parallel.rank()), questions(step)
        rollout = collect(players, asked, config, generator)
        stats = learn(players, rollout, memory, config, generator, credit or ppo_credit, mixing)
        log(
            step,
            stats | {"planned": (step + 1) / steps} | memory.watch.after(step, step + 1 == steps),
            rollout,
            asked,
        )
        if memory.watch.converged:
            break


def learn(
    players: Players,
    rollout: Rollout,
    memory: PolicyMemory,
    config: PPOConfig,
    generator: torch.Generator,
    credit: Accounting,
    mixing: Mixing | None = None,
) -> Stats:
    """All that is learned from one rollout."""

    def terms(batch: Experience) -> Terms:
        return ppo_terms(players, batch, config)

    learner, leash = memory.learner, memory.leash
    scores, told = shaped(rollout, config.shaping, memory.scale)
    experience = credit(rollout, scores, config, leash.kl_coef)
    rows = -(-config.minibatch // parallel.ranks())
    minibatches = list(shuffled(experience, config.epochs, rows, generator))
    updates = (learner.step(batch, terms, mixing and mixing(learner.updates)) for batch in minibatches)
    stats = list(within(config.kl.update_limit, updates))
    learner.pass_over(len(minibatches) - len(stats))  # the schedule is that of the planned updates
    told |= summary(experience, players, config) | average(stats) | {"kl_coef": leash.kl_coef}
    if config.kl.target is not None:
        leash.update(kl_per_answer(rollout, config), len(rollout) * parallel.ranks())
    return told | {"first_ratio_off": stats[0]["ratio_off"]} | learner.position()


def ppo_credit(rollout: Rollout, scores: Tensor, config: PPOConfig, kl_coef: float) -> Experience:
    """Share the score of each answer out among its tokens."""
    mask, settings = rollout.responses.mask, config.credit
    rewards = token_rewards(scores, rollout.kl, mask, kl_coef)
    if config.shaping.whiten:
        rewards = standardise(rewards, mask, centre=False, total=parallel.summed)
    advantages, returns = gae(rewards, rollout.values, mask, settings.gamma, settings.lam)
    advantages = advantages + kl_coef * own_charge(rollout)
    return Experience(rollout, standardise(advantages, mask, centre=True, total=parallel.summed), returns)


def own_charge(rollout: Rollout) -> Tensor:
    """What makes the charge for a token's own choice k1 again, whatever later tokens are charged by.

    k1 is the one estimate whose gradient as a reward is that of the KL: E[k1 grad log pi] = grad KL. For the
    exact sum, which is the same for every token, that of its own place would be 0; for k3 it would be
    grad KL(pi || ref) - grad KL(ref || pi), which near the reference is 0 too. As charges for what comes
    later, k3 and the exact sum are as right as k1, and less noisy; k2 is biased.
    """
    return rollout.kl - kl_estimate(rollout.logprobs, rollout.ref_logprobs, "k1")


def ppo_terms(players: Players, batch: Experience, config: PPOConfig) -> Terms:
    """The loss of every token, and what to report of it. Policy and critic read the answer once."""
    old, settings = batch.rollout, config.credit
    states = players.policy.states(old.prompts, old.responses)
    logprobs, entropy = players.policy.token_logprobs(states, old.responses, config.sampling.temperature)
    policy_loss = clipped_policy_loss(logprobs, old.logprobs, batch.advantages, settings.clip)
    loss = policy_loss - settings.entropy_coef * entropy

    ratio = torch.exp(logprobs - old.logprobs).detach()
    report = {
        "policy_loss": policy_loss,
        "entropy": entropy,
        "clip_fraction": ((ratio - 1).abs() > settings.clip).float(),
        "ratio_off": (ratio - 1).abs(),
        "approx_kl": kl_estimate(old.logprobs, logprobs, "k3"),
    }
    if players.critic is None:
        return loss, report
    values = players.critic.values(states, old.prompts, old.responses)
    value_loss = clipped_value_loss(values, old.values, batch.returns, settings.value_clip)
    return loss + settings.value_coef * value_loss, report | {"value_loss": value_loss}


def shuffled(
    experience: Experience, epochs: int, rows: int, generator: torch.Generator
) -> Iterator[Experience]:
    """Minibatches of `rows` answers, in a fresh order every epoch."""
    for _ in range(epochs):
        order = torch.randperm(len(experience), generator=generator)
        yield from experience.rows(order.to(experience.advantages.device)).split(rows)


def within(limit: float | None, updates: Iterable[Stats]) -> Iterator[Stats]:
    """Updates up to the first that finds the policy more than `limit` nats a token from its rollout.

    It is found in the forward of that update, which is still made: one rollout gives at least one.
    """
    for stats in updates:
        yield stats
        if limit is not None and stats["approx_kl"] > limit:
            return
