"""Why not to believe a reward yet: told in the report, and in the terminal once it is measured."""

from collections.abc import Mapping
from typing import Any

from assent.evaluation.numbers import finite, interval, number, percent
from assent.evaluation.wording import BASELINES
from assent.functional.shares import wilson_interval

MORE = "Collect more judgements, with a larger want, before a policy is tuned against it."


def doubt(facts: Mapping[str, Any]) -> str:
    """One sentence; "" where held-out choices show that the reward is better than guessing, and than rules.

    Args:
        facts: the content of `reward.json`. A text classifier is held against labels, not choices.
    """
    accuracy, low, high = (finite(facts.get(key)) for key in ("accuracy", "ci_low", "ci_high"))
    if accuracy is None or low is None or high is None or facts.get("kind") == "classes":
        return ""
    said = [*_guessing(facts, low, high), *_beaten(facts, accuracy)]
    if not said:
        return ""
    count = facts.get("n")
    among = (
        f"{number(count)} held-out judgement{'' if count == 1 else 's'}" if count else "held-out judgements"
    )
    limits = f"95% interval {interval(low, high)}"
    return f"right on {percent(accuracy)} of {among} ({limits}): {'; '.join(said)}. {MORE}"


def _guessing(facts: Mapping[str, Any], low: float, high: float) -> list[str]:
    """Chance is a half, and less where people chose among more answers than two."""
    chance = finite((facts.get("position_bias") or {}).get("expected")) or 0.5
    if low > chance:
        return []
    if high < chance:
        return [f"that is worse than guessing, {percent(chance)}"]
    return [f"the interval includes {percent(chance)}, which guessing gets"]


def _beaten(facts: Mapping[str, Any], accuracy: float) -> list[str]:
    """The best of the rules that read no text, where it is right more often; clearly: intervals are apart."""
    rules = {name: finite(share) for name, share in (facts.get("baselines") or {}).items()}
    share, best = max(
        ((share, name) for name, share in rules.items() if share is not None), default=(0.0, "")
    )
    if share <= accuracy:
        return []
    rule = BASELINES.get(best, best)
    count = finite(facts.get("n")) or 0.0
    clearly = wilson_interval(share * count, count)[0] > facts["ci_high"]
    often = "clearly more often" if clearly else "more often"
    said = (
        f'the rule "{rule[:1].lower()}{rule[1:]}", which reads no text, is right {often} ({percent(share)})'
    )
    return [said]
