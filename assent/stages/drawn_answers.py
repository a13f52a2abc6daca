"""The answers that a policy writes to the prompts of an evaluation, and the best of several."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from assent.batch import Tokens
from assent.errors import Interrupted
from assent.models.language_model import LanguageModel
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.reward import Reward
from assent.stages.common import check_lengths
from assent.stages.workspace import Workspace
from assent.training.checkpoint import generator_of

STOPPED = "stopped before the evaluation was complete; run the same command to begin it again"


@dataclass(frozen=True)
class Written:
    """What one policy wrote: texts, their lengths in tokens, whether they ended, their drift in nats."""

    texts: list[str]
    lengths: list[int]
    ended: list[bool]
    kl: list[float] | None


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn: the same for every policy."""

    sampling: Sampling
    batch: int
    seed: int


def same_tokens(one: Tokenizer, other: Tokenizer) -> bool:
    """Whether both cut texts into one alphabet of tokens, without which there is no KL between them."""
    return one.inner.get_vocab() == other.inner.get_vocab()


def drawn(
    how: Drawing,
    player: tuple[LanguageModel, Tokenizer],
    asked: Sequence[Prompt],
    sets: int,
    reference: LanguageModel | None,
    work: Workspace,
    name: str,
) -> list[Written]:
    """`sets` sets of answers to all prompts; `name` is whose answers the progress bar says they are."""
    check_lengths(asked, how.sampling, *player, work.name)
    held_against = reference if sets == 1 else None  # a best-of-n has no distribution of its own
    notes = [f"prompts, {name}" + (f" ({draw + 1} of {sets})" if sets > 1 else "") for draw in range(sets)]
    return [_write(how, player, asked, draw, held_against, work, note) for draw, note in enumerate(notes)]


def _write(
    how: Drawing,
    player: tuple[LanguageModel, Tokenizer],
    asked: Sequence[Prompt],
    draw: int,
    reference: LanguageModel | None,
    work: Workspace,
    note: str,
) -> Written:
    model, tokenizer = player
    pieces: list[Written] = []
    for start in range(0, len(asked), how.batch):
        if work.stop():
            raise Interrupted(STOPPED)
        tokens = tokenizer.prompts(asked[start : start + how.batch])[0].to(model.device)
        generator = generator_of(how.seed, "evaluate", draw, start)
        answers = sample(model, tokens, how.sampling, tokenizer.end_id, generator)
        heat = how.sampling.temperature
        kl = _kl(model, reference, tokens, answers.responses, heat) if reference else None
        texts = tokenizer.texts(answers.responses)
        pieces.append(Written(texts, answers.responses.lengths.tolist(), answers.ended.tolist(), kl))
        work.progress(min(len(asked), start + how.batch), len(asked), note)
    return Written(
        [text for piece in pieces for text in piece.texts],
        [length for piece in pieces for length in piece.lengths],
        [ended for piece in pieces for ended in piece.ended],
        [kl for piece in pieces for kl in piece.kl or []] if reference else None,
    )


@torch.no_grad()
def _kl(
    model: LanguageModel, reference: LanguageModel, prompts: Tokens, responses: Tokens, temperature: float
) -> list[float]:
    """Nats an answer between a policy and the reference, estimated from the answers drawn (k1)."""
    heat = temperature or 1.0
    ours, theirs = (m.logprobs(prompts, responses, heat)[0] for m in (model, reference))
    return (ours - theirs).where(responses.mask, 0.0).sum(dim=1).tolist()


def best(draws: Sequence[Written], asked: Sequence[str], score: Reward | None) -> Written:
    """For each prompt, the answer of the draw that scores highest."""
    if len(draws) == 1 or score is None:
        return draws[0]
    winners = np.stack([score(asked, draw.texts) for draw in draws]).argmax(axis=0)
    rows = list(enumerate(winners.tolist()))
    return Written(
        [draws[winner].texts[row] for row, winner in rows],
        [draws[winner].lengths[row] for row, winner in rows],
        [draws[winner].ended[row] for row, winner in rows],
        None,
    )
