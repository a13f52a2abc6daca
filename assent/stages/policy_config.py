"""Settings of `stage: policy`."""

import math
from typing import Literal

from pydantic import Field, model_validator

from assent.config import DataFile, ModelSource
from assent.models.load import LoRA
from assent.stages.pretraining_mix import PretrainingMix
from assent.stages.reward_parts import RewardPart
from assent.training.policy_settings import Convergence, Credit, PPOConfig

PPO_ONLY = ("gamma", "lam", "value_clip", "value_coef", "value_rate")  # of `credit`


class Config(PPOConfig):
    """Settings of `stage: policy`."""

    algorithm: Literal["ppo", "grpo", "rloo", "best_of_n"] = "ppo"  # dpo has settings of its own
    model: ModelSource
    prompts: DataFile
    rewards: list[RewardPart] = Field(min_length=1)
    lora: LoRA | None = None  # None: all weights learn, and the reference is a frozen copy
    critic: Literal["shared", "policy", "reward"] = "shared"  # the others: a network of its own, begun there
    mix: PretrainingMix | None = None  # text that is learned from beside: arXiv:2203.02155, eq. 2
    until: Convergence = Convergence()
    normalise_on: int = Field(default=512, ge=2)  # prompts whose answers set a learned reward's scale
    gradient_checkpointing: bool = False  # less memory for activations, for a third more arithmetic
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if self.kl_coef == 0 and self.until.max_kl is not None:
            raise ValueError(
                "until.max_kl: kl_coef 0 loads no reference to measure the KL from: give a kl_coef"
            )
        others = PPO_ONLY if self.algorithm != "ppo" else ("group",)
        for key in others:
            if getattr(self.credit, key) != Credit.model_fields[key].default:
                raise ValueError(f"credit.{key}: {self.algorithm} does not use it: leave it out")
        if self.algorithm == "ppo":
            return self
        if self.shaping.whiten:
            raise ValueError(
                f"shaping.whiten: {self.algorithm} compares whole answers, which it would charge for their "
                "length: leave it out"
            )
        if self.critic != "shared":
            raise ValueError(f"critic: {self.algorithm} has none: leave it out")
        if self.kl.estimator != "k1":
            raise ValueError(
                f"kl.estimator: {self.algorithm} charges whole answers, for which only k1 has the KL's "
                "gradient: use k1"
            )
        if self.batch % self.credit.group:
            raise ValueError(
                f"batch: {self.batch} answers are no whole number of groups of {self.credit.group} "
                "(credit.group)"
            )
        return self

    def updates_of(self, asked: int) -> int:
        """Steps: as given, or one pass over `asked` prompts."""
        return self.steps or math.ceil(asked / self.prompts_a_step)

    @property
    def prompts_a_step(self) -> int:
        return self.batch if self.algorithm == "ppo" else self.batch // self.credit.group
