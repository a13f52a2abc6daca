"""What people answered in the app: waited for, then frozen. The app may go on writing meanwhile."""

from itertools import chain

from assent.data.files.jsonl import write_jsonl
from assent.data.sources import candidates, prompts
from assent.errors import UserError, Waiting
from assent.feedback.asked import ANSWERED, DATABASE, Asked, check_not_lost, items_answered, project_name
from assent.feedback.exchange.export import exported, reading
from assent.stages.workspace import Workspace

# A tie is half a vote for each, so ties train. Other answers are no votes.
_TRAINED_ON = {"pairwise": ("judgements", "ties")}
# The artifact is named by the bytes of its result, so all that lies beside must follow from those: of what is
# no vote, an earlier export with the same result would be kept. It stays in the app, under Exports.
_BESIDE = {"edit": ("edits",)}


def freeze(asked: Asked, work: Workspace, result: str) -> None:
    """Write what people answered to `result` in the stage's folder, and what follows from it beside.

    Raises:
        Waiting: fewer than `want` items have their judgements; with the command by which people give more.
        UserError: the database is damaged or gone; nobody chose anything.
    """
    task = asked.settings.task
    project, complete = project_name(work.name), 0
    if work.run is None:
        raise UserError(f"{work.name}: no run's folder, so there are no people to wait for")
    database = work.run / DATABASE
    check_not_lost(database)
    if not database.exists():
        raise Waiting(_missing(asked, work, 0))
    with reading(database) as connection:
        complete = items_answered(connection, project, asked.wanted_overlap)
        work.progress(min(complete, asked.want), asked.want, ANSWERED[task])
        if complete < asked.want:
            raise Waiting(_missing(asked, work, complete))
        kinds = _TRAINED_ON.get(task, ("judgements",))
        write_jsonl(
            work.folder / result, chain.from_iterable(exported(connection, project, k) for k in kinds)
        )
        for kind in _BESIDE.get(task, ()):
            write_jsonl(work.folder / f"{kind}.jsonl", exported(connection, project, kind))
    if not (work.folder / result).stat().st_size:
        raise UserError(
            f"{work.name}: {complete} {ANSWERED[task]} are answered, none of them with a choice, so there is "
            "nothing to learn from: raise want, and let people go on"
        )


def _missing(asked: Asked, work: Workspace, complete: int) -> str:
    task = asked.settings.task
    answered = f"{complete} of {asked.want} {ANSWERED[task]} answered"
    source = str(asked.candidates)
    items = len(prompts(source)) if task == "demonstration" else len(candidates(source))
    if items < asked.want:
        answered += f"; there are only {items} to answer in {source}"
    return f"{answered}; judge them with: {work.annotate}"
