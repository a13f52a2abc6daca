"""DPO: learn from people's choices without a reward model, and without sampling."""

from collections.abc import Callable, Mapping, Sequence

import torch
from pydantic import Field

from assent.batch import PreferenceBatch
from assent.config import Settings
from assent.functional.preference import credit_of_prediction, dpo_loss, margin
from assent.models.language_model import LanguageModel
from assent.training.checkpoint import Checkpoint
from assent.training.learner import Learner, Terms, evaluated
from assent.training.rollouts import Reference


class DPOConfig(Settings):
    """Settings of the loss; the `policy` stage has the same names."""

    kl_coef: float = Field(default=0.1, gt=0)  # price of one nat of drift: beta of arXiv:2305.18290
    label_noise: float = Field(default=0.0, ge=0, lt=0.5)  # share of votes that is taken to be mistaken
    anchor: float = Field(default=0.0, ge=0)  # weight of imitating the chosen answer beside preferring it


def train_dpo(  # noqa: PLR0913 - the loop's parts, each used once
    policy: LanguageModel,
    reference: Reference,
    batches: Callable[[int], PreferenceBatch],
    learner: Learner,
    checkpoint: Checkpoint,
    config: DPOConfig,
    log: Callable[[int, Mapping[str, float]], None],
    *,
    steps: int,
    held_out: Sequence[PreferenceBatch] = (),
    evaluate_every: int = 0,
) -> None:
    """Make `steps` updates; step t learns from `batches(t)`.

    Nothing here is random: dropout is off, as a log-ratio should compare policies and not dropout masks.
    """

    def terms(batch: PreferenceBatch) -> Terms:
        return dpo_terms(policy, reference, batch, config)

    policy.eval()
    for step in checkpoint.remaining(steps):
        stats = learner.step(batches(step).to(policy.device), terms)
        if held_out and (step + 1 == steps or (evaluate_every and (step + 1) % evaluate_every == 0)):
            unseen = evaluated((batch.to(policy.device) for batch in held_out), terms)
            stats |= {f"held_out_{name}": value for name, value in unseen.items()}
        log(step, stats)


def dpo_terms(
    policy: LanguageModel, reference: Reference, batch: PreferenceBatch, config: DPOConfig
) -> Terms:
    """The loss of every item, and how far the policy has gone for it. All candidates are read in one pass.

    The anchor is the mean of -log p over the tokens of the chosen answer: the NLL term of arXiv:2404.19733.
    DPO alone may lower the probability of both answers, as long as the other's falls faster.
    """
    prompts, answers = batch.flat()
    with torch.no_grad():  # before the policy: a reference may be the same network with its adapters off
        ref_logprobs, _ = reference.logprobs(prompts, answers)
    logprobs, _ = policy.logprobs(prompts, answers)
    log_ratios = (logprobs - ref_logprobs).where(answers.mask, 0.0).sum(dim=1).view(batch.votes.shape)
    surprise = (-logprobs.where(answers.mask, 0.0).sum(dim=1) / answers.lengths).view(batch.votes.shape)

    preference = dpo_loss(log_ratios, batch.votes, config.kl_coef, config.label_noise)
    imitation = (batch.votes * surprise).sum(dim=1)
    rewards = config.kl_coef * log_ratios.detach()
    return preference + config.anchor * imitation, {
        "accuracy": credit_of_prediction(rewards, batch.votes),
        "margin": margin(rewards, batch.votes),
        "chosen_drift": (batch.votes * log_ratios.detach()).sum(dim=1),  # nats; below 0: less likely now
    }
