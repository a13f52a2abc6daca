"""A scalar read off a text model's states: the reward model's score, and the critic's value."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.encoder import TextEncoder
from assent.models.language_model import LanguageModel

Combine = Literal["members", "criteria"]
Trunk = LanguageModel | TextEncoder


class ScalarHead(nn.Module):
    """One number a state, in float32 whatever the trunk computes in.

    With several outputs the number is their weighted mean: the members of an ensemble, or criteria.

    Args:
        outputs: linear readings of a state, each begun at random for itself.
    """

    weights: Float[Tensor, " head"]

    def __init__(self, width: int, start: Literal["small", "zero"], outputs: int = 1):
        super().__init__()
        self.linear = nn.Linear(width, outputs)
        nn.init.zeros_(self.linear.bias)
        if start == "zero":  # a critic that begins by claiming nothing
            nn.init.zeros_(self.linear.weight)
        else:  # N(0, 1 / sqrt(width + 1)), as arXiv:1909.08593
            nn.init.normal_(self.linear.weight, std=(width + 1) ** -0.5)
        self.register_buffer(
            "weights", torch.ones(outputs), persistent=False
        )  # a setting, kept with the names

    @property
    def shares(self) -> Float[Tensor, " head"]:
        """How much each output counts; a negative weight counts against, and the sizes sum to 1."""
        return self.weights / self.weights.abs().sum()

    @torch.no_grad()
    def rescaled(self, offset: float, factor: float) -> "ScalarHead":
        """A head of one output, learning, whose number is `(number - offset) * factor`."""
        copied = ScalarHead(self.linear.in_features, "zero").to(self.linear.weight.device)
        copied.linear.weight.copy_(self.shares @ self.linear.weight * factor)
        copied.linear.bias.copy_((self.shares @ self.linear.bias - offset) * factor)
        return copied

    def each(self, states: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows head"]:
        return self.linear(states.float())

    def forward(self, states: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows"]:
        return self.each(states) @ self.shares


class RewardModel(nn.Module):
    """The score of a whole answer: a head, or several, on the state that has read all of it.

    Args:
        body: reads prompt and answer; an encoder will do, since nothing has to be predicted.
        head: one that is there already; by default one that begins at random.
        names: of the outputs, one each.
        combine: what the outputs are: `members` of an ensemble, which learn the same, or `criteria`.
        weights: of the outputs in the score, which is their weighted mean; by default all count alike.
    """

    def __init__(
        self,
        body: Trunk,
        head: ScalarHead | None = None,
        *,
        names: Sequence[str] = ("score",),
        combine: Combine = "members",
        weights: Sequence[float] | None = None,
    ):
        super().__init__()
        self.body = body
        self.head = ScalarHead(body.width, "small", len(names)) if head is None else head
        self.names, self.combine = tuple(names), combine
        if len(set(self.names)) != len(self.names) or len(self.names) != self.head.linear.out_features:
            raise UserError(
                f"a reward model with {self.head.linear.out_features} heads needs as many different names, "
                f"found {', '.join(self.names) or 'none'}"
            )
        if combine == "members" and len(set(weights or (1.0,))) > 1:
            raise UserError("weights: they are of criteria; the members of an ensemble count alike")
        if weights is not None:
            self.head.weights.copy_(_checked_weights(weights, self.names))

    def outputs(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch head"]:
        """What each head says of each answer."""
        return self.head.each(self.body.final_state(prompts, responses))

    def scores(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, " batch"]:
        """The weighted mean of the heads."""
        return self.head(self.body.final_state(prompts, responses))

    @torch.no_grad()
    def centre(self, means: Float[Tensor, " head"]) -> None:
        """Move each output by its mean, so that members agree on the zero that comparisons leave open."""
        self.head.linear.bias.sub_(means.to(self.head.linear.bias.device))

    @property
    def weights(self) -> list[float]:
        return self.head.weights.tolist()


def _checked_weights(weights: Sequence[float], names: Sequence[str]) -> Float[Tensor, " head"]:
    found = torch.tensor(list(weights), dtype=torch.float32)
    if len(found) != len(names) or not found.isfinite().all() or not found.any():
        raise UserError(
            f"weights of {', '.join(names)}: expected a finite number each, not all 0, found {list(weights)}"
        )
    return found


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
