"""Thumbs are always kept. What people only did is kept with consent, in this wording, and never without."""

import pytest
from chat_world import CONSENT, KEEPS, chat_of
from feedback_world import new_uuid

QUIET = (("copy", {}), ("click", {}), ("dwell", {"seconds": 3.5}))


def kept() -> list[tuple]:
    from assent.feedback.schema.models import Implicit

    return list(Implicit.objects.order_by("id").values_list("kind", "position", "seconds"))


def did_all(chat, turn):
    """Everything a browser can tell, and an answer made again."""
    replies = [chat.did(turn, kind, **body).json() for kind, body in QUIET]
    chat.post("regenerate", conversation=chat.conversation, uuid=new_uuid(), turn=turn)
    return replies


@pytest.mark.parametrize("settings", [{}, KEEPS], ids=["off", "on"])
def test_thumbs_are_always_kept(world, settings):
    chat = chat_of(world, **settings)
    turn = chat.said()
    for kind in ("thumb_up", "thumb_none", "thumb_down"):
        assert chat.did(turn, kind).json() == {"stored": 1, "left_out": 0}
    assert kept() == [("thumb_up", 0, None), ("thumb_none", 0, None), ("thumb_down", 0, None)]


def test_the_last_thumb_is_shown(world):
    chat = chat_of(world)
    turn = chat.said()
    for kind in ("thumb_up", "thumb_down"):
        chat.did(turn, kind)
    page = chat.page().content.decode()
    assert 'data-do="thumb_up" aria-pressed="false"' in page
    assert 'data-do="thumb_down" aria-pressed="true"' in page


def test_an_event_sent_twice_is_one_row(world):
    chat = chat_of(world)
    event = {"uuid": new_uuid(), "turn": chat.said(), "kind": "thumb_up"}
    assert [chat.post("implicit", events=[event]).status_code for _ in range(2)] == [200, 200]
    assert chat.post("implicit", events=[{**event, "kind": "thumb_down"}]).status_code == 409
    assert kept() == [("thumb_up", 0, None)]


@pytest.mark.parametrize("answer", ["unasked", "refused", "off"])
def test_nothing_is_kept_without_consent(world, answer):
    chat = chat_of(world, **({} if answer == "off" else KEEPS))
    if answer == "refused":
        assert chat.agree(given=False).json() == {"consent": "refused"}
    assert did_all(chat, chat.said()) == [{"stored": 0, "left_out": 1}] * 3
    assert kept() == []


def test_with_consent_it_is_kept_where_it_stood(world):
    chat = chat_of(world, **KEEPS)
    assert chat.agree().json() == {"consent": "given"}
    second = chat.said("More", after=chat.said())
    assert did_all(chat, second) == [{"stored": 1, "left_out": 0}] * 3
    assert kept() == [("copy", 1, None), ("click", 1, None), ("dwell", 1, 3.5), ("regenerate", 1, None)]


def test_consent_is_withdrawn_at_any_time(world):
    from assent.feedback.schema.models import Consent

    chat = chat_of(world, **KEEPS)
    chat.agree()
    turn = chat.said()
    chat.did(turn, "copy")
    chat.agree(given=False)
    chat.agree(given=False)  # the same again adds nothing
    did_all(chat, turn)
    assert kept() == [("copy", 0, None)]
    rows = Consent.objects.order_by("id").values_list("given", "text")
    assert list(rows) == [(True, CONSENT), (False, CONSENT)]
    assert 'data-consent="refused"' in chat.page().content.decode()


def test_consent_holds_for_the_wording_it_was_given_to(world):
    chat = chat_of(world, **KEEPS)
    chat.agree()
    chat.project.settings["implicit"]["consent"] = "We keep far more now."
    chat.project.save()
    assert 'data-consent="unasked"' in chat.page().content.decode()
    did_all(chat, chat.said())
    assert kept() == []
    refused = chat.agree()  # from a page that shows the old text
    assert (refused.status_code, refused.json()["code"]) == (409, "wording")


def test_switched_off_later_nothing_more_is_kept(world):
    chat = chat_of(world, **KEEPS)
    chat.agree()
    chat.project.settings["implicit"] = {}
    chat.project.save()
    did_all(chat, chat.said())
    assert kept() == []
    assert (chat.agree().status_code, chat.agree().json()["code"]) == (422, "off")


def test_a_refusal_can_always_be_sent(world):
    assert chat_of(world).agree(given=False).json() == {"consent": "refused"}


def test_the_chat_works_for_those_who_refuse(world):
    chat = chat_of(world, **KEEPS)
    chat.agree(given=False)
    assert chat.say().status_code == 200


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"kind": "regenerate"}, 422),  # the server sees that itself
        ({"kind": "stare"}, 422),
        ({"kind": "dwell"}, 422),
        ({"kind": "copy", "seconds": 1}, 422),
        ({"kind": "dwell", "seconds": 0}, 422),
        ({"kind": "dwell", "seconds": 86_401}, 422),
        ({"kind": "dwell", "seconds": float("nan")}, 422),
        ({"kind": "dwell", "seconds": "3"}, 400),
        ({"kind": 3}, 400),
        ({"kind": "thumb_up", "turn": new_uuid()}, 404),
    ],
)
def test_events_that_cannot_be(world, event, status):
    chat = chat_of(world, **KEEPS)
    chat.agree()
    sent = {"uuid": new_uuid(), "turn": chat.said(), **event}
    assert chat.post("implicit", events=[sent]).status_code == status
    assert kept() == []


def test_a_batch_is_stored_as_far_as_it_may(world):
    chat = chat_of(world)
    turn = chat.said()
    events = [{"uuid": new_uuid(), "turn": turn, "kind": kind} for kind in ("thumb_up", "copy", "click")]
    assert chat.post("implicit", events=events).json() == {"stored": 1, "left_out": 2}
    assert chat.post("implicit", events=events * 100).status_code == 400
    assert chat.post("implicit", events="all").status_code == 400


def test_a_persons_thumb_on_an_answer_gone_on_from_again_stays(world):
    """An earlier answer that is chosen becomes another row: it is the same answer to people."""
    chat = chat_of(world)
    first = chat.said()
    chat.did(first, "thumb_up")
    chat.post("regenerate", conversation=chat.conversation, uuid=new_uuid(), turn=first)
    chat.say("More of the first", after=first)
    page = chat.page().content.decode()
    before = page.split("More of the first")[0]
    assert "1 of 2" in before
    assert "2 of 2" in before
    assert "of 3" not in before
    assert before.count('aria-pressed="true"') == 1
