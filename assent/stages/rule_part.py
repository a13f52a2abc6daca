"""Rewards by rule and by live people, as one of a recipe's rewards: their files are read here."""

from assent.data.code_tests import code_tests
from assent.data.sources import demonstrations
from assent.rewards.exact_match import ExactMatch, ExactMatchReward
from assent.rewards.function import function
from assent.rewards.human import Around, Human, HumanReward
from assent.rewards.learned import LearnedReward
from assent.rewards.reward import Reward
from assent.rewards.rules import Rule, Words
from assent.rewards.saved import saved_reward
from assent.rewards.tests_pass import TestsPass, TestsPassReward
from assent.stages.workspace import Workspace
from assent.training import parallel


def rule_part(rule: Rule) -> Reward:
    """The reward, its files read.

    Raises:
        UserError: a file is missing or holds something else; `tests_pass` finds no sandbox.
    """
    if isinstance(rule, ExactMatch):
        return ExactMatchReward(rule, expected_answers(rule.expected))
    if isinstance(rule, TestsPass):
        return TestsPassReward(rule, code_tests(rule.tests))
    return rule.reward() if isinstance(rule, Words) else rule


def expected_answers(file: str) -> dict[str, list[str]]:
    """The right answers to each prompt, by its text."""
    expected: dict[str, list[str]] = {}
    for row in demonstrations(file):
        expected.setdefault(row.prompt.text, []).append(row.response)
    return expected


def human_part(settings: Human, name: str, work: Workspace) -> HumanReward:
    """The reward; its questions and its journal lie in the stage's folder, below `human/`."""
    around = Around(work.folder / "human", work.warn, work.progress, work.stop)
    stand_in = saved_reward(settings.model) if settings.model is not None else None
    if isinstance(stand_in, LearnedReward):
        stand_in = stand_in.to(parallel.device())
    person = function(settings.scripted) if settings.scripted is not None else None
    return HumanReward(settings, name, around, stand_in, person)
