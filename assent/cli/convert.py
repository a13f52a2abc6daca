"""`assent convert`: data from one format and file into another."""

from pathlib import Path
from typing import Any

import click

from assent.cli.group import COLUMN, QUIET, SCALE, main
from assent.errors import UserError


class _WithFormats(click.Command):
    """A command whose help lists the formats, which are known only where data is read."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        from assent.data.formats.dialects import DIALECTS
        from assent.data.formats.writers import WRITERS

        with formatter.section("Formats"):
            only_read = {one.name: "" if one.name in WRITERS else ", only read" for one in DIALECTS}
            formatter.write_dl([(one.name, one.noun + only_read[one.name]) for one in DIALECTS])


@main.command(cls=_WithFormats, short_help="Data into another format or file.")
@click.argument("source", metavar="IN")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="FORMAT", help="The format to write.")
@click.option("--from", "given", metavar="FORMAT", help="The format of IN, where its rows do not tell.")
@COLUMN
@SCALE
@click.option("--threshold", type=float, help="For good-bad: from which rating on an answer is good.")
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Set bad rows aside there, as JSON lines; without it the first bad row ends the work.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@QUIET
def convert(  # noqa: PLR0913, PLR0917 - one parameter an option
    source: str,
    out: Path,
    to: str,
    given: str | None,
    columns: tuple[str, ...],
    scale: str | None,
    threshold: float | None,
    quarantine: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Write the rows of IN to OUT in another format.

    IN is a file, a pattern, a folder, or hub:ORG/NAME. The suffix of OUT says what is written: .jsonl, .json,
    .csv, .tsv or .parquet; the text ones also with .gz. OUT is written whole or not at all.

    Records become every format that holds such records, and some that hold less: whatever has prompts becomes
    prompts, comparisons become candidates, or demonstrations of their best answer. What OUT cannot hold is
    told by name at the end.

    \b
    Example:
        assent convert preferences.jsonl pairs.parquet --to prompt-chosen-rejected
        assent convert ratings.csv ratings.jsonl --to ratings --scale 1-5 --quarantine bad.jsonl
        assent convert hub:org/name prompts.jsonl --to prompts --column input_text=article
    """
    from assent.data.formats.rated import scale_of
    from assent.pipeline.progress import Progress
    from assent.tools.convert import Order
    from assent.tools.convert import convert as converted

    order = Order(
        source=source,
        out=out,
        to=to,
        given=given,
        columns=dict(renamed(column) for column in columns),
        scale=None if scale is None else scale_of(scale, "--scale"),
        threshold=threshold,
        aside=quarantine,
        force=force,
    )
    for line in _told(converted(order, Progress(quiet)), order):
        click.echo(line)


def renamed(column: str) -> tuple[str, str]:
    new, equals, old = column.partition("=")
    if not (new and equals and old):
        raise UserError(f"--column {column}: expected NEW=OLD, such as input_text=article")
    return new, old


def _told(outcome: Any, order: Any) -> list[str]:
    """What came of it, in lines."""
    lines = [f"{_rows(outcome.read)} read, {outcome.written:,} written to {order.out} as {order.to}"]
    if outcome.barren:
        lines.append(f"{_rows(outcome.barren)} with nothing to write, such as a judgement that was cancelled")
    if order.aside is not None:
        lines.append(f"{outcome.aside:,} set aside in {order.aside}" + ":" * bool(outcome.first))
        lines += [f"  {line}" for line in outcome.first]
    named = [f"{name} ({_rows(rows)})" for name, rows in sorted(outcome.left_out.items())]
    return [*lines, *([f"left out: {', '.join(named)}"] if named else [])]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
