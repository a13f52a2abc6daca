"""The command that asks people."""

from pathlib import Path

import click

from assent.cli.group import QUIET, SET, main

TASKS = ["pairwise", "ranking", "rating", "demonstration", "edit", "chat"]


@main.command(short_help="Ask people which answers are better, in a browser.")
@click.argument("source")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Of a file: where judgements go; of a recipe: the run."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: others reach it as well.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--allow-host",
    "allowed",
    multiple=True,
    metavar="NAME",
    help="A name of this machine, as browsers ask for it.",
)
@click.option("--https", is_flag=True, help="Behind a proxy that ends TLS and sets X-Forwarded-Proto.")
@click.option("--task", type=click.Choice(TASKS), help="Of a file, where its rows do not say it.")
@click.option(
    "--guideline",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Of a file: what people are asked to do, in Markdown.",
)
@SET
@click.option(
    "--then-run",
    is_flag=True,
    help="Make the candidates, and go on with the recipe as soon as enough is answered.",
)
@click.option(
    "--new-admin-link", is_flag=True, help="Print a link for another admin: for who has lost the password."
)
@click.option("--export", is_flag=True, help="Write the judgements to --out and end.")
@QUIET
def annotate(  # noqa: PLR0913, PLR0917 - one parameter an option
    source: str,
    out: Path | None,
    host: str,
    port: int,
    allowed: tuple[str, ...],
    https: bool,
    task: str | None,
    guideline: Path | None,
    overrides: tuple[str, ...],
    then_run: bool,
    new_admin_link: bool,
    export: bool,
    quiet: bool,
) -> None:
    """Serve a page on which people compare, rank, rate or write answers. Nothing that they judged is lost.

    SOURCE is a recipe, of which each annotate stage without a panel, a judge or judgements is asked; or a
    file of answers or prompts; or a project's own YAML, with `items:` and its settings. The first start
    prints a link by which you become the admin; links for others are made there. An admin who has lost the
    password starts it with --new-admin-link, follows that link under another name, and makes a link for a new
    password on the page of people.

    \b
    Example:
        assent annotate recipe.yaml
        assent annotate recipe.yaml --then-run
        assent annotate candidates.jsonl --out judgements.jsonl
        assent annotate project.yaml --host 0.0.0.0 --port 8080
    """
    from assent.tools.annotate import Wishes, app_services
    from assent.tools.annotate_jobs import job_of, written
    from assent.tools.annotate_run import going_on, job_after_run
    from assent.tools.annotate_serving import Saying, Where
    from assent.tools.annotate_serving import annotate as served

    wishes = Wishes(out, overrides, task, guideline, then_run)
    saying = Saying(click.echo, quiet)
    job = job_after_run(source, wishes, saying) if then_run and not export else job_of(source, wishes)
    if export:
        for line in written(job):
            click.echo(line)
        return
    talk = {}
    if job.policies:
        from assent.tools.annotate_talk import talks  # torch, which nobody else waits for

        talk = talks(job.policies, click.echo)
    meanwhile = going_on(source, wishes, saying) if then_run else None
    served(job, Where(host, port, allowed, https), app_services(talk=talk), saying, meanwhile, new_admin_link)
