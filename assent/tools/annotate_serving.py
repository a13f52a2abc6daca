"""The app at work on a job: what is told at its start and end, and what is done while people judge."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from assent.errors import AssentError
from assent.feedback.asked import ANSWERED, Wanted, items_answered, items_in
from assent.feedback.exchange.export import reading
from assent.feedback.server import App, listen, only_server, serve
from assent.feedback.services import Services
from assent.tools.annotate import Job
from assent.tools.annotate_files import write_judgements

LOOK_SECONDS = 2.0
TOLD_SECONDS = 60.0  # between two lines that say how far people are
LOOK_SHARE = 20  # a look that takes long is taken seldom: at most this part of the time

# Items that lack judgements, and that somebody has skipped and not judged after all. Skips are few.
_SKIPPED = """
SELECT count(*) FROM (
    SELECT DISTINCT shown.item_id AS number FROM feedback_skip AS skip
    CROSS JOIN feedback_shown AS shown ON shown.id = skip.shown_id
    CROSS JOIN feedback_item AS item ON item.id = shown.item_id
    WHERE item.project_id = (SELECT id FROM feedback_project WHERE name = ?) AND item.part = 'real'
        AND item.listed IS NOT FALSE
        AND NOT EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
) AS skipped
WHERE (SELECT count(*) FROM feedback_slot WHERE item_id = skipped.number AND judged) < ?
"""

Look = Callable[[], None]


@dataclass(frozen=True)
class Saying:
    """Where lines for people go."""

    line: Callable[[str], None]
    quiet: bool = False

    def progress(self, text: str) -> None:
        """A line of passing interest; nothing when quiet."""
        if not self.quiet:
            self.line(text)


@dataclass(frozen=True)
class Where:
    """On which port, under which names."""

    host: str = "127.0.0.1"
    port: int = 8000
    allowed: tuple[str, ...] = ()
    https: bool = False


@dataclass(frozen=True)
class Opened:
    """An app that people can reach."""

    app: App
    services: Services

    def open(self, wanted: Sequence[Wanted]) -> list[Any]:
        return [self.app.open_project(one, self.services.read) for one in wanted]


def annotate(
    job: Job,
    where: Where,
    services: Services,
    saying: Saying,
    meanwhile: Callable[[Opened], AbstractContextManager[Look]] | None = None,
    new_admin_link: bool = False,
) -> None:
    """Serve a job until a signal asks for the end.

    Args:
        new_admin_link: print a link by which somebody becomes an admin, where there is one already.
        meanwhile: given the app, what is done again and again while people judge.

    Raises:
        UserError: the port or the database is taken, or what is asked for has a mistake.
    """
    with only_server(job.database) as note:
        listening = listen(where.host, where.port, where.allowed, where.https)
        address = listening.addresses[0]
        note(address)
        opened = Opened(App(job.database, services, listening.place), services)
        try:
            for line in (*job.notes, f"database: {job.database}"):
                saying.progress(line)
            for made in opened.open(job.wanted):
                for line in _brought(made):
                    saying.progress(line)
            link = opened.app.admin_link(address, again=new_admin_link)

            def ready() -> None:
                for line in _welcome(job, listening.addresses, link, by_itself=meanwhile is not None):
                    saying.line(line)

            with ExitStack() as stack:
                looks = [_exporting(job, saying), _telling(job, saying)]
                if meanwhile is not None:
                    looks.append(stack.enter_context(meanwhile(opened)))
                elif job.go_on and job.out is None:
                    looks.append(_calling(job, saying))
                with _watching(looks, saying):
                    serve(listening, ready)
            _farewell(job, saying)
        finally:
            opened.app.close()


def _brought(made: Any) -> Iterator[str]:
    """What the file or the recipe has changed."""
    if made.items:
        yield f"{made.name}: {made.items} new items"
    if made.judgements:
        yield (
            f"{made.name}: {made.judgements} judgements came with them and count; to judge these items anew, "
            "take the answers alone: assent convert, --to candidates"
        )
    if made.retired:
        yield f"{made.name}: {made.retired} items left the file, and are asked no more"


def _welcome(job: Job, addresses: Sequence[str], link: str | None, *, by_itself: bool) -> Iterator[str]:
    yield from how_far(job)
    yield ""
    yield f"Open {addresses[0]}/"
    for other in addresses[1:]:
        yield f"  or {other}/"
    if link:
        yield "This link makes you an admin; it works once, within a day:"
        yield f"  {link}"
    else:
        yield "Invite others from the project's page there."
    if by_itself:
        yield f"When enough is answered, this goes on by itself: {job.go_on}"
    elif job.go_on:
        yield f"{'Then' if job.out else 'When enough is answered'}: {job.go_on}"
    yield "Ctrl-C ends; all that was judged is kept."


def how_far(job: Job) -> list[str]:
    """One line a project."""
    with reading(job.database) as connection:
        return [_how_far(connection, one) for one in job.wanted if one.settings.task != "chat"]


def _how_far(connection: sqlite3.Connection, wanted: Wanted) -> str:
    done = items_answered(connection, wanted.name, wanted.settings.overlap)
    there, what = items_in(connection, wanted.name), ANSWERED[wanted.settings.task]
    want = there if wanted.want is None else wanted.want
    if done > want:
        return f"{wanted.name}: {done} {what} answered; {want} were wanted"
    few = f"; there are only {there}" if there < want else ""
    left = ""
    if done < want:
        [skipped] = connection.execute(_SKIPPED, (wanted.name, wanted.settings.overlap)).fetchone()
        left = f"; skipped, and left to others: {skipped}" if skipped else ""
    return f"{wanted.name}: {done} of {want} {what} answered{few}{left}"


def _farewell(job: Job, saying: Saying) -> None:
    for line in how_far(job):  # first: what is at the place of a file may be refused
        saying.line(line)
    done = write_judgements(job) if job.out is not None else [f"go on with: {job.go_on}"] if job.go_on else []
    for line in done:
        saying.line(line)


def _telling(job: Job, saying: Saying) -> Look:
    """Say how far people are: when they are further than was said, and not too often."""
    told, at = how_far(job), time.monotonic()

    def look() -> None:
        nonlocal told, at
        if time.monotonic() < at + TOLD_SECONDS:
            return
        now, at = how_far(job), time.monotonic()
        for line in now:
            if line not in told:
                saying.progress(line)
        told = now

    return look


def _calling(job: Job, saying: Saying) -> Look:
    """Say once that a run has enough to go on with."""
    called = False

    def look() -> None:
        nonlocal called
        with reading(job.database) as connection:
            enough = all(
                items_answered(connection, one.name, one.settings.overlap) >= one.want
                for one in job.wanted
                if one.want is not None
            )
        if enough and not called:
            saying.progress(f"enough is answered: {job.go_on}")
        called = enough

    return look


def _exporting(job: Job, saying: Saying) -> Look:
    """Write the judgements when each item has those it needs; further ones follow at the end."""
    written = False

    def look() -> None:
        nonlocal written
        if job.out is None or job.wanted[0].settings.task == "chat":
            return
        [one] = job.wanted
        with reading(job.database) as connection:
            there = items_in(connection, one.name)
            complete = there > 0 and items_answered(connection, one.name, one.settings.overlap) == there
        if complete and not written:
            for line in ("all is judged", *write_judgements(job)):
                saying.progress(line)
        written = complete

    return look


@contextmanager
def _watching(looks: Sequence[Look], saying: Saying) -> Iterator[None]:
    """Take these looks again and again, in a thread of their own, until the block ends."""
    end = threading.Event()

    def watch() -> None:
        pause, told = LOOK_SECONDS, [""] * len(looks)
        while not end.wait(pause):
            began = time.monotonic()
            told = [_looked(look, before, saying) for look, before in zip(looks, told, strict=True)]
            pause = max(LOOK_SECONDS, LOOK_SHARE * (time.monotonic() - began))

    thread = threading.Thread(target=watch, name="watching", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _looked(look: Look, before: str, saying: Saying) -> str:
    """Take a look. Why it failed, "" if it did not; told unless `before`, of the last time, was the same."""
    try:
        look()
    except (AssentError, sqlite3.Error) as error:
        why = f"assent: {error}"
        if why != before:
            saying.line(why)
        return why
    except Exception as error:
        # Django's errors, a process that cannot start, a file that goes: nobody is above this thread, so it
        # would end unseen, and with it the export and --then-run. The next look may go through.
        why = repr(error)
        if why != before:
            logging.getLogger(__name__).exception("a look at what people have judged failed")
        return why
    return ""
