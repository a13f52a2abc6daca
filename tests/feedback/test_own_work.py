"""One's own work: what was judged, how much is left, and that no habit of the hand favours an answer."""

from uuid import UUID

import pytest
from feedback_world import new_uuid

LEFT, RIGHT = {"choice": "left"}, {"choice": "right"}


def sent(shown, answer=LEFT, revision=1):
    from assent.feedback.store.judging import Submission

    return Submission(UUID(new_uuid()), shown.pk, answer, revision)


@pytest.fixture
def desk(world):
    """A project with three items that want one judgement each, and somebody who holds the first."""
    from assent.feedback.store.claims import claim

    project, ann = world.project(), world.person("ann")
    world.items(project, 3)
    return project, ann, claim(ann, project)


def test_one_s_own_work_is_listed_from_the_last(world, desk):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import last, mine, submit

    project, ann, shown = desk
    ben = world.person("ben")
    given = [shown]
    submit(ann, sent(shown))
    given.append(claim(ann, project))
    submit(ann, sent(given[1]))
    submit(ann, sent(shown, RIGHT, revision=2))
    submit(ben, sent(claim(ben, project)))
    assert last(ann, project) == given[1]
    assert [one.shown for one in mine(ann, project, 9)] == [given[1], given[0]]
    assert [one.judgement.revision for one in mine(ann, project, 9)] == [1, 2]
    assert [one.shown for one in mine(ann, project, 1)] == [given[1]]
    assert [one.shown for one in mine(ann, project, 9, before=given[1].pk)] == [given[0]]


def test_progress_counts_what_was_done_and_what_is_left(world, desk):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import progress, skip, submit

    project, ann, shown = desk
    ben = world.person("ben")
    assert progress(ann, project) == progress(ben, project)
    submit(ann, sent(shown))
    submit(ann, sent(shown, RIGHT, revision=2))
    skip(ann, claim(ann, project).pk, "")
    one, other = progress(ann, project), progress(ben, project)
    assert (one.mine, one.left, one.more) == (1, 1, False)
    assert (other.mine, other.left, other.more) == (0, 2, False)


def test_progress_of_many_items_says_at_least(world, monkeypatch):
    from assent.feedback.store import history

    monkeypatch.setattr(history, "LOOKED_AT", 5)
    project, ann = world.project(), world.person("ann")
    world.items(project, 4, slots=2)
    counted = history.progress(ann, project)
    assert (counted.left, counted.more) == (3, True)


def test_ten_thousand_people_without_an_eye_for_answers_prefer_neither(world):
    """Half always press the left key, half press any: 10,000 answers, candidate 0 in 0.485..0.515 of them.

    The standard deviation of a share of 10,000 is 0.005: that is three of them on each side, for fixed seeds.
    """
    import random

    from assent.feedback.projects import ProjectSettings
    from assent.feedback.store.answers import stored
    from assent.feedback.store.shuffle import order

    luck, settings = random.Random(20), ProjectSettings()
    for press in (lambda: "left", lambda: luck.choice(["left", "right"])):
        chosen = [
            stored(settings, 2, order("5e" * 32, (person, item, 0), 2), {"choice": press()})["choice"]
            for person in range(100)
            for item in range(100)
        ]
        assert 0.485 <= chosen.count(0) / 10_000 <= 0.515


def test_always_left_is_neither_candidate_on_the_whole_path(world):
    """200 answers: 0.5 +- four standard deviations of 0.035."""
    from assent.feedback.schema.models import Judgement
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import submit

    project = world.project()
    world.items(project, 40, slots=5)
    for number in range(5):
        person = world.person(f"person {number}")
        while (shown := claim(person, project)) is not None:
            submit(person, sent(shown))
    chosen = [answer["choice"] for answer in Judgement.objects.values_list("answer", flat=True)]
    assert len(chosen) == 200
    assert 0.36 <= chosen.count(0) / 200 <= 0.64
