"""A live person as reward: each answer waits to be scored, with a deadline and a stated fallback.

Every score is journalled before it is used. After a kill the same command replays the journal, so nobody is
asked twice, and training goes on to the same weights as if nothing had happened. An answer that stands
twice in one batch is asked twice; where it comes up in a later batch, what was said of it is used again.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from assent.config import ModelSource, PythonFunction, Settings
from assent.errors import Interrupted, RewardError, Waiting
from assent.records import in_full
from assent.rewards.human_inbox import Inbox, Journal, key_of, on_scale
from assent.rewards.reward import Reward, checked

POLL_SECONDS = 0.2
OVERSHOOT = 0.1  # of the scale's width: how far beyond its ends a model's score is taken for the end

Person = Callable[[str, str], float | None]  # (prompt, response) -> score; None: never answers


class Human(Settings):
    """Settings of a reward that a live person gives, on `scale`."""

    question: str = "How good is this answer?"  # shown above each answer
    scale: tuple[float, float] = (1.0, 5.0)  # lowest, highest
    deadline_seconds: float = Field(default=3600.0, ge=0, allow_inf_nan=False)  # for a batch; 0: do not wait
    fallback: Literal["stop", "model"] = "stop"  # after it: wait with exit code 3, or a model stands in
    model: ModelSource | None = None  # the stand-in: trained on ratings, of which it says 0 to 1
    scripted: PythonFunction | None = None  # a simulated person: (prompt, response) -> score, or None

    @model_validator(mode="after")
    def _consistent(self) -> "Human":
        lowest, highest = self.scale
        if not (math.isfinite(lowest) and math.isfinite(highest) and lowest < highest):
            raise ValueError(f"scale: expected [lowest, highest], found {list(self.scale)}")
        if (self.fallback == "model") != (self.model is not None):
            raise ValueError("fallback: model and `model:` belong together: give both or none")
        return self


@dataclass(frozen=True)
class Around:
    """What the stage lends: a place for the journal, and ways to hear and to be heard."""

    folder: Path
    warn: Callable[[str], None]
    progress: Callable[[int, int, str], None]
    stop: Callable[[], bool]


@dataclass(frozen=True)
class Asked:
    """One answer that somebody should score."""

    id: str
    prompt: str
    response: str


class HumanReward:
    """Scores of people, on the scale of the settings.

    Args:
        stand_in: judges what nobody judged in time, 0 to 1 from the scale's lowest to its highest, as rewards
            do that learned from ratings; None: the stage stops and waits.
        person: a simulated one, asked in place of the folder.
    """

    def __init__(
        self,
        settings: Human,
        name: str,
        around: Around,
        stand_in: Reward | None = None,
        person: Person | None = None,
    ):
        self.settings, self.name, self.around = settings, name, around
        self.stand_in, self.person = stand_in, person
        self.inbox = Inbox(around.folder)
        self.journal = Journal(around.folder / "journal.jsonl", around.warn)
        self.stood_in = 0  # scores of the stand-in used in this session, replayed ones too

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """The scores, asking for those that are not in the journal.

        Raises:
            Waiting: the deadline is over, and there is no stand-in.
            Interrupted: a signal came while people were asked.
            RewardError: an answer that is no number on the scale; a stand-in far beyond 0 to 1.
        """
        asked = self._asked(prompts, responses)
        self.journal.refresh()
        self._clear_late()
        missing = [one for one in asked if one.id not in self.journal.rows]
        if missing and self.person is not None:
            self._ask_script(self.person, missing)
        elif missing:
            self._ask_people(missing)
        rows = [self.journal.rows[one.id] for one in asked]
        self.stood_in += sum(row["source"] == "model" for row in rows)
        return [row["score"] for row in rows]

    def _asked(self, prompts: Sequence[str], responses: Sequence[str]) -> list[Asked]:
        seen: Counter[tuple[str, str]] = Counter()
        asked = []
        for prompt, response in zip(prompts, responses, strict=True):
            question = self._question(prompt, response)
            key = key_of({**question, "occurrence": seen[prompt, response]})
            seen[prompt, response] += 1
            asked.append(Asked(key, prompt, response))
        return asked

    def _question(self, prompt: str, response: str) -> dict[str, Any]:
        about = {"reward": self.name, "question": self.settings.question, "scale": list(self.settings.scale)}
        return {**about, "prompt": in_full(prompt), "response": response}

    def _ask_people(self, missing: Sequence[Asked]) -> None:
        for one in missing:
            self.inbox.ask({"id": one.id, **self._question(one.prompt, one.response)})
        end = time.monotonic() + self.settings.deadline_seconds
        left = self._taken(missing)
        if left and self.settings.deadline_seconds:
            self.around.warn(
                f"{self.name}: {len(left)} answers wait for people, for "
                f"{self.settings.deadline_seconds:g} s: {self.inbox.questions}"
            )
        while left and time.monotonic() < end:
            if self.around.stop():
                raise Interrupted(
                    f"stopped while {len(left)} answers waited for people; run the same command to go on"
                )
            time.sleep(POLL_SECONDS)
            left = self._taken(left)
            self.around.progress(len(missing) - len(left), len(missing), "answers judged by people")
        self._after_deadline(left, len(missing))

    def _taken(self, asked: Sequence[Asked]) -> list[Asked]:
        """Take in the answers that have come; those that have not."""
        for one in asked:
            said = self.inbox.answered(one.id, self.settings.scale)
            if said is not None:
                self._keep(one, said[0], "person", said[1])
        self.journal.refresh()  # another process may wait for the same question
        return [one for one in asked if one.id not in self.journal.rows]

    def _ask_script(self, person: Person, missing: Sequence[Asked]) -> None:
        silent = []
        for one in missing:
            score = person(one.prompt, one.response)
            if score is None:
                silent.append(one)
            else:
                self._keep(one, self._scripted(score), "scripted", str(self.settings.scripted or ""))
        self._after_deadline(silent, len(missing))

    def _scripted(self, score: Any) -> float:
        try:
            return on_scale(score, self.settings.scale)
        except ValueError as error:
            raise RewardError(f"{self.name}: the scripted person: {error}") from None

    def _after_deadline(self, left: Sequence[Asked], asked: int) -> None:
        if not left:
            return
        if self.stand_in is None:
            raise Waiting(
                f"{len(left)} of {asked} answers wait for people: {self.inbox.questions}; run the same "
                "command again when they are judged"
            )
        prompts, responses = [one.prompt for one in left], [one.response for one in left]
        scores = checked(f"{self.name}, stand-in", self.stand_in(prompts, responses), len(left))
        for one, score in zip(left, scores, strict=True):
            self._keep(one, self._laid_over_scale(score), "model", str(self.settings.model or ""))
        self.around.warn(
            f"{self.name}: nobody judged {len(left)} of {asked} answers in time: {self.settings.model} "
            "stands in"
        )

    def _laid_over_scale(self, share: float) -> float:
        """A reward learns ratings as shares of their scale's width, so 1 to 5 and 0 to 10 are alike to it."""
        if not -OVERSHOOT <= share <= 1 + OVERSHOOT:
            raise RewardError(
                f"{self.name}: the stand-in {self.settings.model} gave {share:g}; expected 0 to 1, from the "
                "lowest to the highest rating: use a reward that was trained on ratings, and for long enough"
            )
        lowest, highest = self.settings.scale
        return lowest + min(max(share, 0.0), 1.0) * (highest - lowest)

    def _keep(self, one: Asked, score: float, source: str, by: str) -> None:
        """In the journal first, then off the table: a kill in between leaves a file and no question."""
        self.journal.add(
            {
                "id": one.id,
                "score": score,
                "source": source,
                "by": by,
                "reward": self.name,
                "prompt": in_full(one.prompt),
                "response": one.response,
            }
        )
        self.inbox.close(one.id)

    def _clear_late(self) -> None:
        """Answers to what is settled: told where a stand-in was faster, as its score stays."""
        settled = [key for key in self.inbox.left() if key in self.journal.rows]
        late = sum(self.journal.rows[key]["source"] == "model" for key in settled)
        for key in settled:
            self.inbox.close(key)
        if late:
            self.around.warn(
                f"{self.name}: {late} answers came after the deadline; the stand-in's scores were used "
                "already, and stay"
            )
