"""A reward judges finished text. Every kind is a function `(prompts, responses) -> scores`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from assent.errors import RewardError

Reward = Callable[[Sequence[str], Sequence[str]], Sequence[float]]


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
