"""Settings of `stage: policy`."""

import math
from typing import Literal

from pydantic import Field, field_validator, model_validator

from assent.config import DataFile
from assent.models.load import LoRA
from assent.stages.pretraining_mix import PretrainingMix
from assent.stages.reward_parts import KINDS, RewardPart
from assent.stages.starting_model import StartingModel
from assent.training.policy_settings import Convergence, Credit, GuardRule, PPOConfig

PPO_ONLY = ("gamma", "lam", "value_clip", "value_coef", "value_rate")  # of `credit`
OF_A_SUM = ("normalise", "clip")  # what a part of a sum has, and a judge has not


class JudgeGuard(GuardRule):
    """Settings of `guard:`; a judge is given as a reward is."""

    judge: list[RewardPart] = Field(min_length=1)  # one, or a list: the fall of any one is enough

    @field_validator("judge", mode="before")
    @classmethod
    def _one_or_several(cls, given: object) -> object:
        return given if isinstance(given, list) else [given]

    @model_validator(mode="after")
    def _alone(self) -> "JudgeGuard":
        for part in self.judge:
            for key in OF_A_SUM:
                if getattr(part, key) is not None:
                    raise ValueError(f"judge.{key}: it is for a reward among others: leave it out")
            if part.weight == 0:
                raise ValueError("judge.weight: 0 leaves nothing of it; below 0, lower scores are better")
        return self

    def is_trained_against(self, rewards: list[RewardPart]) -> bool:
        """Whether a judge is one of the rewards, and so is none."""
        return any(_source(judge) == _source(part) for judge in self.judge for part in rewards)


def _source(part: RewardPart) -> dict[str, object]:
    return part.model_dump(include=set(KINDS))


class Config(StartingModel, PPOConfig):
    """Settings of `stage: policy`."""

    algorithm: Literal["ppo", "grpo", "rloo", "best_of_n"] = "ppo"  # dpo has settings of its own
    prompts: DataFile
    passes: float | None = Field(default=None, gt=0)  # over the prompts, in place of `steps`
    rewards: list[RewardPart] = Field(min_length=1)
    lora: LoRA | None = None  # None: all weights learn, and the reference is a frozen copy
    critic: Literal["shared", "policy", "reward"] = "shared"  # the others: a network of its own, begun there
    mix: PretrainingMix | None = None  # text that is learned from beside: arXiv:2203.02155, eq. 2
    until: Convergence = Convergence()
    guard: JudgeGuard | None = None  # a judge beside the rewards: against over-optimisation
    normalise_on: int = Field(default=512, ge=2)  # prompts whose answers set a learned reward's scale
    gradient_checkpointing: bool = False  # less memory for activations, for a third more arithmetic
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_length(self) -> "Config":
        if self.steps is not None and self.passes is not None:
            raise ValueError("give steps or passes, not both: steps are rollouts, passes go over the prompts")
        return self

    @model_validator(mode="after")
    def _guarded(self) -> "Config":
        if self.guard is not None and self.guard.is_trained_against(self.rewards):
            raise ValueError(
                "guard.judge: it is one of the rewards, and what is trained against cannot see that it is "
                "over-optimised: give another, such as a reward model from other judgements"
            )
        return self

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
        """Steps: as given, or as many as the passes over `asked` prompts need; one pass by default."""
        return self.steps or math.ceil(asked * (self.passes or 1) / self.prompts_a_step)

    @property
    def prompts_a_step(self) -> int:
        return self.batch if self.algorithm == "ppo" else self.batch // self.credit.group
