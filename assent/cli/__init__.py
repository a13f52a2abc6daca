"""The command line: parse, call, print. No logic.

Imports stand inside the commands, so that `assent --help` answers at once.
"""

from assent.cli import (
    annotate,
    convert,
    evaluate,
    inspect,
    models,
    runs,
    vertex,
)  # each module adds its commands to `main`
from assent.cli.group import main

__all__ = ["annotate", "convert", "evaluate", "inspect", "main", "models", "runs", "vertex"]
