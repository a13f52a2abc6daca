"""`assent annotate`: the app, given the formats of data/, on what a recipe or a file asks for."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent.config import Source
from assent.data.files.streams import HUB, files
from assent.errors import UserError
from assent.feedback.asked import Wanted
from assent.feedback.services import Services
from assent.tools.annotate_formats import Reading, lines, rows


@dataclass(frozen=True)
class Wishes:
    """What people said on the command line beside the source."""

    out: Path | None = None  # a run's folder; of a file, where judgements go
    overrides: tuple[str, ...] = ()
    task: str | None = None
    guideline: Path | None = None
    then_run: bool = False


@dataclass(frozen=True)
class Job:
    """What the app is opened on."""

    database: Path
    wanted: tuple[Wanted, ...]
    out: Path | None  # where judgements are written; None: a run reads the database itself
    go_on: str = ""  # the command that goes on with the judgements
    notes: tuple[str, ...] = ()  # what people should know of it

    @property
    def policies(self) -> tuple[str, ...]:
        """Models that people talk to."""
        return tuple(dict.fromkeys(name for one in self.wanted for name in one.settings.policies))


def app_services(**changed: Any) -> Services:
    """The app's functions of other rooms."""
    return Services(**{"read": Reading, "rows": rows(), "lines": lines, **changed})


def version_of(source: str) -> str:
    """What changes when the content of a source may have changed; "" where that cannot be told.

    Raises:
        UserError: there is no such file.
    """
    if source.startswith(HUB):
        return ""
    found = [(str(path.absolute()), path.stat()) for path in files(source)]
    told = json.dumps([[name, state.st_size, state.st_mtime_ns] for name, state in found])
    return hashlib.sha256(told.encode()).hexdigest()


def check_files(sources: Mapping[str, Source], where: str) -> None:
    """See that a project's files are there, before any of them is read.

    Raises:
        UserError: naming the key and the file.
    """
    for key, source in sources.items():
        if not source.startswith(HUB):
            try:
                files(source)
            except UserError as error:
                raise UserError(f"{where}: {key}: {error}") from None
