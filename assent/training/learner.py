"""The only file that calls backward()."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from assent.batch import Batch
from assent.config import Settings
from assent.errors import Stopped, UserError
from assent.training import parallel

B = TypeVar("B", bound=Batch)
M = TypeVar("M", bound=Batch)
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
    epsilon_style: Literal["torch", "tensorflow"] = "torch"  # where epsilon stands: see Learner._set
    clip_norm: float = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products; weights stay float32

    def arithmetic(self, device: torch.device) -> torch.autocast:
        """Inside this context matrix products are made in `precision`."""
        return torch.autocast(device.type, torch.bfloat16, self.precision == "bfloat16")


@dataclass(frozen=True)
class Mix(Generic[B]):
    """A second loss that is learned from in the same update, as InstructGPT's pretraining mix.

    Its gradient is added `coef` times; or, if `normalised`, scaled to `coef` times the norm of the first.
    """

    batch: B
    terms: Callable[[B], Terms]
    coef: float
    normalised: bool


class Learner:
    """Turns a per-element loss into one parameter update.

    The gradient is that of the mean over all unmasked elements of the whole batch, over all ranks: it is
    the same for every size of micro-batch, every padding and every number of ranks.

    Args:
        modules: what learns, by name; parameters that do not require a gradient are left alone.
        learning_rate: at the peak of the schedule.
        updates: how many there will be in all; the schedule runs over them. None: no end is planned, and
            the rate stays constant.
        micro_batch: rows that are in memory at once; it never changes the result.
        factors: of the learning rate, for the modules named; 1 for the others.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        learning_rate: float,
        optimiser: Optimiser,
        updates: int | None,
        micro_batch: int,
        factors: Mapping[str, float] | None = None,
    ):
        self.parameters = {
            f"{name}.{key}": parameter
            for name, module in modules.items()
            for key, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self.peak_rate = learning_rate
        self.settings = optimiser
        self.planned = updates
        self.micro_batch = micro_batch
        self.updates = 0  # made so far, skipped ones among them: what the schedule counts
        self.moments = 0  # updates that the optimiser's moments have seen
        self.skipped_in_a_row = 0
        self.optimiser = torch.optim.AdamW(
            _groups(self.parameters, optimiser.weight_decay, factors or {}),
            lr=learning_rate,
            betas=(optimiser.beta1, optimiser.beta2),
            eps=optimiser.epsilon,
        )

    def rate(self) -> float:
        """The learning rate of the next update."""
        if self.planned is None:
            return self.peak_rate
        return self.peak_rate * schedule(self.settings, self.updates, self.planned)

    def position(self) -> Stats:
        """How far the schedule is, as a share of all planned updates."""
        return {} if self.planned is None else {"schedule": self.updates / self.planned}

    def pass_over(self, updates: int) -> None:
        """Count updates that were planned and are not made, so that the schedule ends where it should."""
        self.updates += updates

    def step(self, batch: B, terms: Callable[[B], Terms], mix: Mix[M] | None = None) -> Stats:
        """One update from the mean of `terms` over the batch; the means of what it reports.

        Raises:
            Stopped: the gradient was not finite several times in a row.
        """
        means = self._accumulate(batch, terms)
        if mix is not None:
            means |= self._add(mix)
        return means | self._update()

    def _accumulate(self, batch: B, terms: Callable[[B], Terms]) -> Stats:
        count = parallel.summed(batch.loss_mask.sum())
        sums: dict[str, Tensor] = {}
        for micro in batch.split(self.micro_batch):
            mask = micro.loss_mask
            with self.settings.arithmetic(mask.device):
                loss, report = terms(micro)
            (loss.where(mask, 0.0).sum() / count).backward()
            for name, x in {"loss": loss, **report}.items():
                sums[name] = sums.get(name, torch.zeros(())) + x.detach().where(mask, 0.0).sum()
        parallel.sum_gradients(self.parameters.values())
        return {name: (parallel.summed(x) / count).item() for name, x in sums.items()}

    def _add(self, mix: Mix[M]) -> Stats:
        """Add the gradient of a second loss to that of the first, and tell both norms."""
        first = {name: p.grad for name, p in self.parameters.items() if p.grad is not None}
        self.optimiser.zero_grad()
        loss = self._accumulate(mix.batch, mix.terms)["loss"]
        second = {name: p.grad for name, p in self.parameters.items() if p.grad is not None}
        pulled = [
            first[name] for name in second if name in first
        ]  # not a critic's own, which no text pulls at
        first_norm, second_norm = (
            nn.utils.get_total_norm(gradients).item() for gradients in (pulled, second.values())
        )
        scale = mix.coef * (first_norm / max(second_norm, 1e-12) if mix.normalised else 1.0)
        for name, parameter in self.parameters.items():
            if parameter.grad is not None:
                parameter.grad.mul_(scale)
            if name in first:
                parameter.grad = first[name] if parameter.grad is None else parameter.grad.add_(first[name])
        return {
            "mix_loss": loss,
            "policy_grad_norm": first_norm,
            "mix_grad_norm": second_norm,
            "mix_pull": scale * second_norm,
        }

    def _update(self) -> Stats:
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.settings.clip_norm).item()
        rate = self.rate()
        finite = math.isfinite(norm)
        if finite:
            self._set(rate)
            self.optimiser.step()
            self.moments += 1
        self.optimiser.zero_grad()
        self.updates += 1
        self.skipped_in_a_row = 0 if finite else self.skipped_in_a_row + 1
        if self.skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW:
            raise Stopped(
                f"the gradient was not finite in {self.skipped_in_a_row} updates in a row. Likely causes: "
                f"a learning rate that is too high (now {rate:.2g}), or a reward or text that is not finite"
            )
        return {"grad_norm": norm, "learning_rate": rate, "skipped": float(not finite)}

    def _set(self, rate: float) -> None:
        """The rate and epsilon of the next update.

        torch divides by sqrt(v / (1 - beta2^t)) + epsilon; TensorFlow, and so the published PPO runs, by
        sqrt(v / (1 - beta2^t)) + epsilon / sqrt(1 - beta2^t): arXiv:1412.6980, the note below algorithm 1.
        """
        epsilon = self.settings.epsilon
        if self.settings.epsilon_style == "tensorflow":
            epsilon /= math.sqrt(1 - self.settings.beta2 ** (self.moments + 1))
        for group in self.optimiser.param_groups:
            group["lr"], group["eps"] = rate * group["factor"], epsilon

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Everything that the next update depends on: (tensors, counters)."""
        tensors = {f"parameter/{name}": parameter.detach() for name, parameter in self.parameters.items()}
        for name, parameter in self.parameters.items():
            moments = self.optimiser.state.get(parameter, {})
            tensors |= {f"{moment}/{name}": value for moment, value in moments.items()}
        counters: dict[str, float] = {
            "updates": self.updates,
            "moments": self.moments,
            "skipped_in_a_row": self.skipped_in_a_row,
        }
        return tensors, counters

    def _check_same(self, tensors: Mapping[str, Tensor]) -> None:
        kept = {name.removeprefix("parameter/") for name in tensors if name.startswith("parameter/")}
        different = sorted(kept ^ self.parameters.keys()) or [
            name for name, p in self.parameters.items() if tensors[f"parameter/{name}"].shape != p.shape
        ]
        if different:
            raise UserError(
                f"the checkpoint is of another model, or of other adapters: {len(different)} parameters are "
                f"not the same, the first is {different[0]}"
            )

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        """Go back to a `state`.

        Raises:
            UserError: it is that of another model.
        """
        self._check_same(tensors)
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors[f"parameter/{name}"])
            moments = {key.split("/", 1)[0]: key for key in tensors if key.endswith(f"/{name}")}
            moments.pop("parameter")
            self.optimiser.state[parameter] = {
                moment: tensors[key].clone().to("cpu" if moment == "step" else parameter.device)
                for moment, key in moments.items()
            }
        self.updates = int(counters["updates"])
        self.moments = int(counters["moments"])
        self.skipped_in_a_row = int(counters["skipped_in_a_row"])


def _groups(
    parameters: Mapping[str, nn.Parameter], weight_decay: float, factors: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Parameters that have a rate and a decay in common; biases and norms have no decay."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        key = factors.get(name.split(".")[0], 1.0), parameter.ndim >= 2
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": members, "factor": factor, "weight_decay": weight_decay if is_matrix else 0.0}
        for (factor, is_matrix), members in groups.items()
    ]


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
