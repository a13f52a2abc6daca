"""What the numbers say, in sentences: who won, whether that is certain, and what is missing and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assent.evaluation.doubts import doubt
from assent.evaluation.numbers import duration, finite, interval, megabytes, number, percent
from assent.evaluation.run_record import RunRecord, StageRecord

STATES = {
    "waiting": "waits",
    "failed": "failed",
    "interrupted": "was interrupted",
    "pending": "has not run yet",
}


@dataclass(frozen=True)
class Duel:
    """Two policies on the same prompts before one judge; `win_rate` is that of `after`."""

    after: str
    before: str
    judge: str
    wins: int | None
    losses: int | None
    ties: int | None
    win_rate: float | None
    low: float | None
    high: float | None

    @property
    def prompts(self) -> int | None:
        counts = (self.wins, self.losses, self.ties)
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def outcome(self) -> str:
        """won | lost | unclear | unknown, where `unknown` is a win rate without an interval, or none."""
        if self.win_rate is None or self.low is None or self.high is None:
            return "unknown"
        if self.low > 0.5:
            return "won"
        return "lost" if self.high < 0.5 else "unclear"


@dataclass(frozen=True)
class Verdict:
    sentence: str
    outcome: str  # won | lost | unclear | unknown | missing


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""
    word: str = ""  # in the glossary


def policies(record: RunRecord) -> dict[str, Mapping[str, Any]]:
    """The policies' final numbers by name; empty when there was no evaluation."""
    found = record.summary.get("policies") or {}
    return {name: numbers or {} for name, numbers in found.items()}


def roles(record: RunRecord) -> tuple[str | None, str | None]:
    """(before, after): the last policy that a `policy` stage made, and the one that it started from."""
    names = list(policies(record))
    trained = [stage for stage in record.stages if stage.kind == "policy" and stage.name in names]
    after = trained[-1].name if trained else (names[-1] if len(names) > 1 else None)
    source = str(trained[-1].settings.get("model", "")).lstrip("$") if trained else ""
    others = [name for name in names if name != after]
    before = source if source in others else (others[0] if others else None)
    return before, after


def duels(record: RunRecord) -> list[Duel]:
    """All comparisons, the telling one first: after against before, by a judge not trained against."""
    before, after = roles(record)
    found = [_duel(row, before, after) for row in record.summary.get("comparisons") or []]
    judges = {"gold": 0, "score": 2}

    def place(duel: Duel) -> tuple[bool, bool, int]:
        pair = {duel.after, duel.before}
        return pair != {before, after}, after not in pair, judges.get(duel.judge, 1)

    return sorted(found, key=place)


def _duel(row: Mapping[str, Any], before: str | None, after: str | None) -> Duel:
    a, b, judge = str(row.get("a", "?")), str(row.get("b", "?")), str(row.get("judge", "?"))
    wins, losses, ties = (_count(row.get(key)) for key in ("wins", "losses", "ties"))
    rate, low, high = (finite(row.get(key)) for key in ("win_rate", "ci_low", "ci_high"))
    if (a, b) != (before, after):
        return Duel(a, b, judge, wins, losses, ties, rate, low, high)
    flipped = [None if value is None else 1 - value for value in (rate, high, low)]
    return Duel(b, a, judge, losses, wins, ties, *flipped)


def _count(value: Any) -> int | None:
    value = finite(value)
    return None if value is None else int(value)


def verdict(record: RunRecord) -> Verdict:
    """The run in one sentence."""
    found = duels(record)
    if not found or found[0].win_rate is None:
        return Verdict(missing_evaluation(record), "missing")
    duel = found[0]
    kl = finite(policies(record).get(duel.after, {}).get("kl_per_answer"))
    distance = "" if kl is None else f"; KL {number(float(kl), 2)} nats an answer"
    return Verdict(f"{_result(duel)}, judged by {duel.judge}{distance}.", duel.outcome)


def _result(duel: Duel) -> str:
    rate, among = percent(duel.win_rate), "the held-out prompts"
    if duel.prompts is not None:
        among = f"{duel.prompts:,} held-out prompts"
    remarks = (
        [f"95% interval {interval(duel.low, duel.high)}"] if duel.outcome != "unknown" else ["no interval"]
    )
    if duel.outcome == "unclear":
        remarks.append("which includes 50%")
    if duel.ties:
        remarks.append("ties count half")
    figures = f"{rate} of {among} ({', '.join(remarks)})"
    match duel.outcome:
        case "won":
            return f"{duel.after} beats {duel.before} on {figures}"
        case "lost":
            return f"{duel.after} loses to {duel.before}: it wins on only {figures}"
        case "unclear":
            return (
                f"No clear difference between {duel.after} and {duel.before}: {duel.after} wins on {figures}"
            )
    return f"{duel.after} wins against {duel.before} on {figures}, so this may be chance"


def missing_evaluation(record: RunRecord) -> str:
    """Why there is no comparison, in one sentence."""
    reason = blocked(record)
    if reason:
        return f"No result yet: {reason}."
    if not any(stage.kind == "evaluate" for stage in record.stages):
        return "No result to report: the recipe has no evaluate stage, so nothing was compared."
    if record.summary.get("comparisons"):
        return "No result to report: the evaluation gave its comparison no number."
    return "No result to report: the evaluation compared no two policies."


def blocked(record: RunRecord) -> str:
    """The stage that keeps the run from its end, and its message; empty when all stages are done."""
    for status in STATES:
        for stage in record.stages:
            if stage.status == status:
                return described(stage)
    return ""


def described(stage: StageRecord) -> str:
    """`feedback waits (212 of 500 comparisons answered)`."""
    state = STATES.get(stage.status, f"is {stage.status}")
    message = stage.message.strip().rstrip(".")
    return f"{stage.name} {state} ({message})" if message else f"{stage.name} {state}"


def caveats(record: RunRecord) -> list[str]:
    """What a careful reader should know beside the verdict."""
    comparisons = duels(record)
    found = [
        f"{stage.name}: {stage.message}" if stage.status == "done" else f"{described(stage)}."
        for stage in record.stages
        if stage.status not in ("done", "pending") or (stage.status == "done" and stage.message)
    ]
    found += [f"{name} is {said}" for name, facts in record.rewards.items() if (said := doubt(facts))]
    if not comparisons:
        found = [caveat for caveat in found if caveat != f"{blocked(record)}."]  # the verdict says that one
        return found + _fewer_shared_words(record)
    first, *others = comparisons
    for other in others:
        same = (other.after, other.before) == (first.after, first.before)
        if same and other.outcome in ("won", "lost") and other.outcome != first.outcome:
            winner = other.after if other.outcome == "won" else other.before
            found.append(
                f"The judges differ: {other.judge} prefers {winner} "
                f"(win rate of {other.after} {percent(other.win_rate)}). Read the answers below."
            )
    return found + _longer(record, first) + _fewer_shared_words(record)


def _longer(record: RunRecord, duel: Duel) -> list[str]:
    lengths = [
        finite(policies(record).get(name, {}).get("length_mean")) for name in (duel.before, duel.after)
    ]
    if lengths[0] is None or lengths[1] is None or lengths[0] <= 0:
        return []
    ratio = lengths[1] / lengths[0]
    if 2 / 3 < ratio < 3 / 2:
        return []
    return [
        f"{duel.after}'s answers are {number(float(ratio), 2)} times as long as {duel.before}'s: "
        "part of the difference may be length."
    ]


def _fewer_shared_words(record: RunRecord) -> list[str]:
    held: Mapping[str, Any] = record.summary.get("references") or {}
    return [
        f"{found['policy']}'s reward is up and its ROUGE down against {held.get('against')}. The two can go "
        "together: see what people wrote, below."
        for found in held.get("reward_up_rouge_down") or []
    ]


def tiles(record: RunRecord) -> list[Tile]:
    """The key figures; a figure that is missing has no tile."""
    found: list[Tile] = []
    duel = next((duel for duel in duels(record) if duel.win_rate is not None), None)
    if duel is not None:
        pair = f"{duel.after} over {duel.before}, by {duel.judge}"
        limits = interval(duel.low, duel.high)
        found.append(
            Tile("Win rate", percent(duel.win_rate), f"{limits}; {pair}" if limits else pair, "win-rate")
        )
    before, after = roles(record)
    if after is not None:
        found += _policy_tiles(policies(record), before or "", after)
    model = reward_model(record)
    if finite(model.get("accuracy")) is not None:
        limits = interval(model.get("ci_low"), model.get("ci_high"))
        found.append(Tile("Reward model is right", percent(model["accuracy"]), limits and f"95%: {limits}"))
    if record.stages:
        memory = megabytes(max(stage.peak_rss_mb for stage in record.stages))
        seconds = sum(stage.seconds for stage in record.stages)
        found.append(Tile("Time", duration(seconds), f"all stages; peak memory {memory}"))
    return found


def _policy_tiles(numbers: Mapping[str, Mapping[str, Any]], before: str, after: str) -> list[Tile]:
    wanted = [
        ("Gold score", "gold_mean", number, ""),
        ("Reward score", "score_mean", number, "reward"),
        ("KL", "kl_per_answer", number, "kl"),
        ("Length", "length_mean", number, ""),
        ("Ended by itself", "end_rate", percent, ""),
    ]
    units = {"kl_per_answer": "nats an answer", "length_mean": "tokens"}
    found = []
    for label, key, shown, word in wanted:
        if finite(numbers[after].get(key)) is None:
            continue
        notes = [units.get(key, "")]
        if key != "kl_per_answer" and finite(numbers.get(before, {}).get(key)) is not None:
            notes.append(f"{before} {shown(numbers[before][key])}")
        found.append(Tile(label, shown(numbers[after][key]), "; ".join(filter(None, notes)), word))
    return found


def reward_model(record: RunRecord) -> Mapping[str, Any]:
    """The quality of the reward that counts: its reward.json if there is one, else what the summary says."""
    return judge_of(record.rewards) or record.summary.get("reward_model") or {}


def judge_of(rewards: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last reward that was held against people's choices; of those, rather one with an accuracy.

    A text classifier's accuracy is over its labels, so it is none of them.
    """
    judges = [facts for facts in rewards.values() if facts.get("kind") != "classes" and "accuracy" in facts]
    measured = [facts for facts in judges if finite(facts["accuracy"]) is not None]
    return (measured or judges or [None])[-1]
