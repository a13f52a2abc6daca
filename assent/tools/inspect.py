"""`assent inspect`: what is in files, how far people agree, and what to look at before training on them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assent.data.files.quarantine import holds_quarantine, quarantine
from assent.data.files.streams import HUB, ROWS, TEXTS, files, format_of, suffix_of
from assent.data.inspection.facts import Inspection
from assent.data.inspection.problems import problems
from assent.data.inspection.repeats import asked_text
from assent.data.inspection.seen import Bad, Given, Seen, prompts_there
from assent.data.inspection.text_counts import answers_in
from assent.errors import UserError
from assent.records import Comparison, Demonstration, Labelled, Rating

if TYPE_CHECKING:  # torch and transformers take seconds to import, and only tokens need them
    from assent.models.counting import TokenCounter

CONTAINERS = {"jsonl": "JSON lines", "json": "JSON", "csv": "CSV", "tsv": "TSV", "parquet": "Parquet"}


def inspect(
    sources: Sequence[str],
    against: Sequence[str] = (),
    counter: "TokenCounter | None" = None,
    rows: int = 10,
    set_aside: Path | None = None,
    given: Given | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Everything that is told of the sources, taken as one set: plain values, ready for JSON.

    Args:
        against: files whose prompts are looked for here.
        counter: counts the tokens of a model, and knows how many it reads.
        rows: how many rows to show.
        set_aside: a file for the rows that cannot be read; those of an earlier look are replaced.
        given: of the rows of `sources`, what they do not tell themselves.
        say: told how far the work is.

    Raises:
        UserError: no row of the sources could be read, or one of them is not there; `set_aside` holds
            something else.
    """
    _check([*sources, *against], set_aside)
    unread = {name: Bad() for name in against}
    others = {name: prompts_there(name, bad) for name, bad in unread.items()}
    with quarantine(set_aside) if set_aside else nullcontext() as bad:
        looked = Inspection(others, counter, counter.context if counter else None, rows, bad, given)
        for source in sources:
            looked.read(source, say)
        if not looked.nouns:
            raise UserError(_nothing(sources, looked.bad))
    facts = {"containers": sorted({_container(source) for source in sources}), **looked.facts()}
    for other in facts["against"]:
        other["unread"] = unread[other["file"]].count
    facts["set_aside"] = str(set_aside) if set_aside else None
    return {**facts, "problems": problems(facts), "sample": [shown(one) for one in looked.sample.rows()]}


def _check(sources: Sequence[str], set_aside: Path | None) -> None:
    if set_aside is None:
        return
    read = {
        path.resolve() for source in sources if not source.startswith(HUB) for path in files(source, ROWS)
    }
    if set_aside.resolve() in read:
        raise UserError(f"--quarantine {set_aside}: this file is inspected; name another for the bad rows")
    if set_aside.exists() and not holds_quarantine(set_aside):
        raise UserError(
            f"--quarantine {set_aside}: is there already, and holds something else than rows set aside; name "
            "another file for the bad rows"
        )


def _nothing(sources: Sequence[str], bad: Bad) -> str:
    first = f"{bad.first[0]['where']}: {bad.first[0]['problem']}" if bad.first else "there are none"
    told = f"{', '.join(sources)}: not one of {bad.count:,} rows could be read. The first: {first}"
    plain = any(suffix_of(Path(source)) in TEXTS for source in sources)
    return told + (". Rows are inspected; plain text, for `data` of pretrain, has none" if plain else "")


def _container(source: str) -> str:
    if source.startswith(HUB):
        return "hub"
    names = {_named(path) for path in files(source, ROWS)}
    return " and ".join(sorted(names))


def _named(path: Path) -> str:
    kind = CONTAINERS.get(format_of(path), "JSON lines")
    return f"{kind}, gzip" if path.name.endswith(".gz") else kind


def shown(one: Seen) -> dict[str, Any]:
    """A record as people read it: prompt, answers, and what was said of them."""
    record = one.record
    answers = [] if isinstance(record, Labelled) else list(answers_in(record))
    return {
        "where": one.where,
        "format": one.dialect.name,
        "prompt": asked_text(record),
        "answers": answers,
        **_said(record),
    }


def _said(record: Any) -> Mapping[str, Any]:
    if isinstance(record, Comparison):
        pairs = {"pairs": [list(pair) for pair in record.pairs]} if record.pairs else {}
        ranking = {"ranking": list(record.ranking)} if record.ranking else {}
        who = {"annotator": record.annotator} if record.annotator else {}
        return {"best": list(record.best), **ranking, **pairs, **who}
    if isinstance(record, Rating):
        who = {"annotator": record.annotator} if record.annotator else {}
        return {"rating": record.value, "scale": list(record.scale), "criterion": record.criterion, **who}
    if isinstance(record, Labelled):
        return {"labels": list(record.labels)}
    return {"author": record.author} if isinstance(record, Demonstration) and record.author else {}
