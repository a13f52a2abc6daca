"""A reward judges finished text. Every kind is a function `(prompts, responses) -> scores`."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from pydantic import Field

from assent.config import Settings
from assent.errors import RewardError

Reward = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
Members = Float[np.ndarray, "batch member"]


@runtime_checkable
class Uncertain(Protocol):
    """A reward with several members, which tells how far they disagree."""

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> Sequence[float]: ...

    def members(self, prompts: Sequence[str], responses: Sequence[str]) -> Members:
        """What each member says of each answer."""
        ...

    def spread(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """The population standard deviation over the members, for each answer."""
        ...


class Ensemble(Settings):
    """What the judgements of several members are worth together: arXiv:2310.02743, section 3."""

    combine: Literal["mean", "lower", "minimum"] = "mean"
    spread_coef: float = Field(default=1.0, ge=0)  # c of mean - c * spread, for `lower`

    def combined(self, members: Members) -> Float[np.ndarray, " batch"]:
        """One score an answer. All but the mean doubt what the members do not agree on."""
        if self.combine == "minimum":
            return members.min(axis=1)
        mean = members.mean(axis=1)
        return mean if self.combine == "mean" else mean - self.spread_coef * spread_of(members)


class Together:
    """What every kind of ensemble shares: what its members say, and what that is worth.

    The last call is remembered, so that scores and their spread cost one reading.
    """

    ensemble: Ensemble
    _last: tuple[list[str], list[str], Members] | None = None

    def _read(self, prompts: list[str], responses: list[str]) -> Members:
        """What each member says of each answer; each kind has its own way to find out."""
        raise NotImplementedError

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        return self.ensemble.combined(self.members(prompts, responses)).tolist()

    def members(self, prompts: Sequence[str], responses: Sequence[str]) -> Members:
        """What each member says of each answer. Raises as reading them does."""
        asked, answered = list(prompts), list(responses)
        if self._last is None or self._last[:2] != (asked, answered):
            self._last = asked, answered, self._read(asked, answered)
        return self._last[2]

    def spread(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """How far the members disagree on each answer."""
        return spread_of(self.members(prompts, responses)).tolist()


def spread_of(members: Members) -> Float[np.ndarray, " batch"]:
    """How far the members disagree: their population standard deviation, for each answer."""
    return members.std(axis=1)


def checked(name: str, scores: Any, answers: int) -> list[float]:
    """The scores as floats, one finite number an answer.

    Raises:
        RewardError: naming the reward, and the first answer whose score is not one. A reward that cannot
            judge must raise; nothing here is ever turned into 0.
    """
    try:
        found = [float(score) for score in scores]
    except (TypeError, ValueError) as error:
        raise RewardError(
            f"reward {name}: expected one number an answer, found {scores!r:.200}: {error}"
        ) from None
    if len(found) != answers:
        raise RewardError(f"reward {name} gave {len(found)} scores for {answers} answers")
    for index, score in enumerate(found):
        if not math.isfinite(score):
            raise RewardError(
                f"reward {name} gave {score} for answer {index} of {answers}: expected a finite number"
            )
    return found
