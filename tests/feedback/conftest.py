"""A database of its own for each test, migrated once; the app in the test's own process."""

import os
import shutil
from pathlib import Path

import pytest
from django.utils import translation
from feedback_world import World, services

from assent.feedback.settings import Place, configure

# Playwright keeps an event loop in the tests' thread, in which nothing of Django's ever waits.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> Path:
    """A folder with an empty database in which all tables are."""
    folder = tmp_path_factory.mktemp("migrated")
    configure(folder / "feedback.sqlite3", services())
    _close()
    return folder


@pytest.fixture
def world(migrated, tmp_path, monkeypatch) -> World:
    """An empty app on a database of its own; its pages take an answer at once, as tests are quick."""
    for path in migrated.iterdir():
        shutil.copy(path, tmp_path / path.name)
    database = tmp_path / "feedback.sqlite3"
    configure(database, services(), Place(hosts=("localhost", "127.0.0.1", "testserver")))
    monkeypatch.setattr("assent.feedback.views.work.FRESH_MILLISECONDS", 0)
    yield World(database)
    translation.deactivate()  # the last request's language would be the next test's
    _close()


def _close() -> None:
    from django.db import connections

    connections.close_all()


@pytest.fixture(scope="session")
def chromium_browser():
    """One browser for all tests; each opens contexts of its own."""
    from browser import started

    with started() as browser:
        yield browser
