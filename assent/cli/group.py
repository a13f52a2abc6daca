"""The command `assent`: its help, its exit codes, and the options that several commands share."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assent import __version__
from assent.errors import AssentError, Interrupted

if TYPE_CHECKING:
    from assent.pipeline.runner import Options


ORDER = (  # in which a newcomer needs them
    *("demo", "run", "plan", "status", "annotate"),
    *("inspect", "convert", "chat", "sample", "evaluate", "export"),
    *("report", "compare", "doctor", "clean", "import-vertex"),
)


class Commands(click.Group):
    """A group whose commands end with one clear message and the exit code of their error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AssentError as error:
            click.echo(f"assent: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("assent: interrupted; the same command goes on from here", err=True)
            ctx.exit(Interrupted.exit_code)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for name in ORDER if name in self.commands]


RECIPE = click.argument("recipe", type=click.Path(path_type=Path))
RUN = click.argument("run", type=click.Path(path_type=Path))
OUT = click.option("--out", type=click.Path(path_type=Path), help="The run's folder [runs/<recipe's name>].")
SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A.B=C",
    help="Change a setting; may be given more than once.",
)
QUIET = click.option("--quiet", is_flag=True, help="No progress, only the outcome.")
COLUMN = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NEW=OLD",
    help="NEW has another name there; a point steps inside: prompt=data.ask. May be given more than once.",
)
SCALE = click.option(
    "--scale", metavar="LOW-HIGH", help="Of ratings that do not say it themselves, such as 1-5."
)
TRACK = click.option(
    "--track",
    "trackers",
    multiple=True,
    type=click.Choice(["tensorboard", "wandb", "mlflow"]),
    help="Also send numbers there; may be given more than once.",
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="assent")
def main() -> None:
    """The whole loop of learning from human feedback, from one YAML file.

    \b
    A first look, without any data of your own:
        assent demo
    Then a recipe:
        assent plan recipe.yaml     what would be done, and how long it takes
        assent run recipe.yaml      do what is missing; the same command resumes
        assent status runs/recipe   how far it is

    Exit codes: 0 done, 2 a mistake to mend, 3 waiting for people, 4 stopped with a diagnosis,
    75 interrupted: the same command goes on.
    """


def options(**chosen: Any) -> "Options":
    from assent.pipeline.runner import Options

    return Options(command=shlex.join(["assent", *sys.argv[1:]]), **chosen)
