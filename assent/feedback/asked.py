"""What a recipe's `annotate` stage asks of people, and where their judgements lie. Known without Django."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from assent.config import DataFile, PythonFunction, Settings
from assent.errors import UserError
from assent.feedback.projects import ProjectSettings
from assent.records import Candidates, Prompt

DATABASE = "feedback.sqlite3"  # in a run's folder
LONGEST_NAME = 80  # of schema.models.Project.name

ANSWERED = {  # what `want` of them are, by task
    "pairwise": "comparisons",
    "ranking": "rankings",
    "rating": "items",
    "demonstration": "prompts",
    "edit": "answers",
}

# All revisions of a judgement have its slot; an imported one may lack the first; late work may have come to
# one since. CROSS JOIN: from the judgements to their items, of which there may be a million that nobody has
# judged.
_FILLED = """
SELECT judgement.item_id, item.listed, count(DISTINCT coalesce(judgement.slot_id, (
    SELECT id FROM feedback_slot WHERE item_id = judgement.item_id AND holder_id = judgement.person_id
        AND judged))) AS filled
FROM feedback_judgement AS judgement
CROSS JOIN feedback_item AS item ON item.id = judgement.item_id
WHERE item.project_id = (SELECT id FROM feedback_project WHERE name = ?) AND item.part = 'real'
GROUP BY judgement.item_id
"""
_ENOUGH = f"SELECT count(*) FROM ({_FILLED}) WHERE filled >= ? AND listed IS NOT FALSE"  # noqa: S608 - ours
_ANSWERED = f"""
SELECT item.name, item.prompt, item.candidates, item.listed, answered.filled
FROM ({_FILLED}) AS answered CROSS JOIN feedback_item AS item ON item.id = answered.item_id
"""  # noqa: S608 - ours
_ITEMS = """
WITH project AS (SELECT id FROM feedback_project WHERE name = ?)
SELECT (SELECT count(*) FROM feedback_item WHERE project_id IN (SELECT id FROM project) AND part = 'real')
    - (SELECT count(*) FROM feedback_item WHERE project_id IN (SELECT id FROM project) AND part = 'real'
        AND NOT listed)
"""


class StageProject(ProjectSettings):
    """`project:` of an annotate stage: how the app asks. It changes no judgement that was given already."""

    in_key: ClassVar[bool] = False


class Asked(Settings):
    """What `stage: annotate` asks, whoever answers."""

    candidates: DataFile
    want: int = Field(default=500, ge=1)  # items whose `overlap` judgements are complete
    overlap: int = Field(default=1, ge=1)  # judgements an item
    judgements: DataFile | None = None  # made elsewhere: JSON lines; the file may not be there yet
    panel: PythonFunction | None = None  # simulated people: `(items, seed) -> comparisons`
    project: StageProject | None = None  # how `assent annotate` asks people, where it does
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _items_are_answered(self) -> Self:
        if self.project is not None and self.project.task == "chat":
            raise ValueError("project: a chat has no items to wait for: write it a YAML of its own")
        return self

    @property
    def settings(self) -> ProjectSettings:
        """The project's settings. The stage's own overlap wins where it is given."""
        chosen = self.project or StageProject()
        return chosen.model_copy(update={"overlap": self.wanted_overlap})

    @property
    def wanted_overlap(self) -> int:
        if "overlap" in self.model_fields_set or self.project is None:
            return self.overlap
        return self.project.overlap


@dataclass(frozen=True)
class Wanted:
    """A project, as a recipe or a file asks for it."""

    name: str  # as the app names it
    settings: ProjectSettings  # its files by absolute paths
    where: str  # the recipe and stage, or the file, as messages name it
    items: str = ""  # a source of items; "" for chats
    version: str = ""  # of that source's content: the same one is not read again
    want: int | None = None  # items that a run waits for
    stage: str = ""  # of the run, as its recipe names it


def project_name(name: str) -> str:
    """A name for addresses, the same each time for the same name: ASCII letters, digits, - and _."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    if plain == name and len(name) <= LONGEST_NAME:
        return name
    digits = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{plain[: LONGEST_NAME - 7]}-{digits}".lstrip("-")


def check_not_lost(database: Path) -> None:
    """See that a database is not gone that was there.

    Raises:
        UserError: the app has worked here, and its database is not there any more.
    """
    secret = database.with_name(f"{database.name}.secret")
    if secret.exists() and not database.exists():
        raise UserError(
            f"{database}: is not there any more, and {secret.name} beside it says that people have judged "
            f"here: put it back from a copy; or delete {secret.name} to begin with none"
        )


def items_answered(connection: sqlite3.Connection, project: str, overlap: int) -> int:
    """Real items with `overlap` judgements or more; of those that are retired none.

    Items of the shared pool have them as soon as others: the further judgements that are asked of those show
    how far people agree, and whoever judges alone would wait for them for ever.
    """
    [count] = connection.execute(_ENOUGH, (project, overlap)).fetchone()
    return count


def items_in(connection: sqlite3.Connection, project: str) -> int:
    """Real items that are not retired."""
    [count] = connection.execute(_ITEMS, (project,)).fetchone()
    return count


@dataclass(frozen=True)
class Answered:
    """A real item that somebody has judged."""

    name: str
    judgements: int  # that count
    uploaded: bool  # on the admin pages: it stands in no file
    content: bytes  # as `content_of`


def answered_items(connection: sqlite3.Connection, project: str) -> Iterator[Answered]:
    """Those that are retired, too."""
    for name, prompt, texts, listed, judgements in connection.execute(_ANSWERED, (project,)):
        yield Answered(name, judgements, listed is None, _digest(json.loads(prompt), json.loads(texts)))


def content_of(record: Prompt | Candidates) -> bytes:
    """The same for the same prompt with the same answers, in whatever order these stand."""
    prompt, texts = (record, ()) if isinstance(record, Prompt) else (record.prompt, record.texts)
    return _digest([dict(one) for one in prompt.messages] or str(prompt.text), texts)


def _digest(prompt: Any, texts: Sequence[str]) -> bytes:
    whole = json.dumps([prompt, sorted(texts)], sort_keys=True)
    return hashlib.sha256(whole.encode()).digest()
