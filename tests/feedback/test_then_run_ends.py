"""`--then-run`, and the ways in which the run ends: of itself, with an error, or since the app is ended.

The run is a script that stands where Python does: it says that it was begun, and ends as the test wants.
"""

import os
import signal
import time
from types import SimpleNamespace

import pytest
from people_world import answers, prefers
from stage_world import ran, written
from test_then_run import FILE, candidates_at, opened

from assent.tools import annotate_run
from assent.tools.annotate import Wishes
from assent.tools.annotate_recipe import recipe_job
from assent.tools.annotate_run import going_on
from assent.tools.annotate_serving import Saying

ENDS = "exit CODE"
WORKS = "while :; do sleep 0.05; done"
STOPS = f"trap 'echo saved >> log; exit 75' TERM; echo began >> log; {WORKS}"
STAYS = f"trap '' TERM; echo began >> log; {WORKS}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    candidates_at(tmp_path / "candidates.jsonl", 0, 1, 2)
    written(tmp_path, FILE)
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

    opened(recipe_job(folder / "recipe.yaml", Wishes(folder)))
    project = Project.objects.get()
    ann = Person.objects.filter(name="ann").first() or world.person("ann", "annotator", project)
    answers(ann, project, *given)


def going(folder, quiet=False):
    said = []
    begin = going_on(str(folder / "recipe.yaml"), Wishes(folder), Saying(said.append, quiet))
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
    assert said[0].startswith("2 comparisons of feedback are answered: assent run ")
    assert said[1].startswith(told)
    assert len(said) == 2
    assert log(folder, "words") == [f"-m assent run {folder}/recipe.yaml --out {folder}"]


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


def test_a_run_that_waits_for_nobody_is_not_begun(world, folder):
    judged(world, folder, prefers("one"), prefers("two"))
    assert ran(folder, FILE, folder) == 0
    said, then_run = going(folder)
    with then_run as look:
        look()
        look()
    assert said == ["the run waits for nobody; judgements are kept for --refresh-feedback"]
