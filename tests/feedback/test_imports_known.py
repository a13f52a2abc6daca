"""Right answers of gold, practice and test that were wrong, and are mended."""

import json

import pytest
from exchanging import alone, given, pair
from feedback_world import new_uuid
from qualifying import choose
from working import judgements

from assent.errors import UserError


@pytest.fixture
def project(world):
    return world.project(**alone(qualification={"pass_mark": 1.0}))


@pytest.mark.parametrize("part", ["gold", "practice", "test"])
def test_a_right_answer_is_mended_as_long_as_nobody_was_graded_by_it(project, tmp_path, part):
    from assent.feedback.schema.models import Audit, Item

    given(project, tmp_path, pair("x", 1, explanation="first"), part=part)
    mended = given(project, tmp_path, pair("x", 0, explanation="second"), part=part, who="root")
    assert (mended.items, mended.same) == (0, 0)
    item = Item.objects.get()
    assert (item.expected, item.explanation) == ({"choice": 0}, "second")
    told = Audit.objects.get(what="right answer changed")
    changed = {"x": {"from": '{"choice": 1}', "to": '{"choice": 0}'}}
    assert (told.who, told.detail) == ("root", {"project": project.name, "changed": changed})


def test_one_file_does_not_say_two_things(project, tmp_path):
    said = (
        r'given\.jsonl:2: item x: its right answer is \{"choice": 1\} there, and \{"choice": 0\} here: give'
    )
    for _ in range(2):  # new, and there
        with pytest.raises(UserError, match=said):
            given(project, tmp_path, pair("x", 1), pair("x", 0), part="gold")
        given(project, tmp_path, pair("x", 1), part="gold")


def test_the_same_answers_in_another_order_say_the_same(project, tmp_path):
    given(project, tmp_path, pair("x", 1), part="gold")
    turned = pair("x", 0)
    turned["candidate_0"], turned["candidate_1"] = turned["candidate_1"], turned["candidate_0"]
    assert given(project, tmp_path, turned, part="gold").same == 1


@pytest.mark.parametrize("skipped", [False, True])
def test_by_what_people_were_graded_stays(world, project, tmp_path, skipped):
    from assent.feedback.schema.models import Item
    from assent.feedback.store import claims, judging

    given(project, tmp_path, pair("x", 1), pair("y", 1), part="test")
    ann = world.person("ann", "annotator", project)
    shown = claims.claim(ann, project)
    given(project, tmp_path, pair("x", 0), part="test")  # they see it, and have not answered
    if skipped:
        judging.skip(ann, shown.pk, "")
    else:
        choose(ann, project, 0, shown)
    with pytest.raises(
        UserError, match=r"there, by which people were graded, and .* here: give it another name"
    ):
        given(project, tmp_path, pair("x", 1), part="test")
    assert Item.objects.get(name="x").expected == {"choice": 0}


def test_criteria_that_change_while_a_file_is_read(world):
    """What was read by the old ones is not stored beside the new ones."""
    from assent.feedback.exchange.imports import import_records
    from assent.feedback.store.changes import change_settings
    from assent.records import Candidates, Prompt, Rating

    tone, facts = ([{"name": name}] for name in ("tone", "facts"))
    rated = world.project("rated", task="rating", criteria=tone)

    def records():
        yield Candidates(Prompt("a"), ("one",))
        change_settings(rated, {"task": "rating", "criteria": facts}, "root")
        yield Candidates(Prompt("b"), ("one",))
        yield Rating(Prompt("c"), "one", 3, (1, 5), "tone", "ann")

    with pytest.raises(UserError, match="its task or its criteria have changed meanwhile: import again"):
        import_records(rated, records(), together=1)


@pytest.mark.parametrize("part", ["gold", "practice", "test"])
def test_nobody_fails_by_an_answer_of_another_task(world, part):
    """It is told and graded nowhere, and stops nobody."""
    from assent.feedback.quality.gold_record import gold_records
    from assent.feedback.store import claims
    from assent.feedback.store.projects import settings_of

    project = world.project(task="ranking", qualification={"pass_mark": 1.0}, gold={"every": 2})
    world.items(project, 1, part=part, expected={"choice": 0})
    world.items(project, 2)
    ann = world.person("ann", "annotator", project)
    client, given = world.client(ann), {"ranking": [[0], [1]], "confirmed": True}
    while (shown := claims.claim(ann, project)) is not None:
        sent = json.dumps({"uuid": new_uuid(), "shown": shown.pk, "answer": given})
        response = client.post(f"/p/{project.name}/judgements", sent, content_type="application/json")
        assert response.status_code == 200
    assert {one.item.name for one in judgements()} >= {"real-0", "real-1"}
    assert gold_records(project, settings_of(project)) == {}
