"""Encoders, BERT and its kin: they read a prompt and its answer at once, and can only be scored."""

from contextlib import nullcontext
from typing import Any

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from assent.batch import Tokens
from assent.models.families import padded_right, positions
from assent.models.recomputation import Recomputation


class TextEncoder(nn.Module):
    """A network that reads (prompt, response) as one pair, each of whose tokens sees all others.

    It has no prefix states: those of the first tokens know the last. So it can be a reward, not a policy.
    The prompts end with what the tokenizer puts between two texts, the responses with what closes a pair.

    With LoRA, `adapters` wraps `network`, whose layers then carry the adapters; without, it is None.
    """

    def __init__(self, network: PreTrainedModel, adapters: PeftModel | None = None):
        super().__init__()
        self.network = network
        self.adapters = adapters
        self.recomputation = Recomputation()
        config: Any = network.config
        self._has_segments = (getattr(config, "type_vocab_size", None) or 0) > 1
        embeddings: Any = getattr(network, "embeddings", None)
        # RoBERTa counts positions from its padding's id on, and by that id unless it is told them.
        counts_by_id = hasattr(embeddings, "create_position_ids_from_input_ids")
        self._first_position = int(embeddings.padding_idx) + 1 if counts_by_id else 0
        for module in network.modules():  # masks tell what pads, as in LanguageModel
            if isinstance(module, nn.Embedding):
                module.padding_idx = None

    @property
    def width(self) -> int:
        return self.network.config.hidden_size

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def context(self) -> int | None:
        """The most positions that the network can tell apart; None where it sets no limit."""
        limit = getattr(self.network.config, "max_position_embeddings", None)
        return None if limit is None else limit - self._first_position

    def final_state(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch width"]:
        """The state of the pair's first token.

        That token stands for the whole in pretraining, where a family has a task for it, and it is the state
        that transformers' own classifiers of BERT, RoBERTa, DistilBERT, DeBERTa, ELECTRA and ModernBERT read.
        """
        joined = [torch.cat(both, dim=1) for both in zip(_tensors(prompts), _tensors(responses), strict=True)]
        pairs = padded_right(Tokens(*joined)).right_trimmed()
        with self.recomputation.on() if torch.is_grad_enabled() else nullcontext():
            return self.network(**self._inputs(pairs, prompts.lengths)).last_hidden_state[:, 0]

    def _inputs(self, pairs: Tokens, prompt_lengths: Tensor) -> dict[str, Tensor]:
        """What the network's forward takes, by name. Padding has the network's own id for it."""
        pad = self.network.config.pad_token_id
        ids = pairs.ids if pad is None else pairs.ids.masked_fill(~pairs.mask, pad)
        inputs = {"input_ids": ids, "attention_mask": pairs.mask.long()}
        places = positions(pairs.mask)
        if self._has_segments:
            inputs["token_type_ids"] = (places >= prompt_lengths[:, None]).long()
        if self._first_position:
            inputs["position_ids"] = places + self._first_position
        return inputs

    def recompute(self) -> None:
        """Keep no layer's inner activations for the gradient, but compute them again: arXiv:1604.06174."""
        self.recomputation = Recomputation.of(self.network)

    def learning(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]


def _tensors(tokens: Tokens) -> tuple[Tensor, Tensor]:
    return tokens.ids, tokens.mask
