"""Practice, then a test, then real items: in order, passed at the mark, tried again where it is allowed."""

import pytest
from qualifying import answer, choose, part_of_next, standing_of

from assent.errors import UserError


@pytest.fixture
def project(world):
    """Two practice items and five of a test, all with candidate 0 expected; four of five are asked for."""
    made = world.project(qualification={"pass_mark": 0.8})
    world.items(made, 2, part="practice", expected={"choice": 0}, explanation="It is **shorter**.")
    world.items(made, 5, part="test", expected={"choice": 0}, explanation="Because.")
    world.items(made, 3)
    return made


def test_practice_comes_first_then_the_test_then_real_items_each_in_order(world, project):
    ann = world.person("ann", "annotator", project)
    seen = []
    for _ in range(8):
        outcome = choose(ann, project, 0)
        seen.append((outcome.judgement.item.name, outcome.judgement.shown.attempt))
    practice = [("practice-0", 1), ("practice-1", 1)]
    assert seen == [*practice, *((f"test-{number}", 1) for number in range(5)), ("real-0", 0)]


def test_the_same_item_comes_again_until_it_is_answered(world, project):
    from assent.feedback.store import claims

    ann = world.person("ann", "annotator", project)
    assert claims.claim(ann, project).pk == claims.claim(ann, project).pk


def test_standing_follows_each_answer_and_tells_no_score_before_the_end(world, project):
    ann = world.person("ann", "annotator", project)
    found = []
    for given in (1, 0, 0, 1, 0, 0):  # two of practice, four of the test
        where = standing_of(ann, project)
        found.append((where.state, where.done, where.total, where.right, where.asked))
        choose(ann, project, given)
    assert found == [
        ("practice", 0, 2, 0, 0),
        ("practice", 1, 2, 0, 0),
        ("test", 0, 5, 0, 0),
        ("test", 1, 5, 0, 0),
        ("test", 2, 5, 0, 0),
        ("test", 3, 5, 0, 0),
    ]


@pytest.mark.parametrize(
    ("mark", "right", "asked", "state"),
    [
        (0.8, 4, 5, "passed"),  # at the mark
        (0.8, 3, 5, "failed"),
        (0.7, 7, 10, "passed"),  # 0.7 * 10 is a little more than 7 in floating point; 7 / 10 is 0.7
        (0.7, 6, 10, "failed"),
        (1.0, 2, 3, "failed"),
        (1.0, 3, 3, "passed"),
    ],
)
def test_who_reaches_the_mark_has_passed(world, mark, right, asked, state):
    project = world.project(qualification={"pass_mark": mark})
    world.items(project, asked, part="test", expected={"choice": 0})
    ann = world.person("ann", "annotator", project)
    for number in range(asked):
        choose(ann, project, 0 if number < right else 1)
    where = standing_of(ann, project)
    assert (where.state, where.right, where.asked, where.pass_mark) == (state, right, asked, mark)
    assert [wrong.shown.item.name for wrong in where.wrong] == [f"test-{n}" for n in range(right, asked)]


def test_practice_does_not_count_towards_the_score(world, project):
    ann = world.person("ann", "annotator", project)
    for given in (1, 1, 0, 0, 0, 0, 1):  # both of practice wrong, four of five right
        choose(ann, project, given)
    where = standing_of(ann, project)
    assert (where.state, where.right, where.asked) == ("passed", 4, 5)


def test_who_fails_gets_nothing_until_an_admin_allows_another_attempt(world, project):
    from assent.feedback.quality.qualification import allow_again
    from assent.feedback.quality.rotation import NotQualified
    from assent.feedback.schema.models import Attempt, Audit
    from assent.feedback.store import claims

    ann = world.person("ann", "annotator", project)
    for _ in range(7):
        choose(ann, project, 1)
    with pytest.raises(NotQualified) as refused:
        claims.claim(ann, project)
    assert (refused.value.standing.right, refused.value.standing.asked) == (0, 5)
    allow_again(ann, project, by="root")
    assert allow_again(ann, project, by="root").number == 2  # a second click makes no third attempt
    assert standing_of(ann, project).state == "practice"
    seen = [choose(ann, project, 0).judgement.shown for _ in range(8)]
    assert [(one.item.name, one.attempt) for one in seen[:3]] == [
        ("practice-0", 2),
        ("practice-1", 2),
        ("test-0", 2),
    ]
    assert seen[-1].item.part == "real"
    rows = Attempt.objects.order_by("number").values_list("number", "right", "asked", "passed", "allowed_by")
    assert list(rows) == [(1, 0, 5, False, ""), (2, 5, 5, True, "root")]
    said = Audit.objects.get(what="qualification allowed again")
    assert (said.who, said.detail) == ("root", {"project": "pairs", "person": "ann", "attempt": 2})


def test_nobody_else_is_allowed_again(world, project):
    from assent.feedback.quality.qualification import allow_again

    ann = world.person("ann", "annotator", project)
    with pytest.raises(UserError, match="ann has not failed the test of pairs"):
        allow_again(ann, project, by="root")
    for _ in range(7):
        choose(ann, project, 0)
    with pytest.raises(UserError, match="has not failed"):
        allow_again(ann, project, by="root")


def test_attempts_of_one_person_are_none_of_another(world, project):
    ann, bob = world.person("ann", "annotator", project), world.person("bob", "annotator", project)
    for _ in range(7):
        choose(ann, project, 1)
    assert standing_of(ann, project).state == "failed"
    assert (standing_of(bob, project).state, standing_of(bob, project).done) == ("practice", 0)
    assert part_of_next(bob, project) == ("practice", 1)


def test_a_skipped_test_item_is_not_right_and_does_not_stop_the_test(world, project):
    from assent.feedback.quality.qualification import allow_again
    from assent.feedback.quality.rotation import NotQualified
    from assent.feedback.store import claims, judging

    ann = world.person("ann", "annotator", project)
    for _ in range(5):
        choose(ann, project, 0)
    for _ in range(2):  # the last two of five
        judging.skip(ann, claims.claim(ann, project).pk, "too long")
    with pytest.raises(NotQualified):
        claims.claim(ann, project)
    where = standing_of(ann, project)
    assert (where.right, where.asked, [wrong.answer for wrong in where.wrong]) == (3, 5, [None, None])
    assert where.state == "failed"  # it is on disk that the attempt has ended, though the claim was refused
    assert allow_again(ann, project, by="root").number == 2


def test_a_late_answer_to_an_earlier_attempt_changes_nothing(world, project):
    from assent.feedback.quality.qualification import allow_again
    from assent.feedback.quality.rotation import NotQualified
    from assent.feedback.schema.models import Attempt
    from assent.feedback.store import claims, judging

    ann = world.person("ann", "annotator", project)
    for _ in range(6):
        choose(ann, project, 1)
    late = claims.claim(ann, project)
    judging.skip(ann, late.pk, "not now")
    with pytest.raises(NotQualified):
        claims.claim(ann, project)
    allow_again(ann, project, by="root")
    choose(ann, project, 0, late)
    rows = Attempt.objects.order_by("number").values_list("number", "right", "passed")
    assert list(rows) == [(1, 0, False), (2, None, None)]
    assert (standing_of(ann, project).state, standing_of(ann, project).done) == ("practice", 0)


def test_a_pass_stays_a_pass_when_items_are_added(world, project):
    from assent.feedback.schema.models import Item

    ann = world.person("ann", "annotator", project)
    for _ in range(7):
        choose(ann, project, 0)
    Item.objects.filter(part="test").update(expected={"choice": 1})
    Item.objects.create(
        project=project, name="more", part="test", position=99, prompt="?", candidates=["a", "b"], expected={}
    )
    assert standing_of(ann, project).state == "passed"
    assert part_of_next(ann, project) == ("real", 0)


def test_a_project_without_such_items_asks_for_nothing(world):
    from assent.feedback.schema.models import Attempt

    project = world.project()
    world.items(project, 1)
    ann = world.person("ann", "annotator", project)
    assert standing_of(ann, project).state == "none"
    assert part_of_next(ann, project) == ("real", 0)
    assert not Attempt.objects.exists()


def test_practice_alone_is_passed_when_it_is_done(world):
    project = world.project()
    world.items(project, 1, part="practice", expected={"choice": 0})
    world.items(project, 1)
    ann = world.person("ann", "annotator", project)
    choose(ann, project, 1)
    where = standing_of(ann, project)
    assert (where.state, where.asked) == ("passed", 0)
    assert part_of_next(ann, project) == ("real", 0)


def test_where_people_write_there_is_practice_and_no_test(world):
    project = world.project(task="demonstration")
    world.items(project, 1, part="practice", candidates=(), expected={"text": "Hello."})
    world.items(project, 1, part="test", candidates=(), expected={"text": "Hello."})
    world.items(project, 1, candidates=())
    ann = world.person("ann", "annotator", project)
    answer(ann, project, {"text": "Good day."})
    assert part_of_next(ann, project) == ("real", 0)


def test_rankings_and_ratings_are_tested_by_their_own_rules(world):
    ranking = world.project("ranks", task="ranking")
    world.items(ranking, 2, part="test", candidates=("a", "b", "c"), expected={"ranking": [[2], [0, 1]]})
    rating = world.project("rates", task="rating", criteria=[{"name": "fluency"}])
    world.items(rating, 2, part="test", candidates=("a",), expected={"ratings": [{"fluency": 3}]})
    ann = world.person("ann", "annotator", ranking, rating)
    from assent.feedback.store import claims

    for better, tied in (([2], [0, 1]), ([0], [2, 1])):
        shown = claims.claim(ann, ranking)
        places = [[shown.order.index(one) for one in group] for group in (better, tied)]
        answer(ann, ranking, {"ranking": places}, shown)
    for value in (4, 5):  # 3 is expected: one step above, and two
        answer(ann, rating, {"ratings": [{"fluency": value}]})
    assert [(standing_of(ann, one).right, standing_of(ann, one).asked) for one in (ranking, rating)] == [
        (1, 2),
        (1, 2),
    ]


def test_practice_and_test_fill_no_slots(world, project):
    from assent.feedback.schema.models import Judgement, Slot

    ann = world.person("ann", "annotator", project)
    for _ in range(7):
        choose(ann, project, 0)
    assert not Judgement.objects.filter(slot__isnull=False).exists()
    assert not Judgement.objects.filter(surplus=True).exists()
    assert not Slot.objects.filter(judged=True).exists()
