"""`assent inspect`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assent.cli.group import COLUMN, SCALE, main


@main.command(short_help="What is in a file, and what is wrong with it.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--against", multiple=True, metavar="OTHER", help="Look for prompts shared with this file.")
@click.option("--model", metavar="MODEL", help="Count its tokens: a folder, a hub id or RUN:STAGE.")
@click.option("--rows", type=click.IntRange(min=0), default=10, show_default=True, help="Rows to show.")
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path),
    metavar="BAD.jsonl",
    help="Set aside the rows that cannot be read.",
)
@click.option("--from", "dialect", metavar="FORMAT", help="The format, where rows do not tell.")
@COLUMN
@SCALE
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
def inspect(  # noqa: PLR0913, PLR0917 - one parameter an option
    files: tuple[str, ...],
    against: tuple[str, ...],
    model: str | None,
    rows: int,
    quarantine: Path | None,
    dialect: str | None,
    columns: tuple[str, ...],
    scale: str | None,
    as_json: bool,
) -> None:
    """Show what is in a file: records, lengths, agreement, some rows, and problems, the worst first.

    Any file that a stage reads, a folder, a pattern, or hub:ORG/NAME. Several are taken as one set. Rows that
    cannot be read are counted and the first of them told; the exit code is 2 only when no row could be read.

    \b
    Example:
        assent inspect comparisons.jsonl
        assent inspect train.jsonl --against held_out.jsonl
        assent inspect demonstrations.csv --model runs/quickstart:sft --quarantine bad.jsonl
    """
    import json

    from assent.pipeline.progress import Progress, output
    from assent.tools.inspect import inspect as looked_at
    from assent.tools.inspect_view import view

    say = Progress(as_json).say
    given = _given(dialect, columns, scale)
    found = looked_at(files, against, _counter(model, say), rows, quarantine, given, say)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, allow_nan=False, indent=2))
        return
    console = output()
    for part in view(found):
        console.print(part, markup=False)


def _counter(model: str | None, say: Callable[[str], None]) -> Any:
    if model is None:
        return None
    from assent.models.counting import token_counter
    from assent.tools.model_at import model_at

    return token_counter(model_at(model, say))


def _given(dialect: str | None, columns: tuple[str, ...], scale: str | None) -> Any:
    from assent.cli.convert import renamed
    from assent.data.formats.rated import scale_of
    from assent.data.inspection.seen import Given

    defaults = {} if scale is None else {"scale": scale_of(scale, "--scale")}
    return Given(dialect, dict(map(renamed, columns)), defaults)
