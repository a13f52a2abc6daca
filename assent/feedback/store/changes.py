"""What may change of a project once it is there, and what may not any more."""

import time
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from assent.config import check
from assent.errors import UserError
from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Audit, Conversation, Item, Part, Project, Shown
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

# What an answer means hangs on these: two answers under different ones could not be told apart later.
MEANING = ("strength", "criteria")
EXPECTING = (Part.GOLD, Part.PRACTICE, Part.TEST)
AT_IMPORT = ("overlap", "shared")  # the slots of an item are made with it


class Locked(UserError):
    """A setting that people have worked under already."""


def locks(project: Project) -> dict[str, str]:
    """Why a setting cannot change, by its name."""
    found = {}
    if Item.objects.filter(project=project).exists() or Conversation.objects.filter(project=project).exists():
        found["task"] = _("It cannot change any more: there are items or talks of this task.")
    # Shown and not yet judged counts as well: somebody may be in the middle of it.
    if Shown.objects.filter(project=project).exists():
        found |= dict.fromkeys(MEANING, _("It cannot change any more: somebody has begun to judge."))
    elif Item.objects.filter(project=project, part__in=EXPECTING, expected__isnull=False).exists():
        found["criteria"] = _(
            "They cannot change any more: the expected answers of gold, practice or test items are by these. "
            "Make another project for others."
        )
    return found


def change_settings(project: Project, settings: Mapping[str, Any], who: str) -> Project:
    """The project with other settings.

    Raises:
        UserError: a setting is wrong, named.
        Locked: people have worked under what would change.
    """
    checked = check(ProjectSettings, settings, f"project {project.name}")
    with writing():
        there = Project.objects.get(pk=project.pk)
        before = settings_of(there)
        changed = [
            key for key in ProjectSettings.model_fields if getattr(before, key) != getattr(checked, key)
        ]
        for key, why in locks(there).items():
            if key in changed:
                raise Locked(f"{key}: {why}")
        if changed:
            there.settings = checked.model_dump(mode="json", exclude_unset=True)
            there.task = checked.task
            there.save(update_fields=["settings", "task"])
            _audit(there, "project changed", who, changed=_told(before, checked, changed))
    return there


def close(project: Project, who: str) -> None:
    """Nobody is given new items. What they hold they may finish."""
    with writing():
        if Project.objects.filter(pk=project.pk, closed=None).update(closed=time.time()):
            _audit(project, "project closed", who)


def reopen(project: Project, who: str) -> None:
    with writing():
        if Project.objects.filter(pk=project.pk, closed__isnull=False).update(closed=None):
            _audit(project, "project opened", who)


def _told(before: ProjectSettings, after: ProjectSettings, keys: list[str]) -> dict[str, Any]:
    was, now = (settings.model_dump(mode="json") for settings in (before, after))
    return {key: {"from": was[key], "to": now[key]} for key in keys}


def _audit(project: Project, what: str, who: str, **detail: Any) -> None:
    Audit.objects.create(who=who, what=what, detail={"project": project.name, **detail})
