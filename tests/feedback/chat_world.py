"""A chat project with policies that are plain functions, and what a browser sends to it."""

import threading
import time
from dataclasses import dataclass, field

from feedback_world import World, new_uuid, services

SECRET_NAME = "runs/secret-model-7b"
CONSENT = "We keep what you copy, to learn what is useful."


@dataclass
class Policy:
    """Answers by the number of its call; fails as often as it is told."""

    fails: int = 0
    heard: list = field(default_factory=list)
    seeds: list = field(default_factory=list)
    go: threading.Event | None = None  # answers wait for it

    def __call__(self, messages, seed):
        self.heard.append([dict(message) for message in messages])
        self.seeds.append(seed)
        if self.go is not None:
            self.go.wait(20)
        if self.fails:
            self.fails -= 1
            raise RuntimeError(f"{SECRET_NAME} is out of memory")
        return f"**Answer {len(self.heard)}** to {messages[-1]['content']}"


@dataclass
class Chat:
    """One annotator in one chat."""

    world: World
    policy: Policy
    settings: dict

    def __post_init__(self):
        from django.conf import settings

        settings.SERVICES = services(talk={SECRET_NAME: self.policy})
        given = {"task": "chat", "policies": [SECRET_NAME], "title": "Talk to it", **self.settings}
        self.project = self.world.project("talk", **given)
        self.person = self.world.person("ann", "annotator", self.project)
        self.client = self.world.client(self.person)
        self.conversation = new_uuid()

    def post(self, path, **body):
        return self.client.post(f"/p/talk/chat/{path}", body, content_type="application/json")

    def say(self, text="Hello", after=None, **body):
        sent = {"conversation": self.conversation, "uuid": new_uuid(), "text": text, "after": after}
        return self.post("say", **{**sent, **body})

    def said(self, text="Hello", after=None):
        """The uuid of the answer."""
        from assent.feedback.schema.models import Turn

        assert self.say(text, after).status_code == 200
        return str(Turn.objects.order_by("id").last().uuid)

    def did(self, turn, kind, **body):
        return self.post("implicit", events=[{"uuid": new_uuid(), "turn": turn, "kind": kind, **body}])

    def page(self, query=""):
        return self.client.get(f"/p/talk/chat/{query}")

    def agree(self, given=True):
        from assent.feedback.store.implicit import wording_of

        return self.post("consent", given=given, wording=wording_of(CONSENT))


def chat_of(world, policy=None, **settings) -> Chat:
    return Chat(world, policy or Policy(), settings)


KEEPS = {"implicit": {"enabled": True, "consent": CONSENT}}


def eventually(found, wanted):
    """The page sends some things without being asked to wait for it."""
    for _ in range(200):
        if found() == wanted:
            return
        time.sleep(0.05)
    assert found() == wanted
