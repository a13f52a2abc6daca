"""What people are told of practice and tests, and what admins see: in words, and only when it is time."""

import json

import pytest
from feedback_world import new_uuid
from qualifying import answer, choose, standing_of


@pytest.fixture
def project(world):
    """Two practice items and five of a test, all with candidate 0 expected; four of five are asked for."""
    made = world.project(qualification={"pass_mark": 0.8})
    world.items(made, 2, part="practice", expected={"choice": 0}, explanation="It is **shorter**.")
    world.items(made, 5, part="test", expected={"choice": 0}, explanation="Because.")
    world.items(made, 3)
    return made


def said_after(person, project, candidate):
    from assent.feedback.views.qualification import feedback_of

    return feedback_of(choose(person, project, candidate).judgement)


def test_practice_is_told_at_once_in_the_words_of_the_page(world, project):
    ann = world.person("ann", "annotator", project)
    right, wrong = said_after(ann, project, 0), said_after(ann, project, 1)
    assert "As expected" in right
    assert "It is <strong>shorter</strong>." in right
    assert "Practice: 1 of 2 done." in right
    assert "Not what was expected" in wrong
    from assent.feedback.schema.models import Shown

    order = Shown.objects.get(item__name="practice-1").order
    expected, given = (order.index(candidate) + 1 for candidate in (0, 1))
    assert f"<dd>Answer {expected} is better</dd>" in wrong
    assert f"<dd>Answer {given} is better</dd>" in wrong
    assert "Now the test: 5 items" in wrong
    assert "80%" in wrong


def test_the_test_is_told_at_its_end_alone(world, project):
    ann = world.person("ann", "annotator", project)
    for _ in range(2):
        choose(ann, project, 0)
    assert [said_after(ann, project, 0) for _ in range(4)] == [None] * 4
    end = said_after(ann, project, 1)
    assert "You have passed" in end
    assert "4 of 5 as expected: 80%" in end
    assert "Prompt 4" in end  # the one that was not
    assert "Because." in end
    assert "Prompt 0" not in end


def test_what_was_skipped_in_a_test_is_not_right(world, project):
    from assent.feedback.store import claims, judging

    ann = world.person("ann", "annotator", project)
    for _ in range(6):
        choose(ann, project, 0)
    judging.skip(ann, claims.claim(ann, project).pk, "too long")
    claims.claim(ann, project)  # a real item: the test is over
    page = world.client(ann).get("/p/pairs/qualification").content.decode()
    assert "4 of 5 as expected: 80%" in page
    assert "<dd>skipped</dd>" in page


def test_nothing_is_told_of_real_items_and_gold(world):
    project = world.project(gold={"items": "gold.jsonl", "every": 2})
    world.items(project, 2, part="gold", expected={"choice": 0})
    world.items(project, 2)
    ann = world.person("ann", "annotator", project)
    assert [said_after(ann, project, 1) for _ in range(4)] == [None] * 4


def test_a_text_that_was_expected_is_shown_and_judged_by_nobody(world):
    from assent.feedback.views.qualification import feedback_of

    project = world.project(task="demonstration")
    world.items(project, 1, part="practice", candidates=(), expected={"text": "Hello *there*."})
    ann = world.person("ann", "annotator", project)
    told = feedback_of(answer(ann, project, {"text": "Good day, <b>."}).judgement)
    assert "Compare for yourself" in told
    assert "Hello <em>there</em>." in told
    assert "Good day, &lt;b&gt;." in told


def test_what_is_told_holds_no_hidden_fact(world):
    from assent.feedback.schema.models import Item
    from assent.feedback.store.projects import settings_of
    from assent.feedback.views.qualification import result

    project = world.project()
    world.items(project, 1, part="test", expected={"choice": 0}, hidden={"policies": ["secret-7b"]})
    ann = world.person("ann", "annotator", project)
    choose(ann, project, 1)
    told = result(standing_of(ann, project), settings_of(project))
    assert "one of test 0" in told
    assert "secret-7b" not in told
    assert Item.objects.get().name not in told


# The pages


def test_ones_own_page_says_where_one_is(world, project):
    ann = world.person("ann", "annotator", project)
    client = world.client(ann)
    assert b"Practice: 0 of 2 done." in client.get("/p/pairs/qualification").content
    for _ in range(3):
        choose(ann, project, 1)
    page = client.get("/p/pairs/qualification").content
    assert b"Test: 1 of 5 done. You are told at the end." in page
    assert b"as expected" not in page
    for _ in range(4):
        choose(ann, project, 1)
    assert b"0 of 5 as expected" in client.get("/p/pairs/qualification").content
    assert world.client(world.person("eve")).get("/p/pairs/qualification").status_code == 404


def test_admins_see_who_is_where_and_allow_again(world, project):
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    client = world.client(world.person("root", "admin"))
    for _ in range(7):
        choose(ann, project, 1)
    choose(bob, project, 0)
    page = client.get("/admin/p/pairs/qualification").content.decode()
    assert "0 of 5 (0%)" in page
    assert "practice, 1 of 2" in page
    assert page.count("Allow again") == 1
    answered = client.post("/admin/p/pairs/qualification/allow", {"person": ann.pk})
    assert (answered.status_code, answered["Location"]) == (302, "/admin/p/pairs/qualification")
    assert standing_of(ann, project).attempt == 2
    refused = client.post("/admin/p/pairs/qualification/allow", {"person": bob.pk})
    assert refused.status_code == 409
    assert b"bob has not failed the test" in refused.content


@pytest.mark.parametrize("person", ["", "x", "999", "²"])
def test_nobody_can_be_allowed_who_is_not_there(world, project, person):
    client = world.client(world.person("root", "admin"))
    assert client.post("/admin/p/pairs/qualification/allow", {"person": person}).status_code == 404


def test_only_admins_allow_again_and_only_by_post(world, project):
    reviewer = world.client(world.person("rev", "reviewer"))
    assert reviewer.get("/admin/p/pairs/qualification").status_code == 403
    assert reviewer.post("/admin/p/pairs/qualification/allow", {"person": 1}).status_code == 403
    admin = world.client(world.person("root", "admin"))
    assert admin.get("/admin/p/pairs/qualification/allow").status_code == 405
    assert admin.get("/admin/p/nothing/qualification").status_code == 404


def test_the_work_page_says_that_the_test_was_failed(world, project):
    ann = world.person("ann", "annotator", project)
    for _ in range(7):
        choose(ann, project, 1)
    response = world.client(ann).post("/p/pairs/next", json.dumps({}), content_type="application/json")
    assert response.json()["state"] == "failed"
    assert "0 of 5 as expected" in response.json()["html"]


def test_practice_through_the_work_page_says_what_was_expected(world, project):
    ann = world.person("ann", "annotator", project)
    client = world.client(ann)
    shown = client.post("/p/pairs/next", "{}", content_type="application/json").json()
    assert shown["state"] == "practice"
    judged = {"uuid": new_uuid(), "shown": shown["shown"], "answer": {"choice": "tie"}}
    told = client.post("/p/pairs/judgements", json.dumps(judged), content_type="application/json").json()
    assert "Equally good" in told["feedback"]
