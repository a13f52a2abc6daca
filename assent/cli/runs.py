"""Commands that make a run, look at one, or clean up after it."""

from pathlib import Path

import click

from assent.cli.group import OUT, QUIET, RECIPE, RUN, SET, TRACK, main, options
from assent.errors import UserError


@main.command(short_help="The whole loop on a small made-up world.")
@click.option("--family", type=click.Choice(["gpt2", "t5"]), default="gpt2", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The run's folder [runs/demo; t5: runs/demo-t5]."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another run.")
@QUIET
@click.pass_context
def demo(ctx: click.Context, family: str, out: Path | None, seed: int, quiet: bool) -> None:
    """Train a small model from made-up feedback, from text to report, in minutes.

    A small made-up world stands in for data and people, so that every stage can be seen at work.

    \b
    Example:
        assent demo
        assent demo --seed 7 --out runs/demo-7
        assent demo --family t5              an encoder-decoder
    """
    from assent.demo.recipe import run_demo

    folder = out or Path("runs/demo" if family == "gpt2" else f"runs/demo-{family}")
    ctx.exit(run_demo(folder, seed, options(quiet=quiet), family))


@main.command(short_help="Make what is missing of a recipe, and its report.")
@RECIPE
@OUT
@SET
@click.option("--only", metavar="STAGE", help="Only this stage and what it rests on.")
@click.option("--refresh-feedback", is_flag=True, help="Take in judgements given since the last export.")
@TRACK
@QUIET
@click.pass_context
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    ctx: click.Context,
    recipe: Path,
    out: Path | None,
    overrides: tuple[str, ...],
    only: str | None,
    refresh_feedback: bool,
    trackers: tuple[str, ...],
    quiet: bool,
) -> None:
    """Make what is missing of a recipe, then its report.

    What was made before from the same settings and inputs is kept. A run that was stopped, by Ctrl-C, a kill
    or a full disk, goes on where it was when the same command is given again. Where people are to judge
    answers first, the other stages are done and the run ends with exit code 3.

    \b
    Example:
        assent run recipe.yaml
        assent run recipe.yaml --set tuned.kl_coef=0.1 --out runs/kl-0.1
        assent run recipe.yaml --only sft --track tensorboard
    """
    from assent.config import Recipe
    from assent.pipeline import runner
    from assent.pipeline.people import default_folder
    from assent.stages import STAGES

    loaded = Recipe.load(recipe, overrides)
    chosen = options(only=only, refresh_feedback=refresh_feedback, trackers=trackers, quiet=quiet)
    ctx.exit(runner.run(loaded, out or default_folder(loaded), STAGES, chosen))


@main.command(short_help="What a run would do, and how long it takes.")
@RECIPE
@OUT
@SET
def plan(recipe: Path, out: Path | None, overrides: tuple[str, ...]) -> None:
    """Show what a run would do: steps, time, memory, disk. Nothing is run or written.

    \b
    The state of a stage is
        done      made already, kept
        begun     goes on from its last checkpoint
        to do     made by the next run
        pending   known only when people have judged

    \b
    Example:
        assent plan recipe.yaml
        assent plan recipe.yaml --set base.epochs=2
    """
    from assent.config import Recipe
    from assent.pipeline.people import default_folder
    from assent.pipeline.plan import plan as planned
    from assent.pipeline.plan_table import NARROW, plan_table
    from assent.pipeline.progress import output
    from assent.pipeline.state import last_stages
    from assent.stages import STAGES

    loaded = Recipe.load(recipe, overrides)
    folder = out or default_folder(loaded)
    console = output()
    drawn = planned(loaded, STAGES, folder)
    console.print(plan_table(drawn, last_stages(folder), narrow=console.width < NARROW))


@main.command(short_help="How far a run is.")
@RUN
@click.option("--verify", is_flag=True, help="Read every file and compare it with its SHA-256.")
def status(run: Path, verify: bool) -> None:
    """Show how far a run is: what is done, what waits for people, what failed and why.

    \b
    Example:
        assent status runs/recipe
        assent status runs/recipe --verify
    """
    from assent.pipeline.guard import working_process
    from assent.pipeline.plan_table import NARROW
    from assent.pipeline.progress import output
    from assent.pipeline.state import read_run
    from assent.pipeline.status import problems, status_table

    head, stages = read_run(run)
    console = output()
    console.print(status_table(head.name, stages, narrow=console.width < NARROW))
    process = working_process(run)
    if process is not None:
        click.echo(f"{process} works in this folder now")
    if verify:
        found = problems(run)
        if found:
            raise UserError("\n".join([*found, "delete the folders named above and run again"]))
        click.echo("every file is as it was written")


@main.command(short_help="What is wrong with a run's training, and why.")
@RUN
@click.pass_context
def doctor(ctx: click.Context, run: Path) -> None:
    """Read a run's metrics and name the likely cause of what is wrong in them; it may still be going on.

    The training of a policy is looked at most closely: its drift from the reference, its first ratios, the
    ends and the variety of its answers, its critic, its rewards, its learning rate. A diagnosis whose numbers
    a run does not have says nothing.

    The exit code is 4 when something was found after which going on cannot give anything good, such as
    answers of one token; 0 when nothing was found, or only what is worth a look.

    \b
    Example:
        assent doctor runs/recipe
    """
    from assent.pipeline.checkup import examine, exit_code, told
    from assent.pipeline.progress import output

    examined = examine(run)
    console = output()
    for line in told(examined):
        console.print(line, markup=False, soft_wrap=True)
    ctx.exit(exit_code(examined))


@main.command(short_help="Make a run's report anew.")
@RUN
def report(run: Path) -> None:
    """Make report.html and summary.json of a run anew; it may still be going on.

    \b
    Example:
        assent report runs/recipe
    """
    from assent.pipeline.summary import write_reports

    click.echo(write_reports(run))


@main.command(short_help="Several runs on one page.")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("compare.html"), show_default=True)
def compare(runs: tuple[Path, ...], out: Path) -> None:
    """Put several runs on one page: curves together, final numbers side by side.

    \b
    Example:
        assent compare runs/kl-0.05 runs/kl-0.1 --out kl.html
    """
    from assent.pipeline.summary import write_comparison

    click.echo(write_comparison(list(runs), out))


@main.command(short_help="Delete what a run no longer needs.")
@RUN
@click.option("--yes", is_flag=True, help="Delete without asking.")
def clean(run: Path, yes: bool) -> None:
    """Delete the artifacts and unfinished work that the run's last recipe does not need.

    They are listed with their sizes, and you are asked first.

    \b
    Example:
        assent clean runs/recipe
    """
    from assent.pipeline.clean import remove, unneeded
    from assent.pipeline.units import human_bytes

    found = unneeded(run)
    for folder in found:
        click.echo(f"{human_bytes(folder.bytes):>10}  {folder.path}")
    if not found:
        click.echo("nothing to delete")
    elif yes or click.confirm(f"Delete {human_bytes(sum(folder.bytes for folder in found))}?"):
        remove(run, found)
