"""`--then-run`, and the ways in which the run ends: of itself, with an error, or since the app is ended.

The run is a script that stands where Python does: it says that it was begun, and ends as the test wants.
"""

import json
import os
import signal
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from people_world import answers, prefers
from stage_world import ran
from test_then_run import FILE, candidates_at, opened

from assent.errors import AssentError, UserError
from assent.pipeline.guard import exclusive
from assent.tools import annotate_run
from assent.tools.annotate import Wishes
from assent.tools.annotate_recipe import recipe_job
from assent.tools.annotate_run import going_on
from assent.tools.annotate_serving import Saying

RECIPE = "tea.yaml"  # beside it, as recipe.yaml, a run keeps what it ran
ENDS = "exit CODE"
WORKS = "while :; do sleep 0.05; done"
STOPS = f"trap 'echo saved >> log; exit 75' TERM; echo began >> log; {WORKS}"
STAYS = f"trap '' TERM; echo began >> log; {WORKS}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    candidates_at(tmp_path / "candidates.jsonl", 0, 1, 2)
    (tmp_path / RECIPE).write_text(FILE)
    return tmp_path


@pytest.fixture
def python(folder, monkeypatch):
    """Have runs do this instead."""

    def does(script):
        path = folder / "python"
        path.write_text(f'#!/bin/sh\necho "$@" >> words\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setattr(annotate_run.sys, "executable", str(path))

    return does


def judged(world, folder, *given):
    """People have answered in the app, which is open."""
    from assent.feedback.schema.models import Person, Project

    opened(recipe_job(folder / RECIPE, Wishes(folder)))
    project = Project.objects.get()
    ann = Person.objects.filter(name="ann").first() or world.person("ann", "annotator", project)
    answers(ann, project, *given)


def going(folder, quiet=False):
    said = []
    begin = going_on(str(folder / RECIPE), Wishes(folder), Saying(said.append, quiet))
    return said, begin(SimpleNamespace(open=lambda wanted: said.append(f"opened {len(wanted)}")))


def until(true):
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def looked_until_it_ended(look, said):
    def ended():
        look()
        return len(said) > 1

    until(ended)


def log(folder, name="log"):
    path = folder / name
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (2, "the run ended with exit code 2; the same command goes on: assent run "),
        (75, "the run was stopped; the same command goes on: assent run "),
    ],
)
def test_a_run_that_failed_is_told_of_and_not_begun_again(world, folder, python, code, told):
    python(ENDS.replace("CODE", str(code)))
    judged(world, folder, prefers("one"), prefers("two"))
    said, then_run = going(folder)
    with then_run as look:
        looked_until_it_ended(look, said)
        look()
    assert said[0].startswith("2 comparisons of feedback are answered, so the run goes on: assent run ")
    assert said[1].startswith(told)
    assert len(said) == 2
    assert log(folder, "words") == [f"-m assent run {folder}/{RECIPE} --out {folder}"]


def test_a_run_that_waits_again_is_begun_when_more_is_answered(world, folder, python):
    python(ENDS.replace("CODE", "3"))
    judged(world, folder, prefers("one"), prefers("two"))
    said, then_run = going(folder, quiet=False)
    with then_run as look:
        looked_until_it_ended(look, said)
        assert said[1:] == ["opened 1", "the run waits for people again"]
        look()  # nobody has said anything since
        assert len(said) == 3
        judged(world, folder, prefers("one"))
        look()
        assert said[3].startswith("3 comparisons of feedback are answered")


def test_too_few_answers_begin_nothing(world, folder, python):
    python(ENDS.replace("CODE", "0"))
    judged(world, folder, prefers("one"))
    said, then_run = going(folder)
    with then_run as look:
        look()
    assert (said, log(folder, "words")) == ([], [])


def test_the_end_of_the_app_lets_the_run_save_and_stop(world, folder, python):
    python(STOPS)
    judged(world, folder, prefers("one"), prefers("two"))
    _, then_run = going(folder, quiet=True)
    with then_run as look:
        look()
        until(lambda: log(folder))
    assert log(folder) == ["began", "saved"]
    assert log(folder, "words")[0].endswith("--quiet")
    look()
    assert len(log(folder, "words")) == 1


def test_a_run_that_does_not_stop_is_killed(world, folder, python, monkeypatch):
    monkeypatch.setattr(annotate_run, "STOP_SECONDS", 0.2)
    python(f"echo $$ > number; {STAYS}")
    judged(world, folder, prefers("one"), prefers("two"))
    _, then_run = going(folder)
    with then_run as look:
        look()
        until(lambda: log(folder))
    [number] = log(folder, "number")
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), signal.SIGCONT)


def test_a_second_ctrl_c_ends_the_run_at_once(world, folder, python):
    twice = "trap 'trap \"exit 75\" TERM; echo asked >> log' TERM; echo $$ > number; echo began >> log"
    python(f"{twice}; {WORKS}")
    judged(world, folder, prefers("one"), prefers("two"))
    _, then_run = going(folder)

    def impatient():
        while "asked" not in (folder / "log").read_text():
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)

    look = then_run.__enter__()
    look()
    until((folder / "log").exists)
    with pytest.raises(KeyboardInterrupt), then_run:  # entering it again does nothing
        threading.Thread(target=impatient).start()
    assert not psutil.pid_exists(int((folder / "number").read_text()))


def test_a_run_that_waits_for_nobody_is_not_begun(world, folder):
    judged(world, folder, prefers("one"), prefers("two"))
    assert ran(folder, FILE, folder) == 0
    said, then_run = going(folder)
    with then_run as look:
        look()
        look()
    assert said == ["the run waits for nobody; judgements are kept for --refresh-feedback"]


def begun(folder, look):
    """How many runs were begun, once a look has let them begin and end."""
    look()
    look()
    return len(log(folder, "words"))


def test_a_run_that_was_killed_after_people_had_answered_goes_on(world, folder, python):
    """What they did is done; a later stage was at work when the power went."""
    judged(world, folder, prefers("one"), prefers("two"))
    assert ran(folder, FILE, folder) == 0
    run = json.loads((folder / "run.json").read_text())
    run["stages"]["judge"] = {**run["stages"]["feedback"], "kind": "reward", "status": "running", "key": None}
    (folder / "run.json").write_text(json.dumps(run))
    python("exit 0")
    said, then_run = going(folder)
    with then_run as look:
        look()
        until(lambda: log(folder, "words"))
    assert said[0].startswith("the run goes on from where it stopped: assent run ")


def test_more_is_wanted_than_the_run_had(world, folder, python):
    judged(world, folder, prefers("one"), prefers("two"))
    assert ran(folder, FILE, folder) == 0
    (folder / RECIPE).write_text(FILE.replace("want: 2", "want: 3"))
    python("exit 0")
    said, then_run = going(folder)
    with then_run as look:
        assert begun(folder, look) == 0
        judged(world, folder, prefers("one"))
        looked_until_it_ended(look, said)
    assert said[0].startswith("3 comparisons of feedback are answered, so the run goes on: assent run ")
    assert said[1].startswith("the run is done")


@pytest.mark.parametrize("broken", ["app", "recipe"])
def test_what_could_not_be_opened_is_opened_later(world, folder, python, broken):
    python("exit 3")
    judged(world, folder, prefers("one"), prefers("two"))
    said, then_run = going(folder)
    failing = [AssentError("the database is busy")] if broken == "app" else []

    def opens(wanted):
        if failing:
            raise failing.pop()
        said.append(f"opened {len(wanted)}")

    then_run._opened.open = opens
    with then_run as look:
        look()
        if broken == "recipe":
            (folder / RECIPE).write_text("feedback: {stage: annot")  # an editor is saving it
        with pytest.raises((AssentError, UserError)):
            looked_until_it_ended(look, said)
        (folder / RECIPE).write_text(FILE)
        looked_until_it_ended(look, said)
        look()
    assert said[1:] == ["opened 1", "the run waits for people again"]


def test_a_run_of_somebody_else_is_waited_for(world, folder, python):
    python("exit 0")
    judged(world, folder, prefers("one"), prefers("two"))
    said, then_run = going(folder)
    with then_run as look:
        with exclusive(folder):
            assert begun(folder, look) == 0
            assert said == [f"process {os.getpid()} works in {folder}: the run goes on when it has ended"]
        look()
        assert said[1:] == ["opened 1", f"process {os.getpid()} has ended"]
        (folder / "lock").write_text(str(os.getpid()))  # a number that is somebody's, and no lock
        look()
        assert said[3].startswith("2 comparisons of feedback are answered")
