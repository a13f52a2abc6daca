"""Practice, tests and gold, walked through as a person would."""

from uuid import UUID

from feedback_world import new_uuid


def answer(person, project, given, shown=None):
    """The next item, answered with `given` in positions; the outcome."""
    from assent.feedback.store import claims, judging

    shown = shown or claims.claim(person, project)
    return judging.submit(person, judging.Submission(UUID(new_uuid()), shown.pk, given))


def choose(person, project, candidate, shown=None):
    """The next item of a pair, with this candidate (or "tie", ...) chosen, wherever it stands."""
    from assent.feedback.store import claims

    shown = shown or claims.claim(person, project)
    sides = {shown.order[0]: "left", shown.order[1]: "right"}
    return answer(person, project, {"choice": sides.get(candidate, candidate)}, shown)


def part_of_next(person, project):
    from assent.feedback.store import claims

    shown = claims.claim(person, project)
    return (shown.item.part, shown.attempt) if shown else None


def standing_of(person, project):
    from assent.feedback.quality.qualification import standing
    from assent.feedback.store.projects import settings_of

    return standing(person, project, settings_of(project))
