"""The port, the names by which it is asked, one app a database, and an end that loses nothing."""

import os
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from types import SimpleNamespace

import httpx2
import pytest
from browser import session_of
from django.conf import settings as configured
from feedback_world import services

from assent.errors import UserError
from assent.feedback import settings
from assent.feedback.server import App, _signals, listen, only_server, serve

TOKEN = "t" * 32  # the same in cookie and header: that is all that a CSRF token must be


@contextmanager
def serving(world, *names, https=False):
    """(address, what ends it, the thread) of an app as the command serves it."""
    listening = listen("127.0.0.1", 0, names, https)
    app, end, ready = App(world.database, services(), listening.place), threading.Event(), threading.Event()
    thread = threading.Thread(target=serve, args=(listening, ready.set, end))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{listening.socket.getsockname()[1]}", end, thread
    finally:
        end.set()
        thread.join(20)
        app.close()
    assert not thread.is_alive()


def ask(address, session, path):
    cookies = {configured.SESSION_COOKIE_NAME: session, configured.CSRF_COOKIE_NAME: TOKEN}
    sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return httpx2.post(
        f"{address}{path}", json={}, headers={"Cookie": sent, "X-CSRFToken": TOKEN}, timeout=30
    )


def test_a_request_in_flight_is_answered_before_the_end(world):
    from assent.feedback.schema.models import Shown
    from assent.feedback.store.writer import writing

    project = world.project()
    world.items(project, 1)
    ann = world.person("ann", "annotator", project)
    got = []
    with serving(world) as (address, end, thread):
        session = session_of(world, ann)
        port = int(address.rpartition(":")[2])
        with writing():  # nobody else can write: the request waits
            asking = threading.Thread(target=lambda: got.append(ask(address, session, "/p/pairs/next")))
            asking.start()
            while not _writers_waiting():
                time.sleep(0.01)
            end.set()
            while _accepts(port):
                time.sleep(0.01)
            assert thread.is_alive()
            assert got == []
        asking.join(20)
        thread.join(20)
    assert got[0].status_code == 200
    assert got[0].json()["state"] == "item"
    assert Shown.objects.count() == 1


def _writers_waiting():
    from assent.feedback.store import writer

    return len(writer._queue._waiting)


def _accepts(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_after_the_end_the_database_is_one_file(world):
    with serving(world):
        world.items(world.project(), 3)
        wal = world.database.with_name(f"{world.database.name}-wal")
        assert wal.stat().st_size > 0
    assert not wal.exists() or wal.stat().st_size == 0
    with sqlite3.connect(f"file:{world.database}?immutable=1", uri=True) as alone:
        assert alone.execute("SELECT count(*) FROM feedback_item").fetchone() == (3,)


def test_names_that_were_not_allowed_are_refused(world):
    with serving(world) as (address, _, _thread):
        port = address.rpartition(":")[2]
        assert httpx2.get(f"{address}/login").status_code == 200
        assert httpx2.get(f"http://localhost:{port}/login").status_code == 200
        assert httpx2.get(f"{address}/login", headers={"Host": "evil.example"}).status_code == 400


def test_a_port_that_is_taken_is_told_of():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port}: cannot listen there: .*: --port \d+"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_this_machine_is_told_of():
    with pytest.raises(UserError, match=r"192\.0\.2\.1:0: cannot listen there"):
        listen("192.0.2.1", 0)  # of documents: RFC 5737


@pytest.mark.parametrize("host", ["tea..lab", ".tea", "t" * 70])
def test_a_host_that_is_no_name_is_told_of(host):
    with pytest.raises(UserError, match=f"{host}:0: cannot listen there: .*choose another: --port"):
        listen(host, 0)


def test_everywhere_tells_and_admits_this_machines_addresses():
    listening = listen("0.0.0.0", 0)
    listening.socket.close()
    port = listening.addresses[0].rpartition(":")[2]
    assert f"http://127.0.0.1:{port}" in listening.addresses
    assert "0.0.0.0" not in " ".join(listening.addresses)
    told = {address.removeprefix("http://").rpartition(":")[0] for address in listening.addresses}
    assert told <= set(listening.place.hosts)
    assert socket.gethostname().lower() in listening.place.hosts


def test_names_that_are_allowed_are_told_with_the_others():
    listening = listen("127.0.0.1", 0, ["annotate.lab"])
    listening.socket.close()
    port = listening.addresses[0].rpartition(":")[2]
    assert listening.addresses == (f"http://127.0.0.1:{port}", f"http://annotate.lab:{port}")
    assert "annotate.lab" in listening.place.hosts


def test_behind_a_proxy_the_address_is_the_proxys():
    listening = listen("127.0.0.1", 0, ["annotate.lab"], https=True)
    listening.socket.close()
    assert listening.addresses == ("https://annotate.lab",)
    assert listening.place.https
    assert listening.place.address == "https://annotate.lab"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_an_app_of_this_machine_alone_has_no_address_for_others(host):
    listening = listen(host, 0)
    listening.socket.close()
    assert listening.place.address == ""


def test_an_app_for_others_has_an_address_that_they_reach():
    listening = listen("0.0.0.0", 0)
    listening.socket.close()
    assert listening.place.address in listening.addresses
    assert "//127." not in listening.place.address
    assert "//localhost" not in listening.place.address


def test_behind_a_proxy_cookies_are_for_https_alone(world):
    """The proxy says how it was asked; a form that was sent over https comes from there."""
    with serving(world, "annotate.lab", https=True) as (address, _, _thread):
        asked = {"Host": "annotate.lab", "X-Forwarded-Proto": "https"}
        shown = httpx2.get(f"{address}/login", headers=asked)
        [cookie] = [
            one
            for one in shown.headers.get_list("set-cookie")
            if one.startswith(f"{configured.CSRF_COOKIE_NAME}=")
        ]
        assert "Secure" in cookie
        token = cookie.removeprefix(f"{configured.CSRF_COOKIE_NAME}=").partition(";")[0]
        sent = {
            **asked,
            "Origin": "https://annotate.lab",
            "Cookie": f"{configured.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
        }
        nobody = {"name": "nobody", "password": "none"}
        assert httpx2.post(f"{address}/login", data=nobody, headers=sent).status_code == 422
        elsewhere = {**sent, "Origin": "https://evil.example"}
        assert httpx2.post(f"{address}/login", data=nobody, headers=elsewhere).status_code == 403


def test_a_name_that_nobody_allowed_is_told_of_once(world, capfd):
    with serving(world) as (address, _, _thread):
        for _ in range(2):
            httpx2.get(f"{address}/login", headers={"Host": "tea.lab"})
    told = capfd.readouterr().err
    assert told.count("You may need to add 'tea.lab' with --allow-host.") == 1
    assert "Traceback" not in told


def test_a_database_has_one_app(tmp_path):
    database = tmp_path / "new" / "feedback.sqlite3"
    with only_server(database) as note:
        note("http://127.0.0.1:8000")
        told = rf"served already, by process {os.getpid()} at http://127\.0\.0\.1:8000"
        with pytest.raises(UserError, match=told), only_server(database):
            pass
    with only_server(database):
        pass


def test_a_database_has_one_app_by_whatever_link_it_is_reached(tmp_path):
    (tmp_path / "feedback.sqlite3").touch()
    link = tmp_path / "linked" / "feedback.sqlite3"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "feedback.sqlite3")
    with (
        only_server(tmp_path / "feedback.sqlite3"),
        pytest.raises(UserError, match="served already"),
        only_server(link),
    ):
        pass


def test_a_database_that_cannot_be_written_is_named_at_the_start(world, monkeypatch):
    monkeypatch.setattr(settings, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(world.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match=r"feedback\.sqlite3: the database is busy"):
            App(world.database, services(), settings.Place())


def test_a_lock_that_is_a_link_is_not_written_through(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "feedback.sqlite3.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match="cannot be locked"), only_server(tmp_path / "feedback.sqlite3"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_closed_terminal_may_ask_twice_and_is_not_heard_under_nohup():
    """By the system and by its shell; the second one of other signals ends the process at once."""
    end, before = threading.Event(), signal.getsignal(signal.SIGHUP)
    with _signals(end, SimpleNamespace(pull_trigger=lambda: None)):
        for _ in range(2):
            signal.getsignal(signal.SIGHUP)(signal.SIGHUP, None)
        assert end.is_set()
    assert signal.getsignal(signal.SIGHUP) is before
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _signals(end, None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
