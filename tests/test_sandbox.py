"""Generated Python may not leave its sandbox, nor write its own verdict.

Each attack stands beside a proof that the code did run, so that a sandbox in which nothing works passes
none of this. What a test of an attack expects is what Python does there, never what our own code says of
itself.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from code_sandbox import RAN, judged, refusal

from assent.rewards import isolation


@pytest.fixture(scope="module", autouse=True)
def _a_sandbox_is_to_be_had():
    why = refusal()
    if why:
        pytest.skip(why)


# --- a verdict that is not earned ----------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(0)",
        "import sys; sys.exit(0)",
        "print('passed', flush=True)",
        "import os\nfor n in range(32):\n  try: os.write(n, b'passed\\n')\n  except OSError: pass",
        "class Yes:\n  def __eq__(s, o): return True\n  def __sub__(s, o): return 0\ndef f(x): return Yes()",
        "class Yes(int):\n  def __eq__(self, other): return True\n  __hash__ = None\ndef f(x): return Yes(1)",
        "import builtins\nabs = lambda x: 0\nbuiltins.abs = abs\ndef f(x): return 1",
        "import sys\nsys.settrace(lambda *a: None)\nraise AssertionError",
        "def f(x):\n  raise SystemExit(0)",
        "def f(x):\n  raise KeyboardInterrupt",
        "import os, signal\ndef f(x):\n  os.kill(-1, signal.SIGKILL)",
        "import threading\ndef f(x): return 1",
    ],
)  # fmt: skip
def test_no_forged_pass(code):
    assert judged(code, "assert f(3) == 9", "assert abs(f(3) - 9) < 1e-3") == ["failed", "failed"]


def test_the_tests_are_not_to_be_looked_into():
    """A function that a test hands over can be called; its globals, where the other values are, stay shut."""
    look = "def f(g): return g.__globals__\ndef h(g): return g.__code__.co_consts\ndef i(g): return g(1)"
    assert judged(look, "f(lambda x: x)", "h(lambda x: x)", "assert i(lambda x: x) == 1") == [
        "failed", "failed", "passed",
    ]  # fmt: skip


def test_nonsense_on_the_line_is_no_pass():
    code = """
        import os
        def f(x):
            for n in range(3, 32):
                try: os.write(n, b'{"value": 9, "arguments": []}' + b'x' * 100)
                except OSError: pass
            os._exit(0)
        """
    assert judged(code, "try:\n  f(3)\nexcept Exception:\n  pass", RAN) == ["failed", "failed"]


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["while True: pass", "def f():\n  while True: pass", "import time\ntime.sleep(1e6)"]
)
def test_an_endless_answer_is_ended(code):
    assert judged(code, RAN, "f()", RAN, seconds=1.5)[1:] == ["failed", "failed"]
    assert inside() == []


def test_cpu_time_is_limited_below_the_wall():
    assert judged("def f():\n  while True: pass", RAN, "f()", cpu_seconds=1, seconds=60) == [
        "passed",
        "failed",
    ]


def test_a_memory_bomb():
    code = "def f(n): return len(bytearray(n * 2**20))"
    tests = ["assert f(10) == 10 * 2**20", "f(1000)", "f(400)", RAN]
    assert judged(code, *tests, memory_bytes=300 * 2**20) == ["passed", "failed", "failed", "passed"]


def test_no_process_and_no_thread():
    code = """
        import os, threading, subprocess
        def bomb():
            while True: os.fork()
        def thread(): threading.Thread(target=print).start()
        def run(): subprocess.run(["/usr/bin/id"])
        """
    assert judged(code, "bomb()", "thread()", "run()", RAN) == ["failed", "failed", "failed", "passed"]
    assert inside() == []


def test_files_are_limited_in_size_and_number():
    code = """
        import os
        def write(name, megabytes):
            with open(name, "wb") as file:
                for _ in range(megabytes): file.write(bytes(2**20))
            return os.path.getsize(name)
        def many(count):
            for index in range(count): open(f"n{index}", "w").close()
        def descriptors():
            kept = [open("/dev/null") for _ in range(100)]
        """
    tests = [
        "assert write('small', 1) == 2**20",
        "write('b', 3)",  # 4 MiB together
        "many(50)",
        "many(5000)",
        "descriptors()",
        RAN,
    ]
    found = judged(code, *tests, file_bytes=4 * 2**20, files=60)
    assert found == ["passed", "passed", "passed", "failed", "failed", "passed"]
    assert judged(code, "write('big', 5)", file_bytes=4 * 2**20) == ["failed"]  # SIGXFSZ, or an OSError
    assert judged(code, "write('a', 3)", "write('b', 3)", file_bytes=4 * 2**20) == ["passed", "failed"]


def test_a_flood_of_output_goes_nowhere():
    code = "def f():\n  for n in range(600): print('x' * 10**6)\n  return 1"
    assert judged(code, "assert f() == 1", "print('passed\\n' * 9)", seconds=30) == ["passed", "passed"]
    flood = "def f(): return 'x' * 20_000_000"  # more than a message may hold
    assert judged(flood, "f()", seconds=30, memory_bytes=2**30) == ["failed"]


# --- the world outside ---------------------------------------------------------------------------


def test_no_network_not_even_to_this_machine():
    code = """
        import socket
        def say(port):
            with socket.socket() as line:
                line.settimeout(2)
                line.connect(("127.0.0.1", port))
        def name(name):
            with socket.socket(socket.AF_UNIX) as line: line.connect("\\0" + name)
        """
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as hidden:
        port = server.getsockname()[1]
        hidden.bind(f"\0assent-{port}")
        hidden.listen()
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            pass  # whoever is not shut in gets through
        assert judged(code, f"say({port})", f"name('assent-{port}')", RAN) == ["failed", "failed", "passed"]
        for listening in (server, hidden):
            listening.settimeout(0.1)
            with pytest.raises(TimeoutError):
                listening.accept()


def test_no_file_of_the_machine_is_there(tmp_path):
    canary = tmp_path / "canary.txt"
    canary.write_text("sing")
    tmp_path.chmod(0o777)
    canary.chmod(0o666)
    home, package = Path.home(), Path(isolation.__file__)
    code = """
        import os
        def read(path): return open(path).read()
        def write(path): open(path, "a").write("x")
        def remove(path): os.remove(path)
        def listed(path): return os.listdir(path)
        def climb():
            os.chroot("/scratch") if os.path.isdir("/scratch") else None
        """
    tests = [
        f"read({str(canary)!r})",
        f"write({str(canary)!r})",
        f"remove({str(canary)!r})",
        f"write({str(tmp_path / 'new')!r})",
        f"read({'/scratch/../../../../../..' + str(canary)!r})",
        f"listed({str(home / '.ssh')!r})",
        f"read({str(package)!r})",
        "listed('/proc')",
        "listed('/etc')",
        f"write({json.__file__!r})",
        "climb()",
        "assert listed('.') == []",
        "write('mine.txt')\nassert read('mine.txt') == 'x'",
    ]
    assert judged(code, *tests) == ["failed"] * 11 + ["passed"] * 2
    assert canary.read_text() == "sing"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary.txt"]


def test_nothing_of_this_process_is_handed_on(monkeypatch):
    monkeypatch.setenv("SECRET", "canary")
    code = """
        import os, sys
        def environment(): return dict(os.environ)
        def who(): return os.getuid() and True, os.getpid() < 5, os.getgroups()
        def rights():
            try: os.setuid(0); os.chown("/scratch", 1, 1)
            except OSError: return "none"
            return "some"
        def descriptors():
            found = []
            for n in range(1024):
                try: os.fstat(n); found.append(n)
                except OSError: pass
            return found
        """
    tests = [
        "assert not [key for key in environment() if key not in ('LC_CTYPE',)]",
        "assert who()[1]",
        "assert rights() == 'none'",
        "assert len(descriptors()) == 4",  # three that lead to /dev/null, and the line to the tests
    ]
    assert judged(code, *tests) == ["passed"] * 4


def test_no_rights_are_to_be_had_again():
    code = """
        import ctypes
        c = ctypes.CDLL(None)
        def users(): return c.unshare(0x10000000)
        def mount(): return c.mount(b"none", b"/scratch", b"tmpfs", 0, None)
        def trace(): return c.ptrace(16, 1, 0, 0)
        def no_new_rights(): return c.prctl(39, 0, 0, 0, 0)
        """
    tests = [
        "assert users() == -1",
        "assert mount() == -1",
        "assert trace() == -1",
        "assert no_new_rights() == 1",
    ]
    assert judged(code, *tests, RAN) == ["passed"] * 5


def inside(parent=None):
    """What is still there of the sandboxes that a process started, this one unless told."""
    own = f"parent={parent or os.getpid()})"
    time.sleep(0.1)  # what was killed is gone when the kernel has come round to it
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if own in command and process.status() != psutil.STATUS_ZOMBIE:
            found.append(command)
    return found


def test_what_runs_dies_with_the_process_that_started_it(tmp_path):
    """Also when that one is killed without a word."""
    code = "from assent.rewards.sandbox import *; verdicts('while True: pass', ['f()'], Limits(600.0, 600))"
    aside = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed leaves an empty folder behind
    starter = subprocess.Popen([sys.executable, "-c", code], env=aside)
    end = time.monotonic() + 30
    while len(inside(starter.pid)) < 4 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(inside(starter.pid)) >= 4  # they did start
    starter.kill()
    starter.wait()
    while inside(starter.pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert inside(starter.pid) == []
