"""Scores of answers straight from votes between them, with no model in between."""

import numpy as np
from jaxtyping import Float

Wins = Float[
    np.ndarray, "candidate candidate"
]  # [i, j]: how often i was put over j; a tie is half either way
Scores = Float[np.ndarray, " candidate"]

MOST_ROUNDS = 100_000


def bradley_terry(wins: Wins, prior: float, tolerance: float = 1e-10) -> Scores:
    """The log-strengths s, of mean 0, that maximise sum_ij (wins_ij + prior) log sigmoid(s_i - s_j).

    P(i over j) = sigmoid(s_i - s_j). The maximum is found by the MM algorithm of Hunter 2004, Annals of
    Statistics 32, eq. 3, with p = exp(s): p_i <- W_i / sum_j N_ij / (p_i + p_j), which never goes down.

    Args:
        prior: votes that every answer is given over every other before anybody votes; above 0. It keeps
            answers finite that won, or lost, every vote, and joins answers that nobody compared.
        tolerance: the iteration ends when no s changes by more.
    """
    if prior <= 0:
        raise ValueError(
            f"prior must be above 0, found {prior}: a unanimous winner would be infinitely strong"
        )
    votes = wins + prior * (1 - np.eye(len(wins)))
    met, won = votes + votes.T, votes.sum(axis=1)
    scores = np.zeros(len(wins))
    for _ in range(MOST_ROUNDS):
        strength = np.exp(scores)
        after = np.log(won / (met / (strength[:, None] + strength[None, :])).sum(axis=1))
        after -= after.mean()  # the likelihood knows differences alone
        moved = np.abs(after - scores).max()
        scores = after
        if moved < tolerance:
            return scores
    raise ValueError(f"no maximum within {MOST_ROUNDS} rounds; a larger prior than {prior} is needed")


def borda(wins: Wins) -> Scores:
    """The share of its votes that each answer won: the count of Borda 1781, divided by its greatest.

    An answer that nobody compared has nan.
    """
    met = (wins + wins.T).sum(axis=1)
    return np.divide(wins.sum(axis=1), met, out=np.full(len(wins), np.nan), where=met > 0)
