"""Libraries that only some people need: asked for where they are used, and named when they are missing."""

from importlib import import_module
from typing import Any

from assent.errors import UserError


def extra(module: str, name: str, what: str) -> Any:
    """The module, or the command that installs it.

    Args:
        name: of the extra in pyproject.toml.
        what: needs it, as `data.parquet`; the error begins with it.

    Raises:
        UserError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{what}: needs {error.name}, which is not installed: pip install 'assent[{name}]'"
        ) from None
