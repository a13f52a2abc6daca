"""What is told of a policy's training, step by step, and when the doctor ends it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assent.batch import Rollout
from assent.data.files.jsonl import read_jsonl
from assent.errors import Stopped
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt, in_full
from assent.rewards.composite import Part
from assent.rewards.learned import LearnedReward
from assent.rewards.reward import Uncertain
from assent.stages.common import reporter
from assent.stages.workspace import Workspace
from assent.training.doctor import Diagnosis, Doctor
from assent.training.learner import Stats
from assent.training.rollouts import Questions

METRICS = "metrics.jsonl"
TABLE_EVERY = 10  # steps between tables of examples for the trackers
TABLE_ROWS = 8


class PolicyLog:
    """Each step's numbers, each reward's part in them, now and then answers to read, and what is wrong.

    Args:
        stop_when_severe: raise `Stopped` on a diagnosis after which going on can give nothing good.
    """

    def __init__(
        self,
        work: Workspace,
        parts: Sequence[Part],
        tokenizer: Tokenizer,
        steps: int,
        stop_when_severe: bool,
    ):
        self.work, self.parts, self.tokenizer = work, parts, tokenizer
        self.report = reporter(work, steps, ("score", "kl", "length"))
        self.stop_when_severe = stop_when_severe
        self.found: list[Diagnosis] = []
        self.doctor: Doctor | None = None  # until the first step tells how far an earlier session came

    def __call__(self, step: int, stats: Stats, rollout: Rollout, asked: Questions) -> None:
        texts = self.tokenizer.texts(rollout.responses)
        stats = stats | part_stats(self.parts, rollout, asked.records, texts)
        doctor = self._doctor(step)  # before this step's row is written
        self.report(step, stats)
        if step % TABLE_EVERY == 0:
            self.work.log.table(step, "answers", _examples(asked, texts, rollout))
        for diagnosis in doctor.see(step, stats):
            self.found.append(diagnosis)
            self.work.warn(f"{self.work.name}: {diagnosis}")
            if diagnosis.severe and self.stop_when_severe:
                raise Stopped(str(diagnosis))

    def ill_since(self, step: int) -> bool:
        """Whether a severe diagnosis showed at `step` or before."""
        return any(diagnosis.severe and diagnosis.step <= step for diagnosis in self.found)

    def _doctor(self, step: int) -> Doctor:
        """Who has seen all rows before this one, those of earlier sessions too."""
        if self.doctor is None:
            self.doctor, path = Doctor(), self.work.folder / METRICS
            for _, row in read_jsonl(path) if step and path.exists() else ():
                self.found += self.doctor.see(row["step"], row)
        return self.doctor


def part_stats(
    parts: Sequence[Part], rollout: Rollout, asked: Sequence[Prompt], texts: Sequence[str]
) -> Stats:
    """The mean of each part, how far its members disagree, and how much of the answers it does not read."""
    means = rollout.parts.mean(dim=0).tolist()
    stats = {f"reward/{part.name}": mean for part, mean in zip(parts, means, strict=True)}
    prompts = [prompt.text for prompt in asked]
    for part in parts:
        if isinstance(part.reward, Uncertain):
            stats[f"spread/{part.name}"] = float(np.mean(part.reward.spread(prompts, texts))) / part.scale
        if isinstance(part.reward, LearnedReward):
            stats[f"unread/{part.name}"] = part.reward.unread(texts)
            if part.reward.longer == "cut":
                stats[f"cut/{part.name}"] = part.reward.shortened(prompts, texts)
    return stats


def _examples(asked: Questions, texts: Sequence[str], rollout: Rollout) -> list[dict[str, Any]]:
    rows = zip(asked.records, texts[:TABLE_ROWS], rollout.scores.tolist(), strict=False)
    return [{"prompt": in_full(prompt.text), "answer": text, "reward": score} for prompt, text, score in rows]
