"""A backup by the commands of docs/feedback.md, taken while people judge, and what it is put back to."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import threading
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from annotating import Visitor, annotating

GUIDE = (Path(__file__).parents[2] / "docs" / "feedback.md").read_text("utf-8")
COMMANDS = re.search(r"\*\*Backups\.\*\*.*?```sh\n(.*?)```", GUIDE, re.DOTALL)[1].splitlines()
SHOWN = "runs/recipe/feedback.sqlite3"  # the database as the guide calls it
WORDS = ("pairs.jsonl", "--out", "judgements.jsonl")


@pytest.fixture
def folder(tmp_path):
    rows = [{"input_text": f"{n}?", "candidate_0": "one", "candidate_1": "two"} for n in range(400)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


class AtWork(threading.Thread):
    """Somebody who judges until told to stop; `acknowledged` grows with each answer."""

    def __init__(self, visitor):
        super().__init__(daemon=True)
        self.visitor, self.acknowledged, self.stop = visitor, [], threading.Event()

    def run(self):
        while not self.stop.is_set():
            self.acknowledged.append(answered(self.visitor))

    def wait_for(self, more):
        wanted = len(self.acknowledged) + more
        while len(self.acknowledged) < wanted and self.is_alive():
            self.stop.wait(0.01)
        assert len(self.acknowledged) >= wanted


def answered(visitor):
    """The UUID of a judgement that is stored."""
    given = visitor.next("pairs")
    said = {"uuid": str(uuid.uuid4()), "shown": given["shown"], "answer": {"choice": "left"}}
    assert visitor.post("/p/pairs/judgements", said)["stored"]
    return said["uuid"]


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: Path(line.split()[0]).name)
def test_what_was_stored_before_a_backup_is_there_when_it_is_put_back(folder, line):
    command = documented(line)
    with annotating(folder, *WORDS) as app:
        ann = app.visitor("ann")
        at_work = AtWork(ann)
        at_work.start()
        at_work.wait_for(20)
        before = list(at_work.acknowledged)
        subprocess.run(command, cwd=folder, check=True, timeout=120)
        at_work.wait_for(5)
        at_work.stop.set()
        at_work.join(60)
        cookies = dict(ann.client.cookies)
        assert app.end() == 0
    put_back(folder)
    sound(folder / "judgements.sqlite3", before, at_work.acknowledged)
    with annotating(folder, *WORDS) as again:
        assert again.admin_link is None
        with closing(Visitor(again.address)) as back:
            back.client.cookies.update(cookies)  # the secret is the same: nobody has to log in anew
            after = answered(back)
        assert again.end() == 0
    exported = [json.loads(row) for row in (folder / "judgements.jsonl").read_text().splitlines()]
    assert {*before, after} <= {row["meta"]["judgement"] for row in exported}


def documented(line):
    """The command, for the database here."""
    words = shlex.split(line.partition("  #")[0].replace(SHOWN, "judgements.sqlite3"))
    if words[0] == "sqlite3" and not shutil.which("sqlite3"):
        pytest.skip("no sqlite3 here: apt-get install sqlite3")
    return [sys.executable if words[0].endswith("python") else words[0], *words[1:]]


def put_back(folder):
    """As the guide says."""
    for suffix in ("-wal", "-shm"):
        (folder / f"judgements.sqlite3{suffix}").unlink(missing_ok=True)
    (folder / "copy.sqlite3").replace(folder / "judgements.sqlite3")
    (folder / "judgements.jsonl").rename(folder / "later.jsonl")


def sound(database, before, acknowledged):
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        there = {row[0] for row in connection.execute("SELECT uuid FROM feedback_judgement")}
        assert {one.replace("-", "") for one in before} <= there
        assert there <= {one.replace("-", "") for one in acknowledged}
        for said in ("UPDATE feedback_judgement SET answer = '{}'", "DELETE FROM feedback_judgement"):
            with pytest.raises(sqlite3.IntegrityError, match="are only added"):
                connection.execute(said)
