"""Tests for generated code, by the prompt that asks for it."""

from assent.data.files.containers import raw_rows
from assent.errors import UserError


def code_tests(source: str) -> dict[str, list[str]]:
    """`{"input_text", "tests"}` a line; `tests` is a text of Python, or a list of them, each one test.

    Rows with the same prompt add up.

    Raises:
        UserError: naming file and line.
    """
    found: dict[str, list[str]] = {}
    for where, row in raw_rows(source):
        prompt, given = row.get("input_text"), row.get("tests")
        tests = [given] if isinstance(given, str) else given
        if not isinstance(prompt, str):
            raise UserError(f"{where}: input_text: expected text, found {prompt!r}")
        if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
            raise UserError(f"{where}: tests: expected text, or a list of texts, found {given!r}")
        found.setdefault(prompt, []).extend(tests)
    return found
