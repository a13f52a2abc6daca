"""The command that holds models against each other."""

from pathlib import Path
from typing import Any

import click

from assent.cli.group import QUIET, main, options


@main.command(short_help="Hold models against each other on held-out prompts.")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--prompts", metavar="FILE", required=True, help="Prompts that nobody trained on.")
@click.option("--references", is_flag=True, help="FILE has people's answers: perplexity, ROUGE, BLEU.")
@click.option("--reward", "rewards", multiple=True, metavar="MODEL|FUNCTION", help="May be given again.")
@click.option("--judge", "judges", multiple=True, metavar="FILE.py:NAME", help="May be given again.")
@click.option(
    "--suites",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML with `suites: [...]`, as in a recipe: helpful, truthful, harmless.",
)
@click.option("--best-of", type=click.IntRange(1), default=1, help="Also the best of so many answers. [1]")
@click.option("--max-new-tokens", type=click.IntRange(1), help="The longest answer. [64]")
@click.option("--temperature", type=click.FloatRange(0), help="0: the likeliest token each time. [1]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs/evaluation"),
    show_default=True,
    help="The run's folder.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@QUIET
@click.pass_context
def evaluate(  # noqa: PLR0913, PLR0917 - one parameter an option
    ctx: click.Context,
    models: tuple[str, ...],
    prompts: str,
    references: bool,
    rewards: tuple[str, ...],
    judges: tuple[str, ...],
    suites: Path | None,
    best_of: int,
    out: Path,
    seed: int,
    quiet: bool,
    **chosen: Any,
) -> None:
    """Let models answer the same prompts, and say who wins. MODEL is a folder, a hub id, or RUN:STAGE.

    The first model is the one that others are held against. A reward is a model that a `reward` stage made,
    or a Python function, which scores (prompts, responses); so is a judge, which nobody trained against.
    With neither, answers stand side by side and nobody wins.

    The work is a run of one stage: when it is stopped, the same command begins it again; when it is done,
    it is kept. Its report.html has the answers.

    \b
    Example:
        assent evaluate runs/quickstart:sft runs/quickstart:tuned --prompts held_out.jsonl \\
            --reward runs/quickstart:judge --judge my_rewards.py:brevity
        assent evaluate runs/quickstart --prompts held_out.jsonl --suites suites.yaml --temperature 0
    """
    from assent.tools.evaluate import Wanted
    from assent.tools.evaluate import evaluate as evaluated

    given = {name: value for name, value in chosen.items() if value is not None}
    wanted = Wanted(models, prompts, references, rewards, judges, suites, best_of, given, seed)
    ctx.exit(evaluated(wanted, out, options(quiet=quiet), click.echo))
