"""The app starts on a fresh folder, keeps its secret, and sends strict headers on every answer."""

import os
import stat


def test_a_fresh_database_has_its_tables_and_its_guards(world):
    from django.db import connection

    from assent.feedback.schema.append_only import missing

    assert world.project().pk == 1
    assert missing(connection) == []


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


def test_the_app_is_served(world):
    import httpx2

    with world.served() as address:
        assert httpx2.get(f"{address}/nowhere").status_code == 404
