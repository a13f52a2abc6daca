"""The command line: parse, call, print. No logic.

Imports stand inside the commands, so that `assent --help` answers at once.
"""

from assent.cli import runs  # commands, in the order in which `--help` lists them
from assent.cli.group import main

__all__ = ["main", "runs"]
