"""When to stop, and which weights to keep: held-out reward at bounded KL."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from assent.training.learner import Learner, Stats
from assent.training.policy_settings import Convergence

BEST = "best.safetensors"


class Unwatched:
    """Nothing is evaluated: training runs its steps, and its last weights are the result."""

    converged = False

    def after(self, step: int, last: bool) -> Stats:  # noqa: ARG002 - as Watch.after
        return {}

    def go_back(self) -> bool:
        return False

    def state(self) -> Stats:
        return {}

    def restore(self, counters: Mapping[str, float]) -> None:
        pass


class Watch:
    """Evaluates every few steps, keeps the best weights on disk, and says when nothing rises any more.

    Args:
        evaluate: (held-out score, nats an answer from the reference if there is one) of the policy as it is.
        folder: where the best weights lie.
    """

    def __init__(
        self,
        settings: Convergence,
        learner: Learner,
        folder: Path,
        evaluate: Callable[[], tuple[float, float | None]],
    ):
        self.settings, self.learner, self.path, self.evaluate = settings, learner, folder / BEST, evaluate
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
            self._keep()
        else:
            self.without_rise += 1
        return {"held_out_score": score} | ({} if kl is None else {"held_out_kl": kl})

    def ending(self, steps: int) -> str:
        """Why the weights are not those of the last step; empty when they are."""
        if self.best_step is None or self.best_step + 1 == steps:
            return ""
        rise = (
            f"no rise in {self.without_rise} evaluations"
            if self.converged
            else "the highest of all evaluations"
        )
        return f"kept the weights of step {self.best_step}, held-out score {self.best_score:.3g}: {rise}"

    def _keep(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        save_file(
            {name: tensor.detach().contiguous() for name, tensor in self.learner.parameters.items()},
            temporary,
        )
        temporary.replace(self.path)

    @torch.no_grad()
    def go_back(self) -> bool:
        """Put the best weights in place of the last; False where no evaluation has kept any."""
        if self.best_step is None:
            return False
        best = load_file(self.path)
        for name, parameter in self.learner.parameters.items():
            parameter.copy_(best[name])
        return True

    def state(self) -> Stats:
        known = {"best_score": self.best_score, "best_step": self.best_step}
        return {"without_rise": float(self.without_rise)} | {k: v for k, v in known.items() if v is not None}

    def restore(self, counters: Mapping[str, float]) -> None:
        self.without_rise = int(counters["without_rise"])
        if "best_step" in counters:
            self.best_score, self.best_step = counters["best_score"], int(counters["best_step"])
