"""When to stop, and which weights to keep: held-out reward at bounded KL."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from assent.training.learner import Learner, Stats
from assent.training.policy_settings import Convergence

BEST = "best.safetensors"


class Unwatched:
    """Nothing is evaluated: training runs its steps, and its last weights are the result."""

    converged = False

    def after(self, step: int, last: bool) -> Stats:  # noqa: ARG002 - as Watch.after
        return {}

    def go_back(self, ended: bool = False) -> bool:  # noqa: ARG002 - as Watch.go_back
        return False

    def state(self) -> tuple[dict[str, Tensor], Stats]:
        return {}, {}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        pass


class Watch:
    """Evaluates every few steps, keeps the best weights on disk, and says when nothing rises any more.

    Args:
        evaluate: (held-out score, nats an answer from the reference if there is one) of the policy as it is.
        folder: where the best weights lie.
        by: whose score it is: the reward's, or that of a guard's judges.
    """

    def __init__(
        self,
        settings: Convergence,
        learner: Learner,
        folder: Path,
        evaluate: Callable[[], tuple[float, float | None]],
        by: Literal["score", "judge"] = "score",
    ):
        self.settings, self.learner, self.path, self.evaluate = settings, learner, folder / BEST, evaluate
        self.by = by
        self.best_score: float | None = None
        self.best_step: int | None = None
        self.without_rise = 0  # evaluations since the best one

    @property
    def converged(self) -> bool:
        return 0 < self.settings.patience <= self.without_rise

    def after(self, step: int, last: bool) -> Stats:
        """What to log of `step`; empty between evaluations. The last step is always evaluated."""
        if not self.settings.every or ((step + 1) % self.settings.every and not last):
            return {}
        score, kl = self.evaluate()
        bounded = self.settings.max_kl is None or kl is None or kl <= self.settings.max_kl
        if bounded and (self.best_score is None or score > self.best_score):
            self.best_score, self.best_step, self.without_rise = score, step, 0
            keep_weights(self.learner, self.path)
        else:
            self.without_rise += 1
        return {f"held_out_{self.by}": score} | ({} if kl is None else {"held_out_kl": kl})

    def ending(self, steps: int) -> str:
        """Why the weights are not those of the last step; empty when they are."""
        if self.best_step is None or self.best_step + 1 == steps:
            return ""
        rise = (
            f"no rise in {self.without_rise} evaluations"
            if self.converged
            else "the highest of all evaluations"
        )
        score = "score" if self.by == "score" else "score of the guard's judges"
        return f"kept the weights of step {self.best_step}, held-out {score} {self.best_score:.3g}: {rise}"

    def go_back(self, ended: bool = False) -> bool:  # noqa: ARG002 - as Guard.go_back
        """Put the best weights in place of the last; False where no evaluation has kept any."""
        if self.best_step is None:
            return False
        put_back(self.learner, self.path)
        return True

    def state(self) -> tuple[dict[str, Tensor], Stats]:
        known = {"best_score": self.best_score, "best_step": self.best_step}
        kept = {name: float(value) for name, value in known.items() if value is not None}
        return {}, {"without_rise": float(self.without_rise)} | kept

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:  # noqa: ARG002
        self.without_rise = int(counters["without_rise"])
        if "best_step" in counters:
            self.best_score, self.best_step = counters["best_score"], int(counters["best_step"])


def keep_weights(learner: Learner, path: Path) -> None:
    """Write what learns, as it is now; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({name: tensor.detach().contiguous() for name, tensor in learner.parameters.items()}, temporary)
    temporary.replace(path)


@torch.no_grad()
def put_back(learner: Learner, path: Path) -> None:
    """Put weights that were kept in place of those there are."""
    kept = load_file(path)
    for name, parameter in learner.parameters.items():
        parameter.copy_(kept[name])
