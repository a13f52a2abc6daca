"""How surprised a policy is by what people wrote: nats, tokens and characters of each reference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from jaxtyping import Float

from assent.batch import Tokens
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt


@dataclass(frozen=True)
class Surprise:
    """Of one reference after its prompt: -log p of all its tokens, the end token among them."""

    nats: float
    tokens: int
    characters: int

    @property
    def parts(self) -> tuple[float, float, float]:
        return self.nats, self.tokens, self.characters


def perplexity(sums: Float[np.ndarray, "3"]) -> float:
    """exp(nats a token) of references whose `parts` are added up; infinite beyond what floats hold."""
    with np.errstate(over="ignore"):
        return float(np.exp(sums[0] / sums[1]))


def bits_per_character(sums: Float[np.ndarray, "3"]) -> float:
    """The same surprise by the length of the text, so that policies with other tokens compare."""
    return float(sums[0] / sums[2] / log(2))


@torch.no_grad()
def surprises(
    model: LanguageModel,
    tokenizer: Tokenizer,
    pairs: Sequence[tuple[Prompt, str]],
    batch: int,
    before_batch: Callable[[int, int], None],
) -> list[Surprise | None]:
    """What `model` makes of each (prompt, reference); None where both are more than it can read.

    Nothing is cut: of a reference without its end the perplexity would be another one.

    Args:
        before_batch: is told (done, total) references, and may raise to stop.
    """
    encoded = [(tokenizer.prompt_ids(prompt)[0], tokenizer.response_ids(text)[0]) for prompt, text in pairs]
    lengths = [len(prompt) + len(response) for prompt, response in encoded]
    fits = [row for row, length in enumerate(lengths) if model.context is None or length <= model.context]
    order = sorted(fits, key=lambda row: lengths[row])  # batches of like length hold little padding
    found: list[Surprise | None] = [None] * len(pairs)
    for start in range(0, len(order), batch):
        before_batch(start, len(order))
        rows = order[start : start + batch]
        prompts = Tokens.of([encoded[row][0] for row in rows], tokenizer.pad_id, side="left")
        responses = Tokens.of([encoded[row][1] for row in rows], tokenizer.pad_id).to(model.device)
        logprobs, _ = model.logprobs(prompts.to(model.device), responses)
        nats = -logprobs.double().where(responses.mask, 0.0).sum(dim=1)
        for row, value in zip(rows, nats.tolist(), strict=True):
            found[row] = Surprise(value, len(encoded[row][1]), len(pairs[row][1]))
    return found
