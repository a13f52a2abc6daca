"""A scalar read off a text model's states: the reward model's score, and the critic's value."""

from typing import Literal

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

    def values(self, states: Float[Tensor, "batch prefix width"]) -> Float[Tensor, "batch response"]:
        """V before each response token, from the policy's states."""
        return self.head(states[:, :-1])
