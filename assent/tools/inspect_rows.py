"""Rows, good and bad, and problems, as `assent inspect` shows them on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from assent.data.inspection.facts import FIRST_SHOWN

Facts = Mapping[str, Any]

TEXT_SHOWN = 320  # characters of a text in a row that is shown
STYLES = {3: "red", 2: "yellow", 1: "dim"}  # of a problem's count, by its weight
UNFLAWED = "none found"


def problem_list(found: Sequence[Facts]) -> Iterator[RenderableType]:
    yield title("Problems")
    if not found:
        yield Text(UNFLAWED)
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for problem in found:
        table.add_row(
            Text(f"{problem['count']:,}", style=STYLES[problem["weight"]]), Text(f"{problem['what']}")
        )
        if problem["example"]:
            table.add_row("", Text(problem["example"], style="dim", overflow="fold"))
        table.add_row("", Text(f"-> {problem['do']}", style="dim"))
    yield table


def bad_rows(facts: Facts) -> Iterator[RenderableType]:
    bad = facts["bad_rows"]
    if not bad["count"]:
        return
    shown = len(bad["first"])
    yield title(f"The first {shown} of {bad['count']:,} bad rows" if bad["count"] > shown else "Bad rows")
    for row in bad["first"]:
        yield Text.assemble((row["where"], "bold"), "  ", cut(row["problem"], TEXT_SHOWN))
    if facts["set_aside"]:
        yield Text(f"All of them are in {facts['set_aside']}.")


def sample(rows: Sequence[Facts], whole: int) -> Iterator[RenderableType]:
    drawn = "the first rows" if len(rows) <= FIRST_SHOWN else "the first, and some of all others"
    yield title("All rows" if len(rows) == whole else f"{len(rows)} of {whole:,}: {drawn}")
    for number, row in enumerate(rows):
        if number:
            yield ""
        yield Text(row["where"], style="dim", overflow="fold")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim", min_width=6)
        table.add_column(overflow="fold")
        table.add_row("text" if "labels" in row else "prompt", Text(cut(row["prompt"], TEXT_SHOWN)))
        best = row.get("best", ())
        for index, answer in enumerate(row["answers"]):
            name = f"{index}" if len(row["answers"]) > 1 else "answer"
            mark = "" if index not in best else " best" if len(best) == 1 else " tie"
            table.add_row(name + mark, Text(cut(answer, TEXT_SHOWN)))
        for name in ("ranking", "pairs", "rating", "scale", "criterion", "labels", "annotator"):
            if row.get(name) not in (None, ""):
                table.add_row(name, Text(visible(_plain(name, row[name]))))
        yield table


def _plain(name: str, value: Any) -> str:
    if name == "pairs":
        return ", ".join(_pair(*pair) for pair in value)
    if name == "ranking":
        return " > ".join(map(str, value))
    many = value if isinstance(value, list) else [value]
    return ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in many)


def _pair(left: int, right: int, winner: int | None) -> str:
    return f"{left} = {right}" if winner is None else f"{winner} > {left + right - winner}"


def title(text: str) -> RenderableType:
    """A line with a name in it, and an empty one above."""
    return Group("", Rule(Text(text, style="bold"), align="left", style="dim"))


def grid_of_two() -> Table:
    """Names on the left, what is told of them on the right."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim", min_width=12)
    table.add_column(overflow="fold")
    return table


def cut(text: str, most: int) -> str:
    seen = visible(text)
    return seen if len(seen) <= most else f"{seen[:most]} ... ({len(text):,} characters)"


def visible(text: str) -> str:
    """One line: ends of lines as a sign, and whatever else a terminal would act on as another."""
    return "".join("↵ " if c == "\n" else " " if c == "\t" else c if c.isprintable() else "�" for c in text)
