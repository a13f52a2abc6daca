"""Figures against references: intervals, the alarm, and what the report shows of them. Worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from report_samples import SUMMARY, Page, made_up_record, one_line

from assent.evaluation.metrics import nearest_cosine
from assent.evaluation.perplexity import perplexity
from assent.evaluation.reference_view import view
from assent.evaluation.references import by_prompt, direction, figure, mean_of, reward_up_rouge_down
from assent.evaluation.report import render
from assent.evaluation.verdict import caveats
from assent.functional.statistics import clustered_interval


def test_a_figure_with_its_interval():
    dice = np.random.default_rng(5)
    values, prompts = dice.normal(size=300), dice.integers(0, 80, 300)
    rows_of = np.stack([values, np.ones(300)], axis=1)
    count = len(set(prompts.tolist()))
    number = {prompt: place for place, prompt in enumerate(sorted(set(prompts.tolist())))}
    sums = by_prompt(rows_of, [number[prompt] for prompt in prompts.tolist()], count)
    found = figure(sums, mean_of)
    assert found["value"] == pytest.approx(values.mean())
    expected = clustered_interval(lambda drawn: float(values[drawn].mean()), prompts.tolist(), seed=1)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(expected, abs=0.03)
    assert "difference" not in found


def test_differences_are_paired_by_prompt():
    # far apart from prompt to prompt, but each one higher by exactly 1/2
    first = np.asarray([[0.0, 1.0], [100.0, 1.0], [7.0, 1.0], [-30.0, 1.0]])
    found = figure(first + np.asarray([0.5, 0.0]), mean_of, first)
    assert found["difference"] == found["difference_ci_low"] == found["difference_ci_high"] == 0.5
    assert found["ci_high"] - found["ci_low"] > 20
    assert direction(found) == "up"


def test_one_prompt_gives_no_interval_and_what_is_infinite_no_number():
    one = np.asarray([[2.0, 1.0]])
    assert figure(one, mean_of, one - [1.0, 0.0]) == {
        "value": 2.0, "ci_low": None, "ci_high": None,
        "difference": 1.0, "difference_ci_low": None, "difference_ci_high": None,
    }  # fmt: skip
    endless = np.asarray([[9e5, 1.0, 1.0], [8e5, 1.0, 1.0]])  # e to the 850,000
    assert set(figure(endless, perplexity, endless).values()) == {None}


def moved(low, high):
    return {
        "value": 1.0,
        "difference": (low + high) / 2,
        "difference_ci_low": low,
        "difference_ci_high": high,
    }


@pytest.mark.parametrize(
    ("score", "rouge_1", "rouge_l", "fallen"),
    [
        ((0.1, 0.3), (-0.3, -0.1), (-0.2, 0.1), ["rouge_1"]),
        ((0.1, 0.3), (-0.3, -0.1), (-0.2, -0.1), ["rouge_1", "rouge_l"]),
        ((0.1, 0.3), (-0.3, 0.0), (-0.2, 0.1), None),  # an interval that touches zero
        ((-0.1, 0.3), (-0.3, -0.1), (-0.2, -0.1), None),  # the reward is not clearly up
        ((-0.3, -0.1), (-0.3, -0.1), (-0.2, -0.1), None),  # both down
        ((-0.3, -0.1), (0.1, 0.2), (0.1, 0.2), None),  # the other way round
        ((0.1, 0.3), (0.1, 0.2), (0.1, 0.2), None),  # both up
    ],
)
def test_the_alarm_rings_only_when_reward_is_up_and_rouge_down(score, rouge_1, rouge_l, fallen):
    figures = {"tuned": {"rouge_1": moved(*rouge_1), "rouge_l": moved(*rouge_l), "bleu": moved(-2, -1)}}
    found = reward_up_rouge_down({"tuned": moved(*score)}, figures)
    assert [one["rouge"] for one in found] == ([fallen] if fallen else [])


def test_the_nearest_cosine_by_hand():
    others = np.asarray([[0.0, 5.0], [3.0, 4.0]])
    assert nearest_cosine(np.asarray([2.0, 0.0]), others) == pytest.approx(0.6)
    assert nearest_cosine(np.asarray([0.0, 0.0]), others) == 0


HELD = {
    "against": "sft", "prompts": 200, "without": 12, "references": 190, "language": "zh",
    "language_setting": "auto", "unspaced_share": 0.97, "too_long": 2, "other_tokens": ["tuned"],
    "policies": {
        "sft": {"perplexity": {"value": 21.3, "ci_low": 19.9, "ci_high": 22.7},
                "rouge_l": {"value": 0.241, "ci_low": 0.231, "ci_high": 0.251}},
        "tuned": {"perplexity": {**moved(2.8, 4.4), "value": 24.9, "ci_low": 23.3, "ci_high": 26.5},
                  "rouge_l": {**moved(-0.035, -0.019), "value": 0.214, "ci_low": 0.204, "ci_high": 0.224}},
        "best_of_4": {"rouge_l": {**moved(-0.004, 0.012), "value": 0.245, "ci_low": 0.235, "ci_high": 0.255}},
    },
    "unrelated": {"rouge_l": {"value": 0.118, "ci_low": 0.1, "ci_high": 0.13}},
    "reward_up_rouge_down": [],
}  # fmt: skip
ALARM = {"policy": "tuned", "score": moved(1.31, 1.57), "rouge": ["rouge_l"]}


def record(**changes):
    return made_up_record(summary=SUMMARY | {"references": HELD | changes})


def test_the_report_shows_figures_intervals_and_what_was_left_out():
    page = Page(render(record()))
    text = one_line(page.text)
    assert "references" in page.ids
    assert "On 188 of 200 prompts, to which people wrote 190 different answers." in text
    assert "0.214 0.204 to 0.224 −0.027 (−0.035 to −0.019) farther" in text
    assert "+3.6 (+2.8 to +4.4) farther" in text  # lower is nearer
    assert "+0.004 (−0.004 to +0.012) nearer" not in text
    assert "ROUGE and BLEU measure overlap, not quality" in text
    assert "97% of the letters are Chinese or Japanese" in text
    assert "12 prompts have no answer by a person" in text
    assert "2 of the people's answers are longer" in text
    assert "tuned cuts texts into other tokens than sft" in text
    assert "Reward up, ROUGE down." not in text
    assert caveats(record()) == []


def test_the_alarm_stands_in_the_section_and_at_the_top():
    loud = record(reward_up_rouge_down=[ALARM])
    text = one_line(Page(render(loud)).text)
    assert "tuned against sft: reward +1.4 (+1.3 to +1.6), ROUGE-L −0.027 (−0.035 to −0.019)." in text
    assert "The two can go together" in text
    assert caveats(loud)[-1].startswith("tuned's reward is up and its ROUGE down against sft.")


def test_without_references_the_report_has_no_such_section():
    assert view(made_up_record()) is None
    page = Page(render(made_up_record()))
    assert "references" not in page.ids
    assert "Against what people wrote" not in page.text
    assert "what was written" not in page.text


def test_a_person_stands_beside_the_policies():
    answers = [
        {"prompt": "p", "answers": {"sft": {"text": "a"}}, "references": ["<b>one</b>", "two", "three"]}
    ]
    page = Page(render(replace(record(), answers=answers)))
    text = one_line(page.text)
    assert "people · what was written <b>one</b> and 2 more" in text
