"""Scores straight from votes, against an optimiser that knows nothing of how they are found."""

import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize
from stage_world import Lines, rows

from assent.config import check
from assent.data.ratings import ratings
from assent.errors import UserError
from assent.functional.ranking_scores import borda, bradley_terry
from assent.stages import ranking_scores
from assent.stages.workspace import Workspace


def by_optimiser(wins, prior):
    """The same maximum from the likelihood itself: scipy's BFGS with numerical gradients."""
    votes = wins + prior * (1 - np.eye(len(wins)))

    def surprise(s):
        return (votes * np.logaddexp(0, -(s[:, None] - s[None, :]))).sum() + s.mean() ** 2

    return minimize(surprise, np.zeros(len(wins)), method="BFGS", options={"gtol": 1e-8}).x


@pytest.mark.parametrize("prior", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_mm_finds_the_maximum_of_the_likelihood(seed, prior):
    random = np.random.default_rng(seed)
    wins = random.integers(0, 5, (5, 5)) / 2.0
    np.fill_diagonal(wins, 0)
    assert bradley_terry(wins, prior) == pytest.approx(by_optimiser(wins, prior), abs=1e-4)


def test_two_answers_have_their_log_odds():
    # 3 of 4 votes, and 1 on either side: s_1 - s_2 = ln 4/2, mean 0
    assert bradley_terry(np.array([[0.0, 3.0], [1.0, 0.0]]), 1) == pytest.approx([LN2 / 2, -LN2 / 2])


def test_a_unanimous_winner_is_finite_and_more_votes_make_it_stronger():
    strengths = [bradley_terry(np.array([[0.0, n], [0.0, 0.0]]), 0.5)[0] for n in (1, 10, 1000)]
    assert np.isfinite(strengths).all()
    assert strengths == sorted(strengths)
    assert bradley_terry(np.zeros((3, 3)), 0.5) == pytest.approx([0, 0, 0])
    with pytest.raises(ValueError, match="prior must be above 0"):
        bradley_terry(np.zeros((2, 2)), 0)


def test_borda_is_the_share_of_votes_won():
    # a > b > c by one, a = b by another: a has 2.5 of 3, b 1.5 of 3, c none of 2
    wins = np.array([[0, 1.5, 1], [0.5, 0, 1], [0, 0, 0]])
    assert borda(wins) == pytest.approx([2.5 / 3, 1.5 / 3, 0])
    assert np.isnan(borda(np.zeros((2, 2)))).all()


LN2 = math.log(2)
TEXTS = {"input_text": "p", "candidate_0": "a", "candidate_1": "b", "candidate_2": "c"}


def scored(tmp_path, *judged, **settings):
    path = tmp_path / "judged.jsonl"
    path.write_text("".join(json.dumps({**TEXTS, **row}) + "\n" for row in judged))
    work = Workspace("scored", tmp_path, Lines(), lambda done, total, note: None, lambda: False)
    ranking_scores.run(check(ranking_scores.Config, {"preferences": str(path), **settings}, "scored"), work)
    return tmp_path / "ratings.jsonl"


def test_the_stage_writes_ratings_of_every_answer(tmp_path):
    """Two people rank the same three answers; one saw them in another order."""
    turned = {"candidate_0": "c", "candidate_1": "b", "candidate_2": "a", "ranking": [2, 1, 0]}
    path = scored(tmp_path, {"ranking": [0, 1, 2], "meta": {"topic": "tea"}}, turned)
    found = {rating.response: rating for rating in ratings(str(path))}
    expected = by_optimiser(np.array([[0, 2, 2], [0, 0, 2], [0, 0, 0.0]]), 0.1)
    assert [found[text].value for text in "abc"] == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-5)
    assert [rating.scale for rating in found.values()] == [(0, 1)] * 3
    meta = rows(path)[0]["meta"]
    assert meta.pop("log_strength") == pytest.approx(expected[0], abs=1e-4)
    assert meta == {"topic": "tea", "method": "bradley_terry", "votes": 4}


def test_positional_scores_of_a_choice(tmp_path):
    path = scored(tmp_path, {"choice": 1}, {"choice": None}, method="borda")
    # the choice: b over a and c; the tie of all: half a vote each way
    found = {rating.response: rating.value for rating in ratings(str(path))}
    assert found == pytest.approx({"a": 1 / 3, "b": 3 / 4, "c": 1 / 3})


@pytest.mark.parametrize("method", ["bradley_terry", "borda"])
def test_an_answer_that_nobody_compared_has_no_rating(tmp_path, method):
    path = scored(tmp_path, {"pairs": [[0, 1, 0]]}, method=method)
    assert [rating.response for rating in ratings(str(path))] == ["a", "b"]


def test_a_prior_too_small_to_settle_is_told(tmp_path):
    with pytest.raises(UserError, match=r"scored: prior: the answers to 'p': .* a larger prior than 1e-06"):
        scored(tmp_path, {"ranking": [0, 1, 2]}, prior=1e-6)


def test_a_prior_of_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="prior: input should be greater than 0"):
        scored(tmp_path, {"choice": 1}, prior=0)
