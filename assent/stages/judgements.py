"""Judgements as rows to learn from: what the `reward` stage and `algorithm: dpo` share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import Field

from assent.batch import PreferenceBatch
from assent.config import DataFile
from assent.data.batching import Item, merge_votes, preference_batch
from assent.data.stream import Stream, held_out
from assent.errors import UserError
from assent.models.heads import Trunk
from assent.models.load import LoRA
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison, Prompt, Rating, apart_by
from assent.stages.common import Training
from assent.stages.starting_model import StartingModel
from assent.training import parallel


class OnJudgements(StartingModel, Training):
    """Settings of a training on what people said of answers."""

    lora: LoRA | None = None  # None: all weights learn
    max_response_tokens: int | None = Field(default=None, ge=2)  # longer answers are cut, and lose their end
    held_out: float = Field(default=0.15, ge=0, lt=1)  # share of the prompts


class FromJudgements(OnJudgements):
    """Settings of a training on what people preferred."""

    preferences: DataFile


@dataclass(frozen=True)
class Split:
    """Judgements, split by prompt: no prompt stands on both sides."""

    train: list[Item]
    unseen: list[Comparison]


def kept_apart(judged: Sequence[Comparison | Rating], share: float, seed: int) -> list[bool]:
    """For each judgement, whether it is held out: those of some prompts are, or of some answers."""
    return held_out(apart_by(judged), share, seed)


def split_by_prompt(judged: Sequence[Comparison], share: float, seed: int) -> Split:
    out = kept_apart(judged, share, seed)
    train = [comparison for comparison, is_out in zip(judged, out, strict=True) if not is_out]
    return Split(merge_votes(train), [c for c, is_out in zip(judged, out, strict=True) if is_out])


def one_vote(comparison: Comparison) -> Item:
    """One person's judgement as an item of its own; a tie gives everyone an equal share."""
    count = len(comparison.candidates)
    tie = comparison.choice is None
    votes = tuple(1 / count if tie else float(k == comparison.choice) for k in range(count))
    return Item(comparison.prompt, comparison.candidates, votes, 1)


def check_judgements(
    judged: Sequence[Comparison],
    config: FromJudgements,
    model: Trunk,
    tokenizer: Tokenizer,
    where: str,
) -> dict[str, float]:
    """How many texts had to be cut, told only where it happened.

    Raises:
        UserError: items differ in their number of candidates, or are longer than the model can read.
    """
    counts = sorted({len(comparison.candidates) for comparison in judged})
    if len(counts) != 1:
        raise UserError(f"{where}: items have {counts} candidates; give one number of candidates a file")
    texts = [(comparison.prompt, comparison.candidates) for comparison in judged]
    return check_lengths(texts, config.preferences, config, model, tokenizer, where)


def check_lengths(
    texts: Iterable[tuple[Prompt, Sequence[str]]],
    source: str,
    config: OnJudgements,
    model: Trunk,
    tokenizer: Tokenizer,
    where: str,
) -> dict[str, float]:
    """How many texts had to be cut, told only where it happened.

    Raises:
        UserError: a prompt and an answer are longer than the model can read.
    """
    longest, prompts_cut, responses_cut = 0, 0, 0
    for prompt_text, candidates in texts:
        prompt, prompt_cut = tokenizer.prompt_ids(prompt_text)
        answers = [tokenizer.response_ids(text, config.max_response_tokens) for text in candidates]
        longest = max(longest, len(prompt) + max(len(ids) for ids, _ in answers))
        prompts_cut += prompt_cut
        responses_cut += sum(was_cut for _, was_cut in answers)
    if model.context is not None and longest > model.context:
        raise UserError(
            f"{where}: the longest prompt and answer of {source} have {longest} tokens, and the "
            f"model can read {model.context}: lower max_response_tokens, or leave the longest items out"
        )
    told = {"prompts_cut": float(prompts_cut), "responses_cut": float(responses_cut)}
    return {name: count for name, count in told.items() if count}


def batches_of(
    config: FromJudgements, items: Sequence[Item], tokenizer: Tokenizer
) -> Callable[[int], PreferenceBatch]:
    """What each step learns from."""
    stream = Stream(len(items), config.batch, config.seed, parallel.rank(), parallel.ranks())

    def batch(step: int) -> PreferenceBatch:
        rows = [items[row] for row in stream.step(step)]
        return preference_batch(rows, tokenizer, config.max_response_tokens)

    return batch


def unseen_batches(
    config: FromJudgements, unseen: Sequence[Comparison], tokenizer: Tokenizer
) -> list[PreferenceBatch]:
    """Single judgements on prompts that nothing is learned from, ties left out."""
    items = [one_vote(comparison) for comparison in unseen if comparison.choice is not None]
    starts = range(0, len(items), config.micro_batch)
    chunks = [items[start : start + config.micro_batch] for start in starts]
    return [preference_batch(chunk, tokenizer, config.max_response_tokens) for chunk in chunks]
