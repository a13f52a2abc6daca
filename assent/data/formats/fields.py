"""Prompt and answers in the fields of an annotation tool's project.

Each project names its fields as it likes. Known are the names that the tools' own templates use; others are
renamed with `--column`.
"""

import re
from typing import Any

from assent.data.files.containers import Row
from assent.data.formats.chats import asked
from assent.data.formats.dialect import first
from assent.data.formats.texts import instructed
from assent.errors import UserError

QUESTION = ("prompt", "instruction", "question", "query", "input_text")
NUMBERED = re.compile(
    r"(?:response|answer|reply|completion|generation|output|candidate|text|option)[-_ ]?(\d+|[abAB])"
)
TIES = ("tie", "equal", "same", "both", "neither")
SIDES = ("left", "right")

Answers = dict[str, str]  # field -> text, in the order of their numbers


def prompt_in(fields: Row, row: Row, where: str) -> Row:
    """The prompt out of the fields, or as a column that was renamed."""
    known = {**fields, **{key: row[key] for key in QUESTION if key in row}}
    key = first(known, QUESTION)
    if key is None:
        raise UserError(
            f"{where}: no prompt: expected a field called {', '.join(QUESTION)}, found {', '.join(fields)}; "
            "name it with --column prompt=fields.NAME or --column prompt=data.NAME"
        )
    if key == "instruction" and isinstance(known[key], str):
        given = known.get("context") or known.get("input")
        return {"input_text": instructed(known[key], given, where)}
    return asked(known, key, where)


def answers_in(fields: Row, row: Row, where: str) -> Answers:
    """The answers, by their fields' names."""
    renamed = {key: said for key, said in row.items() if re.fullmatch(r"candidate_\d+", key)}
    known = renamed or fields
    numbered = {key: NUMBERED.fullmatch(key) for key, said in known.items() if isinstance(said, str)}
    names = sorted((key for key, match in numbered.items() if match), key=lambda key: _place(numbered[key]))
    if not names and all(isinstance(known.get(side), str) for side in SIDES):
        names = list(SIDES)
    if len(names) < 2:
        raise UserError(
            f"{where}: expected two answers in fields such as response_1 and response_2 or answer1 and "
            f"answer2, found {', '.join(fields)}; name them: --column candidate_0=fields.NAME, or data.NAME"
        )
    return {name: known[name] for name in names}


def _place(match: re.Match[str] | None) -> int:
    name = match.group(1) if match else "0"
    return int(name) if name.isdigit() else ord(name.lower()) - ord("a")


def shown(prompt: Row, answers: Answers) -> Row:
    return prompt | {f"candidate_{index}": said for index, said in enumerate(answers.values())}


def identity_of(row: Row) -> Row:
    identity = next((row[key] for key in ("external_id", "id") if row.get(key) is not None), None)
    return {} if identity is None else {"id": str(identity)}


def with_kept(row: Row, kept: Any, told: Row) -> Row:
    """A row of ours with what a tool kept beside it, as our writers do with `prompt_id`, and with `told`."""
    meta = dict(kept) if isinstance(kept, dict) else {}
    name = meta.pop("prompt_id", None)
    return row | ({} if name is None else {"id": str(name)}) | {"meta": meta | told}
