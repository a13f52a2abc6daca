"""Practice and a test before the first real item: where somebody stands, and whether they passed.

An attempt is one go at it: all practice items in order, each with its right answer told at once; then all
test items in order, told at the end. Who fails may try again when an admin allows it: another attempt, in
which every item is shown anew. A pass stays a pass, whatever items are added later. Skipped test items are
not right. Where people write or chat, nothing can be graded: such projects have practice alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Q

from assent.errors import UserError
from assent.feedback.projects import ProjectSettings
from assent.feedback.quality.grading import GRADED, grade, is_of
from assent.feedback.schema.models import Attempt, Audit, Item, Judgement, Part, Person, Project, Shown
from assent.feedback.store.writer import writing

State = Literal["none", "practice", "test", "passed", "failed"]


@dataclass(frozen=True)
class Wrong:
    """A test item that was not answered as expected: `shown.item` says what was, and why."""

    shown: Shown
    answer: Mapping[str, Any] | None  # as Judgement.answer; None: skipped


@dataclass(frozen=True)
class Standing:
    """Where somebody is. `none`: this project asks for no qualification."""

    state: State
    done: int = 0  # of `total`, in practice or in the test
    total: int = 0
    right: int = 0  # of `asked`; told when the test is over
    asked: int = 0
    pass_mark: float = 0.0
    attempt: int = 0
    wrong: tuple[Wrong, ...] = ()


def standing(person: Person, project: Project, settings: ProjectSettings) -> Standing:
    """Read only: where somebody is in their last attempt."""
    mark = settings.qualification.pass_mark
    attempt = last_attempt(person, project)
    if attempt is not None and attempt.passed is not None:
        wrong = tuple(one for one, right in _graded(attempt, settings) if not right)
        right, asked = attempt.right or 0, attempt.asked or 0
        state = "passed" if attempt.passed else "failed"
        return Standing(state, asked, asked, right, asked, mark, attempt.number, wrong)
    practice, test = items_of(project, settings)
    if not practice and not test:
        return Standing("none", pass_mark=mark)
    number = attempt.number if attempt else 1
    done = _done(person, project, number)
    part = practice if any(item.pk not in done for item in practice) or not test else test
    count = sum(item.pk in done for item in part)
    return Standing(
        "practice" if part is practice else "test", count, len(part), pass_mark=mark, attempt=number
    )


def is_qualified(person: Person, project: Project) -> bool | None:
    """Whether the last attempt was passed; None while there is none, or it is not over."""
    attempt = last_attempt(person, project)
    return attempt.passed if attempt else None


def next_item(person: Person, project: Project, settings: ProjectSettings) -> tuple[Item, int] | None:
    """(practice or test item, attempt) to show next; None: there is nothing left to qualify by.

    Inside `writing()`. A first attempt begins here, and one whose last test item was skipped ends here.
    """
    practice, test = items_of(project, settings)
    if not practice and not test:
        return None
    attempt = last_attempt(person, project) or Attempt.objects.create(
        person=person, project=project, number=1
    )
    done = _done(person, project, attempt.number)
    for item in (*practice, *test):
        if item.pk not in done:
            return item, attempt.number
    _finish(attempt, settings)
    return None


def note(judgement: Judgement, settings: ProjectSettings) -> None:
    """A practice or test item was answered: the last one ends the attempt. Inside `writing()`."""
    shown = judgement.shown
    attempt = last_attempt(shown.person, shown.project)
    if attempt is None or attempt.number != shown.attempt or attempt.passed is not None:
        return
    practice, test = items_of(shown.project, settings)
    done = _done(shown.person, shown.project, attempt.number)
    if all(item.pk in done for item in (*practice, *test)):
        _finish(attempt, settings)


def allow_again(person: Person, project: Project, by: str) -> Attempt:
    """Somebody who failed may try again: their next attempt. Allowed twice, it is still one.

    Raises:
        UserError: they have not failed.
    """
    with writing():
        last = last_attempt(person, project)
        if last is not None and last.passed is None and last.allowed_by:
            return last
        if last is None or last.passed is not False:
            raise UserError(
                f"{person.name} has not failed the test of {project.name}: there is nothing to allow again"
            )
        Audit.objects.create(
            who=by,
            what="qualification allowed again",
            detail={"project": project.name, "person": person.name, "attempt": last.number + 1},
        )
        return Attempt.objects.create(person=person, project=project, number=last.number + 1, allowed_by=by)


def last_attempt(person: Person, project: Project) -> Attempt | None:
    return Attempt.objects.filter(person=person, project=project).order_by("-number").first()


def items_of(project: Project, settings: ProjectSettings) -> tuple[Sequence[Item], Sequence[Item]]:
    """(practice, test), in order; none that is retired.

    Test items without a right answer, or whose task has none, are left out.
    """
    asked = Item.objects.filter(project=project).exclude(listed=False).order_by("position")
    practice = list(asked.filter(part=Part.PRACTICE))
    if settings.task not in GRADED:
        return practice, []
    return practice, [item for item in asked.filter(part=Part.TEST) if is_of(item.expected, settings.task)]


def _done(person: Person, project: Project, attempt: int) -> set[int]:
    """Items answered or skipped in an attempt."""
    shown = Shown.objects.filter(person=person, project=project, attempt=attempt)
    ended = shown.filter(Q(judgement__isnull=False) | Q(skip__isnull=False))
    return set(ended.values_list("item_id", flat=True))


def _graded(attempt: Attempt, settings: ProjectSettings) -> list[tuple[Wrong, bool]]:
    """Each test item of an attempt, with its last answer and whether that is right."""
    shown = (
        Shown.objects.filter(
            person=attempt.person, project=attempt.project, attempt=attempt.number, item__part=Part.TEST
        )
        .select_related("item")
        .order_by("item__position")
    )
    answers = dict(
        Judgement.objects.filter(shown__in=shown).order_by("revision").values_list("shown_id", "answer")
    )
    return [
        (Wrong(one, answers.get(one.pk)), _is_right(settings, one, answers.get(one.pk)))
        for one in shown
        if is_of(one.item.expected, settings.task)
    ]


def _is_right(settings: ProjectSettings, shown: Shown, answer: Mapping[str, Any] | None) -> bool:
    return answer is not None and grade(settings.task, shown.item.expected, answer).right is True


def _finish(attempt: Attempt, settings: ProjectSettings) -> None:
    graded = _graded(attempt, settings)
    right, asked = sum(right for _, right in graded), len(graded)
    # A share is compared with a share: 7 / 10 is the number that 0.7 is, and 0.7 * 10 is not 7.
    attempt.passed = asked == 0 or right / asked >= settings.qualification.pass_mark
    attempt.right, attempt.asked = right, asked
    attempt.finished = time.time()
    attempt.save()
