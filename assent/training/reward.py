"""Fit a reward model to what people said of answers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from assent.batch import (
    CandidateBatch,
    Judged,
    MarginBatch,
    PairsBatch,
    PreferenceBatch,
    RankingBatch,
    RatingBatch,
    Resampled,
)
from assent.functional.preference import (
    credit_of_pairs,
    credit_of_prediction,
    label_loss,
    margin_loss,
    pairs_loss,
    preference_loss,
    rankings_loss,
    rating_loss,
    wins_of_rankings,
)
from assent.models.heads import RewardModel
from assent.training.checkpoint import Checkpoint, seed_of
from assent.training.learner import Learner, Terms, evaluated

Objective = Callable[[Tensor, Any], Terms]  # (scores, judgements of the matching type) -> loss and report


def train_reward(  # noqa: PLR0913 - the loop's parts, each used once
    model: RewardModel,
    batches: Callable[[int], Judged | Resampled],
    learner: Learner,
    checkpoint: Checkpoint,
    steps: int,
    log: Callable[[int, Mapping[str, float]], None],
    *,
    objective: Objective | None = None,
    held_out: Sequence[Judged] = (),
    evaluate_every: int = 0,
    seed: int = 0,
) -> None:
    """Make `steps` updates; step t learns from `batches(t)`. The objective is choice where none is given."""

    def terms(batch: Judged | Resampled) -> Terms:
        return reward_terms(model, batch, objective or choice_terms)

    for step in checkpoint.remaining(steps):
        torch.manual_seed(seed_of(seed, step))  # dropout
        model.train()
        stats = learner.step(batches(step).to(model.body.device), terms)
        if held_out and (step + 1 == steps or (evaluate_every and (step + 1) % evaluate_every == 0)):
            model.eval()
            unseen = evaluated((batch.to(model.body.device) for batch in held_out), terms)
            stats |= {f"held_out_{name}": value for name, value in unseen.items()}
        log(step, stats)


def reward_terms(model: RewardModel, batch: Judged | Resampled, objective: Objective) -> Terms:
    """The loss of every item and what is told of it. Every answer is read once, whatever the objective.

    Each member of an ensemble learns from what it drew itself; the loss is the mean over members.
    """
    if not isinstance(batch, Resampled):
        return objective(scores_of(model, batch), batch)
    outputs = model.outputs(*batch.judged.flat())
    losses = [objective(_arranged(column, batch.judged), batch.judged)[0] for column in outputs.unbind(1)]
    drawn = [
        draws.view(-1, *[1] * (loss.ndim - 1)) * loss
        for loss, draws in zip(losses, batch.draws.unbind(1), strict=True)
    ]
    together = _arranged(outputs.detach() @ model.head.shares, batch.judged)
    return torch.stack(drawn).mean(dim=0), objective(together, batch.judged)[1]


def scores_of(model: RewardModel, batch: Judged) -> Float[Tensor, "batch column"]:
    """Scores of the candidates, a column each; or of single answers, a column for each criterion."""
    if isinstance(batch, RatingBatch) and model.combine == "criteria":
        return model.outputs(*batch.flat())
    return _arranged(model.scores(*batch.flat()), batch)


def _arranged(scores: Float[Tensor, " rows"], batch: Judged) -> Float[Tensor, "batch column"]:
    return scores.view(len(batch), batch.candidates if isinstance(batch, CandidateBatch) else 1)


def choice_terms(scores: Float[Tensor, "batch candidate"], batch: PreferenceBatch) -> Terms:
    """The choice loss of every item, and whether the votes went to the predicted winner."""
    accuracy = credit_of_prediction(scores.detach(), batch.votes)
    return preference_loss(scores, batch.votes), {"accuracy": accuracy}


def ranking_terms(scores: Float[Tensor, "batch candidate"], batch: RankingBatch) -> Terms:
    """Plackett-Luce's loss of every item, and the share of pairs whose order is right."""
    wins = wins_of_rankings(batch.rankings, batch.shares)
    loss = rankings_loss(scores, batch.rankings, batch.shares)
    return loss, {"accuracy": credit_of_pairs(scores.detach(), wins)}


def pairs_terms(scores: Float[Tensor, "batch candidate"], batch: PairsBatch) -> Terms:
    """The mean loss over every item's pairs, and the share of votes whose order is right."""
    return pairs_loss(scores, batch.wins), {"accuracy": credit_of_pairs(scores.detach(), batch.wins)}


def margin_terms(scores: Float[Tensor, "batch candidate"], batch: MarginBatch, margin_coef: float) -> Terms:
    """The same, where a strong preference asks for a wide gap."""
    loss = margin_loss(scores, batch.wins, batch.strength, margin_coef)
    return loss, {"accuracy": credit_of_pairs(scores.detach(), batch.wins)}


def with_margin(margin_coef: float) -> Objective:
    return partial(margin_terms, margin_coef=margin_coef)


def rating_terms(predicted: Float[Tensor, "batch criterion"], batch: RatingBatch) -> Terms:
    """The squared error of every rating, and the absolute one, in units of the scale's length."""
    return rating_loss(predicted, batch.values), {"error": (predicted.detach() - batch.values).abs()}


def label_terms(scores: Float[Tensor, "batch criterion"], batch: RatingBatch) -> Terms:
    """The logistic loss of every label, and how many people said what is predicted; even counts half."""
    good, bad = (scores.detach() > 0).float(), (scores.detach() < 0).float()
    even = 1 - good - bad
    accuracy = good * batch.values + bad * (1 - batch.values) + even / 2
    return label_loss(scores, batch.values), {"accuracy": accuracy}
