"""A weighted sum of features as a reward: fitted in seconds, explained by its weights, no pickle."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix

from assent.config import check
from assent.errors import UserError
from assent.models.embedding import load_embedding
from assent.models.load import SETTINGS_FILE, saved_settings
from assent.rewards.effects import effects
from assent.rewards.features import ANALYSERS, Features, Reader, Tfidf, fit_reader
from assent.rewards.regression import (
    PENALTIES,
    Answers,
    Estimator,
    Fit,
    Targets,
    Validation,
    best_penalty,
    check_ratings_differ,
    cross_validated,
    resampled,
)
from assent.rewards.reward import Ensemble, Members, Together

KIND = "linear"
VOCABULARY_FILE = "vocabulary.json"
NUMBERS_FILE = "linear.safetensors"
EMBEDDING_FOLDER = "embedding"
MEAN = Ensemble()


class LinearReward:
    """score = features @ weights + intercept; with several members their mean."""

    def __init__(
        self,
        reader: Reader,
        weights: Float[np.ndarray, "feature member"],
        intercepts: Float[np.ndarray, " member"],
    ):
        self.reader, self.weights, self.intercepts = reader, weights, intercepts

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        return self._judgements(prompts, responses).mean(axis=1).tolist()

    def _judgements(self, prompts: Sequence[str], responses: Sequence[str]) -> Members:
        return np.asarray(self.reader.matrix(prompts, responses) @ self.weights) + self.intercepts

    def save(self, folder: Path, **facts: Any) -> None:
        """JSON for settings and words, safetensors for numbers; an embedding's network in a folder within.

        Args:
            facts: what assent.json tells beside, such as the estimator.
        """
        folder.mkdir(parents=True, exist_ok=True)
        reader = self.reader
        settings = {"kind": KIND, "features": reader.settings.model_dump(mode="json"), **facts}
        _write(folder / SETTINGS_FILE, settings)
        _write(folder / VOCABULARY_FILE, {table.group: table.terms for table in reader.tables})
        numbers = {"mean": reader.mean, "scale": reader.scale}
        numbers |= {"weights": self.weights, "intercepts": self.intercepts}
        numbers |= {f"idf_{table.group}": table.idf for table in reader.tables}
        contiguous = {name: np.ascontiguousarray(values) for name, values in numbers.items()}
        save_file(contiguous, folder / NUMBERS_FILE)
        if reader.embedding is not None:
            reader.embedding.save(folder / EMBEDDING_FOLDER)

    @classmethod
    def load(cls, source: str | Path, ensemble: Ensemble = MEAN) -> "LinearReward":
        """What `save` wrote: every score is the same as before.

        Raises:
            UserError: the folder holds something else, or is not whole; or `ensemble` asks for the members
                of a reward that has none.
        """
        folder = Path(source)
        saved = saved_settings(str(folder))
        if saved.get("kind") != KIND:
            raise UserError(
                f"model {folder}: expected the model of a `reward` stage of `kind: linear`, found "
                f"{saved.get('kind') or 'no ' + SETTINGS_FILE}"
            )
        features = check(Features, saved["features"], f"{folder / SETTINGS_FILE}: features")
        try:
            words = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
            numbers = load_file(folder / NUMBERS_FILE)
            tables = tuple(
                Tfidf(group, getattr(features, group), words[group], numbers[f"idf_{group}"])
                for group in ANALYSERS
                if getattr(features, group) is not None
            )
            embedding = load_embedding(str(folder / EMBEDDING_FOLDER)) if features.embedding else None
            reader = Reader(features, numbers["mean"], numbers["scale"], tables, embedding)
            weights, intercepts = numbers["weights"], numbers["intercepts"]
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise UserError(f"model {folder}: not whole: {type(error).__name__}: {error}") from error
        if len(reader.columns) != len(weights):
            raise UserError(
                f"model {folder}: not whole: {len(weights)} weights for {len(reader.columns)} features"
            )
        return _of_members(reader, weights, intercepts, ensemble)


class LinearEnsemble(Together, LinearReward):
    """Fits to bootstrap resamples of the prompts, judging together."""

    def __init__(
        self,
        reader: Reader,
        weights: Float[np.ndarray, "feature member"],
        intercepts: Float[np.ndarray, " member"],
        ensemble: Ensemble = MEAN,
    ):
        super().__init__(reader, weights, intercepts)
        self.ensemble = ensemble

    def _read(self, prompts: list[str], responses: list[str]) -> Members:
        return self._judgements(prompts, responses)


def _of_members(
    reader: Reader, weights: np.ndarray, intercepts: np.ndarray, ensemble: Ensemble = MEAN
) -> LinearReward:
    if weights.shape[1] > 1:
        return LinearEnsemble(reader, weights, intercepts, ensemble)
    if ensemble.combine != "mean":
        raise UserError(
            f"combine: {ensemble.combine} asks for the members of an ensemble, and this linear reward is "
            "one alone: train it with `ensemble: {members: 5}`"
        )
    return LinearReward(reader, weights, intercepts)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


@dataclass(frozen=True)
class Asked:
    """How a linear reward is to be fitted."""

    features: Features
    estimator: Estimator = "logistic"
    penalty: float | None = None  # None: the best of `PENALTIES` in cross-validation
    folds: int = 5
    members: int = 1
    seed: int = 0

    @property
    def validates(self) -> bool:
        return self.penalty is None and self.estimator != "least_squares"

    @property
    def ticks(self) -> int:
        return self.members + (len(PENALTIES) if self.validates else 0)


@dataclass(frozen=True)
class Fitted:
    """A linear reward, and how it came about."""

    reward: LinearReward
    features: csr_matrix  # [answer, feature] of the training answers
    penalty: float | None  # None: least squares has none
    validated: tuple[Validation, ...]  # empty where the penalty was given
    cut: int = 0  # answers that are longer than the embedding can read

    def facts(self) -> dict[str, Any]:
        """What `reward.json` tells of it."""
        return {
            "penalty": self.penalty,
            "penalties": [asdict(validation) for validation in self.validated],
            "features": len(self.reward.reader.columns),
            "answers": len(self.features.indptr) - 1,
            **effects(self.reward.reader, self.reward.weights.mean(axis=1), self.features),
        }


def fit_linear(
    asked: Asked, answers: Answers, targets: Targets, tick: Callable[[], None] = lambda: None
) -> Fitted:
    """Vocabularies and scales, then the penalty, then the weights.

    The features are those of all training answers, in cross-validation too: they see no judgement.

    Args:
        tick: called before each penalty and each member, `asked.ticks` times; may raise to end the work.
    """
    check_ratings_differ(targets)  # all of them; a fold or a member may still have too few
    embedding = None if asked.features.embedding is None else load_embedding(asked.features.embedding)
    reader = fit_reader(asked.features, answers.prompts, answers.responses, embedding)
    features = reader.matrix(answers.prompts, answers.responses)
    validated: list[Validation] = []
    penalty = asked.penalty
    if asked.validates:
        validated = cross_validated(features, targets, asked.estimator, asked.folds, asked.seed, tick)
        penalty = best_penalty(validated)
    lines = []
    for fit, own in _each_member(asked, penalty or 1.0, targets):
        tick()
        lines.append(fit(features, own))
    weights = np.stack([line.weights for line in lines], axis=1)
    reward = _of_members(reader, weights, np.asarray([line.intercept for line in lines]))
    cut = 0 if embedding is None else embedding.cut(answers.responses)
    return Fitted(reward, features, penalty, tuple(validated), cut)


def _each_member(asked: Asked, penalty: float, targets: Targets) -> Iterator[tuple[Fit, Targets]]:
    """How each member is fitted, and to what: one alone to everything, several to a resample each."""
    if asked.members == 1:
        yield Fit(asked.estimator, penalty), targets
        return
    remedy = "give more ratings of the rarer kind, or leave `ensemble` out"
    generator = np.random.default_rng([asked.seed, 11])
    for member in range(asked.members):
        drawn = f" that member {member} of the ensemble drew"
        yield Fit(asked.estimator, penalty, drawn, remedy), resampled(targets, generator)
