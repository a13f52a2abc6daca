"""Several runs on one page: which belong together, their curves with mean and spread, their final numbers."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assent.evaluation.curves import (
    COLOURS,
    Values,
    frame,
    kept,
    metric_names,
    points,
    rounded,
    smoothed,
    span_for,
    whole,
)
from assent.evaluation.numbers import finite, number, percent
from assent.evaluation.run_record import RunRecord, StageRecord
from assent.evaluation.verdict import Duel, duels, policies, reward_model
from assent.evaluation.wording import FIRST, curve, policy_number

INK = -1  # the colour of text: a mean over runs that each have a colour of their own


@dataclass(frozen=True)
class Group:
    """Runs whose settings differ in nothing but the seed, by their places in the list of runs."""

    label: str
    places: list[int]


@dataclass(frozen=True)
class Row:
    """One final number: a cell for each run, then mean ± standard deviation for each group."""

    section: str
    label: str
    cells: list[str]
    means: list[str]


def run_labels(records: Sequence[RunRecord]) -> list[str]:
    """Names; with the seed, or else the place, where names are the same."""
    names = [record.name for record in records]
    seeded = [f"{record.name}, seed {record.seed}" for record in records]
    labels = [seed if names.count(name) > 1 else name for name, seed in zip(names, seeded, strict=True)]
    return [
        f"{label} ({place})" if labels.count(label) > 1 else label
        for place, label in enumerate(labels, start=1)
    ]


def groups(records: Sequence[RunRecord], labels: Sequence[str]) -> list[Group]:
    """Runs that differ in their seed alone; when no two do, one group of all runs."""
    found: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        settings = {stage.name: (stage.kind, _without_seed(stage.settings)) for stage in record.stages}
        found.setdefault(json.dumps(settings, sort_keys=True, default=str), []).append(place)
    if max(map(len, found.values()), default=0) < 2:
        return [Group(f"all {len(records)} runs", list(range(len(records))))]
    if len(found) == 1:
        return [Group(f"{len(records)} seeds", list(range(len(records))))]
    return [
        Group(labels[places[0]] + (f" and {len(places) - 1} more" if len(places) > 1 else ""), places)
        for places in found.values()
    ]


def _without_seed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_seed(inner) for key, inner in value.items() if key != "seed"}
    return [_without_seed(inner) for inner in value] if isinstance(value, list | tuple) else value


def differing_settings(records: Sequence[RunRecord]) -> list[tuple[str, list[str]]]:
    """Every setting that is not the same in all runs, with its value in each; seeds included."""
    flat = [
        {path: text for stage in record.stages for path, text in _flat(stage.name, stage.settings)}
        for record in records
    ]
    paths = dict.fromkeys(path for settings in flat for path in settings)
    rows = [(path, [settings.get(path, "") for settings in flat]) for path in paths]
    return [(path, values) for path, values in rows if len(set(values)) > 1]


def _flat(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [found for key, inner in value.items() for found in _flat(f"{path}.{key}", inner)]
    return [(path, value if isinstance(value, str) else json.dumps(value, default=str))]


def mean_and_spread(
    curves: Sequence[Mapping[float, float | None]],
) -> tuple[list[float], Values, Values, Values]:
    """Steps that all curves share, and there the mean, the lowest and the highest; one gap makes a gap."""
    steps = sorted(set.intersection(*(set(values) for values in curves))) if curves else []
    means, lows, highs = [], [], []
    for step in steps:
        real = [value for values in curves if (value := values[step]) is not None]
        complete = len(real) == len(curves)
        means.append(statistics.fmean(real) if complete else None)
        lows.append(min(real) if complete else None)
        highs.append(max(real) if complete else None)
    return steps, means, lows, highs


def overlays(
    records: Sequence[RunRecord], labels: Sequence[str], together: Sequence[Group]
) -> list[tuple[StageRecord, list[dict[str, Any]], list[dict[str, Any]]]]:
    """For each stage name: its charts to show, and those to show on demand."""
    stages: dict[str, StageRecord] = {}
    for record in records:
        for stage in record.stages:
            stages.setdefault(stage.name, stage)
    result = []
    for name, stage in stages.items():
        metrics = [_metrics(record, name) for record in records]
        names = metric_names(row for rows in metrics for row in rows)
        charts = {metric: _overlay(metrics, metric, labels, together) for metric in names}
        first = [chart for metric, chart in charts.items() if metric in FIRST]
        more = [chart for metric, chart in charts.items() if metric not in FIRST]
        if first or more:
            result.append((stage, first, more))
    return result


def _metrics(record: RunRecord, stage: str) -> list[dict[str, Any]]:
    return next((found.metrics for found in record.stages if found.name == stage), [])


def _overlay(
    metrics: Sequence[list[dict[str, Any]]], name: str, labels: Sequence[str], together: Sequence[Group]
) -> dict[str, Any]:
    curves: list[dict[float, float | None]] = []
    for rows in metrics:
        steps, values = points(rows, name)
        curves.append(dict(zip(steps, smoothed(values, span_for(name, len(values))), strict=True)))
    thin, bold, bands = [], [], []
    for place, group in enumerate(together):
        alone = len(together) == 1
        for run in group.places:
            colour = (run if alone else place) % COLOURS
            if curves[run]:
                thin.append(
                    _drawn(labels[run], colour, list(curves[run]), list(curves[run].values()), thin=True)
                )
        present = [curves[run] for run in group.places if curves[run]]
        if len(present) < 2:
            continue
        steps, means, lows, highs = mean_and_spread(present)
        colour = INK if alone else place % COLOURS
        bold.append(_drawn(f"mean of {group.label}", colour, steps, means, thin=False))
        at = kept(means)
        shared = {"colour": colour, "steps": whole(steps[i] for i in at)}
        bands.append({**shared, "low": rounded(lows[i] for i in at), "high": rounded(highs[i] for i in at)})
    return frame(curve(name), thin + bold, bands)


def _drawn(label: str, colour: int, steps: list[float], values: Values, thin: bool) -> dict[str, Any]:
    at = kept(values)
    shown = rounded(values[i] for i in at)
    return {
        "label": label,
        "colour": colour,
        "steps": whole(steps[i] for i in at),
        "raw": None,
        "bold": shown,
        "thin": thin,
    }


def mean_and_deviation(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation (n - 1); no deviation of fewer than two values."""
    if not values:
        return None, None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def final_numbers(records: Sequence[RunRecord], together: Sequence[Group]) -> list[Row]:
    """All final numbers that any of the runs has."""
    tables = [_finals(record) for record in records]
    keys = dict.fromkeys(key for table in tables for key in table)
    return [_row(key, [table.get(key) for table in tables], together) for key in keys]


def _row(key: tuple[str, str, bool], values: Sequence[float | None], together: Sequence[Group]) -> Row:
    section, label, share = key
    shown = percent if share else number
    means = []
    for group in together:
        mean, deviation = mean_and_deviation(
            [value for i in group.places if (value := values[i]) is not None]
        )
        means.append(
            shown(mean)
            + ("" if deviation is None else f" ± {percent(deviation) if share else number(deviation, 2)}")
        )
    return Row(section, label, [shown(value) for value in values], means)


def _finals(record: RunRecord) -> dict[tuple[str, str, bool], float | None]:
    found: dict[tuple[str, str, bool], float | None] = {}
    for duel in duels(record):
        found["Win rate", f"{duel.after} over {duel.before}, by {duel.judge}", True] = duel.win_rate
    for policy, numbers in policies(record).items():
        for key, value in numbers.items():
            words = policy_number(key)
            title = f"{words.title} ({words.unit})" if words.unit else words.title
            found[policy, title, words.share] = finite(value)
    model = reward_model(record)
    for key, label, share in (("accuracy", "Accuracy", True), ("ece", "ECE", False), ("loss", "Loss", False)):
        if finite(model.get(key)) is not None:
            found["Reward model", label, share] = finite(model[key])
    found["Cost", "Time (seconds)", False] = float(sum(stage.seconds for stage in record.stages))
    return found


def headline(records: Sequence[RunRecord], together: Sequence[Group]) -> str:
    """What the runs say together, one sentence a group, about the first run's first comparison."""
    found = [next((duel for duel in duels(record) if duel.win_rate is not None), None) for record in records]
    known = [duel for duel in found if duel is not None]
    if not known:
        return "No result to compare: none of these runs has a finished evaluation."
    first = known[0]
    pair = (first.after, first.before, first.judge)
    sentences = []
    for group in together:
        same = [
            duel for i in group.places if (duel := found[i]) and (duel.after, duel.before, duel.judge) == pair
        ]
        if same:
            name = f"{group.label}: " if len(together) > 1 else ""
            sentences.append(name + _together(same, len(group.places)))
    return f"{' '.join(sentences)} Judged by {first.judge}."


def _together(same: Sequence[Duel], runs: int) -> str:
    mean, deviation = mean_and_deviation([duel.win_rate for duel in same if duel.win_rate is not None])
    spread = "" if deviation is None else f" ± {percent(deviation)}"
    won, lost = (sum(duel.outcome == outcome for duel in same) for outcome in ("won", "lost"))
    clear = f"clearly better in {won} of {len(same)} runs" + (f", clearly worse in {lost}" if lost else "")
    absent = f"; {runs - len(same)} more have no such result" if runs > len(same) else ""
    share = f"{percent(mean)}{spread} of the prompts"
    return f"{same[0].after} wins {share} against {same[0].before}, {clear}{absent}."
