"""Not there yet."""

from typing import Any

ROUTES: tuple[tuple[str, Any, str], ...] = ()
