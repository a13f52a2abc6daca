"""Projects and the versions of their guidelines."""

import secrets
from collections.abc import Mapping
from typing import Any

from assent.config import check
from assent.errors import UserError
from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Audit, Guideline, Project
from assent.feedback.store import sql
from assent.feedback.store.writer import writing

_VERSION = "SELECT COALESCE(MAX(version), 0) FROM feedback_guideline WHERE project_id = %s"


def settings_of(project: Project) -> ProjectSettings:
    """What the project was made with, or changed to."""
    return check(ProjectSettings, project.settings, f"project {project.name}")


def create(name: str, settings: Mapping[str, Any], who: str, want: int | None = None) -> Project:
    """A new project, without items.

    Raises:
        UserError: a project of this name is there; a setting is wrong, named.
    """
    checked = check(ProjectSettings, settings, f"project {name}")
    with writing():
        if Project.objects.filter(name=name).exists():
            raise UserError(f"project {name}: there is one of this name already: choose another")
        made = Project.objects.create(
            name=name,
            task=checked.task,
            settings=checked.model_dump(mode="json", exclude_unset=True),
            secret=secrets.token_hex(32),
            want=want,
        )
        Audit.objects.create(who=who, what="project created", detail={"project": name})
    return made


def version_of(project: Project) -> int:
    """The number of the guideline's version that holds now; 0: there is none."""
    return sql.rows(_VERSION, project.pk)[0][0]


def guideline_of(project: Project) -> Guideline | None:
    """The version that holds now."""
    return Guideline.objects.filter(project=project).order_by("-version").first()


def add_guideline(project: Project, text: str, who: str) -> Guideline:
    """The next version; the same text again is the version that is there."""
    with writing():
        last = guideline_of(project)
        if last is not None and last.text == text:
            return last
        version = last.version + 1 if last else 1
        Audit.objects.create(
            who=who, what="guideline changed", detail={"project": project.name, "version": version}
        )
        return Guideline.objects.create(project=project, version=version, text=text, created_by=who)
