"""Side by side: what each policy writes to prompts that nobody trained on, and who wins."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from pydantic import Field

from assent.batch import Tokens
from assent.config import DataFile, ModelSource, PythonFunction, Settings
from assent.data.jsonl import write_jsonl
from assent.data.sources import prompts
from assent.errors import Interrupted, UserError
from assent.evaluation.compare import Answers, comparisons, every_pair, summarise
from assent.models.language_model import LanguageModel
from assent.models.load import load
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.composite import Part, judge, normalised
from assent.rewards.function import reward_function
from assent.rewards.reward import Reward, Uncertain, checked
from assent.stages import forecasting
from assent.stages.common import check_lengths
from assent.stages.reward_parts import RewardPart, load_parts, short_name
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import generator_of

VERSION = 1
RESULT = "evaluation.json"
HELD_OUT = ("prompts",)
SCORE = "score"  # the weighted sum of `rewards`, beside the judges


class Entry(Settings):
    """A policy that is more than its model: a name of its own, or the best of several answers."""

    model: ModelSource
    name: str | None = None
    best_of: int = Field(default=1, ge=1)  # answers drawn; the one that `rewards` scores highest counts


class Judge(Settings):
    """Somebody who looks at the answers but was not trained on: `(prompts, responses) -> scores`."""

    name: str
    function: PythonFunction


class Config(Settings):
    """Settings of `stage: evaluate`."""

    policies: list[ModelSource | Entry] = Field(
        min_length=1
    )  # the first is the one that others are held against
    prompts: DataFile
    rewards: tuple[RewardPart, ...] = ()
    judges: tuple[Judge, ...] = ()
    compare: list[tuple[str, str]] | None = None  # names (a, b): how often a beats b; default: every pair
    sampling: Sampling = Sampling()
    batch: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Written:
    """What one policy wrote: texts, their lengths in tokens, whether they ended, their drift in nats."""

    texts: list[str]
    lengths: list[int]
    ended: list[bool]
    kl: list[float] | None


def run(config: Config, work: Workspace) -> None:
    entries = _entries(config, work)
    pairs = _pairs(config, list(entries), work.name)
    asked = prompts(config.prompts)
    texts = [prompt.text for prompt in asked]
    reference, _ = load(
        config.policies[0] if isinstance(config.policies[0], str) else config.policies[0].model
    )
    reference.to(parallel.device()).eval()
    parts = load_parts(config.rewards, work)
    draws = {name: _draw(config, entry, asked, reference, work) for name, entry in entries.items()}
    parts = _normalised(config, parts, texts, next(iter(draws.values()))[0].texts)
    score = _scorer(parts) if parts else None
    written = {name: _best(draw, texts, score) for name, draw in draws.items()}
    judges: dict[str, Reward] = {j.name: reward_function(j.function) for j in config.judges}
    compared = [*judges, *_names_of(parts, config.judges, work.name)]
    policies = {name: _judged(answers, texts, judges, parts) for name, answers in written.items()}
    result = {
        "policies": {name: summarise(answers) for name, answers in policies.items()},
        "comparisons": comparisons(policies, compared, pairs),
    }
    write_jsonl(work.folder / "answers.jsonl", _side_by_side(texts, policies))
    (work.folder / RESULT).write_text(json.dumps(result, indent=2), encoding="utf-8")


def _entries(config: Config, work: Workspace) -> dict[str, Entry]:
    """Policies by name: that of their stage, unless the recipe gives one."""
    entries: dict[str, Entry] = {}
    for given in config.policies:
        entry = given if isinstance(given, Entry) else Entry(model=given)
        plain = work.names.get(entry.model) or short_name(entry.model)
        name = entry.name or (plain if entry.best_of == 1 else f"best_of_{entry.best_of}")
        if name in entries:
            raise UserError(f"{work.name}: two policies are called {name}: give one a `name`")
        if entry.best_of > 1 and not config.rewards:
            raise UserError(f"{work.name}: {name}: best_of needs `rewards` to tell which answer is best")
        entries[name] = entry
    return entries


def _pairs(config: Config, policies: list[str], where: str) -> list[tuple[str, str]]:
    for name in (name for pair in config.compare or () for name in pair):
        if name not in policies:
            raise UserError(f"{where}: compare: no policy is called {name}: expected {', '.join(policies)}")
    return every_pair(policies) if config.compare is None else config.compare


def _draw(
    config: Config, entry: Entry, asked: Sequence[Prompt], reference: LanguageModel, work: Workspace
) -> list[Written]:
    """`best_of` sets of answers to all prompts."""
    model, tokenizer = load(entry.model)
    model.to(parallel.device()).eval()
    check_lengths(asked, config.sampling, model, tokenizer, work.name)
    held_against = reference if entry.best_of == 1 else None  # a best-of-n has no distribution of its own
    return [
        _write(config, model, tokenizer, asked, draw, held_against, work) for draw in range(entry.best_of)
    ]


def _write(
    config: Config,
    model: LanguageModel,
    tokenizer: Tokenizer,
    asked: Sequence[Prompt],
    draw: int,
    reference: LanguageModel | None,
    work: Workspace,
) -> Written:
    pieces: list[Written] = []
    for start in range(0, len(asked), config.batch):
        if work.stop():
            raise Interrupted(
                "stopped before the evaluation was complete; run the same command to begin it again"
            )
        tokens = tokenizer.prompts(asked[start : start + config.batch])[0].to(model.device)
        generator = generator_of(config.seed, "evaluate", draw, start)
        drawn = sample(model, tokens, config.sampling, tokenizer.end_id, generator)
        kl = (
            _kl(model, reference, tokens, drawn.responses, config.sampling.temperature) if reference else None
        )
        texts = tokenizer.texts(drawn.responses)
        pieces.append(Written(texts, drawn.responses.lengths.tolist(), drawn.ended.tolist(), kl))
        work.progress(min(len(asked), start + config.batch), len(asked), "prompts")
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


def _normalised(
    config: Config, parts: Sequence[Part], asked: Sequence[str], first: Sequence[str]
) -> list[Part]:
    """Learned rewards in standard deviations of the first policy's answers, so that their size tells."""
    return [
        normalised(part, part.raw(asked, first)) if settings.normalises else part
        for part, settings in zip(parts, config.rewards, strict=True)
    ]


def _scorer(parts: Sequence[Part]) -> Reward:
    return lambda asked, texts: judge(parts, asked, texts).scores.tolist()


def _best(draws: Sequence[Written], asked: Sequence[str], score: Reward | None) -> Written:
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


def _names_of(parts: Sequence[Part], judges: Sequence[Judge], where: str) -> list[str]:
    """What the rewards' numbers are called: their sum, and where there are several each of them."""
    names = [SCORE, *(part.name for part in parts)] if len(parts) > 1 else [SCORE] * len(parts)
    taken = [name for name in names if name in {given.name for given in judges}]
    if taken:
        raise UserError(f"{where}: a judge and a reward are both called {taken[0]}: give one another `name`")
    return names


def _judged(
    written: Written, asked: Sequence[str], judges: Mapping[str, Reward], parts: Sequence[Part]
) -> Answers:
    """The scores of judges, of rewards and their sum, and how far the members of an ensemble disagree."""
    scores = {name: checked(name, says(asked, written.texts), len(asked)) for name, says in judges.items()}
    if parts:
        whole = judge(parts, asked, written.texts)
        scores[SCORE] = whole.scores.tolist()
        for part, column in zip(parts, whole.parts.T.tolist(), strict=True):
            scores |= {part.name: column} if len(parts) > 1 else {}
            if isinstance(part.reward, Uncertain):
                scores[f"spread of {part.name}"] = part.reward.spread(asked, written.texts)
    return Answers(written.texts, written.lengths, written.ended, written.kl, scores)


def _side_by_side(asked: Sequence[str], policies: Mapping[str, Answers]) -> list[dict[str, object]]:
    return [
        {
            "prompt": prompt,
            "answers": {
                name: {
                    "text": answers.texts[row],
                    "scores": {judge: scores[row] for judge, scores in answers.scores.items()},
                    "length": answers.lengths[row],
                    "ended": answers.ended[row],
                }
                for name, answers in policies.items()
            },
        }
        for row, prompt in enumerate(asked)
    ]


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    entries = [given if isinstance(given, Entry) else Entry(model=given) for given in config.policies]
    rows = forecasting.rows(config.prompts, inputs)
    parts = [
        forecasting.answering(
            rows * entry.best_of, config.batch, config.sampling, forecasting.model(entry.model, inputs)
        )
        for entry in entries
    ]
    return replace(forecasting.total(parts), rows=rows, disk_bytes=rows * len(entries) * 500.0)
