"""The chat in a real browser: by keys, on a phone, with a model that fails and a network that does."""

import contextlib
import json
import threading
import time

import pytest
from browser import PHONE, accessible, page_of, picture, session_of
from chat_world import CONSENT, KEEPS, SECRET_NAME, Policy, chat_of, eventually
from feedback_world import new_uuid

PLAN = """Here is a plan:

1. **Monday**: read the first chapter.
2. Write down what is new, and *why*.

```python
def area(radius):
    return 3.14159 * radius ** 2
```

| day | pages |
|---|---|
| Monday | 12 |

See [the notes](https://example.org/notes)."""
QUESTION = "Make me a plan for learning geometry in a week, please."


class Planner(Policy):
    """Answers with a plan beside."""

    def __call__(self, messages, seed):
        return f"{super().__call__(messages, seed)}\n\n{PLAN}"


@pytest.fixture
def opened(world, chromium_browser):
    """`opened(chat, ...)`: its page, on a server of its own."""
    with contextlib.ExitStack() as stack:

        def page(chat, **context):
            address = stack.enter_context(world.served())
            made = page_of(chromium_browser, address, session_of(world, chat.person), **context)
            stack.callback(made.context.close)
            made.goto("/p/talk/chat/")
            return made

        yield page


def kept():
    from assent.feedback.schema.models import Implicit

    return list(Implicit.objects.order_by("id").values_list("kind", "position"))


def told():
    """Who said what, in the order in which it was stored."""
    from assent.feedback.schema.models import Turn

    return list(Turn.objects.order_by("id").values_list("role", "number", "attempt"))


def field(page):
    return page.get_by_label("Your message", exact=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chat_on_a_phone(world, opened, theme):
    page = opened(
        chat_of(world, Planner()), viewport=PHONE, color_scheme=theme, has_touch=True, is_mobile=True
    )
    picture(page, f"chat-empty-{theme}")
    field(page).fill(QUESTION)
    page.get_by_role("button", name="Send").tap()
    page.get_by_text("Answer 1").wait_for()
    page.get_by_role("button", name="Another answer").tap()
    page.get_by_text("2 of 2").wait_for()
    page.get_by_role("button", name="Good answer").locator("visible=true").tap()
    eventually(kept, [("thumb_up", 0)])
    picture(page, f"chat-{theme}")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    accessible(page)
    assert page.faults == []


def test_a_chat_by_keys_alone(world, opened):
    chat = chat_of(world, Planner(), **KEEPS)
    chat.agree()
    page = opened(chat, permissions=["clipboard-read", "clipboard-write"])
    page.keyboard.type("First line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    page.keyboard.press("Enter")
    page.get_by_text("Answer 1").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    eventually(kept, [("thumb_up", 0)])
    page.keyboard.press("c")
    eventually(kept, [("thumb_up", 0), ("copy", 0)])
    assert page.evaluate("navigator.clipboard.readText()").startswith(
        "**Answer 1** to First line\nsecond line"
    )
    page.keyboard.press("r")
    page.get_by_text("2 of 2").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("1 of 2").wait_for()
    assert (
        page.get_by_role("button", name="Good answer").locator("visible=true").get_attribute("aria-pressed")
        == "true"
    )
    page.keyboard.press("+")  # taken back
    eventually(kept, [("thumb_up", 0), ("copy", 0), ("regenerate", 0), ("thumb_none", 0)])
    page.keyboard.press("/")
    page.keyboard.type("More of the first")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Answer 3").wait_for()
    assert "**Answer 1**" in chat.policy.heard[2][1]["content"]  # what it went on from
    picture(page, "chat-keys")
    accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    picture(page, "chat-help")
    accessible(page)
    assert page.faults == []


def test_an_input_method_chooses_characters_with_enter(world, opened):
    page = opened(chat_of(world))
    field(page).fill("ni hao")
    composing = "bubbles: true, cancelable: true, key: 'Enter'"
    field(page).evaluate(
        f"f => f.dispatchEvent(new KeyboardEvent('keydown', {{{composing}, isComposing: true}}))"
    )
    assert told() == []
    field(page).evaluate(f"f => f.dispatchEvent(new KeyboardEvent('keydown', {{{composing}}}))")
    page.get_by_text("Answer 1").wait_for()


def test_a_slow_model_that_fails(world, opened, caplog):
    policy = Policy(fails=1, go=threading.Event())
    page = opened(chat_of(world, policy), viewport=PHONE)
    field(page).fill("Hello")
    page.keyboard.press("Enter")
    page.get_by_text("The model is writing").wait_for()
    field(page).fill("Are you there?")
    page.keyboard.press("Enter")
    page.get_by_text("Wait for the answer. What you type is kept.").wait_for()
    page.reload()  # nothing is lost, and nothing is said twice
    page.get_by_text("The model is writing").wait_for()
    assert field(page).input_value() == "Are you there?"
    picture(page, "chat-waiting")
    policy.go.set()
    page.get_by_text("The model could not answer.").wait_for()
    picture(page, "chat-failed")
    accessible(page)
    assert SECRET_NAME not in page.content()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Answer 2").wait_for()
    assert told() == [("user", 0, 0), ("assistant", 1, 0)]
    assert page.faults == []


def test_a_message_without_a_network_arrives_once(world, opened):
    page = opened(chat_of(world))
    page.context.set_offline(True)
    field(page).fill("Hello")
    page.keyboard.press("Enter")
    page.get_by_text("No connection. Your words are kept").wait_for()
    page.context.set_offline(False)
    page.reload()  # as the impatient do
    page.get_by_text("Answer 1").wait_for()
    assert told() == [("user", 0, 0), ("assistant", 1, 0)]


def test_a_chat_that_went_on_elsewhere_gives_the_words_back(world, opened):
    chat = chat_of(world)
    turn = chat.said()
    page = opened(chat)
    chat.said("From another window", after=turn)
    field(page).fill("From this one")
    page.keyboard.press("Enter")
    page.get_by_text("This chat went on in another window.").wait_for()
    assert field(page).input_value() == "From this one"


def test_a_message_beside_an_answer_that_is_being_made_again(world, opened):
    """The page was reloaded, and knows nothing of it: the message is sent once, and its answer comes."""
    policy = Policy()
    chat = chat_of(world, policy)
    chat.said()
    page = opened(chat)
    policy.go = threading.Event()
    page.get_by_role("button", name="Another answer").click()
    page.locator(".thinking").wait_for()
    page.reload()
    field(page).fill("And now?")
    page.keyboard.press("Control+Enter")
    page.locator(".thinking").wait_for()
    page.reload()
    page.get_by_text("And now?").wait_for()
    assert field(page).input_value() == ""
    policy.go.set()
    page.get_by_text("Answer 3").wait_for()
    assert field(page).input_value() == ""
    assert told() == [("user", 0, 0), ("assistant", 1, 0), ("user", 2, 0), ("assistant", 3, 0)]
    assert page.faults == []


def test_a_thumb_waits_while_its_person_is_no_member(world, opened):
    from assent.feedback.schema.models import Membership

    refused = []

    def twice(response):
        refused.extend([response.status] if response.url.endswith("/implicit") else [])
        return len(refused) == 2

    chat = chat_of(world)
    chat.said()
    page = opened(chat)
    Membership.objects.all().delete()
    with page.expect_response(twice):
        page.get_by_role("button", name="Good answer").click()
    assert refused == [404, 404]
    Membership.objects.create(person=chat.person, project=chat.project)
    eventually(kept, [("thumb_up", 0)])


def test_a_thumb_for_an_answer_that_is_gone_holds_up_no_other(world, opened):
    """A backup was put back: the browser knows more than the app."""
    chat = chat_of(world)
    chat.said()
    page = opened(chat)
    name = f"assent/{page.get_attribute('#chat', 'data-keep')}/events/p/talk/chat/implicit"
    gone = {"uuid": new_uuid(), "turn": new_uuid(), "kind": "thumb_down"}
    page.evaluate("([name, value]) => localStorage.setItem(name, value)", [name, json.dumps([gone])])
    page.get_by_role("button", name="Good answer").click()
    eventually(kept, [("thumb_up", 0)])
    eventually(lambda: page.evaluate("name => localStorage.getItem(name)", name), None)


def test_consent_is_asked_first_and_can_be_withdrawn(world, opened):
    chat = chat_of(world, **KEEPS)
    chat.said()
    page = opened(chat, viewport=PHONE)
    page.get_by_text(CONSENT).wait_for()
    picture(page, "chat-consent")
    accessible(page)
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="No, thank you").click()
    page.get_by_text("Only your words and thumbs are kept.").wait_for()
    page.locator(".reply .text").click()
    page.get_by_role("button", name="Good answer").click()
    eventually(kept, [("thumb_up", 0)])
    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="I agree").click()
    page.get_by_text("You agreed").wait_for()
    page.locator(".reply .text").click()
    eventually(kept, [("thumb_up", 0), ("click", 0)])
    time.sleep(1.5)  # of reading
    page.goto("/nowhere")
    eventually(kept, [("thumb_up", 0), ("click", 0), ("dwell", 0)])
    page.goto("/p/talk/chat/")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_text("Only your words and thumbs are kept.").wait_for()
    page.locator(".reply .text").click()
    page.get_by_role("button", name="Good answer").click()
    eventually(kept, [("thumb_up", 0), ("click", 0), ("dwell", 0), ("thumb_none", 0)])
    assert page.faults == []
