"""From prompts to a judged rollout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from assent.batch import Rollout, Tokens
from assent.models.heads import SharedCritic
from assent.models.language_model import LanguageModel, Logprobs
from assent.models.sampler import Sampling, sample
from assent.records import Prompt


@runtime_checkable
class Reference(Protocol):
    def logprobs(self, prompts: Tokens, responses: Tokens, temperature: float = 1.0) -> Logprobs: ...


Scores = tuple[Float[Tensor, " batch"], Float[Tensor, "batch source"]]  # the sum, and its parts


@dataclass(frozen=True)
class Questions:
    """Prompts as people wrote them, and as the policy reads them."""

    records: Sequence[Prompt]
    tokens: Tokens


@dataclass(frozen=True)
class Players:
    """The parties of policy optimisation. Only the policy and the critic learn."""

    policy: LanguageModel
    reference: Reference | None  # None: nothing is charged for drift
    critic: SharedCritic
    score: Callable[[Sequence[Prompt], Tokens], Scores]
    end_id: int


@torch.no_grad()
def collect(
    players: Players, questions: Questions, sampling: Sampling, generator: torch.Generator
) -> Rollout:
    """Answer the questions, have the answers judged, and write down how likely each token was.

    The log-probabilities are those of one forward over the whole answer, as in the update: so the first
    ratio is exactly 1, which the sampler's cached arithmetic would miss by rounding.
    """
    policy, prompts = players.policy, questions.tokens
    drawn = sample(policy, prompts, sampling, players.end_id, generator)
    responses, temperature = drawn.responses, sampling.temperature
    scores, parts = players.score(questions.records, responses)
    states = policy.states(prompts, responses)
    logprobs, _ = policy.token_logprobs(states, responses, temperature)
    reference = players.reference
    return Rollout(
        prompts=prompts,
        responses=responses,
        logprobs=logprobs,
        ref_logprobs=reference.logprobs(prompts, responses, temperature)[0] if reference else logprobs,
        values=players.critic.values(states),
        scores=scores.to(logprobs.device),
        parts=parts.to(logprobs.device),
        ended=drawn.ended,
    )
