"""The routes of the work page: what is stored is told as stored, and nothing else; GET writes nothing."""

import json
import re
import sqlite3

import pytest
from feedback_world import new_uuid
from working import body, judgements


def post(client, path, sent=None):
    return client.post(
        path, json.dumps(sent or {}), content_type="application/json", headers={"Accept": "application/json"}
    )


@pytest.fixture
def ann(world):
    """Somebody with three pairs to judge."""
    project = world.project(lease_minutes=30)
    world.items(project, 3)
    return world.person("ann", "annotator", project)


def rows(world):
    """Every row of the app's own tables."""
    connection = sqlite3.connect(world.database)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables if "feedback" in name
    }
    connection.close()
    return found


def test_the_page_is_a_shell_and_next_gives_an_item(world, ann):
    client = world.client(ann)
    page = client.get("/p/pairs/").content.decode()
    assert 'data-path="/p/pairs/"' in page
    assert "Prompt 0" not in page
    first = post(client, "/p/pairs/next").json()
    assert (first["state"], first["answer"], first["revision"]) == ("item", None, 1)
    assert first["progress"] == {"mine": 0, "left": 3, "more": False}
    assert "Prompt 0" in first["html"]
    assert post(client, "/p/pairs/next").json()["shown"] == first["shown"]  # a reload shows the same


def test_a_judgement_is_stored_once_however_often_it_is_sent(world, ann):
    client = world.client(ann)
    sent = body(post(client, "/p/pairs/next").json()["shown"], "right", seconds=2.5)
    answers = [post(client, "/p/pairs/judgements", sent) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert [one.json()["same"] for one in answers] == [False, True, True]
    [stored] = judgements()
    assert stored.answer == {"choice": stored.shown.order[1]}
    assert stored.seconds == 2.5


def test_the_slower_window_is_told_both_answers_and_what_comes_next(world, ann):
    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    post(client, "/p/pairs/judgements", body(shown, "left"))
    post(client, "/p/pairs/judgements", body(shown, "right", revision=2))
    sent = body(shown, "tie", revision=2)
    sent["answer"]["comment"] = "I am torn"
    late = post(client, "/p/pairs/judgements", sent)
    assert (late.status_code, late.json()["code"]) == (409, "meanwhile")
    assert late.json()["meanwhile"] == {
        "excerpt": "Prompt 0",
        "stored": "Answer 2 is better",
        "yours": "Equally good\nComment: I am torn",
        "revision": 3,
    }
    assert post(client, "/p/pairs/judgements", {**sent, "revision": 3}).status_code == 200
    assert [one.revision for one in judgements()] == [1, 2, 3]


def test_a_test_item_is_answered_once_in_all_windows(world, ann):
    """No newer answer is offered there: it would be refused as well."""
    project = world.project("exam")
    world.items(project, 2, part="test", expected={"choice": 0})
    bob = world.person("bob", "annotator", project)
    client = world.client(bob)
    shown = post(client, "/p/exam/next").json()["shown"]
    assert post(client, "/p/exam/judgements", body(shown)).status_code == 200
    late = post(client, "/p/exam/judgements", body(shown, "right"))
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert "answered once" in late.json()["error"]


def test_practice_and_test_say_how_many_there_are(world, ann):
    project = world.project("exam")
    world.items(project, 2, part="practice", expected={"choice": 0})
    world.items(project, 1, part="test", expected={"choice": 0})
    client = world.client(world.person("bob", "annotator", project))
    told = []
    for _ in range(3):
        given = post(client, "/p/exam/next").json()
        told.append(given["html"].partition("<strong>")[2].partition("</strong>")[0])
        post(client, "/p/exam/judgements", body(given["shown"]))
    assert told == ["Practice 1 of 2", "Practice 2 of 2", "Test 1 of 1"]


def test_what_does_not_fit_is_refused_and_says_why(world, ann):
    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    sent = body(shown)
    assert post(client, "/p/pairs/judgements", sent).status_code == 200
    other = post(client, "/p/pairs/judgements", {**sent, "answer": {"choice": "right"}})
    assert (other.status_code, other.json()["code"]) == (409, "meanwhile")  # two windows, one draft
    again = post(client, "/p/pairs/judgements", body(shown))  # a second first word
    assert again.status_code == 409
    assert "answered in another window meanwhile" in again.json()["error"]
    client.cookies["language"] = "zh-hans"
    skipped = post(client, "/p/pairs/skip", {"shown": shown, "reason": ""})
    assert skipped.status_code == 409
    assert "这道题您已经判断过" in skipped.json()["error"]
    client.cookies["language"] = "en"
    wrong = post(client, "/p/pairs/judgements", body(shown, "middle", revision=2))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "choice")
    assert wrong.json()["error"] == "Choose one of the five answers first."
    assert post(client, "/p/pairs/judgements", body(10_000)).status_code == 404
    assert len(judgements()) == 1


@pytest.mark.parametrize(
    "sent",
    [b"", b"[]", b"{", b'{"uuid": 1}', b'{"uuid":"x","shown":1,"answer":{}}', b'{"shown":1}', b"\xff\xfe"],
)
def test_what_is_no_judgement_is_refused(world, ann, sent):
    answer = world.client(ann).post("/p/pairs/judgements", sent, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "form")
    assert judgements() == []


@pytest.mark.parametrize("seconds", ["-1", "NaN", "Infinity", '"3 s"'])
def test_seconds_are_a_number_of_seconds(world, ann, seconds):
    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    sent = json.dumps(body(shown))[:-1] + f', "seconds": {seconds}}}'
    assert client.post("/p/pairs/judgements", sent, content_type="application/json").status_code == 422


def test_undo_gives_the_last_with_its_answer_and_the_next_revision_counts(world, ann):
    client = world.client(ann)
    assert client.get("/p/pairs/last").json() == {"state": "none"}
    shown = post(client, "/p/pairs/next").json()["shown"]
    post(client, "/p/pairs/judgements", {**body(shown), "answer": {"choice": "left", "comment": "hm"}})
    last = client.get("/p/pairs/last").json()
    assert (last["shown"], last["revision"]) == (shown, 2)
    assert last["answer"] == {"choice": "left", "comment": "hm"}
    assert post(client, "/p/pairs/judgements", body(shown, "tie", revision=2)).status_code == 200
    assert [one.revision for one in judgements()] == [1, 2]
    assert client.get(f"/p/pairs/mine/{shown}").json()["answer"] == {"choice": "tie"}
    assert "Equally good" in client.get("/p/pairs/mine").content.decode()


def test_get_writes_nothing(world, ann):
    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    post(client, "/p/pairs/judgements", body(shown))
    before = rows(world)
    for path in ("", "last", "mine", f"mine/{shown}", "mine?before=5"):
        assert client.get(f"/p/pairs/{path}").status_code == 200
    for path in ("next", "judgements", "heartbeat", "skip", "flag"):
        assert client.get(f"/p/pairs/{path}").status_code == 405
    assert rows(world) == before


def test_skip_and_flag_and_heartbeat(world, ann):
    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    assert post(client, "/p/pairs/heartbeat", {"shown": shown}).json() == {"held": True}
    note = {"uuid": new_uuid(), "shown": shown, "text": "cut off"}
    assert [post(client, "/p/pairs/flag", note).status_code for _ in range(2)] == [200, 200]
    assert post(client, "/p/pairs/flag", {**note, "text": " ", "uuid": new_uuid()}).status_code == 422
    assert [
        post(client, "/p/pairs/skip", {"shown": shown, "reason": "tired"}).status_code for _ in range(2)
    ] == [200, 200]
    assert post(client, "/p/pairs/next").json()["shown"] != shown
    from assent.feedback.schema.models import Flag, Skip

    assert [one.text for one in Flag.objects.all()] == ["cut off"]
    assert [one.reason for one in Skip.objects.all()] == ["tired"]


def test_nobody_reaches_the_items_of_others(world, ann):
    bob = world.person("bob", "annotator")
    shown = post(world.client(ann), "/p/pairs/next").json()["shown"]
    client = world.client(bob)
    for path in ("", "last", "mine"):
        assert client.get(f"/p/pairs/{path}").status_code == 404  # as a project that is not there
    other = world.project("other")
    from assent.feedback.schema.models import Membership

    Membership.objects.create(person=bob, project=other)
    assert client.get(f"/p/other/mine/{shown}").status_code == 404
    for path, more in (("judgements", body(shown)), ("skip", {"reason": "x"}), ("heartbeat", {})):
        assert post(client, f"/p/other/{path}", {**more, "shown": shown}).status_code == 404
    assert post(world.client(), "/p/pairs/next").status_code == 302  # to the login


def test_who_left_a_project_cannot_answer_through_another(world, ann):
    from assent.feedback.schema.models import Membership

    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    Membership.objects.all().delete()
    Membership.objects.create(person=ann, project=world.project("other"))
    assert post(client, "/p/other/judgements", body(shown)).status_code == 404
    assert judgements() == []


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "-1", "²", "x"])
def test_numbers_that_no_row_has_are_no_fault_of_ours(world, ann, number):
    client = world.client(ann)
    assert client.get("/p/pairs/mine", {"before": number}).status_code == 404
    assert client.get(f"/p/pairs/mine/{number}").status_code == 404
    if number.isascii() and number.isdigit():
        sent = f'{{"uuid": "{new_uuid()}", "shown": {number[:400]}, "answer": {{"choice": "left"}}}}'
        told = client.post("/p/pairs/judgements", sent, content_type="application/json").status_code
        assert told in (404, 422)


def test_a_database_that_is_busy_is_no_success(world, ann, monkeypatch):
    monkeypatch.setattr("assent.feedback.store.writer.BUSY_SECONDS", 0.1, raising=False)
    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(world.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = post(client, "/p/pairs/judgements", body(shown))
    other.execute("ROLLBACK")
    other.close()
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) >= 1
    assert judgements() == []


def test_what_was_stored_is_told_where_the_next_item_must_wait(world, ann, monkeypatch):
    """Another process takes the database just after the judgement is on disk."""
    from django.db import connection

    from assent.feedback.store import claims

    client = world.client(ann)
    shown = post(client, "/p/pairs/next").json()["shown"]
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other, claim = sqlite3.connect(world.database, isolation_level=None), claims.claim

    def held(*given):
        other.execute("BEGIN IMMEDIATE")
        return claim(*given)

    monkeypatch.setattr(claims, "claim", held)
    answer = post(client, "/p/pairs/judgements", body(shown, next=True))
    other.execute("ROLLBACK")
    other.close()
    assert answer.status_code == 200
    assert (answer.json()["stored"], answer.json()["next"]) == (True, None)
    assert len(judgements()) == 1


def test_the_end_and_a_closed_project_are_told(world, ann):
    from assent.feedback.schema.models import Project

    client = world.client(ann)
    for _ in range(3):
        post(client, "/p/pairs/judgements", body(post(client, "/p/pairs/next").json()["shown"]))
    assert post(client, "/p/pairs/next").json()["state"] == "done"
    Project.objects.update(closed=1.0)
    assert post(client, "/p/pairs/next").json()["state"] == "closed"


def test_a_practice_item_is_told_at_once_and_cannot_be_changed(world):
    project = world.project()
    world.items(project, 1, part="practice", expected={"choice": 0}, explanation="It is **true**.")
    world.items(project, 1)
    client = world.client(world.person("ann", "annotator", project))
    item = post(client, "/p/pairs/next").json()
    assert item["state"] == "practice"
    told = post(client, "/p/pairs/judgements", body(item["shown"])).json()["feedback"]
    assert "<strong>true</strong>" in told
    assert client.get("/p/pairs/last").json() == {"state": "none"}
    assert client.get(f"/p/pairs/mine/{item['shown']}").status_code == 404
    assert post(client, "/p/pairs/next").json()["state"] == "item"


def test_drafts_of_one_person_are_kept_apart_from_those_of_another(world, ann):
    def keep(person):
        return re.search(r'data-keep="(\w+)"', world.client(person).get("/p/pairs/").content.decode())[1]

    assert keep(ann) == keep(ann) != keep(world.person("bob", "admin"))
