"""Prompts and demonstrations under other names: prompt, completion, instruction, output."""

from assent.data.files.containers import Row
from assent.data.formats.chats import answer, asked
from assent.data.formats.dialect import Dialect, beside, first, required, text
from assent.errors import UserError

QUESTION = ("prompt", "question", "query")
ANSWER = ("completion", "response", "answer")
JUDGED = ("label", "score", "rating", "ratings", "choice", "scores", "ranks", "ranking", "votes", "pairs")


def judged(row: Row) -> bool:
    """Whether there is a judgement, so that the answer is not one to imitate whatever it says."""
    return any(row.get(key) is not None for key in JUDGED)


def instructed(instruction: str, given: object, where: str) -> str:
    """The task, an empty line, and what it is to be done with, where there is such a thing."""
    given = "" if given is None else text(given, f"{where}: input")
    return f"{instruction}\n\n{given}" if given.strip() else instruction


def _prompt(row: Row, where: str) -> list[Row]:
    return [asked(row, required(row, QUESTION, where), where) | beside(row)]


def _text(row: Row, where: str) -> list[Row]:
    if row["text"].startswith("\n\nHuman:"):
        raise UserError(
            f"{where}: text is a transcript of Human and Assistant, not a prompt: name the key transcript"
        )
    return [{"input_text": row["text"], **beside(row)}]


def _completed(row: Row, where: str) -> list[Row]:
    question, response = required(row, QUESTION, where), required(row, ANSWER, where)
    said = answer(row[response], f"{where}: {response}")
    return [asked(row, question, where) | {"output_text": said, **beside(row)}]


def _alpaca(row: Row, where: str) -> list[Row]:
    response = "output" if "output" in row else "response"
    given = row.get("input") if "input" in row else row.get("context")
    prompt = instructed(row["instruction"], given, where)
    said = text(row[response], f"{where}: {response}")
    return [{"input_text": prompt, "output_text": said, **beside(row)}]


def _self_instruct(row: Row, where: str) -> list[Row]:
    """A demonstration for each instance of the task."""
    rows = []
    for index, instance in enumerate(row["instances"]):
        what = f"{where}: instances[{index}]"
        if not isinstance(instance, dict) or "output" not in instance:
            raise UserError(f"{what}: expected {{input, output}}, found {instance!r}")
        prompt = instructed(row["instruction"], instance.get("input"), what)
        rows.append(
            {"input_text": prompt, "output_text": text(instance["output"], f"{what}: output"), **beside(row)}
        )
    return rows


def _tldr(row: Row, where: str) -> list[Row]:
    said = text(row["gold_response"], f"{where}: gold_response")
    return [{"input_text": row["instruction"], "output_text": said, **beside(row)}]


def _instruction(row: Row) -> bool:
    return isinstance(row.get("instruction"), str)


def _asks_otherwise(row: Row) -> bool:
    return any(key in row for key in ("input_text", "messages", "conversations", "instruction", *QUESTION))


TEXTS = (
    Dialect(
        "prompt",
        "prompts",
        '{"prompt": "What is a moor?"}',
        lambda row: first(row, QUESTION) is not None and not ("input_text" in row or "messages" in row),
        _prompt,
    ),
    Dialect(
        "text",
        "prompts",
        '{"text": "What is a moor?"}',
        lambda row: isinstance(row.get("text"), str) and not _asks_otherwise(row),
        _text,
    ),
    Dialect(
        "prompt-completion",
        "demonstrations",
        '{"prompt": "What is a fen?", "completion": "A wetland."}',
        lambda row: first(row, QUESTION) is not None and first(row, ANSWER) is not None and not judged(row),
        _completed,
    ),
    Dialect(
        "alpaca",
        "demonstrations",
        '{"instruction": "Name the wetland.", "input": "peat, sedges", "output": "A fen."}',
        lambda row: (
            _instruction(row)
            and ("output" in row or "response" in row)
            and first(row, QUESTION) is None
            and not judged(row)
        ),
        _alpaca,
    ),
    Dialect(
        "self-instruct",
        "demonstrations",
        '{"instruction": "Name the wetland.", "instances": [{"input": "peat, sedges", "output": "A fen."}]}',
        lambda row: _instruction(row) and isinstance(row.get("instances"), list),
        _self_instruct,
    ),
    Dialect(
        "tldr",
        "demonstrations",
        '{"instruction": "A long post about a fen.", "gold_response": "Fens are wet."}',
        lambda row: _instruction(row) and "gold_response" in row,
        _tldr,
    ),
)
