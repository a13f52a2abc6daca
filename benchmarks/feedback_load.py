"""The feedback app under load: how many judgements a second it takes, and whether a kill loses any.

    OMP_NUM_THREADS=1 python benchmarks/feedback_load.py --rate 50
    OMP_NUM_THREADS=1 python benchmarks/feedback_load.py --rate 20 --minutes 10 --kill-every 60
    OMP_NUM_THREADS=1 python benchmarks/feedback_load.py --store

`--people` annotators come in by an invite link and judge over HTTP in an open loop: judgements fall due by a
clock (a Poisson process of `--rate` a second, dealt out in turn), whether or not those before are answered.
The requests are those of the page's script, but for its files and heartbeats; what is not answered is sent
again with the same UUID after 1, 2, 4 ... seconds. The app is `assent annotate`, a process of its own on this
machine: client and server share its cores. With `--kill-every` it is killed by SIGKILL and started again.

Times are told from when a judgement was due and from when it was sent, of those due while the server was up
that the first try stored. At the end what was answered with 200 is looked for in the database and in what was
exported. The exit code is 1 if a judgement was lost, doubled or changed, or if an item has not the judgements
that its slots say.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
from feedback_people import PASSWORD, Annotator, Browser, Heard

STARTED = "Ctrl-C ends"  # the last line of the welcome
SHARES = {"p50": 0.5, "p99": 0.99, "most": 1.0}
WORDS = ("a", "marsh", "keeps", "water", "that", "hills", "let", "run", "away")
STORE_SECONDS, STORE_ITEMS = 5.0, 6000
PROJECT = """
items: items.jsonl
name: load
out: judgements.jsonl
overlap: {overlap}
shared: {{share: 0}}
"""


class Server:
    """`assent annotate` in a process, started again as often as it is killed."""

    def __init__(self, folder: Path, overlap: int):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "load.yaml").write_text(PROJECT.format(overlap=overlap))
        self.folder, self.log, self.cpu, self.up = folder, folder / "log", 0.0, []

    async def start(self) -> str:
        """What it says until it can be asked."""
        command = [sys.executable, "-m", "assent", "annotate", "load.yaml", "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        while STARTED not in (said := self.log.read_text()):
            if self.process.poll() is not None:
                raise RuntimeError(said)
            await asyncio.sleep(0.01)
        self.up.append([time.perf_counter(), float("inf")])
        return said

    def end(self, number: signal.Signals) -> None:
        self.up[-1][1] = time.perf_counter()
        used = psutil.Process(self.process.pid).cpu_times()
        self.cpu += used.user + used.system
        self.process.send_signal(number)
        self.process.wait()

    async def kill_every(self, seconds: float, over: asyncio.Event) -> None:
        while not over.is_set():
            try:
                await asyncio.wait_for(over.wait(), seconds)
            except TimeoutError:
                self.end(signal.SIGKILL)
                await self.start()

    def was_up(self, when: float) -> bool:
        return any(since <= when < until for since, until in self.up)


async def loaded(server: Server, heard: Heard, given: argparse.Namespace) -> dict:
    """Everybody comes in, and works for so many minutes."""
    admin = Browser(server.port)
    await admin.form(
        re.search(r"http://\S+(/invite/\S+)", await server.start())[1], name="adm", password=PASSWORD
    )
    wanted = {"role": "annotator", "project": "load", "uses": given.people, "days": 1}
    invite = re.search(r"http://[^\s\"<]+(/invite/[\w-]+)", await admin.form("/admin/people", **wanted))[1]
    people = [Annotator(server.port, f"person {number}", heard) for number in range(given.people)]
    for one in people:
        await one.come_in(invite)
    server.cpu -= sum(psutil.Process(server.process.pid).cpu_times()[:2])
    began, own = time.perf_counter() + 1, time.process_time()
    luck, dues, now = random.Random(given.seed), [], began
    while (now := now + luck.expovariate(given.rate)) < began + 60 * given.minutes:
        dues.append(now)
    over = asyncio.Event()
    killing = asyncio.create_task(server.kill_every(given.kill_every or float("inf"), over))
    await asyncio.gather(*(one.work(dues[number :: given.people]) for number, one in enumerate(people)))
    own = time.process_time() - own
    over.set()
    await killing
    server.end(signal.SIGTERM)
    for browser in (admin, *(one.browser for one in people)):
        browser.close()
    done, seconds = len(heard.acknowledged), heard.last - began
    at_once = [one for one in heard.times if server.was_up(one[0])]
    return {
        "due": len(dues),
        "acknowledged": done,
        "a_second": round(done / seconds, 1),
        "from_due_ms": _quantiles([end - due for due, _, end in at_once]),
        "request_ms": _quantiles([end - sent for _, sent, end in at_once]),
        "server_cpu_ms": round(1000 * server.cpu / done, 2),
        "client_cpu_ms": round(1000 * own / done, 2),
        "kills": len(server.up) - 1,
        "errors": dict(heard.errors),
        "sent_again": sum(times - 1 for name, times in heard.sent.items() if name),
        "stored_before": heard.again,
    }


def _quantiles(seconds: list[float]) -> dict:
    ordered = sorted(seconds)
    return {name: round(1000 * ordered[int(share * (len(ordered) - 1))], 1) for name, share in SHARES.items()}


def found_wrong(folder: Path, heard: Heard) -> dict:
    """What people were told against the database and its export. All but the first two should be 0."""
    with closing(sqlite3.connect(folder / "load.sqlite3")) as connection:
        said = connection.execute(
            'SELECT j.uuid, p.name, j.answer, s."order", j.item_id, j.surplus FROM feedback_judgement j '
            "JOIN feedback_person p ON p.id = j.person_id JOIN feedback_shown s ON s.id = j.shown_id"
        ).fetchall()
        slots = dict(connection.execute("SELECT item_id, count(*) FROM feedback_slot GROUP BY item_id"))
        filled = dict(connection.execute("SELECT item_id, sum(judged) FROM feedback_slot GROUP BY item_id"))
        sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    there = {str(uuid.UUID(name)): (who, _choice(answer, order)) for name, who, answer, order, *_ in said}
    held = Counter(item for *_, item, surplus in said if not surplus)
    exported = Counter(_exported(folder))
    usual = {str(uuid.UUID(row[0])) for row in said if not row[5]}
    return {
        "items": len(slots),
        "complete": sum(held[item] == count for item, count in slots.items()),
        "lost": len(heard.acknowledged.keys() - there.keys()),
        "doubled": len(said) - len({(row[1], row[4]) for row in said}) + len(said) - len(there),
        "changed": sum(name in there and there[name] != told for name, told in heard.acknowledged.items()),
        "never_sent": len(there.keys() - heard.sent.keys()),
        "beyond_k": sum(held[item] > count for item, count in slots.items()),
        "slots_wrong": sum(held[item] != filled[item] for item in slots),
        "export_wrong": len(exported.keys() ^ usual) + sum(times > 1 for times in exported.values()),
        "unsound": int(not sound),
    }


def _choice(answer: str, order: str) -> str:
    """As the browser said it."""
    number = json.loads(answer)["choice"]
    return number if isinstance(number, str) else ("left", "right")[json.loads(order).index(number)]


def _exported(folder: Path) -> Iterator[str]:
    for path in folder.glob("judgements*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)["meta"]["judgement"]


def _write_items(path: Path, count: int) -> None:
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            texts = (" ".join(draw.choices(WORDS, k=45)) for _ in range(2))
            row = {
                "input_text": f"{number}: why?",
                **{f"candidate_{k}": text for k, text in enumerate(texts)},
            }
            file.write(json.dumps(row) + "\n")


def store_pairs(folder: Path, threads: int) -> tuple[float, float]:
    """Claims with their judgements through the store alone: how many a second, and CPU ms of each."""
    from assent.feedback.settings import configure
    from assent.tools.annotate import app_services

    configure(folder / f"{threads}.sqlite3", app_services())
    from assent.feedback.exchange.imports import import_records
    from assent.feedback.schema.models import Person
    from assent.feedback.store import claims, judging, projects
    from assent.feedback.store.writer import writing

    project = projects.create("load", {"task": "pairwise", "shared": {"share": 0}}, "benchmark")
    import_records(project, app_services().read(str(folder / "items.jsonl")))
    with writing():
        people = [Person.objects.create(name=f"person {number}") for number in range(threads)]
    done: Counter[str] = Counter()
    began, own = time.perf_counter(), time.process_time()

    def work(person: Person) -> None:
        while time.perf_counter() < began + STORE_SECONDS and (shown := claims.claim(person, project)):
            judging.submit(person, judging.Submission(uuid.uuid4(), shown.pk, {"choice": "left"}))
            done[person.name] += 1

    at_work = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in at_work:
        thread.start()
    for thread in at_work:
        thread.join()
    pairs, own = done.total(), time.process_time() - own
    return pairs / (time.perf_counter() - began), 1000 * own / pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rate", type=float, default=50.0, help="judgements a second, of all")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--overlap", type=int, default=3, help="judgements an item")
    parser.add_argument("--kill-every", type=float, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", action="store_true", help="the store alone, with 1 and with 16 threads")
    parser.add_argument("--folder", type=Path, help="on the disk that is meant")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder, items = Path(name), int(0.95 * 60 * given.minutes * given.rate / given.overlap)
        _write_items(folder / "items.jsonl", STORE_ITEMS if given.store else items)
        if given.store:
            for threads in (1, 16):
                a_second, cpu = store_pairs(folder, threads)
                print(
                    f"{threads} threads: {a_second:.0f} claims and judgements a second, {cpu:.2f} CPU ms each"
                )
            return
        heard, server = Heard(), Server(folder, given.overlap)
        told = asyncio.run(loaded(server, heard, given))
        wrong = found_wrong(folder, heard)
    print(json.dumps(told | wrong | {"load": os.getloadavg()[0]}, indent=1))
    raise SystemExit(any(wrong[key] for key in wrong.keys() - {"items", "complete"}))


if __name__ == "__main__":
    main()
