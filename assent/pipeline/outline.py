"""A recipe's stages with their settings checked, in an order in which each comes after what it needs."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from assent import config
from assent.config import DataFile, ModelSource, PythonFunction, Recipe, Settings, Source
from assent.errors import UserError

# Stage modules by kind (`assent.stages.STAGES`): each has Config, VERSION, RESULT, run and forecast, and
# perhaps EXPORTS. A module has no type of its own, hence Any.
Stages = Mapping[str, Any]

MODEL = "model"  # the RESULT of a stage that makes a model

_REFERENCE = re.compile(r"\$[\w-]+")


@dataclass(frozen=True)
class Outlined:
    """One stage of a recipe as written: `$name` is not yet looked up, no file is read."""

    name: str
    kind: str
    settings: Settings
    inputs: tuple[str, ...]  # the stages that it names, each once
    where: str  # the recipe and the stage, as messages name them


def outline(recipe: Recipe, stages: Stages) -> tuple[Outlined, ...]:
    """The stages of a recipe in running order, which is the order written wherever that is possible.

    Raises:
        UserError: naming the key, for a setting that is wrong, a `$name` that no stage has or that stands
            where no input belongs, an unknown kind of stage, or a circle.
    """
    outlined = {name: _checked(recipe, name, values, stages) for name, values in recipe.stages.items()}
    for stage in outlined.values():
        _check_references(stage, outlined, stages)
    order: list[str] = []
    for name in outlined:
        _visit(name, outlined, order, ())
    return tuple(outlined[name] for name in order)


def reference(source: Source) -> str | None:
    """The stage that an input names with `$name`, or None."""
    return source[1:] if source.startswith("$") else None


def dotted(path: Iterable[str | int]) -> str:
    """A setting's path as `--set` takes it: `rewards.0.model`."""
    return ".".join(str(part) for part in path)


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or the known names where none is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"


def _checked(recipe: Recipe, name: str, values: dict[str, Any], stages: Stages) -> Outlined:
    where = f"{recipe.name}: {name}"
    kind = values["stage"]
    if kind not in stages:
        raise UserError(f"{where}: no stage is called {kind!r}{nearest(kind, stages)}")
    stage = stages[kind]
    settings_class: type[Settings] = stage.Config
    if hasattr(stage, "config_class"):  # a stage whose settings depend on one of them
        settings_class = stage.config_class(values, where)
    given = {key: value for key, value in values.items() if key != "stage"}
    if recipe.seed is not None and "seed" in settings_class.model_fields:
        given.setdefault("seed", recipe.seed)
    settings = config.check(settings_class, given, where)
    named = [reference(source) for _, source in config.sources(settings)]
    inputs = dict.fromkeys(target for target in named if target is not None)
    return Outlined(name, kind, settings, tuple(inputs), where)


def _check_references(stage: Outlined, outlined: Mapping[str, Outlined], stages: Stages) -> None:
    for path, source in config.sources(stage.settings):
        target = reference(source)
        if target is None:
            continue
        where = f"{stage.where}: {dotted(path)}"
        if target not in outlined:
            raise UserError(f"{where}: no stage has the name {source}{nearest(target, outlined)}")
        _check_fits(source, result_of(stages[outlined[target].kind], outlined[target].settings), where)
    for path, text in _plain_strings((), stage.settings):
        if _REFERENCE.fullmatch(text):
            where = f"{stage.where}: {dotted(path)}"
            raise UserError(f"{where}: {text} stands where a value belongs, not another stage's result")


def result_of(stage: Any, settings: Settings) -> str:
    """The name of what a stage makes, in its folder; settings may name another than their stage's own."""
    return getattr(settings, "result", stage.RESULT)


def _check_fits(source: Source, result: str, where: str) -> None:
    if isinstance(source, PythonFunction):
        raise UserError(f"{where}: expected `file.py:name` or `module:name`, found {source}")
    if isinstance(source, ModelSource) and result != MODEL:
        raise UserError(f"{where}: expected a model; {source} makes {result}")
    if isinstance(source, DataFile) and result == MODEL:
        raise UserError(f"{where}: expected rows; {source} makes a model")


def _plain_strings(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        if not isinstance(value, Source):
            yield path, value
        return
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, BaseModel):
        inner = ((name, getattr(value, name)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for key, nested in inner:
        yield from _plain_strings((*path, key), nested)


def _visit(name: str, outlined: Mapping[str, Outlined], order: list[str], above: tuple[str, ...]) -> None:
    """Append `name` to `order`, after all that it needs."""
    if name in order:
        return
    if name in above:
        circle = [*above[above.index(name) :], name]
        raise UserError(f"{outlined[name].where}: needs itself: {' -> '.join(circle)}")
    for needed in outlined[name].inputs:
        _visit(needed, outlined, order, (*above, name))
    order.append(name)
