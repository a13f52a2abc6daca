"""From prompts to a judged rollout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assent.batch import Answered, Rollout, Tokens, joined
from assent.functional.language import token_kl
from assent.functional.policy_gradient import kl_estimate
from assent.models.heads import Critic
from assent.models.language_model import LanguageModel, Logprobs
from assent.models.sampler import sample
from assent.records import Prompt
from assent.training.policy_settings import PPOConfig


@runtime_checkable
class Reference(Protocol):
    """The frozen original: a copy, or the policy's own network with its adapters off."""

    def states(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch prefix width"]: ...

    def logits(self, states: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows vocab"]: ...

    def token_logprobs(
        self, states: Float[Tensor, "batch prefix width"], responses: Tokens, temperature: float = 1.0
    ) -> Logprobs: ...

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
    critic: Critic | None  # None: answers are compared with others to the same prompt
    score: Callable[[Sequence[Prompt], Tokens], Scores]
    end_id: int


@torch.no_grad()
def collect(players: Players, questions: Questions, config: PPOConfig, generator: torch.Generator) -> Rollout:
    """Answer the questions, and have the answers judged."""
    answered = answer(players, questions.tokens, config, generator)
    return answered.judged(*players.score(questions.records, answered.responses))


@torch.no_grad()
def answer(players: Players, prompts: Tokens, config: PPOConfig, generator: torch.Generator) -> Answered:
    """Answer the prompts, and have policy, reference and critic read the answers, a micro-batch at a time.

    The log-probabilities are those of one forward over the whole answer, in the update's own precision: so
    the first ratio is 1, which the sampler's cached arithmetic would miss by rounding.
    """
    starts = range(0, len(prompts), config.micro_batch)
    pieces = [slice(start, start + config.micro_batch) for start in starts]
    with config.optimiser.arithmetic(prompts.ids.device):
        drawn = sample(players.policy, prompts, config.sampling, players.end_id, generator)
        return joined(
            [
                _read(players, prompts.rows(rows), drawn.responses.rows(rows), drawn.ended[rows], config)
                for rows in pieces
            ]
        )


def _read(
    players: Players, prompts: Tokens, responses: Tokens, ended: Bool[Tensor, " batch"], config: PPOConfig
) -> Answered:
    policy, reference, temperature = players.policy, players.reference, config.sampling.temperature
    states = policy.states(prompts, responses)
    logprobs, _ = policy.token_logprobs(states, responses, temperature)
    ref_logprobs, kl = logprobs, torch.zeros_like(logprobs)
    if reference is not None:
        ref_states = reference.states(prompts, responses)
        ref_logprobs, _ = reference.token_logprobs(ref_states, responses, temperature)
        if config.kl.estimator == "full":
            heads = (policy.logits, reference.logits)
            kl = token_kl(states[:, :-1], ref_states[:, :-1], heads, policy.vocabulary, temperature)
        else:
            kl = kl_estimate(logprobs, ref_logprobs, config.kl.estimator)
    critic = players.critic
    values = torch.zeros_like(logprobs) if critic is None else critic.values(states, prompts, responses)
    return Answered(prompts, responses, logprobs, ref_logprobs, kl, values, ended)
