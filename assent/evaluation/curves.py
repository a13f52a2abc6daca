"""Rows of metrics -> charts: which numbers share a frame, smoothed, and thinned to what a screen can show."""

from collections.abc import Iterable, Sequence
from typing import Any

from assent.evaluation.numbers import finite
from assent.evaluation.run_record import StageRecord
from assent.evaluation.wording import COMPANIONS, FIRST, Wording, curve

Values = list[float | None]
POINTS = 600  # more than this many are thinned, since a chart is about as many pixels wide
COLOURS = 6
ROW = 3  # charts side by side on a wide page
GUARD = "guard_"  # of what a policy's guard saw; one chart for all of it
GUARDED, JUDGED = "guard_proxy", "guard_judge/"


def smoothed(values: Sequence[float | None], span: int) -> Values:
    """Exponentially weighted average of both sides: `sum_i d^|t-i| x_i / sum_i d^|t-i|`.

    The decay is `d = 1 - 2 / (span + 1)`. A one-sided average would lag above every
    falling loss. A gap stays a gap and leaves no trace.
    """
    decay = 1 - 2 / (span + 1)
    real = [value for value in values if value is not None]
    before, after = _decayed(real, decay), _decayed(real[::-1], decay)[::-1]
    averages = iter(
        (total + total_after - value) / (weight + weight_after - 1)
        for value, (total, weight), (total_after, weight_after) in zip(real, before, after, strict=True)
    )
    return [None if value is None else next(averages) for value in values]


def _decayed(values: Sequence[float], decay: float) -> list[tuple[float, float]]:
    """Running sums of the values so far, and of their weights."""
    total = weight = 0.0
    sums = []
    for value in values:
        total, weight = decay * total + value, decay * weight + 1
        sums.append((total, weight))
    return sums


def span_for(name: str, count: int) -> int:
    """A thirtieth of the curve on either side; short curves and schedules are not smoothed at all."""
    return max(2, count // 30) if count >= 30 and not curve(name).exact else 1


def kept(values: Sequence[float | None], limit: int = POINTS) -> list[int]:
    """Positions to draw: of each bucket its lowest, its highest and its first gap, so no spike is lost."""
    if len(values) <= limit:
        return list(range(len(values)))
    buckets = limit // 2
    positions = {0, len(values) - 1}
    for bucket in range(buckets):
        inside = range(bucket * len(values) // buckets, (bucket + 1) * len(values) // buckets)
        real = [(value, at) for at in inside if (value := values[at]) is not None]
        if real:
            positions |= {min(real)[1], max(real)[1]}
        if len(real) < len(inside):
            positions.add(next(at for at in inside if values[at] is None))
    return sorted(positions)


def points(metrics: Iterable[dict[str, Any]], name: str) -> tuple[list[float], Values]:
    """Steps and values of one metric: a row without it is no point, a row with NaN or None is a gap."""
    rows = [
        (step, row[name]) for row in metrics if name in row and (step := finite(row.get("step"))) is not None
    ]
    rows.sort(key=lambda row: row[0])
    return [step for step, _ in rows], [finite(value) for _, value in rows]


def metric_names(metrics: Iterable[dict[str, Any]]) -> list[str]:
    """The metrics that hold at least one number: in the order of importance, then by name."""
    names = {name for row in metrics for name, value in row.items() if finite(value) is not None} - {"step"}
    order = {name: place for place, name in enumerate(FIRST)}

    def place(name: str) -> tuple[int, str]:
        return order.get(frame_of(name), len(order)), COMPANIONS.get(name, "") + name

    return sorted(names, key=place)


def frame_of(name: str) -> str:
    """The chart that a metric is drawn in."""
    return "reward/" if name.startswith("reward/") else COMPANIONS.get(name, name)


def rounded(values: Iterable[float | None]) -> Values:
    """Six significant digits: beyond what a chart shows, and a third of the bytes."""
    return [None if value is None else float(f"{value:.6g}") for value in values]


def whole(steps: Iterable[float]) -> list[int | float]:
    """Steps without a needless `.0`, which would be a tenth of the page."""
    return [int(step) if step.is_integer() else step for step in steps]


def line(label: str, colour: int, steps: list[float], values: Values, span: int) -> dict[str, Any]:
    """One series as the page's script reads it: `raw` thin, `bold` smoothed; unsmoothed, `bold` alone."""
    positions = kept(values)
    average = smoothed(values, span) if span > 1 else values
    return {
        "label": label,
        "colour": colour % COLOURS,
        "steps": whole(steps[at] for at in positions),
        "raw": rounded(values[at] for at in positions) if span > 1 else None,
        "bold": rounded(average[at] for at in positions),
    }


def frame(
    words: Wording, series: list[dict[str, Any]], bands: Iterable[dict[str, Any]] = ()
) -> dict[str, Any]:
    """One chart as the page's script reads it."""
    return {
        "title": words.title,
        "unit": words.unit,
        "hint": words.hint,
        "share": words.share,
        "series": series,
        "bands": list(bands),
    }


def stage_charts(stage: StageRecord) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The charts of one stage: those to show, and those to show on demand."""
    frames: dict[str, list[str]] = {}
    for name in metric_names(stage.metrics):
        if not name.startswith(GUARD):
            frames.setdefault(frame_of(name), []).append(name)
    first, more = [], []
    for key, names in frames.items():
        series = []
        for place, name in enumerate(names):
            steps, values = points(stage.metrics, name)
            series.append(line(_label(name, len(names)), place, steps, values, span_for(name, len(values))))
        words = curve(key if key in names or key == "reward/" else names[0])
        (first if key in FIRST else more).append(frame(words, series))
    first[ROW - 1 : ROW - 1] = guard_charts(stage.metrics)
    filling = max(0, ROW - len(first))
    return first + more[:filling], more[filling:]


def guard_charts(metrics: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a policy's guard saw: reward and judges against the square root of the KL, as arXiv:2210.10760.

    It begins at 0, before training. Without a reference there is no KL, and the steps stand for it.
    """
    looks = [row for row in metrics if finite(row.get(GUARDED)) is not None]
    if not looks:
        return []
    measured = all(finite(row.get("guard_sqrt_kl")) is not None for row in looks)
    across = [float(row["guard_sqrt_kl"] if measured else row["step"] + 1) for row in looks]
    order = sorted(range(len(looks)), key=across.__getitem__)
    steps = [0.0, *(across[place] for place in order)]

    def values(name: str) -> Values:
        return [0.0, *(finite(looks[place].get(name)) for place in order)]

    series, bands = [], []
    for colour, name in enumerate([GUARDED, *(key for key in looks[0] if key.startswith(JUDGED))]):
        label = name.removeprefix(JUDGED) if name != GUARDED else "reward"
        series.append(line(label, colour, steps, values(name), 1))
        ends = {end: rounded(values(name.replace(GUARD, f"{GUARD}{end}_", 1))) for end in ("low", "high")}
        bands.append({"colour": colour % COLOURS, "steps": whole(steps), **ends})
    what = {"across": "sqrt(KL)" if measured else "step", "band": "95% interval"}
    return [frame(curve("guard"), series, bands) | what]


def _label(name: str, together: int) -> str:
    if name.startswith("reward/"):
        return name.removeprefix("reward/")
    if together > 1:
        return "held out" if name in COMPANIONS else "training"
    return ""
