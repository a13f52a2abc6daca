"""The server is killed again and again while people work: what it said is stored is stored, once."""

import http.client
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

from browser import session_of
from django.conf import settings as configured
from feedback_world import new_uuid

SERVER = Path(__file__).with_name("killed_server.py")
TOKEN = "c" * 32  # of CSRF: a cookie and a header that agree
KILLS, PEOPLE, ITEMS = 4, 4, 100
DEADLINE_SECONDS = 120


class Client(threading.Thread):
    """Somebody who judges all that they are given, and sends again what was not acknowledged."""

    def __init__(self, port, session, seed):
        super().__init__(daemon=True)
        self.port, self.session, self.luck = port, session, random.Random(seed)
        self.acknowledged, self.resent, self.refused = [], 0, []
        self.end = time.monotonic() + DEADLINE_SECONDS

    def run(self):
        while (item := self.post("next", {}))["state"] == "item":
            choice = self.luck.choice(["left", "right", "tie"])
            judged = {"uuid": new_uuid(), "shown": item["shown"], "answer": {"choice": choice}}
            if self.luck.random() < 0.1:
                self.hang_up("judgements", judged)
            answer = self.post("judgements", judged)
            assert answer["stored"]
            self.resent += answer["same"]
            self.acknowledged.append(judged["uuid"].replace("-", ""))

    def post(self, path, body):
        """Until it is answered: a server that is gone comes back."""
        while time.monotonic() < self.end:
            try:
                with closing(self.connection()) as connection:
                    self.ask(connection, path, body)
                    with connection.getresponse() as response:
                        status, text = response.status, response.read()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if status == 200:
                return json.loads(text)
            self.refused.append((status, text))
            time.sleep(0.02)
        raise TimeoutError(path)

    def hang_up(self, path, body):
        """The answer is never read: it gets lost on its way."""
        try:
            with closing(self.connection()) as connection:
                self.ask(connection, path, body)
        except OSError:
            return

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, connection, path, body):
        cookies = {configured.SESSION_COOKIE_NAME: self.session, configured.CSRF_COOKIE_NAME: TOKEN}
        headers = {
            "Content-Type": "application/json",
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "X-CSRFToken": TOKEN,
        }
        connection.request("POST", f"/p/pairs/{path}", json.dumps(body), headers)


@contextmanager
def serving(database, port):
    """A server that answers; whatever becomes of it, it is gone in the end."""
    command = [sys.executable, str(SERVER), str(database), str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and not _listens(port):
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def _listens(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_that_is_killed_loses_and_doubles_nothing(world, unused_port):
    from django.db import connections

    project = world.project()
    world.items(project, ITEMS, slots=2)
    people = [world.person(f"person {number}", "annotator", project) for number in range(PEOPLE)]
    clients = [Client(unused_port, session_of(world, one), seed) for seed, one in enumerate(people)]
    connections.close_all()
    luck = random.Random(3)
    for number in range(KILLS + 1):
        with serving(world.database, unused_port) as process:
            for client in clients if number == 0 else ():
                client.start()
            if number < KILLS:
                time.sleep(luck.uniform(0.2, 0.7))
                process.send_signal(signal.SIGKILL)
                process.wait(timeout=10)
            else:
                for client in clients:
                    client.join(timeout=DEADLINE_SECONDS)
    assert [client.refused for client in clients] == [[]] * PEOPLE
    check(world.database, [uuid for client in clients for uuid in client.acknowledged])
    assert sum(client.resent for client in clients) > 0  # some were committed, and their answer was lost


def check(database, acknowledged):
    """Opened as it was left: no repair, no app."""
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    stored = [row[0] for row in connection.execute("SELECT uuid FROM feedback_judgement")]
    assert len(acknowledged) == ITEMS * 2
    assert sorted(stored) == sorted(acknowledged)
    twice = "SELECT count(*) FROM feedback_judgement GROUP BY person_id, item_id HAVING count(*) > 1"
    assert connection.execute(twice).fetchall() == []
    counts = "SELECT count(*), sum(judged) FROM feedback_slot GROUP BY item_id HAVING count(*) <> sum(judged)"
    assert connection.execute(counts).fetchall() == []
    connection.close()
