"""A weighted sum of rewards that keeps its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assent.rewards.reward import Reward, checked


@dataclass(frozen=True)
class Part:
    """One source of reward. It counts as `weight * (score - offset) / scale`, within `+- weight * clip`."""

    name: str
    weight: float
    reward: Reward
    offset: float = 0.0
    scale: float = 1.0
    clip: float | None = None

    def raw(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """What the reward itself says.

        Raises:
            RewardError: when the reward gives anything but one finite number an answer.
        """
        return checked(self.name, self.reward(prompts, responses), len(responses))

    def judge(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Normalised and clipped scores, before the weight: Float[batch]. Raises as `raw` does."""
        moved = (np.asarray(self.raw(prompts, responses)) - self.offset) / self.scale
        return moved if self.clip is None else np.clip(moved, -self.clip, self.clip)


@dataclass(frozen=True)
class Judged:
    """Scores: Float[batch]; parts: Float[batch source], normalised, before their weights."""

    scores: np.ndarray
    parts: np.ndarray


def judge(parts: Sequence[Part], prompts: Sequence[str], responses: Sequence[str]) -> Judged:
    """The weighted sum of all parts, and the parts."""
    columns = np.stack([part.judge(prompts, responses) for part in parts], axis=1)
    return Judged(columns @ np.asarray([part.weight for part in parts]), columns)


def normalised(part: Part, scores: Sequence[float]) -> Part:
    """The part, moved and scaled so that `scores`, its raw judgements, have mean 0 and deviation 1.

    Scores that are all equal say nothing of a scale: then it is left at 1.
    """
    deviation = float(np.std(scores))
    scale = deviation if deviation > 1e-8 else 1.0
    return replace(part, offset=float(np.mean(scores)), scale=scale)
