"""A run to take models out of, and the command that does."""

from pathlib import Path

from click.testing import CliRunner
from stage_world import WHOLE, ran, tiny_world

from assent.cli import main


def whole_run(world: Path) -> Path:
    """A run of the whole loop, with a stage that has adapters."""
    assert ran(tiny_world(world), WHOLE, world / "runs" / "whole") == 0
    return world / "runs" / "whole"


def exported(model, *words):
    done = CliRunner().invoke(main, ["export", str(model), *words])
    assert done.exit_code == 0, done.output
    return done


def refused(model, *words):
    """What is told on stderr."""
    done = CliRunner().invoke(main, ["export", str(model), *words])
    assert done.exit_code == 2, done.output
    return done.stderr
