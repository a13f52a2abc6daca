"""Blindness, byte by byte: nothing hidden is in a response to an annotator; gold looks like the rest."""

import json
import re

import pytest
from feedback_world import new_uuid, services
from made_up import ANSWERS, HIDDEN, TALKER, item, office

SECRETS = [
    *HIDDEN["policies"],  # who wrote the answers
    HIDDEN["note"],  # all else in `meta`
    TALKER,
    "item-",  # names of items, which tell where they come from
    "why-gold-is-right",
    "Bo-the-other",  # who else works here
    "a-comment-of-Bo",
    "a-flag-of-Bo",
    "5e5e5e5e",  # the project's secret, out of which order and gold are drawn
    "argon2",
]


class Listener:
    """A client that remembers every response, headers included."""

    def __init__(self, client):
        self.client, self.heard = client, []

    def get(self, path):
        return self._keep(path, self.client.get(path))

    def post(self, path, body=None):
        answer = self.client.post(path, json.dumps(body or {}), content_type="application/json")
        return self._keep(path, answer)

    def _keep(self, path, response):
        self.heard.append((path, f"{response.headers}\n{response.content.decode()}"))
        return response

    def given_away(self):
        assert self.heard
        return [(path, secret) for path, said in self.heard for secret in SECRETS if secret in said]


@pytest.fixture
def office_of_two(world):
    """The made-up office, in which somebody else has judged everything once."""
    from django.conf import settings

    settings.SERVICES = services(talk={TALKER: lambda messages, seed: "Warm, not hot."})
    made = office(world)
    other = world.person("Bo-the-other", "annotator", *made.projects.values())
    bo = Listener(world.client(other))
    for project in made.projects.values():
        if project.task != "chat":
            judge_all(bo, project)
    return made


def judge_all(listener, project, comment="a-comment-of-Bo", flag="a-flag-of-Bo"):
    """Everything that somebody can do on the work page, until nothing is left; the HTML by item's number."""
    root, pages = f"/p/{project.name}/", {}
    listener.get(root)
    for _ in range(40):
        given = listener.post(f"{root}next").json()
        if given["state"] not in ("item", "practice", "test"):
            return pages
        shown = given["shown"]
        pages[shown] = given
        answer = {
            **ANSWERS[project.task](given["html"].count('class="answer card"')),
            "comment": comment,
        }
        listener.post(f"{root}heartbeat", {"shown": shown})
        listener.post(f"{root}flag", {"uuid": new_uuid(), "shown": shown, "text": flag})
        body = {"uuid": new_uuid(), "shown": shown, "revision": 1, "answer": answer, "seconds": 3.5}
        assert listener.post(f"{root}judgements", body).status_code == 200
        listener.post(f"{root}judgements", body)  # the same again
        listener.post(f"{root}judgements", {**body, "seconds": 1, "revision": 7})  # a conflict
        listener.post(f"{root}judgements", {**body, "uuid": new_uuid(), "answer": {"no": 1}})
        listener.post(f"{root}skip", {"shown": shown, "reason": "late"})
        listener.get(f"{root}mine/{shown}")
    raise AssertionError("it never ends")


TASKS = ["pairwise", "ranking", "rating", "demonstration", "edit", "qualification"]


def test_work_gives_nothing_away(world, office_of_two):
    ann = Listener(world.client(office_of_two.ann))
    for name in TASKS:
        project = office_of_two.projects[name]
        assert judge_all(ann, project, comment="", flag="mine")
        for path in ("", "last", "mine", "guideline", "qualification"):
            assert ann.get(f"/p/{project.name}/{path}").status_code == 200
    assert ann.given_away() == []


def test_a_chat_gives_nothing_away(world, office_of_two):
    ann = Listener(world.client(office_of_two.ann))
    root = "/p/kitchen/chat/"
    assert ann.get(root).status_code == 200
    said = {"conversation": new_uuid(), "uuid": new_uuid(), "text": "How warm?", "after": None}
    answer = ann.post(f"{root}say", said)
    assert answer.status_code in (200, 202)
    ann.post(f"{root}say", {**said, "text": "Who are you?"})  # a conflict
    ann.get(f"{root}?c={said['conversation']}")
    assert ann.given_away() == []


def test_every_other_address_gives_nothing_away(world, office_of_two):
    """All routes there are, by GET and by POST, as an annotator: pages of admins are refused."""
    from assent.feedback.urls import urlpatterns

    ann = Listener(world.client(office_of_two.ann))
    routes = [str(pattern.pattern) for pattern in urlpatterns]
    for route in routes:
        path = "/" + re.sub(r"<int:\w+>", "1", re.sub(r"<(slug|str|path):\w+>", "everyday", route))
        found, sent = ann.get(path), None
        if route not in ("logout", "language"):
            sent = ann.post(path)
        if route.startswith("admin"):
            assert found.status_code in (403, 405), route
            assert sent.status_code in (403, 405), route
    assert ann.given_away() == []


def test_whoever_is_not_logged_in_learns_nothing(world, office_of_two):
    from assent.feedback.urls import urlpatterns

    stranger = Listener(world.client())
    for pattern in urlpatterns:
        path = "/" + re.sub(
            r"<int:\w+>", "1", re.sub(r"<(slug|str|path):\w+>", "everyday", str(pattern.pattern))
        )
        stranger.get(path)
        stranger.post(path)
    titles = [path for path, said in stranger.heard if "Everyday questions" in said]
    assert (stranger.given_away(), titles) == ([], [])


def test_gold_looks_like_any_other_item(world):
    """The same keys and, but for its own texts and numbers, the same bytes."""
    project = world.project("mixed", gold={"items": "gold.jsonl", "every": 2})
    for number in range(6):
        item(project, f"item-real-{number}", f"Prompt {number}", [f"one {number}", f"two {number}"])
    known = {"expected": {"choice": 1}, "explanation": "why-gold-is-right"}
    for number in range(6, 9):
        texts = [f"one {number}", f"two {number}"]
        item(project, f"item-gold-{number}", f"Prompt {number}", texts, part="gold", **known)
    ann = Listener(world.client(world.person("Ann", "annotator", project)))
    pages = judge_all(ann, project, comment="", flag="mine")
    golds = [page for page in pages.values() if re.search(r"Prompt [678]", page["html"])]
    assert len(golds) == 3
    assert len(pages) == 9
    assert {plain(page) for page in golds} == {plain(page) for page in pages.values()}
    assert ann.given_away() == []


def plain(page):
    """A response to `next` without what is another one's by right: numbers, and the order of two texts."""
    kept = {**page, "progress": sorted(page["progress"]), "shown": 0, "made": "x" * len(page["made"])}
    numbered = rf'(data-shown=\\"|prompt-|comment-|answer-){page["shown"]}(?=\D)'
    text = re.sub(r"(one|two) \d", "TEXT", json.dumps(kept, sort_keys=True))
    return re.sub(numbered, r"\1N", re.sub(r"Prompt \d", "PROMPT", text))
