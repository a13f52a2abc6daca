"""One of several processes that judge in one database: `python racing_process.py DATABASE PERSON`."""

import sys
from pathlib import Path
from uuid import uuid4

from assent.feedback.services import Services
from assent.feedback.settings import configure


def judge_all(name: str) -> None:
    """Everything there is for this person; models are known only now."""
    from assent.feedback.schema.models import Person, Project
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    person, project = Person.objects.get(name=name), Project.objects.get()
    while (shown := claim(person, project)) is not None:
        assert not submit(person, Submission(uuid4(), shown.pk, {"choice": "left"})).surplus


if __name__ == "__main__":
    configure(Path(sys.argv[1]), Services(read=lambda path: iter(())))
    judge_all(sys.argv[2])
