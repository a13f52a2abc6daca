"""The tensor nouns: every batch that passes between two files is one of these.

Axes: batch, prompt (padded prompt length), response (padded response length), candidate, source (parts of
a reward). A mask is True on real tokens. Prompts are padded on the left, responses on the right. Every
type is complete when it is built, and is never edited afterwards.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Row operations for a dataclass whose every field starts with the batch axis."""

    if TYPE_CHECKING:  # a property here would stand in the way of a type that has it as a field

        @property
        def loss_mask(self) -> Bool[Tensor, "batch ..."]:
            """True on the elements that a loss over this batch counts."""
            ...

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same batch with `function` applied to each of its tensors."""

        def apply(value: "Batch | Tensor") -> "Batch | Tensor":
            return value.map(function) if isinstance(value, Batch) else function(value)

        return replace(self, **{field.name: apply(getattr(self, field.name)) for field in fields(self)})

    def rows(self, index: slice | Tensor) -> Self:
        return self.map(lambda tensor: tensor[index])

    def split(self, size: int) -> Iterator[Self]:
        """Consecutive pieces of `size` rows; the last may be smaller."""
        for start in range(0, len(self), size):
            yield self.rows(slice(start, start + size)).trimmed()

    def trimmed(self) -> Self:
        """Without columns that are padding in every row: they cost time and change nothing."""
        return self

    def to(self, device: torch.device) -> Self:
        return self.map(lambda tensor: tensor.to(device))

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


B = TypeVar("B", bound=Batch)


def joined(pieces: Sequence[B]) -> B:
    """The rows of all pieces, which have the same columns."""

    def join(values: list[Any]) -> Any:
        return joined(values) if isinstance(values[0], Batch) else torch.cat(values)

    names = [field.name for field in fields(pieces[0])]
    return replace(pieces[0], **{name: join([getattr(piece, name) for piece in pieces]) for name in names})


@dataclass(frozen=True)
class Tokens(Batch):
    """A padded batch of token sequences."""

    ids: Int[Tensor, "batch time"]
    mask: Bool[Tensor, "batch time"]

    @property
    def lengths(self) -> Int[Tensor, " batch"]:
        return self.mask.sum(dim=1)

    def left_trimmed(self) -> "Tokens":
        return self._keep(slice(self.ids.shape[1] - self._longest(), None))

    def right_trimmed(self) -> "Tokens":
        return self._keep(slice(0, self._longest()))

    def _longest(self) -> int:
        return int(self.lengths.max()) if len(self) else 0

    def _keep(self, columns: slice) -> "Tokens":
        return Tokens(self.ids[:, columns], self.mask[:, columns])

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], pad_id: int, side: str = "right") -> Self:
        """Pad lists of ids to one length on `side` ("left" for prompts, "right" for responses)."""
        longest = max((len(row) for row in rows), default=0)
        ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.bool)
        for index, row in enumerate(rows):
            columns = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
            ids[index, columns] = torch.tensor(row, dtype=torch.long)
            mask[index, columns] = True
        return cls(ids, mask)


@dataclass(frozen=True)
class LanguageBatch(Batch):
    """Text to imitate. Pretraining: the prompt is the first token of a packed window."""

    prompts: Tokens
    responses: Tokens
    loss_mask: Bool[Tensor, "batch response"]  # pyright: ignore[reportIncompatibleMethodOverride]

    def trimmed(self) -> "LanguageBatch":
        responses = self.responses.right_trimmed()
        return LanguageBatch(
            self.prompts.left_trimmed(), responses, self.loss_mask[:, : responses.ids.shape[1]]
        )


@dataclass(frozen=True)
class CandidateBatch(Batch):
    """K answers to each prompt; what was said of them is in the types below."""

    prompts: Tokens
    ids: Int[Tensor, "batch candidate response"]
    mask: Bool[Tensor, "batch candidate response"]

    @property
    def loss_mask(self) -> Bool[Tensor, " batch"]:
        return torch.ones_like(self.ids[:, 0, 0], dtype=torch.bool)

    @property
    def candidates(self) -> int:
        return self.ids.shape[1]

    def flat(self) -> tuple[Tokens, Tokens]:
        """Prompts and answers with one row an answer, candidates of a prompt side by side."""
        prompts = self.prompts.map(lambda tensor: tensor.repeat_interleave(self.candidates, dim=0))
        return prompts, Tokens(self.ids.flatten(0, 1), self.mask.flatten(0, 1))

    def trimmed(self) -> Self:
        longest = int(self.mask.sum(dim=2).max())
        return replace(
            self,
            prompts=self.prompts.left_trimmed(),
            ids=self.ids[:, :, :longest],
            mask=self.mask[:, :, :longest],
        )


@dataclass(frozen=True)
class PreferenceBatch(CandidateBatch):
    """How people voted between the candidates."""

    votes: Float[Tensor, "batch candidate"]  # rows sum to 1: a click is one-hot, a tie is even


@dataclass(frozen=True)
class RankingBatch(CandidateBatch):
    """How people ordered the candidates, each person's whole ranking."""

    rankings: Int[Tensor, "batch annotator candidate"]  # indices from best to worst
    shares: Float[Tensor, "batch annotator"]  # rows sum to 1; 0 where there are fewer annotators


@dataclass(frozen=True)
class PairsBatch(CandidateBatch):
    """How people voted between pairs of candidates."""

    wins: Float[Tensor, "batch candidate candidate"]  # [b, i, j]: share of b's votes for i over j; sum to 1


@dataclass(frozen=True)
class MarginBatch(PairsBatch):
    """Votes between pairs, and how clear they were."""

    strength: Float[Tensor, "batch candidate candidate"]  # of the votes for i over j, 0..1; 0 if not told


@dataclass(frozen=True)
class RatingBatch(Batch):
    """Single answers, and the numbers that people gave them."""

    prompts: Tokens
    responses: Tokens
    values: Float[Tensor, "batch criterion"]  # 0..1 of the scale; 0 where nothing was said
    given: Bool[Tensor, "batch criterion"]

    @property
    def loss_mask(self) -> Bool[Tensor, "batch criterion"]:
        return self.given

    def flat(self) -> tuple[Tokens, Tokens]:
        return self.prompts, self.responses

    def trimmed(self) -> "RatingBatch":
        return replace(self, prompts=self.prompts.left_trimmed(), responses=self.responses.right_trimmed())


Judged = CandidateBatch | RatingBatch


@dataclass(frozen=True)
class Resampled(Batch):
    """Judgements, and how often each member of an ensemble drew each row for its own training set."""

    judged: Judged
    draws: Float[Tensor, "batch member"]

    @property
    def loss_mask(self) -> Bool[Tensor, "batch ..."]:
        return self.judged.loss_mask

    def trimmed(self) -> "Resampled":
        return Resampled(self.judged.trimmed(), self.draws)


@dataclass(frozen=True)
class Answered(Batch):
    """What the sampling policy wrote, as policy, reference and critic read it; nobody has judged it yet."""

    prompts: Tokens
    responses: Tokens  # includes the end token, when one was written
    logprobs: Float[Tensor, "batch response"]  # log pi_old(token | prefix), nats
    ref_logprobs: Float[
        Tensor, "batch response"
    ]  # log pi_ref(token | prefix), nats; without one, the policy's
    kl: Float[Tensor, "batch response"]  # nats that the token is charged for, by the estimator chosen
    values: Float[Tensor, "batch response"]  # V(prefix before the token); 0 where there is no critic
    ended: Bool[Tensor, " batch"]  # the answer has its own end, it was not cut off

    @property
    def loss_mask(self) -> Bool[Tensor, "batch response"]:
        return self.responses.mask

    def trimmed(self) -> Self:
        responses = self.responses.right_trimmed()
        real = slice(0, responses.ids.shape[1])
        return replace(
            self,
            prompts=self.prompts.left_trimmed(),
            responses=responses,
            logprobs=self.logprobs[:, real],
            ref_logprobs=self.ref_logprobs[:, real],
            kl=self.kl[:, real],
            values=self.values[:, real],
        )

    def judged(self, scores: Float[Tensor, " batch"], parts: Float[Tensor, "batch source"]) -> "Rollout":
        known = {field.name: getattr(self, field.name) for field in fields(Answered)}
        return Rollout(**known, scores=scores.to(self.kl.device), parts=parts.to(self.kl.device))


@dataclass(frozen=True)
class Rollout(Answered):
    """Answers, and how they were judged."""

    scores: Float[Tensor, " batch"]  # the composite reward of the whole answer
    parts: Float[Tensor, "batch source"]  # what each source of reward said, before its weight


@dataclass(frozen=True)
class Experience(Batch):
    """A rollout and the targets computed from it: all that an update of the policy reads."""

    rollout: Rollout
    advantages: Float[Tensor, "batch response"]
    returns: Float[Tensor, "batch response"]

    @property
    def loss_mask(self) -> Bool[Tensor, "batch response"]:
        return self.rollout.loss_mask

    def trimmed(self) -> "Experience":
        rollout = self.rollout.trimmed()
        real = slice(0, rollout.responses.ids.shape[1])
        return Experience(rollout, self.advantages[:, real], self.returns[:, real])
