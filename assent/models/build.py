"""Models from scratch: a shape to a network with random weights."""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    T5Config,
)

from assent.config import Settings
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import SENTINELS, Template, Tokenizer


class Architecture(Settings):
    """The shape of a model to train from scratch."""

    family: Literal["gpt2", "llama", "t5"] = "gpt2"
    width: int = Field(default=256, ge=8)
    depth: int = Field(default=4, ge=1)  # layers; t5: of the encoder, and as many of the decoder
    heads: int = Field(default=4, ge=1)
    context: int = Field(default=256, ge=8)  # tokens; t5 can read more, and is pretrained on so many
    vocabulary: int = Field(default=2048, ge=257)  # at most; a small corpus may hold fewer pairs to merge
    tied: bool = True  # one matrix embeds tokens and predicts them; false: two

    @model_validator(mode="after")
    def _room_for_sentinels(self) -> "Architecture":
        least = 256 + 2 + SENTINELS  # bytes, end, pad
        if self.is_encoder_decoder and self.vocabulary < least:
            raise ValueError(
                f"vocabulary: {self.family} needs {least} or more: {SENTINELS} are its sentinels"
            )
        return self

    @property
    def is_encoder_decoder(self) -> bool:
        return self.family == "t5"

    @property
    def layers(self) -> int:
        return self.depth * (2 if self.is_encoder_decoder else 1)

    def parameters(self) -> float:
        """Weights in the blocks and embeddings, without biases and norms."""
        # 4 of attention and 8 of feed-forward in each family; t5's decoder attends to its encoder as well
        per_depth = (12 + 16) if self.is_encoder_decoder else 12
        rows = self.vocabulary * (1 if self.tied else 2) + (self.context if self.family == "gpt2" else 0)
        return self.depth * per_depth * self.width**2 + rows * self.width


def build(
    shape: Architecture, tokenizer: PreTrainedTokenizerFast, template: Template
) -> tuple[LanguageModel, Tokenizer]:
    """A model with random weights, and the tokenizer it will be trained with."""
    if shape.width % shape.heads:
        raise UserError(f"model: width {shape.width} is not a multiple of heads {shape.heads}")
    if shape.is_encoder_decoder:
        network = AutoModelForSeq2SeqLM.from_config(_t5(shape, tokenizer))
        if not shape.tied:
            _untie(network)
    else:
        network = AutoModelForCausalLM.from_config(_causal(shape, tokenizer))
    return LanguageModel(network), Tokenizer(tokenizer, template, shape.is_encoder_decoder)


def _causal(shape: Architecture, tokenizer: PreTrainedTokenizerFast) -> PreTrainedConfig:
    shared: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.eos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": shape.tied,
        # 0.02, the families' own default, fits a width of 2500. At a width of 128 the demo's model could not
        # copy after 1M tokens; with 0.08 it could after 600k (benchmarks/RESULTS.md).
        "initializer_range": shape.width**-0.5,
    }
    if shape.family == "gpt2":
        return GPT2Config(
            n_embd=shape.width,
            n_layer=shape.depth,
            n_head=shape.heads,
            n_positions=shape.context,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **shared,
        )
    return LlamaConfig(
        hidden_size=shape.width,
        num_hidden_layers=shape.depth,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=8 * shape.width // 3,
        max_position_embeddings=shape.context,
        **shared,
    )


def _t5(shape: Architecture, tokenizer: PreTrainedTokenizerFast) -> T5Config:
    """T5 with the gated feed-forward of its version 1.1: arXiv:2002.05202. Its own initialisation is kept.

    That follows the width. Embeddings a fifth as large, nearer to GPT-2's, learned more slowly. So did one
    matrix for both ends: T5 divides by sqrt(width) there, and with it Adam's steps (benchmarks/RESULTS.md).
    """
    shared: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": shape.tied,  # where it is false, T5 does not rescale before its head
    }
    return T5Config(
        d_model=shape.width,
        d_kv=shape.width // shape.heads,
        d_ff=8 * shape.width // 3,
        num_layers=shape.depth,
        num_heads=shape.heads,
        feed_forward_proj="gated-gelu",
        # Near distances have a bucket each, farther ones share: none lies beyond the longest that occurs.
        relative_attention_max_distance=max(32, min(128, shape.context)),
        dropout_rate=0.0,
        **shared,
    )


def _untie(network: Any) -> None:
    """Give T5 a matrix of its own to predict with: transformers 5 ties the two whatever the config says."""
    weight = torch.empty_like(network.shared.weight)
    # As T5 1.1 (google-research/t5x): the logits begin with deviation 1. That of the embeddings would be
    # sqrt(width) times as much.
    torch.nn.init.normal_(weight, std=network.config.d_model**-0.5)
    network.lm_head.weight = torch.nn.Parameter(weight)
    network.config.tie_word_embeddings = False
