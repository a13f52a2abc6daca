"""Models answer one question at a time, each once, and no request waits for them."""

import threading
from uuid import UUID

import pytest
from feedback_world import new_uuid

from assent.feedback.answering import Ahead, Engaged, Failed, Line


def key() -> UUID:
    return UUID(new_uuid())


class Slow:
    """A model that answers when it is let, and says how many it answers at once."""

    def __init__(self):
        self.go, self.at_once, self.most, self.calls = threading.Event(), 0, 0, []

    def __call__(self, name):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.calls.append(name)
        self.go.wait(10)
        self.at_once -= 1
        return f"answer to {name}"


def until(ask):
    """What asking again and again comes to."""
    for _ in range(1000):
        found = ask()
        if not isinstance(found, Ahead):
            return found
        threading.Event().wait(0.01)
    raise AssertionError("no answer in ten seconds")


def test_a_quick_answer_comes_at_once():
    assert Line().ask(key(), key(), lambda: "yes", patience=10) == "yes"


def test_one_at_a_time_in_the_order_of_asking():
    line, model = Line(), Slow()
    asked = [(key(), key(), name) for name in "abc"]

    def ask(one):
        return line.ask(one[0], one[1], lambda: model(one[2]), patience=0)

    assert [ask(one) for one in asked] == [Ahead(0), Ahead(1), Ahead(2)]
    model.go.set()
    assert [until(lambda one=one: ask(one)) for one in asked] == ["answer to a", "answer to b", "answer to c"]
    assert (model.most, model.calls) == (1, ["a", "b", "c"])


def test_asked_again_it_is_not_answered_again():
    line, one, chat, calls = Line(), key(), key(), []

    def answer():
        calls.append(1)
        return "yes"

    assert line.ask(one, chat, answer, patience=10) == "yes"
    assert line.ask(one, chat, answer) == "yes"
    assert calls == [1]


def test_a_chat_has_one_question_at_a_time():
    line, model, chat = Line(), Slow(), key()
    line.ask(key(), chat, lambda: model("a"), patience=0)
    with pytest.raises(Engaged):
        line.ask(key(), chat, lambda: model("b"), patience=0)
    model.go.set()


@pytest.mark.parametrize("bad", [None, 3, "half \ud800"])
def test_what_is_no_text_is_a_failure_and_can_be_tried_again(bad, caplog):
    line, one, chat = Line(), key(), key()
    with pytest.raises(Failed):
        line.ask(one, chat, lambda: bad, patience=10)
    assert "a model failed to answer" in caplog.text
    with pytest.raises(Failed):  # asked whether it is there, it is not made again
        line.ask(one, chat, lambda: "now", patience=10)
    assert line.ask(one, chat, lambda: "now", retry=True, patience=10) == "now"
    assert line.ask(one, chat, lambda: "later", retry=True) == "now"


def test_a_model_that_fails_goes_on_answering_others(caplog):
    line = Line()
    with pytest.raises(Failed):
        line.ask(key(), key(), lambda: 1 / 0, patience=10)
    assert "ZeroDivisionError" in caplog.text
    assert line.ask(key(), key(), lambda: "yes", patience=10) == "yes"


def test_answers_that_nobody_fetches_are_forgotten(monkeypatch):
    line, one, chat, calls = Line(), key(), key(), []
    line.ask(one, chat, lambda: calls.append(1) or "yes", patience=10)
    monkeypatch.setattr("assent.feedback.answering.KEPT_SECONDS", -1.0)
    line.ask(one, chat, lambda: calls.append(1) or "yes", patience=10)
    assert calls == [1, 1]
