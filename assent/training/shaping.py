"""From what a reward said to what the policy is paid."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assent.batch import Rollout
from assent.functional.masked import masked_mean
from assent.training import parallel
from assent.training.policy_settings import Shaping


class RunningScale:
    """Mean and deviation of all scores so far, over all ranks: Chan et al. 1979, eq. 2.1."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0.0, 0.0, 0.0  # squares: of the distances from the mean

    def standardised(self, scores: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Take the scores in, then give them back in deviations from the mean."""
        exact = scores.double()
        count = parallel.summed(torch.tensor(float(len(scores)), device=scores.device)).item()
        mean = parallel.summed(exact.sum()).item() / count
        squares = parallel.summed(((exact - mean) ** 2).sum()).item()
        both = self.count + count
        self.squares += squares + (mean - self.mean) ** 2 * self.count * count / both
        self.mean += (mean - self.mean) * count / both
        self.count = both
        deviation = (self.squares / self.count) ** 0.5
        # Scores that have all been equal say nothing of a scale: then it is left at 1.
        return (scores - self.mean) / (deviation if deviation > 1e-8 else 1.0)


def without_end(rollout: Rollout, settings: Shaping) -> Bool[Tensor, " batch"]:
    """Answers that were cut off, and those outside the limits of length."""
    lengths = rollout.responses.lengths
    longest = lengths.max() if settings.max_tokens is None else settings.max_tokens
    return ~rollout.ended | (lengths < settings.min_tokens) | (lengths > longest)


def shaped(
    rollout: Rollout, settings: Shaping, scale: RunningScale
) -> tuple[Float[Tensor, " batch"], dict[str, float]]:
    """The scores that credit is given for, and what to tell of the shaping."""
    scores, told = rollout.scores, {}
    if settings.running:
        scores = scale.standardised(scores)
    if settings.clip is not None:
        beyond = scores.abs() > settings.clip
        told["score_clipped"] = masked_mean(beyond.float(), torch.ones_like(beyond), parallel.summed).item()
        scores = scores.clamp(-settings.clip, settings.clip)
    improper = without_end(rollout, settings)
    if settings.no_end_score is not None:
        return scores.masked_fill(improper, settings.no_end_score), told
    return scores - settings.no_end_penalty * improper, told
