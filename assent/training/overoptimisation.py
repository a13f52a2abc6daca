"""Over-optimisation, seen while it happens: the reward goes on rising, and a judge of its own falls."""

import math
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path

import torch
from torch import Tensor

from assent.training.convergence import Watch, keep_weights, put_back
from assent.training.learner import Learner, Stats
from assent.training.looks import (
    ALARM_NUMBERS,
    UNIT,
    Alarm,
    Change,
    Look,
    Looking,
    deviation_of,
    paired_change,
    tail_of,
)
from assent.training.policy_settings import GuardRule

SHOWN_TAIL = 0.025  # of the intervals that are drawn: 95%


class Guard:
    """Follows judges beside the reward, keeps the weights that they like best, and says when to stop.

    It stands where a `Watch` does, and asks that one too, if there is one.

    Args:
        look: takes the looks; the first here, before any step. With several judges the best look is where
            the mean of their rises is highest, and the fall of any one of them raises the alarm.
        steps: how many are planned; they tell the number of looks.
        folder: where the best weights lie.
        tell: what to do with an alarm's words.
        watch: what else is evaluated; its bound on the KL holds here too.
    """

    def __init__(
        self,
        settings: GuardRule,
        learner: Learner,
        look: Looking,
        steps: int,
        folder: Path,
        tell: Callable[[str], None],
        watch: Watch,
    ):
        self.settings, self.learner, self.look, self.tell, self.watch = settings, learner, look, tell, watch
        self.names, self.folder, self.peak_rate = tuple(look.names), folder, learner.peak_rate
        self.start = self.best = self.last = look(0)
        self.scales = [deviation_of(scores) for scores in (self.start.proxy, *self.start.judges)]
        self.tail = tail_of(settings.false_alarms, 1 + math.ceil(steps / settings.every), len(self.names))
        self.alarms: list[Alarm] = []
        self.alarms_before_best = 0
        self.went_back = False
        keep_weights(learner, self._path())

    @property
    def converged(self) -> bool:
        return self.watch.converged or bool(self.alarms and self.settings.action == "stop")

    @property
    def best_step(self) -> int | None:
        """The step whose weights are kept for the worst case; -1 for those it began with, after an alarm."""
        return self.best.done - 1 if self.best.done or self.alarms else None

    def _path(self) -> Path:
        """Where the best weights lie: a file of their own after each alarm.

        A killed run may have kept better weights than its last checkpoint knows of. Between two alarms
        it comes to them again, whatever it finds there; what an alarm goes back to must not be overwritten.
        """
        name = f"guarded-{self.alarms_before_best}" if self.best.done else "guarded-start"
        return self.folder / f"{name}.safetensors"

    def after(self, step: int, last: bool) -> Stats:
        """What to log of `step`; empty between looks. The last step is always looked at."""
        told = self.watch.after(step, last)
        if (step + 1) % self.settings.every and not last and not self.watch.converged:
            return told
        self.last = look = self.look(step + 1)
        alarm = self._alarm(look)
        told |= self._numbers(look)
        if alarm is not None:
            self._raise(alarm)
        elif self._bounded(look) and self._merit(look) > self._merit(self.best):
            self.best, self.alarms_before_best = look, len(self.alarms)
            keep_weights(self.learner, self._path())
        return told | {"guard_alarms": float(len(self.alarms)), "guard_best_step": float(self.best.done)}

    def _merit(self, look: Look) -> float:
        """The mean of what the judges say, each in its own deviations."""
        return float((look.judges.mean(axis=1) / self.scales[1:]).mean())

    def _alarm(self, look: Look) -> Alarm | None:
        proxy, *judges = self._changes(look, self.best, self.tail)
        worst = min(judges, key=attrgetter("high"))
        # The fall alone bounds the false alarms; the rise is to be more than a run that stands still shows.
        risen = self._changes(look, self.best, SHOWN_TAIL)[0]
        if risen.low <= 0 or worst.high >= 0:
            return None
        name = self.names[judges.index(worst)]
        return Alarm(look.done, self.best.done, proxy.mean, name, worst.mean, worst.high)

    def _raise(self, alarm: Alarm) -> None:
        self.alarms.append(alarm)
        self.tell(str(alarm))
        if self.settings.action == "lower_rate":
            put_back(self.learner, self._path())
            self._set_rate()

    def _set_rate(self) -> None:
        lowered = len(self.alarms) if self.settings.action == "lower_rate" else 0
        self.learner.peak_rate = self.peak_rate * self.settings.rate_factor**lowered

    def _bounded(self, look: Look) -> bool:
        most = self.watch.settings.max_kl
        return most is None or look.kl is None or look.kl <= most

    def _changes(self, now: Look, then: Look, tail: float) -> list[Change]:
        """Of the reward and of each judge, in deviations of the answers before training."""
        pairs = zip((now.proxy, *now.judges), (then.proxy, *then.judges), self.scales, strict=True)
        return [paired_change(a / scale, b / scale, tail) for a, b, scale in pairs]

    def _numbers(self, look: Look) -> Stats:
        """All rises since the start with their 95% intervals, and what the alarm goes by."""
        told: Stats = {}
        names = ("proxy", *(f"judge/{name}" for name in self.names))
        shown, decisive = (
            self._changes(look, self.start, SHOWN_TAIL),
            self._changes(look, self.best, self.tail),
        )
        for name, change, since_best in zip(names, shown, decisive, strict=True):
            told |= {f"guard_{name}": change.mean, f"guard_low_{name}": change.low}
            told |= {f"guard_high_{name}": change.high, f"guard_since_best_{name}": since_best.mean}
            told |= {f"guard_since_best_high_{name}": since_best.high}
        told |= {} if look.kl is None else {"guard_sqrt_kl": math.sqrt(max(0.0, look.kl))}
        disagree = self._disagreement(look)
        return told if disagree is None else told | {"guard_spread": disagree}

    def _disagreement(self, look: Look) -> float | None:
        """How many times as far as before training the members of the reward disagree."""
        return look.spread / self.start.spread if look.spread is not None and self.start.spread else None

    def go_back(self, ended: bool = False) -> bool:
        """After an alarm, or where training `ended` badly, put the best weights in place of the last.

        Otherwise do what the watch does.
        """
        self.went_back = ended or bool(self.alarms)
        if not self.went_back:
            return self.watch.go_back()
        put_back(self.learner, self._path())
        return True

    def ending(self, steps: int) -> str:
        """What the judge saw, and whose weights are the result."""
        lines, disagree = (
            [str(alarm) for alarm in self.alarms] or [self._seen()],
            self._disagreement(self.last),
        )
        if disagree is not None:
            lines.append(
                f"the members of the reward disagree {disagree:.2g} times as much as before training"
            )
        if self.alarms and self.settings.action == "lower_rate":
            lines.append(f"the guard lowered the learning rate to {self.learner.peak_rate:.2g} at its peak")
        if not self.went_back:
            lines.append(self.watch.ending(steps))
        elif self.best.done != steps:
            kept = (
                f"the weights after {self.best.done} steps" if self.best.done else "the weights it began with"
            )
            liked = (
                f"{self.names[0]} likes"
                if len(self.names) == 1
                else f"{' and '.join(self.names)} together like"
            )
            lines.append(f"kept {kept}, which {liked} best")
        return "\n".join(line for line in lines if line)

    def _seen(self) -> str:
        proxy, *judges = self._changes(self.last, self.start, SHOWN_TAIL)
        told = [f"{name} {_seen(judge)}" for name, judge in zip(self.names, judges, strict=True)]
        told.append(f"while the reward changed by {proxy.mean:+.2f}, in {UNIT}")
        return f"the guard raised no alarm: {', '.join(told)}"

    def state(self) -> tuple[dict[str, Tensor], Stats]:
        """All that later looks depend on; the start is looked at again, and is the same again.

        Copies: the best look is often the last one, and a file of tensors shares no memory.
        """
        tensors, counters = self.watch.state()
        alarms = [
            list((vars(alarm) | {"judge": self.names.index(alarm.judge)}).values()) for alarm in self.alarms
        ]
        for name, look in (("best", self.best), ("last", self.last)):
            tensors |= {f"guard/{name}_proxy": torch.tensor(look.proxy)}
            tensors |= {f"guard/{name}_judges": torch.tensor(look.judges)}
            counters |= {f"guard_{name}_done": float(look.done)}
            measured = {f"guard_{name}_kl": look.kl, f"guard_{name}_spread": look.spread}
            counters |= {key: value for key, value in measured.items() if value is not None}
        counters |= {"guard_alarms_before_best": float(self.alarms_before_best)}
        told = torch.tensor(alarms, dtype=torch.float64).reshape(-1, ALARM_NUMBERS)
        return tensors | {"guard/alarms": told}, counters

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        self.watch.restore(tensors, counters)
        self.best, self.last = (_saved(name, tensors, counters) for name in ("best", "last"))
        self.alarms = [
            Alarm(int(done), int(best), rise, self.names[int(judge)], fall, at_most)
            for done, best, rise, judge, fall, at_most in tensors["guard/alarms"].tolist()
        ]
        self.alarms_before_best = int(counters["guard_alarms_before_best"])
        self._set_rate()


def _saved(name: str, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> Look:
    proxy, judges = (tensors[f"guard/{name}_{part}"].numpy() for part in ("proxy", "judges"))
    kl, spread = (counters.get(f"guard_{name}_{part}") for part in ("kl", "spread"))
    return Look(int(counters[f"guard_{name}_done"]), proxy, judges, kl, spread)


def _seen(judge: Change) -> str:
    """What became of a judge since the start, in words."""
    rose = "rose" if judge.low > 0 else "fell" if judge.high < 0 else "stayed where it was"
    return f"{rose} ({judge.mean:+.2f}, 95% interval {judge.low:+.2f} to {judge.high:+.2f})"
