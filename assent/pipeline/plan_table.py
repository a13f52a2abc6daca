"""A plan as a table for people."""

from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assent import config
from assent.config import DataFile
from assent.data.files.containers import count_rows
from assent.data.files.hub import HubSet
from assent.data.files.streams import HUB
from assent.data.sources import candidates, prompts
from assent.errors import UserError
from assent.feedback.asked import Asked
from assent.pipeline.estimate import Estimate, estimate
from assent.pipeline.files import read_json
from assent.pipeline.outline import reference
from assent.pipeline.plan import Plan, Step
from assent.pipeline.sources import as_written
from assent.pipeline.stage_folder import STAGE
from assent.pipeline.state import StageState
from assent.pipeline.units import human_bytes, human_seconds

NARROW = 120  # columns of a terminal below which a table has the most needful only
COMPACT: dict[str, Any] = {"box": box.SIMPLE, "pad_edge": False, "padding": (0, 1, 0, 0)}
_CHANGES_SHOWN = 3
_COLUMNS = ("stage", "kind", "key", "state", "steps", "epochs", "time", "memory", "disk", "note")
_WIDE = ("key", "epochs")  # shown where there is room for them


def plan_table(drawn: Plan, last: dict[str, StageState], narrow: bool = False) -> Table:
    """A plan: one row a stage, what is left to do below.

    Args:
        last: the last run of the folder, if any.
        narrow: leave out the keys and the passes over the data, and most lines, to fit into 80 columns.
    """
    estimates = {step.name: estimate(step.forecast) for step in drawn.steps}
    rows = [_plan_row(drawn, step, estimates[step.name], last.get(step.name)) for step in drawn.steps]
    noted = any(row[-1] for row in rows)
    shown = [name for name in _COLUMNS if not narrow or (name not in _WIDE and (noted or name != "note"))]
    table = Table(
        *shown, title=f"{drawn.recipe.name}: plan", title_justify="left", show_footer=True,
        caption=_caption(drawn), caption_justify="left", **(COMPACT if narrow else {}),
    )  # fmt: skip
    for row in rows:
        table.add_row(*(cell for name, cell in zip(_COLUMNS, row, strict=True) if name in shown))
    left = [estimates[step.name] for step in drawn.steps if step.state != "done"]
    to_do = [step for step in drawn.steps if step.state != "done"]
    more = "> " if any(step.unsized for step in to_do) else ""  # what is shown as ? comes on top
    later = "> " if more or any(map(_rows_unknown, to_do)) else ""
    footers = {
        "stage": f"{len(left)} of {len(drawn.steps)} to do",
        "time": later + human_seconds(sum(one.seconds for one in left)),
        "memory": more + human_bytes(max((one.memory_bytes for one in left), default=0.0)),
        "disk": more + human_bytes(sum(one.disk_bytes for one in left)),
    }
    for column in table.columns:
        column.footer = footers.get(str(column.header), "")
        column.no_wrap = column.header != "note"
    return table


def _caption(drawn: Plan) -> Text | None:
    """What is not known yet, and why."""
    said: list[str] = []
    unsized = dict.fromkeys(name for step in drawn.steps for name in step.unsized)
    if unsized:
        said.append(
            f"models not on this machine yet: {', '.join(unsized)}. A ? stands where their size decides"
        )
    if drawn.unchecked:
        said.append(
            f"not fetched yet: {', '.join(drawn.unchecked)}. `assent run` fetches first, and looks whether "
            "held-out prompts are trained on; a ? stands where the number of rows decides"
        )
    return Text("\n".join(said)) if said else None  # no markup: slices of sets stand in brackets


def _rows_unknown(step: Step) -> bool:
    """Whether a stage's work hangs on the rows of a set that is not fetched yet."""
    if step.forecast.steps is not None:
        return step.forecast.steps == 0
    named = (source for _, source in config.sources(step.settings) if isinstance(source, DataFile))
    return any(source.startswith(HUB) and HubSet.of(source).folder is None for source in named)


def _plan_row(drawn: Plan, step: Step, cost: Estimate, last: StageState | None) -> list[str]:
    forecast = step.forecast
    return [
        step.name,
        step.kind,
        step.key or "",
        step.state,
        "" if forecast.steps is None else f"{forecast.steps or '?'}",
        "" if forecast.epochs is None else f"{forecast.epochs:.3g}",
        "?" if step.unsized or _rows_unknown(step) else human_seconds(cost.seconds),
        "?" if step.unsized else human_bytes(cost.memory_bytes),
        "?" if step.unsized else human_bytes(cost.disk_bytes),
        escape("; ".join(filter(None, (_change(drawn, step, last), _too_few(drawn, step))))),
    ]


def _too_few(drawn: Plan, step: Step) -> str:
    """That an annotate stage would wait for ever, as far as the files that are there tell."""
    asked = step.settings
    if step.state == "done" or not isinstance(asked, Asked):
        return ""
    items = _items_below(drawn, asked, asked.want)
    return (
        "" if items is None else f"want {asked.want}: there are only {items} to answer in {asked.candidates}"
    )


def _items_below(drawn: Plan, asked: Asked, want: int) -> int | None:
    """How many items there are, or will be of prompts that are there; None: enough, or not known."""
    source, read = asked.candidates, prompts if asked.settings.task == "demonstration" else candidates
    target = reference(source)
    if target is not None and drawn.step(target).kind == "sample":  # makes an item of each prompt
        source, read = dict(config.sources(drawn.step(target).settings))["prompts",], prompts
    place = drawn.place(source)
    if reference(source) is not None or place.startswith(HUB):
        return None
    try:
        few = (count_rows(place) or 0) < want
        items = len(read(place)) if few else want  # as the stage itself counts them
    except UserError:
        return None  # a row is bad: the stage that reads it says which
    return items if items < want else None


def _change(drawn: Plan, step: Step, last: StageState | None) -> str:
    """Why a stage that was made before is to be made again: `epochs: 1 -> 2`."""
    if last is None or last.key is None or step.state == "done" or step.key == last.key:
        return ""
    described = _described(drawn, last)
    if described is None:
        return ""
    old, new = _flat(described.get("settings", {})), _flat(as_written(step.settings))
    changed = [
        f"{key}: {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)
    ]
    more = f" and {len(changed) - _CHANGES_SHOWN} more" if len(changed) > _CHANGES_SHOWN else ""
    return ", ".join(changed[:_CHANGES_SHOWN]) + more if changed else "its inputs have changed"


def _described(drawn: Plan, last: StageState) -> dict[str, Any] | None:
    assert last.key is not None
    places: list[Path] = [drawn.store.path(last.key), drawn.store.partial(last.key)]
    return next((found for place in places if (found := read_json(place / STAGE))), None)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Nested settings by dotted path."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {path: value}
    return {
        key: leaf for name, inner in items for key, leaf in _flat(inner, f"{path}.{name}".lstrip(".")).items()
    }
