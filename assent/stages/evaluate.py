"""Side by side: what each policy writes to prompts that nobody trained on, and who wins."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import Field

from assent.config import DataFile, ModelSource, PythonFunction, Settings
from assent.data.files.jsonl import write_jsonl
from assent.data.sources import prompts
from assent.errors import UserError
from assent.evaluation.compare import Answers, comparisons, every_pair, summarise
from assent.models.language_model import LanguageModel
from assent.models.load import load
from assent.models.sampler import Sampling
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt, in_full
from assent.rewards.composite import Part, judge, normalised
from assent.rewards.function import reward_function
from assent.rewards.reward import Reward, Uncertain, checked
from assent.stages import forecasting, references, safety
from assent.stages.drawn_answers import Drawing, Written, best, drawn, same_tokens
from assent.stages.judgement_facts import tell_repeats
from assent.stages.reference_figures import against
from assent.stages.reference_surprise import Surprises, read_references
from assent.stages.references import Held, References, people_wrote
from assent.stages.reward_parts import RewardPart, load_parts, short_name
from assent.stages.safety import Player, Suite, read_suites, run_suites
from assent.stages.starting_model import StartingModel
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel

VERSION = 1
RESULT = "evaluation.json"
HELD_OUT = ("prompts", "suites.prompts")
SCORE = "score"  # the weighted sum of `rewards`, beside the judges


class Entry(StartingModel):
    """A policy that is more than its model: a name of its own, or the best of several answers."""

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
    references: References | None = None  # what people wrote to the same prompts
    suites: tuple[Suite, ...] = ()  # sets with a check of their own: helpful, truthful, harmless
    sampling: Sampling = Sampling()
    batch: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)


def run(config: Config, work: Workspace) -> None:
    entries = _entries(config, work)
    pairs = _pairs(config, list(entries), work.name)
    asked = prompts(config.prompts)
    tell_repeats(asked, config.prompts, work.name, work.warn)
    texts = [prompt.text for prompt in asked]
    held = people_wrote(config.references, config.prompts, asked, work) if config.references else None
    parts = load_parts(config.rewards, work)
    suites = read_suites(config.suites, work)
    draws, read = _drawn(config, entries, asked, held, work)
    parts = _normalised(config, parts, texts, next(iter(draws.values()))[0].texts)
    score = _scorer(parts) if parts else None
    written = {name: best(draw, texts, score) for name, draw in draws.items()}
    judges: dict[str, Reward] = {j.name: reward_function(j.function) for j in config.judges}
    compared = [*judges, *_names_of(parts, config.judges, work.name)]
    policies = {name: _judged(answers, texts, judges, parts) for name, answers in written.items()}
    result: dict[str, Any] = {
        "policies": {name: summarise(answers) for name, answers in policies.items()},
        "comparisons": comparisons(policies, compared, pairs),
        "judges": {name: _says(judge) for name, judge in judges.items()},
    }
    rows = _side_by_side(texts, policies)
    if held is not None:
        found = against(held, policies, read, SCORE, work)
        found.added_to(result["policies"], rows, held)
        result["references"] = found.facts
    if suites:
        players = {name: Player(partial(_loaded, entry), entry.best_of) for name, entry in entries.items()}
        how = Drawing(config.sampling, config.batch, config.seed)
        result["safety"] = run_suites(suites, players, how, score, work)
    write_jsonl(work.folder / "answers.jsonl", rows)
    (work.folder / RESULT).write_text(json.dumps(result, indent=2), encoding="utf-8")


def _drawn(
    config: Config, entries: Mapping[str, Entry], asked: Sequence[Prompt], held: Held | None, work: Workspace
) -> tuple[dict[str, list[Written]], dict[str, Surprises]]:
    """(Each policy's answers, as many sets as its `best_of`, and how surprised it is by references)."""
    how = Drawing(config.sampling, config.batch, config.seed)
    reference, its_tokens = _loaded(next(iter(entries.values())))
    draws, read = {}, {}
    for name, entry in entries.items():
        player = _loaded(entry)
        near = reference if same_tokens(player[1], its_tokens) else None
        draws[name] = drawn(how, player, asked, entry.best_of, near, work, name)
        if held is not None and "perplexity" in held.metrics and entry.best_of == 1:
            read[name] = read_references(held, *player, config.batch, work)
    return draws, read


def _loaded(entry: Entry) -> tuple[LanguageModel, Tokenizer]:
    model, tokenizer = load(entry.readable, template=entry.template)
    model.to(parallel.device()).eval()
    return model, tokenizer


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


def _says(judge: Reward) -> str:
    """What a judge's function says of itself: the first paragraph of its docstring, for the report."""
    return " ".join((judge.__doc__ or "").partition("\n\n")[0].split())


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


def _side_by_side(asked: Sequence[str], policies: Mapping[str, Answers]) -> list[dict[str, Any]]:
    return [
        {
            "prompt": in_full(prompt),
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
    if config.references:
        plain = [entry.model for entry in entries if entry.best_of == 1]
        parts.append(references.forecast(config.references, rows, plain, config.batch, inputs))
    policies = [(entry.model, entry.best_of) for entry in entries]
    parts += safety.forecast(config.suites, policies, config.sampling, config.batch, inputs)
    return replace(forecasting.total(parts), rows=rows, disk_bytes=rows * len(entries) * 500.0)
