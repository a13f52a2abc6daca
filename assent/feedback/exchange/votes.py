"""What several people said of an item, as the fraction of votes that each candidate has. No Django."""

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from math import fsum

from assent.feedback.exchange.rows import Row, asked

_BY_ITEM = """
SELECT i.id, i.name, i.prompt, i.candidates, j.answer
FROM feedback_item i
CROSS JOIN feedback_shown s ON s.item_id = i.id
CROSS JOIN feedback_judgement j ON j.shown_id = s.id
WHERE i.project_id = ? AND i.part = 'real' AND NOT (j.surplus AND NOT EXISTS (
    SELECT 1 FROM feedback_slot WHERE item_id = j.item_id AND holder_id = j.person_id AND judged
)) AND NOT EXISTS (
    SELECT 1 FROM feedback_judgement later WHERE later.shown_id = j.shown_id AND later.revision > j.revision
)
ORDER BY i.position, i.id
"""


def votes(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    """One row an item: `meta.votes`, in the order of the candidates, sums to 1. A tie is half a vote each.

    Both bad and cannot judge are no votes; an item that has no others is left out. `choice` is who has most,
    null where several have.
    """
    found = connection.execute(_BY_ITEM, (project,))
    for _, rows in groupby(found, key=lambda row: row[0]):
        first, *others = rows
        candidates = json.loads(first[3])
        given = [_vote(json.loads(row[4]), len(candidates)) for row in (first, *others)]
        cast = [vote for vote in given if vote]
        if not cast:
            continue
        shares = [fsum(column) / len(cast) for column in zip(*cast, strict=True)]
        best = [index for index, share in enumerate(shares) if share == max(shares)]
        texts = {f"candidate_{index}": text for index, text in enumerate(candidates)}
        meta = {"item": first[1], "votes": shares, "judgements": len(cast)}
        choice = best[0] if len(best) == 1 else None
        yield asked(json.loads(first[2])) | texts | {"choice": choice, "meta": meta}


def _vote(answer: Row, count: int) -> list[float]:
    """One vote, shared by those who are best; [] where nobody was said to be."""
    if "ranking" in answer:
        best = answer["ranking"][0]
    elif answer["choice"] == "tie":
        best = list(range(count))
    elif isinstance(answer["choice"], int):
        best = [answer["choice"]]
    else:
        return []
    return [1 / len(best) if index in best else 0.0 for index in range(count)]
