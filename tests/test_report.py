"""The page: verdicts, escaping, missing pieces, colours. Expected sentences are written by hand."""

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import SUMMARY, Page, made_up_record, one_line, stage, waiting_record, with_gold

from assent.evaluation.report import RunRecord, StageRecord, render, render_comparison
from assent.evaluation.verdict import caveats, duels, tiles, verdict

TEMPLATES = Path(__file__).parent.parent / "assent" / "evaluation" / "templates"


def renderings():
    full = made_up_record()
    empty = replace(full, stages=[], summary={}, answers=[], rewards={}, versions={}, seed=None, machine="")
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
        rewards={PAYLOAD: {"accuracy": 0.6, "baselines": {PAYLOAD: 0.5}, "reliability": []}},
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
        stages=stages, summary={"policies": None, "comparisons": None}, answers=[], rewards={}
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


def test_names_of_policies_and_judges_are_explained_among_the_words():
    made = made_up_record(stages=[
        stage("base", "pretrain", settings={"data": "corpus.txt"}),
        stage("sft", "finetune", settings={"model": "$base"}),
        stage("tuned", "policy", settings={"model": "$sft"}),
        stage("report", "evaluate", settings={
            "policies": ["$sft", "$tuned", {"model": "$sft", "best_of": 4, "name": None},
                         {"model": "models/old", "best_of": 1, "name": "old"}],
            "judges": [{"name": "gold", "function": "my.gold:score"}, {"name": "mine", "function": "m.py:f"}],
        }),
    ], summary={
        "policies": {name: {"score_mean": 1.0} for name in ("sft", "tuned", "best_of_4", "old")},
        "judges": {"gold": "How good an answer is, 0..1.", "mine": ""},
    })  # fmt: skip
    page = render(made)
    for name, told in (
        ("sft", "base after fine-tuning on demonstrations, by stage sft."),
        ("tuned", "sft after policy optimisation, by stage tuned."),
        ("best_of_4", "Of 4 answers by sft, the one that the reward scores highest."),
        ("old", "A model that was there before this run."),
        (
            "gold",
            "A judge that the evaluation asks, the function my.gold:score. How good an answer is, 0..1.",
        ),
        ("mine", "A judge that the evaluation asks, the function m.py:f."),
    ):
        assert f"<dt>{name}</dt><dd>{told}" in page
    assert "the function" not in one_line(Page(render(waiting_record())).text)


def test_before_and_after_are_said_only_where_something_was_trained():
    whole = made_up_record()
    compared = replace(whole, stages=[one for one in whole.stages if one.kind == "evaluate"])
    labels = [
        re.findall(r'class="who"><b>\w+</b>( · before| · after)?', render(one)) for one in (whole, compared)
    ]
    assert {" · before", " · after"} <= set(labels[0])
    assert set(labels[1]) == {""}
