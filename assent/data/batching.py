"""Records to batches: encode, cut, pad, pack, and merge what several people said of one item."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from assent.batch import LanguageBatch, PreferenceBatch, Tokens
from assent.errors import UserError
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison, Demonstration, Prompt


@dataclass(frozen=True)
class Example:
    """One encoded demonstration."""

    prompt: list[int]
    response: list[int]


@dataclass(frozen=True)
class Cut:
    """How many texts were longer than their limit, told to the user and never silent."""

    prompts: int
    responses: int


def encode_demonstrations(
    rows: Sequence[Demonstration], tokenizer: Tokenizer, max_response_tokens: int | None
) -> tuple[list[Example], Cut]:
    examples, prompts_cut, responses_cut = [], 0, 0
    for row in rows:
        prompt, prompt_cut = tokenizer.prompt_ids(row.prompt)
        response, response_cut = tokenizer.response_ids(row.response, max_response_tokens)
        examples.append(Example(prompt, response))
        prompts_cut += prompt_cut
        responses_cut += response_cut
    return examples, Cut(prompts_cut, responses_cut)


def language_batch(examples: Iterable[Example], pad_id: int) -> LanguageBatch:
    """Loss on every response token, the end token among them, and on no prompt token.

    Rows are ordered by length, so that micro-batches cut from the batch hold little padding.
    """
    ordered = sorted(examples, key=lambda example: len(example.prompt) + len(example.response))
    responses = Tokens.of([example.response for example in ordered], pad_id)
    prompts = Tokens.of([example.prompt for example in ordered], pad_id, side="left")
    return LanguageBatch(prompts, responses, responses.mask)


@dataclass(frozen=True)
class Windows:
    """A corpus as one row of tokens, read in windows of `context` tokens."""

    ids: np.ndarray  # uint32, all documents end to end
    context: int

    def __len__(self) -> int:
        return max(1, -(-(len(self.ids) - 1) // (self.context - 1)))

    def row(self, index: int) -> list[int]:
        """The tokens of a window; it shares one with the window before."""
        start = index * (self.context - 1)
        return self.ids[start : start + self.context].tolist()

    def batch(self, indices: Sequence[int], pad_id: int) -> LanguageBatch:
        """The first token of a window is its prompt, the others are predicted."""
        rows = [self.row(index) for index in indices]
        responses = Tokens.of([row[1:] for row in rows], pad_id)
        return LanguageBatch(Tokens.of([row[:1] for row in rows], pad_id), responses, responses.mask)


@dataclass(frozen=True)
class Documents:
    """A corpus of short texts, one a row: none is read after another, and each begins at position 0."""

    ids: list[list[int]]  # each at least two tokens, its end token among them
    context: int

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, index: int) -> list[int]:
        """The tokens of a document, no more than `context` of them."""
        return self.ids[index][: self.context]

    def batch(self, indices: Sequence[int], pad_id: int) -> LanguageBatch:
        """The first token of a document is its prompt, the others are predicted."""
        rows = [self.row(index) for index in indices]
        return language_batch([Example(row[:1], row[1:]) for row in rows], pad_id)


def one_a_row(documents: Sequence[str], tokenizer: Tokenizer, context: int) -> tuple[Documents, int]:
    """(the documents, how many are longer than `context` and lose their end)."""
    if not documents:
        raise UserError("no text to train on: the files hold no document")
    ids = [tokenizer.document_ids(text) for text in documents]
    return Documents(ids, context), sum(len(row) > context for row in ids)


def pack(documents: Sequence[str], tokenizer: Tokenizer, context: int) -> Windows:
    """Documents end to end, each closed by the end token."""
    if not documents:
        raise UserError("no text to train on: the files hold no document")
    ids = np.concatenate([np.asarray(tokenizer.document_ids(text), dtype=np.uint32) for text in documents])
    if len(ids) < 2:
        raise UserError("too little text to train on: a single token")
    return Windows(ids, context)


@dataclass(frozen=True, slots=True)  # a million of them fit
class Item:
    """One prompt with its candidates, and the votes of everyone who judged it; `votes` sum to 1."""

    prompt: Prompt
    candidates: tuple[str, ...]
    votes: tuple[float, ...]
    judgements: int
    said: tuple[Comparison, ...] = ()  # each judgement whole, its candidates in this item's order


def merge_votes(comparisons: Sequence[Comparison]) -> list[Item]:
    """One item a set of candidates, whatever the order in which each person saw them.

    Judgements belong together when they share their item's name (or, without one, their prompt) and the
    same candidates. A tie gives each candidate an equal share. Every item weighs the same, however many
    people judged it.
    """
    judged: dict[tuple[str, tuple[str, ...]], list[Comparison]] = {}
    for comparison in map(in_order, comparisons):
        key = comparison.item or comparison.prompt.text, comparison.candidates
        judged.setdefault(key, []).append(comparison)
    return [item_of(said) for said in judged.values()]


def item_of(said: Sequence[Comparison]) -> Item:
    """Judgements of the same candidates, in the same order, as one item."""
    count = len(said[0].candidates)
    best = [judgement.best for judgement in said]
    tally = [sum((k in shared) / len(shared) for shared in best) for k in range(count)]
    return Item(
        said[0].prompt, said[0].candidates, tuple(vote / len(said) for vote in tally), len(said), tuple(said)
    )


def in_order(comparison: Comparison) -> Comparison:
    """The same judgement with its candidates in alphabetical order, so that those of one item align."""
    order = sorted(range(len(comparison.candidates)), key=comparison.candidates.__getitem__)
    if order == list(range(len(order))):
        return comparison
    place: dict[int | None, Any] = {k: position for position, k in enumerate(order)} | {None: None}
    shown = comparison.shown_order
    return replace(
        comparison,
        candidates=tuple([comparison.candidates[k] for k in order]),
        choice=place[comparison.choice],
        ranking=tuple([place[k] for k in comparison.ranking]),
        pairs=tuple([(place[left], place[right], place[winner]) for left, right, winner in comparison.pairs]),
        shown_order=tuple([shown[k] for k in order]) if len(shown) == len(order) else shown,
    )


def preference_batch(
    items: Sequence[Item], tokenizer: Tokenizer, max_response_tokens: int | None
) -> PreferenceBatch:
    """Items of one K. Candidates are padded to the longest of all."""
    count = len(items[0].candidates)
    prompts, _ = tokenizer.prompts([item.prompt for item in items])
    texts = [text for item in items for text in item.candidates]
    answers, _ = tokenizer.responses(texts, max_response_tokens)
    shape = (len(items), count, answers.ids.shape[1])
    votes = torch.tensor([item.votes for item in items])
    return PreferenceBatch(prompts, answers.ids.view(shape), answers.mask.view(shape), votes)
