"""`--then-run`: the recipe goes on, in a process of its own, as soon as people have answered enough."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from assent.config import Recipe
from assent.errors import Interrupted, Waiting
from assent.feedback.asked import ANSWERED, Wanted, items_answered
from assent.feedback.exchange.export import reading
from assent.pipeline.guard import working_process
from assent.pipeline.state import StageState, last_stages
from assent.tools.annotate import Job, Wishes
from assent.tools.annotate_jobs import job_of
from assent.tools.annotate_recipe import NotMade, last_recipe, recipe_job, run_words
from assent.tools.annotate_serving import Look, Opened, Saying

ENOUGH = (0, Waiting.exit_code)  # of a run whose candidates are made
STOP_SECONDS = 60.0  # that a run has to save and stop


def going_on(source: str, wishes: Wishes, saying: Saying) -> Callable[[Opened], "ThenRun"]:
    """What makes the look of `annotate`, once the app is there."""
    return lambda opened: ThenRun(Path(source), wishes, opened, saying)


def job_after_run(source: str, wishes: Wishes, saying: Saying) -> Job:
    """As `job_of`; where a recipe's candidates are not made yet, a run makes them first.

    Raises:
        SystemExit: that run ended otherwise, and has said why; with its exit code.
        UserError: the source is not there, or asks for what cannot be.
    """
    try:
        return job_of(source, wishes)
    except NotMade as error:
        words = run_words(Path(source), wishes)
        saying.progress(f"{error}: that begins now")
    process = subprocess.Popen([sys.executable, "-m", "assent", *words, *_quiet(saying)])
    while process.returncode is None:
        with suppress(KeyboardInterrupt):  # the run has heard it too, and saves
            process.wait()
    if process.returncode not in ENOUGH:
        raise SystemExit(process.returncode)
    return job_of(source, wishes)


class ThenRun:
    """A look at whether the run can go on, which begins it then. Leaving it lets that run save and stop.

    A look that fails leaves what it was about to do to the next one.
    """

    def __init__(self, recipe: Path, wishes: Wishes, opened: Opened, saying: Saying):
        self._recipe, self._wishes, self._opened = recipe, wishes, opened
        self._say, self._quiet = saying.progress, _quiet(saying)
        self._read()
        self._process: subprocess.Popen[bytes] | None = None
        self._went_on_with: dict[str, int] | None = None  # answered items by stage, when a run was begun
        self._other: str | None = None  # a process that is none of ours, and works in the run's folder
        self._news = ""  # a run has ended: what to say of it once what it made is open to people
        self._over = False

    def __enter__(self) -> Look:
        return self._look

    def __exit__(self, *_: object) -> None:
        self._over = True
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        except KeyboardInterrupt:  # somebody has no time to wait; told twice, a run ends at once
            self._process.terminate()
            self._process.wait()
            raise

    def _look(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            code, self._process = self._process.returncode, None
            self._ended(code)
        if self._over or self._process is not None or self._works_elsewhere():
            return
        if self._news:
            self._open_again()
        else:
            self._begin()

    def _works_elsewhere(self) -> bool:
        """Whether the folder is taken: by a run that somebody typed, or one that outlived its app."""
        other = working_process(self._run)
        if other is not None and other != self._other:
            self._say(f"{other} works in {self._run}: the run goes on when it has ended")
            self._news = f"{other} has ended"
        self._other = other
        return other is not None

    def _open_again(self) -> None:
        self._read()
        self._opened.open(self._job.wanted)
        news, self._news = self._news, ""
        self._say(news)

    def _read(self) -> None:
        self._job = recipe_job(self._recipe, self._wishes)
        self._asked = Recipe.load(self._recipe, self._wishes.overrides)

    def _begin(self) -> None:
        last = last_stages(self._run)
        waiting = [one for one in self._job.wanted if not self._is_done(one, last)]
        with reading(self._job.database) as connection:
            counts = {
                one.stage: items_answered(connection, one.name, one.settings.overlap) for one in waiting
            }
        enough = all(counts[one.stage] >= (one.want or 0) for one in waiting)
        stopped = any(state.status == "interrupted" for state in last.values())
        if not (enough or stopped) or counts == self._went_on_with:
            return
        if self._is_whole(last):
            self._say("the run waits for nobody; judgements are kept for --refresh-feedback")
            self._over = True
            return
        # A session of its own: Ctrl-C ends the app, which then asks the run to save and stop.
        words = [*run_words(self._recipe, self._wishes), *self._quiet]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "assent", *words], stdin=subprocess.DEVNULL, start_new_session=True
        )
        self._went_on_with = counts
        told = ", ".join(
            f"{counts[one.stage]} {ANSWERED[one.settings.task]} of {one.stage}" for one in waiting
        )
        why = (
            f"{told} are answered, so the run goes on"
            if told and enough
            else "the run goes on from where it stopped"
        )
        self._say(f"{why}: {self._job.go_on}")

    def _ended(self, code: int) -> None:
        if code == Waiting.exit_code:
            self._news = "the run waits for people again"
            return
        self._over = True
        if code == 0:
            self._say(f"the run is done: {self._report()}. Judgements are still taken; Ctrl-C ends")
        else:
            how = "was stopped" if code == Interrupted.exit_code else f"ended with exit code {code}"
            self._say(f"the run {how}; the same command goes on: {self._job.go_on}")

    def _is_done(self, wanted: Wanted, last: Mapping[str, StageState]) -> bool:
        """Whether the run has what it wanted of people; with a higher `want` it has not."""
        state, name = last.get(wanted.stage), wanted.stage
        same = last_recipe(self._run).get(name) == self._asked.stages.get(name)
        return state is not None and state.status == "done" and same

    def _is_whole(self, last: Mapping[str, StageState]) -> bool:
        """Whether nothing is left to do: each stage is done, of the recipe as it is now."""
        seed = {} if self._asked.seed is None else {"seed": self._asked.seed}
        asked = {**seed, **self._asked.stages}
        done = bool(last) and all(state.status == "done" for state in last.values())
        return done and last_recipe(self._run) == asked

    def _report(self) -> Path:
        return self._run / "report.html"

    @property
    def _run(self) -> Path:
        return self._job.database.parent


def _quiet(saying: Saying) -> list[str]:
    return ["--quiet"] if saying.quiet else []
