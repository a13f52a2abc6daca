"""The pieces of the page: curves, graph, words, numbers, overlays. Expected values are worked out by hand."""

import math

import pytest
from report_samples import (
    Page,
    answer_rows,
    made_up_record,
    one_line,
    policy_metrics,
    reward_metrics,
    stage,
    waiting_record,
)

from assent.evaluation import numbers
from assent.evaluation.curves import kept, metric_names, points, smoothed, stage_charts
from assent.evaluation.graph import columns, laid_out
from assent.evaluation.overlay import (
    differing_settings,
    final_numbers,
    groups,
    headline,
    mean_and_deviation,
    mean_and_spread,
    run_labels,
)
from assent.evaluation.report import render_comparison
from assent.evaluation.side_by_side import cards, differing
from assent.evaluation.wording import CURVES


def test_smoothing_by_hand():
    # span 3: d = 1/2. At 1: (1 + 3/2 + 5/4) / (1 + 1/2 + 1/4) = 15/7; at 3: (1/2 + 3 + 5/2) / 2 = 3.
    assert smoothed([1.0, 3.0, 5.0], 3) == pytest.approx([15 / 7, 3.0, 27 / 7])
    assert smoothed([1.0, 3.0, 5.0], 1) == [1.0, 3.0, 5.0]
    assert smoothed([None, 2.0, None, 2.0], 9) == [None, 2.0, None, 2.0]
    assert smoothed([], 3) == []


def test_thinning_keeps_ends_spikes_and_gaps():
    values = [0.0] * 10_000
    values[4321], values[7777], values[5000] = 99.0, -99.0, None
    positions = kept(values, 600)
    assert {0, 4321, 5000, 7777, 9999} <= set(positions)
    assert len(positions) <= 602 + 1
    assert kept([1.0] * 600, 600) == list(range(600))


def test_points_are_sorted_and_rows_without_the_metric_are_none_at_all():
    rows = [
        {"step": 2, "loss": 2.0},
        {"step": 1, "loss": 1.0},
        {"step": 3, "kl": 1},
        {"step": None, "loss": 5},
    ]
    assert points(rows, "loss") == ([1, 2], [1.0, 2.0])
    assert metric_names([{"step": 1, "b": 1, "score": 1, "kl": 2, "note": "x", "flag": True}]) == [
        "score",
        "kl",
        "b",
    ]


def test_held_out_numbers_share_a_frame_with_training_and_parts_with_each_other():
    first, more = stage_charts(stage("judge", "reward", metrics=reward_metrics()))
    assert [[series["label"] for series in chart["series"]] for chart in first] == [
        ["training", "held out"]
    ] * 2
    first, more = stage_charts(stage("tuned", "policy", metrics=policy_metrics(1)))
    assert [chart["title"] for chart in first[:4]] == [
        "Reward",
        "Parts of the reward",
        "KL from the reference",
        "Length",
    ]
    assert [series["label"] for series in first[1]["series"]] == ["brevity", "judge"]
    assert "Learning rate" in [chart["title"] for chart in more]
    assert next(chart for chart in more if chart["title"] == "Learning rate")["series"][0]["raw"] is None


def test_the_title_of_a_curve_stands_alone():
    """It is read in a list of titles, between commas."""
    titles = [words.title for words in CURVES.values()]
    assert not [title for title in titles if "," in title or "same" in title]


def test_stages_stand_in_columns_by_their_longest_way():
    needs = {"sft": [], "answers": ["sft"], "judge": ["sft", "answers"], "tuned": ["sft", "judge"]}
    assert columns(needs) == {"sft": 0, "answers": 1, "judge": 2, "tuned": 3}
    assert set(columns({"a": ["b"], "b": ["a"]})) == {"a", "b"}  # ends, though no plan lets a circle through
    graph = laid_out(made_up_record().stages)
    assert len(graph.boxes) == 7
    assert len(graph.arrows) == 9  # one for each input
    assert len({(box.x, box.y) for box in graph.boxes}) == 7
    assert laid_out([]).boxes == []


def test_words_that_differ_are_marked_on_both_sides():
    old, new = differing("the cat sat on a mat", "the cat slept on a mat")
    assert old == [("the cat ", False), ("sat", True), (" on a mat", False)]
    assert new == [("the cat ", False), ("slept", True), (" on a mat", False)]
    assert differing("他喜欢猫", "他喜欢狗") == (
        [("他喜欢", False), ("猫", True)],
        [("他喜欢", False), ("狗", True)],
    )
    assert differing("one two three", "vier fünf") == ([("one two three", False)], [("vier fünf", False)])
    assert differing("", "x") == ([("", False)], [("x", False)])


def test_cards_show_the_first_twenty_with_before_and_after_first_and_the_best_marked():
    found = cards(answer_rows(30), "sft", "tuned")
    assert len(found) == 20
    assert [(answer.policy, answer.role) for answer in found[1].answers] == [
        ("sft", "before"), ("tuned", "after"), ("best_of_4", ""),
    ]  # fmt: skip
    best = {
        (answer.policy, score.judge) for answer in found[0].answers for score in answer.scores if score.best
    }
    assert best == {("tuned", "score"), ("best_of_4", "gold")}  # tuned: gold 1.5 at place 0, best_of_4: 3.0
    assert not found[0].answers[0].ended


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"), (0.012345, "0.0123"), (2e-5, "2.00e−5"), (-1.5, "−1.50"), (9.999, "10.0"),
        (0.0, "0"), (1_500_000, "1,500,000"), (None, "–"), (math.nan, "–"), ("x", "–"), (5.5e-17, "0"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert numbers.number(value) == text


def test_units():
    assert [numbers.percent(value) for value in (0.82, 0.504, 0.998, 1.0, None)] == [
        "82%", "50.4%", "99.8%", "100%", "–",
    ]  # fmt: skip
    assert numbers.interval(0.76, 0.87) == "76–87%"
    assert numbers.interval(None, 0.87) == ""
    assert [numbers.duration(value) for value in (0.44, 59.6, 754, 7500)] == [
        "0.4 s",
        "1 min 0 s",
        "12 min 34 s",
        "2 h 5 min",
    ]
    assert [numbers.megabytes(value) for value in (812, 2048, 0)] == ["812 MB", "2.00 GB", "–"]


def test_mean_and_spread_by_hand():
    curves = [{1.0: 1.0, 2.0: 2.0, 3.0: None, 5.0: 9.0}, {1.0: 3.0, 2.0: 6.0, 3.0: 1.0, 4.0: 9.0}]
    assert mean_and_spread(curves) == ([1, 2, 3], [2.0, 4.0, None], [1.0, 2.0, None], [3.0, 6.0, None])
    assert mean_and_spread([]) == ([], [], [], [])
    assert mean_and_deviation([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert mean_and_deviation([4.0]) == (4.0, None)
    assert mean_and_deviation([]) == (None, None)


def small_run(seed, kl_coef=0.05, scores=(1.0, 2.0), win_rate=0.8):
    row = {"a": "tuned", "b": "sft", "judge": "gold", "wins": 8, "losses": 2, "ties": 0,
           "win_rate": win_rate, "ci_low": win_rate - 0.2, "ci_high": win_rate + 0.1}  # fmt: skip
    metrics = [{"step": step, "score": score} for step, score in enumerate(scores, start=1)]
    tuned = stage("tuned", "policy", metrics=metrics, settings={"kl_coef": kl_coef, "seed": seed})
    summary = {
        "policies": {"sft": {"gold_mean": 2.0}, "tuned": {"gold_mean": win_rate}},
        "comparisons": [row],
    }
    return made_up_record(seed=seed, stages=[tuned], summary=summary, rewards={}, answers=[])


def test_seeds_of_one_recipe_are_overlaid_with_mean_and_band():
    runs = [small_run(1, win_rate=0.7), small_run(2, scores=(3.0, 6.0), win_rate=0.9)]
    page = Page(render_comparison(runs))
    (chart,) = page.charts
    assert [series["label"] for series in chart["series"]] == [
        "storyteller, seed 1", "storyteller, seed 2", "mean of 2 seeds",
    ]  # fmt: skip
    assert chart["series"][2]["bold"] == [2.0, 4.0]
    assert (chart["bands"][0]["low"], chart["bands"][0]["high"]) == ([1.0, 2.0], [3.0, 6.0])
    # 0.7 and 0.9: mean 0.8, deviation sqrt(0.02) = 0.141; the interval of 0.7 starts at 0.5, so it is unclear
    text = one_line(page.text)
    assert (
        "tuned wins 80% ± 14% of the prompts against sft, clearly better in 1 of 2 runs. Judged by gold."
        in text
    )
    row = next(
        row
        for row in final_numbers(runs, groups(runs, run_labels(runs)))
        if row.label.startswith("Gold") and row.section == "tuned"
    )
    assert (row.cells, row.means) == (["0.700", "0.900"], ["0.800 ± 0.14"])


def test_runs_with_other_settings_are_another_group():
    runs = [small_run(1), small_run(2), small_run(1, kl_coef=0.2), small_run(2, kl_coef=0.2)]
    labels = run_labels(runs)
    assert labels[0] == "storyteller, seed 1 (1)"
    assert [group.places for group in groups(runs, labels)] == [[0, 1], [2, 3]]
    assert [path for path, _ in differing_settings(runs)] == ["tuned.kl_coef", "tuned.seed"]
    (chart,) = Page(render_comparison(runs)).charts
    assert len(chart["bands"]) == 2
    alone = [small_run(1), small_run(1, kl_coef=0.2)]
    assert [group.label for group in groups(alone, run_labels(alone))] == ["all 2 runs"]


def test_comparison_with_a_run_that_waits_or_none_at_all():
    text = one_line(Page(render_comparison([small_run(1), waiting_record()])).text)
    assert "No result yet: feedback waits (212 of 500 comparisons answered)." in text
    assert headline([waiting_record()], groups([waiting_record()], ["x"])).startswith("No result to compare")
    assert "0 runs compared" in Page(render_comparison([])).text
