"""Generated Python is run against given tests, in a sandbox: `sandbox.py` says what that guards against."""

import re
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from pydantic import Field, model_validator

from assent.config import DataFile, Settings
from assent.errors import RewardError, UserError
from assent.rewards.sandbox import Limits, check_sandbox, verdicts

FENCE = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
PYTHON = ("python", "py", "python3", "")


class TestsPass(Settings):
    """The share of a prompt's tests that the answer's code passes, or 1 for all and else 0.

    `tests` holds rows of `input_text`, `tests`: a text of Python with asserts, or a list of them.
    """

    __test__ = False  # pytest: this is no test

    kind: Literal["tests_pass"]
    tests: DataFile
    run_generated_code: bool = False  # must be said: see the error that it gives
    score: Literal["share", "all"] = "share"
    seconds: float = Field(default=5.0, gt=0, le=600)  # wall time of one answer, all its tests together
    cpu_seconds: int = Field(default=5, ge=1)
    memory_mb: int = Field(default=256, ge=64)
    file_mb: int = Field(default=8, ge=1)  # all files together
    files: int = Field(default=100, ge=1)
    workers: int = Field(default=2, ge=1)  # answers at a time

    @model_validator(mode="after")
    def _asked_for(self) -> "TestsPass":
        if not self.run_generated_code:
            raise ValueError(
                "tests_pass runs Python that a model wrote, on this machine. It is shut in (no network, no "
                "files, limits on time and memory), but a fault of the kernel would let it out. Say "
                "`run_generated_code: true` if you accept that"
            )
        return self

    @property
    def limits(self) -> Limits:
        megabyte = 2**20
        memory, file = self.memory_mb * megabyte, self.file_mb * megabyte
        return Limits(self.seconds, self.cpu_seconds, memory, file, self.files)


class TestsPassReward:
    """Runs the code in each answer against `tests`: the tests by the prompt's text.

    Raises:
        UserError: a test is no Python, or this machine has no sandbox to offer.
    """

    __test__ = False

    def __init__(self, settings: TestsPass, tests: Mapping[str, Sequence[str]]):
        self.settings, self.tests = settings, tests
        for prompt, snippets in tests.items():
            _check_python(snippets, f"{settings.tests}: {prompt!r:.80}")
        check_sandbox(settings.limits)

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """Raises RewardError for a prompt without tests, a test at fault, and a sandbox that fails."""
        unknown = [prompt for prompt in prompts if prompt not in self.tests]
        if unknown:
            raise RewardError(
                f"tests_pass: {self.settings.tests} has no tests for {unknown[0]!r:.200} "
                f"({len(unknown)} of {len(prompts)} prompts): add a row with this input_text"
            )
        with ThreadPoolExecutor(self.settings.workers) as pool:
            return list(pool.map(self._score, prompts, responses))

    def _score(self, prompt: str, response: str) -> float:
        found = verdicts(code_in(response), self.tests[prompt], self.settings.limits)
        for number, verdict in enumerate(found):
            if verdict.startswith("broken"):
                raise RewardError(
                    f"tests_pass: {self.settings.tests}: {prompt!r:.80}: test {number} is at fault: "
                    f"{verdict.removeprefix('broken ')}; only the standard library is there"
                )
        passed = found.count("passed")
        return float(passed == len(found)) if self.settings.score == "all" else passed / len(found)


def code_in(response: str) -> str:
    """The first fenced block of Python, or of no named language; without one, the whole answer."""
    blocks = [found[2] for found in FENCE.finditer(response) if found[1].casefold() in PYTHON]
    return blocks[0] if blocks else response


def _check_python(snippets: Sequence[str], where: str) -> None:
    for number, snippet in enumerate(snippets):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as an invalid escape in a text
                compile(snippet, "test.py", "exec")
        except (SyntaxError, ValueError) as error:
            raise UserError(f"{where}: test {number} is no Python: {error}") from None
