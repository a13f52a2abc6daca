"""What a project is: its settings, in a recipe, in a YAML of their own or in the admin pages.

Known without Django, so that recipes can be checked where the app is not installed.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from assent.config import DataFile, Settings

Task = Literal["pairwise", "ranking", "rating", "demonstration", "edit", "chat"]
Preset = Literal["summary", "dialogue", "translation", "code"]

MOST_CANDIDATES = 9
LONGEST_LEASE_MINUTES = 1440
LONGEST_LEASE_SECONDS = 60.0 * LONGEST_LEASE_MINUTES  # a lease that ends later is of a clock that was wrong
GRADED: tuple[Task, ...] = ("pairwise", "ranking", "rating")  # tasks whose answers are right or wrong


class Criterion(Settings):
    """One thing to rate, from `lowest` to `highest` in whole steps."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]{0,39}$")
    question: str = Field(default="", max_length=500)  # under its name, for people
    lowest: int = 1
    highest: int = 5

    @model_validator(mode="after")
    def _a_scale(self) -> Self:
        if not 1 <= self.highest - self.lowest <= 10:
            raise ValueError("expected lowest < highest, and eleven steps at most")
        return self


PRESETS: dict[str, tuple[Criterion, ...]] = {
    "summary": (
        Criterion(name="fluency", question="Does it read well?"),
        Criterion(name="accuracy", question="Does it say only what the text says?"),
        Criterion(name="completeness", question="Does it say all that matters?"),
    ),
    "dialogue": (
        Criterion(name="naturalness", question="Would a person say it so?"),
        Criterion(name="logic", question="Does it follow from what was said before?"),
        Criterion(name="informativeness", question="Does it tell something?"),
    ),
    "translation": (
        Criterion(name="adequacy", question="Does it mean the same?"),
        Criterion(name="fluency", question="Does it read as if written in that language?"),
        Criterion(name="terminology", question="Are the terms those of the field?"),
    ),
    "code": (
        Criterion(name="correctness", question="Does it do what was asked?"),
        Criterion(name="readability", question="Can it be understood at once?"),
        Criterion(name="efficiency", question="Does it waste neither time nor memory?"),
    ),
}


class SharedPool(Settings):
    """Some of the items are judged by several people, to see how far they agree."""

    share: float = Field(default=0.15, ge=0, le=1)  # of the items
    overlap: int = Field(default=3, ge=1, le=100)  # judgements of each


class Gold(Settings):
    """Items with a known answer among the others. A person never sees one twice."""

    items: DataFile | None = None  # rows with their right answer; None: uploaded in the admin pages
    every: int = Field(default=10, ge=2)  # one of so many is gold


class Qualification(Settings):
    """What an annotator does before the first real item."""

    practice: DataFile | None = None  # rows with their right answer, told at once
    test: DataFile | None = None  # rows with their right answer, told at the end
    pass_mark: float = Field(default=0.8, gt=0, le=1)  # share of the test to get right


class Implicit(Settings):
    """What a chat keeps beside its words. Off unless asked for."""

    enabled: bool = False
    consent: str = Field(default="", max_length=5000)  # what people agree to first

    @model_validator(mode="after")
    def _consent_is_asked(self) -> Self:
        if self.enabled and not self.consent.strip():
            raise ValueError("consent: expected the text that people agree to before anything is kept")
        return self


class ProjectSettings(Settings):
    """Settings of an annotation project."""

    task: Task = "pairwise"
    title: str = Field(default="", max_length=200)  # "": the project's name
    guideline: DataFile | None = None  # a Markdown file: what annotators are asked to do
    overlap: int = Field(default=1, ge=1, le=100)  # judgements an item
    shared: SharedPool = SharedPool()
    strength: bool = False  # pairwise: also how much better
    criteria: Preset | tuple[Criterion, ...] = ()  # rating
    gold: Gold | None = None
    qualification: Qualification = Qualification()
    lease_minutes: float = Field(
        default=30, gt=0, le=LONGEST_LEASE_MINUTES
    )  # how long an item is kept for somebody
    policies: tuple[str, ...] = ()  # chat: models to talk to, as `assent chat` names them
    implicit: Implicit = Implicit()

    @field_validator("criteria", mode="before")
    @classmethod
    def _known(cls, criteria: object) -> object:
        """Said here, since of two kinds of values pydantic tells what each of them is not."""
        if isinstance(criteria, str) and criteria not in PRESETS:
            raise ValueError(f"expected one of {', '.join(PRESETS)}, or a list of criteria")
        return criteria

    @field_validator("criteria")
    @classmethod
    def _different(cls, criteria: Preset | tuple[Criterion, ...]) -> Preset | tuple[Criterion, ...]:
        names = [one.name for one in criteria if isinstance(one, Criterion)]
        if len(set(names)) < len(names):
            raise ValueError(f"a criterion is given twice: {', '.join(names)}")
        return criteria

    @model_validator(mode="after")
    def _fits_the_task(self) -> Self:
        if self.criteria and self.task != "rating":
            raise ValueError(f"criteria belong to task: rating, and this is {self.task}")
        if self.task == "rating" and not self.criteria:
            raise ValueError(f"criteria: expected one of {', '.join(PRESETS)}, or a list of criteria")
        if self.policies and self.task != "chat":
            raise ValueError(f"policies belong to task: chat, and this is {self.task}")
        if self.task not in GRADED and (self.gold or self.qualification.test):
            raise ValueError(
                f"gold and qualification.test have a right answer, which {self.task} has not: they belong to "
                f"task: {', '.join(GRADED)}. Use qualification.practice, which shows what was expected"
            )
        return self

    @property
    def scales(self) -> tuple[Criterion, ...]:
        """The criteria to rate by."""
        return PRESETS[self.criteria] if isinstance(self.criteria, str) else self.criteria
