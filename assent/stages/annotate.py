"""People's judgements, or a model's: wait until there are enough, then freeze them for training to read."""

from collections.abc import Mapping, Sequence

from assent.data.files.jsonl import write_jsonl
from assent.data.sources import candidates, comparison_row
from assent.errors import UserError, Waiting
from assent.feedback.asked import Asked
from assent.records import Candidates, Comparison
from assent.rewards.function import function
from assent.rewards.judge_settings import ComparingJudge
from assent.stages import forecasting
from assent.stages.ai_feedback import ai_feedback
from assent.stages.from_files import judged_elsewhere, of_others
from assent.stages.from_people import freeze
from assent.stages.workspace import Forecast, Workspace

VERSION = 1
RESULT = "judgements.jsonl"
TRAINS_ON = ("candidates", "judgements")
EXPORTS = True  # judgements go on coming: the key of what this makes is the hash of its bytes


class Config(Asked):
    """Settings of `stage: annotate`. Without judgements, panel and judge, people answer in the app."""

    judge: ComparingJudge | None = None  # AI feedback: a model compares, as `ai:<model>`


def run(config: Config, work: Workspace) -> None:
    _check_one_source(config, work.name)
    if not (config.judgements or config.panel or config.judge):
        freeze(config, work, RESULT)
        return
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
    if config.project and (config.panel or config.judgements or config.judge):
        raise UserError(
            f"{where}: project says how people are asked in the app, and the judgements come from elsewhere: "
            "remove it, or remove panel, judge and judgements"
        )
    if config.judge and (config.panel or config.judgements):
        other = "panel" if config.panel else "judgements"
        raise UserError(
            f"{where}: give judge or {other}, not both: people's judgements and a model's do not mix. Make "
            "an annotate stage of each; they meet where a later stage names both files"
        )


def _judged(config: Config, items: Sequence[Candidates], work: Workspace) -> list[Comparison]:
    if config.panel:
        return _panel(config, items[: config.want])
    if config.judgements:
        judged = judged_elsewhere(config.judgements)
        if others := of_others(judged, items):
            work.warn(
                f"{work.name}: {others} of {len(judged)} judgements in {config.judgements} are of other "
                f"prompts or answers than those in {config.candidates}: they count all the same"
            )
        return judged
    assert config.judge is not None
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


def _missing(config: Config, complete: int, items: int) -> str:
    answered = f"{complete} of {config.want} comparisons answered"
    if items < config.want:
        return f"{answered}; there are only {items} candidates to judge in {config.candidates}"
    return f"{answered}; more belong in {config.judgements}" if config.judgements else answered


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:  # noqa: ARG001 - people are not forecast
    judgements = config.want * config.wanted_overlap
    return forecasting.with_rows(Forecast(), judgements, judgements * 1000.0)
