"""What a source of `assent annotate` is: a recipe, a project's YAML, or rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assent.config import read_yaml
from assent.errors import UserError
from assent.tools.annotate import Job, Wishes
from assent.tools.annotate_files import file_job, project_job, write_judgements
from assent.tools.annotate_recipe import recipe_job

YAML = (".yaml", ".yml")
OF_PROJECTS = ("items", "task")  # one of them stands in each project's YAML


def job_of(source: str, wishes: Wishes) -> Job:
    """What the app is opened on.

    Raises:
        UserError: the source is not there, or asks for what cannot be.
    """
    if not source.endswith(YAML):
        job = file_job(source, wishes)
    elif _is_project(read_yaml(Path(source))):
        job = project_job(Path(source), wishes)
    else:
        return recipe_job(Path(source), wishes)
    if wishes.then_run:
        raise UserError(f"{source}: --then-run goes on with a recipe, and this is none")
    return job


def written(job: Job) -> list[str]:
    """Write a file's judgements, without serving; say what was written.

    Raises:
        UserError: nobody has judged yet; a recipe, whose run reads the judgements itself.
    """
    if job.out is not None:
        return write_judgements(job)
    where = job.wanted[0].where
    if job.wanted[0].stage:
        raise UserError(f"{where}: --export is for files: a run reads the judgements itself: {job.go_on}")
    raise UserError(f"{where}: say where the judgements go: --out judgements.jsonl")


def _is_project(values: Mapping[str, Any]) -> bool:
    """A stage is a mapping, and may have any name."""
    return any(key in values and not isinstance(values[key], dict) for key in OF_PROJECTS)
