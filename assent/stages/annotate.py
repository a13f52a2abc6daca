"""People's judgements, or a model's: wait until there are enough, then freeze them for training to read."""

import glob
from collections.abc import Mapping, Sequence

from pydantic import Field

from assent.config import DataFile, PythonFunction, Settings
from assent.data.files.jsonl import write_jsonl
from assent.data.sources import candidates, comparison_row, comparisons
from assent.errors import UserError, Waiting
from assent.records import Candidates, Comparison
from assent.rewards.function import function
from assent.rewards.judge_settings import ComparingJudge
from assent.stages import forecasting
from assent.stages.ai_feedback import ai_feedback
from assent.stages.workspace import Forecast, Workspace

VERSION = 1
RESULT = "judgements.jsonl"
TRAINS_ON = ("candidates", "judgements")
EXPORTS = True  # judgements go on coming: the key of what this makes is the hash of its bytes


class Config(Settings):
    """Settings of `stage: annotate`."""

    candidates: DataFile
    want: int = Field(default=500, ge=1)  # items whose `overlap` judgements are complete
    overlap: int = Field(default=1, ge=1)  # judgements an item
    judgements: DataFile | None = None  # made elsewhere: JSON lines; the file may not be there yet
    panel: PythonFunction | None = None  # simulated people: `(items, seed) -> comparisons`
    judge: ComparingJudge | None = None  # AI feedback: a model compares, as `ai:<model>`
    seed: int = Field(default=0, ge=0)


def run(config: Config, work: Workspace) -> None:
    _check_one_source(config, work.name)
    items = candidates(config.candidates)
    judged = _judged(config, items, work)
    complete = sum(count >= config.overlap for count in judgements_by_item(judged).values())
    work.progress(min(complete, config.want), config.want, "comparisons")
    if complete < config.want:
        raise Waiting(_missing(config, complete, len(items)))
    write_jsonl(work.folder / RESULT, (comparison_row(comparison) for comparison in judged))


def _check_one_source(config: Config, where: str) -> None:
    if config.panel and config.judgements:
        raise UserError(
            f"{where}: give panel or judgements, not both: people and simulated people do not mix"
        )
    if config.judge and (config.panel or config.judgements):
        other = "panel" if config.panel else "judgements"
        raise UserError(
            f"{where}: give judge or {other}, not both: people's judgements and a model's do not mix. Make "
            "an annotate stage of each; they meet where a later stage names both files"
        )


def _judged(config: Config, items: Sequence[Candidates], work: Workspace) -> list[Comparison]:
    if config.judge is None:
        return _panel(config, items[: config.want]) if config.panel else _made_elsewhere(config, work.name)
    if len(items) < config.want:  # said before anything is paid for
        raise UserError(
            f"{work.name}: want {config.want}, and there are only {len(items)} candidates to judge in "
            f"{config.candidates}: lower want, or sample more"
        )
    return ai_feedback(config.judge, items[: config.want], config.overlap, work)


def judgements_by_item(judged: Sequence[Comparison]) -> dict[tuple[str, tuple[str, ...]], int]:
    """How often each item was judged; an item is its name, or its prompt, with its candidates."""
    counts: dict[tuple[str, tuple[str, ...]], int] = {}
    for comparison in judged:
        key = (comparison.item or comparison.prompt.text, tuple(sorted(comparison.candidates)))
        counts[key] = counts.get(key, 0) + 1
    return counts


def _panel(config: Config, items: Sequence[Candidates]) -> list[Comparison]:
    assert config.panel is not None
    judge = function(config.panel)
    return list(judge([(item.prompt.id, item.prompt.text, item.texts) for item in items], config.seed))


def _made_elsewhere(config: Config, where: str) -> list[Comparison]:
    if config.judgements is None:
        raise Waiting(
            f"0 of {config.want} comparisons answered: {where} names neither judgements nor a panel. Judge "
            f"{config.candidates} and give the file as {where}.judgements"
        )
    return comparisons(config.judgements) if glob.glob(config.judgements, recursive=True) else []


def _missing(config: Config, complete: int, items: int) -> str:
    answered = f"{complete} of {config.want} comparisons answered"
    if items < config.want:
        return f"{answered}; there are only {items} candidates to judge in {config.candidates}"
    return f"{answered}; more belong in {config.judgements}" if config.judgements else answered


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:  # noqa: ARG001 - people are not forecast
    return forecasting.with_rows(
        Forecast(), config.want * config.overlap, config.want * config.overlap * 1000.0
    )
