"""Reward models as rewards: text in, scores out, whatever tokenizer the policy has."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import torch
from jaxtyping import Float

from assent.batch import Tokens
from assent.errors import RewardError, UserError
from assent.models.heads import RewardModel
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.reward import Ensemble, Members, Together

Longer = Literal["refuse", "cut"]
LEAST_ROOM = 2  # tokens of an answer that is cut: a beginning and an end


class LearnedReward:
    """Scores of a trained reward model, answers of like length read together.

    Args:
        rows: answers that are read at once.
        longer: what happens to an answer that, behind its prompt, is longer than the model can read. `cut`
            leaves out its middle: the beginning tells what it is about, the end how it was finished.
        name: of the reward, in messages.
    """

    def __init__(
        self,
        model: RewardModel,
        tokenizer: Tokenizer,
        rows: int = 64,
        *,
        longer: Longer = "refuse",
        name: str = "model",
    ):
        self.model, self.tokenizer, self.rows = model, tokenizer, rows
        self.longer: Longer = longer
        self.name = name

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """The weighted mean of the heads. Raises as `outputs` does."""
        shares = self.model.head.shares.double().cpu().numpy()
        return (self.outputs(prompts, responses) @ shares).tolist()

    @torch.no_grad()
    def outputs(self, prompts: Sequence[str], responses: Sequence[str]) -> Float[np.ndarray, "batch head"]:
        """What each head says of each answer: its criteria, or the members of an ensemble.

        Raises:
            RewardError: a text is longer than the model can read, and `longer` is not `cut`.
        """
        order = sorted(range(len(responses)), key=lambda index: len(prompts[index]) + len(responses[index]))
        found = np.zeros((len(responses), len(self.model.names)))
        for start in range(0, len(order), self.rows):
            rows = order[start : start + self.rows]
            asked, answered = self._tokens([prompts[row] for row in rows], [responses[row] for row in rows])
            device = self.model.body.device
            found[rows] = self.model.outputs(asked.to(device), answered.to(device)).double().cpu().numpy()
        return found

    def _tokens(self, prompts: Sequence[str], responses: Sequence[str]) -> tuple[Tokens, Tokens]:
        asked, _ = self.tokenizer.prompts([Prompt.of(prompt) for prompt in prompts])
        answers = [
            self._fitting(self.tokenizer.response_ids(response)[0], length)
            for response, length in zip(responses, asked.lengths.tolist(), strict=True)
        ]
        return asked, Tokens.of(answers, self.tokenizer.pad_id)

    def _fitting(self, answer: list[int], prompt_length: int) -> list[int]:
        """The answer's ids, or, where they are too many and may be cut, its beginning and its end."""
        context = self.model.body.context
        if context is None or prompt_length + len(answer) <= context:
            return answer
        room = context - prompt_length
        if self.longer == "refuse" or room < LEAST_ROOM:
            raise RewardError(
                f"reward {self.name}: a prompt of {prompt_length} tokens and its answer of {len(answer)} are "
                f"longer than the {context} tokens that the model can read: lower sampling.max_new_tokens, "
                "shorten the prompts, train the reward on a model that reads more, or let answers lose their "
                "middle (longer: cut)"
            )
        return answer[: room - room // 2] + answer[len(answer) - room // 2 :]

    def shortened(self, prompts: Sequence[str], responses: Sequence[str]) -> float:
        """The share of the answers of which the model reads a part only: it, or its prompt, is cut."""
        encoded = [self.tokenizer.prompt_ids(Prompt.of(prompt)) for prompt in prompts]
        context = self.model.body.context or np.inf
        cut = [
            was_cut or len(ids) + len(self.tokenizer.response_ids(response)[0]) > context
            for (ids, was_cut), response in zip(encoded, responses, strict=True)
        ]
        return sum(cut) / max(1, len(cut))

    def unread(self, responses: Sequence[str]) -> float:
        """The share of the answers' characters that this tokenizer cannot spell, spaces and case aside.

        Above zero, the model judges something else than what the policy wrote.
        """
        tokens, _ = self.tokenizer.responses(responses)
        told, missing = 0, 0
        for written, read in zip(responses, self.tokenizer.texts(tokens), strict=True):
            letters, spelt = (Counter("".join(text.split()).casefold()) for text in (written, read))
            told += letters.total()
            missing += (letters - spelt).total()
        return missing / max(1, told)

    def centre(self, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Move each head so that its mean on these answers is 0.

        Comparisons leave the zero of a score open, and each member of an ensemble ends up with its own: what
        they disagree on is to be told by the answers. Numbers from ratings have a zero: not for these.
        """
        self.model.centre(torch.from_numpy(self.outputs(prompts, responses).mean(axis=0)).float())

    def to(self, device: torch.device) -> Self:
        self.model.to(device)
        return self


class LearnedEnsemble(Together, LearnedReward):
    """Several judgements of each answer, taken together: heads of one network, networks, or both.

    Args:
        networks: each with its heads; criteria count as one member, their weighted mean.
    """

    def __init__(self, networks: Sequence[LearnedReward], ensemble: Ensemble):
        first = networks[0]
        super().__init__(first.model, first.tokenizer, first.rows, longer=first.longer, name=first.name)
        self.networks, self.ensemble = list(networks), ensemble

    def _read(self, prompts: list[str], responses: list[str]) -> Members:
        columns = [_judgements(network, prompts, responses) for network in self.networks]
        return np.concatenate(columns, axis=1)

    def centre(self, prompts: Sequence[str], responses: Sequence[str]) -> None:
        for network in self.networks:
            network.centre(prompts, responses)
        self._last = None

    def to(self, device: torch.device) -> Self:
        for network in self.networks:
            network.to(device)
        return self


def _judgements(network: LearnedReward, prompts: Sequence[str], responses: Sequence[str]) -> Members:
    if network.model.combine == "members":
        return network.outputs(prompts, responses)
    return np.asarray(network(prompts, responses))[:, None]


def learned(networks: Sequence[LearnedReward], ensemble: Ensemble) -> LearnedReward:
    """One reward of the networks.

    Raises:
        UserError: there is one judgement an answer, and the ensemble asks how far several disagree.
    """
    only = networks[0]
    several = len(networks) > 1 or (only.model.combine == "members" and len(only.model.names) > 1)
    if several:
        return LearnedEnsemble(networks, ensemble)
    if ensemble != Ensemble():
        raise UserError(
            f"reward {only.name}: ensemble: {ensemble.combine} needs several members, and the model has one: "
            "leave it out, or train the reward with members"
        )
    return only
