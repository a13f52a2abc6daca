"""What is done when the app starts: projects and items are brought up to what a recipe or a file asks for.

Imported once Django is configured.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import OperationalError, connection

from assent.errors import UserError
from assent.feedback.asked import Wanted
from assent.feedback.exchange.entries import ITEM_CHARACTERS
from assent.feedback.exchange.imports import import_records
from assent.feedback.people import admin_link as first_admin
from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Audit, Item, Part, Project
from assent.feedback.services import Read, Record
from assent.feedback.store import changes, slots
from assent.feedback.store.projects import add_guideline, create, settings_of
from assent.feedback.store.sessions import SessionStore
from assent.feedback.store.writer import writing
from assent.records import Candidates, Prompt

WHO = "assent annotate"  # in the audit log
READ, ASKED, GUIDED = "items read", "settings asked for", "guideline asked for"
HELD = 500  # records whose names are looked up together


@dataclass(frozen=True)
class Opened:
    """What came of it."""

    name: str
    items: int  # that are new
    judgements: int  # that are new
    retired: int = 0  # items that their file holds no more


def open_project(wanted: Wanted, read: Read) -> Opened:
    """Make the project, or bring it up to what is wanted now. Nothing that is there is lost.

    Items are added, and those that their file holds no more are retired; what has changed of settings,
    `want` and guideline is as wanted now.

    Raises:
        UserError: a change that judgements which are there forbid; a file is missing or has a bad row.
    """
    project = Project.objects.filter(name=wanted.name).first()
    if project is None:
        project = create(wanted.name, _plain(wanted.settings), WHO, wanted.want)
        _note(ASKED, project, settings=_plain(wanted.settings))
    else:
        project = _bring_up(project, wanted)
    _guideline(project, wanted)
    for part, file in _known_items(wanted.settings):
        import_records(project, read(file) if file else (), part, listed=True, who=WHO)
    if not wanted.items or _read_already(project, wanted):
        return Opened(project.name, 0, 0)
    records: Iterable[Record] = read(wanted.items)
    if Item.objects.filter(project=project, part=Part.REAL).exists():
        records = Beside(project, records)
    made = import_records(project, records, listed=True, who=WHO)
    project.refresh_from_db()
    settings = settings_of(project)
    if settings.overlap < wanted.settings.overlap:  # an admin wants fewer than the run waits for
        slots.add_missing(project, settings.model_copy(update={"overlap": wanted.settings.overlap}))
    _note(READ, project, source=wanted.items, version=wanted.version)
    return Opened(project.name, made.items, made.judgements, made.retired)


def admin_link(address: str, again: bool = False) -> str | None:
    """The link by which the first admin comes in; None where there is one; another if `again`."""
    return first_admin.make(address, again)


def forget_sessions() -> None:
    """Delete those that have expired: nothing else does, and each login makes one."""
    SessionStore.clear_expired()


def checkpoint() -> None:
    """Put what the log of writes holds into the one file of the database."""
    with suppress(OperationalError), connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # where the disk is full, the log stays, and counts
    connection.close()


def _plain(settings: ProjectSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude_unset=True)


def _bring_up(project: Project, wanted: Wanted) -> Project:
    """What has changed in the recipe or file since it was last asked for. What admins changed here stays."""
    if project.want != wanted.want:
        with writing():
            Project.objects.filter(pk=project.pk).update(want=wanted.want)
    asked, before = _plain(wanted.settings), _last(ASKED, project).get("settings", {})
    changed = {key: value for key, value in asked.items() if key not in before or before[key] != value}
    dropped = before.keys() - asked.keys()
    with writing():  # all of it or nothing: what was noted is not done again
        project.refresh_from_db()
        if not changed and not dropped:
            return project
        kept = {key: value for key, value in project.settings.items() if key not in dropped}
        try:
            project = changes.change_settings(project, {**kept, **changed}, WHO)
        except changes.Locked as error:
            raise UserError(
                f"{wanted.where}: {error} Take that change back, or give this one another name"
            ) from None
        if (changed.keys() | dropped).intersection(changes.AT_IMPORT):
            slots.add_missing(project, settings_of(project))
        _note(ASKED, project, settings=asked)
    return project


def _last(what: str, project: Project) -> dict[str, Any]:
    """What was noted of it last; {} where nothing was."""
    told = Audit.objects.filter(what=what, detail__project=project.name).order_by("-pk").first()
    return told.detail if told else {}


def _guideline(project: Project, wanted: Wanted) -> None:
    """The file's text as the next version, where the file has changed: else people have gone on from it."""
    file = wanted.settings.guideline
    if file is None:
        return
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{wanted.where}: guideline: {file}: cannot be read as UTF-8 text: {error}") from None
    digest = hashlib.sha256(text.encode()).hexdigest()
    if _last(GUIDED, project).get("sha256") == digest:
        return
    with writing():
        add_guideline(project, text, WHO)
        _note(GUIDED, project, sha256=digest)


def _known_items(settings: ProjectSettings) -> Iterator[tuple[str, str]]:
    """(part, file) of items whose right answer is known; "": there is no file any more, or never was one."""
    yield Part.GOLD, (settings.gold and settings.gold.items) or ""
    yield Part.PRACTICE, settings.qualification.practice or ""
    yield Part.TEST, settings.qualification.test or ""


def _read_already(project: Project, wanted: Wanted) -> bool:
    """A source that is as it was is not read again: a million items need their time."""
    last = _last(READ, project)
    same = (last.get("source"), last.get("version")) == (wanted.items, wanted.version)
    return bool(wanted.version) and same


def _note(what: str, project: Project, **detail: Any) -> None:
    with writing():
        Audit.objects.create(who=WHO, what=what, detail={"project": project.name, **detail})


class Beside:
    """Records, of which one that has the name of another item is given a name of its own.

    A model that answers the same prompts again makes other items, and its `item-0` is not that of before.
    """

    def __init__(self, project: Project, records: Iterable[Record]):
        self._project, self._records = project, records
        self._renamed = self._all()
        self.place = ""  # where the last record stands, as far as that is known

    def __iter__(self) -> "Beside":
        return self

    def __next__(self) -> Record:
        self.place, record = next(self._renamed)
        return record

    def _all(self) -> Iterator[tuple[str, Record]]:
        records = ((getattr(self._records, "place", ""), one) for one in self._records)
        while some := list(islice(records, HELD)):
            there = self._there([_checked(_name(one), place) for place, one in some])
            yield from ((place, _beside(one, there)) for place, one in some)

    def _there(self, names: list[str]) -> dict[str, list[Any]]:
        """[prompt, answers] of each item that has one of these names."""
        found = Item.objects.filter(project=self._project, name__in=names)
        stored = found.values_list("name", "prompt", "candidates")
        return {name: [prompt, sorted(texts)] for name, prompt, texts in stored}


def _checked(name: str, place: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UserError(f"{place}: id: it holds half a character (a lone surrogate)") from None
    return name


def _name(record: Record) -> str:
    """Of what is not judged yet, where it has one: judged rows name their item in `meta`."""
    prompt = (
        record if isinstance(record, Prompt) else record.prompt if isinstance(record, Candidates) else None
    )
    return "" if prompt is None or "item" in prompt.meta else prompt.id


def _beside(record: Record, there: Mapping[str, list[Any]]) -> Record:
    """The record, under a name of its own where another item has its name."""
    known = there.get(_name(record))
    if isinstance(record, Prompt):
        content = [_asked(record), []]
        return record if known in (None, content) else replace(record, id=_other_name(record.id, content))
    if isinstance(record, Candidates):
        content = [_asked(record.prompt), sorted(record.texts)]
        if known not in (None, content):
            other = _other_name(record.prompt.id, content)
            return replace(record, prompt=replace(record.prompt, id=other))
    return record


def _asked(prompt: Prompt) -> Any:
    """As the database has it."""
    return [dict(one) for one in prompt.messages] or str(prompt.text)


def _other_name(name: str, content: Any) -> str:
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
    return f"{name[: ITEM_CHARACTERS - len(digest) - 1]}-{digest}"
