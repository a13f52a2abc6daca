"""Judgements of every kind to batches: rankings, pairs and ratings beside the votes of `batching`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from assent.batch import Judged, MarginBatch, PairsBatch, RankingBatch, RatingBatch, Resampled
from assent.data.batching import Item, preference_batch
from assent.data.stream import Stream
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison, Prompt, Rating


@dataclass(frozen=True)
class RatedItem:
    """One answer, and the mean of what people gave it, as 0..1 of the scale, by criterion."""

    prompt: Prompt
    response: str
    values: Mapping[str, float]


def merge_ratings(ratings: Sequence[Rating]) -> list[RatedItem]:
    """One item an answer. Every answer weighs the same, however many people rated it."""
    firsts: dict[tuple[str, str], Prompt] = {}
    given: dict[tuple[str, str], dict[str, list[float]]] = {}
    for rating in ratings:
        key = rating.prompt.text, rating.response
        firsts.setdefault(key, rating.prompt)
        given.setdefault(key, {}).setdefault(rating.criterion, []).append(on_unit_scale(rating))
    return [
        RatedItem(firsts[key], key[1], {name: sum(found) / len(found) for name, found in values.items()})
        for key, values in given.items()
    ]


def on_unit_scale(rating: Rating) -> float:
    lowest, highest = rating.scale
    return (rating.value - lowest) / (highest - lowest)


def rating_batch(
    items: Sequence[RatedItem], criteria: Sequence[str], tokenizer: Tokenizer, max_response_tokens: int | None
) -> RatingBatch:
    """A column a criterion; where an item says nothing of one, it is masked out."""
    prompts, _ = tokenizer.prompts([item.prompt for item in items])
    responses, _ = tokenizer.responses([item.response for item in items], max_response_tokens)
    values = torch.tensor([[item.values.get(name, 0.0) for name in criteria] for item in items])
    given = torch.tensor([[name in item.values for name in criteria] for item in items])
    return RatingBatch(prompts, responses, values, given)


def ranking_batch(
    items: Sequence[Item], tokenizer: Tokenizer, max_response_tokens: int | None
) -> RankingBatch:
    """Items of one K, each of whose judgements ranks all its candidates."""
    seen = preference_batch(items, tokenizer, max_response_tokens)
    most = max(len(item.said) for item in items)
    shares = torch.zeros(len(items), most)
    rankings = torch.arange(seen.candidates).repeat(len(items), most, 1)
    for row, item in enumerate(items):
        shares[row, : len(item.said)] = 1 / len(item.said)
        rankings[row, : len(item.said)] = torch.tensor([ranking_of(said) for said in item.said])
    return RankingBatch(seen.prompts, seen.ids, seen.mask, rankings, shares)


def ranking_of(said: Comparison) -> tuple[int, ...]:
    """The order of all candidates from best to worst; () where the judgement does not tell it.

    A choice between two is a ranking of two.
    """
    if said.ranking or len(said.candidates) > 2 or said.choice is None:
        return said.ranking
    return said.choice, 1 - said.choice


def pairs_batch(items: Sequence[Item], tokenizer: Tokenizer, max_response_tokens: int | None) -> PairsBatch:
    """Items of one K. Every judgement counts alike, and within it every pair."""
    seen = preference_batch(items, tokenizer, max_response_tokens)
    return PairsBatch(seen.prompts, seen.ids, seen.mask, torch.stack([wins_of(item) for item in items]))


def margin_batch(items: Sequence[Item], tokenizer: Tokenizer, max_response_tokens: int | None) -> MarginBatch:
    """The same, with the mean strength of the votes on either side of a pair."""
    seen = pairs_batch(items, tokenizer, max_response_tokens)
    strength = torch.stack([strength_of(item) for item in items])
    return MarginBatch(seen.prompts, seen.ids, seen.mask, seen.wins, strength)


def wins_of(item: Item) -> Float[Tensor, "candidate candidate"]:
    """[i, j]: the share of all votes between pairs that put i over j; a tie is half a vote either way."""
    return sum((_wins(said) for said in item.said), torch.zeros(())) / len(item.said)


def strength_of(item: Item) -> Float[Tensor, "candidate candidate"]:
    """[i, j]: how strong the votes for i over j were on average; who told no strength counts as 0."""
    won = sum((_wins(said, ties=False) for said in item.said), torch.zeros(()))
    told = sum((_wins(said, ties=False) * (said.strength or 0.0) for said in item.said), torch.zeros(()))
    return told / won.clamp(min=1e-12)


def _wins(said: Comparison, ties: bool = True) -> Float[Tensor, "candidate candidate"]:
    count, pairs = len(said.candidates), said.pairwise
    wins = torch.zeros(count, count)
    for left, right, winner in pairs:
        if winner is not None:
            wins[winner, right if winner == left else left] += 1 / len(pairs)
        elif ties:
            wins[left, right] += 0.5 / len(pairs)
            wins[right, left] += 0.5 / len(pairs)
    return wins


@dataclass(frozen=True)
class Groups:
    """Which rows each step sees when the rows of a step must be of one group, such as one K.

    With one group it is its `Stream`. With several, an epoch shows every row once: each group is shuffled
    and cut into batches, the last of which may be smaller, and the batches of all groups are shuffled.
    Like a stream it is a pure function of the step, so resuming needs no state.

    Args:
        groups: of each row.
        batch: rows a step, over all ranks. Every rank gets a row: a batch of fewer rows than ranks repeats.
    """

    groups: tuple[int, ...]
    batch: int
    seed: int
    rank: int = 0
    ranks: int = 1

    @property
    def one(self) -> bool:
        """All rows are of one group."""
        return len(set(self.groups)) == 1

    @property
    def steps_an_epoch(self) -> int:
        """Where there are several groups; of one, a batch may reach over an epoch's end."""
        return len(_epoch(self.groups, self.batch, self.seed, 0))

    def step(self, step: int) -> list[int]:
        """The row numbers of this rank's share of a step."""
        if self.one:
            return Stream(len(self.groups), self.batch, self.seed, self.rank, self.ranks).step(step)
        epoch, offset = divmod(step, self.steps_an_epoch)
        rows = _epoch(self.groups, self.batch, self.seed, epoch)[offset]
        whole = [rows[index % len(rows)] for index in range(max(len(rows), self.ranks))]
        return whole[self.rank :: self.ranks]


@lru_cache(maxsize=4)
def _epoch(groups: tuple[int, ...], batch: int, seed: int, epoch: int) -> list[list[int]]:
    """The batches of an epoch, in their order."""
    random = np.random.default_rng([seed, epoch])
    batches = []
    for group in sorted(set(groups)):
        rows = random.permutation([row for row, of in enumerate(groups) if of == group]).tolist()
        batches += [rows[start : start + batch] for start in range(0, len(rows), batch)]
    return [batches[index] for index in random.permutation(len(batches))]


def draws_of(rows: int, members: int, seed: int) -> Int[np.ndarray, "rows member"]:
    """How often each member draws each row, for a training set of its own as large as the whole.

    The bootstrap: Efron 1979, Annals of Statistics 7.
    """
    generators = [np.random.default_rng([seed, member, 11]) for member in range(members)]
    drawn = [np.bincount(random.integers(0, rows, rows), minlength=rows) for random in generators]
    return np.stack(drawn, axis=1)


def resampled(judged: Judged, draws: Int[np.ndarray, "rows member"], rows: Sequence[int]) -> Resampled:
    """The batch of `rows`, with what each member drew of them."""
    return Resampled(judged, torch.from_numpy(draws[list(rows)]).float())
