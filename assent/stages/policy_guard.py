"""The guard of a policy's training: judges that nothing is trained against, and what they were shown."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np

from assent.data.files.jsonl import read_jsonl, write_jsonl
from assent.records import in_full
from assent.rewards.composite import Part, judge
from assent.rewards.reward import Uncertain
from assent.stages.policy_config import JudgeGuard
from assent.stages.policy_players import HeldOut
from assent.stages.reward_parts import load_parts
from assent.stages.workspace import Workspace
from assent.training import parallel
from assent.training.looks import Look, deviation_of

SHOWN = "guard.jsonl"  # each look's prompts and answers with both scores, to be read and to be judged again


class Looks:
    """What reward and judges say of the policy as it is, on prompts that it does not learn from.

    Args:
        parts: of the reward; those with members also tell how far these disagree.
    """

    def __init__(
        self,
        settings: JudgeGuard,
        held_out: Callable[[], HeldOut],
        parts: Sequence[Part],
        work: Workspace,
    ):
        self.judges, self.held_out, self.parts = (
            load_parts(settings.judge, work, "guard.judge"),
            held_out,
            parts,
        )
        self.names, self.path = [judge.name for judge in self.judges], work.folder / SHOWN
        self.scales: list[float] = []  # of the judges' scores before any step

    def __call__(self, done: int) -> Look:
        """After `done` steps; also written down for people."""
        seen, judged = self._judged()
        self.scales = self.scales or [deviation_of(scores) for scores in judged]
        if parallel.rank() == 0:
            _write(self.path, done, seen, dict(zip(self.names, judged, strict=True)))
        return Look(done, seen.scores, judged, seen.kl, self._spread(seen))

    def evaluate(self) -> tuple[float, float | None]:
        """(the judges' mean, nats an answer): for a `Watch` beside the guard, which has looked first."""
        seen, judged = self._judged()
        return float(
            np.mean([scores / scale for scores, scale in zip(judged, self.scales, strict=True)])
        ), seen.kl

    def _judged(self) -> tuple[HeldOut, np.ndarray]:
        seen = self.held_out()
        return seen, np.stack([judge([part], seen.prompts, seen.answers).scores for part in self.judges])

    def _spread(self, seen: HeldOut) -> float | None:
        """How far the reward's members disagree, summed over the parts that have any."""
        spreads = [
            abs(part.weight) / part.scale * float(np.mean(part.reward.spread(seen.prompts, seen.answers)))
            for part in self.parts
            if isinstance(part.reward, Uncertain)
        ]
        return sum(spreads) if spreads else None


def _write(path: Path, done: int, seen: HeldOut, judged: Mapping[str, np.ndarray]) -> None:
    """Put a look in its place: a resumed run comes to looks again that stand there already."""
    rows = [row for _, row in read_jsonl(path) if row["step"] != done] if path.exists() else []
    for place, (prompt, answer) in enumerate(zip(seen.prompts, seen.answers, strict=True)):
        judges = {name: float(scores[place]) for name, scores in judged.items()}
        told = {"reward": float(seen.scores[place]), "judges": judges}
        rows.append({"step": done, "prompt": in_full(prompt), "answer": answer, **told})
    write_jsonl(path, sorted(rows, key=itemgetter("step")))
