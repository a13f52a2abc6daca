"""The recipe as a picture: boxes in columns by dependency, arrows between them. Only geometry; no markup.

An arrow that skips columns runs in a lane below all boxes, one lane a source, so no arrow crosses a box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assent.evaluation.run_record import StageRecord

WIDTH, HEIGHT = 126, 66  # of a box
COLUMN, ROW, LANE = 164, 84, 14  # distances
MARGIN = 4


@dataclass(frozen=True)
class Box:
    stage: StageRecord
    place: int  # in the record, for links
    x: int
    y: int


@dataclass(frozen=True)
class Graph:
    width: int
    height: int
    boxes: list[Box]
    arrows: list[str]  # SVG paths


def dependencies(stages: Sequence[StageRecord]) -> dict[str, list[str]]:
    """The stages that each stage reads; `$name` and `name` mean the same, files are left out."""
    names = {stage.name for stage in stages}
    return {
        stage.name: [
            name for name in dict.fromkeys(text.lstrip("$") for text in stage.inputs) if name in names
        ]
        for stage in stages
    }


def columns(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The length of the longest way to each stage. A circle, which no plan lets through, ends somewhere."""
    column = dict.fromkeys(needs, 0)
    for _ in needs:
        for name, before in needs.items():
            column[name] = min(len(needs) - 1, max((column[other] + 1 for other in before), default=0))
    return column


def laid_out(stages: Sequence[StageRecord]) -> Graph:
    """Where every box and arrow goes."""
    needs = dependencies(stages)
    column = columns(needs)
    boxes: dict[str, Box] = {}
    filled: dict[int, int] = {}
    for place, stage in sorted(enumerate(stages), key=lambda item: column[item[1].name]):
        at = column[stage.name]
        row = filled[at] = filled.get(at, -1) + 1
        boxes[stage.name] = Box(stage, place, MARGIN + at * COLUMN, MARGIN + row * ROW)
    far = [name for name in boxes if any(name in needs[to] and column[to] - column[name] > 1 for to in boxes)]
    bottom = MARGIN + max(filled.values(), default=0) * ROW + HEIGHT
    lanes = {name: bottom + LANE * (place + 1) for place, name in enumerate(far)}
    arrows = [_arrow(boxes[name], boxes[to], lanes) for to in boxes for name in needs[to]]
    width = MARGIN * 2 + max(column.values(), default=0) * COLUMN + WIDTH
    return Graph(width, max([bottom, *lanes.values()]) + MARGIN, list(boxes.values()), arrows)


def _arrow(start: Box, end: Box, lanes: Mapping[str, int]) -> str:
    x1, y1 = start.x + WIDTH, start.y + HEIGHT // 2
    x2, y2 = end.x - 3, end.y + HEIGHT // 2
    if end.x - start.x <= COLUMN:
        middle = (x1 + x2) // 2
        return f"M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}"
    lane, bend = lanes[start.stage.name], (COLUMN - WIDTH) // 2
    down = f"M{x1},{y1} C{x1 + bend},{y1} {x1 + bend // 2},{lane} {x1 + 2 * bend},{lane}"
    turn = x2 - 2 * bend
    return f"{down} L{turn},{lane} C{x2 - bend // 2},{lane} {x2 - bend},{y2} {x2},{y2}"
