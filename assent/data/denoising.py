"""What an encoder-decoder is pretrained on: texts with spans left out, or cut in two. arXiv:1910.10683."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assent.batch import LanguageBatch
from assent.data.batching import Documents, Example, Windows, language_batch
from assent.errors import UserError
from assent.models.tokenizer import Tokenizer

NOISE = 0.15  # share of the tokens that is left out: section 3.1.4
MEAN_SPAN = 3.0  # tokens: section 3.3.4

Objective = Literal["span_corruption", "prefix"]


@dataclass(frozen=True)
class Denoising:
    """Rows of a corpus, each made anew into something to read and something to write at every step.

    What a row becomes is a function of (seed, step, row): resuming needs no state.
    """

    rows: Windows | Documents
    objective: Objective
    tokenizer: Tokenizer
    seed: int
    suffix_share: float = 0.5

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: Sequence[int], step: int) -> LanguageBatch:
        """The encoder reads the prompts; the loss is on every token of the responses."""
        examples = [self._example(index, step) for index in indices]
        return language_batch(examples, self.tokenizer.pad_id)

    def _example(self, index: int, step: int) -> Example:
        chance = np.random.default_rng([self.seed, step, index])
        ids = self.rows.row(index)
        if self.objective == "prefix":
            split = prefix_split(ids, chance, self.suffix_share)
            return Example(self.tokenizer.read_ids(split.prompt), split.response)
        ended = ids[-1] == self.tokenizer.end_id
        text = ids[:-1] if ended and len(ids) > 2 else ids
        spans = span_corruption(text, self.tokenizer.sentinels, chance)
        return Example(self.tokenizer.read_ids(spans.prompt), [*spans.response, self.tokenizer.end_id])


def prefix_split(ids: Sequence[int], chance: np.random.Generator, suffix_share: float = 0.5) -> Example:
    """The beginning to read, the rest to write: a share of `suffix_share` of the ids on average, at most 1/2.

    Every length of the rest up to twice that share is as likely. With 1/2 the text is cut between any two
    tokens alike, as in arXiv:1910.10683; arXiv:2205.05131 leaves 1/4 to be written.
    """
    longest = min(max(round(2 * suffix_share * len(ids)) - 1, 1), len(ids) - 1)
    at = len(ids) - int(chance.integers(1, longest + 1))
    return Example(list(ids[:at]), list(ids[at:]))


def span_corruption(ids: Sequence[int], sentinels: Sequence[int], chance: np.random.Generator) -> Example:
    """Spans drawn as `span_lengths` does, left out as `leave_out` does."""
    return leave_out(ids, *span_lengths(len(ids), chance), sentinels)


def leave_out(
    ids: Sequence[int], kept: Sequence[int], left_out: Sequence[int], sentinels: Sequence[int]
) -> Example:
    """Read `ids` with a sentinel in place of each span left out; write each sentinel and its span: figure 2.

    A last sentinel closes what is written.
    """
    read: list[int] = []
    write: list[int] = []
    at = 0
    for sentinel, keep, leave in zip(sentinels, kept, left_out, strict=False):
        read += [*ids[at : at + keep], sentinel]
        write += [sentinel, *ids[at + keep : at + keep + leave]]
        at += keep + leave
    return Example(read, [*write, sentinels[len(left_out)]])


def span_lengths(length: int, chance: np.random.Generator) -> tuple[list[int], list[int]]:
    """(lengths of the stretches that are kept, lengths of the spans left out after each); all at least 1.

    As the authors' own `random_spans_noise_mask` (google-research/text-to-text-transfer-transformer).
    """
    noise = min(max(round(length * NOISE), 1), length - 1)
    spans = min(max(round(noise / MEAN_SPAN), 1), length - noise)
    return _segments(length - noise, spans, chance), _segments(noise, spans, chance)


def most_spans(length: int) -> int:
    """How many spans are left out of so many tokens."""
    return len(span_lengths(length, np.random.default_rng(0))[1])


def _segments(total: int, count: int, chance: np.random.Generator) -> list[int]:
    """`count` lengths of at least 1 that add up to `total`, every such list as likely."""
    inner = np.sort(chance.choice(total - 1, count - 1, replace=False)) + 1
    return np.diff([0, *inner, total]).tolist()


def check_sentinels(tokenizer: Tokenizer, context: int, where: str) -> None:
    """Raises UserError where `span_corruption` of `context` tokens needs sentinels that are not there."""
    have, need = len(tokenizer.sentinels), most_spans(context) + 1
    if not have:
        raise UserError(
            f"{where}: objective span_corruption: the tokenizer has no sentinels <extra_id_0>, <extra_id_1> "
            "...: use objective: prefix"
        )
    if have < need:
        raise UserError(
            f"{where}: objective span_corruption: context {context} needs {need} sentinels and the tokenizer "
            f"has {have}: lower context"
        )
