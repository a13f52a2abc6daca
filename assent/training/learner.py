"""The only file that calls backward()."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from assent.batch import Batch
from assent.config import Settings
from assent.errors import Stopped
from assent.training import parallel

B = TypeVar("B", bound=Batch)
Terms = tuple[Tensor, dict[str, Tensor]]  # a loss, and what to report; all per element
Stats = dict[str, float]

MOST_SKIPPED_IN_A_ROW = 5


class Optimiser(Settings):
    """AdamW: arXiv:1711.05101."""

    schedule: Literal["linear", "cosine", "constant"] = "linear"  # decays to zero over all updates
    warmup: float = Field(default=0.0, ge=0, lt=1)  # share of the updates over which the rate rises from zero
    weight_decay: float = Field(default=0.0, ge=0)  # of matrices; biases and norms have none
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)
    clip_norm: float = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products; weights stay float32


class Learner:
    """Turns a per-element loss into one parameter update.

    The gradient is that of the mean over all unmasked elements of the whole batch, over all ranks: it is
    the same for every size of micro-batch, every padding and every number of ranks.

    Args:
        modules: what learns, by name; parameters that do not require a gradient are left alone.
        learning_rate: at the peak of the schedule.
        updates: how many there will be in all; the schedule runs over them.
        micro_batch: rows that are in memory at once; it never changes the result.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        learning_rate: float,
        optimiser: Optimiser,
        updates: int,
        micro_batch: int,
    ):
        self.parameters = {
            f"{name}.{key}": parameter
            for name, module in modules.items()
            for key, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self.peak_rate = learning_rate
        self.settings = optimiser
        self.total_updates = updates
        self.micro_batch = micro_batch
        self.updates = 0  # made so far, skipped ones among them: what the schedule counts
        self.skipped_in_a_row = 0
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for p in self.parameters.values() if p.ndim >= 2]},
                {"params": [p for p in self.parameters.values() if p.ndim < 2], "weight_decay": 0.0},
            ],
            lr=learning_rate,
            betas=(optimiser.beta1, optimiser.beta2),
            eps=optimiser.epsilon,
            weight_decay=optimiser.weight_decay,
        )

    def rate(self) -> float:
        """The learning rate of the next update."""
        return self.peak_rate * schedule(self.settings, self.updates, self.total_updates)

    def step(self, batch: B, terms: Callable[[B], Terms]) -> Stats:
        """One update from the mean of `terms` over the batch; the means of what it reports.

        Raises:
            Stopped: the gradient was not finite several times in a row.
        """
        count = parallel.summed(batch.loss_mask.sum())
        sums: dict[str, Tensor] = {}
        for micro in batch.split(self.micro_batch):
            mask = micro.loss_mask
            with torch.autocast(mask.device.type, torch.bfloat16, self.settings.precision == "bfloat16"):
                loss, report = terms(micro)
            (loss.where(mask, 0.0).sum() / count).backward()
            for name, x in {"loss": loss, **report}.items():
                sums[name] = sums.get(name, torch.zeros(())) + x.detach().where(mask, 0.0).sum()
        parallel.sum_gradients(self.parameters.values())
        means = {name: (parallel.summed(x) / count).item() for name, x in sums.items()}
        return means | self._update()

    def _update(self) -> Stats:
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.settings.clip_norm).item()
        rate = self.rate()
        finite = math.isfinite(norm)
        if finite:
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.optimiser.step()
        self.optimiser.zero_grad()
        self.updates += 1
        self.skipped_in_a_row = 0 if finite else self.skipped_in_a_row + 1
        if self.skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW:
            raise Stopped(
                f"the gradient was not finite in {self.skipped_in_a_row} updates in a row. Likely causes: "
                f"a learning rate that is too high (now {rate:.2g}), or a reward or text that is not finite"
            )
        return {"grad_norm": norm, "learning_rate": rate, "skipped": float(not finite)}

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Everything that the next update depends on: (tensors, counters)."""
        tensors = {f"parameter/{name}": parameter.detach() for name, parameter in self.parameters.items()}
        for name, parameter in self.parameters.items():
            moments = self.optimiser.state.get(parameter, {})
            tensors |= {f"{moment}/{name}": value for moment, value in moments.items()}
        return tensors, {"updates": self.updates, "skipped_in_a_row": self.skipped_in_a_row}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        """Go back to a `state`."""
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors[f"parameter/{name}"])
            moments = {key.split("/", 1)[0]: key for key in tensors if key.endswith(f"/{name}")}
            moments.pop("parameter")
            self.optimiser.state[parameter] = {
                moment: tensors[key].clone().to("cpu" if moment == "step" else parameter.device)
                for moment, key in moments.items()
            }
        self.updates = int(counters["updates"])
        self.skipped_in_a_row = int(counters["skipped_in_a_row"])


def schedule(settings: Optimiser, update: int, total: int) -> float:
    """The share of the peak rate at `update`, counted from 0. The last update is the last above zero."""
    warm = settings.warmup * total
    if update < warm:
        return (update + 1) / (warm + 1)
    left = max(0.0, 1 - (update - warm) / max(1.0, total - warm))
    if settings.schedule == "constant":
        return 1.0
    return left if settings.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))


def average(stats: Sequence[Stats]) -> Stats:
    """The mean of each number over several updates."""
    return {name: sum(s[name] for s in stats) / len(stats) for name in stats[0]}


def evaluated(batches: Iterable[B], terms: Callable[[B], Terms]) -> Stats:
    """The means of `terms` over batches, without a gradient."""
    sums: dict[str, float] = {}
    count = 0.0
    with torch.no_grad():
        for batch in batches:
            loss, report = terms(batch)
            count += batch.loss_mask.sum().item()
            for name, x in {"loss": loss, **report}.items():
                sums[name] = sums.get(name, 0.0) + x.where(batch.loss_mask, 0.0).sum().item()
    return {name: total / count for name, total in sums.items()}
