"""The app with a million judgements: import, export and start, how fast and in how much memory.

    OMP_NUM_THREADS=1 python benchmarks/feedback.py
    python benchmarks/feedback.py --judgements 100000 --each 1 --rounds 1

The judgements are made up: `--each` of them an item, far apart in the file, as several people leave them;
three texts of 150 to 300 characters. Every step is a process of its own. Its seconds are told by the clock,
from the start of Python to its end, and by the processor; its memory is the peak of the process. Of several
rounds the medians are told. `start` is told until the first page is there; `same` imports the same file
again, which adds nothing.
"""

import argparse
import filecmp
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

SEED = 0
TEXT_CHARACTERS = (150, 300)
SOUP_CHARACTERS = 2**22
PEOPLE = 50
PROJECT = "pairs"
STARTED = 1_760_000_000  # seconds since 1970, of the first judgement
STEPS = ("import", "same", "export", "start")


def rows(count: int, each: int) -> Iterator[dict]:
    """Judgements as the app itself exports them."""
    draw = random.Random(SEED)
    soup = "".join(draw.choices("etaoinshrdlu etaoin ", k=SOUP_CHARACTERS))
    items = -(-count // each)
    for number in range(count):
        item = number % items
        prompt, *answers = (_text(soup, 3 * item + k) for k in range(3))
        person = (item + number // items) % PEOPLE
        yield {
            "input_text": prompt,
            "candidate_0": answers[0],
            "candidate_1": answers[1],
            "choice": draw.randrange(2),
            "meta": {
                "annotator": f"person-{person}",
                "item": f"item-{item}",
                "seconds": round(draw.uniform(2, 60), 1),
                "shown_order": draw.choice(([0, 1], [1, 0])),
                "judgement": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
                "guideline": 1,
                "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(STARTED + number))}.000Z",
                "revision": 1,
                "policies": ["sft", "tuned"],
            },
        }


def _text(soup: str, number: int) -> str:
    """Text number `number`: the same whenever it is asked for."""
    shortest, longest = TEXT_CHARACTERS
    start = number * 1_000_003 % (SOUP_CHARACTERS - longest)
    return f"{number} {soup[start : start + shortest + number * 7919 % (longest - shortest)]}"


# Steps, each in a process of its own


def _make(folder: Path, count: int, each: int) -> None:
    with (folder / "judgements.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(count, each))


def _configured(folder: Path) -> None:
    from assent.feedback.settings import Place, configure
    from assent.tools.annotate import app_services

    configure(folder / "feedback.sqlite3", app_services(), Place(hosts=("testserver",)))


def _import(folder: Path) -> dict:
    _configured(folder)
    from django.conf import settings

    from assent.feedback.exchange.imports import import_records
    from assent.feedback.schema.models import Project
    from assent.feedback.store.projects import create

    project = Project.objects.filter(name=PROJECT).first() or create(
        PROJECT, {"task": "pairwise"}, "benchmark"
    )
    done = import_records(project, settings.SERVICES.read(str(folder / "judgements.jsonl")))
    return {"items": done.items, "judgements": done.judgements, "same": done.same}


def _export(folder: Path) -> dict:
    from assent.feedback.exchange.export import exported, reading
    from assent.tools.annotate_formats import lines

    with reading(folder / "feedback.sqlite3") as connection, (folder / "out.jsonl").open("w") as file:
        file.writelines(lines(exported(connection, PROJECT)))
    return {"megabytes": (folder / "out.jsonl").stat().st_size >> 20}


def _start(folder: Path) -> dict:
    """Seconds from the beginning of the process until a browser has its first page."""
    import psutil

    from assent.feedback.server import App, listen, serve
    from assent.tools.annotate import app_services

    listening, end, ready = listen("127.0.0.1", 0), threading.Event(), threading.Event()
    app = App(folder / "feedback.sqlite3", app_services(), listening.place)
    thread = threading.Thread(target=serve, args=(listening, ready.set, end))
    thread.start()
    ready.wait()
    address = f"http://127.0.0.1:{listening.socket.getsockname()[1]}/login"
    with urllib.request.urlopen(address) as page:
        told = {"status": page.status, "seconds": time.time() - psutil.Process().create_time()}
    end.set()
    thread.join()
    app.close()
    return told


RUN: dict[str, Callable[[Path], dict]] = {
    "import": _import,
    "same": _import,
    "export": _export,
    "start": _start,
}


def measured(step: str, folder: Path) -> dict:
    """One step, in a process of its own."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = json.loads(done.stdout)
    return {"seconds": time.perf_counter() - began, "cpu_seconds": cpu, **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--judgements", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=3, help="judgements an item")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", choices=STEPS, help="run one step here, on --folder")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.step:
        told = RUN[given.step](given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"peak_mb": peak, "torch": "torch" in sys.modules, **told}))
        return
    found: dict[str, list[dict]] = {step: [] for step in STEPS}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        source = Path(name)
        _make(source, given.judgements, given.each)
        for number in range(given.rounds):
            folder = source / str(number)
            folder.mkdir()
            (folder / "judgements.jsonl").symlink_to(source / "judgements.jsonl")
            for step in STEPS:
                found[step].append(measured(step, folder))
                print(step, json.dumps(found[step][-1]), flush=True)
            # In small pieces: Linux counts what this process ever held to the peak of those it starts.
            identical = filecmp.cmp(folder / "out.jsonl", source / "judgements.jsonl", shallow=False)
            print("exported as it was imported:", identical, flush=True)
            for path in folder.iterdir():
                path.unlink()
    for step, rounds in found.items():
        keys = ("seconds", "cpu_seconds", "peak_mb")
        told = {key: round(statistics.median(one[key] for one in rounds), 1) for key in keys}
        print(f"| {step} | {told['seconds']} | {told['cpu_seconds']} | {told['peak_mb']:.0f} |")


if __name__ == "__main__":
    main()
