"""The formats in which people have prompts, answers and judgements: one entry each, told apart by keys.

A dialect turns a row of its own into rows of this package's format of the same noun, which the parsers in
parsing.py, parsing_ratings.py and parsing_labelled.py check key by key. Our own formats are dialects too.
"""

from collections.abc import Sequence
from difflib import get_close_matches

from assent.data.files.containers import Row
from assent.data.formats.argilla import ARGILLA
from assent.data.formats.chat import CHAT
from assent.data.formats.dialect import Dialect, Noun
from assent.data.formats.judgements import JUDGEMENTS
from assent.data.formats.label_studio import LABEL_STUDIO
from assent.data.formats.ours import OURS
from assent.data.formats.rated import RATINGS
from assent.data.formats.texts import ANSWER, QUESTION, TEXTS
from assent.errors import UserError

DIALECTS: tuple[Dialect, ...] = (*OURS, *TEXTS, *CHAT, *JUDGEMENTS, *RATINGS, *LABEL_STUDIO, *ARGILLA)

# Which noun a row is taken for where nobody says: what is told of its answers comes before its having some.
RANK: tuple[Noun, ...] = ("comparisons", "ratings", "labelled", "candidates", "demonstrations", "prompts")
LONGEST_EXAMPLE = 150  # characters, in an error
TEXTS_UNDER = ("prompt", "chosen", "rejected", "input_text", "output_text", "instruction", "output", "text")
_NO_TEXT = " (a number, not a text)"


def dialect_of(row: Row, where: str, noun: Noun | None = None) -> Dialect:
    """The one format that a row is in; with `noun`, among those that hold such records.

    Raises:
        UserError: none fits: naming the keys found, what was expected, and how to rename columns; or several
            do, named, with the option that says which.
    """
    fitting = [one for one in DIALECTS if one.recognises(row)]
    for wanted in [noun] if noun else RANK:
        found = [one for one in fitting if one.noun == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(one.name for one in found)
            raise UserError(
                f"{where}: this row fits {names}: say which, as assent convert FILE OUT --to {wanted} "
                f"--from {found[0].name}"
            )
    for one in DIALECTS:
        if one.noun == noun and one.near(row):
            return one
    others = [one for one in fitting if one.noun != "prompts"]
    raise UserError(f"{where}: {_other(others, noun) if noun and others else _unknown(row, noun)}")


def dialect_named(name: str) -> Dialect:
    """The dialect that `--from` or `--to` names."""
    for one in DIALECTS:
        if one.name == name:
            return one
    names = [one.name for one in DIALECTS]
    nearest = get_close_matches(name, names, 1)
    hint = f"; did you mean {nearest[0]}?" if nearest else "."
    raise UserError(f"unknown format {name!r}{hint} Known are: {', '.join(names)}")


def _other(fitting: Sequence[Dialect], noun: Noun) -> str:
    found = min(fitting, key=lambda one: RANK.index(one.noun))
    return (
        f"expected {noun}, and this row holds {found.noun} (the format {found.name}): give another file, or, "
        f"where they can be made of them, convert it: assent convert FILE OUT --to {noun}"
    )


def _is_number(key: str, value: object) -> bool:
    return key in (*TEXTS_UNDER, *QUESTION, *ANSWER) and isinstance(value, int | float)


def _unknown(row: Row, noun: Noun | None) -> str:
    keys = ", ".join(key + _NO_TEXT * _is_number(key, row[key]) for key in row) or "none"
    column = {"prompts": "input_text", "labelled": "text"}.get(noun or "prompts", "prompt")
    known = [one for one in DIALECTS if noun in (None, one.noun)]
    shown = [
        f"  {one.name}: {one.example}" if len(one.example) <= LONGEST_EXAMPLE else f"  {one.name}: see there"
        for one in known
    ]
    return (
        f"no known format of {noun or 'any record'} has these keys: {keys}. Known, in docs/formats.md:\n"
        + "\n".join(shown)
        + f"\nOther names: assent convert FILE OUT --to {noun or 'prompts'} --column {column}=article"
    )
