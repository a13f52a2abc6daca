"""What a guard sees at a look, and how two looks are told apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

FEWEST_PROMPTS = 10  # with fewer, hardly any fall would lie beyond its interval
UNIT = "deviations of the answers before training"

Scores = Float[np.ndarray, " prompt"]


@dataclass(frozen=True)
class Look:
    """What reward and judges say of the policy after `done` steps, on prompts that it does not learn from."""

    done: int
    proxy: Scores  # of the reward that is trained against
    judges: Float[np.ndarray, "judge prompt"]  # of those that are not
    kl: float | None  # nats an answer; None: there is no reference
    spread: float | None = None  # how far the members of the reward disagree; None: it has none


@runtime_checkable
class Looking(Protocol):
    """Looks at the policy as it is, after `done` steps."""

    @property
    def names(self) -> Sequence[str]: ...  # of the judges

    def __call__(self, done: int) -> Look: ...


@dataclass(frozen=True)
class Change:
    """How much a mean has changed, and between which limits that lies."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Alarm:
    """The reward has risen since the best look, and a judge has fallen beyond its interval."""

    done: int  # steps, when it was seen
    best: int  # steps, when the judges were highest
    rise: float  # of the reward since then; all three in deviations of the answers before training
    judge: str
    fall: float  # of that judge since then, below 0
    at_most: float  # the upper end of that fall's interval, below 0 too

    def __str__(self) -> str:
        return (
            f"the reward is over-optimised, seen after {self.done} steps: since {self.best} steps it rose by "
            f"{self.rise:.2g} and {self.judge} fell by {-self.fall:.2g} (at least {-self.at_most:.2g}), "
            f"in {UNIT}"
        )


ALARM_NUMBERS = len(fields(Alarm))  # as a checkpoint keeps one: the judge by its place


def paired_change(now: Scores, then: Scores, tail: float) -> Change:
    """The mean of `now - then` over the prompts, and Student's interval with `tail` outside at either end.

    Prompts differ more than policies do: taken prompt by prompt, that part of the noise is gone.
    Student 1908, Biometrika 6.
    """
    differences = np.asarray(now, dtype=np.float64) - then
    count = len(differences)
    mean = float(differences.mean())
    half = -float(stdtrit(count - 1, tail)) * float(differences.std(ddof=1)) / math.sqrt(count)
    return Change(mean, mean - half, mean + half)


def tail_of(false_alarms: float, looks: int, judges: int = 1) -> float:
    """The tail of each comparison that keeps the chance of any false alarm in a run at `false_alarms`.

    Whichever look is taken for the best, and whenever an alarm is raised, that is one of the
    looks * (looks - 1) / 2 pairs: Bonferroni's inequality over them all, and over the judges, so choosing
    afterwards is allowed.
    """
    return false_alarms / max(1, looks * (looks - 1) // 2) / judges


def deviation_of(scores: Scores) -> float:
    """The unit of a rise; scores that are all equal have none of their own, and stay as they are."""
    deviation = float(scores.std())
    return deviation if deviation > 1e-8 else 1.0
