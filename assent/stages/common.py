"""What several stages share: how long to train, what to say meanwhile, and what rewards a recipe may name."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import Field, model_validator

from assent.config import ModelSource, PythonFunction, Settings, Source
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.load import load_reward
from assent.models.sampler import Sampling
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.composite import Part
from assent.rewards.function import function
from assent.rewards.learned import LearnedReward
from assent.stages.workspace import Workspace
from assent.training import parallel
from assent.training.checkpoint import Checkpoint, Stateful
from assent.training.learner import Optimiser


class Training(Settings):
    """Settings of every stage that makes updates from a fixed set of rows."""

    steps: int | None = Field(default=None, ge=1)  # updates; or give epochs
    epochs: float | None = Field(default=None, gt=0)  # passes over the rows; 1 when neither is given
    batch: int = Field(default=32, ge=1)  # rows an update, over all ranks
    micro_batch: int = Field(default=32, ge=1)  # rows in memory at once; changes no result
    learning_rate: float = Field(default=1e-4, gt=0)
    held_out: float = Field(default=0.05, ge=0, lt=1)  # share of the rows that is only evaluated on
    evaluate_every: int = Field(default=0, ge=0)  # updates; 0: at the end only
    optimiser: Optimiser = Optimiser()
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_length(self) -> "Training":
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        return self

    def updates(self, rows: int) -> int:
        """How many updates `rows` rows of training data ask for."""
        return self.steps or math.ceil(rows * (self.epochs or 1) / self.batch)


class RewardPart(Settings):
    """One source of reward in a recipe: a learned model, or a Python function."""

    model: ModelSource | None = None
    function: PythonFunction | None = None
    weight: float = 1.0
    name: str | None = None  # in reports; by default the stage, file or function it is
    normalise: bool | None = None  # to mean 0 and deviation 1 on reference answers; default: models only

    @model_validator(mode="after")
    def _one_source(self) -> "RewardPart":
        if (self.model is None) == (self.function is None):
            raise ValueError("give either model or function")
        return self

    @property
    def source(self) -> Source:
        source = self.model or self.function
        assert source is not None  # _one_source
        return source

    def load(self, names: Mapping[str, str]) -> Part:
        """The reward, ready to judge, not normalised yet."""
        name = self.name or names.get(self.source) or short_name(self.source)
        if self.function is not None:
            return Part(name, self.weight, function(self.function))
        model, tokenizer = load_reward(self.source)
        return Part(name, self.weight, LearnedReward(model.to(parallel.device()), tokenizer))

    @property
    def normalises(self) -> bool:
        return self.model is not None if self.normalise is None else self.normalise


def short_name(source: str) -> str:
    """`gold` for `assent.demo.gold:score`... the last word that tells things apart."""
    place, _, attribute = source.rpartition(":")
    return f"{Path(place).stem}:{attribute}" if place else Path(source).name


def load_parts(parts: Sequence[RewardPart], names: Mapping[str, str]) -> list[Part]:
    return [part.load(names) for part in parts]


def reporter(work: Workspace, steps: int, show: Sequence[str]) -> Callable[[int, Mapping[str, float]], None]:
    """A log that also moves the progress bar, with the numbers named in `show` beside it."""

    def log(step: int, stats: Mapping[str, float]) -> None:
        work.log(step, stats)
        work.progress(
            step + 1, steps, "  ".join(f"{name} {stats[name]:.3g}" for name in show if name in stats)
        )

    return log


def checkpoint(work: Workspace, stateful: Stateful) -> Checkpoint:
    return Checkpoint(work.folder / "checkpoints", stateful, work.log.rewind, work.stop)


def check_lengths(
    asked: Sequence[Prompt], sampling: Sampling, model: LanguageModel, tokenizer: Tokenizer, where: str
) -> None:
    """Raises UserError where a prompt and the longest answer to it are more than the model can read."""
    longest = max(len(tokenizer.prompt_ids(prompt)[0]) for prompt in asked)
    if model.context is not None and longest + sampling.max_new_tokens > model.context:
        raise UserError(
            f"{where}: the longest prompt has {longest} tokens, and with sampling.max_new_tokens = "
            f"{sampling.max_new_tokens} that is more than the {model.context} that the model can read"
        )
