"""What to look at before training on a file: found facts turned into a list, worst first, with what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Facts = Mapping[str, Any]

SERIOUS_SHARE = 0.01  # of rows: fewer damaged or empty texts do not decide what a model learns

NAMES = {"labelled": "labelled texts"}
UNITS_AT_LEAST = 10  # judged twice or more; below, it is no surprise that chance could explain it


@dataclass(frozen=True)
class Problem:
    """One thing that is odd. `weight`: 3 spoils results, 2 costs data or trust, 1 is worth a look."""

    weight: int
    what: str
    count: int
    example: str | None
    do: str


def problems(facts: Facts) -> list[dict[str, Any]]:
    """Every problem of `Inspection.facts()`, the worst first."""
    found = [*_rows(facts), *_shared(facts), *_repeats(facts), *_texts(facts)]
    if facts["comparisons"]:
        found += _comparisons(facts["comparisons"])
    if facts["ratings"]:
        found += _ratings(facts["ratings"])
    if facts["labelled"]:
        found += _labels(facts["labelled"])
    return [asdict(one) for one in sorted(found, key=lambda one: (-one.weight, -one.count))]


def _rows(facts: Facts) -> Iterator[Problem]:
    bad = facts["bad_rows"]
    if bad["count"]:
        yield Problem(
            3,
            "rows that cannot be read",
            bad["count"],
            bad["first"][0]["where"],
            "mend them, or set them aside: --quarantine BAD.jsonl; a run stops at the first",
        )
    if len(facts["records"]) > 1:
        named = ", ".join(f"{count:,} {noun}" for noun, count in facts["records"].items())
        yield Problem(
            3,
            f"records of several kinds in one set ({named})",
            min(facts["records"].values()),
            None,
            "give each kind a file of its own: a stage reads one",
        )


def _shared(facts: Facts) -> Iterator[Problem]:
    for other in facts["against"]:
        if other["shared"]:
            yield Problem(
                3,
                f"prompts that stand in {other['file']} too (of its {other['prompts']:,})",
                other["shared"],
                f"{other['example']} and {other['there']}",
                "if one trains and the other evaluates, remove them from one: results would flatter",
            )


def _repeats(facts: Facts) -> Iterator[Problem]:
    for noun, kinds in facts["repeats"].items():
        exact, folded = kinds["exact"], kinds["folded"]
        if exact["count"]:
            yield Problem(
                2,
                f"{NAMES.get(noun, noun)} that repeat another row",
                exact["count"],
                f"{exact['example']} is {exact['of']} again",
                "keep one of each, or what is repeated counts more than the rest",
            )
        if folded["count"]:
            yield Problem(
                1,
                f"{NAMES.get(noun, noun)} that repeat another row but for case and white space",
                folded["count"],
                f"{folded['example']} is like {folded['of']}",
                "see whether they came twice by different ways",
            )


_ODDITIES = {
    "empty_answers": ("rows with an empty answer", "leave them out, unless saying nothing is an answer"),
    "mojibake": ("rows with wrongly decoded characters, such as Ã¤ for ä", "read the source as UTF-8 again"),
    "control": ("rows with control characters", "remove them: they are tokens to a model"),
    "repeats_prompt": (
        "answers that begin with their whole prompt",
        "cut the prompt off: models learn to echo",
    ),
    "short_prompts": ("prompts of one or two characters", "see whether the question was lost"),
}


def _texts(facts: Facts) -> Iterator[Problem]:
    oddities, rows = facts["oddities"], max(1, sum(facts["records"].values()))
    empty = oddities["empty_prompts"]
    if 0 < empty["count"] < rows:
        yield Problem(
            2,
            "rows with an empty prompt",
            empty["count"],
            empty["example"],
            "see whether the question was lost",
        )
    for name, (what, do) in _ODDITIES.items():
        count = oddities[name]["count"]
        if count:
            weight = 2 if count >= SERIOUS_SHARE * rows else 1
            yield Problem(weight, what, count, oddities[name]["example"], do)
    if oddities["beyond_context"]["count"]:
        noted = oddities["beyond_context"]
        yield Problem(
            2,
            f"rows longer than the model can read ({facts['context']:,} tokens)",
            noted["count"],
            noted["example"],
            "they will be cut: lower max_response_tokens, shorten them, or take a model that reads more",
        )
    if facts["cut"]:
        cut = facts["cut"]
        yield Problem(
            2,
            f"answers that look cut: unfinished, all of the greatest length, {cut['length']:,} {cut['unit']}",
            cut["count"],
            cut["example"],
            "sample longer answers, or leave these out: models learn to stop mid-sentence",
        )


def _comparisons(facts: Facts) -> Iterator[Problem]:
    odd = facts["contradictions"]
    if odd["count"]:
        yield Problem(
            3,
            "items of which one annotator said the opposite at another time",
            odd["count"],
            odd["example"],
            "ask again, or keep the last word",
        )
    for position in facts["positions"]:
        if position["biased"]:
            yield _position(position)
    pairs = facts["pairs"] and facts["pairs"]["first_wins"]
    if pairs and not pairs["low"] <= 0.5 <= pairs["high"]:
        yield Problem(
            2,
            f"pairs lean to a place: the first wins {pairs['share']:.0%}, "
            f"from {pairs['low']:.0%} to {pairs['high']:.0%}, not 50%",
            pairs["of"],
            None,
            "if the answers stand in an order of their own, as by model, it tells of that; else shuffle them",
        )
    yield from _doubts(facts)
    agreement = facts["agreement"]["alpha"]
    told = agreement["low"] is not None and agreement["units"] >= UNITS_AT_LEAST
    if told and agreement["low"] <= 0:
        yield Problem(
            2,
            f"agreement that chance could explain: alpha {agreement['value']:.2f}, "
            f"from {agreement['low']:.2f} to {agreement['high']:.2f}",
            agreement["units"],
            None,
            "look at what people differ on, and at the guidelines; have more items judged twice",
        )


def _position(position: Facts) -> Problem:
    first, count = position["first"], position["candidates"]
    if first["share"] in (0.0, 1.0):
        return Problem(
            1,
            "judgements whose winner always stands in one place",
            first["of"],
            None,
            "a file sorted so tells nothing of what people saw; shuffle before anybody judges by place",
        )
    return Problem(
        2,
        f"judgements lean to a place: the first of {count} wins {first['share']:.0%}, "
        f"from {first['low']:.0%} to {first['high']:.0%}, not {1 / count:.0%}",
        first["of"],
        None,
        "shuffle the sides that people see, and look at annotators who favour one",
    )


def _doubts(facts: Facts) -> Iterator[Problem]:
    same, fast = facts["identical_candidates"], facts["too_fast"]
    if same["count"]:
        yield Problem(
            2,
            "comparisons of identical answers",
            same["count"],
            same["example"],
            "leave them out: they teach nothing",
        )
    if fast["count"]:
        share = fast["count"] / facts["seconds"]["count"]
        yield Problem(
            2 if share >= SERIOUS_SHARE else 1,
            f"judgements given faster than anybody reads ({share:.0%} of those timed)",
            fast["count"],
            fast["example"],
            "look at who gave them",
        )
    if facts["by_people"] and facts["by_models"]:
        yield Problem(
            1,
            "judgements by models among those of people",
            facts["by_models"],
            None,
            "a reward learns from both alike: give each a file of its own to weigh them apart",
        )
    if len(facts["criteria"]) > 1:
        named = ", ".join(name or "none named" for name in facts["criteria"])
        yield Problem(
            1,
            f"several criteria in one file ({named})",
            len(facts["criteria"]),
            None,
            "a reward takes them for one: give each a file of its own to tell them apart",
        )


def _ratings(facts: Facts) -> Iterator[Problem]:
    odd = facts["contradictions"]
    if odd["count"]:
        yield Problem(
            2,
            "answers to which one annotator gave different numbers",
            odd["count"],
            odd["example"],
            "ask again, or keep the last",
        )
    for name, criterion in facts["criteria"].items():
        if len(criterion["scales"]) > 1:
            yield Problem(
                2,
                f"several scales for {name or 'the rating'}: {_scales(criterion)}",
                criterion["ratings"],
                None,
                "both are read as 0..1 of their scale: see that their steps mean the same",
            )


def _scales(criterion: Facts) -> str:
    return " and ".join(f"{low:g}-{high:g}" for low, high in criterion["scales"])


def _labels(facts: Facts) -> Iterator[Problem]:
    odd = facts["labelled_differently"]
    if odd["count"]:
        yield Problem(
            2,
            "texts that another row labels differently",
            odd["count"],
            odd["example"],
            "decide which is right",
        )
