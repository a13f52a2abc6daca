"""What people did can be added to and nothing else, whoever asks the database."""

import sqlite3
from types import SimpleNamespace
from uuid import UUID

import pytest
from feedback_world import new_uuid

TABLES = ("judgement", "shown", "skip", "flag", "implicit", "turn", "consent", "guideline", "audit")


@pytest.fixture
def filled(world):
    """A database with a row in each table that only grows, and a connection that is none of the app's."""
    from assent.feedback.schema.models import Audit, Consent, Conversation, Implicit, Turn
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, flag, skip, submit
    from assent.feedback.store.projects import add_guideline

    project, ann = world.project(), world.person("ann")
    world.items(project, 2)
    shown = claim(ann, project)
    submit(ann, Submission(UUID(new_uuid()), shown.pk, {"choice": "left"}))
    flag(ann, UUID(new_uuid()), shown.pk, "a name is in it")
    skip(ann, claim(ann, project).pk, "")
    add_guideline(project, "Short is better.", "ada")
    Consent.objects.create(person=ann, project=project, text="May we?", given=True)
    chat = Conversation.objects.create(uuid=new_uuid(), project=project, person=ann, policy="sft")
    turn = Turn.objects.create(uuid=new_uuid(), conversation=chat, number=0, role="user", text="Hello")
    Implicit.objects.create(uuid=new_uuid(), turn=turn, kind="copy", position=0)
    Audit.objects.create(who="ada", what="a test")
    connection = sqlite3.connect(world.database)
    yield connection
    connection.close()


def test_these_are_the_tables_of_what_people_did():
    from assent.feedback.schema import append_only

    assert sorted(append_only.TABLES) == sorted(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_no_row_can_be_changed_or_deleted(filled, table):
    (before,) = filled.execute(f"SELECT count(*) FROM feedback_{table}").fetchone()
    assert before > 0
    column = filled.execute(f"SELECT name FROM pragma_table_info('feedback_{table}')").fetchall()[1][0]
    for order in (f"UPDATE feedback_{table} SET {column} = {column}", f"DELETE FROM feedback_{table}"):
        with pytest.raises(sqlite3.IntegrityError, match="only added"):
            filled.execute(order)
    assert filled.execute(f"SELECT count(*) FROM feedback_{table}").fetchone() == (before,)


@pytest.mark.parametrize("table", TABLES)
def test_no_row_of_the_app_can_be_replaced(filled, table):
    """REPLACE deletes without a trigger, unless they are recursive: sqlite.org/lang_conflict.html."""
    from django.db import IntegrityError, connection

    before = filled.execute(f"SELECT * FROM feedback_{table}").fetchall()
    with pytest.raises(IntegrityError, match="only added"), connection.cursor() as cursor:
        cursor.execute(f"INSERT OR REPLACE INTO feedback_{table} SELECT * FROM feedback_{table}")
    assert filled.execute(f"SELECT * FROM feedback_{table}").fetchall() == before


def test_whoever_judged_something_cannot_be_deleted(filled):
    from django.db import IntegrityError

    from assent.feedback.schema.models import Judgement, Person, Project

    for thing in (Person.objects.get(name="ann"), Project.objects.get()):
        with pytest.raises(IntegrityError):
            thing.delete()
    assert Judgement.objects.count() == 1


def test_another_kind_of_database_is_refused():
    from assent.errors import UserError
    from assent.feedback.schema.append_only import install

    with pytest.raises(UserError, match="postgresql: only SQLite is supported"):
        install(SimpleNamespace(vendor="postgresql"))


@pytest.mark.parametrize("doubled", ["uuid", "shown_id, revision", "slot_id"])
def test_no_program_can_double_a_judgement(filled, doubled):
    """A copy of a row, other in all that must differ but one thing."""
    other = {"uuid": "'x'", "shown_id": "2", "revision": "1", "slot_id": "NULL"}
    kept = doubled.split(", ")
    copied = "item_id, person_id, surplus, answer, payload_sha256, guideline, created"
    values = ", ".join(column if column in kept else value for column, value in other.items())
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        filled.execute(
            f"INSERT INTO feedback_judgement ({', '.join(other)}, {copied})"
            f" SELECT {values}, {copied} FROM feedback_judgement"
        )
