"""The blindness of the app: nothing that an annotator gets says what an item is, or what others said."""

import dataclasses
import json
import re

import pytest
from working import body

SECRETS = ["POLICY-7b", "NAME-17", "EXPECTED-EXPLANATION", "OTHERS-COMMENT", "bob", "gold"]


def post(client, path, sent=None):
    return client.post(path, json.dumps(sent or {}), content_type="application/json")


@pytest.fixture
def project(world):
    """Real and gold items with all that must not be seen in them, one judged by somebody else."""
    project = world.project(overlap=2, gold={"items": "gold.jsonl", "every": 2})
    hidden = {"policies": ["POLICY-7b", "POLICY-7b"], "item": "NAME-17"}
    world.items(project, 4, slots=2, hidden=hidden, candidates=("a first answer", "a second answer"))
    gold = {"expected": {"choice": 1}, "explanation": "EXPECTED-EXPLANATION"}
    world.items(
        project, 4, part="gold", hidden=hidden, candidates=("a first answer", "a second answer"), **gold
    )
    from assent.feedback.schema.models import Item

    for item in Item.objects.all():
        Item.objects.filter(pk=item.pk).update(
            name=f"NAME-17-{item.part}-{item.pk}", candidates=["a first answer", "a second answer"]
        )
    return project


def judged_by_bob(world, project):
    client = world.client(world.person("bob", "annotator", project))
    for _ in range(8):
        item = post(client, "/p/pairs/next").json()
        if item["state"] == "done":
            break
        answer = {"choice": "left", "comment": "OTHERS-COMMENT"}
        assert (
            post(client, "/p/pairs/judgements", {**body(item["shown"]), "answer": answer}).status_code == 200
        )


def test_nothing_that_an_annotator_gets_tells_what_it_must_not(world, project):
    judged_by_bob(world, project)
    client = world.client(world.person("ann", "annotator", project))
    seen = [client.get("/p/pairs/").content]
    for _ in range(8):
        answer = post(client, "/p/pairs/next")
        seen.append(answer.content)
        if answer.json()["state"] == "done":
            break
        shown = answer.json()["shown"]
        seen.append(post(client, "/p/pairs/judgements", body(shown)).content)
        seen.append(post(client, "/p/pairs/judgements", body(shown)).content)  # refused: it says why
        seen.append(post(client, "/p/pairs/heartbeat", {"shown": shown}).content)
        seen += [client.get(f"/p/pairs/{path}").content for path in ("last", "mine", f"mine/{shown}")]
    everything = b"\n".join(seen).decode()
    assert len(seen) > 30
    assert "a first answer" in everything
    assert [secret for secret in SECRETS if secret.lower() in everything.lower()] == []
    from assent.feedback.schema.models import Shown

    assert {one.item.part for one in Shown.objects.filter(person__name="ann")} == {"real", "gold"}


def test_gold_looks_like_any_other(world, project):
    """The same bytes, but for the number of the showing, the prompt and what stands where."""
    from assent.feedback.schema.models import Shown

    client = world.client(world.person("ann", "annotator", project))
    forms, left = {}, []
    for _ in range(8):
        item = post(client, "/p/pairs/next").json()
        if item["state"] == "done":
            break
        stored = post(client, "/p/pairs/judgements", body(item["shown"])).json()
        number = str(item.pop("shown"))
        left.append(item.pop("progress")["left"])
        assert len(item.pop("made")) == 16  # a word that tells nothing, another for each item
        html = re.sub(rf'(shown="|comment-|prompt-|answer-){number}\b', r"\1N", item.pop("html"))
        html = re.sub(r"Prompt \d|a (first|second) answer", "TEXT", html)
        part = Shown.objects.get(pk=number).item.part
        forms.setdefault(part, set()).add((html, json.dumps(item), json.dumps(stored)))
    assert set(forms) == {"real", "gold"}
    assert forms["gold"] == forms["real"]
    assert len(forms["gold"]) == 1
    assert left == list(range(left[0], left[0] - len(left), -1))  # one less each time: no gold stands out


def test_a_face_has_no_room_for_more():
    from assent.feedback.faces import Answer, Face, Turn

    def names(kind):
        return {field.name for field in dataclasses.fields(kind)}

    assert names(Face) == {"shown", "task", "chat", "turns", "answers", "strength", "scales", "beside"}
    assert names(Answer) == {"position", "number", "raw", "html"}
    assert names(Turn) == {"role", "speaker", "raw", "html"}


def test_a_face_shows_answers_in_the_order_of_the_person_and_chats_as_turns(world):
    from assent.feedback.faces import face_of
    from assent.feedback.schema.models import Shown
    from assent.feedback.store.projects import settings_of

    project = world.project()
    [item] = world.items(project, 1, candidates=("one", "two"))
    item.prompt = [{"role": "user", "content": "**Hi** <b>"}, {"role": 'robot" x', "content": "beep"}]
    item.save()
    shown = Shown.objects.create(project=project, item=item, person=world.person(), order=[1, 0])
    face = face_of(shown, settings_of(project))
    assert [answer.raw for answer in face.answers] == ["two of real 0", "one of real 0"]
    assert [(turn.role, turn.raw) for turn in face.turns] == [("user", "**Hi** <b>"), ("other", "beep")]
    assert "<strong>Hi</strong> &lt;b&gt;" in face.turns[0].html
    assert (face.chat, face.beside, face.excerpt) == (True, False, "**Hi** <b>")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"choice": "both_bad"}, "Both bad"),
        ({"choice": "left", "strength": 3}, "Answer 1 is better (Much)"),
        ({"ranking": [[2], [0, 1]]}, "3 > 1 = 2"),
        ({"ratings": [{"fluency": 4}, {"fluency": 2}]}, "1: fluency 4 · 2: fluency 2"),
        ({"text": "A  long\ntext"}, "A long text"),
    ],
)
def test_answers_in_words(world, answer, words):
    from assent.feedback.faces import said

    assert said(answer) == words
