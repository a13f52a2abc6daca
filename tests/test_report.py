"""The report: verdicts, curves, escaping, missing pieces. Expected values are worked out by hand."""

import base64
import hashlib
import json
import math
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

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
from assent.evaluation.report import RunRecord, StageRecord, render, render_comparison
from assent.evaluation.side_by_side import cards, differing
from assent.evaluation.verdict import caveats, duels, tiles, verdict

TEMPLATES = Path(__file__).parent.parent / "assent" / "evaluation" / "templates"


def stage(name, kind, *, inputs=(), metrics=(), status="done", message="", settings=None, seconds=12.3):
    key = f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:12]}" if status != "pending" else None
    return StageRecord(
        name, kind, key, status, seconds, 812.0, settings or {}, list(inputs), list(metrics), message
    )


def policy_metrics(seed, steps=200):
    dice = random.Random(seed)
    rows = []
    for step in range(1, steps + 1):
        risen = 1 - math.exp(-step / 60)
        rows.append(
            {
                "step": step,
                "score": -0.2 + 1.7 * risen + dice.gauss(0, 0.15),
                "kl": 6.1 * risen + dice.gauss(0, 0.3),
                "kl_per_token": 0.15 * risen,
                "entropy": 2.4 - 0.9 * risen + dice.gauss(0, 0.04),
                "length": 38 + 9 * risen + dice.gauss(0, 2),
                "end_rate": min(1.0, 0.86 + 0.12 * risen + dice.gauss(0, 0.02)),
                "policy_loss": -0.02 + dice.gauss(0, 0.01),
                "value_loss": 0.6 * math.exp(-step / 40) + 0.05 + abs(dice.gauss(0, 0.03)),
                "clip_fraction": 0.08 + dice.gauss(0, 0.02),
                "approx_kl": 0.004 + abs(dice.gauss(0, 0.001)),
                "explained_variance": 0.8 * risen + dice.gauss(0, 0.05),
                "kl_coef": 0.05 * (1 + 0.4 * risen),
                "learning_rate": 1e-5 * (1 - step / (steps + 1)),
                "grad_norm": 0.8 + abs(dice.gauss(0, 0.2)),
                "reward/judge": -0.2 + 1.7 * risen + dice.gauss(0, 0.15),
                "reward/brevity": -0.1 * risen,
            }
        )
    return rows


def loss_metrics(start, end, steps, seed=0):
    dice = random.Random(seed)
    rows = []
    for step in range(1, steps + 1):
        loss = end + (start - end) * math.exp(-5 * step / steps)
        row = {
            "step": step,
            "loss": loss + dice.gauss(0, 0.05),
            "learning_rate": 3e-4 * min(1, step / 20),
            "grad_norm": 1.1 + abs(dice.gauss(0, 0.2)),
            "tokens": 4096 * step,
        }
        if step % (steps // 10) == 0:
            row["held_out_loss"] = loss + 0.08
        rows.append(row)
    return rows


def reward_metrics():
    dice = random.Random(5)
    rows = []
    for step in range(1, 121):
        row = {
            "step": step,
            "loss": 0.69 - 0.2 * (1 - math.exp(-step / 40)) + dice.gauss(0, 0.04),
            "accuracy": min(1, 0.5 + 0.27 * (1 - math.exp(-step / 30)) + dice.gauss(0, 0.05)),
        }
        if step % 20 == 0:
            row |= {"held_out_loss": 0.53, "held_out_accuracy": 0.74}
        rows.append(row)
    return rows


SUMMARY = {
    "policies": {
        "sft": {
            "score_mean": 0.041,
            "gold_mean": 2.13,
            "kl_per_answer": 0.0,
            "length_mean": 38.2,
            "end_rate": 0.87,
            "distinct_2": 0.713,
        },
        "tuned": {
            "score_mean": 1.482,
            "gold_mean": 3.51,
            "kl_per_answer": 6.1,
            "length_mean": 46.9,
            "end_rate": 0.985,
            "distinct_2": 0.664,
        },
        "best_of_4": {
            "score_mean": 1.13,
            "gold_mean": 3.02,
            "kl_per_answer": None,
            "length_mean": 41.0,
            "end_rate": 0.94,
            "distinct_2": 0.702,
        },
    },
    "comparisons": [
        {
            "a": "tuned", "b": "sft", "judge": "score",
            "wins": 176, "losses": 24, "ties": 0, "win_rate": 0.88, "ci_low": 0.828, "ci_high": 0.918,
        },
        {
            "a": "sft", "b": "tuned", "judge": "gold",
            "wins": 32, "losses": 160, "ties": 8, "win_rate": 0.18, "ci_low": 0.13, "ci_high": 0.24,
        },
        {
            "a": "tuned", "b": "best_of_4", "judge": "gold",
            "wins": 104, "losses": 92, "ties": 4, "win_rate": 0.53, "ci_low": 0.461, "ci_high": 0.598,
        },
    ],
    "reward_model": {"accuracy": 0.744, "ci_low": 0.7, "ci_high": 0.784, "ece": 0.031, "n": 402},
    "seconds": {"total": 744.0},
    "peak_rss_mb": 1310.0,
}  # fmt: skip
REWARD = {
    "accuracy": 0.744,
    "ci_low": 0.7,
    "ci_high": 0.784,
    "ece": 0.031,
    "loss": 0.524,
    "n": 402,
    "reliability": [
        {"confidence": c, "accuracy": a, "count": n}
        for c, a, n in [
            (0.53, 0.55, 88),
            (0.61, 0.58, 75),
            (0.7, 0.72, 91),
            (0.81, 0.78, 83),
            (0.93, 0.95, 65),
        ]
    ],
    "baselines": {"always_left": 0.507, "longer_wins": 0.58, "shorter_wins": 0.42},
}
SUBJECTS = ("a lighthouse", "a bridge", "an old map", "the baker's cat", "a winter market")


def answer(text, score, gold, ended=True):
    scores = {"score": score, "gold": gold}
    return {"text": text, "scores": scores, "length": len(text.split()), "ended": ended}


def answer_rows(count=200):
    rows = []
    for place in range(count):
        subject = SUBJECTS[place % len(SUBJECTS)]
        stem = f"This is a story about {subject}. It was quiet there,"
        rows.append(
            {
                "prompt": f"Tell me a short story about {subject}.",
                "answers": {
                    "sft": answer(
                        f"{stem} and it was quiet and it was", -0.3 + 0.1 * (place % 4), 2.0, False
                    ),
                    "tuned": answer(
                        f"{stem} until one evening somebody knocked. Nobody had knocked in eleven years. "
                        "She put down her cup, and opened.",
                        1.4 + 0.1 * (place % 3),
                        3.0 if place % 5 else 1.5,
                    ),
                    "best_of_4": answer(f"{stem} but not for long, because the storm came.", 0.9, 3.0),
                },
            }
        )
    return rows


def made_up_record(name="storyteller", seed=7, **changes):
    stages = [
        stage("base", "pretrain", metrics=loss_metrics(6.9, 3.1, 1500), seconds=301.0,
              settings={"data": "corpus/*.txt", "model": {"family": "gpt2", "width": 256}, "seed": seed}),
        stage("sft", "finetune", inputs=["base"], metrics=loss_metrics(3.2, 2.2, 300), seconds=95.0,
              settings={"model": "$base", "data": "demos.jsonl", "lora": {"rank": 16}, "seed": seed}),
        stage("answers", "sample", inputs=["sft"], seconds=41.0, settings={"model": "$sft", "per_prompt": 2}),
        stage("feedback", "annotate", inputs=["answers"], seconds=0.4, settings={"want": 500}),
        stage("judge", "reward", inputs=["sft", "feedback"], metrics=reward_metrics(), seconds=63.0,
              settings={"model": "$sft", "preferences": "$feedback"}),
        stage("tuned", "policy", inputs=["sft", "judge"], metrics=policy_metrics(seed), seconds=214.0,
              settings={"model": "$sft", "rewards": [{"model": "$judge"}], "kl_coef": 0.05, "seed": seed}),
        stage("report", "evaluate", inputs=["sft", "tuned"], seconds=29.0,
              settings={"policies": ["$sft", "$tuned"], "prompts": "held_out.jsonl"}),
    ]  # fmt: skip
    values = {
        "name": name,
        "command": f"assent run recipes/storyteller.yaml --set seed={seed} --out runs/{name}",
        "seed": seed,
        "versions": {"assent": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "transformers": "5.1.0"},
        "machine": "8 cores, 16 GB, no accelerator; Linux 6.1",
        "created": "2025-11-20 21:40 UTC",
        "stages": stages,
        "summary": SUMMARY,
        "answers": answer_rows(),
        "reward": REWARD,
    }
    return RunRecord(**(values | changes))


def with_gold(win_rate, low, high, ties=0, **changes):
    """A record with one comparison of tuned with sft among 200 prompts."""
    wins = round(200 * win_rate - ties / 2)
    row = {"a": "tuned", "b": "sft", "judge": "gold", "wins": wins, "losses": 200 - wins - ties, "ties": ties,
           "win_rate": win_rate, "ci_low": low, "ci_high": high}  # fmt: skip
    return made_up_record(summary=SUMMARY | {"comparisons": [row]}, **changes)


class Page(HTMLParser):
    """What a browser would load or run, the data block of the charts, and the visible text."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.handlers, self.scripts, self.styles, self.tags, self.text = [], [], [], [], [], ""
        self.policy = ""
        self.ids = set()
        self._inside = None
        self.feed(text)
        self.charts = json.loads(next(body for kind, body in self.scripts if kind == "application/json"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.ids.add(values.get("id"))
        self.loads += [value for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]
        self.handlers += [name for name in values if name.startswith("on") or name == "style"]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "script":
            self.scripts.append((values.get("type", ""), ""))
        self._inside = tag if tag in ("script", "style") else None

    def handle_data(self, data):
        if self._inside == "script":
            kind, body = self.scripts[-1]
            self.scripts[-1] = (kind, body + data)
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.text += data

    def handle_endtag(self, tag):
        self._inside = None


def one_line(text):
    return " ".join(text.split())


def renderings():
    full = made_up_record()
    empty = replace(full, stages=[], summary={}, answers=[], reward=None, versions={}, seed=None, machine="")
    return {"full": render(full), "empty": render(empty), "compared": render_comparison([full, empty])}


@pytest.mark.parametrize("name", ["full", "empty", "compared"])
def test_page_loads_nothing_and_runs_only_its_own_script(name):
    page = Page(renderings()[name])
    assert all(link.startswith("#") for link in page.loads)
    assert {link[1:] for link in page.loads} <= page.ids  # no link leads nowhere
    assert page.handlers == []
    assert not re.search(r"url\((?!#)|@import", "".join(page.styles))
    code = next(body for kind, body in page.scripts if kind == "")
    for directive, text in (("script-src", code), ("style-src", "".join(page.styles))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none';")
    assert not {"img", "iframe", "link", "object", "base", "form"} & set(page.tags)


PAYLOAD = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}<!--"


def hostile_record():
    metrics = [{"step": i, "score": 0.1 * i, f"reward/{PAYLOAD}": 1.0 * i, PAYLOAD: 2.0} for i in range(5)]
    return RunRecord(
        name=PAYLOAD,
        command=PAYLOAD,
        seed=1,
        versions={PAYLOAD: PAYLOAD},
        machine=PAYLOAD,
        created=PAYLOAD,
        stages=[
            StageRecord(PAYLOAD, PAYLOAD, PAYLOAD, "failed", 1.0, 2.0, {PAYLOAD: PAYLOAD}, [], metrics,
                        PAYLOAD),
            StageRecord("b", "policy", "k", PAYLOAD, 1.0, 2.0, {}, [PAYLOAD], metrics, PAYLOAD),
        ],
        summary={
            "policies": {PAYLOAD: {"score_mean": 1.0, PAYLOAD: 2.0}, "b": {PAYLOAD: "3"}},
            "comparisons": [{"a": PAYLOAD, "b": "b", "judge": PAYLOAD, "wins": 1, "losses": 1, "ties": 0,
                             "win_rate": 0.5, "ci_low": 0.1, "ci_high": 0.9}],
        },
        answers=[{"prompt": PAYLOAD,
                  "answers": {PAYLOAD: {"text": PAYLOAD, "scores": {PAYLOAD: 1.0}}, "b": None}}],
        reward={"accuracy": 0.6, "baselines": {PAYLOAD: 0.5}, "reliability": []},
    )  # fmt: skip


def test_whatever_users_wrote_is_shown_and_never_run():
    record = hostile_record()
    for text in (render(record), render_comparison([record, replace(record, seed=2)])):
        page = Page(text)
        assert "img" not in page.tags
        assert [kind for kind, _ in page.scripts] == ["application/json", ""]
        assert page.handlers == []
        assert PAYLOAD in page.text  # whole, and the braces not worked out
    titles = [series["label"] for chart in Page(render(record)).charts for series in chart["series"]]
    assert PAYLOAD in titles


def test_charts_stay_valid_json_when_numbers_are_not():
    metrics = [{"step": 1, "score": 1.0}, {"step": 2, "score": math.nan}, {"step": 3, "score": None}]
    metrics += [
        {"step": 4, "score": math.inf},
        {"step": 5, "score": 3.0},
        {"score": 9.0},
        {"step": 6, "kl": 1},
    ]
    record = made_up_record(stages=[stage("tuned", "policy", metrics=metrics)])
    charts = Page(render(record)).charts  # json.loads above; NaN would have been refused when written
    assert charts[0]["series"][0]["steps"] == [1, 2, 3, 4, 5]
    assert charts[0]["series"][0]["bold"] == [1.0, None, None, None, 3.0]


def test_verdict_won_turns_the_comparison_so_that_the_tuned_policy_comes_first():
    found = verdict(made_up_record())
    assert found.outcome == "won"
    assert found.sentence == (
        "tuned beats sft on 82% of 200 held-out prompts (95% interval 76–87%, ties count half), "
        "judged by gold; KL 6.1 nats an answer."
    )
    first = duels(made_up_record())[0]  # written as sft against tuned: 32 won, 160 lost
    assert (first.after, first.before, first.wins, first.losses) == ("tuned", "sft", 160, 32)


@pytest.mark.parametrize(
    ("record", "outcome", "start"),
    [
        (
            with_gold(0.31, 0.25, 0.38),
            "lost",
            "tuned loses to sft: it wins on only 31% of 200 held-out prompts",
        ),
        (
            with_gold(0.52, 0.45, 0.59),
            "unclear",
            "No clear difference between tuned and sft: tuned wins on 52%",
        ),
        (with_gold(0.57, 0.5, 0.64), "unclear", "No clear difference"),  # an interval that touches 50%
        (
            with_gold(0.9, None, None),
            "unknown",
            "tuned wins against sft on 90% of 200 held-out prompts (no interval)",
        ),
        (with_gold(0.0, 0.0, 0.02), "lost", "tuned loses to sft: it wins on only 0%"),
    ],
)
def test_verdict_is_honest(record, outcome, start):
    found = verdict(record)
    assert found.outcome == outcome
    assert found.sentence.startswith(start)
    assert found.sentence in one_line(Page(render(record)).text)


def waiting_record():
    stages = [
        stage("sft", "finetune"),
        stage("feedback", "annotate", status="waiting", message="212 of 500 comparisons answered"),
        stage("judge", "reward", inputs=["feedback"], status="pending", seconds=0.0),
        stage("tuned", "policy", inputs=["judge"], status="pending", seconds=0.0),
        stage("report", "evaluate", inputs=["sft", "tuned"], status="pending", seconds=0.0),
    ]
    return made_up_record(stages=stages, summary={}, answers=[], reward=None)


def test_run_that_waits_says_what_for_and_invents_nothing():
    sentence = "No result yet: feedback waits (212 of 500 comparisons answered)."
    assert verdict(waiting_record()).sentence == sentence
    text = one_line(Page(render(waiting_record())).text)
    assert sentence in text
    assert "No reward model was measured: feedback waits (212 of 500 comparisons answered)." in text
    assert "No curves: this stage is pending" in text
    assert [tile.label for tile in tiles(waiting_record())] == ["Time"]
    assert "Win rates" not in text


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        (
            [stage("sft", "finetune")],
            "No result to report: the recipe has no evaluate stage, so nothing was compared.",
        ),
        ([stage("report", "evaluate")], "No result to report: the evaluation compared no two policies."),
        (
            [
                stage("sft", "finetune", status="failed", message="loss is NaN at step 12"),
                stage("e", "evaluate"),
            ],
            "No result yet: sft failed (loss is NaN at step 12).",
        ),
    ],
)
def test_missing_evaluation_is_named(stages, sentence):
    record = made_up_record(
        stages=stages, summary={"policies": None, "comparisons": None}, answers=[], reward=None
    )
    assert verdict(record).sentence == sentence
    assert sentence in one_line(Page(render(record)).text)


def test_comparison_without_a_number_is_missing_not_a_zero():
    row = {"a": "tuned", "b": "sft", "judge": "gold", "wins": None, "losses": None, "ties": None,
           "win_rate": None, "ci_low": None, "ci_high": None}  # fmt: skip
    record = made_up_record(summary={"policies": {"sft": None, "tuned": {}}, "comparisons": [row]})
    assert verdict(record).outcome == "missing"
    text = one_line(Page(render(record)).text)
    assert "the evaluation gave its comparison no number" in text
    assert not re.search(r"\b0%", text.split("Arrows run")[0])  # 50% may stand there


def test_caveats_name_stopped_stages_judges_that_differ_and_longer_answers():
    summary = json.loads(json.dumps(SUMMARY))
    summary["comparisons"][0] |= {"win_rate": 0.2, "ci_low": 0.15, "ci_high": 0.26}
    summary["policies"]["tuned"]["length_mean"] = 95.5  # 2.5 times 38.2
    stages = [stage("tuned", "policy", message="stopped at step 120: KL above 50")]
    found = caveats(made_up_record(summary=summary, stages=stages))
    assert found[0] == "tuned: stopped at step 120: KL above 50"
    assert found[1].startswith("The judges differ: score prefers sft")
    assert found[2].startswith("tuned's answers are 2.5 times as long as sft's")
    assert caveats(made_up_record()) == []


def test_smoothing_by_hand():
    # span 3: d = 1/2. At 1: (1 + 3/2 + 5/4) / (1 + 1/2 + 1/4) = 15/7; at 3: (1/2 + 3 + 5/2) / 2 = 3.
    assert smoothed([1, 3, 5], 3) == pytest.approx([15 / 7, 3.0, 27 / 7])
    assert smoothed([1, 3, 5], 1) == [1, 3, 5]
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
    curves = [{1: 1.0, 2: 2.0, 3: None, 5: 9.0}, {1: 3.0, 2: 6.0, 3: 1.0, 4: 9.0}]
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
    return made_up_record(seed=seed, stages=[tuned], summary=summary, reward=None, answers=[])


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


def declarations(text):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_are_readable_in_both_themes():
    """WCAG 2: 4.5 for text, 3 for lines."""
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", (TEMPLATES / "report.css").read_text(encoding="utf-8"))
    light, dark, chosen_dark = (declarations(block) for block in blocks)
    assert dark == chosen_dark
    assert set(light) == set(dark)
    for theme in (light, dark):
        for text in ("ink", "muted", "accent", "good", "bad", "warn"):
            assert min(contrast(theme[text], theme[ground]) for ground in ("paper", "card")) >= 4.5, text
        pairs = [("ink", "added"), ("ink", "removed"), ("ink", "warn-soft"), ("good", "good-soft")]
        pairs += [
            ("warn", "warn-soft"),
            ("muted", "plain-soft"),
            ("muted", "warn-soft"),
            ("muted", "bad-soft"),
        ]
        for text, ground in pairs:
            assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
        for place in range(1, 7):
            assert contrast(theme[f"series-{place}"], theme["card"]) >= 3, place
