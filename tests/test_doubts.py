"""When a reward is not to be believed yet. Intervals are Wilson's, of shares and counts given here."""

from unittest.mock import Mock

import pytest
from report_samples import REWARD, Page, made_up_record, one_line

from assent.evaluation.doubts import doubt
from assent.evaluation.report import render
from assent.evaluation.verdict import caveats
from assent.records import Comparison, Prompt
from assent.stages.trust import Judged, Trust, tell_doubt, trust_report
from assent.stages.workspace import Workspace

FEW = {"accuracy": 0.5, "ci_low": 0.09, "ci_high": 0.91, "n": 2}
MANY = {"accuracy": 0.68, "ci_low": 0.64, "ci_high": 0.72, "n": 500}
RULES = {"always_left": 0.5, "longer_wins": 1.0, "shorter_wins": 0.0}
DO = "Collect more judgements, with a larger want, before a policy is tuned against it."


def test_an_interval_with_a_half_in_it_is_a_doubt_and_says_what_to_do():
    assert doubt(FEW) == (
        "right on 50% of 2 held-out judgements (95% interval 9–91%): the interval includes 50%, which "
        f"guessing gets. {DO}"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ci_low": 0.5}, "the interval includes 50%"),
        ({"ci_low": 0.2, "ci_high": 0.45}, "that is worse than guessing, 50%"),
        # four answers to choose from: a quarter is chance, and half of them right is far more
        ({"ci_low": 0.4, "ci_high": 0.6, "position_bias": {"expected": 0.25}}, ""),
        ({"ci_low": 0.24, "ci_high": 0.6, "position_bias": {"expected": 0.25}}, "the interval includes 25%"),
        ({"accuracy": None}, ""),
        ({"ci_low": None}, ""),
        ({"kind": "classes"}, ""),  # of labels, there is no half to guess
    ],
)
def test_what_chance_is(change, told):
    found = doubt(FEW | change)
    assert told in found
    assert bool(found) == bool(told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, 'the rule "always the longer answer", which reads no text, is right more often (100%)'),
        # of 500, 80% has 76 to 83%, above the 72% that the reward may have
        (MANY | {"baselines": {"longer_wins": 0.8}},
         'right on 68% of 500 held-out judgements (95% interval 64–72%): the rule "always the longer '
         f'answer", which reads no text, is right clearly more often (80%). {DO}'),
        # 70% has 66 to 74%: it may be no better
        (MANY | {"baselines": {"longer_wins": 0.7}},
         "is right more often (70%)"),
        (MANY | {"baselines": {"longer_wins": 0.68, "always_left": None}}, ""),
    ],
)  # fmt: skip
def test_rules_that_read_no_text(change, told):
    found = doubt(FEW | {"baselines": RULES} | change)
    assert told in found
    assert bool(found) == bool(told)


def test_the_report_says_it_among_what_a_careful_reader_should_know():
    record = made_up_record(rewards={"judge": REWARD | FEW, "sure": REWARD})
    (said,) = caveats(record)
    assert said.startswith("judge is right on 50% of 2 held-out judgements")
    assert said in one_line(Page(render(record)).text)
    assert caveats(made_up_record()) == []


def longest(prompts, responses):
    return [float(len(text)) for text in responses]


def judged(count):
    """People who want the longer answer, wherever it stands."""
    texts = [("a longer text", "short"), ("short", "a longer text")]
    return Judged([Comparison(Prompt(f"p{k}"), texts[k % 2], k % 2) for k in range(count)])


def test_the_stage_says_it_when_it_has_measured(tmp_path):
    warned = []
    work = Workspace("judge", tmp_path, Mock(), lambda *_: None, lambda: False, warn=warned.append)
    measured = Trust(group_texts=0)
    tell_doubt(trust_report(longest, judged(40), measured, "judge"), work)
    assert warned == []  # always right
    tell_doubt(trust_report(longest, judged(2), measured, "judge"), work)
    # twice right of twice: by Wilson 34% to 100%
    [said] = warned
    assert said == (
        "judge: right on 100% of 2 held-out judgements (95% interval 34–100%): the interval includes 50%, "
        f"which guessing gets. {DO}"
    )
