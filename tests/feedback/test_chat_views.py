"""What the chat's script sends and gets, without a browser."""

import threading

import pytest
from chat_world import SECRET_NAME, Policy, chat_of
from feedback_world import new_uuid, services


def test_a_message_is_answered(world):
    chat = chat_of(world)
    reply = chat.say("Hello <b>you</b>").json()
    assert reply["state"] == "answered"
    assert "<strong>Answer 1</strong>" in reply["html"]
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in reply["html"]
    assert chat.policy.heard == [[{"role": "user", "content": "Hello <b>you</b>"}]]


def test_retries_give_the_same_answer_and_one_turn_each(world):
    from assent.feedback.schema.models import Turn

    chat, number = chat_of(world), new_uuid()
    replies = [chat.say(uuid=number) for _ in range(3)]
    polled = chat.post("say", conversation=chat.conversation, uuid=number)
    assert {reply.content for reply in [*replies, polled]} == {replies[0].content}
    assert [turn.role for turn in Turn.objects.order_by("id")] == ["user", "assistant"]
    assert len(chat.policy.heard) == 1


def test_the_whole_conversation_is_said_to_the_policy(world):
    chat = chat_of(world)
    chat.say("And now?", after=chat.said("Hello"))
    assert [message["role"] for message in chat.policy.heard[1]] == ["user", "assistant", "user"]
    assert chat.policy.heard[1][1]["content"] == "**Answer 1** to Hello"


def test_a_slow_answer_is_asked_for_again_and_a_second_message_is_refused(world):
    policy, number = Policy(go=threading.Event()), new_uuid()
    chat = chat_of(world, policy)
    first = chat.say(uuid=number)
    assert (first.status_code, first.json()) == (202, {"state": "thinking", "ahead": 0})
    second = chat.say("Are you there?", after=new_uuid())
    assert (second.status_code, second.json()["code"]) == (409, "waiting")
    policy.go.set()
    for _ in range(500):
        polled = chat.post("say", conversation=chat.conversation, uuid=number)
        if polled.status_code == 200:
            break
        threading.Event().wait(0.01)
    assert "Answer 1" in polled.json()["html"]
    assert len(policy.heard) == 1


def test_a_failure_is_told_without_its_words_and_tried_again(world, caplog):
    chat, number = chat_of(world, Policy(fails=1)), new_uuid()
    failed = chat.say(uuid=number)
    assert (failed.status_code, failed.json()) == (
        200,
        {"state": "failed", "error": "The model could not answer."},
    )
    assert SECRET_NAME in caplog.text  # for whoever runs the app
    assert "data-unanswered" in chat.page().content.decode()
    still = chat.post("say", conversation=chat.conversation, uuid=number)
    assert (still.json()["state"], len(chat.policy.heard)) == ("failed", 1)
    again = chat.post("say", conversation=chat.conversation, uuid=number, retry=True)
    assert (again.json()["state"], len(chat.policy.heard)) == ("answered", 2)
    assert chat.policy.seeds[0] == chat.policy.seeds[1]


def test_answers_are_made_again(world):
    chat = chat_of(world)
    turn, number = chat.said(), new_uuid()
    replies = [
        chat.post("regenerate", conversation=chat.conversation, uuid=number, turn=turn) for _ in range(2)
    ]
    assert replies[0].status_code == 200
    assert "2 of 2" in replies[0].json()["html"]
    assert replies[0].content == replies[1].content
    assert chat.policy.heard[0] == chat.policy.heard[1]
    assert chat.policy.seeds[0] != chat.policy.seeds[1]


def test_only_the_last_answer_is_made_again(world):
    chat = chat_of(world)
    first = chat.said()
    chat.said("More", after=first)
    refused = chat.post("regenerate", conversation=chat.conversation, uuid=new_uuid(), turn=first)
    assert (refused.status_code, refused.json()["code"]) == (409, "moved")
    assert len(chat.policy.heard) == 2


def test_one_answer_is_made_again_at_a_time(world):
    policy = Policy()
    chat = chat_of(world, policy)
    turn, policy.go = chat.said(), threading.Event()
    sent = {"conversation": chat.conversation, "turn": turn}
    first, other = ({**sent, "uuid": new_uuid()} for _ in range(2))
    assert chat.post("regenerate", **first).status_code == 202
    refused = chat.post("regenerate", **other)
    assert (refused.status_code, refused.json()["code"]) == (409, "waiting")
    policy.go.set()


def test_numbers_of_something_else_make_no_answer(world):
    from assent.feedback.schema.models import Turn

    chat, number = chat_of(world), new_uuid()
    turn = chat.said()
    assert chat.post("say", conversation=chat.conversation, uuid=number).status_code == 404  # never said
    asked = str(Turn.objects.get(role="user").uuid)
    refused = chat.post("regenerate", conversation=chat.conversation, uuid=asked, turn=turn)
    assert (refused.status_code, refused.json()["code"]) == (409, "other")
    gone = chat.post("regenerate", conversation=chat.conversation, uuid=turn, turn=number)
    assert gone.status_code == 404
    assert len(chat.policy.heard) == 1


def test_the_page_shows_the_last_chat_another_or_none(world):
    chat = chat_of(world)
    chat.say("First words")
    first, chat.conversation = chat.conversation, new_uuid()
    chat.say("Second words")
    assert "Answer 2" in chat.page().content.decode()
    assert "Answer 1" in chat.page(f"?c={first}").content.decode()
    fresh = chat.page("?c=new").content.decode()
    assert "<strong>Answer" not in fresh
    assert "First words" in fresh  # among the earlier ones
    assert [chat.page(f"?c={bad}").status_code for bad in ("x", new_uuid())] == [404, 404]


def test_looking_writes_nothing(world):
    from assent.feedback.schema.models import Conversation

    chat = chat_of(world)
    chat.page()
    assert Conversation.objects.count() == 0


def test_the_policys_name_is_nowhere_in_what_is_sent(world):
    chat = chat_of(world)
    turn = chat.said()
    sent = [chat.page(), chat.say("More", after=turn), chat.did(turn, "thumb_up")]
    assert not any(SECRET_NAME.encode() in reply.content for reply in sent)
    assert not any("secret-model" in str(reply.headers) for reply in sent)


def test_chats_of_others_are_not_there(world):
    chat = chat_of(world)
    turn = chat.said()
    chat.client = world.client(world.person("bob", "annotator", chat.project))
    assert chat.page(f"?c={chat.conversation}").status_code == 404
    assert chat.say("Mine now", after=turn).status_code == 404
    assert chat.did(turn, "thumb_up").status_code == 404
    sent = {"conversation": chat.conversation, "uuid": new_uuid(), "turn": turn}
    assert chat.post("regenerate", **sent).status_code == 404


def test_those_who_are_not_of_the_project_see_no_chat(world):
    chat = chat_of(world)
    chat.client = world.client(world.person("eve"))
    assert chat.page().status_code == 404
    assert chat.say().status_code == 404
    assert world.client().get("/p/talk/chat/").status_code == 302


def test_a_project_of_another_task_has_no_chat(world):
    project = world.project("pairs")
    client = world.client(world.person("ann", "annotator", project))
    assert client.get("/p/pairs/chat/").status_code == 404


def test_a_closed_project_can_be_read(world):
    chat = chat_of(world)
    turn = chat.said()
    chat.project.closed = 1.0
    chat.project.save()
    refused = chat.say("More", after=turn)
    assert (refused.status_code, refused.json()["code"]) == (409, "closed")
    page = chat.page().content.decode()
    assert "This project is closed" in page
    assert "Answer 1" in page


@pytest.mark.parametrize("policies", [[], [SECRET_NAME, "runs/gone"]])
def test_a_chat_without_all_its_policies_is_for_nobody(world, policies):
    chat = chat_of(world, policies=policies)
    assert (chat.say().status_code, chat.say().json()["code"]) == (422, "unready")
    told = chat.page().content.decode()
    assert "Tell an admin" in told
    assert "runs/gone" not in told
    chat.client = world.client(world.person("boss", "admin"))
    told = chat.page().content.decode()
    assert ("runs/gone" in told) if policies else ("No model is chosen" in told)
    assert 'href="/admin/p/talk/settings#models"' in told
    assert 'id="models"' in chat.client.get("/admin/p/talk/settings").content.decode()
    assert SECRET_NAME not in told  # that one is served


def test_a_chat_whose_policy_is_gone_can_be_read(world):
    from django.conf import settings

    chat = chat_of(world)
    turn = chat.said()
    settings.SERVICES = services(talk={})
    assert "Answer 1" in chat.page().content.decode()
    assert chat.say("More", after=turn).json()["code"] == "unready"


def test_a_message_whose_policy_is_gone_waits_unanswered(world):
    from django.conf import settings

    chat, number = chat_of(world, Policy(fails=1)), new_uuid()
    chat.say(uuid=number)
    settings.SERVICES = services(talk={})
    again = chat.post("say", conversation=chat.conversation, uuid=number, retry=True)
    assert (again.status_code, again.json()["state"]) == (200, "failed")  # 200: the message is stored
    assert "not ready" in again.json()["error"]
    assert "data-unanswered" in chat.page().content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {"uuid": "x", "conversation": "x", "text": "Hello"},
        {"uuid": new_uuid(), "conversation": new_uuid(), "text": 3},
        {"conversation": new_uuid(), "text": "Hello"},
        {},
    ],
)
def test_what_no_page_of_ours_sends(world, body):
    chat = chat_of(world)
    assert chat.post("say", **body).status_code == 400
    assert chat.client.post("/p/talk/chat/say", "[", content_type="application/json").status_code == 400
    assert chat.client.post("/p/talk/chat/say", "[]", content_type="application/json").status_code == 400
    assert chat.client.get("/p/talk/chat/say").status_code == 405


def test_many_retries_at_once_are_one_message_and_one_answer(world):
    from django.db import connections

    from assent.feedback.schema.models import Turn

    chat, number = chat_of(world), new_uuid()
    start, statuses = threading.Barrier(8), []

    def send():
        start.wait(10)
        statuses.append(chat.say(uuid=number).status_code)
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(statuses) <= {200, 202}
    assert chat.post("say", conversation=chat.conversation, uuid=number).status_code == 200
    assert [turn.role for turn in Turn.objects.order_by("id")] == ["user", "assistant"]
    assert len(chat.policy.heard) == 1
