"""`assent annotate` as people start it, in a process of its own; and somebody who visits it over HTTP."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager

import httpx2

STARTED = "Ctrl-C ends"  # the last line of the welcome
PASSWORD = "three brown owls"


class Annotating:
    """The process, and what it has said so far."""

    def __init__(self, folder, *words):
        command = [sys.executable, "-m", "assent", "annotate", *map(str, words), "--port", "0"]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.said = []
        self._visitors = []
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, text, seconds=120):
        """Wait until a line says this; that line."""
        while True:
            line = self._lines.get(timeout=seconds)
            assert line is not None, f"it ended without saying {text!r}:\n" + "".join(self.said)
            self.said.append(line)
            if text in line:
                return line

    def started(self):
        self.until(STARTED)
        whole = "".join(self.said)
        self.address = re.search(r"^Open (\S+)/$", whole, re.MULTILINE)[1]
        link = re.search(r"^  (\S+/invite/\S+)$", whole, re.MULTILINE)
        self.admin_link = link[1] if link else None
        return self

    def visitor(self, name, link=None):
        """Somebody who comes in by a link, else by the first admin's."""
        self._visitors.append(Visitor(self.address))
        return self._visitors[-1].follow(link or self.admin_link, name)

    def close(self):
        """End it hard if the test did not end it."""
        for one in self._visitors:
            one.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        self.process.stdout.close()

    def end(self, number=signal.SIGINT):
        """Ask for the end; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        while not self._lines.empty():
            self.said.append(self._lines.get() or "")
        return code

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def annotating(folder, *words):
    """The app, served."""
    one = Annotating(folder, *words)
    try:
        yield one.started()
    finally:
        one.close()


class Visitor:
    """Somebody with a browser that has no scripts."""

    def __init__(self, address):
        self.client = httpx2.Client(base_url=address, follow_redirects=True, timeout=60)

    def follow(self, link, name):
        """Come in by a link of one's own."""
        form = {"name": name, "password": PASSWORD, "csrfmiddlewaretoken": self._token(link)}
        response = self.client.post(link, data=form)
        assert response.status_code == 200, response.text
        return self

    def get(self, path):
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return response.text

    def next(self, project):
        return self.post(f"/p/{project}/next", {})

    def post(self, path, body):
        response = self.client.post(path, json=body, headers={"X-CSRFToken": self._csrf})
        assert response.status_code in (200, 202), (path, response.status_code, response.text)
        return response.json()

    def judge(self, project, answer):
        """Take what is next, and answer it."""
        given = self.next(project)
        assert given["state"] == "item", given
        said = {"uuid": str(uuid.uuid4()), "shown": given["shown"], "revision": 1, "answer": answer}
        return self.post(f"/p/{project}/judgements", {**said, "seconds": 1.0})

    def close(self):
        self.client.close()

    def _token(self, path):
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))[1]

    @property
    def _csrf(self):
        [token] = [value for name, value in self.client.cookies.items() if name.startswith("csrf_")]
        return token
