"""A scalar read off a text model's states: the reward model's score, and the critic's value."""

import copy
from typing import Literal, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assent.batch import Tokens
from assent.models.language_model import LanguageModel


class ScalarHead(nn.Module):
    """One number a state, in float32 whatever the trunk computes in."""

    def __init__(self, width: int, start: Literal["small", "zero"]):
        super().__init__()
        self.linear = nn.Linear(width, 1)
        nn.init.zeros_(self.linear.bias)
        if start == "zero":  # a critic that begins by claiming nothing
            nn.init.zeros_(self.linear.weight)
        else:  # N(0, 1 / sqrt(width + 1)), as arXiv:1909.08593
            nn.init.normal_(self.linear.weight, std=(width + 1) ** -0.5)

    @torch.no_grad()
    def rescaled(self, offset: float, factor: float) -> Self:
        """The same head, learning, whose numbers are `(number - offset) * factor`."""
        copied = copy.deepcopy(self).requires_grad_(True)
        copied.linear.weight.mul_(factor)
        copied.linear.bias.sub_(offset).mul_(factor)
        return copied

    def forward(self, states: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows"]:
        return self.linear(states.float()).squeeze(-1)


class RewardModel(nn.Module):
    """The score of a whole answer, read after its last real token."""

    def __init__(self, body: LanguageModel, head: ScalarHead | None = None):
        super().__init__()
        self.body = body
        self.head = head or ScalarHead(body.width, "small")

    def scores(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, " batch"]:
        states = self.body.states(prompts, responses)
        last = responses.lengths[:, None, None].expand(-1, 1, states.shape[-1])
        return self.head(states.gather(1, last)).squeeze(1)


class SharedCritic(nn.Module):
    """The value of each prefix, read off the policy's own states: no second network to hold or to run."""

    def __init__(self, width: int):
        super().__init__()
        self.head = ScalarHead(width, "zero")

    def values(
        self,
        states: Float[Tensor, "batch prefix width"],
        prompts: Tokens,  # noqa: ARG002 - read already
        responses: Tokens,  # noqa: ARG002
    ) -> Float[Tensor, "batch response"]:
        """V before each response token; `states` are the policy's."""
        return self.head(states[:, :-1])


class OwnCritic(nn.Module):
    """The value of each prefix, read by a network of its own.

    Args:
        body: learns with the critic; a copy of the policy, or the trunk of a reward model.
        head: the reward model's, so that a finished answer's value begins as its score (arXiv:2009.01325,
            section 3.4); by default a zero, which claims nothing.
    """

    def __init__(self, body: LanguageModel, head: ScalarHead | None = None):
        super().__init__()
        self.body = body
        self.head = head or ScalarHead(body.width, "zero")

    def values(
        self,
        states: Float[Tensor, "batch prefix width"],  # noqa: ARG002 - it has its own
        prompts: Tokens,
        responses: Tokens,
    ) -> Float[Tensor, "batch response"]:
        return self.head(self.body.states(prompts, responses)[:, :-1])


Critic = SharedCritic | OwnCritic
