"""Sampling with a key-value cache. Rows that have ended leave the batch, and stop costing anything."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from assent.batch import Tokens
from assent.config import Settings
from assent.models.language_model import LanguageModel


class Sampling(Settings):
    """How answers are drawn."""

    max_new_tokens: int = Field(default=64, ge=1)
    temperature: float = Field(default=1.0, ge=0)  # 0: the most likely token each time
    top_k: int = Field(default=0, ge=0)  # the likeliest tokens only; 0: all
    top_p: float = Field(default=1.0, gt=0, le=1)  # the likeliest that hold this share: arXiv:1904.09751
    min_p: float = Field(default=0.0, ge=0, lt=1)  # those at least this share as likely as the likeliest
    min_new_tokens: int = Field(default=0, ge=0)  # until then no answer may end

    @property
    def truncates(self) -> bool:
        """Whether some tokens cannot be drawn, however likely they are."""
        return self.top_k > 0 or self.top_p < 1 or self.min_p > 0


@dataclass(frozen=True)
class Sampled:
    responses: Tokens  # with the end token, where one was drawn
    logprobs: Float[Tensor, "batch response"]  # of the full tempered distribution, before top-k and top-p
    ended: Bool[Tensor, " batch"]


@dataclass(frozen=True)
class Drawn:
    """One more token of each row that is still being written."""

    rows: Int[Tensor, " live"]  # of the prompts
    ids: Int[Tensor, " live"]
    logprobs: Float[Tensor, " live"]


@torch.no_grad()
def sample(
    model: LanguageModel, prompts: Tokens, sampling: Sampling, end_id: int, generator: torch.Generator
) -> Sampled:
    """Draw one answer a row.

    Each row's randomness is drawn before the first token, so what a row becomes does not depend on which
    other rows have ended. Truncated rows (`max_new_tokens` without an end) have `ended` False.
    """
    rows, length = len(prompts), sampling.max_new_tokens
    ids = torch.full((rows, length), end_id, device=model.device)
    logprobs = torch.zeros(rows, length, device=model.device)
    mask = torch.zeros(rows, length, dtype=torch.bool, device=model.device)
    for t, drawn in enumerate(token_by_token(model, prompts, sampling, end_id, generator)):
        ids[drawn.rows, t], logprobs[drawn.rows, t], mask[drawn.rows, t] = drawn.ids, drawn.logprobs, True
    ended = ((ids == end_id) & mask).any(dim=1)
    longest = int(mask.sum(dim=1).max())
    return Sampled(Tokens(ids[:, :longest], mask[:, :longest]), logprobs[:, :longest], ended)


@torch.no_grad()
def token_by_token(
    model: LanguageModel, prompts: Tokens, sampling: Sampling, end_id: int, generator: torch.Generator
) -> Iterator[Drawn]:
    """The same draws as `sample`, each handed out as soon as it is made."""
    rows, length = len(prompts), sampling.max_new_tokens
    uniform = torch.rand(rows, length, generator=generator, dtype=torch.float64).to(model.device)
    live = torch.arange(rows, device=model.device)  # rows of the batch that are still being written
    state, reading = model.family.begin(prompts)
    for t in range(length):
        logits = model.logits(state)
        if t < sampling.min_new_tokens:
            logits = logits.index_fill(1, torch.tensor([end_id], device=logits.device), -torch.inf)
        drawn, drawn_logprobs = draw(logits, sampling, uniform[live, t])
        yield Drawn(live, drawn, drawn_logprobs)
        going = (drawn != end_id).nonzero().squeeze(1)
        if len(going) == 0 or t == length - 1:
            break
        if len(going) < len(live):
            live, drawn = live[going], drawn[going]
            reading.keep(going)
        state = reading.advance(drawn)


def draw(
    logits: Float[Tensor, "batch vocab"], sampling: Sampling, uniform: Float[Tensor, " batch"]
) -> tuple[Int[Tensor, " batch"], Float[Tensor, " batch"]]:
    """One token a row, by inverting the cumulative distribution at `uniform`, and its log-probability."""
    if sampling.temperature == 0:
        logp = torch.log_softmax(logits.float(), dim=-1)
        best = logp.argmax(dim=-1)
        return best, logp.gather(1, best[:, None]).squeeze(1)
    logp = torch.log_softmax(logits.float() / sampling.temperature, dim=-1)
    cumulative = truncated(logp, sampling).double().exp().cumsum(dim=-1)
    target = uniform[:, None] * cumulative[:, -1:]
    # `right`: a token of probability 0 spans nothing, so a target on its edge passes it by
    chosen = torch.searchsorted(cumulative, target, right=True).clamp(max=logp.shape[1] - 1)
    return chosen.squeeze(1), logp.gather(1, chosen).squeeze(1)


def truncated(logp: Float[Tensor, "batch vocab"], sampling: Sampling) -> Float[Tensor, "batch vocab"]:
    """`logp` with -inf on the tokens that top-k, top-p or min-p (arXiv:2407.01082) rule out."""
    if sampling.top_k:
        least = logp.topk(min(sampling.top_k, logp.shape[1]), dim=1).values[:, -1:]
        logp = logp.masked_fill(logp < least, -torch.inf)
    if sampling.top_p < 1:
        ordered, order = logp.softmax(dim=1).sort(dim=1, descending=True)
        outside = ordered.cumsum(dim=1) - ordered >= sampling.top_p  # the first that reaches top_p stays
        logp = logp.masked_fill(torch.zeros_like(outside).scatter(1, order, outside), -torch.inf)
    if sampling.min_p:
        least = logp.amax(dim=1, keepdim=True) + math.log(sampling.min_p)
        logp = logp.masked_fill(logp < least, -torch.inf)
    return logp
