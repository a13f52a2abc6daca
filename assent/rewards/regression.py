"""Judgements as rows of a linear regression, through scikit-learn: least squares, ridge, SVM, logistic.

A comparison gives rows of features(winner) - features(loser), without intercept: so logistic regression is
Bradley-Terry (Bradley and Terry 1952, Biometrika 39), and the SVM ranks (Joachims 2002, KDD). A rating gives
the answer itself, its number moved to 0..1.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix, diags, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC, LinearSVR

from assent.errors import UserError
from assent.records import Comparison, Rating, apart_by

Estimator = Literal["logistic", "ridge", "svm", "least_squares"]
PENALTIES = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)  # what cross-validation tries, strongest first
MOST_ITERATIONS = 20_000
OTHER_RATINGS = "give ratings that differ, or choose another criterion"


@dataclass(frozen=True)
class Answers:
    """The distinct (prompt, response) pairs that judgements speak of, in the order of their first mention."""

    prompts: tuple[str, ...]
    responses: tuple[str, ...]


@dataclass(frozen=True)
class Targets:
    """What is asked of the answers' scores; indices are positions in `Answers`.

    `better` should score above `worse`; or, where `worse` is None, `better` should come near to `value`.
    Judgements of one item by several people share its weight, which is 1.
    """

    better: Int[np.ndarray, " row"]
    worse: Int[np.ndarray, " row"] | None
    value: Float[np.ndarray, " row"]  # 0..1; of a difference 1
    weight: Float[np.ndarray, " row"]
    group: Int[np.ndarray, " row"]  # the prompt; where there is one for all, the answers

    def rows(self, chosen: Any) -> "Targets":
        worse = None if self.worse is None else self.worse[chosen]
        fields = (self.better, self.value, self.weight, self.group)
        better, value, weight, group = (field[chosen] for field in fields)
        return Targets(better, worse, value, weight, group)


def of_comparisons(judged: Sequence[Comparison]) -> tuple[Answers, Targets]:
    """Every decided pair as one row, winner over loser; a tie is both rows with half the weight.

    The pairs of one judgement share its weight, and the judgements of one item (the same candidates to the
    same prompt, in any order) share the item's. `strength` is not read.
    """
    people = Counter(map(_item, judged))
    numbers: dict[tuple[str, str], int] = {}
    groups: dict[str, int] = {}
    rows = []
    for comparison, apart in zip(judged, apart_by(judged), strict=True):
        places = [_number(numbers, (comparison.prompt.text, text)) for text in comparison.candidates]
        group = _number(groups, apart)
        share = 1 / (people[_item(comparison)] * len(comparison.pairwise))
        for winner, loser, part in _directed(comparison):
            rows.append((places[winner], places[loser], 1.0, share * part, group))
    return _answers(numbers), _targets(rows, differences=True)


def of_ratings(rated: Sequence[Rating]) -> tuple[Answers, Targets]:
    """One row an answer: numbers moved to 0..1, the mean over people, then over the criteria it has."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for rating in rated:
        low, high = rating.scale
        answer = found[rating.prompt.text, rating.response]
        answer[rating.criterion].append((rating.value - low) / (high - low))
    numbers: dict[tuple[str, str], int] = {}
    groups: dict[str, int] = {}
    asked = len({prompt for prompt, _ in found}) > 1
    rows = []
    for (prompt, response), criteria in found.items():
        value = float(np.mean([np.mean(values) for values in criteria.values()]))
        group = _number(groups, prompt if asked else response)
        rows.append((_number(numbers, (prompt, response)), 0, value, 1.0, group))
    return _answers(numbers), _targets(rows, differences=False)


def _item(comparison: Comparison) -> tuple[str, tuple[str, ...]]:
    return comparison.item or comparison.prompt.text, tuple(sorted(comparison.candidates))


def _directed(comparison: Comparison) -> Iterator[tuple[int, int, float]]:
    """(winner, loser, share of the pair's weight)"""
    for left, right, winner in comparison.pairwise:
        if winner is None:
            yield from ((left, right, 0.5), (right, left, 0.5))
        else:
            yield winner, left + right - winner, 1.0


def _number(numbers: dict[Any, int], key: Any) -> int:
    return numbers.setdefault(key, len(numbers))


def _answers(numbers: dict[tuple[str, str], int]) -> Answers:
    return Answers(tuple(prompt for prompt, _ in numbers), tuple(response for _, response in numbers))


def _targets(rows: Sequence[tuple[int, int, float, float, int]], differences: bool) -> Targets:
    better, worse, value, weight, group = (np.asarray(column) for column in zip(*rows, strict=True))
    return Targets(better, worse if differences else None, value, weight, group)


@dataclass(frozen=True)
class Line:
    """score = features @ weights + intercept"""

    weights: Float[np.ndarray, " feature"]
    intercept: float = 0.0


def check_ratings_differ(targets: Targets, of: str = "", remedy: str = OTHER_RATINGS) -> None:
    """Raises UserError where ratings are all the same."""
    if targets.worse is None and np.ptp(targets.value) == 0:
        raise UserError(
            f"kind: linear: all {len(targets.value)} answers{of} have the same rating, so nothing tells good "
            f"from bad: {remedy}"
        )


@dataclass(frozen=True)
class Fit:
    """An estimator and its penalty: `penalty` is ridge's alpha, and 1/C of the logistic and the SVM."""

    estimator: Estimator
    penalty: float = 1.0
    of: str = ""  # which answers these are, where they are not all: for messages
    remedy: str = OTHER_RATINGS

    def __call__(self, features: csr_matrix, targets: Targets) -> Line:
        """Raises UserError where the targets are all the same, or the optimiser does not settle."""
        targets = targets.rows(targets.weight > 0)
        check_ratings_differ(targets, self.of, self.remedy)
        if self.estimator == "logistic" or (self.estimator == "svm" and _two_classes(targets)):
            return self._line(self._model(targets), *_as_classes(features, targets))
        return self._line(self._model(targets), *_as_numbers(features, targets))

    def _model(self, targets: Targets) -> Any:
        intercept = targets.worse is None
        if self.estimator == "logistic":
            newton: dict[str, Any] = {"solver": "newton-cg", "max_iter": MOST_ITERATIONS, "tol": 1e-6}
            return LogisticRegression(C=1 / self.penalty, fit_intercept=intercept, **newton)
        if self.estimator == "ridge":
            return Ridge(self.penalty, fit_intercept=intercept, solver="sparse_cg", tol=1e-10)
        if self.estimator == "least_squares":
            return LinearRegression(
                fit_intercept=intercept
            )  # the shortest weights, where several fit as well
        # `dual=False` solves the primal, which asks no random numbers; its hinge is squared.
        svm: dict[str, Any] = {"C": 1 / self.penalty, "fit_intercept": intercept, "dual": False}
        svm |= {"tol": 1e-6, "max_iter": MOST_ITERATIONS}
        if _two_classes(targets):
            return LinearSVC(**svm)
        return LinearSVR(loss="squared_epsilon_insensitive", **svm)

    def _line(self, model: Any, rows: csr_matrix, value: np.ndarray, weight: np.ndarray) -> Line:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(rows, value, sample_weight=weight)
            except ConvergenceWarning as warning:
                raise UserError(
                    f"kind: linear: {self.estimator} with penalty {self.penalty:g} has not settled after "
                    f"{MOST_ITERATIONS} iterations ({warning}): raise penalty, or give fewer features"
                ) from None
        return Line(np.ravel(model.coef_).astype(np.float64), float(np.ravel(model.intercept_)[0]))


def _two_classes(targets: Targets) -> bool:
    return targets.worse is not None or bool(np.isin(targets.value, (0.0, 1.0)).all())


def _as_numbers(features: csr_matrix, targets: Targets) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    rows = features[targets.better]
    return rows if targets.worse is None else rows - features[targets.worse], targets.value, targets.weight


def _as_classes(features: csr_matrix, targets: Targets) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """A rating as class 1 and, with what its value leaves, as class 0; differences as 1 and, mirrored, as 0.

    A difference of class 1 and its mirror image of class 0 are the same to a model without intercept; every
    other one is mirrored, and the first is both, since solvers ask for two classes.
    """
    rows, value, weight = _as_numbers(features, targets)
    if targets.worse is None:
        both, classes = vstack([rows, rows]), np.repeat([1, 0], len(value))
        sides = np.concatenate([weight * value, weight * (1 - value)])
    else:
        classes = np.append(np.arange(len(value)) % 2 == 0, False).astype(int)
        both = diags(2.0 * classes - 1) @ vstack([rows, rows[:1]])
        sides = np.append(weight, weight[0] / 2)
        sides[0] /= 2
    kept = sides > 0
    return csr_matrix(both)[kept], classes[kept], sides[kept]


@dataclass(frozen=True)
class Validation:
    """How well a penalty did on prompts that it was not fitted to."""

    penalty: float
    loss: float  # the estimator's own, a row


def cross_validated(
    features: csr_matrix,
    targets: Targets,
    estimator: Estimator,
    folds: int,
    seed: int,
    tick: Callable[[], None] = lambda: None,
) -> list[Validation]:
    """Each penalty of `PENALTIES` on `folds` parts of the prompts in turn; no prompt stands on both sides.

    Args:
        tick: called before each penalty is tried.

    Raises:
        UserError: fewer than two groups; or without one of them nothing tells good from bad.
    """
    prompts = len(np.unique(targets.group))
    if prompts < 2:
        raise UserError("kind: linear: a single item cannot be split to choose a penalty: give `penalty`")
    splitter = GroupKFold(min(folds, prompts), shuffle=True, random_state=seed)
    splits = list(splitter.split(targets.better, groups=targets.group))
    found = []
    for penalty in PENALTIES:
        tick()
        fit = _of_a_fold(estimator, penalty)
        found.append(Validation(penalty, _loss_over(splits, features, targets, fit)))
    return found


def _of_a_fold(estimator: Estimator, penalty: float) -> Fit:
    remedy = "give more ratings of the rarer kind, or a penalty, which then need not be validated"
    return Fit(estimator, penalty, " outside a fold of the cross-validation", remedy)


def _loss_over(splits: Sequence[tuple[Any, Any]], features: csr_matrix, targets: Targets, fit: Fit) -> float:
    lost, weight = 0.0, 0.0
    for seen, unseen in splits:
        line, asked = fit(features, targets.rows(seen)), targets.rows(unseen)
        rows, value, share = _as_numbers(features, asked)
        lost += float(share @ _losses(fit.estimator, rows @ line.weights + line.intercept, value, asked))
        weight += float(share.sum())
    return lost / weight


def _losses(estimator: Estimator, scores: np.ndarray, value: np.ndarray, targets: Targets) -> np.ndarray:
    """What each estimator minimises, a row."""
    if estimator == "logistic":
        return np.logaddexp(0, scores) - value * scores
    if estimator == "svm" and _two_classes(targets):
        return np.maximum(0, 1 - np.where(value > 0.5, 1, -1) * scores) ** 2
    return (value - scores) ** 2


def best_penalty(validated: Sequence[Validation]) -> float:
    """The one with the least loss; of equals the strongest."""
    return min(validated, key=lambda validation: validation.loss).penalty


def resampled(targets: Targets, generator: np.random.Generator) -> Targets:
    """Prompts drawn anew with replacement, each with all its rows: a bootstrap sample (Efron 1979)."""
    prompts, place = np.unique(targets.group, return_inverse=True)
    times = np.bincount(generator.integers(0, len(prompts), len(prompts)), minlength=len(prompts))
    return replace(targets, weight=targets.weight * times[place])
