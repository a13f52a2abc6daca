"""The estimators against scipy, numpy and scikit-learn's own pipelines; judgements as rows, by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from assent.config import check
from assent.errors import UserError
from assent.records import Comparison, Prompt, Rating
from assent.rewards.features import Features
from assent.rewards.linear import Asked, fit_linear
from assent.rewards.regression import (
    PENALTIES,
    Fit,
    Targets,
    Validation,
    best_penalty,
    cross_validated,
    of_comparisons,
    of_ratings,
    resampled,
)


def compared(prompt, *candidates, choice=0, **more):
    return Comparison(Prompt(prompt), candidates, choice, **more)


def weighted(answers, targets):
    """{(better, worse): weight} over texts, rows of one pair summed."""
    found = {}
    rows = zip(targets.better, targets.worse, targets.weight, strict=True)
    for better, worse, weight in rows:
        key = answers.responses[better], answers.responses[worse]
        found[key] = found.get(key, 0) + weight
    return found


def test_a_choice_is_winner_over_loser_and_a_tie_is_both():
    answers, targets = of_comparisons(
        [compared("p", "a", "b", choice=1), compared("q", "c", "d", choice=None)]
    )
    assert weighted(answers, targets) == {("b", "a"): 1, ("c", "d"): 0.5, ("d", "c"): 0.5}
    assert targets.group.tolist() == [0, 1, 1]


def test_several_people_share_an_item():
    """Two say a, one says b, in either order of the page: a over b 2/3, b over a 1/3."""
    said = [compared("p", "a", "b", choice=0), compared("p", "b", "a", choice=1), compared("p", "b", "a")]
    assert weighted(*of_comparisons(said)) == pytest.approx({("a", "b"): 2 / 3, ("b", "a"): 1 / 3})


def test_the_best_of_three_wins_two_pairs_of_half_the_weight():
    assert weighted(*of_comparisons([compared("p", "a", "b", "c", choice=1)])) == {
        ("b", "a"): 0.5,
        ("b", "c"): 0.5,
    }


def test_a_ranking_is_all_its_pairs():
    found = weighted(*of_comparisons([compared("p", "a", "b", "c", choice=2, ranking=(2, 0, 1))]))
    assert found == pytest.approx({("c", "a"): 1 / 3, ("c", "b"): 1 / 3, ("a", "b"): 1 / 3})


def test_pairs_count_as_given():
    pairs = ((0, 1, 1), (1, 2, None))
    found = weighted(*of_comparisons([compared("p", "a", "b", "c", choice=None, pairs=pairs)]))
    assert found == {("b", "a"): 0.5, ("b", "c"): 0.25, ("c", "b"): 0.25}


def test_ratings_are_means_on_one_scale():
    """Of x: helpful (5 and 3 of 1..5) is 0.75, clear (2 of 0..2) is 1: 0.875. Of y: helpful alone, 0.25."""
    said = [
        Rating(Prompt("p"), "x", 5, (1, 5), "helpful", "ann"),
        Rating(Prompt("p"), "x", 3, (1, 5), "helpful", "bob"),
        Rating(Prompt("p"), "x", 2, (0, 2), "clear", "ann"),
        Rating(Prompt("q"), "y", 2, (1, 5), "helpful", "ann"),
    ]
    answers, targets = of_ratings(said)
    assert answers.responses == ("x", "y")
    assert targets.value.tolist() == [0.875, 0.25]
    assert targets.worse is None


@pytest.fixture
def differences():
    """60 comparisons of 40 answers with 4 features, weights among them; and the differences themselves."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 4))
    better, worse = generator.integers(0, 40, (2, 60))
    swap = (features[better] - features[worse]) @ [1.0, -0.5, 0, 0.2] + generator.logistic(size=60) < 0
    better, worse = np.where(swap, worse, better), np.where(swap, better, worse)
    targets = Targets(
        better, worse, np.ones(60), generator.uniform(0.2, 1, 60), generator.integers(0, 12, 60)
    )
    return csr_matrix(features), targets, features[better] - features[worse]


@pytest.fixture
def rated():
    generator = np.random.default_rng(1)
    features = generator.normal(size=(50, 3))
    value = 1 / (1 + np.exp(-features @ [1.0, -1.0, 0.5] - generator.normal(size=50)))
    return (
        csr_matrix(features),
        Targets(np.arange(50), None, value, np.ones(50), np.arange(50) // 2),
        features,
    )


def least(loss, size):
    return minimize(loss, np.zeros(size), method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.filterwarnings("ignore:.*precision loss.*")  # scipy reaches it just before gtol
@pytest.mark.parametrize("penalty", [0.3, 10.0])
def test_logistic_is_bradley_terry(differences, penalty):
    """-sum v log sigmoid(s_w - s_l) + penalty / 2 |w|^2."""
    features, targets, rows = differences
    expected = least(lambda w: targets.weight @ np.logaddexp(0, -rows @ w) + penalty / 2 * w @ w, 4)
    found = Fit("logistic", penalty)(features, targets)
    assert found.weights == pytest.approx(expected, abs=1e-5)
    assert found.intercept == 0


def test_ridge_solves_its_normal_equations(differences):
    features, targets, rows = differences
    weighted_rows = rows * targets.weight[:, None]
    expected = np.linalg.solve(rows.T @ weighted_rows + 2 * np.eye(4), weighted_rows.sum(axis=0))
    assert Fit("ridge", 2.0)(features, targets).weights == pytest.approx(expected, abs=1e-8)


def test_least_squares_is_the_pseudo_inverse(differences):
    features, targets, rows = differences
    root = np.sqrt(targets.weight)
    expected = np.linalg.pinv(rows * root[:, None]) @ root
    assert Fit("least_squares")(features, targets).weights == pytest.approx(expected, abs=1e-6)


def test_svm_ranks(differences):
    """sum v max(0, 1 - (s_w - s_l))^2 / penalty + |w|^2 / 2."""
    features, targets, rows = differences

    def loss(w):
        return targets.weight @ np.maximum(0, 1 - rows @ w) ** 2 / 3 + w @ w / 2

    assert Fit("svm", 3.0)(features, targets).weights == pytest.approx(least(loss, 4), abs=1e-4)


def test_logistic_on_ratings(rated):
    """Cross entropy with the rating as probability; the intercept is free: Papke and Wooldridge 1996."""
    features, targets, rows = rated

    def loss(w):
        scores = rows @ w[:3] + w[3]
        return (np.logaddexp(0, scores) - targets.value * scores).sum() + 0.5 * w[:3] @ w[:3]

    found = Fit("logistic", 1.0)(features, targets)
    assert [*found.weights, found.intercept] == pytest.approx(least(loss, 4), abs=1e-5)


def test_logistic_on_good_and_bad_is_classification(rated):
    features, targets, rows = rated
    labels = (targets.value > 0.5).astype(float)
    found = Fit("logistic", 2.0)(
        features, Targets(targets.better, None, labels, targets.weight, targets.group)
    )
    theirs = LogisticRegression(C=0.5, tol=1e-8).fit(rows, labels)
    assert found.weights == pytest.approx(theirs.coef_[0], abs=1e-4)


def test_ridge_on_ratings(rated):
    features, targets, rows = rated
    theirs = Ridge(2.0, solver="cholesky").fit(rows, targets.value)
    found = Fit("ridge", 2.0)(features, targets)
    assert [*found.weights, found.intercept] == pytest.approx([*theirs.coef_, theirs.intercept_], abs=1e-7)


def test_svm_on_ratings(rated):
    """liblinear penalises the intercept as it does a weight; without a tube the loss is the square."""
    features, targets, rows = rated
    wide = np.hstack([rows, np.ones((50, 1))])
    expected = np.linalg.solve(wide.T @ wide + 0.5 * np.eye(4), wide.T @ targets.value)
    found = Fit("svm", 1.0)(features, targets)
    assert [*found.weights, found.intercept] == pytest.approx(expected, abs=1e-4)


def test_ratings_that_are_all_the_same(rated):
    features, targets, _ = rated
    same = Targets(targets.better, None, np.ones(50), targets.weight, targets.group)
    with pytest.raises(UserError, match="all 50 answers have the same rating"):
        Fit("logistic")(features, same)


def test_one_comparison_is_enough():
    line = Fit("logistic", 1.0)(
        csr_matrix([[1.0, 0.0], [0.0, 1.0]]),
        Targets(np.array([0]), np.array([1]), np.ones(1), np.ones(1), np.zeros(1, dtype=int)),
    )
    assert line.weights[0] == pytest.approx(-line.weights[1])
    assert line.weights[0] > 0


def test_cross_validation_by_hand(differences):
    """Two prompts, two folds: each fitted on the one and measured on the other, with numpy alone."""
    features, targets, rows = differences
    two = Targets(targets.better, targets.worse, targets.value, targets.weight, targets.group % 2)
    lost = 0.0
    for side in (0, 1):
        seen, unseen = two.group != side, two.group == side
        scaled = rows[seen] * two.weight[seen, None]
        weights = np.linalg.solve(rows[seen].T @ scaled + 3 * np.eye(4), scaled.sum(axis=0))
        lost += two.weight[unseen] @ (1 - rows[unseen] @ weights) ** 2
    found = {row.penalty: row.loss for row in cross_validated(features, two, "ridge", 5, 0)}
    assert list(found) == list(PENALTIES)
    assert found[3.0] == pytest.approx(lost / two.weight.sum(), abs=1e-8)


def test_the_least_loss_wins_and_of_equals_the_strongest():
    assert best_penalty([Validation(9, 0.5), Validation(3, 0.4), Validation(1, 0.4)]) == 3


def test_one_prompt_cannot_be_split(differences):
    features, targets, _ = differences
    one = Targets(targets.better, targets.worse, targets.value, targets.weight, targets.group * 0)
    with pytest.raises(UserError, match="give `penalty`"):
        cross_validated(features, one, "logistic", 5, 0)


def test_resampling_keeps_prompts_whole(differences):
    _, targets, _ = differences
    again = resampled(targets, np.random.default_rng(3))
    times = again.weight / targets.weight
    for prompt in range(12):
        assert len(set(times[targets.group == prompt].round(9))) <= 1
    drawn = [times[targets.group == prompt][0] for prompt in np.unique(targets.group)]
    assert sum(drawn) == pytest.approx(len(np.unique(targets.group)))


SENTENCES = ["I am sorry", "not a good idea", "sure do it now", "a good plan", "I am not sure", "now do it"]


def some_comparisons():
    texts = [f"{one} {other}" for one in SENTENCES for other in SENTENCES]
    return [compared(f"p{row % 9}", texts[row], texts[35 - row], choice=row % 3 == 0) for row in range(18)]


def test_scores_are_those_of_a_scikit_learn_pipeline():
    """Words and lengths, put together by scikit-learn's own means, from the texts on."""
    judged = some_comparisons()
    features = check(Features, {"words": {"ngrams": [1, 2], "at_least": 2}}, "f")
    found = fit_linear(Asked(features, penalty=0.7), *of_comparisons(judged)).reward

    texts = list(dict.fromkeys((c.prompt.text, text) for c in judged for text in c.candidates))
    tfidf = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\w+(?:'\w+)*"
    ).fit([text for _, text in texts])

    def counts(text):
        words = text.split()
        lengths = [len(word) for word in words]
        return [len(words), len(text), 1, np.mean(lengths), np.log1p(len(words))]

    scaler = StandardScaler().fit([counts(text) for _, text in texts])

    def read(many):
        return np.hstack([scaler.transform([counts(text) for text in many]), tfidf.transform(many).toarray()])

    winners = read([c.candidates[c.choice] for c in judged])
    losers = read([c.candidates[1 - c.choice] for c in judged])
    model = LogisticRegression(C=1 / 0.7, fit_intercept=False, tol=1e-9, max_iter=5000)
    model.fit(np.vstack([winners - losers, losers - winners]), [1] * 18 + [0] * 18, sample_weight=[0.5] * 36)
    new = ["sorry not now", "a good idea it is", "sure"]
    assert found(["p"] * 3, new) == pytest.approx((read(new) @ model.coef_[0]).tolist(), abs=1e-4)
