"""An LLM in the place of people: it compares the candidates of an item in both orders, under its own name."""

from collections.abc import Sequence
from itertools import combinations

from assent.errors import Interrupted, UserError
from assent.records import AI_ANNOTATOR, Candidates, Comparison
from assent.rewards.judge import REPORT, Consistency, Duel, Pair, duels, write_report
from assent.rewards.judge_settings import ComparingJudge
from assent.rewards.judging import Judging, Surroundings
from assent.stages.workspace import Workspace

MESSAGE = "message.txt"  # read by reports
FEW_PAIRS, UNSTEADY = 20, 0.5  # from so many pairs on, so small a share of equal verdicts is told at once
BATCHES_OF_CALLS = 4  # items are worked on in lots that keep all connections busy, and are a place to stop


def ai_feedback(
    settings: ComparingJudge, items: Sequence[Candidates], overlap: int, work: Workspace
) -> list[Comparison]:
    """`overlap` judgements of each item, by `ai:<model>`.

    Verdicts that agree in both orders make a choice; others make a tie. Of more than two candidates each
    pair is asked, the choice is who wins most (a tie is half a win), and nobody if two do.

    Raises:
        UserError: `overlap` asks for the same answers twice.
        RewardError, Interrupted: as `Judging.ask`; what was answered is kept, and not asked again.
    """
    _check_overlap(settings, overlap, work.name)
    judging = Judging(settings, Surroundings(work.folder, work.warn, work.stop))
    consistency, made = Consistency(), []
    try:
        for again in range(overlap):
            made += _all_items(judging, items, again, overlap, consistency, work)
    finally:
        facts = {"items": len(items), **judging.facts(), **consistency.facts()}
        write_report(work.folder / REPORT, work.name, facts)
    said = f"{judging.summary()}. {_steadiness(consistency)}"
    (work.folder / MESSAGE).write_text(said, encoding="utf-8")
    spent = judging.cache.spent
    told = {"judge_requests": spent.requests, "judge_tokens": spent.tokens, "judge_cost": judging.cost(spent)}
    steady = consistency.facts()["consistent_share"]
    if consistency.pairs >= FEW_PAIRS and steady < UNSTEADY:
        work.warn(f"{work.name}: {said}. Most of what it says depends on the order: take another judge")
    stats = {**told, "judge_consistent": steady}
    work.log(0, {name: float(value) for name, value in stats.items() if value is not None})
    return made


def _check_overlap(settings: ComparingJudge, overlap: int, where: str) -> None:
    sampling = settings.sampling
    if overlap > 1 and (not sampling.temperature or sampling.seed is None):
        raise UserError(
            f"{where}: overlap {overlap}: at temperature 0, or without a seed, the judge would say the same "
            "again: leave overlap at 1, or set judge.sampling.temperature and seed"
        )


def _all_items(
    judging: Judging,
    items: Sequence[Candidates],
    again: int,
    overlap: int,
    consistency: Consistency,
    work: Workspace,
) -> list[Comparison]:
    made: list[Comparison] = []
    pairs = max((len(item.texts) * (len(item.texts) - 1) // 2 for item in items), default=1)
    lot = max(1, BATCHES_OF_CALLS * judging.settings.calls.concurrency // (2 * pairs))
    for start in range(0, len(items), lot):
        if work.stop():
            raise Interrupted(
                f"stopped after {again * len(items) + start} of {overlap * len(items)} judgements; run the "
                "same command to go on: nothing is asked twice"
            )
        some = items[start : start + lot]
        found = duels(judging, [pair for item in some for pair in _pairs(item)], again)
        consistency.add(found)
        left = iter(found)
        made += [_judgement(judging, item, [next(left) for _ in _pairs(item)]) for item in some]
        work.progress(again * len(items) + start + len(some), overlap * len(items), judging.summary())
    return made


def _pairs(item: Candidates) -> list[Pair]:
    return [Pair(item.prompt.text, left, right) for left, right in combinations(item.texts, 2)]


def _judgement(judging: Judging, item: Candidates, found: Sequence[Duel]) -> Comparison:
    settings = judging.settings
    assert isinstance(settings, ComparingJudge)
    places = list(combinations(range(len(item.texts)), 2))
    pairs = tuple(
        (left, right, _winner(duel, left, right)) for (left, right), duel in zip(places, found, strict=True)
    )
    return Comparison(
        prompt=item.prompt,
        candidates=item.texts,
        choice=_most_wins(pairs, len(item.texts)),
        annotator=f"{AI_ANNOTATOR}{settings.model}",
        item=item.prompt.id,
        criterion=settings.criterion,
        pairs=pairs if len(item.texts) > 2 else (),
    )


def _winner(duel: Duel, left: int, right: int) -> int | None:
    """Who wins in both orders; None where nobody does, or the verdict turns with the order."""
    if not duel.consistent or duel.points == 0.5:
        return None
    return left if duel.points > 0.5 else right


def _most_wins(pairs: Sequence[tuple[int, int, int | None]], count: int) -> int | None:
    wins = [0.0] * count
    for left, right, winner in pairs:
        wins[left] += 0.5 if winner is None else winner == left
        wins[right] += 0.5 if winner is None else winner == right
    best = [index for index, won in enumerate(wins) if won == max(wins)]
    return best[0] if len(best) == 1 else None


def _steadiness(consistency: Consistency) -> str:
    if not consistency.pairs:
        return "No pair had two different answers"
    changed = consistency.pairs - consistency.consistent
    return (
        f"{consistency.consistent} of {consistency.pairs} pairs were judged alike in both orders; the other "
        f"{changed} count as ties ({consistency.for_first} for whoever came first)"
    )
