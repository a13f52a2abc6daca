"""A lock is held by one process at a time, says by which, and is let go of however that process ends."""

import errno
import fcntl
import os
import subprocess
import sys
import threading

import pytest

from assent.errors import UserError
from assent.locks import held, holder

HOLDER = """
import sys, time
from pathlib import Path
from assent.locks import held
from assent.errors import UserError
with held(Path(sys.argv[1]), UserError) as note:
    note("a program at http://127.0.0.1:8000")
    print("held", flush=True)
    time.sleep(60)
"""


def refuse(other):
    return UserError(f"taken by {other}")


def test_one_holds_it_and_others_are_told_who(tmp_path):
    path = tmp_path / "lock"
    assert holder(path) is None
    with held(path, refuse) as note:
        assert holder(path) == f"process {os.getpid()}"
        note("somebody")
        assert holder(path) == "somebody"
        with pytest.raises(UserError, match=r"^taken by somebody$"), held(path, refuse):
            pass
    assert holder(path) is None
    assert path.read_text() == ""


def test_a_killed_process_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    assert holder(path) == "a program at http://127.0.0.1:8000"
    process.kill()
    process.communicate(timeout=20)
    assert path.read_text() == "a program at http://127.0.0.1:8000\n"  # nobody was left to take it back
    assert holder(path) is None
    with held(path, refuse):
        assert holder(path) == f"process {os.getpid()}"


def test_who_only_asks_stops_nobody(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    asking = os.open(path, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    threading.Timer(0.02, os.close, [asking]).start()
    with held(path, refuse):
        assert holder(path) is not None


def test_a_holder_that_has_not_yet_said_who_it_is(tmp_path):
    path = tmp_path / "lock"
    with held(path, refuse) as note:
        note("")
        assert holder(path) == "another process"


def test_a_folder_without_locks_is_named(tmp_path, monkeypatch):
    def unsupported(handle, kind):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with (
        pytest.raises(UserError, match="lock: cannot be locked: No locks available"),
        held(tmp_path / "lock", refuse),
    ):
        pass
