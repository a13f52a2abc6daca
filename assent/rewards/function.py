"""A Python function as reward, found by name: `my_rewards.py:brevity` or `package.module:brevity`."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from assent.errors import AssentError, RewardError, UserError
from assent.rewards.reward import Reward


def function(name: str) -> Callable[..., Any]:
    """The function that `file.py:name` or `package.module:name` names.

    Raises:
        UserError: no such file, module or function, or its module fails to import (said with the cause).
    """
    place, colon, attribute = name.rpartition(":")
    if not colon or not place or not attribute:
        raise UserError(f"function {name!r}: expected file.py:name or package.module:name")
    module = _file_module(place) if place.endswith(".py") else _named_module(place)
    found = getattr(module, attribute, None)
    if not callable(found):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UserError(
            f"function {name}: {place} has no function {attribute}; it has {', '.join(known) or 'none'}"
        )
    return found


def reward_function(name: str) -> Reward:
    """The same as a reward, whose own failure is told as a reward's.

    Raises:
        UserError: as `function`. When it is called: RewardError, naming the line that failed.
    """
    judge = function(name)

    def judged(prompts: Sequence[str], responses: Sequence[str]) -> Sequence[float]:
        try:
            return judge(prompts, responses)
        except AssentError:
            raise
        except Exception as error:  # whatever the user's own code may raise
            at = traceback.extract_tb(error.__traceback__)[-1]
            raise RewardError(
                f"reward function {name} failed at {at.filename}:{at.lineno}: {type(error).__name__}: {error}"
            ) from error

    # What it says of itself stays readable; a class or a partial would speak of its kind.
    judged.__doc__ = inspect.getdoc(judge) if inspect.isfunction(judge) else None
    return judged


def _named_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"function in {name}: the module cannot be imported: {error}") from None


def _file_module(place: str) -> ModuleType:
    path = Path(place)
    if not path.is_file():
        raise UserError(f"function in {place}: no such file")
    name = f"assent_function_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"function in {place}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, NameError) as error:
        raise UserError(f"function in {place}: the file cannot be imported: {error}") from error
    return module
