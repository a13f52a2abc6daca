"""People at work without a browser: they are given items, and answer what they see on the page."""

from uuid import UUID

from feedback_world import new_uuid


def answers(person, project, *given, seconds=2.0):
    """The person is given as many items as there are answers; answers as a browser sends them, or functions
    that make one of the texts from left to right."""
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    judged = []
    for one in given:
        shown = claim(person, project)
        assert shown is not None
        texts = [shown.item.candidates[number] for number in shown.order]
        answer = one(texts) if callable(one) else one
        judged.append(
            submit(person, Submission(UUID(new_uuid()), shown.pk, answer, seconds=seconds)).judgement
        )
    return judged


def prefers(wanted):
    """Chooses the text that holds `wanted`."""
    return lambda texts: {"choice": ("left", "right")[[wanted in text for text in texts].index(True)]}


TIE, BOTH_BAD, CANNOT = {"choice": "tie"}, {"choice": "both_bad"}, {"choice": "cannot_judge"}
