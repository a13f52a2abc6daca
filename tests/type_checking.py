"""The checker that conftest.py puts on the functions of assent."""

from typing import Any, Self

from beartype import BeartypeConf, beartype

with_int_as_float = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Any) -> Any:
    """`function` with its types checked at each call.

    beartype needs the class to make sense of `Self`, and the import hook hands over bare functions: those
    that mention it stay unchecked.
    """
    mentioned = getattr(function, "__annotations__", {}).values()
    return function if Self in mentioned else with_int_as_float(function)
