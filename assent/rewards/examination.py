"""Tests and tested apart: what each of the two shut-in processes does.

The answer's code runs in one sandbox, the tests in another. Where a test calls `f`, the call goes over and
the value comes back. So the answer's code never runs where the verdict is made: it cannot end that process,
print a verdict, find the expected values, or hand over an object that is equal to everything.
"""

import builtins
import os
import socket
import sys
from types import TracebackType
from typing import Any

from assent.rewards import isolation
from assent.rewards.across import ASK_ANSWER, ASK_TESTS, Gone, Side

LOOKS_INSIDE = ("getattr", "setattr", "__eq__", "__instancecheck__")


def run_answer(job: dict[str, Any]) -> None:
    """Execute the answer's code, then do what the tests ask. `__name__` is not `__main__`."""
    side = Side(socket.socket(fileno=job["channel"]), (*ASK_ANSWER, *LOOKS_INSIDE))
    module = type(sys)("answer")
    sys.modules["answer"] = module  # dataclasses look their module up
    exec(compile(job["code"], "answer.py", "exec"), module.__dict__)  # noqa: S102 - shut in: see isolation.py
    # A name of Python's own stays Python's in the tests: no `abs` that always says 0.
    own = {name: value for name, value in vars(module).items() if not hasattr(builtins, name)}
    side.send({"names": {name: side.packed(value) for name, value in own.items() if name[:2] != "__"}})
    side.serve()


def run_tests(job: dict[str, Any]) -> None:
    """Write one line a test to the report: `passed`, `failed`, or `broken ...` where the test is at fault."""
    side = Side(socket.socket(fileno=job["channel"]), ASK_TESTS)
    try:
        said: dict[str, Any] | None = side.receive()["names"]
    except (Gone, KeyError):
        said = None  # the code did not even load: every test fails
    for test in job["tests"]:
        verdict = "failed" if said is None else _verdict(test, side, said)
        os.write(job["report"], f"{verdict}\n".encode())


def _verdict(test: str, side: Side, said: dict[str, Any]) -> str:
    try:
        known = {name: side.unpacked(value) for name, value in said.items() if not hasattr(builtins, name)}
        exec(compile(test, "test.py", "exec"), {"__name__": "test", **known})  # noqa: S102 - shut in
    except ModuleNotFoundError as error:
        return f"broken {error}" if _raised_in_test(error.__traceback__) else "failed"
    except (Exception, Gone, SystemExit):  # noqa: BLE001 - a test may fail in any way
        return "failed"
    return "passed"


def _raised_in_test(trace: TracebackType | None) -> bool:
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename == "test.py"


def main(role: str, parent: int) -> None:
    sys.set_int_max_str_digits(0)  # 2000! has 5736 digits, and a right answer
    isolation.main({"answer": run_answer, "tests": run_tests}[role], parent)
