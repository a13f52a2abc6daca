"""What a stage's inputs are: their identity, which goes into the key, and where they lie."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from assent import config
from assent.config import DataFile, ModelSource, PythonFunction, Settings, Source
from assent.data.files.hub import HubSet
from assent.data.files.streams import HUB
from assent.errors import UserError
from assent.pipeline.hashes import Hashes
from assent.pipeline.outline import dotted, reference

# Letters, digits and dots, with at most one slash; what else could not be a hub id is a missing folder.
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True)
class InputFiles:
    """How a recipe's inputs that are not `$name` are found and known."""

    folder: Path  # relative paths start here
    hashes: Hashes
    read: bool = True  # False: a file is known by the name that the recipe gives it


def identities(
    settings: Settings, where: str, keys: Mapping[str, str | None], files: InputFiles
) -> dict[str, Any] | None:
    """What each input of a stage is, by the setting's path; None while the key of a `$name` is unknown.

    Raises:
        UserError: naming the key and the file, when an input is not there.
    """
    found: dict[str, Any] = {}
    pending = False
    for path, source in config.sources(settings):
        target = reference(source)
        if target is None:
            found[dotted(path)] = _identity(source, files, f"{where}: {dotted(path)}")
        else:
            found[dotted(path)] = {"stage": keys[target]}
            pending = pending or keys[target] is None
    return None if pending else found


def located(source: Source, folder: Path) -> str:
    """An input that is not a `$name`, with its path made absolute; a hub id or a module's name as it is."""
    if is_on_hub(source):
        return str(HubSet.of(source).below(folder))
    if isinstance(source, PythonFunction):
        file, _, name = source.rpartition(":")
        return f"{_absolute(file, folder)}:{name}" if file.endswith(".py") else str(source)
    if isinstance(source, ModelSource) and not os.path.exists(_absolute(source, folder)):
        return str(source)
    return _absolute(source, folder)


def is_on_hub(source: Source) -> bool:
    """Whether an input is rows that the library `datasets` reads: a set on the hub, or a folder like one."""
    return isinstance(source, DataFile) and source.startswith(HUB)


def without_sources(settings: Settings) -> Any:
    """All settings as plain values, with null for each input and for what changes no result."""
    return to_jsonable_python(_plain(settings, lambda _: None, only_given=False, keyed=True))


def as_written(settings: Settings) -> Any:
    """All settings as plain values, defaults filled in, with the inputs as the recipe names them."""
    return to_jsonable_python(_plain(settings, str, only_given=False))


def resolved(settings: Settings, place: Callable[[Source], str]) -> Settings:
    """The settings that a stage runs with: each input replaced by where it lies, and checked again."""
    # Only what was given is given again, so that a check of "either this or that" sees the same.
    return type(settings).model_validate(_plain(settings, place, only_given=True))


def _plain(value: Any, of_source: Callable[[Source], Any], only_given: bool, keyed: bool = False) -> Any:
    def plain(inner: Any) -> Any:
        return _plain(inner, of_source, only_given, keyed)

    if isinstance(value, Source):
        return of_source(value)
    if keyed and isinstance(value, Settings) and not value.in_key:
        return None
    if isinstance(value, BaseModel):
        names = value.model_fields_set if only_given else type(value).model_fields
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _identity(source: Source, files: InputFiles, where: str) -> dict[str, str]:
    if isinstance(source, PythonFunction):
        return _function_identity(source, files, where)
    if is_on_hub(source):
        return _hub_identity(source, files, where)
    place = located(source, files.folder)
    if isinstance(source, ModelSource) and not os.path.isabs(place):
        if not _HUB_ID.fullmatch(source):
            missing = _absolute(source, files.folder)
            raise UserError(f"{where}: {missing}: no such folder, and not a hub id")
        return {"hub": str(source)}
    if not files.read:
        return {"file": str(source)}
    return {"content": _content(files.hashes, place, where)}


def _hub_identity(source: Source, files: InputFiles, where: str) -> dict[str, str]:
    """A set on the hub is known by its name and split; a folder that is laid out as one, by its content."""
    try:
        wanted = HubSet.of(source).below(files.folder)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if wanted.folder is None:
        return {"hub": str(wanted)}
    if not files.read:
        return {"file": str(source)}
    part = {"config": wanted.config or "", "split": wanted.split}
    return {"content": _content(files.hashes, wanted.folder, where), **part}


def _function_identity(source: PythonFunction, files: InputFiles, where: str) -> dict[str, str]:
    module, colon, name = source.rpartition(":")
    if not colon or not module or not name.isidentifier():
        raise UserError(f"{where}: expected `file.py:name` or `package.module:name`, found {str(source)!r}")
    if module.endswith(".py"):
        content = _content(files.hashes, _absolute(module, files.folder), where)
        return {"function": name, "content": content}
    spec = _spec(module)
    if spec is None:
        raise UserError(f"{where}: no module {module} is installed; a file is named as `file.py:{name}`")
    if spec.origin is None or not os.path.isfile(spec.origin):
        return {"function": str(source)}
    return {"function": str(source), "content": _content(files.hashes, spec.origin, where)}


def _content(hashes: Hashes, place: str, where: str) -> str:
    try:
        return hashes.content(place)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _spec(module: str) -> ModuleSpec | None:
    """Where a module lies, found without running any of it.

    `importlib.util.find_spec("a.b")` would import `a`; a plan does not run the user's code.
    """
    places: Any = None
    spec = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = _first_spec(".".join(parts[:depth]), places)
        if spec is None:
            return None
        places = spec.submodule_search_locations or []
    return spec


def _first_spec(name: str, places: Any) -> ModuleSpec | None:
    specs = (finder.find_spec(name, places) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / path)
