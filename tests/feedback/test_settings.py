"""The app starts on a fresh folder, keeps its secret, and sends strict headers on every answer."""

import os
import sqlite3
import stat
from io import StringIO

import pytest
from feedback_world import services

from assent.errors import UserError


def test_a_fresh_database_has_its_tables_and_its_guards(world):
    from django.db import connection

    from assent.feedback.schema.append_only import missing

    assert world.project().pk == 1
    assert missing(connection) == []


def test_the_migrations_make_what_the_models_say(world):
    from django.core.management import call_command

    told = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=told)  # SystemExit where one is missing
    assert told.getvalue() == "No changes detected\n"


def test_each_connection_waits_for_the_disk(world):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (2,)  # FULL: sqlite.org/pragma.html#pragma_synchronous
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)


def test_the_secret_is_for_its_owner_alone(world):
    path = world.database.with_name("feedback.sqlite3.secret")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_page_that_is_not_there_has_strict_headers_as_well(world):
    response = world.client().get("/nowhere")
    assert response.status_code == 404
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"


def test_what_is_not_there_under_static_is_kept_by_nobody(world):
    response = world.client().get("/static/feedback/nothing.css")
    assert (response.status_code, response["Cache-Control"]) == (404, "no-store")
    assert world.client().get("/static/feedback/app.css")["Cache-Control"] == "no-cache"


def test_names_of_files_that_are_not_there_are_not_remembered(world):
    from assent.feedback.views import static

    client = world.client()
    client.get("/static/feedback/app.css")
    before = static._file.cache_info().currsize
    for number in range(3):
        assert client.get(f"/static/{number}.css").status_code == 404
    assert static._file.cache_info().currsize == before


def test_the_app_is_served(world):
    import httpx2

    with world.served() as address:
        assert httpx2.get(f"{address}/nowhere").status_code == 404


def test_a_database_of_a_later_release_is_refused(world):
    from assent.feedback.settings import configure

    with sqlite3.connect(world.database) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('feedback', '0999_later', '2030')"
        )
    connection.close()
    with pytest.raises(UserError, match=r"made by a later release of assent \(it has 0999_later\)"):
        configure(world.database, services())


def test_a_file_that_is_no_database_is_refused_and_left_alone(world, tmp_path):
    from assent.feedback.settings import configure

    other = tmp_path / "letter.sqlite3"
    other.write_text("Dear Ann, " * 1000)
    with pytest.raises(UserError, match=r"letter\.sqlite3: cannot be used as the app's database"):
        configure(other, services())
    assert other.read_text() == "Dear Ann, " * 1000


def test_a_folder_that_cannot_be_made_is_told_of(world, tmp_path):
    from feedback_world import services

    from assent.feedback.settings import configure

    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"file/run: .*: give a folder that can be written"):
        configure(tmp_path / "file" / "run" / "feedback.sqlite3", services())


def test_a_secret_that_was_cut_off_is_made_anew(world):
    """A power cut between making the file and writing it."""
    from django.conf import settings

    from assent.feedback.settings import configure

    path = world.database.with_name("feedback.sqlite3.secret")
    path.write_text("")
    configure(world.database, services())
    assert len(settings.SECRET_KEY) == 64
    assert path.read_text().strip() == settings.SECRET_KEY
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_sessions_that_have_expired_are_deleted_at_the_start(world):
    from datetime import UTC, datetime, timedelta

    from django.contrib.sessions.models import Session

    from assent.feedback.server import App
    from assent.feedback.settings import Place

    now = datetime.now(UTC)
    for key, days in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    App(world.database, services(), Place()).close()
    assert [one.session_key for one in Session.objects.all()] == ["new"]


def test_a_busy_database_is_503_where_a_session_is_written_as_well(world):
    """Whose password has changed is logged out by the next page: that is written outside of every view."""
    from django.db import connection

    from assent.feedback.schema.models import Person

    ann = world.person("ann", "annotator", world.project())
    client = world.client(ann)
    Person.objects.update(password="!other")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(world.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = client.get("/p/pairs/")
    asked = client.get("/p/pairs/last", headers={"Accept": "application/json"})
    other.execute("ROLLBACK")
    other.close()
    assert (refused.status_code, refused["Retry-After"]) == (503, "2")
    assert "Nothing was changed" in refused.content.decode()
    assert (asked.status_code, asked.json()["error"]) == (503, "the database is busy: try again")
    assert client.get("/p/pairs/")["Location"] == "/login?next=/p/pairs/"
