"""The command that takes over a recipe from a managed cloud pipeline."""

from pathlib import Path

import click

from assent.cli.group import main


@main.command("import-vertex", short_help="A recipe out of a Vertex AI pipeline's parameters.")
@click.argument("parameters", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def import_vertex(parameters: Path, out: Path, force: bool) -> None:
    """Write the recipe of a managed RLHF pipeline: its parameters as JSON in, a YAML of ours out.

    Each value carries a comment with the parameter that it comes from. Data sets in the cloud (gs://) are to
    be fetched first: the commands are printed. A parameter that the pipeline does not have is refused.

    \b
    Example:
        assent import-vertex params.json recipe.yaml
    """
    from assent.tools import vertex

    made = vertex.import_vertex(parameters, out, force)
    click.echo(f"wrote {out}")
    if made.to_fetch:
        click.echo("fetch the data before it runs:")
    for command in made.to_fetch:
        click.echo(f"  {command}")
