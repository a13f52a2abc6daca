"""Fit a reward model to people's choices."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assent.batch import PreferenceBatch
from assent.functional.preference import credit_of_prediction, preference_loss
from assent.models.heads import RewardModel
from assent.training.checkpoint import Checkpoint, seed_of
from assent.training.learner import Learner, Terms, evaluated


def train_reward(  # noqa: PLR0913 - the loop's parts, each used once
    model: RewardModel,
    batches: Callable[[int], PreferenceBatch],
    learner: Learner,
    checkpoint: Checkpoint,
    steps: int,
    log: Callable[[int, Mapping[str, float]], None],
    *,
    held_out: Sequence[PreferenceBatch] = (),
    evaluate_every: int = 0,
    seed: int = 0,
) -> None:
    """Make `steps` updates; step t learns from `batches(t)`."""

    def terms(batch: PreferenceBatch) -> Terms:
        return reward_terms(model, batch)

    for step in checkpoint.remaining(steps):
        torch.manual_seed(seed_of(seed, step))  # dropout
        model.train()
        stats = learner.step(batches(step).to(model.body.device), terms)
        if held_out and (step + 1 == steps or (evaluate_every and (step + 1) % evaluate_every == 0)):
            model.eval()
            unseen = evaluated((batch.to(model.body.device) for batch in held_out), terms)
            stats |= {f"held_out_{name}": value for name, value in unseen.items()}
        log(step, stats)


def candidate_scores(model: RewardModel, batch: PreferenceBatch) -> Float[Tensor, "batch candidate"]:
    """The score of every candidate, all read in one pass."""
    return model.scores(*batch.flat()).view(batch.votes.shape)


def reward_terms(model: RewardModel, batch: PreferenceBatch) -> Terms:
    """The choice loss of every item, and whether the votes went to the predicted winner."""
    scores = candidate_scores(model, batch)
    return preference_loss(scores, batch.votes), {
        "accuracy": credit_of_prediction(scores.detach(), batch.votes)
    }
