"""The settings of policy optimisation; the `policy` stage and the step API share their names."""

from typing import Literal

from pydantic import Field, model_validator

from assent.config import Settings
from assent.functional.policy_gradient import Estimator
from assent.models.sampler import Sampling
from assent.training.learner import Optimiser


class Leash(Settings):
    """How drift from the reference is measured, whether its price adapts, and how far one update may go."""

    estimator: Estimator | Literal["full"] = "k1"  # full: the exact sum over the vocabulary
    target: float | None = Field(default=None, gt=0)  # nats an answer; None: the price is fixed
    horizon: float = Field(default=10_000, gt=0)  # episodes over which the price can move by its own size
    update_limit: float | None = Field(
        default=None, gt=0
    )  # nats a token that one rollout may move the policy


class Credit(Settings):
    """How a score becomes advantages, and how far an update may go on them."""

    gamma: float = Field(default=1.0, gt=0, le=1)
    lam: float = Field(default=0.95, ge=0, le=1)
    clip: float = Field(default=0.2, gt=0)
    value_clip: float = Field(default=0.2, gt=0)
    value_coef: float = Field(default=0.1, ge=0)
    value_rate: float = Field(default=1.0, gt=0)  # the critic's learning rate, in units of the policy's
    entropy_coef: float = Field(default=0.0, ge=0)  # bonus for a nat of entropy a token
    group: int = Field(default=4, ge=2)  # answers a prompt, for grpo, rloo and best_of_n


class Shaping(Settings):
    """What becomes of a score before it is shared out among the tokens: in this order, all off by default."""

    running: bool = False  # mean 0 and deviation 1 over all scores of the run so far
    clip: float | None = Field(default=None, gt=0)  # scores beyond it, up or down, count as it
    min_tokens: int = Field(default=0, ge=0)  # a shorter answer is treated as one without an end
    max_tokens: int | None = Field(default=None, ge=1)  # and so is a longer one
    no_end_penalty: float = Field(default=0.0, ge=0)  # taken off the score of an answer without an end
    no_end_score: float | None = None  # or what such an answer gets instead of its score
    whiten: bool = False  # token rewards, KL included, have deviation 1 in each rollout: arXiv:1909.08593

    @model_validator(mode="after")
    def _consistent(self) -> "Shaping":
        if self.no_end_score is not None and self.no_end_penalty:
            raise ValueError("give no_end_penalty or no_end_score, not both")
        limits = self.min_tokens > 0 or self.max_tokens is not None
        if limits and self.no_end_score is None and not self.no_end_penalty:
            raise ValueError("min_tokens and max_tokens need a no_end_penalty or a no_end_score to act by")
        if self.max_tokens is not None and self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens {self.max_tokens} is less than min_tokens {self.min_tokens}")
        return self


class Convergence(Settings):
    """Evaluations on prompts of their own: when to stop, and which weights to keep."""

    every: int = Field(default=0, ge=0)  # steps between evaluations; 0: none, the last weights are kept
    patience: int = Field(default=0, ge=0)  # evaluations without a rise that end the training; 0: never
    held_out: float = Field(default=0.05, gt=0, lt=1)  # share of the prompts that is only evaluated on
    max_kl: float | None = Field(default=None, gt=0)  # nats an answer; weights beyond it are never the best
    stop_when_severe: bool = (
        True  # end with the best weights when the doctor finds that nothing good can come
    )

    @model_validator(mode="after")
    def _evaluates(self) -> "Convergence":
        if (self.patience or self.max_kl is not None) and not self.every:
            raise ValueError("patience and max_kl need evaluations: give every, such as every: 10")
        return self


class GuardRule(Settings):
    """When judges that nothing is trained against are looked at, and what follows if one falls."""

    every: int = Field(default=5, ge=1)  # steps between looks; the first before any step, the last at the end
    held_out: float = Field(default=0.05, gt=0, lt=1)  # share of the prompts that is only looked at
    false_alarms: float = Field(default=0.05, gt=0, lt=0.5)  # chance of one in a run whose judges never fall
    action: Literal["stop", "lower_rate"] = "stop"  # both go back to the best weights; the second goes on
    rate_factor: float = Field(default=0.5, gt=0, lt=1)  # of the learning rate, at each alarm: for lower_rate

    @model_validator(mode="after")
    def _consistent(self) -> "GuardRule":
        if self.action == "stop" and self.rate_factor != GuardRule.model_fields["rate_factor"].default:
            raise ValueError("rate_factor: it is for action: lower_rate: leave it out, or give that action")
        return self


class PPOConfig(Settings):
    """Settings of the loop; the `policy` stage has the same names."""

    # None: one pass over the prompts; in the step API, no end is planned and the rate stays constant
    steps: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    kl_coef: float = Field(default=0.05, ge=0)  # price of one nat of drift from the reference
    epochs: int = Field(default=4, ge=1)  # passes over each rollout
    batch: int = Field(default=64, ge=1)  # answers a rollout, over all ranks
    minibatch: int = Field(default=64, ge=1)  # answers an update, over all ranks
    micro_batch: int = Field(default=64, ge=1)  # answers in memory at once; changes no result
    kl: Leash = Leash()
    credit: Credit = Credit()
    shaping: Shaping = Shaping()
    sampling: Sampling = Sampling()
    optimiser: Optimiser = Optimiser()

    @model_validator(mode="after")
    def _whole_distribution(self) -> "PPOConfig":
        sampling = self.sampling
        if sampling.truncates or sampling.temperature == 0 or sampling.min_new_tokens:
            raise ValueError(
                "sampling: top_k, top_p, min_p, min_new_tokens and temperature 0 are refused here: an answer "
                "drawn from a truncated distribution looks likelier than it is, and the policy would exploit "
                "a negative KL. For answers of some length, see shaping"
            )
        if self.shaping.whiten and self.kl.estimator != "k1":
            raise ValueError(
                f"shaping.whiten: it scales the charge for later tokens, and with kl.estimator "
                f"{self.kl.estimator} not that for a token's own choice: use k1"
            )
        if self.kl_coef == 0 and self.kl.target is not None:
            raise ValueError("kl.target: kl_coef 0 loads no reference to measure the KL from: give a kl_coef")
        return self
