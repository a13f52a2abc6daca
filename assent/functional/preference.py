"""The maths of learning from choices."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere


def preference_loss(
    scores: Float[Tensor, "batch candidate"], votes: Float[Tensor, "batch candidate"]
) -> Float[Tensor, " batch"]:
    """-sum_k votes_k log softmax(scores)_k: arXiv:1909.08593, eq. 1.

    With two candidates and a one-hot vote this is Bradley-Terry, -log sigmoid(s_winner - s_loser).
    """
    return F.cross_entropy(scores, votes, reduction="none")


def dpo_loss(
    log_ratios: Float[Tensor, "batch candidate"],
    votes: Float[Tensor, "batch candidate"],
    kl_coef: float,
    label_noise: float = 0.0,
) -> Float[Tensor, " batch"]:
    """The choice loss with the policy as its own reward model: arXiv:2305.18290, eq. 7.

    The score of an answer is kl_coef * d, d = log pi(answer) - log pi_ref(answer) in nats; the paper calls
    kl_coef beta. With two candidates and a one-hot vote this is -log sigmoid(kl_coef * (d_winner - d_loser)).

    `label_noise` is the share of votes that is taken to be mistaken, and meant for another candidate:
    conservative DPO, E. Mitchell 2023, https://ericmitchell.ai/cdpo.pdf.
    """
    doubted = (1 - label_noise) * votes + label_noise * (1 - votes) / (votes.shape[1] - 1)
    return preference_loss(kl_coef * log_ratios, doubted)


def ranking_loss(
    scores: Float[Tensor, "batch candidate"], ranking: Int[Tensor, "batch candidate"]
) -> Float[Tensor, " batch"]:
    """-sum_i log softmax(s_i .. s_K)_i over `ranking`, candidate indices from best to worst.

    Plackett-Luce (Plackett 1975, The Analysis of Permutations); with two candidates it is Bradley-Terry.
    """
    ordered = scores.gather(1, ranking)
    remaining = ordered.flip(1).logcumsumexp(1).flip(1)  # log of the sum over those not yet placed
    return (remaining - ordered).sum(dim=1)


def rankings_loss(
    scores: Float[Tensor, "batch candidate"],
    rankings: Int[Tensor, "batch annotator candidate"],
    shares: Float[Tensor, "batch annotator"],
) -> Float[Tensor, " batch"]:
    """The mean of `ranking_loss` over the annotators of each item; `shares` sum to 1, 0 for nobody."""
    repeated = scores.repeat_interleave(rankings.shape[1], dim=0)
    return (ranking_loss(repeated, rankings.flatten(0, 1)).view(shares.shape) * shares).sum(dim=1)


def pairs_loss(
    scores: Float[Tensor, "batch candidate"], wins: Float[Tensor, "batch candidate candidate"]
) -> Float[Tensor, " batch"]:
    """-sum_ij wins_ij log sigmoid(s_i - s_j): arXiv:2203.02155, eq. 1.

    `wins_ij` is the share of an item's votes that put i over j, so that the sum over pairs is divided by
    their number; a tied pair gives half its vote to either side.
    """
    gaps = scores[:, :, None] - scores[:, None, :]
    return -(wins * F.logsigmoid(gaps)).sum(dim=(1, 2))


def margin_loss(
    scores: Float[Tensor, "batch candidate"],
    wins: Float[Tensor, "batch candidate candidate"],
    strength: Float[Tensor, "batch candidate candidate"],
    margin_coef: float,
) -> Float[Tensor, " batch"]:
    """-sum_ij wins_ij log sigmoid(s_i - s_j - margin_coef * strength_ij): arXiv:2307.09288, eq. 2.

    A clear preference asks for a wider gap. With `strength` 0, nobody having told, it is `pairs_loss`.
    """
    gaps = scores[:, :, None] - scores[:, None, :]
    return -(wins * F.logsigmoid(gaps - margin_coef * strength)).sum(dim=(1, 2))


def rating_loss(
    predicted: Float[Tensor, "batch criterion"], values: Float[Tensor, "batch criterion"]
) -> Float[Tensor, "batch criterion"]:
    """(predicted - value)^2, `values` as 0..1 of their scale."""
    return (predicted - values) ** 2


def label_loss(
    scores: Float[Tensor, "batch criterion"], values: Float[Tensor, "batch criterion"]
) -> Float[Tensor, "batch criterion"]:
    """-v log sigmoid(s) - (1 - v) log sigmoid(-s), v the share of people who said good."""
    return F.binary_cross_entropy_with_logits(scores, values, reduction="none")


def credit_of_pairs(
    scores: Float[Tensor, "batch candidate"], wins: Float[Tensor, "batch candidate candidate"]
) -> Float[Tensor, " batch"]:
    """The share of an item's votes between pairs that the scores order alike; equal scores are half right."""
    gaps = scores[:, :, None] - scores[:, None, :]
    return (wins * ((gaps > 0).to(wins.dtype) + 0.5 * (gaps == 0))).sum(dim=(1, 2))


def wins_of_rankings(
    rankings: Int[Tensor, "batch annotator candidate"], shares: Float[Tensor, "batch annotator"]
) -> Float[Tensor, "batch candidate candidate"]:
    """The votes between all K (K - 1) / 2 pairs that rankings imply; they sum to 1."""
    place = rankings.argsort(dim=2)
    before = (place[:, :, :, None] < place[:, :, None, :]).to(shares.dtype)
    count = rankings.shape[2] * (rankings.shape[2] - 1) / 2
    return (shares[:, :, None, None] * before).sum(dim=1) / count


def expected_calibration_error(
    confidence: Float[Tensor, " judgement"], correct: Float[Tensor, " judgement"], bins: int = 10
) -> tuple[float, list[dict[str, float]]]:
    """(ECE, reliability curve) of predicted winners: arXiv:1706.04599, eq. 3.

    `confidence` is the probability given to the predicted winner, in [1/K, 1]; `correct` is 1, 0, or 1/2
    for a tie. Bins of equal width over [0, 1]; empty ones are left out of the curve.
    """
    index = (confidence * bins).long().clamp(max=bins - 1)
    curve = []
    for b in range(bins):
        inside = index == b
        if inside.any():
            curve.append(
                {
                    "confidence": confidence[inside].mean().item(),
                    "accuracy": correct[inside].mean().item(),
                    "count": float(inside.sum()),
                }
            )
    error = sum(abs(b["confidence"] - b["accuracy"]) * b["count"] for b in curve) / max(1, len(confidence))
    return error, curve


def credit_of_prediction(
    scores: Float[Tensor, "batch candidate"], votes: Float[Tensor, "batch candidate"]
) -> Float[Tensor, " batch"]:
    """The share of votes that the highest-scored candidate won; equal scores share their votes' mean."""
    best = (scores == scores.max(dim=1, keepdim=True).values).to(votes.dtype)
    return (votes * best).sum(dim=1) / best.sum(dim=1)


def margin(
    scores: Float[Tensor, "batch candidate"], votes: Float[Tensor, "batch candidate"]
) -> Float[Tensor, " batch"]:
    """The score of what people voted for, less the mean score of the other candidates; 0 for a tie of all."""
    chosen = (votes * scores).sum(dim=1)
    return chosen - (scores.sum(dim=1) - chosen) / (votes.shape[1] - 1)


def winner_probability(scores: Float[Tensor, "batch candidate"]) -> Float[Tensor, " batch"]:
    """The probability that the model gives to the candidate it predicts to win."""
    return torch.softmax(scores, dim=1).max(dim=1).values
