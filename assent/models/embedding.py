"""Sentence embeddings: the mean of a text model's last states over the real tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from transformers import AutoTokenizer, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from assent.models.reading import headless, readable


class SentenceEmbedding:
    """Text -> a vector: the mean of the last layer over all tokens that are not padding.

    This is the mean pooling of arXiv:1908.10084; the tokenizer's own special tokens count as real, as there.
    A text longer than the model's context is cut at its end.

    Args:
        rows: texts that are read at once.
    """

    def __init__(self, network: PreTrainedModel, tokenizer: Any, rows: int = 32):
        self.network, self.tokenizer, self.rows = network.requires_grad_(False).eval(), tokenizer, rows
        self.reader: Any = network.get_encoder() if network.config.is_encoder_decoder else network
        self.context = context_of(network, tokenizer)

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "text width"]:
        """float32; texts of like length are read together."""
        order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index]))
        found = np.zeros((len(texts), self.network.config.hidden_size), dtype=np.float32)
        for start in range(0, len(order), self.rows):
            rows = order[start : start + self.rows]
            found[rows] = self._embed([texts[row] for row in rows]).cpu().numpy()
        return found

    def _embed(self, texts: list[str]) -> Float[torch.Tensor, "text width"]:
        """A text without any token has the vector 0."""
        tokens = self.tokenizer(
            texts,
            padding=True,
            truncation=self.context is not None,
            max_length=self.context,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        ids, mask = (tokens[name].to(self.network.device) for name in ("input_ids", "attention_mask"))
        if ids.shape[1] == 0:
            return torch.zeros(len(texts), self.network.config.hidden_size)
        states = self.reader(input_ids=ids.long(), attention_mask=mask.long()).last_hidden_state
        real = mask.unsqueeze(-1).to(states.dtype)
        return (states * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def cut(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than the context, and lose their end."""
        if self.context is None:
            return 0
        return sum(len(self.tokenizer(text, verbose=False)["input_ids"]) > self.context for text in texts)

    def save(self, folder: Path) -> None:
        """A folder that `load_embedding`, and transformers, read back."""
        disable_progress_bar()
        self.network.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def context_of(network: PreTrainedModel, tokenizer: Any) -> int | None:
    """The longest text in tokens, special ones among them; None where positions have no end."""
    config: Any = network.config
    positions = getattr(config, "max_position_embeddings", None)
    embeddings: Any = getattr(getattr(network, "embeddings", None), "position_embeddings", None)
    first = getattr(embeddings, "padding_idx", None)
    if positions is not None and first is not None:
        positions -= first + 1  # RoBERTa counts its positions from there
    limits = [positions] if positions is not None else []
    if tokenizer.model_max_length < 10**9:  # transformers writes 10^30 for "not known"
        limits.append(tokenizer.model_max_length)
    return min(limits) if limits else None


def load_embedding(source: str) -> SentenceEmbedding:
    """The encoder in a folder or under a hub id; of an encoder-decoder its encoder.

    Raises:
        UserError: nothing there that transformers and safetensors can read.
    """
    with readable(f"embedding {source}"):
        network = headless(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return SentenceEmbedding(network, tokenizer)
