"""Many at once: exactly so many judgements an item, nothing doubled, no errors; and a backup under load."""

import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID

import pytest
from feedback_world import new_uuid

WORKER = Path(__file__).with_name("racing_process.py")
SLOTS = "SELECT (SELECT count(*) FROM feedback_slot WHERE item_id = item.id), \
(SELECT count(*) FROM feedback_slot WHERE item_id = item.id AND judged), \
(SELECT count(*) FROM feedback_judgement WHERE item_id = item.id AND revision = 1 AND NOT surplus) \
FROM feedback_item AS item"


@pytest.fixture
def patient(world, monkeypatch):
    """A writer waits a minute for its turn, however slow the machine is."""
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 60.0)


def at_once(jobs) -> None:
    """Run every job in a thread of its own with a connection of its own; an error of one is the test's."""
    from django.db import connections

    faults, gate = [], threading.Barrier(len(jobs))

    def run(job):
        try:
            gate.wait(timeout=60)
            job()
        except BaseException as error:  # noqa: BLE001 - it is told in the test's own thread
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert faults == []


def judge_all(person, project):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    done = []
    while (shown := claim(person, project)) is not None:
        outcome = submit(person, Submission(UUID(new_uuid()), shown.pk, {"choice": "left"}))
        assert not outcome.surplus
        done.append(outcome.judgement.uuid)
    return done


def test_64_people_race_for_the_last_slots(world, patient):
    from django.db import connection

    project = world.project()
    world.items(project, 4, slots=3)
    people = [world.person(f"person {number}") for number in range(64)]
    at_once([lambda person=person: judge_all(person, project) for person in people])
    with connection.cursor() as cursor:
        cursor.execute(SLOTS)
        assert cursor.fetchall() == [(3, 3, 3)] * 4
        cursor.execute("SELECT count(*), count(DISTINCT person_id * 1000 + item_id) FROM feedback_judgement")
        assert cursor.fetchall() == [(12, 12)]


def test_three_processes_share_one_database(world):
    """As servers with several workers do: BEGIN IMMEDIATE and the database's own lock keep them apart."""
    from django.db import connections

    project = world.project()
    world.items(project, 30, slots=2)
    for number in range(3):
        world.person(f"person {number}")
    connections.close_all()
    workers = [
        subprocess.Popen([sys.executable, str(WORKER), str(world.database), f"person {number}"])
        for number in range(3)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    reading = sqlite3.connect(world.database)
    assert reading.execute(SLOTS).fetchall() == [(2, 2, 2)] * 30
    assert reading.execute("SELECT count(*), count(DISTINCT slot_id) FROM feedback_judgement").fetchall() == [
        (60, 60)
    ]
    reading.close()


def test_one_judgement_sent_by_sixteen_tabs_at_once_is_one(world, patient):
    from assent.feedback.schema.models import Judgement
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    project, ann = world.project(), world.person("ann")
    world.items(project, 3)
    shown, uuid, outcomes = [], UUID(new_uuid()), []
    at_once([lambda: shown.append(claim(ann, project).pk)] * 16)
    assert len(set(shown)) == 1
    submission = Submission(uuid, shown[0], {"choice": "right"})
    at_once([lambda: outcomes.append(submit(ann, submission))] * 16)
    assert Judgement.objects.count() == 1
    assert sorted(outcome.same for outcome in outcomes) == [False] + [True] * 15


def test_answers_that_are_lost_on_their_way_are_sent_again_and_nothing_is_doubled(world):
    """One response of ten never arrives, though the judgement is on disk."""
    from assent.feedback.schema.models import Judgement
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    luck, project, ann = random.Random(5), world.project(), world.person("ann")
    world.items(project, 60)
    acknowledged = []
    while (shown := claim(ann, project)) is not None:
        submission = Submission(UUID(new_uuid()), shown.pk, {"choice": luck.choice(["left", "right"])})
        first = submit(ann, submission).judgement
        while luck.random() < 0.1:
            outcome = submit(ann, submission)
            assert (outcome.same, outcome.judgement) == (True, first)
        acknowledged.append(submission.uuid)
    assert list(Judgement.objects.order_by("pk").values_list("uuid", flat=True)) == acknowledged


@pytest.mark.parametrize("way", ["backup", "vacuum"])
def test_a_backup_that_is_taken_under_load_is_whole(world, patient, tmp_path, way):
    project = world.project()
    world.items(project, 30, slots=2)
    people = [world.person(f"person {number}") for number in range(4)]
    acknowledged, before = [], threading.Event()
    copy = tmp_path / "copy.sqlite3"

    def work(person):
        from assent.feedback.store.claims import claim
        from assent.feedback.store.judging import Submission, submit

        while (shown := claim(person, project)) is not None:
            outcome = submit(person, Submission(UUID(new_uuid()), shown.pk, {"choice": "left"}))
            acknowledged.append(str(outcome.judgement.uuid.hex))
            if len(acknowledged) >= 20:
                before.set()

    seen = []

    def back_up():
        before.wait(timeout=60)
        seen.extend(acknowledged)
        source = sqlite3.connect(world.database)
        if way == "vacuum":
            source.execute("VACUUM INTO ?", (str(copy),))
        else:
            target = sqlite3.connect(copy)
            source.backup(target)
            target.close()
        source.close()

    at_once([*(lambda person=person: work(person) for person in people), back_up])
    restored = sqlite3.connect(copy)
    assert restored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert restored.execute("PRAGMA foreign_key_check").fetchall() == []
    there = {row[0] for row in restored.execute("SELECT uuid FROM feedback_judgement")}
    assert len(seen) >= 20
    assert set(seen) <= there <= set(acknowledged)
    assert all(judged == kept <= slots for slots, judged, kept in restored.execute(SLOTS))
    restored.close()
