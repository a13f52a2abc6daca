"""What `assent inspect` counted, on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from assent.tools.inspect_rows import bad_rows, cut, grid_of_two, problem_list, sample, title, visible

Facts = Mapping[str, Any]

EXAMPLE_SHOWN = 100
BAR = 24  # characters of the longest bar of a histogram
LABELS_SHOWN = 12


def view(facts: Facts) -> Iterator[RenderableType]:
    """The page, part by part."""
    yield from _head(facts)
    yield title("Lengths")
    yield _lengths(facts)
    if facts["comparisons"]:
        yield from _comparisons(facts["comparisons"])
    if facts["ratings"]:
        yield from _ratings(facts["ratings"])
    if facts["labelled"]:
        yield from _labels(facts["labelled"])
    if facts["against"]:
        yield from _against(facts["against"])
    yield from problem_list(facts["problems"])
    yield from bad_rows(facts)
    if facts["sample"]:
        yield from sample(facts["sample"], sum(facts["records"].values()))


def _head(facts: Facts) -> Iterator[RenderableType]:
    yield title("What is there")
    grid = grid_of_two()
    grid.add_row("in", _joined(list(facts["files"])))
    bad = facts["bad_rows"]["count"]
    told = f"{facts['rows']:,} in {_joined(facts['containers'])}" + (
        f", and {bad:,} that cannot be read" if bad else ""
    )
    barren = facts["barren_rows"]
    grid.add_row("rows", told + (f"; {barren:,} hold no record" if barren else ""))
    grid.add_row("records", ", ".join(f"{count:,} {noun}" for noun, count in facts["records"].items()))
    grid.add_row("format", ", ".join(_of(facts["formats"], facts["records"])))
    grid.add_row("columns", ", ".join(_of(facts["columns"], facts["rows"])))
    grid.add_row("texts" if facts["labelled"] else "prompts", f"{facts['prompts']:,} different")
    scripts = [f"{name} {_percent(share)}" for name, share in facts["scripts"].items()]
    grid.add_row("scripts", ", ".join(scripts))
    yield grid


def _of(counts: Mapping[str, int], whole: Any) -> list[str]:
    """Names, with their counts where they are not those of all."""
    total = whole if isinstance(whole, int) else sum(whole.values())
    return [name if count == total else f"{name} ({count:,})" for name, count in counts.items()]


def _lengths(facts: Facts) -> RenderableType:
    table = Table("", "", *("least", "median", "95%", "most"), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns[2:]:
        column.justify = "right"
    for which, units in facts["lengths"].items():
        for position, (unit, found) in enumerate(units.items()):
            numbers = [f"{found[key]:,.0f}" for key in ("min", "median", "p95", "max")]
            name = "texts" if facts["labelled"] and which == "prompt" else f"{which}s"
            table.add_row(name if not position else "", unit, *numbers)
    return table


def _comparisons(facts: Facts) -> Iterator[RenderableType]:
    yield title("Comparisons")
    grid = grid_of_two()
    spread = facts["judgements_an_item"]
    grid.add_row("items", f"{facts['items']:,}, judged {_spread(spread, 'time', 'times')}")
    grid.add_row("answers an item", _spread(facts["candidates"], "", "", facts["judgements"]))
    for position in facts["positions"]:
        name = "first wins" if len(facts["positions"]) == 1 else f"first of {position['candidates']} wins"
        grid.add_row(name, _share(position["first"]))
        if position["candidates"] > 2:
            grid.add_row("wins by place", ", ".join(f"{count:,}" for count in position["wins"]))
    if not facts["positions"] and not facts["pairs"]:
        grid.add_row("first wins", "not known: the format keeps the chosen answer first")
    if facts["pairs"]:
        pairs = facts["pairs"]
        grid.add_row(
            "pairs",
            f"{pairs['first'] + pairs['second']:,} decided, "
            f"{pairs['ties']:,} {'tie' if pairs['ties'] == 1 else 'ties'}",
        )
        grid.add_row("first of a pair wins", _share(pairs["first_wins"]))
    grid.add_row("longer wins", _share(facts["longer_wins"]))
    if not facts["pairs"]:
        grid.add_row("ties", f"{facts['ties']:,} of {facts['judgements']:,} judgements")
    if set(facts["criteria"]) != {""}:
        grid.add_row("criteria", _counts(facts["criteria"], "none named"))
    _add_annotators(grid, facts)
    if facts["strength"]:
        grid.add_row("strength", _quantiles(facts["strength"], ".2f", facts["judgements"]))
    if facts["seconds"]:
        fast = facts["too_fast"]["count"]
        told = _quantiles(facts["seconds"], ".1f", facts["judgements"])
        grid.add_row("seconds", f"{told}; {fast:,} too fast to have read" if fast else told)
    if facts["agreement"]["percent"]["units"]:
        opposed = facts["disagreements"]["count"]
        grid.add_row("opposed", f"{opposed:,} items, of which two annotators say the opposite")
    _add_agreement(grid, facts["agreement"])
    yield grid


def _add_annotators(grid: Table, facts: Facts) -> None:
    named = facts["by_annotator"]
    told = [f"{name} {count:,}" for name, count in named.items()]
    if facts["annotators"] > len(named):
        told.append(f"and {facts['annotators'] - len(named):,} more")
    if facts["unnamed"]:
        told.append(f"nobody named: {facts['unnamed']:,}" if named else "nobody is named")
    grid.add_row("annotators", (f"{facts['annotators']:,}: " if named else "") + ", ".join(told))
    if facts["by_models"]:
        grid.add_row("by", f"people {facts['by_people']:,}, models {facts['by_models']:,}")


def _add_agreement(grid: Table, facts: Facts) -> None:
    if facts["percent"]["value"] is None:
        grid.add_row("agreement", f"not known: {facts['percent']['why']}")
        return
    whose = f"{facts['among']}" if facts["named"] else "nobody is named, so each row counts as another person"
    units = facts["percent"]["units"]
    grid.add_row("agreement", f"on what was judged twice or more, {units:,} times ({whose})")
    for name, found in _coefficients(facts):
        grid.add_row(f"  {name}", found)
    if "models" in facts:
        alpha = facts["models"]["alpha"]
        grid.add_row("  models", f"alpha {_estimate(alpha)}")
    between = facts.get("people_with_models")
    if between:
        grid.add_row("  with models", f"{_percent(between['percent'])} on {between['units']:,}")


def _coefficients(facts: Facts) -> Iterator[tuple[str, str]]:
    percent, alpha = facts["percent"], facts["alpha"]
    yield "the same said", _estimate(percent, percent=True)
    yield "Krippendorff", f"{_estimate(alpha)} ({alpha['level']} alpha)"
    cohen, fleiss = facts.get("cohen_kappa"), facts.get("fleiss_kappa")
    if cohen:
        yield "Cohen", f"{_estimate(cohen)} (kappa of {' and '.join(cohen['between'])})"
    if fleiss and fleiss["value"] is not None:
        yield "Fleiss", f"{_estimate(fleiss)} (kappa)"


def _ratings(facts: Facts) -> Iterator[RenderableType]:
    yield title("Ratings")
    grid = grid_of_two()
    _add_annotators(grid, facts)
    yield grid
    for name, criterion in facts["criteria"].items():
        scales = " and ".join(f"{low:g} to {high:g}" for low, high in criterion["scales"])
        inner = grid_of_two()
        inner.add_row(name or "rating", f"{criterion['ratings']:,}, of {criterion['answers']:,} answers")
        mean = "" if criterion["mean"] is None else f"; mean {criterion['mean']:.2f}"  # of one scale
        inner.add_row("scale", scales + mean)
        _add_bars(inner, [(_bar_name(bar), bar["count"]) for bar in criterion["histogram"]])
        _add_agreement(inner, criterion["agreement"])
        yield inner


def _labels(facts: Facts) -> Iterator[RenderableType]:
    yield title("Labels")
    grid = grid_of_two()
    grid.add_row("texts", f"{facts['texts']:,}, with {_spread(facts['labels_a_text'], 'label', 'labels')}")
    labels = list(facts["labels"].items())
    _add_bars(grid, labels[:LABELS_SHOWN])
    if len(labels) > LABELS_SHOWN:
        grid.add_row("", f"and {len(labels) - LABELS_SHOWN:,} more labels")
    yield grid


def _add_bars(grid: Table, bars: Sequence[tuple[str, float]]) -> None:
    most, total = max(count for _, count in bars), sum(count for _, count in bars)
    for name, count in bars:
        drawn = "█" * max(1 if count else 0, round(BAR * count / most))
        grid.add_row(f"  {visible(name)}", f"{drawn:<{BAR}} {count:,} ({_percent(count / total)})")


def _bar_name(bar: Facts) -> str:
    return f"{bar['from']:g}" if bar["from"] == bar["to"] else f"{bar['from']:.3g} to {bar['to']:.3g}"


def _against(others: Sequence[Facts]) -> Iterator[RenderableType]:
    yield title("Prompts shared with other files")
    grid = grid_of_two()
    for other in others:
        unread = f"; {other['unread']:,} rows of it cannot be read" if other["unread"] else ""
        shared = (
            f"{other['shared']:,} of its {other['prompts']:,} prompts, in {other['rows']:,} rows here{unread}"
        )
        grid.add_row(other["file"], shared)
        if other["text"]:
            grid.add_row("  the first", Text(cut(other["text"], EXAMPLE_SHOWN)))
    yield grid


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names)


def _share(share: Facts | None) -> str:
    if share is None:
        return "none was decided"
    low, high = _percent(share["low"]), _percent(share["high"])
    return f"{_percent(share['share'])} of {share['of']:,}, [{low}, {high}]"


def _estimate(found: Facts, percent: bool = False) -> str:
    if found["value"] is None:
        return f"undefined: {found['why']}"
    said = _percent if percent else "{:.2f}".format
    between = "" if found["low"] is None else f", [{said(found['low'])}, {said(found['high'])}]"
    return said(found["value"]) + between


def _spread(counts: Mapping[Any, int], one: str, many: str, whole: int | None = None) -> str:
    """`1 time (300), 3 times (50)`; without counts where all are alike."""
    total = whole or sum(counts.values())
    named = [(f"{n} {one if n == 1 else many}".strip(), count) for n, count in counts.items()]
    return ", ".join(name if count == total else f"{name} ({count:,})" for name, count in named)


def _counts(counts: Mapping[str, int], nameless: str) -> str:
    return ", ".join(f"{name or nameless} {count:,}" for name, count in counts.items())


def _quantiles(found: Facts, spec: str, whole: int) -> str:
    known = "" if found["count"] == whole else f", of {found['count']:,}"
    return (
        f"median {found['median']:{spec}}, 95% up to {found['p95']:{spec}}, most {found['max']:{spec}}{known}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
