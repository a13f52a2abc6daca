"""The loop of pretraining and of fine-tuning: predict the next token, count the tokens that matter."""

from collections.abc import Callable, Mapping, Sequence

import torch

from assent.batch import LanguageBatch
from assent.models.language_model import LanguageModel
from assent.training.checkpoint import Checkpoint, seed_of
from assent.training.learner import Learner, Terms, evaluated

Log = Callable[[int, Mapping[str, float]], None]


def train_language(  # noqa: PLR0913 - the loop's parts, each used once
    model: LanguageModel,
    batches: Callable[[int], LanguageBatch],
    learner: Learner,
    checkpoint: Checkpoint,
    steps: int,
    log: Log,
    *,
    held_out: Sequence[LanguageBatch] = (),
    evaluate_every: int = 0,
    seed: int = 0,
) -> None:
    """Make `steps` updates; step t learns from `batches(t)`."""

    def terms(batch: LanguageBatch) -> Terms:
        return language_terms(model, batch)

    for step in checkpoint.remaining(steps):
        torch.manual_seed(seed_of(seed, step))  # dropout
        model.train()
        batch = batches(step).to(model.device)
        stats = learner.step(batch, terms) | {"tokens": float(batch.loss_mask.sum())}
        if held_out and (step + 1 == steps or (evaluate_every and (step + 1) % evaluate_every == 0)):
            model.eval()
            stats["held_out_loss"] = evaluated((batch.to(model.device) for batch in held_out), terms)["loss"]
        log(step, stats)


def language_terms(model: LanguageModel, batch: LanguageBatch) -> Terms:
    """-log p of every response token, in nats."""
    logprobs, _ = model.logprobs(batch.prompts, batch.responses)
    return -logprobs, {}
