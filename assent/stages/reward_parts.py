"""The rewards that a recipe may name, each ready to judge text."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from assent.config import ModelSource, PythonFunction, Settings, Source
from assent.models.load import load_reward
from assent.rewards.composite import Part
from assent.rewards.function import function
from assent.rewards.learned import LearnedReward
from assent.rewards.reward import Reward
from assent.stages.workspace import Workspace
from assent.training import parallel

KINDS = ("model", "function")  # a part is exactly one of these


class RewardPart(Settings):
    """One source of reward in a recipe. It counts as `weight` times its score."""

    model: ModelSource | None = None  # what a `reward` stage made
    function: PythonFunction | None = None
    weight: float = 1.0
    name: str | None = None  # in reports; by default the stage, file or function it is
    normalise: bool | None = None  # to mean 0 and deviation 1 on reference answers; default: models only
    clip: float | None = Field(default=None, gt=0)  # scores, normalised if they are, stay within +- this

    @model_validator(mode="after")
    def _one_source(self) -> "RewardPart":
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(KINDS)}, found {' and '.join(given) or 'none'}")
        return self

    def load(self, work: Workspace) -> Part:
        """The reward, ready to judge, not normalised yet."""
        return Part(self.name or self._own_name(work), self.weight, self._reward(work), clip=self.clip)

    def _reward(self, work: Workspace) -> Reward:  # noqa: ARG002 - some rewards keep a journal in its folder
        if self.function is not None:
            return function(self.function)
        assert self.model is not None  # _one_source
        model, tokenizer = load_reward(self.model)
        return LearnedReward(model.to(parallel.device()), tokenizer)

    def _own_name(self, work: Workspace) -> str:
        source: Source | None = self.model or self.function
        assert source is not None  # _one_source
        return work.names.get(source) or short_name(source)

    @property
    def normalises(self) -> bool:
        return self.model is not None if self.normalise is None else self.normalise


def short_name(source: str) -> str:
    """`gold` for `assent.demo.gold:score`... the last word that tells things apart."""
    place, _, attribute = source.rpartition(":")
    return f"{Path(place).stem}:{attribute}" if place else Path(source).name


def load_parts(parts: Sequence[RewardPart], work: Workspace) -> list[Part]:
    return [part.load(work) for part in parts]
