"""Any text classifier as a reward: how much a text has of one label."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, StrictInt, StrictStr
from torch import Tensor

from assent.config import ModelSource, Settings
from assent.errors import RewardError, UserError
from assent.functional.classification import log_probabilities
from assent.models.classifier import Classifier
from assent.models.torch_weights import Weights, in_safetensors

Output = Literal["logit", "probability", "log_probability"]


class ClassifierPart(Settings):
    """Settings of the reward `classifier`."""

    model: ModelSource  # a text-classification folder, hub id, or what `kind: classes` made
    weights: Weights = "safetensors"  # torch: it has pytorch_model.bin only, whose tensors may be read
    label: StrictStr | StrictInt | None = None  # its name, or number; not needed where there is one output
    output: Output = "logit"
    reads: Literal["response", "both"] = "response"  # both: the prompt, and the response behind it
    longer: Literal["windows", "cut", "refuse"] = "windows"  # what becomes of a text beyond its context
    rows: int = Field(default=64, ge=1)  # texts that are read at once

    @property
    def readable(self) -> str:
        """The folder or hub id that is loaded."""
        return in_safetensors(self.model, self.weights)

    def own_name(self, stages: Mapping[str, str]) -> str:
        """`emotions:neutral`; a model that a stage made has that stage's name."""
        name = stages.get(self.model) or Path(self.model).name
        return name if self.label is None else f"{name}:{self.label}"


class ClassifierReward:
    """What a classifier says of one label, texts of like length read together.

    The logit is the network's own; `probability` and `log_probability` are its sigmoid where a text may have
    several labels, and softmax where it has one. A text longer than the context is read in windows of equal
    length, and its score is their mean, each counted by its tokens; or cut to its beginning; or refused.

    Raises:
        UserError: no such label, or a probability is asked of a classifier whose output is a mere number.
    """

    def __init__(self, classifier: Classifier, settings: ClassifierPart):
        self.classifier, self.settings = classifier, settings
        try:
            self.label = classifier.label(settings.label)
        except UserError as error:
            raise UserError(f"classifier {settings.model}: {error}") from None
        if classifier.kind == "number" and settings.output != "logit":
            raise UserError(
                f"classifier {settings.model}: output: {settings.output}: its config.json does not say that "
                "its output is a label's, so it has no probability: use logit"
            )

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        texts = responses
        if self.settings.reads == "both":
            texts = [joined(*pair) for pair in zip(prompts, responses, strict=True)]
        pieces = [self._pieces(text) for text in texts]
        scores = iter(self._scores(list(itertools.chain.from_iterable(pieces))))
        return [_mean([next(scores) for _ in of_one], [len(ids) for ids in of_one]) for of_one in pieces]

    def _pieces(self, text: str) -> list[list[int]]:
        """What is read of a text."""
        windows = self.classifier.windows(text)
        if len(windows) == 1 or self.settings.longer == "windows":
            return windows
        if self.settings.longer == "refuse":
            raise RewardError(
                f"classifier {self.settings.model}: a text is longer than the {self.classifier.context} "
                f"tokens that it can read: {text[:80]!r}... Set longer: windows or cut"
            )
        return [self.classifier.beginning(text)]

    def _scores(self, rows: Sequence[Sequence[int]]) -> list[float]:
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        scores = [0.0] * len(rows)
        for start in range(0, len(order), self.settings.rows):
            chosen = order[start : start + self.settings.rows]
            texts = self.classifier.tokens([rows[row] for row in chosen]).to(self.classifier.device)
            for row, score in zip(chosen, self._output(self.classifier.logits(texts)).tolist(), strict=True):
                scores[row] = score
        return scores

    def _output(self, logits: Float[Tensor, "batch label"]) -> Float[Tensor, " batch"]:
        of: dict[Output, Callable[[], Tensor]] = {
            "logit": lambda: logits,
            "log_probability": lambda: log_probabilities(logits, self.classifier.kind == "several"),
            "probability": lambda: log_probabilities(logits, self.classifier.kind == "several").exp(),
        }
        return of[self.settings.output]()[:, self.label]


def joined(prompt: str, response: str) -> str:
    """Both as one text, with a space between where neither has one."""
    touching = prompt and response and not prompt[-1].isspace() and not response[0].isspace()
    return f"{prompt} {response}" if touching else prompt + response


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
