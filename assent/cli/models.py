"""Commands that use a model that came out: talk to it, draw answers from it, take it elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assent.cli.group import QUIET, main, options

MODEL = click.argument("model", metavar="MODEL")
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
_SAMPLING = (
    click.option("--max-new-tokens", type=click.IntRange(1), help="The longest answer."),
    click.option("--temperature", type=click.FloatRange(0), help="0: the likeliest token each time. [1]"),
    click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), help="The likeliest of this share."),
    click.option("--top-k", type=click.IntRange(0), help="So many of the likeliest; 0: all. [0]"),
)


def _sampling(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which answers are drawn."""
    for option in reversed(_SAMPLING):
        command = option(command)
    return command


def _note(text: str) -> None:
    click.echo(text, err=True)


@main.command(short_help="Talk to a model, or to two side by side.")
@MODEL
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--system", default="", help="What the system says first.")
@_sampling
@SEED
@click.option(
    "--chat/--plain", "remembers", default=None, help="A conversation, or each line by itself. [as taught]"
)
@click.option(
    "--judgements",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("judgements.jsonl"),
    show_default=True,
    help="Where /left, /right and /tie go.",
)
def chat(
    model: str,
    other: str | None,
    system: str,
    seed: int,
    remembers: bool | None,
    judgements: Path,
    **chosen: Any,
) -> None:
    """Talk to a model; the answer appears as it is made. MODEL is a folder, a hub id, or RUN:STAGE.

    With OTHER, both answer, side by side. /left, /right or /tie then adds a judgement to a file that `reward`
    and `policy` stages read as it is. /help lists the other commands. A model that was taught single prompts
    is asked each line by itself.

    Lines may come from a pipe: answers go to stdout, everything else to stderr.

    \b
    Example:
        assent chat runs/quickstart:tuned
        assent chat runs/quickstart:sft runs/quickstart:tuned --judgements mine.jsonl
        echo "Once upon a time" | assent chat runs/quickstart --temperature 0.7
    """
    import contextlib

    with contextlib.suppress(ImportError):  # Windows has none, and edits lines by itself
        import readline  # noqa: F401 - by being imported, it gives `input` its history

    from assent.pipeline.progress import output
    from assent.tools.chat_screen import talk
    from assent.tools.speakers import chat_of

    names = [model, other] if other else [model]
    given = {name: value for name, value in chosen.items() if value is not None}
    talk(chat_of(names, given, remembers, seed, judgements, system, _note), output())


@main.command(short_help="Draw answers from a model, for people to judge.")
@MODEL
@click.option("--prompts", metavar="FILE", help="Any file that has prompts.")
@click.option("--prompt", metavar="TEXT", help="One prompt; its answers are printed.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The candidates: a .jsonl file.")
@click.option("--per-prompt", type=click.IntRange(1), help="Answers a prompt. [2; of --prompt: 1]")
@_sampling
@SEED
@click.option("--batch", type=click.IntRange(1), help="Prompts at a time. [64]")
@QUIET
@click.pass_context
def sample(  # noqa: PLR0913, PLR0917 - one parameter an option
    ctx: click.Context,
    model: str,
    prompts: str | None,
    prompt: str | None,
    out: Path | None,
    per_prompt: int | None,
    seed: int,
    batch: int | None,
    quiet: bool,
    **chosen: Any,
) -> None:
    """Draw answers from a model to every prompt of a file. MODEL is a folder, a hub id, or RUN:STAGE.

    The candidates at --out are ready to be judged by people. The work lies in a folder beside, OUT.run: when
    it is stopped, the same command goes on.

    \b
    Example:
        assent sample runs/quickstart:tuned --prompts prompts.jsonl --out candidates.jsonl --per-prompt 4
        assent sample runs/quickstart --prompt "Once upon a time" --temperature 0.7
    """
    from assent.tools.chat_screen import write
    from assent.tools.sample import Wanted, sample_file, sample_one

    given = {name: value for name, value in chosen.items() if value is not None}
    wanted = Wanted(model, per_prompt, given, seed, batch)
    if (prompts is None) == (prompt is None):
        raise click.UsageError("Give --prompts FILE with --out, or --prompt TEXT.")
    if prompt is not None:
        for answer in sample_one(wanted, prompt, _note):
            for piece in answer:
                write(piece)
            write("\n")
        return
    if prompts is None or out is None:
        raise click.UsageError("--prompts needs --out, the file for the candidates.")
    ctx.exit(sample_file(wanted, prompts, out, options(quiet=quiet), _note))


@main.command(short_help="A model's folder for others, with its card.")
@MODEL
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--merge", is_flag=True, help="Put LoRA's adapters into the weights that they adapt.")
@click.option("--name", help="Its name on the hub, as org/name. [OUT's name]")
@click.option("--license", "licence", metavar="ID", help="As the hub names it, such as apache-2.0.")
@click.option("--force", is_flag=True, help="Replace an earlier export.")
def export(model: str, out: Path, merge: bool, name: str | None, licence: str | None, force: bool) -> None:
    """Write a model as a folder that plain `transformers` loads. MODEL is a folder, a hub id, or RUN:STAGE.

    A model that was trained with LoRA goes out as its adapters, which `peft` loads on the base model; with
    --merge as one whole model. README.md is its card: how to use it, what it was made of, its figures.

    \b
    Example:
        assent export runs/quickstart:tuned my-model
        assent export runs/quickstart:adapted my-model --merge --name me/my-model --license mit
    """
    from assent.tools.export import Wishes
    from assent.tools.export import export as exported

    click.echo(exported(model, out, Wishes(merge, name, licence, force), _note))
