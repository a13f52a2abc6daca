"""A message that is stored is told so, however the chat stands; one that is refused is not stored."""

import threading

import pytest
from chat_world import SECRET_NAME, Policy, chat_of
from feedback_world import new_uuid, services


def turns():
    from assent.feedback.schema.models import Turn

    return list(Turn.objects.order_by("id").values_list("role", "number", "attempt"))


def polled(send):
    """What comes once the model is done."""
    for _ in range(500):
        reply = send()
        if reply.status_code != 202:
            return reply
        threading.Event().wait(0.01)
    raise AssertionError("no answer in five seconds")


@pytest.fixture
def engaged(world):
    """A chat whose answer is being made again; `sent` is what the browser polls with."""
    policy = Policy()
    chat = chat_of(world, policy)
    chat.answer = chat.said()
    policy.go = threading.Event()
    chat.sent = {"conversation": chat.conversation, "uuid": new_uuid(), "turn": chat.answer}
    assert chat.post("regenerate", **chat.sent).status_code == 202
    yield chat
    policy.go.set()


def test_a_message_waits_for_the_answer_that_is_being_made_again(engaged):
    """Nobody's page knows of it any more: it was reloaded."""
    number = new_uuid()
    told = engaged.say("And now?", after=engaged.answer, uuid=number)
    assert (told.status_code, told.json()["state"]) == (202, "thinking")
    assert turns() == [("user", 0, 0), ("assistant", 1, 0), ("user", 2, 0)]
    engaged.policy.go.set()
    for sent in ({"text": "And now?", "after": engaged.answer}, {}):  # its answer was lost; or it was heard
        reply = polled(
            lambda sent=sent: engaged.post("say", conversation=engaged.conversation, uuid=number, **sent)
        )
        assert reply.json()["state"] == "answered"
    assert turns() == [("user", 0, 0), ("assistant", 1, 0), ("user", 2, 0), ("assistant", 3, 0)]


def test_an_answer_under_way_outlives_the_end_of_the_project(engaged):
    from assent.feedback.store import changes

    changes.close(engaged.project, "root")
    other = {**engaged.sent, "uuid": new_uuid()}
    assert engaged.post("regenerate", **other).json()["code"] == "closed"
    engaged.policy.go.set()
    assert "2 of 2" in polled(lambda: engaged.post("regenerate", **engaged.sent)).json()["html"]
    assert turns() == [("user", 0, 0), ("assistant", 1, 0), ("assistant", 1, 1)]
    assert engaged.post("regenerate", **other).json()["code"] == "closed"


def test_what_failed_is_not_made_again_in_a_closed_project(world, caplog):
    from assent.feedback.store import changes

    policy = Policy()
    chat = chat_of(world, policy)
    sent = {"conversation": chat.conversation, "uuid": new_uuid(), "turn": chat.said()}
    policy.fails = 1
    assert chat.post("regenerate", **sent).json()["state"] == "failed"
    changes.close(chat.project, "root")
    assert chat.post("regenerate", **sent, retry=True).json()["code"] == "closed"
    assert len(policy.heard) == 2


def test_a_message_that_arrived_is_answered_though_the_project_is_closed_meanwhile(world):
    from assent.feedback.store import changes

    chat, number = chat_of(world), new_uuid()
    first = chat.say(uuid=number)  # its response is lost, and the browser sends it again
    changes.close(chat.project, "root")
    assert chat.say(uuid=number).content == first.content
    assert chat.say("New words").json()["code"] == "closed"


def test_a_chat_with_a_policy_of_before_stores_nothing(world):
    """The project has other policies by now, and the one that this chat began with is not served."""
    from django.conf import settings

    chat = chat_of(world)
    answer = chat.said()
    chat.project.settings["policies"] = ["runs/newer"]
    chat.project.save()
    settings.SERVICES = services(talk={"runs/newer": chat.policy})
    refused = chat.say("More", after=answer)
    assert (refused.status_code, refused.json()["code"]) == (422, "unready")
    again = chat.post("regenerate", conversation=chat.conversation, uuid=new_uuid(), turn=answer)
    assert (again.status_code, again.json()["code"]) == (422, "unready")
    assert turns() == [("user", 0, 0), ("assistant", 1, 0)]
    assert SECRET_NAME not in refused.content.decode()
