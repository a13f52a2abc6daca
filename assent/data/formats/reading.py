"""One way to read any record from any source: container -> dialect -> parser."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from assent.data.files.containers import OnBad, Row, raw_rows
from assent.data.formats.dialect import Dialect, Noun
from assent.data.formats.dialects import DIALECTS, dialect_named, dialect_of
from assent.data.formats.parsing import candidates_of, comparison_of, demonstration_of
from assent.data.formats.parsing_labelled import labelled_of, labelled_rows
from assent.data.formats.parsing_ratings import ratings_of
from assent.data.rows import prompt_of
from assent.errors import UserError
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

Record = Prompt | Candidates | Demonstration | Comparison | Rating | Labelled
R = TypeVar("R", Prompt, Candidates, Demonstration, Comparison, Rating, Labelled)

MOST_SEEN = 1000  # sets of keys

NOUNS: dict[type[Record], Noun] = {
    Prompt: "prompts",
    Candidates: "candidates",
    Demonstration: "demonstrations",
    Comparison: "comparisons",
    Rating: "ratings",
    Labelled: "labelled",
}
PARSERS: dict[Noun, Callable[[Row, str], list[Any]]] = {
    "prompts": lambda row, where: [prompt_of(row, where)],
    "candidates": lambda row, where: [candidates_of(row, where)],
    "demonstrations": lambda row, where: [demonstration_of(row, where)],
    "comparisons": lambda row, where: [comparison_of(row, where)],
    "ratings": ratings_of,
    "labelled": lambda row, where: [labelled_of(row, where)],
}


def records(
    source: str,
    kind: type[R],
    dialect: str | None = None,
    bad: OnBad | None = None,
    defaults: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[R]:
    """Every record of a source, as a stream.

    Args:
        kind: what is wanted. Prompts can be read from any file that has prompts.
        dialect: its name, where rows do not tell by their keys.
        bad: told of each row that cannot be read, and reading goes on; without it the first is an error.
        defaults: keys that every row has unless it says otherwise, such as `{"scale": [1, 5]}`.
        columns: what a key is called there, as `{"input_text": "article"}`; a point steps inside an object.

    Raises:
        UserError: naming file, line and key; a source that gives no row at all.
    """
    reader = Reader.of(kind, dialect)
    rows = labelled_rows(source, bad) if kind is Labelled else raw_rows(source, bad)
    for where, raw in rows:
        try:
            row = arranged(raw, where, defaults, columns) if defaults or columns else raw
            yield from reader.read(row, where)
        except UserError as error:
            if bad is None:
                raise
            bad(where, raw, error)


@dataclass
class Reader:
    """Rows of any format -> records of one noun. A file has few kinds of rows, which are remembered."""

    noun: Noun
    dialect: Dialect | None = None  # of all rows, where somebody said so
    number: int = 0  # records so far
    _seen: dict[tuple[str, ...], Dialect] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: type[Record], dialect: str | None = None) -> "Reader":
        noun, named = NOUNS[kind], dialect_named(dialect) if dialect else None
        if named is not None and noun not in ("prompts", named.noun):
            raise UserError(
                f"expected {noun}, and the format {named.name} holds {named.noun}: convert it first, where "
                f"they can be made of them: assent convert FILE OUT --from {named.name} --to {noun}"
            )
        return cls(noun, named)

    def read(self, row: Row, where: str) -> list[Any]:
        """The records of a row: one, or several where it holds several judgements, or none."""
        known = self._named(row, where) or self._known(row, where)
        parsed = PARSERS[self.noun]
        found: list[Any] = [record for each in known.translate(row, where) for record in parsed(each, where)]
        if self.noun == "prompts" and len(found) > 1:
            found = _different(found)
        self.number += len(found)
        if self.noun == "candidates" and not found[0].prompt.id:
            named = replace(found[0].prompt, id=f"item-{self.number - 1}")
            return [replace(found[0], prompt=named)]
        return found

    def _named(self, row: Row, where: str) -> Dialect | None:
        said = self.dialect
        if said and not (said.recognises(row) or said.near(row)):
            keys = ", ".join(row) or "none"
            raise UserError(
                f"{where}: expected the format {said.name}, as {said.example}; found the keys {keys}"
            )
        return said

    def _known(self, row: Row, where: str) -> Dialect:
        keys = tuple(row)
        known = self._seen.get(keys)
        if known is None or not known.recognises(row):
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()  # rows whose keys are data of their own
            known = self._seen[keys] = self._find(row, where)
        return known

    def _find(self, row: Row, where: str) -> Dialect:
        if self.noun != "prompts":
            return dialect_of(row, where, self.noun)
        try:
            return dialect_of(row, where, "prompts")
        except UserError as error:
            others = [
                one for one in DIALECTS if one.noun not in ("prompts", "labelled") and one.recognises(row)
            ]
            if not others:
                raise error from None
            return others[0]  # a row of another noun has a prompt as well


def _different(prompts: list[Prompt]) -> list[Prompt]:
    """Several judgements of one prompt are one prompt."""
    asked = [(prompt.text, prompt.messages) for prompt in prompts]
    return [prompt for index, prompt in enumerate(prompts) if asked[index] not in asked[:index]]


def arranged(
    row: Row, where: str, defaults: Mapping[str, Any] | None, columns: Mapping[str, str] | None
) -> Row:
    """The row with its columns renamed, and with `defaults` for what it does not say."""
    columns = columns or {}
    found = {key: value for key, value in row.items() if key not in columns.values()}
    found |= {ours: _inside(row, theirs, where) for ours, theirs in columns.items()}
    return found | {key: value for key, value in (defaults or {}).items() if found.get(key) is None}


def _inside(row: Row, column: str, where: str) -> Any:
    value: Any = row
    for step in [column] if column in row else column.split("."):
        if not isinstance(value, dict) or step not in value:
            raise UserError(f"{where}: there is no column {column}; found the keys {', '.join(row)}")
        value = value[step]
    return value
