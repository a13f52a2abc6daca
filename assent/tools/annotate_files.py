"""A file of items, or a project's own YAML; and the judgements as files."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from assent.config import DataFile, check, read_yaml, sources
from assent.data.files.streams import HUB, files
from assent.data.files.written import PACKED, kind_of, written
from assent.errors import UserError
from assent.feedback.asked import Wanted, check_not_lost, project_name
from assent.feedback.exchange.export import STYLES, exported, reading, styled
from assent.feedback.exchange.outputs import note_written, projects_in, written_by
from assent.feedback.projects import ProjectSettings
from assent.pipeline.outline import dotted
from assent.pipeline.sources import located, resolved
from assent.records import Candidates, Comparison, Demonstration, Prompt
from assent.tools.annotate import Job, Wishes, check_files, version_of
from assent.tools.annotate_formats import Reading, rows

APART = {  # what stands in files of its own, by task
    "pairwise": ("ties", "both_bad", "cannot_judge", "surplus"),
    "edit": ("edits", "surplus"),
    "chat": ("thumb_pairs", "implicit_pairs", "chats", "kto"),
}
HELD = 500  # rows written together


class ProjectFile(ProjectSettings):
    """A project's own YAML."""

    items: DataFile | None = None  # what is judged; a chat has none
    name: str = ""  # in addresses; "": the file's name
    out: str = ""  # where judgements go


def project_job(path: Path, wishes: Wishes) -> Job:
    """The project of a YAML file; its database lies beside it.

    Raises:
        UserError: a setting is wrong, or a file is not there.
    """
    if wishes.overrides:
        raise UserError(f"{path}: --set is for recipes: write it into the file")
    given = read_yaml(path)
    if wishes.task:
        given["task"] = wishes.task
    project = check(ProjectFile, given, str(path))
    placed = resolved(project, lambda source: located(source, path.resolve().parent))
    assert isinstance(placed, ProjectFile)
    if wishes.guideline:
        placed = placed.model_copy(update={"guideline": DataFile(wishes.guideline.absolute())})
    if placed.items is None and placed.task != "chat":
        raise UserError(f"{path}: items is missing: the file of what is judged")
    check_files({dotted(at): source for at, source in sources(placed)}, str(path))
    own = placed.model_dump(exclude_unset=True, exclude={"items", "name", "out"})
    items = str(placed.items or "")
    wanted = Wanted(
        project_name(placed.name or path.stem),
        check(ProjectSettings, own, str(path)),
        str(path),
        items,
        version_of(items) if items else "",
    )
    out = wishes.out or (path.parent / placed.out if placed.out else None)
    return _job(path.with_suffix(".sqlite3"), wanted, out)


def file_job(source: str, wishes: Wishes) -> Job:
    """A project of a file's rows; its database lies beside `out`.

    Raises:
        UserError: no --out; no plain task; --out holds something else.
    """
    if wishes.overrides:
        raise UserError(f"{source}: --set is for recipes")
    if wishes.out is None:
        raise UserError(f"{source}: say where the judgements go: --out judgements.jsonl")
    check_files({"items": DataFile(source)}, "annotate")
    task, why = (wishes.task, "") if wishes.task else plain_task(source)
    values = {"task": task, **({"guideline": str(wishes.guideline.absolute())} if wishes.guideline else {})}
    settings = check(ProjectSettings, values, source)
    check_files({dotted(at): one for at, one in sources(settings)}, source)
    name = project_name(Path(source).name.split(".")[0] or "items")
    wanted = Wanted(name, settings, source, source, version_of(source))
    database = Path(str(wishes.out).removesuffix(PACKED)).with_suffix(".sqlite3")
    _check_alone(database, name, source)
    return _job(database, wanted, wishes.out, why)


def _job(database: Path, wanted: Wanted, out: Path | None, *notes: str) -> Job:
    check_not_lost(database)
    if out is not None:
        kind_of(out)  # a suffix that nothing can be written to is told of now
        places = _places(out, wanted.settings.task).values()
        _check_no_source(wanted, places)
        _check_ours(database, wanted, places)
    go_on = f"judgements are written to {out} when all is judged, and at the end" if out else ""
    stays = "" if out else f"judgements stay in {database}; --out judgements.jsonl writes them to a file too"
    return Job(database, (wanted,), out, go_on, tuple(note for note in (*notes, stays) if note))


def _check_no_source(wanted: Wanted, places: Iterable[Path]) -> None:
    """See that none of what the project is made of would be written over, by whatever name or link."""
    named = [wanted.items, *(source for _, source in sources(wanted.settings))]
    local = [one for one in named if one and not one.startswith(HUB)]
    read = [path for one in local for path in files(one)]
    folders = [Path(one).resolve() for one in local if os.path.isdir(one)]
    for place in places:
        if place.exists() and any(place.samefile(path) for path in read):
            raise UserError(f"{place}: the project {wanted.name} is made of this file: give another --out")
        if any(place.resolve().is_relative_to(folder) for folder in folders):
            raise UserError(
                f"{place}: the project {wanted.name} is made of all files in that folder, and would read "
                "this one at its next start: give another --out"
            )


def _check_ours(database: Path, wanted: Wanted, places: Iterable[Path]) -> None:
    """See that no file is written over that this project has not written."""
    for place in places:
        if os.path.lexists(place) and written_by(database, place) != wanted.name:
            raise UserError(
                f"{place}: is there already, and was not written from the project {wanted.name} of "
                f"{database}: give another --out, or move it away"
            )


def _check_alone(database: Path, name: str, source: str) -> None:
    """See that the files beside a database are not those of another file's judgements, now or later."""
    names = projects_in(database)
    if names and name not in names:
        raise UserError(
            f"{source}: {database} is of {' and '.join(sorted(names))}, whose judgements would lie in the "
            "same files: give another --out"
        )


def plain_task(source: str) -> tuple[str, str]:
    """(the task that rows of this kind have, and words that say so).

    Raises:
        UserError: there are several.
    """
    first = next(Reading(source), None)
    if isinstance(first, Candidates | Comparison):
        count = len(first.texts if isinstance(first, Candidates) else first.candidates)
        task = "pairwise" if count == 2 else "ranking"
        return task, f"{source}: {count} answers a row, so the task is {task}; another: --task"
    if isinstance(first, Prompt | Demonstration):
        return "demonstration", f"{source}: prompts, so the task is demonstration; another: --task"
    raise UserError(
        f"{source}: the task is not plain from its rows: give --task, or for ratings with their criteria a "
        "project's file: `task: rating`, `criteria: ...`, `items: ...`"
    )


def write_judgements(job: Job) -> list[str]:
    """Write all judgements to the job's files, each whole or as it was; say what was written.

    A file is made when it has rows. One that is there and has none any more becomes empty.

    Raises:
        UserError: a file has come meanwhile that is not the project's; then nothing is written.
    """
    assert job.out is not None
    [wanted] = job.wanted
    places = _places(job.out, wanted.settings.task)
    with reading(job.database) as connection:
        places = {
            kind: path
            for kind, path in places.items()
            if os.path.lexists(path) or any(True for _ in _rows(connection, wanted, kind))
        }
    _check_ours(job.database, wanted, places.values())
    # Before they are there: a kill in between leaves no file that the app takes for somebody else's.
    note_written(job.database, wanted.name, places.values())
    told = []
    with reading(job.database) as connection:
        for kind, path in places.items():
            count = _write(path, _rows(connection, wanted, kind))
            told.append(f"{path}: {count} {_words(kind, count)}")
    return told or ["nobody has judged yet, so nothing is written"]


def _words(kind: str, count: int) -> str:
    plain = kind.replace("_", " ")
    return plain.removesuffix("s") if count == 1 and kind != "surplus" else plain


def _places(out: Path, task: str) -> dict[str, Path]:
    """Where each kind of a project's files lies."""
    main = "implicit" if task == "chat" else "judgements"
    return {main: out, **{kind: beside(out, kind) for kind in APART.get(task, ("surplus",))}}


def _rows(connection: sqlite3.Connection, wanted: Wanted, kind: str) -> Iterator[Mapping[str, Any]]:
    style = STYLES.get(wanted.settings.task, {}).get(kind)
    if style is None:
        return exported(connection, wanted.name, kind)
    return styled(connection, wanted.name, kind, rows()[style])


def beside(out: Path, kind: str) -> Path:
    """`judgements.ties.jsonl` beside `judgements.jsonl`."""
    packed = out.name[-len(PACKED) :] if out.name.lower().endswith(PACKED) else ""
    name = Path(out.name[: len(out.name) - len(packed)])
    return out.with_name(f"{name.stem}.{kind}{name.suffix}{packed}")


def _write(path: Path, given: Iterator[Mapping[str, Any]]) -> int:
    count = 0
    with written(path) as add:
        while some := [dict(row) for row in islice(given, HELD)]:
            add(some)
            count += len(some)
    return count
