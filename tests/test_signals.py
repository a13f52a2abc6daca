import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pipeline_fakes import counted, ran, recipe, run_json, statuses, with_inputs

from assent.errors import UserError
from assent.pipeline.guard import exclusive, stop_on_signal, working_process
from assent.pipeline.state import read_run

SLOW = "a: {stage: train, steps: 40, step_seconds: 0.05}\nb: {stage: train}"

# A package that stands in for `assent.stages`, whose real stages would take four seconds to import torch.
SCRIPT = """
import sys
import types
import assent
sys.modules["assent.stages"] = types.ModuleType("assent.stages")
sys.modules["assent.stages"].__path__ = [assent.__path__[0] + "/stages"]
from pathlib import Path
from pipeline_fakes import QUIET, STAGES
from assent.config import Recipe
from assent.pipeline.runner import run
folder = Path(sys.argv[1])
sys.exit(run(Recipe.load(folder / "recipe.yaml"), folder / "run", STAGES, QUIET))
"""


@pytest.fixture
def folder(tmp_path):
    return with_inputs(tmp_path)


def started(folder, text=SLOW, step=3):
    """The run in a process of its own, when its first stage has made some steps."""
    recipe(folder, text)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        cwd=Path(__file__).parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        saved = list((folder / "run" / "artifacts").glob("*.partial/step"))
        if saved and int(saved[0].read_text() or 0) >= step:
            return process
        time.sleep(0.01)
    raise AssertionError(process.communicate()[1])


def metrics(folder, key):
    text = (folder / "run" / "artifacts" / key / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_sigterm_saves_and_the_same_command_goes_on(folder):
    process = started(folder)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 75
    assert "saving, then stopping" in error
    assert statuses(folder) == {"a": "interrupted", "b": "pending"}
    seconds = run_json(folder / "run")["a"]["seconds"]
    assert 0 < seconds < 5
    assert ran(folder, SLOW) == 0
    after = run_json(folder / "run")["a"]
    assert after["seconds"] > seconds
    assert metrics(folder, after["key"]) == [{"step": step, "loss": 0.1 / (step + 1)} for step in range(40)]


def test_a_kill_loses_nothing_that_was_saved(folder):
    process = started(folder)
    process.kill()
    process.communicate(timeout=20)
    assert run_json(folder / "run")["a"]["status"] == "running"
    assert read_run(folder / "run")[1]["a"].status == "interrupted"
    assert working_process(folder / "run") is None
    (rows,) = (folder / "run" / "artifacts").glob("*.partial/metrics.jsonl")
    rows.write_text(rows.read_text() + '{"step": 39, "lo')  # a torn last line
    assert ran(folder, SLOW) == 0
    key = run_json(folder / "run")["a"]["key"]
    assert metrics(folder, key) == [{"step": step, "loss": 0.1 / (step + 1)} for step in range(40)]


def test_a_second_signal_ends_at_once():
    script = "from assent.pipeline.guard import stop_on_signal\nimport time\n"
    script += "with stop_on_signal():\n    print('ready', flush=True)\n    time.sleep(30)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert "once more" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 75


def test_two_processes_do_not_share_a_folder(folder):
    process = started(folder)
    with pytest.raises(UserError, match=f"process {process.pid} works in this folder"):
        ran(folder, SLOW)
    assert working_process(folder / "run") == f"process {process.pid}"
    process.kill()
    process.communicate(timeout=20)
    with exclusive(folder / "run"):
        pass  # a killed process leaves no lock behind


def test_a_signal_between_stages_ends_the_run_there(folder):
    stages, log = counted()
    first = stages["train"].run

    def run_and_signal(config, work):
        first(config, work)
        os.kill(os.getpid(), signal.SIGTERM)

    stages["train"].run = run_and_signal
    assert ran(folder, "a: {stage: train}\nb: {stage: train, steps: 4}", stages=stages) == 75
    assert log == ["a"]
    assert statuses(folder) == {"a": "done", "b": "interrupted"}


def test_a_lock_that_is_a_symlink_is_refused(folder):
    (folder / "lock").symlink_to(folder / "corpus.txt")
    with pytest.raises(UserError, match="cannot be locked"), exclusive(folder):
        pass
    assert (folder / "corpus.txt").read_text() == "one\n"


def test_signal_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_on_signal() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_outside_the_main_thread_signals_are_left_alone(folder):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(ran(folder, "a: {stage: train}")))
    thread.start()
    thread.join()
    assert codes == [0]
