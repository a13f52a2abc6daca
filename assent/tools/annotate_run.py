"""`--then-run`: the recipe goes on, in a process of its own, as soon as people have answered enough."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from assent.errors import Interrupted, Waiting
from assent.feedback.asked import ANSWERED, Wanted, items_answered
from assent.feedback.exchange.export import reading
from assent.pipeline.state import last_stages
from assent.tools.annotate import Wishes
from assent.tools.annotate_recipe import recipe_job, run_words
from assent.tools.annotate_serving import Look, Opened, Saying

STOP_SECONDS = 60.0  # that a run has to save and stop


def going_on(source: str, wishes: Wishes, saying: Saying) -> Callable[[Opened], "ThenRun"]:
    """What makes the look of `annotate`, once the app is there."""
    return lambda opened: ThenRun(Path(source), wishes, opened, saying)


class ThenRun:
    """A look at whether the run can go on, which begins it then. Leaving it lets that run save and stop."""

    def __init__(self, recipe: Path, wishes: Wishes, opened: Opened, saying: Saying):
        self._recipe, self._wishes, self._opened = recipe, wishes, opened
        self._say, self._quiet = saying.progress, saying.quiet
        self._job = recipe_job(recipe, wishes)
        self._process: subprocess.Popen[bytes] | None = None
        self._went_on_with: dict[str, int] = {}  # answered items by stage, when a run was last begun
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

    def _look(self) -> None:
        if self._over:
            return
        if self._process is None:
            self._begin()
        elif self._process.poll() is not None:
            self._ended(self._process.returncode)

    def _begin(self) -> None:
        waiting = [one for one in self._job.wanted if not self._is_done(one)]
        if not waiting:
            self._say("the run waits for nobody; judgements are kept for --refresh-feedback")
            self._over = True
            return
        with reading(self._job.database) as connection:
            counts = {
                one.stage: items_answered(connection, one.name, one.settings.overlap) for one in waiting
            }
        enough = all(counts[one.stage] >= (one.want or 0) for one in waiting)
        if not enough or counts == self._went_on_with:
            return
        self._went_on_with = counts
        told = ", ".join(
            f"{counts[one.stage]} {ANSWERED[one.settings.task]} of {one.stage}" for one in waiting
        )
        self._say(f"{told} are answered: {self._job.go_on}")
        # A session of its own: Ctrl-C ends the app, which then asks the run to save and stop.
        words = [*run_words(self._recipe, self._wishes), *(["--quiet"] if self._quiet else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "assent", *words], stdin=subprocess.DEVNULL, start_new_session=True
        )

    def _ended(self, code: int) -> None:
        self._process = None
        if code == 0:
            self._say(f"the run is done: {self._report()}. Judgements are still taken; Ctrl-C ends")
            self._over = True
        elif code == Waiting.exit_code:
            self._job = recipe_job(self._recipe, self._wishes)
            self._opened.open(self._job.wanted)
            self._say("the run waits for people again")
        else:
            how = "was stopped" if code == Interrupted.exit_code else f"ended with exit code {code}"
            self._say(f"the run {how}; the same command goes on: {self._job.go_on}")
            self._over = True

    def _is_done(self, wanted: Wanted) -> bool:
        state = last_stages(self._run).get(wanted.stage)
        return state is not None and state.status == "done"

    def _report(self) -> Path:
        return self._run / "report.html"

    @property
    def _run(self) -> Path:
        return self._job.database.parent
