"""What docs/feedback.md says of settings, tasks, roles and exports is so."""

import json
import re
from pathlib import Path

import pytest
import yaml
from feedback_world import services
from made_up import TALKER, a_morning, office, talk

from assent.config import Settings, check
from assent.feedback.exchange.export import exported, kinds_of, reading
from assent.feedback.projects import Gold, Implicit, Qualification, SharedPool, Task
from assent.tools.annotate_files import ProjectFile

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "feedback.md").read_text("utf-8")
BLOCKS = [
    yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
]
PROJECTS = [block for block in BLOCKS if "task" in block]
NESTED = {"shared": SharedPool, "gold": Gold, "qualification": Qualification, "implicit": Implicit}


def test_the_first_project_names_every_setting():
    shown = PROJECTS[0]
    assert set(shown) == set(ProjectFile.model_fields)
    for key, settings in NESTED.items():
        assert set(shown[key]) == set(settings.model_fields), key


@pytest.mark.parametrize("block", PROJECTS, ids=lambda block: block["task"])
def test_projects_are_read_as_they_stand(block):
    check(ProjectFile, block, "docs/feedback.md")


def test_defaults_that_are_shown_are_those_of_the_code():
    examples = {"items", "name", "out", "title", "guideline", "gold", "qualification"}
    read = check(ProjectFile, PROJECTS[0], "docs/feedback.md")
    shown = set(PROJECTS[0]) - examples
    assert {key: getattr(read, key) for key in shown} == {key: _default(ProjectFile, key) for key in shown}
    assert read.gold is not None
    assert read.gold.every == _default(Gold, "every")
    assert read.qualification.pass_mark == _default(Qualification, "pass_mark")


def _default(settings: type[Settings], key: str):
    return settings.model_fields[key].get_default(call_default_factory=True)


def first_column(heading: str) -> list[str]:
    table = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `?(\w+)`? \|", table, re.MULTILINE)


def test_every_task_and_every_role_has_its_row(world):
    from assent.feedback.schema.models import Role

    assert first_column("task") == list(Task.__args__)
    assert first_column("role") == list(Role.values)


def test_every_kind_of_export_has_its_row_with_its_tasks():
    table = TEXT.split("| kind | of which tasks |", 1)[1].split("\n\n", 1)[0]
    told = {}
    for names, tasks in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", table, re.MULTILINE):
        every = set(Task.__args__)
        meant = (
            every - {"chat"}
            if tasks == "all but chat"
            else every
            if tasks == "all"
            else set(tasks.split(", "))
        )
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), meant)
    kinds = {kind for task in Task.__args__ for kind in kinds_of(task)}
    assert told == {kind: {task for task in Task.__args__ if kind in kinds_of(task)} for kind in kinds}


def test_rows_that_are_shown_have_the_keys_of_real_ones(world):
    from django.conf import settings

    settings.SERVICES = services(talk={TALKER: talk})
    made = office(world)
    a_morning(world, made)
    with reading(world.database) as connection:
        real = [
            row
            for project in made.projects.values()
            for kind in kinds_of(project.task)
            for row in exported(connection, project.name, kind)
        ]
    [block] = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        shown = json.loads(line)
        alike = [row for row in real if _kind_of_keys(row) == _kind_of_keys(shown)]
        assert alike, line
        known = {key for row in alike for key in row.get("meta", ())} | {"strength", "seconds", "comment"}
        assert set(shown.get("meta", ())) <= known, line


def _kind_of_keys(row):
    """The keys of a row; how many answers it has is its own."""
    return {re.sub(r"candidate_\d", "candidate", key) for key in row}


@pytest.mark.parametrize("name", ["annotators.md", "annotators.zh.md"])
def test_every_key_of_the_work_page_is_in_the_page_for_annotators(name):
    """As `static/feedback/keys.js` has them."""
    text = (DOCS / name).read_text("utf-8")
    missing = [
        key
        for key in ("1", "2", "0", "B", "X", "Enter", "U", "S", "F", "G", "D", "R", "C", "?")
        if f"`{key}`" not in text
    ]
    assert missing == []


def test_each_picture_is_shown_and_small():
    pictures = sorted((DOCS / "feedback").glob("*.png"))
    documents = "".join(path.read_text("utf-8") for path in DOCS.glob("*.md"))
    assert pictures
    assert [path.name for path in pictures if f"feedback/{path.name}" not in documents] == []
    assert [path.name for path in pictures if path.stat().st_size >= 300_000] == []
