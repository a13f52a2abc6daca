"""What tests of the app share: its functions of other rooms, people, projects, items, a served app."""

import copy
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assent.feedback.services import Services


def services(**changed) -> Services:
    """The formats of assent/data, as assent/tools hands them in."""
    from assent.tools.annotate import app_services

    return app_services(**changed)


@dataclass
class World:
    """An empty app, and short ways to fill it. Django's models are imported late: they need its settings."""

    database: Path

    def person(self, name="ann", role="annotator", *projects):
        from assent.feedback.schema.models import Membership, Person

        person = Person(name=name, role=role)
        person.set_unusable_password()
        person.save()
        for project in projects:
            Membership.objects.create(person=person, project=project)
        return person

    def project(self, name="pairs", **settings):
        from assent.feedback.schema.models import Project

        given = copy.deepcopy({"task": "pairwise", **settings})  # a test may change it
        return Project.objects.create(name=name, task=given["task"], settings=given, secret="5e" * 32)

    def items(self, project, count=3, slots=1, candidates=("one", "two"), part="real", **fields):
        """Items `<part>-0`, `<part>-1`, ...: what they ask and answer says their number."""
        from assent.feedback.schema.models import Item, Slot

        start = Item.objects.filter(project=project).count()
        made = []
        for number in range(count):
            item = Item.objects.create(
                project=project,
                name=f"{part}-{number}",
                part=part,
                position=start + number,
                prompt=f"Prompt {number}",
                candidates=[f"{text} of {part} {number}" for text in candidates],
                **fields,
            )
            for slot in range(slots if part == "real" else 0):
                Slot.objects.create(project=project, item=item, number=slot, position=item.position)
            made.append(item)
        return made

    def judged_one(self, project):
        """One item, given to ann and judged."""
        from assent.feedback.schema.models import Judgement, Shown, Slot

        ann = self.person("ann", "annotator", project)
        (item,) = self.items(project, 1)
        shown = Shown.objects.create(project=project, item=item, person=ann, order=[0, 1])
        slot = Slot.objects.get(item=item)
        Judgement.objects.create(
            uuid=new_uuid(), shown=shown, item=item, person=ann, slot=slot, answer={"choice": 0}
        )
        Slot.objects.filter(pk=slot.pk).update(judged=True, holder=ann)
        return shown

    def client(self, person=None):
        """Django's test client, logged in."""
        from django.test import Client

        client = Client(raise_request_exception=False)
        if person is not None:
            client.force_login(person)
        return client

    @contextmanager
    def served(self) -> Iterator[str]:
        """The app on a port of its own, in a thread; its address."""
        from assent.feedback.server import listen, serve

        listening, ready, end = listen("127.0.0.1", 0), threading.Event(), threading.Event()
        thread = threading.Thread(target=serve, args=(listening, ready.set, end), daemon=True)
        thread.start()
        assert ready.wait(timeout=30)
        try:
            yield listening.addresses[0]
        finally:
            end.set()
            thread.join(timeout=20)


_numbers = itertools.count(1)


def new_uuid() -> str:
    """A UUID as a browser makes one, the same in each run of the tests."""
    return f"00000000-0000-4000-8000-{next(_numbers):012x}"
