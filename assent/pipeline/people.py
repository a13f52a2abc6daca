"""The command by which people judge for a run."""

import shlex
from itertools import pairwise
from pathlib import Path

from assent.config import Recipe


def default_folder(recipe: Recipe) -> Path:
    """Where a recipe's run lies when `--out` does not say."""
    return Path("runs") / recipe.name


def annotate_command(recipe: Recipe, out: Path, typed: str = "") -> str:
    """`assent annotate RECIPE`, for whoever stands where the run was begun.

    Args:
        typed: the command that runs the recipe; its recipe, overrides and folder are named again.
    """
    words = shlex.split(typed)
    named = [word for word in words if _is_recipe(Path(word), recipe)]
    command = ["assent", "annotate", named[0] if named else f"{recipe.name}.yaml"]
    for option, value in pairwise([*words, ""]):
        if option == "--set":
            command += [option, value]
        elif option.startswith("--set="):
            command.append(option)
    if out.absolute() != default_folder(recipe).absolute():
        command += ["--out", _short(out)]
    return shlex.join(command)


def _is_recipe(path: Path, recipe: Recipe) -> bool:
    return path.stem == recipe.name and path.is_file() and path.resolve().parent == recipe.folder


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
