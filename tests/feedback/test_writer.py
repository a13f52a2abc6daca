"""One writer at a time, in the order of asking; what it wrote is on disk, or it says that nothing was."""

import subprocess
import sys
import threading
import time
from uuid import UUID

import pytest
from django.db import OperationalError
from feedback_world import new_uuid

# Another process that takes the database, says so, and lets go when it is told to.
HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def held(world, monkeypatch):
    """The database is locked by another process, and a writer waits a fifth of a second for it."""
    from django.db import connection

    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)
    project = world.project()
    ann = world.person("ann", "annotator", project)
    world.items(project, 2)
    client = world.client(ann)
    command = [sys.executable, "-c", HOLDER, str(world.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"

        def let_go():
            if process.poll() is None:
                process.communicate("\n", timeout=10)

        yield project, ann, client, let_go
        let_go()
    connection.close()


def rows():
    from assent.feedback.schema.models import Judgement

    return Judgement.objects.count()


def test_a_locked_database_is_busy_and_the_same_succeeds_later(world, held):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit
    from assent.feedback.store.writer import Busy

    project, ann, _, let_go = held
    with pytest.raises(Busy):
        claim(ann, project)
    let_go()
    shown = claim(ann, project)
    assert submit(ann, Submission(UUID(new_uuid()), shown.pk, {"choice": "tie"})).same is False
    assert rows() == 1


def test_a_locked_database_is_503_and_come_again(held):
    project, _, client, let_go = held

    def post(path, **body):
        return client.post(f"/p/{project.name}/{path}", body, content_type="application/json")

    refused = post("next")
    assert (refused.status_code, refused["Retry-After"]) == (503, "2")
    assert refused.json()["error"]
    let_go()
    shown = post("next").json()["shown"]
    stored = post("judgements", uuid=new_uuid(), shown=shown, answer={"choice": "left"})
    assert (stored.status_code, rows()) == (200, 1)


def test_what_was_written_before_a_mistake_is_taken_back(world):
    from assent.feedback.schema.models import Audit
    from assent.feedback.store.writer import writing

    def mistaken(what):
        with writing():
            Audit.objects.create(who="ann", what=what)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mistaken("one")
    assert Audit.objects.count() == 0
    with writing():
        Audit.objects.create(who="ann", what="two")
        with pytest.raises(ZeroDivisionError):
            mistaken("three")
    assert [row.what for row in Audit.objects.all()] == ["two"]


def test_it_does_not_stand_in_a_transaction_that_somebody_may_take_back(world):
    from django.db import transaction

    from assent.feedback.store.writer import writing

    with transaction.atomic(), pytest.raises(RuntimeError), writing():
        pass


def test_a_full_disk_is_told_as_that(world):
    """SQLite's own limit on pages stands for the disk: the same error, SQLITE_FULL."""
    from django.db import connection

    from assent.feedback.schema.models import Audit
    from assent.feedback.store.writer import Busy, writing

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    with pytest.raises(Busy, match="disk of the server is full"), writing():
        Audit.objects.create(who="ann", what="much", detail={"text": "x" * 100_000})
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1000000")
    with writing():
        Audit.objects.create(who="ann", what="much", detail={"text": "x" * 100_000})
    assert Audit.objects.count() == 1


@pytest.mark.parametrize("said", ["attempt to write a readonly database", "disk I/O error"])
def test_a_disk_that_cannot_be_written_is_come_again(world, caplog, said):
    """Nothing is taken as refused for good: the browser keeps what it has until the disk is mended."""
    from django.db import connection

    project = world.project()
    world.items(project, 1)
    client = world.client(world.person("ann", "annotator", project))

    def failing(execute, sql, params, many, context):
        if sql.lstrip().startswith("UPDATE feedback_slot"):
            raise OperationalError(said)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(failing):
        refused = client.post(f"/p/{project.name}/next", {}, content_type="application/json")
    assert (refused.status_code, refused["Retry-After"]) == (503, "2")
    assert f"assent: {refused.json()['error']}" in caplog.messages
    assert client.post(f"/p/{project.name}/next", {}, content_type="application/json").status_code == 200


def test_turns_come_in_the_order_of_asking():
    from assent.feedback.store.writer import Queue

    queue, order = Queue(), []

    def ask(number):
        with queue.turn(60):
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    with queue.turn(60):
        for asked, thread in enumerate(threads, 1):
            thread.start()
            _until(lambda asked=asked: len(queue._waiting) == asked)
    for thread in threads:
        thread.join(timeout=60)
    assert order == list(range(20))


def test_who_waited_too_long_leaves_the_queue_to_the_others():
    from assent.feedback.store.writer import Busy, Queue

    queue, done = Queue(), []

    def ask(seconds):
        try:
            with queue.turn(seconds):
                done.append("turn")
        except Busy:
            done.append("busy")

    with queue.turn(60):
        impatient = threading.Thread(target=ask, args=(0.01,))
        impatient.start()
        impatient.join(timeout=60)
        assert done == ["busy"]
        patient = threading.Thread(target=ask, args=(60,))
        patient.start()
        _until(lambda: len(queue._waiting) == 1)
    patient.join(timeout=60)
    assert done == ["busy", "turn"]
    with queue.turn(0.01) as outermost, queue.turn(0.01) as inner:
        assert (outermost, inner) == (True, False)


def test_a_turn_that_comes_in_the_moment_of_leaving_is_handed_on(monkeypatch):
    """Whoever held it lets go after the wait was over, and before the leaving is noted."""
    from assent.feedback.store import writer

    queue = writer.Queue()

    class TooLate(threading.Event):
        def wait(self, timeout=None):
            queue._hand_on()
            return False

    with queue.turn(60):
        monkeypatch.setattr(writer.threading, "Event", TooLate)
        queue._mine.depth = 0  # as another thread
        with pytest.raises(writer.Busy), queue.turn(0.01):
            pass
        monkeypatch.undo()
    with queue.turn(0.01) as outermost:
        assert outermost


def test_a_mistake_in_a_query_is_no_busy_database(world):
    from django.db import OperationalError, connection

    from assent.feedback.store.writer import writing

    with pytest.raises(OperationalError, match="no such table"), writing(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")


def _until(true) -> None:
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.001)
    assert true()
