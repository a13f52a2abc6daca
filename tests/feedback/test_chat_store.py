"""What is stored of chats: turns once, attempts beside each other, policies drawn and not told."""

from collections import Counter
from uuid import UUID, uuid4

import pytest
from feedback_world import new_uuid


def uuid() -> UUID:
    return UUID(new_uuid())


@pytest.fixture
def chat(world):
    """(person, project, a conversation's uuid)."""
    project = world.project("talk", task="chat", policies=["red", "blue"])
    return world.person("ann", "annotator", project), project, uuid()


def spoken(chat, text="Hello", after=None, number=None):
    from assent.feedback.store.chats import Said, say

    return say(chat[0], chat[1], Said(chat[2], number or uuid(), text, after))


def replied(asked, text="Hi"):
    from assent.feedback.store.chats import first_answer, store_answer

    return store_answer(asked, first_answer(asked), text)


def code_of(call) -> str:
    from assent.feedback.store.chat_errors import ChatError

    with pytest.raises(ChatError) as caught:
        call()
    return caught.value.code


def test_a_message_sent_twice_is_one_turn(chat):
    from assent.feedback.schema.models import Conversation, Turn

    number = uuid()
    assert spoken(chat, number=number) == spoken(chat, number=number)
    assert (Turn.objects.count(), Conversation.objects.count()) == (1, 1)


def test_other_words_under_the_same_number_are_refused(chat):
    number = uuid()
    spoken(chat, "Hello", number=number)
    assert code_of(lambda: spoken(chat, "Bye", number=number)) == "other"


def test_turns_follow_each_other(chat):
    first = replied(spoken(chat, "Hello"))
    second = replied(spoken(chat, "And now?", after=first.uuid), "Later")
    from assent.feedback.store.chats import messages

    assert (first.number, second.number) == (1, 3)
    assert messages(second.conversation, 4) == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": "Later"},
    ]


def test_a_second_message_waits_for_the_first_answer(chat):
    spoken(chat)
    assert code_of(lambda: spoken(chat, "Hello?", after=uuid())) == "waiting"


def test_a_chat_that_went_on_elsewhere_is_not_forked(chat):
    first = replied(spoken(chat))
    replied(spoken(chat, "More", after=first.uuid))
    assert code_of(lambda: spoken(chat, "Other", after=first.uuid)) == "moved"
    assert code_of(lambda: spoken(chat, "Other")) == "moved"


@pytest.mark.parametrize(
    ("text", "code"),
    [("  \n", "empty"), ("a" * 100_001, "long"), ("a\0b", "characters"), ("\ud83d", "characters")],
)
def test_texts_that_cannot_be_stored(chat, text, code):
    assert code_of(lambda: spoken(chat, text)) == code


def test_a_policy_is_drawn_for_each_chat_and_stays(chat):
    person, project, _ = chat
    drawn = Counter(spoken((person, project, uuid4())).conversation.policy for _ in range(200))
    # each within 5 standard deviations of 100: sqrt(200 / 4) = 7.07
    assert set(drawn) == {"red", "blue"}
    assert 64 < drawn["red"] < 136
    first = spoken(chat)
    again = spoken(chat, "More", after=replied(first).uuid)
    assert again.conversation == first.conversation


def test_chats_of_others_are_not_there(chat, world):
    from assent.feedback.store.chats import conversation_of

    spoken(chat)
    other = world.person("bob", "annotator", chat[1])
    assert code_of(lambda: conversation_of(other, chat[1], chat[2])) == "unknown"
    assert code_of(lambda: spoken((other, chat[1], chat[2]))) == "unknown"


def test_a_message_of_somebody_else_is_not_found_by_its_number(chat, world):
    number = uuid()
    spoken(chat, number=number)
    other = world.person("bob", "annotator", chat[1])
    assert code_of(lambda: spoken((other, chat[1], uuid()), number=number)) == "unknown"


def test_answers_made_again_stand_beside_each_other(chat):
    from assent.feedback.store.chats import exchanges, messages, store_again

    asked = spoken(chat)
    first = replied(asked, "one")
    number = uuid()
    second = store_again(asked.conversation, first.uuid, number, "two")
    assert store_again(asked.conversation, first.uuid, number, "two") == second
    assert (second.number, second.attempt, second.replaces) == (1, 1, first)
    [exchange] = exchanges(asked.conversation)
    assert [answer.first.text for answer in exchange.answers] == ["one", "two"]
    assert exchange.chosen == 1
    assert messages(asked.conversation, 2)[-1]["content"] == "two"


def test_going_on_from_an_earlier_answer_makes_it_the_last(chat):
    from assent.feedback.store.chats import exchanges, messages, store_again

    asked = spoken(chat)
    first = replied(asked, "one")
    store_again(asked.conversation, first.uuid, uuid(), "two")
    number = uuid()
    later = spoken(chat, "More of the first", after=first.uuid, number=number)
    spoken(chat, "More of the first", after=first.uuid, number=number)  # sent twice
    assert [turn["content"] for turn in messages(asked.conversation, 3)] == [
        "Hello",
        "one",
        "More of the first",
    ]
    before, _ = exchanges(asked.conversation)
    assert [answer.first.text for answer in before.answers] == ["one", "two"]  # as people saw them
    assert [(row.attempt, row.text) for row in before.rows] == [(0, "one"), (1, "two"), (2, "one")]
    assert (before.chosen, before.rows[2].replaces, later.number) == (0, first, 2)


def test_only_the_last_answer_is_made_again(chat):
    from assent.feedback.store.chats import store_again

    first = replied(spoken(chat))
    replied(spoken(chat, "More", after=first.uuid))
    assert code_of(lambda: store_again(first.conversation, first.uuid, uuid(), "late")) == "moved"


def test_seeds_are_the_answers_own():
    from assent.feedback.store.chats import seed_of

    number = UUID("00000000-0000-4000-8000-000000000001")
    seeds = {seed_of(UUID(int=number.int + k)) for k in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of(number) == seed_of(number)


def test_turns_are_never_changed(chat):
    from django.db import IntegrityError, connection, transaction

    asked = spoken(chat)
    asked.text = "Something else"
    with pytest.raises(IntegrityError), transaction.atomic():
        asked.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM feedback_turn")
        assert cursor.fetchall() == [("Hello",)]
