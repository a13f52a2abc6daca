"""Gold among real items: one of so many, where nobody can tell, never twice, and quietly gone at the end."""

import hashlib
import hmac

import pytest
from qualifying import choose

from assent.config import check
from assent.errors import UserError
from assent.feedback.projects import ProjectSettings


def given_parts(person, project, count):
    """The parts of the next items, each answered."""
    return [choose(person, project, 0).judgement.item.part for _ in range(count)]


@pytest.fixture
def project(world):
    """One of four is gold; there are six gold items and thirty real ones."""
    made = world.project(gold={"items": "gold.jsonl", "every": 4})
    world.items(made, 6, part="gold", expected={"choice": 0})
    world.items(made, 30, slots=3)
    return made


def test_one_of_each_four_items_is_gold(world, project):
    ann = world.person("ann", "annotator", project)
    parts = given_parts(ann, project, 24)
    assert [parts[start : start + 4].count("gold") for start in range(0, 24, 4)] == [1] * 6


def test_the_place_of_gold_comes_from_the_secret_the_person_and_the_count(world, project):
    # By the rule alone: HMAC-SHA-256 of "place/<person>/<block>", its first eight bytes modulo 4.
    ann = world.person("ann", "annotator", project)
    expected = []
    for block in range(5):
        drawn = hmac.new(
            bytes.fromhex("5e" * 32), f"place/{ann.pk}/{block}".encode(), hashlib.sha256
        ).digest()
        place = int.from_bytes(drawn[:8], "big") % 4
        expected += ["gold" if number == place else "real" for number in range(4)]
    assert given_parts(ann, project, 20) == expected


def test_places_differ_between_people_and_between_projects(world):
    from assent.feedback.quality.gold import is_due

    first, other = world.project("first"), world.project("other")
    other.secret = "a1" * 32
    ann, bob = world.person("ann"), world.person("bob")
    found = {
        (project.name, person.name): tuple(is_due(project, person, given, 10) for given in range(200))
        for project in (first, other)
        for person in (ann, bob)
    }
    assert len(set(found.values())) == 4
    assert {sum(places) for places in found.values()} == {20}


def test_gold_is_found_at_every_place_equally_often(world):
    # 3,000 blocks of ten: 300 expected at each place, standard deviation 16.4; within four of them
    from assent.feedback.quality.gold import is_due

    project, ann = world.project(), world.person("ann")
    at = [sum(is_due(project, ann, 10 * block + place, 10) for block in range(3000)) for place in range(10)]
    assert sum(at) == 3000
    assert all(abs(count - 300) <= 66 for count in at)


def test_nobody_gets_the_same_gold_twice_and_when_all_is_seen_there_is_none(world, project):
    ann = world.person("ann", "annotator", project)
    seen = [choose(ann, project, 0).judgement.item for _ in range(36)]
    gold = [item.name for item in seen if item.part == "gold"]
    assert sorted(gold) == [f"gold-{number}" for number in range(6)]
    assert [item.part for item in seen[24:]] == ["real"] * 12
    assert len({item.pk for item in seen}) == 36


def test_gold_comes_in_another_order_to_other_people(world, project):
    orders = {
        tuple(
            one.item.name
            for one in (choose(person, project, 0).judgement for _ in range(20))
            if one.item.part == "gold"
        )
        for person in (world.person(name, "annotator", project) for name in ("ann", "bob", "cat"))
    }
    assert len(orders) == 3


def test_gold_stays_until_it_is_answered_or_skipped(world, project):
    from assent.feedback.store import claims, judging

    ann = world.person("ann", "annotator", project)
    shown = claims.claim(ann, project)
    while shown.item.part != "gold":
        choose(ann, project, 0, shown)
        shown = claims.claim(ann, project)
    assert claims.claim(ann, project).pk == shown.pk
    judging.skip(ann, shown.pk, "unclear")
    rest = [choose(ann, project, 0).judgement.item for _ in range(30)]
    assert shown.item.name not in [item.name for item in rest]


def test_gold_that_is_asked_for_again_is_the_same(world, project):
    from assent.feedback.quality.rotation import next_special
    from assent.feedback.store import claims
    from assent.feedback.store.projects import settings_of

    ann = world.person("ann", "annotator", project)
    shown = claims.claim(ann, project)
    while shown.item.part != "gold":
        choose(ann, project, 0, shown)
        shown = claims.claim(ann, project)
    assert [next_special(ann, project, settings_of(project)) for _ in range(3)] == [(shown.item, 0)] * 3


def test_practice_and_test_do_not_move_the_places_of_gold(world, project):
    from assent.feedback.quality.gold import is_due
    from assent.feedback.store.projects import settings_of

    world.items(project, 2, part="practice", expected={"choice": 0})
    world.items(project, 3, part="test", expected={"choice": 0})
    ann = world.person("ann", "annotator", project)
    parts = given_parts(ann, project, 25)
    assert parts[:5] == ["practice"] * 2 + ["test"] * 3
    every = settings_of(project).gold.every
    assert [part == "gold" for part in parts[5:]] == [
        is_due(project, ann, given, every) for given in range(20)
    ]


def test_gold_without_a_right_answer_is_never_given(world, project):
    from assent.feedback.schema.models import Item

    Item.objects.filter(part="gold").update(expected=None)
    ann = world.person("ann", "annotator", project)
    assert given_parts(ann, project, 8) == ["real"] * 8


def test_without_the_setting_gold_stays_in_its_box(world):
    project = world.project()
    world.items(project, 3, part="gold", expected={"choice": 0})
    world.items(project, 5)
    ann = world.person("ann", "annotator", project)
    assert given_parts(ann, project, 5) == ["real"] * 5


@pytest.mark.parametrize("task", ["demonstration", "edit", "chat"])
@pytest.mark.parametrize(
    "given",
    [{"gold": {"items": "gold.jsonl"}}, {"qualification": {"test": "test.jsonl"}}],
    ids=["gold", "test"],
)
def test_where_people_write_nothing_is_right_or_wrong(task, given):
    with pytest.raises(UserError, match=f"right answer, which {task} has not"):
        check(ProjectSettings, {"task": task, **given}, "project p")


def test_the_count_of_items_given_reads_no_item(world, project):
    """Somebody who has judged a hundred thousand items waits no longer for the next."""
    from django.db import connection

    from assent.feedback.quality import gold

    ann = world.person("ann", "annotator", project)
    given_parts(ann, project, 8)
    connection.force_debug_cursor = True
    try:
        connection.queries_log.clear()
        assert gold._given(ann, project) == 8
        counted = [query["sql"] for query in connection.queries_log if "COUNT" in query["sql"]]
    finally:
        connection.force_debug_cursor = False
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + counted[0])
        assert "COVERING INDEX shown_to" in " ".join(row[-1] for row in cursor.fetchall())


def test_a_failed_test_is_no_error_of_the_users(world):
    from assent.feedback.quality.qualification import Standing
    from assent.feedback.quality.rotation import NotQualified

    assert not issubclass(NotQualified, UserError)
    assert NotQualified(Standing("failed", right=1, asked=5)).standing.asked == 5
