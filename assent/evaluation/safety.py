"""Answers that passed or failed, counted: shares with intervals, by set, by policy, and by axis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from assent.functional.paired import mean_interval, paired_difference
from assent.functional.shares import wilson_interval
from assent.records import in_full

Axis = Literal["helpful", "truthful", "harmless"]
AXES: tuple[Axis, ...] = ("helpful", "truthful", "harmless")


@dataclass(frozen=True)
class Verdict:
    """What a check says of one answer, and in a word why."""

    passed: bool
    why: str = ""


@dataclass(frozen=True)
class Checked:
    """One set, answered by every policy and checked; lists go by prompt."""

    name: str
    axis: Axis
    check: str
    prompts: Sequence[str]
    texts: Mapping[str, Sequence[str]]
    ended: Mapping[str, Sequence[bool]]
    verdicts: Mapping[str, Sequence[Verdict]]

    def passed(self, policy: str) -> list[bool]:
        return [verdict.passed for verdict in self.verdicts[policy]]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every answer with its verdict, as people may want to check it."""
        for place, prompt in enumerate(self.prompts):
            answers = {
                policy: {"text": texts[place], "ended": self.ended[policy][place]}
                | asdict(self.verdicts[policy][place])
                for policy, texts in self.texts.items()
            }
            yield {"suite": self.name, "axis": self.axis, "prompt": in_full(prompt), "answers": answers}


def summarised(found: Sequence[Checked], policies: Sequence[str]) -> dict[str, Any]:
    """The numbers of all sets. Policies after the first are held against it, prompt by prompt."""
    suites = [_of_suite(one, policies) for one in found]
    return {
        "axes": {policy: {axis: _of_axis(suites, axis, policy) for axis in AXES} for policy in policies},
        "suites": suites,
    }


def _of_suite(one: Checked, policies: Sequence[str]) -> dict[str, Any]:
    numbers = {policy: _share(one.passed(policy)) for policy in policies}
    for policy in policies[1:]:
        numbers[policy]["against_first"] = asdict(
            paired_difference(one.passed(policy), one.passed(policies[0]))
        )
    return {
        "name": one.name,
        "axis": one.axis,
        "check": one.check,
        "n": len(one.prompts),
        "policies": numbers,
    }


def _share(passed: Sequence[bool]) -> dict[str, Any]:
    low, high = wilson_interval(sum(passed), len(passed))
    share = sum(passed) / len(passed)
    return {"passed": sum(passed), "share": share, "ci_low": low, "ci_high": high, "against_first": None}


def _of_axis(suites: Sequence[Mapping[str, Any]], axis: str, policy: str) -> dict[str, Any] | None:
    """The mean over the axis's sets, each counted once whatever its size; None where it has none."""
    rows = [suite for suite in suites if suite["axis"] == axis]
    if not rows:
        return None
    numbers = [row["policies"][policy] for row in rows]
    share, low, high = mean_interval([(one["share"], one["ci_low"], one["ci_high"]) for one in numbers])
    return {
        "share": share,
        "ci_low": low,
        "ci_high": high,
        "suites": len(rows),
        "n": sum(r["n"] for r in rows),
    }
