"""Made-up runs for the tests of the report, and a reader of its pages."""

import hashlib
import json
import math
import random
from html.parser import HTMLParser

from assent.evaluation.report import RunRecord, StageRecord


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
        "rewards": {"judge": REWARD},
    }
    return RunRecord(**(values | changes))


def with_gold(win_rate, low, high, ties=0, **changes):
    """A record with one comparison of tuned with sft among 200 prompts."""
    wins = round(200 * win_rate - ties / 2)
    row = {"a": "tuned", "b": "sft", "judge": "gold", "wins": wins, "losses": 200 - wins - ties, "ties": ties,
           "win_rate": win_rate, "ci_low": low, "ci_high": high}  # fmt: skip
    return made_up_record(summary=SUMMARY | {"comparisons": [row]}, **changes)


def waiting_record():
    stages = [
        stage("sft", "finetune"),
        stage("feedback", "annotate", status="waiting", message="212 of 500 comparisons answered"),
        stage("judge", "reward", inputs=["feedback"], status="pending", seconds=0.0),
        stage("tuned", "policy", inputs=["judge"], status="pending", seconds=0.0),
        stage("report", "evaluate", inputs=["sft", "tuned"], status="pending", seconds=0.0),
    ]
    return made_up_record(stages=stages, summary={}, answers=[], rewards={})


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
