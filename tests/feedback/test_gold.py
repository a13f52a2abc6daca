"""How often somebody agreed with gold: last words, with Wilson's interval."""

import json
from uuid import UUID

import pytest
from feedback_world import new_uuid
from qualifying import choose

# Wilson (1927) at 95%, by hand: centre (s + z^2 / 2n) / (1 + z^2 / n) with z = 1.959964.
# 2 of 3: s = .666667, z^2 = 3.841459; centre 1.306910 / 2.280486 = .573084, half .859450 * .425184 = .365424.
# 0 of 2: from 0 to z^2 / (2 + z^2) = 3.841459 / 5.841459.
INTERVALS = {(2, 3): (0.207660, 0.938508), (0, 2): (0.0, 0.657620)}


@pytest.fixture
def project(world):
    made = world.project(gold={"items": "gold.jsonl", "every": 2})
    world.items(made, 3, part="gold", expected={"choice": 0})
    world.items(made, 12, slots=3)
    return made


def work(person, project, answers):
    """Answer gold by the list, and all between it anyhow; the judgements of gold."""
    from assent.feedback.store import claims

    found, left = [], list(answers)
    while left:
        shown = claims.claim(person, project)
        candidate = left.pop(0) if shown.item.part == "gold" else 1
        outcome = choose(person, project, candidate, shown)
        if shown.item.part == "gold":
            found.append(outcome.judgement)
    return found


def records(project):
    from assent.feedback.quality.gold_record import gold_records
    from assent.feedback.store.projects import settings_of

    return gold_records(project, settings_of(project))


def test_right_of_asked_with_its_interval(world, project):
    ann, bob, cat = (world.person(name, "annotator", project) for name in ("ann", "bob", "cat"))
    work(ann, project, [0, 1, 0])
    work(bob, project, ["tie", "cannot_judge"])
    found = records(project)
    assert {person: (one.right, one.asked) for person, one in found.items()} == {
        ann.pk: (2, 3),
        bob.pk: (0, 2),
    }
    for one in found.values():
        assert one.interval == pytest.approx(INTERVALS[one.right, one.asked], abs=2e-6)
    assert cat.pk not in found


def test_the_last_word_counts(world, project):
    from assent.feedback.store import judging

    ann = world.person("ann", "annotator", project)
    first = work(ann, project, [1])[0]
    assert (records(project)[ann.pk].right, records(project)[ann.pk].asked) == (0, 1)
    side = ("left", "right")[first.shown.order.index(0)]
    judging.submit(ann, judging.Submission(UUID(new_uuid()), first.shown.pk, {"choice": side}, revision=2))
    assert (records(project)[ann.pk].right, records(project)[ann.pk].asked) == (1, 1)


def test_admins_see_it_and_nobody_else(world, project):
    ann = world.person("ann", "annotator", project)
    work(ann, project, [0, 1, 0])
    page = world.client(world.person("root", "admin")).get("/admin/p/pairs/qualification").content.decode()
    assert "2 of 3: 67% (21 to 94)" in page
    own = world.client(ann)
    for path in ("/p/pairs/qualification", "/p/pairs/mine", "/p/pairs/"):
        assert "67%" not in own.get(path).content.decode()


def test_gold_looks_like_any_other_item(world, project):
    from assent.feedback.schema.models import Shown

    ann = world.person("ann", "annotator", project)
    client, forms = world.client(ann), {}
    for _ in range(6):
        given = client.post("/p/pairs/next", "{}", content_type="application/json").json()
        shown = Shown.objects.get(pk=given["shown"])
        body = {"uuid": new_uuid(), "shown": shown.pk, "answer": {"choice": "left"}}
        told = client.post("/p/pairs/judgements", json.dumps(body), content_type="application/json").json()
        assert b"gold" not in json.dumps({**given, "html": ""}).encode()
        forms.setdefault(shown.item.part, set()).add(
            (given["state"], *sorted(given), *sorted(told), told["feedback"])
        )
    assert forms["gold"] == forms["real"]
