"""What every loading of a folder or hub id has in common: one error, no chatter, and all weights there."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from safetensors import SafetensorError
from transformers import AutoModel, PreTrainedModel
from transformers.utils import logging

from assent.errors import UserError


@contextmanager
def readable(what: str, of: str = "") -> Iterator[None]:
    """What transformers and safetensors cannot read inside is a user's mistake, named once: `model x`."""
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        reason = reason.rstrip(".")
        raise UserError(
            f"{what}: cannot be loaded: {reason}. Expected a folder with config.json, *.safetensors and a "
            f"tokenizer{of}, or a hub id that this machine can reach.{_of_pickles(reason)}"
        ) from error


def _of_pickles(reason: str) -> str:
    """What to do where the weights may be there, and not as safetensors."""
    if "safetensors" not in reason:
        return ""
    return (
        " If its weights are a pytorch_model.bin, give `weights: torch` beside `model`: its tensors, and "
        "nothing else of it, are then read in a process of their own."
    )


@contextmanager
def quiet() -> Iterator[None]:
    """transformers tells of heads left out or begun at random, as is meant; what is not is checked here."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()  # ours tells of whole stages
    try:
        yield
    finally:
        logging.set_verbosity(level)


def headless(source: str) -> PreTrainedModel:
    """The trunk in a folder, whatever head lies there. The pooler goes too: nothing here reads it.

    Raises:
        ValueError: the folder lacks weights that its config.json names.
    """
    with quiet():
        network, told = AutoModel.from_pretrained(
            source, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    missing = sorted(name for name in told["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ValueError(
            f"its weights lack {missing[0]} and {len(missing) - 1} more that its config.json names"
        )
    if getattr(network, "pooler", None) is not None:
        network.pooler = None
    return network
