"""What several stages share: how long to train, and what to say meanwhile."""

import math
from collections.abc import Callable, Mapping, Sequence

from pydantic import Field, model_validator

from assent.config import Settings
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.sampler import Sampling
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.stages.workspace import Workspace
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
