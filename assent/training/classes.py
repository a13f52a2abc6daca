"""Fit a text classifier to people's labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assent.batch import Batch, Tokens
from assent.functional.classification import one_label_loss, predicted, several_labels_loss
from assent.models.classifier import Classifier
from assent.training.checkpoint import Checkpoint, seed_of
from assent.training.learner import Learner, Terms, evaluated


@dataclass(frozen=True)
class LabelledBatch(Batch):
    """Texts, and which labels each has."""

    texts: Tokens  # padded on the right
    targets: Float[Tensor, "batch label"]  # 1 or 0

    @property
    def loss_mask(self) -> Bool[Tensor, " batch"]:
        return torch.ones_like(self.targets[:, 0], dtype=torch.bool)

    def trimmed(self) -> "LabelledBatch":
        return LabelledBatch(self.texts.right_trimmed(), self.targets)


def train_classifier(  # noqa: PLR0913 - the loop's parts, each used once
    model: Classifier,
    batches: Callable[[int], LabelledBatch],
    learner: Learner,
    checkpoint: Checkpoint,
    steps: int,
    log: Callable[[int, Mapping[str, float]], None],
    *,
    weights: Float[Tensor, " label"],
    held_out: Sequence[LabelledBatch] = (),
    evaluate_every: int = 0,
    seed: int = 0,
) -> None:
    """Make `steps` updates; step t learns from `batches(t)`. `weights` are the labels'."""

    def terms(batch: LabelledBatch) -> Terms:
        return label_terms(model, batch, weights.to(batch.targets.device))

    for step in checkpoint.remaining(steps):
        torch.manual_seed(seed_of(seed, step))  # dropout
        model.train()
        stats = learner.step(batches(step).to(model.device), terms)
        if held_out and (step + 1 == steps or (evaluate_every and (step + 1) % evaluate_every == 0)):
            model.eval()
            unseen = evaluated((batch.to(model.device) for batch in held_out), terms)
            stats |= {f"held_out_{name}": value for name, value in unseen.items()}
        log(step, stats)


def label_terms(model: Classifier, batch: LabelledBatch, weights: Float[Tensor, " label"]) -> Terms:
    """The loss of every text, and whether it got exactly the labels that people gave it."""
    several = model.kind == "several"
    logits = model.logits(batch.texts)
    loss = (several_labels_loss if several else one_label_loss)(logits, batch.targets, weights)
    right = (predicted(logits.detach(), several) == batch.targets.bool()).all(dim=1)
    return loss, {"accuracy": right.float()}


@torch.no_grad()
def label_logits(model: Classifier, batches: Sequence[LabelledBatch]) -> Float[Tensor, "text label"]:
    """The logits of all texts, without dropout."""
    model.eval()
    return torch.cat([model.logits(batch.texts.to(model.device)).cpu() for batch in batches])
