"""Texts that answer nothing have no prompts to be divided by: answers take their place."""

import numpy as np
import pytest
from scipy import stats
from stage_world import facts
from test_linear_reward import linear, written

from assent.errors import UserError
from assent.evaluation import bias, ratings, scored
from assent.records import Comparison, Prompt, Rating
from assent.rewards.features import Features
from assent.rewards.linear import Asked, fit_linear
from assent.rewards.regression import of_comparisons, of_ratings


def compared(prompt, *candidates):
    return Comparison(Prompt(prompt), candidates, 0)


def test_without_prompts_what_stays_together_is_the_same_answers():
    seen = [compared("", "a", "b"), compared("", "b", "a"), compared("", "c", "d"), compared("", "a", "c")]
    assert of_comparisons(seen)[1].group.tolist() == [0, 0, 1, 2]
    rated = [
        Rating(Prompt("rate this"), text, value, (0, 1)) for text, value in (("a", 1), ("b", 0), ("a", 0))
    ]
    assert of_ratings(rated)[1].group.tolist() == [0, 1]  # one row an answer
    asked = [compared("p", "a", "b"), compared("q", "a", "b"), compared("p", "c", "d")]
    assert of_comparisons(asked)[1].group.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "all 8 answers outside a fold of the cross-validation have the same rating.* or a penalty"),
        (
            {"penalty": 1.0, "members": 20},
            "that member .* of the ensemble drew have the same.*leave `ensemble`",
        ),
    ],
)
def test_one_bad_answer_among_ten_is_not_called_all_the_same(settings, message):
    rated = [Rating(Prompt(f"p{k}"), "x " * (k + 1), float(k == 3), (0, 1)) for k in range(10)]
    with pytest.raises(UserError, match=message):
        fit_linear(Asked(Features(words=None), **settings), *of_ratings(rated))
    same = [Rating(Prompt(f"p{k}"), "x " * (k + 1), 1.0, (0, 1)) for k in range(10)]
    with pytest.raises(UserError, match=r"all 10 answers have the same rating.*choose another criterion"):
        fit_linear(Asked(Features(words=None), **settings), *of_ratings(same))


def test_members_draw_answers_of_their_own():
    """Drawn by their one prompt all members would be the same, and their spread 0."""
    found = [compared("", "good " * (k % 3 + 1), f"bad {k}") for k in range(12)]
    fitted = fit_linear(Asked(Features(words=None), penalty=1.0, members=3), *of_comparisons(found))
    assert min(fitted.reward.spread([""], ["good good"])) > 0.001


def test_a_learning_curve_learns_from_fewer_answers(tmp_path):
    """20 pairs of words, each in 4 items: an answer of words that were not learned from is worth nothing."""
    found = [
        {"input_text": "", "candidate_0": f"good{k} w{j}", "candidate_1": f"bad{k} w{j}", "choice": 0}
        for k in range(20)
        for j in range(4)
    ]
    trust = {"group_texts": 0, "attributions": 0, "learning_curve": [0.05]}
    folder, _ = linear(
        tmp_path / "judge",
        preferences=written(tmp_path / "preferences.jsonl", found),
        features={"length": False, "words": {"ngrams": [1, 1], "at_least": 1}},
        penalty=1.0,
        trust=trust,
    )
    few, all_of_them = facts(folder / "reward.json")["learning_curve"]
    # 12 of 80 held out; 3 of the other 68 know 3 words at most, and at most 3 x 3 of the 12 have these
    assert few["accuracy"] <= (9 + 3 / 2) / 12
    assert all_of_them["accuracy"] == 1


def test_intervals_draw_answers_where_nothing_is_asked():
    dice = np.random.default_rng(0)
    lengths = dice.integers(1, 9, (40, 2))
    judged = [compared("", f"{k} " + "a " * a, f"{k} " + "b " * b) for k, (a, b) in enumerate(lengths)]
    scores = [(a + dice.normal(), b + dice.normal()) for a, b in lengths]
    told = bias.length_bias(scored.pairs(judged, scores), seed=0)
    assert told["correlation_low"] < told["correlation"] < told["correlation_high"]
    asked = [compared("the one question", *one.candidates) for one in judged]
    assert bias.length_bias(scored.pairs(asked, scores), seed=0)["correlation_low"] is None
    rated = [Rating(Prompt(""), f"{k}", float(a), (0, 9)) for k, (a, _) in enumerate(lengths)]
    (row,) = ratings.by_criterion(rated, [left for left, _ in scores], 0.5, None, seed=0)
    assert row["spearman"] == pytest.approx(
        stats.spearmanr([left for left, _ in scores], lengths[:, 0]).statistic
    )
    assert row["spearman_low"] < row["spearman"] < row["spearman_high"]
