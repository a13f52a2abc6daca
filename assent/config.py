"""Settings: frozen, checked, and refused with the nearest known name when a key is unknown.

A recipe is YAML whose top-level names are stages. `$name` refers to another stage's result; every other
value is checked against the stage's own `Settings`.
"""

import difflib
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from assent.errors import UserError


class Settings(BaseModel):
    """The base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    in_key: ClassVar[bool] = True  # False: how fast and how much at most; no part of a stage's key


class Source(str):
    """A setting that names an input: its *content* is part of the stage's key, not its name."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )

    def __repr__(self) -> str:
        return str.__repr__(self)


class DataFile(Source):
    """A file, a folder, a pattern such as `corpus/*.txt`, `hub:org/name:split`, or rows that a stage made."""


class ModelSource(Source):
    """A model's folder, a hub id, or the model that a stage made."""


class PythonFunction(Source):
    """`file.py:name` or `package.module:name`."""


S = TypeVar("S", bound=Settings)


def check(cls: type[S], values: Any, where: str) -> S:
    """Build settings from plain values.

    Raises:
        UserError: naming the key in `where`, what was expected, and for an unknown key the nearest one.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: expected settings `key: value`, found {values!r}")
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        problems = [_explain(cls, problem, where) for problem in _nearest(error.errors())]
        raise UserError("\n".join(problems)) from None


def _nearest(problems: Sequence[Any]) -> list[Any]:
    """Where a key may be of several kinds, not those that were refused whole if another was looked into."""
    inside = {kept for one in problems if (kept := _to_kind(one["loc"])) and len(one["loc"]) > len(kept) + 1}
    return [
        one
        for one in problems
        if len(one["loc"]) != len(kept := _to_kind(one["loc"])) + 1 or kept not in inside
    ]


def _to_kind(place: tuple[Any, ...]) -> tuple[Any, ...]:
    """The keys before the first that pydantic put there itself, as `function-after[check(), Kind]`."""
    return tuple(takewhile(lambda part: not _is_kind(part), place))


def _is_kind(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith("function-")


def _explain(cls: type[BaseModel], problem: Any, where: str) -> str:
    path = ".".join(str(part) for part in problem["loc"] if not _is_kind(part))
    if problem["type"] == "extra_forbidden":
        known = list(_fields_at(cls, problem["loc"][:-1]))
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; known keys: {', '.join(sorted(known))}"
        return f"{where}: unknown key {path}{hint}"
    if problem["type"] == "missing":
        return f"{where}: {path} is missing"
    if problem["type"] == "value_error":  # a check of ours, whose words name the keys
        return f"{where}: {path + ': ' if path else ''}{problem['ctx']['error']}"
    return f"{where}: {path}{_in_our_words(problem)}"


def _in_our_words(problem: Any) -> str:
    """What pydantic found, where its words are about Python instead of the recipe."""
    if problem["type"] in ("model_type", "model_attributes_type"):
        return f": expected settings `key: value`, found {problem['input']!r}"
    if problem["type"] == "union_tag_not_found":
        return f": {problem['ctx']['discriminator'].strip(chr(39))} is missing"
    if problem["type"] == "union_tag_invalid":
        key, known = (problem["ctx"][name] for name in ("discriminator", "expected_tags"))
        return f".{key.strip(chr(39))}: expected {known}, found {problem['ctx']['tag']!r}"
    return f": {problem['msg'][0].lower()}{problem['msg'][1:]}, found {problem['input']!r}"


def _fields_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> Iterator[str]:
    """The known keys of the settings that lie at `path` below `cls`."""
    for part, tag in zip(path, (*path[1:], None), strict=False):
        if isinstance(part, int) or part not in cls.model_fields:
            continue  # a position in a list, or the tag of a union: same class
        found = list(_settings_in(cls.model_fields[part].annotation))
        told = (each for each in found if tag in _tags(each))
        cls = next(told, found[0] if found else cls)
    yield from cls.model_fields


def _tags(cls: type[BaseModel]) -> tuple[Any, ...]:
    """What `kind` is in settings of that kind."""
    return getattr(cls.model_fields["kind"].annotation, "__args__", ()) if "kind" in cls.model_fields else ()


def _settings_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes inside an annotation such as `list[Part] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _settings_in(inner)


def sources(settings: BaseModel) -> Iterator[tuple[tuple[str | int, ...], Source]]:
    """Every input that settings name, with its path: `(("rewards", 0, "model"), "$judge")`."""
    for name in type(settings).model_fields:
        yield from _sources_in((name,), getattr(settings, name))


def _sources_in(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], Source]]:
    if isinstance(value, Source):
        yield path, value
    elif isinstance(value, BaseModel):
        for inner, source in sources(value):
            yield (*path, *inner), source
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _sources_in((*path, key), inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _sources_in((*path, index), inner)


class _UniqueKeys(yaml.SafeLoader):
    """SafeLoader, except that a key given twice is an error rather than a silent last word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "expected a name before the colon", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads `1e-5` as a string, since it lacks the dot; every learning rate is written so.
_UniqueKeys.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UserError: with file, line and column, when it is missing, not UTF-8, not YAML or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """The mapping in YAML text; `where` names it in errors."""
    try:
        content = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UserError(f"{where}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not valid YAML: {error}") from None
    except RecursionError:
        raise UserError(f"{where}: lists stand in one another too deep: write it flatter") from None
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected `key: value`, one a line, found {type(content).__name__}")
    return content


def override(values: dict[str, Any], assignment: str) -> dict[str, Any]:
    """A copy of `values` with `a.b=c` applied; the right side is read as YAML."""
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise UserError(f"--set {assignment}: expected key=value, such as tuned.kl_coef=0.1")
    try:
        value = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        raise UserError(f"--set {assignment}: {text!r} is not a YAML value") from None
    return _assigned(values, path.split("."), value, f"--set {assignment}")


def _assigned(values: Any, path: list[str], value: Any, where: str) -> Any:
    key, rest = path[0], path[1:]
    if isinstance(values, list):
        if not key.isdigit() or int(key) >= len(values):
            raise UserError(f"{where}: {key!r} is not a position in a list of {len(values)}")
        position = int(key)
        new = _assigned(values[position], rest, value, where) if rest else value
        return [*values[:position], new, *values[position + 1 :]]
    if not isinstance(values, dict):
        raise UserError(f"{where}: {key!r} lies below {values!r}, which has no keys")
    return {**values, key: _assigned(values.get(key, {}), rest, value, where) if rest else value}


class Recipe(Settings):
    """A recipe as written: plain values by stage name, and what stands beside the stages."""

    name: str
    folder: Path  # relative paths in the recipe start here
    seed: int | None = None  # the seed of every stage that does not name its own
    stages: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, path: Path, overrides: tuple[str, ...] = ()) -> Self:
        """Read a recipe, apply `a.b=c` overrides, check its outline (not yet the stages' settings)."""
        values: dict[str, Any] = read_yaml(path)
        for assignment in overrides:
            values = override(values, assignment)
        seed = values.pop("seed", None)
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
            raise UserError(f"{path}: seed: expected an integer, found {seed!r}")
        for name, stage in values.items():
            if not isinstance(name, str) or not name.replace("_", "").replace("-", "").isalnum():
                raise UserError(f"{path}: {name!r} is not a stage name: use letters, digits, - and _")
            if not isinstance(stage, dict) or not isinstance(stage.get("stage"), str):
                raise UserError(f"{path}: {name}: expected settings with `stage: ...`, found {stage!r}")
        return cls(name=path.stem, folder=path.resolve().parent, seed=seed, stages=values)
