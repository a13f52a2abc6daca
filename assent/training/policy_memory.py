"""All that changes while a policy learns."""

from collections.abc import Mapping

from torch import Tensor

from assent.functional.policy_gradient import AdaptiveKL
from assent.training.convergence import Unwatched, Watch
from assent.training.learner import Learner
from assent.training.overoptimisation import Guard
from assent.training.policy_settings import PPOConfig
from assent.training.shaping import RunningScale


class PolicyMemory:
    """What a checkpoint of policy optimisation holds: what learns, and what its next step depends on."""

    def __init__(self, learner: Learner, config: PPOConfig, watch: Watch | Guard | Unwatched | None = None):
        self.learner = learner
        self.leash = AdaptiveKL(config.kl_coef, config.kl.target or 1.0, config.kl.horizon)
        self.scale = RunningScale()
        self.watch = watch or Unwatched()

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        tensors, counters = self.learner.state()
        watched, told = self.watch.state()
        scale = {f"scores_{name}": value for name, value in vars(self.scale).items()}
        return tensors | watched, counters | scale | told | {"kl_coef": self.leash.kl_coef}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        self.learner.restore(tensors, counters)
        self.leash.kl_coef = counters["kl_coef"]
        for name in vars(self.scale):
            setattr(self.scale, name, counters[f"scores_{name}"])
        self.watch.restore(tensors, counters)
