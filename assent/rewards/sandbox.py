"""Run generated Python against tests, each in a process that is shut in. Linux only.

What it guards against. The generated code runs as nobody, without capabilities, in its own namespaces of
mounts, processes, network, host name and shared memory. It sees Python's standard library and the system's
libraries, read-only, and `/scratch`, an empty folder in memory that goes with it; no other file of the
machine is there to read or write. There is no network, not even to this machine. It may start no process
and no thread. CPU time, wall time, address space, the size and number of its files and of its open files
are limited; whatever is over is killed with all that it started, also when this process is killed first.
Its environment is empty, it inherits no descriptor but the line to the tests, and what it prints goes
nowhere. The verdict is made in another process, shut in the same way, which runs only the tests (see
`examination.py`).

What it does not guard against. Faults of the Linux kernel: the code may make any system call, as there is
no filter of them. Reading what the kernel tells everybody (the kind of CPU, the time, the load) and slowing
other work within the limits, `workers` of them at a time. Answers that know the tests by heart, or that
guess an expected value. What a test asks of an object that the answer itself defines (`in`, `len`, its
methods) is answered by the answer's code. Where a machine does not let a process be shut in so, nothing
runs at all.
"""

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assent.errors import RewardError, UserError

HOME = str(Path(__file__).parents[2])
PROGRAM = (
    "import sys; sys.path.insert(0, {home!r}); from assent.rewards.examination import main; "
    "main({role!r}, parent={parent})"
)
TESTS_BYTES = 512 * 2**20  # the address space of the process with the tests


@dataclass(frozen=True)
class Limits:
    """What one answer may take."""

    seconds: float = 5.0  # of wall time, for all its tests
    cpu_seconds: int = 5
    memory_bytes: int = 256 * 2**20  # address space
    file_bytes: int = 8 * 2**20  # all files together
    files: int = 100


def verdicts(code: str, tests: Sequence[str], limits: Limits) -> list[str]:
    """`passed` or `failed` for each test of one answer; `broken ...` where the test itself is at fault.

    A test that hangs or ends the answer's process fails, and so do those after it.

    Raises:
        RewardError: the sandbox could not be set up this time.
    """
    here, there = socket.socketpair()
    with tempfile.TemporaryDirectory(prefix="assent-sandbox-") as folder:
        with here, there:
            answer = _started("answer", {"code": code}, there, limits, folder)
            examiner = _started("tests", {"tests": list(tests)}, here, limits, folder)
        try:
            told, why = _report(examiner, answer, limits.seconds)
        finally:
            _end(examiner)
            _end(answer)
        complaints = _read(answer)
        _check_start(examiner, why)
        _check_start(answer, complaints)
    lines = told.splitlines()
    return lines + ["failed"] * (len(tests) - len(lines))


def check_sandbox(limits: Limits) -> None:
    """Run nothing in the sandbox, to see that it can be had.

    Raises:
        UserError: this machine does not let a process be shut in, and why.
    """
    if sys.platform != "linux":
        raise UserError(
            f"tests_pass: generated code runs in a Linux sandbox only, and this is {sys.platform}"
        )
    try:
        found = verdicts("", ["pass"], Limits(60.0, 60, limits.memory_bytes, limits.file_bytes, limits.files))
    except (OSError, RewardError) as error:
        raise UserError(
            f"tests_pass: {error}. Generated code is never run outside a sandbox. In a container, allow user "
            "namespaces (such as docker run --security-opt seccomp=unconfined); on Ubuntu, sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0; or run this stage on another machine"
        ) from None
    if found != ["passed"]:
        raise UserError(
            "tests_pass: even an empty answer fails an empty test in the sandbox: raise memory_mb"
        )


def _started(
    role: str, work: dict[str, object], line: socket.socket, limits: Limits, folder: str
) -> subprocess.Popen[str]:
    tests = role == "tests"
    job = work | {
        "root": folder,
        "see": _libraries(),
        "channel": line.fileno(),
        "report": tests,
        "seconds": math.ceil(limits.seconds),
        "cpu_seconds": math.ceil(limits.seconds) if tests else limits.cpu_seconds,
        "memory_bytes": TESTS_BYTES if tests else limits.memory_bytes,
        "file_bytes": limits.file_bytes,
        "files": limits.files,
    }
    program = PROGRAM.format(home=HOME, role=role, parent=os.getpid())
    process = subprocess.Popen(
        [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if tests else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(line.fileno(),),
        env={},
        cwd="/",
        start_new_session=True,  # so that the whole group can be killed
        text=True,
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:  # it may have ended: `_check_start` sees why
        process.stdin.write(json.dumps(job))
    process.stdin = None
    return process


def _libraries() -> list[str]:
    """The folders that Python needs to import its standard library, outermost first."""
    own = [f"{sys.base_prefix}/lib", f"{sys.base_exec_prefix}/lib", sysconfig.get_path("stdlib")]
    found = dict.fromkeys(["/usr/lib", "/usr/lib64", "/lib", "/lib64", *own])
    there = [place for place in found if os.path.isdir(place)]
    return [place for place in there if not any(place.startswith(f"{other}/") for other in there)]


def _report(
    examiner: subprocess.Popen[str], answer: subprocess.Popen[str], seconds: float
) -> tuple[str, str]:
    """(verdicts, complaints), of all tests or of those that were done in time."""
    try:
        told = examiner.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(examiner)
        return examiner.communicate()
    with contextlib.suppress(subprocess.TimeoutExpired):  # nobody asks any more, so it ends, or is ended
        answer.wait(0.5)
    return told


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a process and its group; process 1 of its namespaces dies with it, and takes the rest along."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    with process.stderr as complaints:
        return complaints.read()


def _check_start(process: subprocess.Popen[str], why: str) -> None:
    if process.returncode not in (0, -signal.SIGKILL):
        raise RewardError(f"the sandbox could not be set up: {why.strip() or process.returncode}")
