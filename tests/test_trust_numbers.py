"""Calibration, correlations, ratings, forecasts and ensembles: oracles are scipy, scikit-learn, or a hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from test_trust import judged, pair_of

from assent.evaluation import calibration, certainty, learning_curve, ratings, scored
from assent.functional.statistics import (
    clustered_interval,
    clustered_mean_interval,
    rank_correlation,
)
from assent.records import Prompt, Rating


def decisions_of(margins, prompts=None):
    """Decisions between two whose winner has 0, the other minus the margin."""
    found = [judged(prompts[k] if prompts else f"p{k}", ("a", "b"), 0) for k in range(len(margins))]
    return scored.decisions(found, [(margin, 0.0) for margin in margins])


def test_the_temperature_is_that_of_a_logistic_regression_without_intercept():
    # Bradley-Terry at temperature T is a logistic regression on the margin with the weight 1 / T
    dice = np.random.default_rng(3)
    signal = dice.normal(0, 2, 400)
    won = dice.random(400) < 1 / (1 + np.exp(-signal / 2.5))
    found = decisions_of(np.where(won, signal, -signal))
    told = calibration.fitted_temperature(found, seed=0)
    oracle = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(signal[:, None], won)
    assert told["temperature"] == pytest.approx(1 / oracle.coef_[0, 0], rel=1e-3)
    assert told["loss_before"] == pytest.approx(np.log1p(np.exp(-np.where(won, signal, -signal))).mean())
    assert told["loss_after"] < told["loss_before"]
    assert told["ece_after"] < told["ece_before"]
    assert told["n"] == 400


def test_a_temperature_that_has_no_best_value_is_none():
    assert calibration.fitted_temperature(decisions_of([1.0] * 30), 0) is None  # never wrong: the sharper
    assert calibration.fitted_temperature(decisions_of([1.0, -1.0] * 15), 0) is None  # chance: the flatter
    assert calibration.fitted_temperature(decisions_of([1.0, -1.0, 1.0]), 0) is None  # too few
    alone = decisions_of([1.0, -0.5] * 15, prompts=["p"] * 30)
    assert calibration.fitted_temperature(alone, 0) is None  # one prompt cannot be cut in halves


def test_decisions_among_different_numbers_of_answers_share_a_calibration():
    found = [judged("p", ("a", "b"), 0), judged("q", ("a", "b", "c", "d"), 1)]
    facts = calibration.calibration(scored.decisions(found, [(0, 0), (0, 0, 0, 0)]))
    assert facts["loss"] == pytest.approx((np.log(2) + np.log(4)) / 2)
    # sure of 1/2 and right by half, sure of 1/4 and right by a quarter: perfect
    assert facts["ece"] == pytest.approx(0)
    assert calibration.calibration([]) == {"ece": None, "loss": None, "reliability": []}


@pytest.mark.parametrize(("kind", "oracle"), [("spearman", stats.spearmanr), ("kendall", stats.kendalltau)])
def test_rank_correlations_are_scipys(kind, oracle):
    dice = np.random.default_rng(1)
    a, b = dice.integers(0, 6, 50), dice.integers(0, 6, 50)  # with ties
    assert rank_correlation(a, b, kind) == pytest.approx(oracle(a, b).statistic)
    assert rank_correlation([1, 2, 3], [30, 20, 10], kind) == pytest.approx(-1)
    assert rank_correlation([1, 1], [1, 2], kind) is None
    assert rank_correlation([1], [1], kind) is None


def test_intervals_of_clusters_cover_as_they_say():
    # means of 40 clusters of five equal rows: the interval must be that of 40 values, not of 200
    dice = np.random.default_rng(0)
    clusters = np.repeat(np.arange(40), 5).tolist()
    covered = 0
    for trial in range(200):
        values = np.repeat(dice.normal(0, 1, 40), 5)
        low, high = clustered_mean_interval(values, clusters, seed=trial, resamples=300)
        covered += low <= 0 <= high
    assert 0.89 <= covered / 200 <= 0.99
    values = np.repeat(dice.normal(0, 1, 40), 5)
    whole = clustered_interval(lambda rows: float(values[rows].mean()), clusters, resamples=4000)
    assert whole == pytest.approx(clustered_mean_interval(values, clusters, resamples=4000), abs=0.03)
    assert clustered_mean_interval([1.0, 2.0], ["a", "a"]) is None
    assert clustered_interval(lambda rows: 1.0, ["a", "a"]) is None
    assert clustered_interval(lambda rows: None, ["a", "b"]) is None


def test_ratings_at_a_threshold_are_scikit_learns():
    dice = np.random.default_rng(2)
    rated = [
        Rating(Prompt(f"p{k}"), "x", float(value), (1, 5), "clear")
        for k, value in enumerate(dice.integers(1, 6, 60))
    ]
    said = dice.normal(size=60) + [rating.value / 2 for rating in rated]
    (row,) = ratings.by_criterion(rated, said.tolist(), threshold=0.5, cut=1.2, seed=0)
    good, called = np.asarray([rating.value >= 3 for rating in rated]), said >= 1.2
    precision, recall, f1, _ = precision_recall_fscore_support(good, called, average="binary")
    assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision, recall, f1))
    assert row["accuracy"] == pytest.approx(accuracy_score(good, called))
    assert row["good"] == pytest.approx(good.mean())
    values = [rating.value for rating in rated]
    assert row["spearman"] == pytest.approx(stats.spearmanr(said, values).statistic)
    assert row["kendall"] == pytest.approx(stats.kendalltau(said, values).statistic)
    assert row["spearman_low"] < row["spearman"] < row["spearman_high"]
    # Fisher's interval, which knows nothing of resampling, is about as wide
    half = 1.96 / np.sqrt(57)
    assert row["spearman_low"] == pytest.approx(np.tanh(np.arctanh(row["spearman"]) - half), abs=0.1)


def test_the_cut_of_each_half_is_fitted_to_the_other():
    # scores that rank perfectly on another scale: every half splits where people split
    rated = [Rating(Prompt(f"p{k}"), "x", k % 2, (0, 1)) for k in range(40)]
    (row,) = ratings.by_criterion(rated, [100.0 + k % 2 for k in range(40)], 0.5, None, seed=0)
    assert (row["accuracy"], row["precision"], row["recall"], row["f1"]) == (1, 1, 1, 1)
    nobody = [Rating(Prompt(f"p{k}"), "x", 0, (0, 1)) for k in range(4)]
    (row,) = ratings.by_criterion(nobody, [1.0, 2.0, 3.0, 4.0], 0.5, None, seed=0)
    assert (row["accuracy"], row["precision"], row["recall"], row["f1"]) == (1, None, None, None)
    assert row["spearman"] is None


def test_answers_without_prompts_are_cut_in_halves_themselves():
    rated = [Rating(Prompt(""), f"answer {k}", k % 2, (0, 1)) for k in range(40)]
    (row,) = ratings.by_criterion(rated, [100.0 + k % 2 for k in range(40)], 0.5, None, seed=0)
    assert (row["accuracy"], row["precision"], row["recall"], row["f1"]) == (1, 1, 1, 1)
    (alone,) = ratings.by_criterion(rated[:1], [100.0], 0.5, None, seed=0)
    assert (alone["n"], alone["accuracy"], alone["ci_low"], alone["f1"]) == (1, None, None, None)
    (told,) = ratings.by_criterion(rated[:1], [100.0], 0.5, 200.0, seed=0)
    assert told["accuracy"] == 1  # it is bad, and its score is below the cut that was given


def test_choices_without_prompts_have_a_temperature():
    # 3 of 4 are right by a margin of 2: sigmoid(2 / T) = 3/4, so that T = 2 / ln 3
    won = [k % 4 > 0 for k in range(400)]
    found = [judged("", (f"a {k}", f"b {k}"), 0) for k in range(400)]
    rows = [(2.0, 0.0) if right else (0.0, 2.0) for right in won]
    told = calibration.fitted_temperature(scored.decisions(found, rows), seed=0)
    assert told["temperature"] == pytest.approx(2 / np.log(3), rel=1e-4)


def test_each_criterion_has_a_row():
    rated = [Rating(Prompt("p"), "x", 1, (0, 1), name) for name in ("b", "a", "b")]
    rows = ratings.by_criterion(rated, [1.0, 1.0, 1.0], 0.5, 0.5, seed=0)
    assert [(row["criterion"], row["n"]) for row in rows] == [("a", 1), ("b", 2)]


def test_rankings_by_hand():
    ranked = [
        judged("p", ("a", "b", "c"), None, ranking=(0, 1, 2)),
        judged("q", ("a", "b", "c"), None, ranking=(0, 1, 2)),
        judged("r", ("a", "b", "c"), None, pairs=((0, 1, None), (0, 2, 0), (1, 2, 1))),  # a = b > c
        judged("s", ("a", "b"), 0),
        judged("t", ("a", "b", "c"), None, pairs=((0, 1, 0),)),  # not whole
    ]
    assert ratings.standing(ranked[0]) == [2, 1, 0]
    assert ratings.standing(ranked[2]) == [1.5, 1.5, 0]
    assert (ratings.standing(ranked[3]), ratings.standing(ranked[4])) == (None, None)
    facts = ratings.rankings(ranked, [(3, 2, 1), (2, 3, 1), (2, 2, 1), (0, 0), (0, 0, 0)], seed=0)
    # Kendall 1, 1/3 (one of three pairs turned), 1; Spearman 1, 1 - 6 x 2 / 24 = 1/2, 1
    assert (facts["n"], facts["kendall"], facts["spearman"]) == (
        3,
        pytest.approx(7 / 9),
        pytest.approx(5 / 6),
    )
    assert facts["kendall_low"] <= facts["kendall"] <= facts["kendall_high"]


def test_the_forecast_goes_on_along_the_power_law():
    # error 0.4 x (share / 0.25)^-0.5: 0.4, 0.2828, 0.2, so 0.1414 at twice the labels
    points = learning_curve.curve((1.0, 0.25, 0.5), (0.8, 0.6, 1 - 0.4 / 2**0.5), held_out=10_000)
    assert [point["share"] for point in points] == [0.25, 0.5, 1]
    told = learning_curve.forecast(points, 10_000, seed=0)
    assert told["accuracy"] == pytest.approx(1 - 0.2 / 2**0.5)
    assert told["ci_low"] < told["accuracy"] < told["ci_high"]
    wide = learning_curve.forecast(points, 100, seed=0)
    assert wide["ci_high"] - wide["ci_low"] > 5 * (told["ci_high"] - told["ci_low"])
    assert learning_curve.forecast(points[:2], 100, seed=0) is None
    perfect = learning_curve.curve((0.25, 0.5, 1.0), (0.8, 1.0, 1.0), held_out=10)
    assert learning_curve.forecast(perfect, 10, seed=0) is None


def test_the_certain_half_of_an_ensemble():
    # ten pairs on which two members agree, right; ten on which they do not, five of them right
    agreed = [[1.0, 1.0]] * 10
    doubted = [[4.0, -1.0]] * 5 + [[1.0, -4.0]] * 5
    members = np.asarray(agreed + doubted)
    pairs = [pair_of(float(row.mean()), f"p{k}") for k, row in enumerate(members)]
    rows = {row["by"]: row for row in certainty.by_certainty(pairs, members, seed=0)}
    assert rows["spread"]["certain"]["accuracy"] == 1
    assert rows["spread"]["other"]["accuracy"] == 0.5
    assert rows["spread"]["gain"] == 0.5
    assert 0 < rows["spread"]["gain_low"] < 0.5 < rows["spread"]["gain_high"] <= 1
    # means are 1 and +-1.5: by the difference alone the doubted ones look certain
    assert rows["margin"]["certain"]["accuracy"] == 0.5
    assert rows["ratio"]["certain"]["accuracy"] == 1
    assert certainty.by_certainty(pairs[:19], members[:19], seed=0) == []
