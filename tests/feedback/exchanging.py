"""What tests of import and export share: files in, files out, a fresh database in between."""

import json
import shutil
from pathlib import Path

from django.db import connections

from assent.feedback.exchange.export import exported, kinds_of, reading
from assent.tools.annotate_formats import Reading, lines

AT = "2026-11-21T09:30:00.123Z"
ASKED = {"input_text": "什么是湿地？"}
TWO = {"candidate_0": "常年有水的土地。", "candidate_1": "一种鸟。"}


def written(path: Path, rows) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def imported(project, path, **options):
    """A file into a project, as the admin pages do it."""
    from assent.feedback.exchange.imports import import_records

    return import_records(project, Reading(str(path)), **options)


def given(project, folder: Path, *rows, **options):
    """Rows into a project, by a file."""
    return imported(project, written(folder / "given.jsonl", rows), **options)


def rows_of(world, project, kind="judgements"):
    with reading(world.database) as connection:
        return list(exported(connection, project.name, kind))


def files_of(world, project) -> dict[str, bytes]:
    """Every kind of file of a project, as it is written."""
    with reading(world.database) as connection:
        return {
            kind: "".join(lines(exported(connection, project.name, kind))).encode()
            for kind in kinds_of(project.task)
        }


def emptied(world, migrated: Path) -> None:
    """Put a fresh database in the place of the test's."""
    connections.close_all()
    for path in world.database.parent.glob(f"{world.database.name}*"):
        if path.suffix != ".secret":
            path.unlink()
    shutil.copy(migrated / world.database.name, world.database)


def pair(item="x", choice=0, annotator="ann", **more):
    """A judged pair in our own format; `more` stands in its meta."""
    meta = {"annotator": annotator, "item": item, **more}
    asked = {"input_text": f"What is {item}?", "candidate_0": f"{item} one", "candidate_1": f"{item} two"}
    return {**asked, "choice": choice, "meta": meta}


def stored():
    """(items, slots, judged slots, shown, judgements)."""
    from assent.feedback.schema.models import Item, Judgement, Shown, Slot

    slots = Slot.objects
    return (
        Item.objects.count(),
        slots.count(),
        slots.filter(judged=True).count(),
        Shown.objects.count(),
        Judgement.objects.count(),
    )


def alone(**changed):
    """Settings under which each item wants one judgement."""
    return {"shared": {"share": 0}, **changed}
